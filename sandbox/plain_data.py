"""Dictionaries, lists and plain values out of what Python programs hold: NumPy, pydantic, tuples."""

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from pydantic import BaseModel

from sandbox.bounds import MOST_NAMED
from sandbox.errors import SandboxError, printable, shown
from sandbox.units import is_of_astropy

DEEPEST = 50
"""Levels; a scenario has seven."""
MOST_VALUES = 5_000_000
"""Values; 100,000 satellites with all their elements are three million."""
MOST_SHARED = 200_000
"""Collections that are met again, in another place of the same value."""


def plain(value: Any, where: str) -> Any:
    """`value` with every mapping and model as a dictionary, every sequence and array as a list, copied.

    NumPy's numbers and dates become Python's. Raises SandboxError, with the field after `where`, for a key
    that is not text, a value that holds itself, one nested too deeply, and too many of them.
    """
    return _Copy(where).copied(value, ())


class _Copy:
    def __init__(self, where: str) -> None:
        self.where, self.count, self.shared = where, 0, 0
        self.seen: dict[int, Any] = {}

    def copied(self, value: Any, path: tuple[str | int, ...]) -> Any:
        self.count += 1
        if self.count > MOST_VALUES:
            raise self._error(path, f"holds more than {MOST_VALUES:,} values; it is too large")
        if isinstance(value, BaseModel):
            value = value.model_dump(warnings=False)
        if is_of_astropy(value):
            return value  # the field that it is given to knows the unit
        if isinstance(value, (np.ndarray, np.generic)):
            value = self._of_numpy(value, path)
        if isinstance(value, (Mapping, list, tuple)):
            if len(path) >= DEEPEST:
                raise self._error(path, f"is nested more than {DEEPEST} levels deep, or holds itself")
            self._note(value, path)
            return self._collection(value, path)
        return _number(value)

    def _note(self, value: Any, path: tuple[str | int, ...]) -> None:
        """Count a collection that was met before: a few that hold each other may unfold without end."""
        if len(value) > MOST_NAMED:
            raise self._error(path, f"has {len(value):,} items; {MOST_NAMED:,} are the most")
        self.shared += id(value) in self.seen
        self.seen[id(value)] = value  # kept alive, so that no other gets its number
        if self.shared > MOST_SHARED:
            raise self._error(path, f"repeats more than {MOST_SHARED:,} collections; write out what differs")

    def _collection(self, value: Any, path: tuple[str | int, ...]) -> Any:
        if not isinstance(value, Mapping):
            return [self.copied(item, (*path, i)) for i, item in enumerate(value)]
        for key in value:
            if not isinstance(key, str):
                raise self._error((*path, shown(key)), "is not text; give the names of fields as text")
        return {str(key): self.copied(item, (*path, key)) for key, item in value.items()}

    def _of_numpy(self, value: Any, path: tuple[str | int, ...]) -> Any:
        if value.size > MOST_VALUES:
            raise self._error(path, f"is an array of {value.size:,} values; it is too large")
        if value.dtype.kind == "M":
            value = value.astype("datetime64[us]")
        return value.tolist()

    def _error(self, path: tuple[str | int, ...], fault: str) -> SandboxError:
        return SandboxError(f"{self.where}: {field_name(path) or 'this value'} {fault}.")


def field_name(path: tuple[Any, ...]) -> str:
    """The dotted name of what stands at `path`; the middle of a long one is left out."""
    if len(path) > 12:
        path = (*path[:6], "...", *path[-3:])
    return printable(".".join(printable(step, 60) for step in path), 150)


def _number(value: Any) -> Any:
    """Numbers of other libraries as Python's; everything else as it is."""
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value
