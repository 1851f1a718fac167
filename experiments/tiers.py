"""How scarce things are in a problem: three tiers of scenarios for each, by name.

*calm* is the scenario that the problem is made for. In *tight* a limit binds now and then, in *scarce*
several do all the time, and who is blind to them loses. Each is a named scenario that extends the calm one;
its description says in a line what is scarce (`python -m experiments scenarios`).
"""

from collections.abc import Mapping

from envs.episodes import known_as, scenario_of
from sandbox.errors import SandboxError, unknown_name
from sandbox.scenario import Scenario

CALM, TIGHT, SCARCE = TIERS = ("calm", "tight", "scarce")
PROBLEMS: Mapping[str, Mapping[str, str]] = {
    problem: {CALM: name, TIGHT: f"{name}_{TIGHT}", SCARCE: f"{name}_{SCARCE}"}
    for problem, name in (
        ("tasking_v0", "scs01"),
        ("offloading_v0", "relay_40"),
        ("avoidance_v0", "crossing_12"),
        ("autonomy_v0", "disaster_response"),
        ("operations_v0", "operations_24"),
    )
}
"""By problem and tier, the name of the scenario."""
HOURS: Mapping[str, float] = {
    "tasking_v0": 12.0,
    "offloading_v0": 1.0,
    "avoidance_v0": 48.0,
    "autonomy_v0": 4.0,
    "operations_v0": 4.0,
}
LONGER: Mapping[tuple[str, str], float] = {("offloading_v0", SCARCE): 2.0}
"""Hours of a tier that takes longer than others of its problem: a revolution and a shadow are in it."""


def tier_scenario(problem: str, tier: str) -> Scenario:
    """The scenario of a tier of a problem. Raises SandboxError for a problem or a tier that is unknown."""
    problem = _known(problem, tier)
    return scenario_of(problem, PROBLEMS[problem][tier])


def tier_hours(problem: str, tier: str) -> float:
    """Hours of an episode in a tier where none are named, so many that what is scarce there binds.

    Raises SandboxError for a problem or a tier that is unknown.
    """
    problem = _known(problem, tier)
    return LONGER.get((problem, tier), HOURS[problem])


def _known(problem: str, tier: str) -> str:
    problem = known_as(problem)
    if problem not in PROBLEMS:
        raise SandboxError(f"{problem} has no tiers; those that have: {', '.join(PROBLEMS)}.")
    if tier not in TIERS:
        raise unknown_name("tier", tier, TIERS)
    return problem
