"""What the nano is trained on and what it is judged on, told apart for good.

Held out are all seeds below `FIRST_TRAINING_SEED`, and the constellations of `HELD_OUT` that are not shipped
under their name; `walker_24` too. Training scenarios are drawn by `experiments.training.scenario_samplers`.
"""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import numpy as np

from experiments.tiers import CALM, PROBLEMS, tier_hours, tier_scenario
from experiments.training.scenario_samplers import (
    draw_autonomy,
    draw_avoidance,
    draw_offloading,
    draw_tasking,
)
from sandbox.errors import SandboxError
from sandbox.scenario import Scenario, load_scenario

FIRST_TRAINING_SEED = 1_000_000
"""Seeds of training episodes begin here; whoever plays with a smaller one plays what was never trained on."""
DRAWS = {
    "tasking_v0": draw_tasking,
    "offloading_v0": draw_offloading,
    "avoidance_v0": draw_avoidance,
    "autonomy_v0": draw_autonomy,
}
"""By problem, what draws a training scenario."""


def _shell(name: str, total: int, planes: int, altitude: int, inclination: float) -> dict[str, Any]:
    """A group of computing satellites: a Walker star where it crosses the poles, else a delta."""
    pattern = "star" if inclination > 80.0 else "delta"
    walker: dict[str, Any] = {"pattern": pattern, "total": total, "planes": planes, "phasing": 1}
    walker |= {"altitude_km": altitude, "inclination_deg": inclination}
    return {"name": name, "spacecraft": "computing_satellite", "walker": walker}


HELD_OUT: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    **{name: (name, {}) for problem in DRAWS for name in PROBLEMS[problem].values()},
    "walker_24": ("walker_24", {}),
    "delta_40_70": ("walker_24", {"name": "delta_40_70", "fleet.0": _shell("Walker", 40, 5, 720, 70)}),
    "star_18_86": ("scs01", {"name": "star_18_86", "fleet.0": _shell("Star", 18, 3, 1000, 86.4)}),
    "relay_28": (
        "relay_40",
        {
            "name": "relay_28",
            "fleet.0.sun_synchronous": {"total": 24, "altitude_km": 700, "local_time_h": [9.0, 9.5]},
            "fleet.1.sun_synchronous": {"total": 4, "altitude_km": 1000, "local_time_h": [9.0]},
        },
    ),
    "crossing_18": ("crossing_12", {"name": "crossing_18", "fleet.0": _shell("Shell", 18, 3, 700, 86.4)}),
    "disaster_20": (
        "disaster_response",
        {
            "name": "disaster_20",
            "fleet.0.sun_synchronous": {"total": 18, "altitude_km": 620, "local_time_h": [14.0, 14.8]},
            "fleet.1.sun_synchronous": {"total": 2, "altitude_km": 1000, "local_time_h": [14.4]},
        },
    ),
}
"""Name: (scenario, fields replaced). The scenarios of the tiers are known from training, their held-out seeds
are not."""
OTHERS: Mapping[str, Mapping[str, float]] = {
    "tasking_v0": {"walker_24": 6.0, "delta_40_70": 6.0, "star_18_86": 6.0},
    "offloading_v0": {"relay_28": 1.0},
    "avoidance_v0": {"crossing_18": 48.0},
    "autonomy_v0": {"disaster_20": 4.0},
}
"""By problem, the held-out constellations, and for how many hours the nano is judged there."""
JUDGED: Mapping[str, Mapping[str, float]] = {
    problem: {**{name: tier_hours(problem, tier) for tier, name in PROBLEMS[problem].items()}, **others}
    for problem, others in OTHERS.items()
}
"""By problem, what the nano is judged on, and for how many hours: its tiers, and other constellations."""
RIVALS: Mapping[str, tuple[str, ...]] = {
    "tasking_v0": ("greedy", "deadline_greedy", "equinox", "phoenix"),
    "offloading_v0": ("greedy", "equinox", "phoenix", "least_loaded"),
    "avoidance_v0": ("thrifty", "threshold", "late_threshold"),
    "autonomy_v0": ("greedy", "deadline_greedy", "equinox", "phoenix"),
}
"""By problem, the shipped heuristics that it is measured against."""


def held_out(name: str, hours: float | None = None) -> Scenario:
    """The held-out scenario called `name`."""
    base, changes = HELD_OUT[name]
    return load_scenario(base, dict(changes) | ({} if hours is None else {"horizon_h": hours}))


def training_scenarios(problem: str, seed: int, tier: str = CALM) -> Iterator[Scenario]:
    """Endless training scenarios of `problem` in a tier; the same seed gives the same ones."""
    return _drawn(problem, FIRST_TRAINING_SEED + seed, tier)


def unseen_scenarios(problem: str, seed: int, tier: str = CALM) -> Iterator[Scenario]:
    """The same for tests: none that is drawn for training, whatever the seeds.

    Raises SandboxError for a seed that is not from 0 to below `FIRST_TRAINING_SEED`.
    """
    if not 0 <= seed < FIRST_TRAINING_SEED:
        raise SandboxError(f"seed = {seed}; those of tests are from 0 to {FIRST_TRAINING_SEED - 1:,}.")
    return _drawn(problem, seed, tier)


def _drawn(problem: str, seed: int, tier: str) -> Iterator[Scenario]:
    tier_scenario(problem, tier)  # an unknown one is an error now, not when the first is wanted
    rng = np.random.default_rng(seed)
    return (DRAWS[problem](rng, tier=tier) for _ in count())
