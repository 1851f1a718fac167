"""What a training does where nothing else is said: the one table of defaults, by problem and tier.

`python -m experiments train --problem P --tier T --minutes M` takes them all. Each was tried on training
seeds and seeds from 900,000 on, never on those that the benchmark judges by. A training in a scenario that is
named takes what is under `ANY`.
"""

from collections.abc import Mapping
from typing import Any

from experiments.tiers import CALM, PROBLEMS, SCARCE, TIGHT, tier_hours

SEQUENCE = 16
"""Rounds through which a memory is learned."""
BETTER = "better"
"""To be played: the likeliest action, or one drawn, whichever earns more on those seeds."""
BEST = "best"
"""To be cloned: the heuristic that earns most on the seeds that a training is watched on."""
ANY: Mapping[str, Any] = {
    "hours": None,
    "draws": 0,
    "practice": (),
    "practice_option": (),
    "worlds": 16,
    "clone": None,
    "clone_steps": 200_000,
    "rate": 1e-3,
    "halving": 0.0,
    "epochs": 2,
    "share": 0.5,
    "rollout": 128,
    "twins": 1,
    "horizon": "infinite",
    "gamma": 0.995,
    "lam": 0.95,
    "entropy": 0.005,
    "target_kl": 0.01,
    "warm": 4,
    "team_share": 0.0,
    "anchor": 0.0,
    "mode": BETTER,
    "evaluate": 250_000,
    "evaluate_worlds": 8,
}
"""By option of `train`."""
OF_TIERS: Mapping[str, Any] = {
    "clone": BEST,
    "gamma": 0.999,
    "entropy": 0.002,
    "target_kl": 0.003,
    "warm": 12,
    "rate": 2e-4,
    "halving": 3e6,
    "anchor": 0.05,
    "evaluate": 2_000_000,
    "evaluate_worlds": 16,
}
"""Of every problem, in its tiers: hours pass between a deed and what it costs."""
OF_PROBLEMS: Mapping[str, Mapping[str, Any]] = {
    "tasking_v0": {"worlds": 24, "team_share": 0.7, "entropy": 0.0},
    "offloading_v0": {"worlds": 8, "team_share": 0.3, "gamma": 0.995, "warm": 8, "rate": 3e-4},
    "avoidance_v0": {
        "worlds": 48,
        "gamma": 0.998,
        "entropy": 0.0,
        "rate": 1.5e-4,
        "target_kl": 0.002,
        "evaluate": 3_000_000,
        "evaluate_worlds": 128,
        "clone_steps": 1_000_000,
        "mode": "sample",  # the likeliest action in each round is to wait, until it is too late
    },
    "autonomy_v0": {"worlds": 8, "team_share": 0.5},
    "operations_v0": {"worlds": 8, "team_share": 0.5},
}
_RISKS = ("loss_penalty=40", "risk_price=200")
# Hits fifty times as frequent and a loss at a twenty-fifth cost twice as much in the mean, and so evenly that
# a greater rate can follow it. Where fuel is scarce so many would use it up.
_OFTEN: Mapping[str, Any] = {
    "practice": ("encounters.hit_share=0.2",),
    "practice_option": ("loss_penalty=4", "risk_price=100"),
    "rate": 4e-4,
    "halving": 1e7,
}
OF_CASES: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("tasking_v0", CALM): {"draws": 7, "worlds": 5},
    ("tasking_v0", TIGHT): {"draws": 7, "worlds": 5},
    ("tasking_v0", SCARCE): {"draws": 31, "worlds": 1, "clone_steps": 1_000_000, "horizon": "finite"},
    ("offloading_v0", TIGHT): {"draws": 5, "worlds": 2},
    ("offloading_v0", SCARCE): {"draws": 11, "worlds": 1},
    ("avoidance_v0", CALM): {"practice": ("encounters.staged_per_day=3",), "practice_option": _RISKS},
    ("avoidance_v0", TIGHT): _OFTEN,
    ("avoidance_v0", SCARCE): {"practice": ("encounters.hit_share=0.01",), "practice_option": _RISKS},
}
"""By problem and tier, what differs again. Who images or hands jobs over in one constellation knows that
one only: others are drawn. Collisions are too rare to be learned from: in practice they are three to fifty
times as frequent, a loss costs less, and the chance of one is paid for whenever it was taken."""


def recipe(problem: str, tier: str | None = None) -> dict[str, Any]:
    """The defaults of `train`, by option: those of a tier of a problem, or those of `ANY`."""
    if tier is None or problem not in PROBLEMS:
        return dict(ANY)
    own = {**OF_PROBLEMS[problem], **OF_CASES.get((problem, tier), {})}
    return {**ANY, **OF_TIERS, "hours": tier_hours(problem, tier), **own}
