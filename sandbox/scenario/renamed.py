"""Fields by the names that they had before: read as the field of today, with one sentence of warning."""

import warnings
from typing import Any

from sandbox.errors import SandboxError

RENAMED = {"threats": "encounters"}
"""Fields of a whole scenario: the old name, and the one of today."""


def with_new_names(fields: dict[Any, Any], where: str) -> dict[Any, Any]:
    """`fields` of a whole scenario with those of an old name under the new one; FutureWarning if there are.

    Raises SandboxError for one that is given by both names.
    """
    for old, new in RENAMED.items():
        if old not in fields:
            continue
        if new in fields:
            raise SandboxError(f"{where}: {old} and {new} are one field; give {new} alone.")
        _warn(old, new, where)
        fields = {new if name == old else name: value for name, value in fields.items()}
    return fields


def with_new_name(name: Any, where: str) -> Any:
    """The dotted name of a field, with the new name where it begins with an old one; FutureWarning then."""
    if not isinstance(name, str):
        return name
    first, dot, rest = name.partition(".")
    new = RENAMED.get(first)
    if new is None:
        return name
    _warn(first, new, where)
    return f"{new}{dot}{rest}"


def _warn(old: str, new: str, where: str) -> None:
    warnings.warn(f"{where}: {old} is called {new} now; write {new}.", FutureWarning, stacklevel=2)
