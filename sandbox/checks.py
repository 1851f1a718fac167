"""What a user hands over, checked before it is cast: a cast would take a whole number modulo 2**32."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.bounds import MOST_HOURS
from sandbox.compiled import entry_point, kernel
from sandbox.errors import SandboxError, shown
from sandbox.units import HOUR

_INT64, _WHOLE = np.iinfo(np.int64), np.dtype(np.int64)


def as_array(name: str, values: Any) -> NDArray:
    """`values` as an array. Raises SandboxError for what is none, such as rows of different lengths."""
    try:
        return np.asarray(values)
    except Exception as error:  # of any kind: the value brings its own conversion
        raise SandboxError(f"{name} is no array of numbers, but {shown(values)}; give one.") from error


def whole_numbers(
    name: str, values: Any, team: tuple[int, int], last: int, *, low: int = 0, agent: str = "satellite {}"
) -> NDArray[np.int32]:
    """`values` (B, N), whole numbers in [low, last] of any integer dtype, as an array of the caller's own.

    Raises SandboxError that names the world, the satellite (`agent` and its number), the value and the range.
    """
    if type(values) is np.ndarray and values.dtype is _WHOLE and values.shape == team and values.flags.carray:
        exact = values  # as it mostly is
    else:
        exact = _exact(name, values, team, low, last, agent)
    outside = _first_outside()(exact, low, last)
    if outside >= 0:
        value, whose = np.asarray(values).flat[outside], _whose(outside, team, agent)
        raise SandboxError(
            f"{whose}: {name} {value} is outside the space; give a whole number from {low} to {last}."
        )
    return exact.astype(np.int32)


def bounded_numbers(name: str, values: Any, team: tuple[int, int], last: int) -> NDArray[np.int32]:
    """As `whole_numbers`, but what is outside [0, last] becomes -1 or last + 1, whatever its size."""
    return np.clip(_exact(name, values, team, 0, last, "satellite {}"), -1, last + 1).astype(np.int32)


def _exact(
    name: str, values: Any, team: tuple[int, int], low: int, last: int, agent: str
) -> NDArray[np.int64]:
    """Whole numbers of any integer dtype as they are; those beyond int64 become its greatest."""
    found = as_array(name, values)
    if found.shape != team:
        raise SandboxError(f"{name} has shape {found.shape}; give {team}, one per satellite.")
    if found.dtype.kind not in "iu":
        wrong = next((i for i, value in enumerate(found.flat) if not _is_whole(value, low, last)), 0)
        text = shown(found.flat[wrong])
        raise SandboxError(
            f"{name} has dtype {found.dtype}; give whole numbers from {low} to {last}, "
            f"not {text} ({_whose(wrong, team, agent)})."
        )
    wide = np.minimum(found, _INT64.max) if found.dtype.str[1:] == "u8" else found
    return np.ascontiguousarray(wide, np.int64)


def whole_number(value: Any, low: int, last: int) -> int | None:
    """`value` as an int if it is one whole number in [low, last], bare or as an array of one; else None."""
    try:
        found = np.asarray(value)
    except Exception:  # of any kind, as in `as_array`
        return None
    if found.size == 1 and found.dtype.kind in "iu" and low <= found.item() <= last:
        return found.item()
    return None


def _is_whole(value: Any, low: int, last: int) -> bool:
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return whole and low <= int(value) <= last


def _whose(index: int, team: tuple[int, int], agent: str) -> str:
    b, n = divmod(index, team[1])
    return f"world {b}, {agent.format(n)}"


@kernel
def first_outside(numbers, low, last):
    """Flat index of the first of numbers (B, N) that is not in [low, last], or -1."""
    for b in range(numbers.shape[0]):
        for n in range(numbers.shape[1]):
            if numbers[b, n] < low or numbers[b, n] > last:
                return b * numbers.shape[1] + n
    return -1


@cache
def _first_outside() -> Callable:
    """Its machine code: numba's look-up of the types takes longer than the search."""
    return entry_point(first_outside, np.zeros((1, 1), np.int64), 0, 0)


def check_size(name: str, value: Any, least: int, most: int) -> None:
    """Raises SandboxError unless `value` is a whole number from `least` to `most`."""
    if not (isinstance(value, (int, np.integer)) and value >= least):
        raise SandboxError(f"{name} = {shown(value)}; give a whole number of at least {least}.")
    if value > most:
        raise SandboxError(f"{name} = {shown(value)}; {most:,} is the most.")


def check_horizon(horizon_s: Any) -> None:
    """Raises SandboxError unless `horizon_s` is None or seconds that an episode can have."""
    if horizon_s is None:
        return
    if not (isinstance(horizon_s, (int, float, np.number)) and 0.0 < horizon_s < float("inf")):
        raise SandboxError(
            f"horizon_s = {shown(horizon_s)}; give a number of seconds greater than 0, or None."
        )
    if horizon_s > MOST_HOURS * HOUR:
        raise SandboxError(
            f"horizon_s = {shown(horizon_s)} is too long; {MOST_HOURS * HOUR:g} s is the most."
        )


def counted(kind: str, number: Any, count: int) -> int:
    """The number of one of `count` things of a kind. Raises SandboxError for one that is not there."""
    if not (isinstance(number, (int, np.integer)) and not isinstance(number, bool) and 0 <= number < count):
        raise SandboxError(f"{kind} = {number!r:.60}; give a whole number from 0 to {count - 1}.")
    return int(number)
