"""The numbers that conjunction mathematics takes: finite, and far from where doubles overflow."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.errors import SandboxError

LARGEST = 1e30
"""Above it no metre and no second means anything, and powers of numbers overflow."""
SHOWN = 40


def shown(value: object) -> str:
    """A value as an error message quotes it: short, whatever was given."""
    text = repr(value[: 2 * SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def array_of(name: str, values: ArrayLike, limit: float = LARGEST) -> NDArray[np.float64]:
    """`values` as float64; SandboxError with `name` unless all of them are numbers of at most `limit`."""
    try:
        array = np.asarray(values, float)
    except (TypeError, ValueError, OverflowError):
        raise SandboxError(f"{name} = {shown(values)}; give numbers.") from None
    if not (np.abs(array) <= limit).all():
        raise SandboxError(
            f"{name} holds a value that is not a finite number up to {limit:.0e}; correct it or leave it out."
        )
    return array


def number_of(name: str, value: object, least: float = -LARGEST, most: float = LARGEST) -> float:
    """`value` as a number; SandboxError with `name` unless it lies above `least` and is at most `most`."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not least < number <= most:
        raise SandboxError(f"{name} = {shown(value)}; give a number above {least:g} and of at most {most:g}.")
    return number


def state_of(name: str, state: ArrayLike) -> NDArray[np.float64]:
    """One state (6,) of position and velocity, m and m/s; SandboxError with `name` unless it is one."""
    array = array_of(name, state)
    if array.size != 6:
        raise SandboxError(f"{name} has shape {array.shape}; give one position and velocity (6,).")
    return array.reshape(6).copy()
