"""Where scenario files are found, and how one is read."""

import os
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError, printable, shown, unknown_name
from sandbox.plain_data import plain
from sandbox.yaml_files import read_yaml

FOLDER = Path(__file__).parent.parent / "scenarios"
"""Where the named scenarios are."""
CATALOGUES = (".tle", ".2le", ".3le", ".omm", ".kvn", ".txt", ".json", ".csv", ".xml")
"""Endings of what is taken for a catalogue file even if there is none."""


def scenario_names() -> list[str]:
    """The named scenarios that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def is_catalogue(source: Any) -> bool:
    """Whether `source` is a file that is neither a named scenario nor YAML."""
    if not isinstance(source, (str, Path)) or str(source) in scenario_names():
        return False
    ending = Path(source).suffix.lower()
    if ending in (".yaml", ".yml"):
        return False
    return ending in CATALOGUES or (os.path.exists(source) and not os.path.isdir(source))


def find(source: Any, folder: Path | None) -> Path:
    """The file of the scenario called `source`; a path is taken relative to `folder`, if given."""
    if not isinstance(source, (str, Path)):
        raise SandboxError(
            f"A scenario is a name, a YAML file, a dictionary or a Scenario, not {shown(source)}."
        )
    if str(source) in scenario_names():
        return FOLDER / f"{source}.yaml"
    path = Path(source)
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise unknown_name("scenario", source, scenario_names())
    path = path if folder is None else folder / path
    if not _is_file(path):
        raise SandboxError(f"Scenario file {shown(str(path), 120)} does not exist; check the path.")
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or has a zero in it
        return False


def parse(path: Path) -> dict[str, Any]:
    """The fields of a scenario file, catalogue files named from its folder. Raises SandboxError."""
    data = plain(read_yaml(path), printable(path.name))
    if not isinstance(data, dict):
        kind = "empty" if data is None else type(data).__name__
        raise SandboxError(
            f"{printable(path.name)}: a scenario file is a mapping of fields, this one is {kind}."
        )
    _place_catalogues(data, path.parent)
    return data


def _place_catalogues(data: dict[str, Any], folder: Path) -> None:
    """Catalogue files are named relative to the scenario file that names them."""
    groups = data.get("fleet")
    for group in groups if isinstance(groups, list) else ():
        catalogue = group.get("catalogue") if isinstance(group, dict) else None
        if isinstance(catalogue, dict) and isinstance(catalogue.get("file"), str):
            catalogue["file"] = str(folder / catalogue["file"])
