"""Environments by name, without importing any before it is wanted."""

import re
from importlib import import_module
from inspect import signature
from pkgutil import iter_modules
from typing import Any

import envs
from envs.batch import BatchEnv
from envs.deliberation import deliberating
from sandbox.errors import SandboxError, unknown_name
from sandbox.scenario import Scenario

HOUR = 3600.0
CANDIDATES = "candidates"


def env_names() -> list[str]:
    """The decision problems: the modules of `envs` whose names end in a version."""
    return sorted(module.name for module in iter_modules(envs.__path__) if re.search(r"_v\d+$", module.name))


def make_env(
    name: str,
    scenario: Scenario,
    hours: float | None = None,
    worlds: int = 1,
    *,
    thinking: bool = False,
    **options: Any,
) -> BatchEnv:
    """The batch face of problem `name`, without autoreset, for episodes of `hours` (the scenario's).

    With `thinking` it charges for thought. `candidates` is left out where a problem shows no candidates.
    """
    if name not in env_names():
        raise unknown_name("environment", name, env_names())
    cycles = None if hours is None else rounds_in(hours, scenario)
    module = import_module(f"envs.{name}")
    taken = signature(module.batch_env).parameters
    for option in options:
        if option not in taken and option != CANDIDATES:
            raise unknown_name(f"option of {name}", option, taken)
    options = {option: value for option, value in options.items() if option in taken}
    batch = module.batch_env(scenario, worlds, max_cycles=cycles, autoreset=False, **options)
    return deliberating(batch) if thinking else batch


def rounds_in(hours: float, scenario: Scenario) -> int:
    """Decision rounds in `hours`. Raises SandboxError where that is less than one or beyond a year."""
    shortest, longest = scenario.round_s / HOUR, 24.0 * 366
    if not shortest <= hours <= longest:
        raise SandboxError(
            f"hours = {hours:g}; give at least one round of {scenario.round_s:g} s ({shortest:.3g} h) "
            f"and at most a year ({longest:g} h)."
        )
    return round(hours * HOUR / scenario.round_s)
