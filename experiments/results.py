"""The folder that a run leaves behind: whole, or not there at all."""

import json
import math
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from hashlib import blake2s
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import numpy as np
from pydantic import BaseModel

from sandbox.errors import SandboxError
from sandbox.files import replacing
from sandbox.scenario import Scenario

SCHEMA = 1
METRICS, ROUNDS, RECORDING, SCENARIO = "metrics.json", "rounds.parquet", "recording", "scenario.yaml"
TIMELINE, GROUND_TRACK = "timeline.png", "ground_track.png"
_PACKAGES = ("orbital-autonomy-sandbox", "boinor", "gymnasium", "numba", "numpy", "pettingzoo")


def default_folder(env: str, scenario: str, policy: str, seed: int) -> Path:
    """`results/<env>-<scenario>-<policy>-seed<k>`, with what is no letter, digit, point or dash as `_`."""
    name = f"{env}-{scenario}-{policy}-seed{seed}"
    return Path("results") / re.sub(r"[^\w.-]+", "_", name)


@contextmanager
def new_results(path: Path | str) -> Iterator[Path]:
    """A folder beside `path` to write to: it becomes `path` if the block ends well, and is removed if not.

    Earlier results at `path` stay until then. Raises SandboxError where something else is there.
    """
    path = Path(path).absolute()
    check_free(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.mkdir(parents=True)
        yield draft
        check_free(path)
        _take_place(draft, path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def check_free(path: Path) -> None:
    """Raise SandboxError unless `path` is free, an empty folder, or a folder of results."""
    ours = path.is_dir() and ((path / METRICS).is_file() or not any(path.iterdir()))
    if path.exists() and not ours:
        raise SandboxError(f"{path} holds something other than results; name another folder with --out.")


def _take_place(draft: Path, path: Path) -> None:
    aside = draft.with_suffix(".old")
    if path.exists():
        path.rename(aside)
    try:
        draft.rename(path)
    except BaseException:
        if aside.exists():
            aside.rename(path)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """`content` as sorted JSON, whole or not at all; NaN becomes null, a date its ISO 8601 text."""
    with replacing(path) as draft:
        told = _without_nan(content)
        text = json.dumps(told, indent=2, sort_keys=True, allow_nan=False, default=_plain)
        draft.write_text(text + "\n", encoding="utf-8")


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    """What JSON has no type for: dates as text, NumPy's values as Python's, models as dictionaries."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (np.generic, np.ndarray)):
        return _without_nan(value.tolist())
    return _without_nan(value.model_dump(mode="json")) if isinstance(value, BaseModel) else str(value)


def versions() -> dict[str, str]:
    """Python and the packages that a result depends on."""
    return {"python": python_version()} | {name: version(name) for name in _PACKAGES}


def scenario_hash(scenario: Scenario) -> str:
    """A short hash of all that the scenario says."""
    return blake2s(scenario.model_dump_json().encode(), digest_size=8).hexdigest()


def recording_in(folder: Path | str) -> Path:
    """The recording of a results folder. Raises SandboxError where there is none."""
    folder = Path(folder)
    if not (folder / METRICS).is_file():
        raise SandboxError(
            f"{folder} is not a folder of results (it has no {METRICS}); give one made by `run`."
        )
    if not (folder / RECORDING).is_dir():
        raise SandboxError(f"{folder} holds no recording; repeat the run without --no-record.")
    return folder / RECORDING
