"""The four packages of the project, and whether another project's stands in the place of one of them.

Their names are plain words that other projects use too (`agents` is also openai-agents'). Where two of a name
are installed, Python takes the one that it finds first, or one installer writes over the other's files.
"""

import os
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

PROJECT = "orbital-autonomy-sandbox"
ROOMS = ("sandbox", "envs", "agents", "experiments")
_ROOT = Path(__file__).resolve().parent.parent


def warn_of_strangers() -> None:
    """One warning that names the packages which Python would import in the place of ours. Imports none."""
    found = {name: place for name in ROOMS[1:] if (place := _stranger(name)) is not None}
    if not found:
        return
    listed = " and ".join(f"{name!r} from {place}" for name, place in found.items())
    warnings.warn(
        f"Python takes {listed}, which {'are' if len(found) > 1 else 'is'} not of {PROJECT}: "
        f"install {PROJECT} in a fresh virtual environment, or rename a folder of that name of yours.",
        stacklevel=3,
    )


def _stranger(name: str) -> str | None:
    """Where the package of this name is, if it can be imported and is not ours."""
    place = _place(name)
    if place is None:
        return None
    ours = _ROOT / name
    return None if _same(place, ours) and _written_by_us(ours / "__init__.py") else place


def _place(name: str) -> str | None:
    """The folder of a package, or the file of a module; None where there is none."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):  # it is imported already, and does not say from where
        return getattr(sys.modules.get(name), "__file__", None)
    if spec is None:
        return None
    return next(iter(spec.submodule_search_locations or ()), spec.origin)


def _same(place: str, ours: Path) -> bool:
    return os.path.normcase(os.path.realpath(place)) == os.path.normcase(ours)


def _written_by_us(file: Path) -> bool:
    """Whether the first file of a room names the project; one that cannot be read is taken to be ours."""
    try:
        return PROJECT in file.read_text("utf-8", "replace")
    except OSError:
        return True
