"""The fields of a source, laid over those of the scenario that it extends."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError, printable, shortened, shown
from sandbox.plain_data import plain
from sandbox.scenario.files import find, is_catalogue, parse
from sandbox.scenario.renamed import with_new_names
from sandbox.scenario.schema import Scenario

LONGEST_CHAIN = 100
"""Files of which each extends the next."""


def read_fields(source: Any) -> tuple[dict[str, Any], str]:
    """The fields of `source`, those that it extends among them, and what an error should call it."""
    if isinstance(source, Scenario):
        return plain(source, "scenario"), f"scenario {printable(getattr(source, 'name', ''))}".rstrip()
    if isinstance(source, Mapping):
        return _extended(plain(source, "scenario"), "scenario", None, ())
    if is_catalogue(source):
        return _of_catalogue(Path(source))
    path = find(source, None)
    return _extended(parse(path), printable(path.name), path.parent, (path.resolve(),))


def _of_catalogue(path: Path) -> tuple[dict[str, Any], str]:
    """`scs01` with the objects of a catalogue file in its place, flown by SGP4."""
    fleet = {
        "name": path.stem,
        "spacecraft": "computing_satellite",
        "propagator": "sgp4",
        "catalogue": {"file": path.resolve()},
    }
    text = f"The objects of {path.name} as computing satellites."
    data = {"extends": "scs01", "name": path.stem, "description": text, "fleet": [fleet]}
    return _extended(data, path.name, None, ())


def _extended(
    data: dict[str, Any], where: str, folder: Path | None, chain: tuple[Path, ...]
) -> tuple[dict[str, Any], str]:
    """`data` laid over the scenario it extends, if any; `chain` holds the files that led here."""
    data = with_new_names(data, where)
    if "extends" not in data:
        return data, where
    base = data.pop("extends")
    try:
        path = find(base, folder)
    except SandboxError as error:
        raise SandboxError(f"{where}: extends = {shown(base)}: {error}") from None
    if path.resolve() in chain:
        raise SandboxError(
            f"{where}: extends = {shown(base)} leads back to where it began; break the circle."
        )
    if len(chain) >= LONGEST_CHAIN:
        raise SandboxError(f"{where}: more than {LONGEST_CHAIN} files extend one another; join some of them.")
    below, below_where = _extended(parse(path), printable(path.name), path.parent, (*chain, path.resolve()))
    return _merged(below, data), shortened(f"{where} (extends {below_where})", 160)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = _merged(below[key], value) if both else value
    return merged
