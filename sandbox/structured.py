"""Structured types of the world's arrays."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["structured"]


def structured(fields: Sequence[tuple]) -> np.dtype:
    """The aligned structured type of `fields`, each (name, type) or (name, type, shape)."""
    plain = np.dtype(list(fields), align=True)
    if os.environ.get("NUMBA_DISABLE_JIT", "0") == "0":
        return plain
    return np.dtype((_Row, plain))


class _Row(np.void):  # type: ignore[misc]  # the stubs call its base final
    """A record with its fields as attributes, as Numba has it: for kernels as plain Python, in a debugger.

    `numpy.record` will not do: there a field named `round` is a method.
    """

    def __getattribute__(self, name: str) -> Any:
        names = super().__getattribute__("dtype").names
        return self[name] if name in names else super().__getattribute__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value
