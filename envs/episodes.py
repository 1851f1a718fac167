"""Decision problems by name or as `module:Class`; none is imported before it is wanted."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

import envs
from envs.batch import BatchEnv
from envs.deliberation import deliberating
from envs.faces import faces_of
from envs.options import unknown_option
from envs.problem import Problem
from envs.registry import find
from sandbox.errors import SandboxError
from sandbox.faults import strikes
from sandbox.scenario import Scenario, load_scenario

HOUR = 3600.0
CANDIDATES = "candidates"


def env_names() -> list[str]:
    """The decision problems that have a name."""
    return sorted(envs.names())


def known_as(problem: str | type[Problem]) -> str:
    """What a problem is called in results and commands: its name if it is registered, else `module:Class`.

    Raises SandboxError for what is no problem.
    """
    kind = find(problem)
    if kind.name in envs.names() and find(kind.name) is kind:
        return kind.name
    return f"{kind.__module__}:{kind.__qualname__}"


def scenario_of(problem: str, scenario: Any = None, changes: Any = None) -> Scenario:
    """The scenario that is given, with `changes`, or else the one that the problem is made for."""
    return load_scenario(find(problem).scenario if scenario is None else scenario, changes)


def make_env(
    problem: str | type[Problem],
    scenario: Scenario,
    hours: float | None = None,
    worlds: int = 1,
    *,
    thinking: bool = False,
    **options: Any,
) -> BatchEnv:
    """The batch face of a problem, without autoreset, for episodes of `hours` (the scenario's).

    With `thinking` it charges for thought. `candidates` is left out where a problem shows no candidates.
    """
    kind = find(problem)
    cycles = None if hours is None else rounds_in(hours, scenario)
    batch_env = faces_of(kind).batch_env
    taken = signature(batch_env).parameters
    for option in options:
        if option not in taken and option != CANDIDATES:
            raise unknown_option(kind.name, option, taken)
    options = {option: value for option, value in options.items() if option in taken}
    batch = batch_env(scenario, worlds, max_cycles=cycles, autoreset=False, **options)
    return deliberating(batch) if thinking else batch


def checked_options(problem: str | type[Problem], options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Options of a problem, as a command takes them. Raises SandboxError for what is none of its own."""
    kind, given = find(problem), dict(options or {})
    for name in given:
        if name in kind.options() and name != CANDIDATES:
            continue
        if name in _OTHERWISE:
            raise SandboxError(f"{name} is no option of {kind.name}: {_OTHERWISE[name]}.")
        raise unknown_option(kind.name, name, [n for n in kind.options() if n != CANDIDATES])
    return given


_OTHERWISE = {
    CANDIDATES: "a command has its own --candidates for it",
    "questions": "in a command nobody asks from outside, and robots=N has room for the questions of its "
    "robots; envs.make(..., questions=N) lets a program ask",
    "difference_reward": "it changes who is paid, and nothing of the problem; `train` has --difference for "
    "it, a program envs.make(..., difference_reward=True)",
    "team_reward": "it changes who is paid, and nothing of the problem; `train` has --team-share for it, a "
    "program envs.make(..., team_reward=True)",
    "max_cycles": "a command has --hours for it",
}
"""What one may take for options of a problem, and how it is had."""


def left_out(env: BatchEnv) -> str:
    """A sentence where the scenario breaks or silences things, and the problem has none of it; else ""."""
    scenario = env.world.scenario
    if env.world.faults is not None or not strikes(scenario):
        return ""
    return (
        f"In {env.problem.name} nothing breaks: faults and silent stations of {scenario.name} are left out."
    )


def rounds_in(hours: float, scenario: Scenario) -> int:
    """Decision rounds in `hours`. Raises SandboxError where that is less than one or beyond a year."""
    shortest, longest = scenario.round_s / HOUR, 24.0 * 366
    if not shortest <= hours <= longest:
        raise SandboxError(
            f"hours = {hours:g}; give at least one round of {scenario.round_s:g} s ({shortest:.3g} h) "
            f"and at most a year ({longest:g} h)."
        )
    return round(hours * HOUR / scenario.round_s)
