"""Fields that are replaced by their dotted names."""

from collections.abc import Mapping
from typing import Any

from sandbox.errors import SandboxError, printable, shown
from sandbox.plain_data import plain
from sandbox.scenario.renamed import with_new_name

MOST_STEPS = 20
"""Dots in the name of a field to replace."""


def replace_fields(data: dict[str, Any], where: str, replace: Mapping[str, Any] | None) -> None:
    """Set the fields of `data` that `replace` names; `where` is what an error calls the scenario."""
    if replace is not None and not isinstance(replace, Mapping):
        raise SandboxError(f"replace = {shown(replace)}; give a dictionary of dotted names and values.")
    for name, value in (replace or {}).items():
        name = with_new_name(name, where)
        _set(data, _full_name(name, data), plain(value, f"{where}: {printable(name)}"))


def _full_name(name: Any, data: dict[str, Any]) -> Any:
    """The dotted name of a field; `catalogue.` is that of the one group of the fleet that has a catalogue."""
    if not (isinstance(name, str) and name.startswith("catalogue.")):
        return name
    groups = data.get("fleet")
    listed = groups if isinstance(groups, list) else []
    found = [i for i, group in enumerate(listed) if isinstance(group, dict) and group.get("catalogue")]
    if len(found) != 1:
        raise SandboxError(
            f"{name}: {len(found) or 'no'} groups of the fleet have a catalogue; "
            f"name the field of one, as in fleet.0.{name}."
        )
    return f"fleet.{found[0]}.{name}"


def _set(data: dict[str, Any], name: Any, value: Any) -> None:
    if not isinstance(name, str) or name.count(".") > MOST_STEPS:
        raise SandboxError(f"No field {shown(name)} in the scenario to set; give a dotted name.")
    if name == "extends":
        raise SandboxError("extends cannot be replaced; load that scenario, and replace fields of it.")
    *parents, last = name.split(".")
    here: Any = data
    try:
        for step in parents:
            here = here.setdefault(step, {}) if isinstance(here, dict) else here[int(step)]
        if isinstance(here, dict):
            here[last] = value
        else:
            here[int(last)] = value
    except (ValueError, IndexError, TypeError):
        raise SandboxError(
            f"No field {shown(name, 160)} in the scenario to set to {shown(value)}; check the dotted name."
        ) from None
