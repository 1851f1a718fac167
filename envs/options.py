"""Checks of a problem's options."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sandbox.errors import SandboxError, shown, unknown_name


def needs(option: str, without: str, given: Mapping[str, tuple[Any, Any]]) -> None:
    """Raises SandboxError where an option is set that does nothing without `option`.

    `given` is by name what an option is and what it is by default; `without` says how `option` is given.
    """
    for name, (value, usual) in given.items():
        if value is not usual and value != usual:
            raise SandboxError(
                f"{name} = {shown(value)} does nothing without {option}; add {without}, or leave {name} out."
            )


def unknown_option(problem: str, name: str, known: Iterable[str]) -> SandboxError:
    """The error for an option that `problem` has not: which problems have it, or which names are near."""
    from envs.registry import find, names

    homes = [other for other in names() if name in find(other).options()]
    if not homes:
        return unknown_name(f"option of {problem}", name, known)
    return SandboxError(
        f"{name} is an option of {', '.join(homes)}, not of {problem}; leave it out, or choose another "
        "problem."
    )


def whole_count(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """`value` as a count. Raises SandboxError unless it is a whole number of at least `least`, at most
    `most`."""
    if not (isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least):
        raise SandboxError(f"{name} = {shown(value)}; give a whole number of at least {least}.")
    if most is not None and value > most:
        raise SandboxError(f"{name} = {shown(value)}; give at most {most}.")
    return int(value)


def checked_price(name: str, value: Any) -> float:
    """`value` as a price. Raises SandboxError unless it is a finite number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not math.isfinite(value):
        raise SandboxError(f"{name} = {shown(value)}; give a finite number.")
    if value < 0:
        raise SandboxError(f"{name} = {shown(value)}; give at least 0.")
    return float(value)
