"""A recording as what other programs read."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from experiments.running import run_folder
from experiments.running.progress import bar
from experiments.studies import study
from sandbox.errors import SandboxError
from sandbox.files import check_replaceable, marked, replacing
from sandbox.recording import VARIABLES, Recording
from sandbox.recording.disk import is_npz
from sandbox.rendering.told import Told, to_nobody


def export(
    source: Path | str,
    out: Path | str,
    every: int = 1,
    beside: Path | str | Sequence[Path | str] | None = None,
    progress: bool = True,
) -> Path:
    """Write the recording at `source` as what the ending of `out` says; its path.

    .html: the interactive view; .czml: CesiumJS; .geojson: ground tracks; .parquet: a table with a line for
    every round and satellite; .npz: the recording in one file. `every` so many rounds are written (not of
    .npz); of a page, those `beside` it stand on the same clock. Raises SandboxError for another ending, no
    recording, or a file at `out` that is not ours.
    """
    out = Path(out)
    if out.suffix not in FORMATS:
        raise SandboxError(f"{out}: no such format; let the name end in {', '.join(FORMATS)}.")
    also = [beside] if isinstance(beside, str | Path) else list(beside or ())
    if also and out.suffix != ".html":
        raise SandboxError(f"{out}: only a page (.html) shows several recordings.")
    if every < 1:
        raise SandboxError(f"every = {every}; give a number of rounds of at least 1.")
    check_replaceable(out, is_npz if out.suffix == ".npz" else marked)
    with bar(f"writing {out.name}", shown=progress) as told:
        recording = open_recording(source)
        if out.suffix == ".html":
            return recording.to_html(
                out, beside=[*map(open_recording, also)], every=None if every == 1 else every
            )
        FORMATS[out.suffix](recording, out, every, told)
    return out


def unlike(*recordings: Recording) -> str:
    """How recordings differ that are to be compared, in a sentence; empty where they compare.

    They do where scenario, problem, seed, beginning and length of a round are the same, as far as told.
    """
    told = []
    for key, called in COMPARED.items():
        each = list(dict.fromkeys(one.meta[key] for one in recordings if one.meta.get(key) is not None))
        if len(each) > 1:
            told.append(f"{called} {' and '.join(map(str, each))}")
    return f"These were not flown alike: {'; '.join(told)}." if told else ""


COMPARED = {
    "scenario": "scenario",
    "env": "problem",
    "seed": "seed",
    "epoch": "beginning",
    "round_s": "seconds of a round",
}
"""By key of the metadata, what recordings that are compared should have in common."""
NAMED = {
    "mode": "mode_names",
    "doing": "doing_names",
    "action": "action_names",
    "station": "station_names",
}
COLUMNS = {
    name: {"unit": variable.unit, "description": variable.description.partition(": index into")[0]}
    for name, variable in VARIABLES.items()
}
"""What the metadata of a table's columns say."""


def open_recording(path: Path | str) -> Recording:
    """The recording in a folder of results, of a folder written by a Recorder, or of a .npz."""
    path = Path(path)
    run_folder.settle(path)
    return Recording.load(run_folder.recording_in(path) if (path / run_folder.METRICS).is_file() else path)


def write_czml(recording: Recording, path: Path, every: int = 1, told: Told = to_nobody) -> None:
    """Write the packets of `sandbox.rendering.czml`."""
    from sandbox.rendering.czml import czml

    _write_json(czml(recording, every=every, told=told), path)


def write_geojson(recording: Recording, path: Path, every: int = 1, told: Told = to_nobody) -> None:
    """Write the features of `sandbox.rendering.geojson`."""
    from sandbox.rendering.geojson import geojson

    _write_json(geojson(recording, every=every, told=told), path)


def write_parquet(recording: Recording, path: Path, every: int = 1, _: Told = to_nobody) -> None:
    """Write a line for every satellite of every so many rounds, with what is one number for it.

    What is an index there is a name here; each column's metadata tell its unit and meaning.
    """
    table = recording.to_frame()
    for name, key in NAMED.items():
        if name in table and recording.meta.get(key):
            table[name] = _names_for(table[name].to_numpy(), recording.meta[key])
    satellites = recording["battery"].shape[1]
    rounds = table.index.to_numpy() // satellites
    with replacing(path, marked) as draft:
        study.write_parquet(table[rounds % every == 0], draft, False, COLUMNS)


def _names_for(numbers: Any, names: Sequence[str]) -> Any:
    """A column of categories: the name of each number, nothing for -1."""
    import pandas

    known = [str(name) for name in names]
    known += [str(number) for number in range(len(known), 1 + int(numbers.max(initial=0)))]
    if len(set(known)) < len(known):
        known = [f"{number} {name}" for number, name in enumerate(known)]
    return pandas.Categorical.from_codes(numbers, known)


def _write_npz(recording: Recording, path: Path, *_: Any) -> None:
    recording.save(path)


def _write_json(content: Any, path: Path) -> None:
    try:
        text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    except ValueError:
        raise SandboxError(
            f"{path}: the recording holds numbers that are not finite; JSON has none."
        ) from None
    with replacing(path, marked) as draft:
        draft.write_text(text, encoding="utf-8")


FORMATS: dict[str, Callable[[Recording, Path, int, Told], Any]] = {
    ".html": lambda recording, path, every, _: recording.to_html(path, every=every),
    ".czml": write_czml,
    ".geojson": write_geojson,
    ".parquet": write_parquet,
    ".npz": _write_npz,
}
