"""The folder that a run leaves behind: whole, or not there at all."""

import json
import math
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from hashlib import blake2s
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import numpy as np
from pydantic import BaseModel

from experiments.running.replacement import Owns, check_way, is_free, is_plain, recover, take_place
from sandbox.errors import SandboxError
from sandbox.files import check_replaceable, draft_of, held, marked, replacing, room_for
from sandbox.recording import VARIABLES
from sandbox.recording.disk import EVENTS, META
from sandbox.scenario import Scenario

SCHEMA, RUN = 1, "orbital-autonomy-sandbox run"
METRICS, ROUNDS, RECORDING, SCENARIO = "metrics.json", "rounds.parquet", "recording", "scenario.yaml"
TIMELINE, GROUND_TRACK, PAGE = "timeline.png", "ground_track.png", "page.html"
BENCHMARK = "benchmark.json"
FIGURES = (TIMELINE, GROUND_TRACK, "latency.png", "energy.png", "coverage.png")
"""Those of a run, and those that `figures` adds."""
MOST_JSON = 1 << 28  # bytes
SAID = 200  # letters of a reason
_PACKAGE = "orbital-autonomy-sandbox"
_PACKAGES = (_PACKAGE, "boinor", "gymnasium", "numba", "numpy", "pettingzoo")
_RECORDED = (META, EVENTS, *(f"{name}.npy" for name in VARIABLES))
_DRAFT = re.compile(r"\.(.+)\.\d+(-[0-9a-f]+)?\.part")


def default_folder(env: str, scenario: str, policy: str, seed: int) -> Path:
    """`results/<env>-<scenario>-<policy>-seed<k>`, with what is no letter, digit, point or dash as `_`."""
    name = f"{env}-{scenario}-{policy}-seed{seed}"
    return Path("results") / re.sub(r"[^\w.-]+", "_", name)


def nobody_named(policy: str) -> str:
    """What is said where the policy was chosen for lack of one that was named."""
    return f"{policy} decides; --policy names another."


class _Runs:
    """Folders of `run`: known by what their `metrics.json` says, and each file in them by what it says."""

    marker = METRICS

    def owns(self, folder: Path) -> Owns | None:
        content = read_json(folder / METRICS) if is_plain(folder / METRICS) else None
        if not isinstance(content, dict):
            return None
        if content.get("format") == RUN and content.get("schema") == SCHEMA:
            return lambda leaf: self.known(leaf) and is_plain(folder / leaf) and _says_so(folder, leaf)
        if _is_earlier(content):
            return lambda leaf: self.known(leaf) and is_plain(folder / leaf)
        return None

    def known(self, leaf: Path) -> bool:
        draft = _DRAFT.fullmatch(leaf.name)
        name = draft[1] if draft else leaf.name
        if leaf.parent == Path(RECORDING):
            return name in _RECORDED
        return leaf.parent == Path() and name in (METRICS, ROUNDS, SCENARIO, PAGE, *FIGURES)


RUNS = _Runs()


def _says_so(folder: Path, leaf: Path) -> bool:
    """Whether a file with the name of one of ours is ours."""
    here = leaf.name == METRICS or leaf.parent == Path(RECORDING) or leaf.name.endswith(".part")
    return here or not (folder / leaf).stat().st_size or marked(folder / leaf)


def _is_earlier(content: Mapping[str, Any]) -> bool:
    """Whether these are metrics as they were written before they named their format."""
    told, known = content.get("arguments"), content.get("versions")
    if "format" in content or content.get("schema") != SCHEMA:
        return False
    names = {"env", "policy", "seed", "scenario", "scenario_hash"}
    return isinstance(told, dict) and names <= told.keys() and isinstance(known, dict) and _PACKAGE in known


@contextmanager
def new_results(path: Path | str, record: bool = True) -> Iterator[Path]:
    """A folder beside `path` to write to: it becomes `path` if the block ends well, and is removed if not.

    Earlier results at `path` stay until then, and what is not ours among them stays for good. Raises
    SandboxError where something else is there, and where the disk is full (`DiskFull`).
    """
    path = Path(os.path.realpath(path))
    recover(path, RUNS)
    check_free(path, record)
    draft, made = draft_of(path), None
    try:
        with room_for(path):
            draft.mkdir(parents=True)
            made = draft.stat().st_ino
            with held(draft):
                yield draft
                check_free(path)
                take_place(draft, path, RUNS)
    finally:
        if draft.exists() and draft.stat().st_ino == made:  # else it is what was at `path` before
            shutil.rmtree(draft, ignore_errors=True)


def check_free(path: Path, record: bool = False) -> None:
    """Raise SandboxError unless `path` is free, an empty folder, or a folder of results.

    With `record`, also if something that is not ours is where a run with a recording puts its files.
    """
    if os.path.ismount(path):
        raise SandboxError(f"{path} is a disk of its own; name a folder in it with --out.")
    if is_free(path):
        return
    owns = RUNS.owns(path) if path.is_dir() else None
    if owns is None:
        raise SandboxError(f"{path} holds something other than results; name another folder with --out.")
    names = [METRICS, ROUNDS, SCENARIO, *((TIMELINE, GROUND_TRACK, PAGE) if record else ())]
    recorded = [f"{RECORDING}/{name}" for name in _RECORDED] if record else []
    check_way(path, owns, map(Path, (*names, *recorded)))


def read_json(path: Path, most: int = MOST_JSON) -> Any:
    """The JSON in a file; None for one that is none, that cannot be read, or that has more bytes."""
    try:
        if not path.is_file() or path.stat().st_size > most:
            return None
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError, MemoryError):
        return None


def write_json(path: Path, content: Mapping[str, Any] | Sequence[Any]) -> None:
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


def is_ours(path: Path) -> bool:
    """Whether a JSON file says that it is ours: by its format, or as it was said before, by versions."""
    content = read_json(path)
    if isinstance(content, list) and content:  # records, each of which says so
        content = content[0]
    if not isinstance(content, dict):
        return False
    if "format" in content:
        return str(content["format"]).startswith(f"{_PACKAGE} ")
    known = content.get("versions")
    return isinstance(known, dict) and _PACKAGE in known


def is_our_figure(path: Path) -> bool:
    """Whether a PNG says that it is ours, or stands among results that were left before figures said so."""
    owns = RUNS.owns(path.parent)
    study = path.with_suffix(".json")
    earlier = is_ours(study) and "format" not in read_json(study)
    return earlier or (owns is not None and owns(Path(path.name))) or is_ours_in_benchmark(path)


def is_ours_in_benchmark(path: Path) -> bool:
    """Whether a file says that it is ours, or the benchmark in its folder says so of it."""
    content = read_json(path.with_name(BENCHMARK))
    listed = content.get("files", ()) if isinstance(content, dict) else ()
    return marked(path) or (isinstance(listed, list) and path.name in listed)


class NotDrawn(SandboxError):
    """Figures that could not be drawn, by name, and why; all else is in `folder`, and `made` is what the
    function would have returned."""

    status = 3
    """Of a command that ends so."""

    def __init__(self, missing: Mapping[str, str], folder: Path | str, made: Any = None) -> None:
        self.made = made
        told = "; ".join(f"{name} ({reason})" for name, reason in missing.items())
        super().__init__(f"Not drawn: {told}; all else is in {folder}/.")


def in_one_line(error: Exception) -> str:
    """What went wrong, for a sentence."""
    text = " ".join(str(error).split()).rstrip(".")
    text = text if len(text) <= SAID else f"{text[:SAID]}..."
    return text if isinstance(error, SandboxError) else f"{type(error).__name__}: {text}"


def format_of(name: str) -> str:
    """What a file of ours says it is."""
    return f"{_PACKAGE} {name}"


def check_json(path: Path | str | None) -> None:
    """Raise SandboxError for a file, if there is one, that is not JSON of ours."""
    if path is not None:
        check_replaceable(Path(os.path.realpath(path)), is_ours)


def keep_json(path: Path | str, name: str, content: Mapping[str, Any]) -> None:
    """Write JSON that says what it is, in nobody else's place. Raises SandboxError for a file of others."""
    check_json(path)
    write_json(Path(os.path.realpath(path)), {"format": format_of(name), **content})


def keep_records(path: Path | str, name: str, records: Iterable[Mapping[str, Any]], **shared: Any) -> None:
    """Write a JSON list of `records`, each with what is `shared` by all and, under "format", what wrote it.

    Raises SandboxError for a file of others at `path`.
    """
    check_json(path)
    head = {"format": format_of(name), **shared}
    write_json(Path(os.path.realpath(path)), [head | dict(record) for record in records])


def versions() -> dict[str, str]:
    """Python and the packages that a result depends on."""
    return {"python": python_version()} | {name: version(name) for name in _PACKAGES}


def scenario_hash(scenario: Scenario) -> str:
    """A short hash of all that the scenario says."""
    return blake2s(scenario.model_dump_json().encode(), digest_size=8).hexdigest()


def settle(folder: Path | str) -> None:
    """Put right what a killed run left beside a folder of results, for whoever is about to read it."""
    recover(Path(os.path.realpath(folder)), RUNS)


def recording_in(folder: Path | str) -> Path:
    """The recording of a results folder. Raises SandboxError where there is none."""
    folder = Path(folder)
    settle(folder)
    if not (folder / METRICS).is_file():
        raise SandboxError(
            f"{folder} is not a folder of results (it has no {METRICS}); give one made by `run`."
        )
    if not (folder / RECORDING).is_dir():
        raise SandboxError(f"{folder} holds no recording; repeat the run without --no-record.")
    return folder / RECORDING
