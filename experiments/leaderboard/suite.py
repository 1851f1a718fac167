"""What the benchmark plays, and on which seeds: fixed here, and told apart from what is trained on.

Seeds of the benchmark are `FIRST_SEED` and those after it, below a million: training begins at
`training.splits.FIRST_TRAINING_SEED`, and whoever tunes a policy by hand takes seeds below `FIRST_SEED`.
Of the constellations, those whose split is `KNOWN` may be trained on, with other seeds; those that are
`HELD_OUT` may not be looked at before a policy is final.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from envs.episodes import HOUR, rounds_in
from experiments.training import splits
from sandbox.errors import unknown_name
from sandbox.scenario import Scenario, load_scenario, scenario_names

FIRST_SEED, LAST_SEED = 910_000, splits.FIRST_TRAINING_SEED - 1
KNOWN, HELD_OUT, OWN = "known", "held out", "own"
"""Constellations that may be trained on, those that may not, and those that the user brings."""

SHELLS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    name: shell for name, shell in splits.HELD_OUT.items() if shell[1]
}
"""Constellations made from named scenarios, held out: (scenario, fields replaced)."""


class Case(NamedTuple):
    """A problem in a scenario, for so many hours."""

    problem: str
    scenario: str
    hours: float
    split: str


class Suite(NamedTuple):
    """Cases, and how many seeds of each."""

    cases: tuple[Case, ...]
    seeds: int


SUITES = {
    "small": Suite(
        (
            Case("tasking_v0", "scs01", 6.0, KNOWN),
            Case("tasking_v0", "walker_24", 6.0, HELD_OUT),
            Case("offloading_v0", "relay_40", 1.0, KNOWN),
            Case("avoidance_v0", "crossing_12", 48.0, KNOWN),
            Case("autonomy_v0", "disaster_response", 4.0, KNOWN),
        ),
        seeds=6,
    ),
    "full": Suite(
        (
            Case("tasking_v0", "pair", 2.0, KNOWN),
            Case("tasking_v0", "scs01", 24.0, KNOWN),
            Case("tasking_v0", "walker_24", 24.0, HELD_OUT),
            Case("tasking_v0", "delta_40_70", 24.0, HELD_OUT),
            Case("tasking_v0", "star_18_86", 24.0, HELD_OUT),
            Case("offloading_v0", "relay_40", 3.0, KNOWN),
            Case("offloading_v0", "relay_28", 3.0, HELD_OUT),
            Case("avoidance_v0", "crossing_12", 48.0, KNOWN),
            Case("avoidance_v0", "crossing_18", 48.0, HELD_OUT),
            Case("autonomy_v0", "disaster_response", 12.0, KNOWN),
            Case("autonomy_v0", "disaster_20", 12.0, HELD_OUT),
        ),
        seeds=16,
    ),
    "operations": Suite(  # apart: it has no planner, and who plays the others need not read
        (
            Case("operations_v0", "operations_24", 4.0, KNOWN),
            Case("operations_v0", "operations_24_heldout", 4.0, HELD_OUT),
            Case("operations_v0", "operations_24_tight", 4.0, KNOWN),
            Case("operations_v0", "operations_24_scarce", 4.0, KNOWN),
        ),
        seeds=16,
    ),
}


@dataclass(frozen=True)
class Task:
    """A case with its scenario loaded; `case.hours` are whole rounds. The case alone tells tasks apart."""

    case: Case
    scenario: Scenario = field(compare=False)


def make_task(case: Case, hours: float | None = None) -> Task:
    """The task of `case`, for other `hours` if given. Raises SandboxError for what there is not."""
    scenario = _scenario(case.scenario)
    rounds = rounds_in(case.hours if hours is None else hours, scenario)
    return Task(case._replace(hours=rounds * scenario.round_s / HOUR), scenario)


def case_of(problem: str, scenario: str) -> Case:
    """The case of a scenario by name or file that a suite need not hold, for the hours of its own."""
    split = next((c.split for s in SUITES.values() for c in s.cases if c[:2] == (problem, scenario)), OWN)
    return Case(problem, scenario, _scenario(scenario).horizon_h, split)


def _scenario(name: str) -> Scenario:
    if name in SHELLS:
        return load_scenario(*SHELLS[name])
    if "/" not in name and "." not in name and name not in scenario_names():
        raise unknown_name("scenario", name, [*scenario_names(), *SHELLS])
    return load_scenario(name)
