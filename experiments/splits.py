"""What the nano is trained on and what it is judged on, told apart for good.

Held out are all seeds below `FIRST_TRAINING_SEED`, and the constellations of `HELD_OUT` that are not shipped
under their name; `walker_24` too. Training scenarios are drawn by `experiments.draws`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from experiments.draws import draw_avoidance, draw_offloading, draw_tasking
from sandbox.scenario import Scenario, load_scenario

FIRST_TRAINING_SEED = 1_000_000
"""Seeds of training episodes begin here; whoever plays with a smaller one plays what was never trained on."""
DRAWS = {"tasking_v0": draw_tasking, "offloading_v0": draw_offloading, "avoidance_v0": draw_avoidance}
"""By problem, what draws a training scenario."""


def _shell(name: str, total: int, planes: int, altitude: int, inclination: float) -> dict[str, Any]:
    """A group of computing satellites: a Walker star where it crosses the poles, else a delta."""
    walker = {"pattern": "star" if inclination > 80.0 else "delta", "total": total, "planes": planes}
    walker |= {"phasing": 1, "altitude_km": altitude, "inclination_deg": inclination}
    return {"name": name, "spacecraft": "computing_satellite", "walker": walker}


Changed = tuple[str, Mapping[str, Any]]
HELD_OUT: Mapping[str, Mapping[str, Changed]] = {
    "tasking_v0": {
        "scs01": ("scs01", {}),
        "walker_24": ("walker_24", {}),
        "delta_40_70": (
            "walker_24",
            {"name": "delta_40_70", "fleet.0": _shell("Walker", 40, 5, 720, 70)},
        ),
        "star_18_86": (
            "scs01",
            {"name": "star_18_86", "fleet.0": _shell("Star", 18, 3, 1000, 86.4)},
        ),
    },
    "offloading_v0": {
        "relay_40": ("relay_40", {}),
        "relay_30_35": (
            "relay_40",
            {
                "name": "relay_30_35",
                "fleet.0": _shell("Inference", 30, 5, 560, 35),
            },
        ),
    },
    "avoidance_v0": {
        "crossing_12": ("crossing_12", {}),
        "crossing_16_74": (
            "crossing_12",
            {
                "name": "crossing_16_74",
                "fleet.0": _shell("Shell", 16, 4, 780, 74),
                "threats.hit_share": 0.1,
                "threats.growth_m_day15": 250,
                "threats.update_h": 6,
                "threats.slot_km": 5,
            },
        ),
    },
}
"""By problem, name: (scenario, fields replaced). `scs01`, `relay_40` and `crossing_12` are known from
training, their held-out seeds are not."""


def held_out(problem: str, name: str, hours: float | None = None) -> Scenario:
    """The held-out scenario of `problem` called `name`."""
    base, changes = HELD_OUT[problem][name]
    return load_scenario(base, dict(changes) | ({} if hours is None else {"horizon_h": hours}))


def training_scenarios(problem: str, seed: int) -> Iterator[Scenario]:
    """Endless training scenarios of `problem`; the same seed gives the same ones."""
    rng = np.random.default_rng(FIRST_TRAINING_SEED + seed)
    while True:
        yield DRAWS[problem](rng)
