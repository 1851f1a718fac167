"""The least versions that pyproject.toml allows, as constraints for pip, by which they are tried.

    python tools/least_versions.py experiments > least.txt
    python3.11 -m venv least
    least/bin/pip install -c least.txt -e ".[experiments]" pytest hypothesis psutil jsonschema
    least/bin/python -m pytest tests/sandbox tests/envs tests/experiments/running

Without a name of an extra they are those of the project alone. What packages need themselves is left to pip.
"""

import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
NAME = "orbital-autonomy-sandbox"


def needs_of(project: dict, extra: str | None = None) -> Iterator[Requirement]:
    """What the project, or an extra of it and those that it names, requires of others."""
    listed = project["dependencies"] if extra is None else project["optional-dependencies"][extra]
    for need in map(Requirement, listed):
        if need.name == NAME:
            for other in sorted(need.extras):
                yield from needs_of(project, other)
        else:
            yield need


def least_versions(extras: Sequence[str] = ()) -> dict[str, str]:
    """By package, the least version that the project and its `extras` allow; without bound there is none."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: dict[str, str] = {}
    for extra in (None, *extras):
        for need in needs_of(project, extra):
            for bound in need.specifier:
                if bound.operator in (">=", "=="):
                    found[need.name] = max(found.get(need.name, "0"), bound.version, key=_numbers)
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


if __name__ == "__main__":
    print(*(f"{name}=={version}" for name, version in sorted(least_versions(sys.argv[1:]).items())), sep="\n")
