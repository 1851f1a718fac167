"""A recording as what other programs read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.running import run_folder
from experiments.studies import study
from sandbox.errors import SandboxError
from sandbox.files import check_replaceable, marked, replacing
from sandbox.recording import Recording
from sandbox.recording.disk import is_npz


def export(source: Path | str, out: Path | str, every: int = 1, beside: Path | str | None = None) -> Path:
    """Write the recording at `source` as what the ending of `out` says; its path.

    .html: the interactive view; .czml: CesiumJS; .geojson: ground tracks; .parquet: a table with a line for
    every round and satellite; .npz: the recording in one file. `every` so many rounds are written (not of
    .npz). Raises SandboxError for another ending, no recording, or a file at `out` that is not ours.
    """
    out = Path(out)
    if out.suffix not in FORMATS:
        raise SandboxError(f"{out}: no such format; let the name end in {', '.join(FORMATS)}.")
    if beside is not None and out.suffix != ".html":
        raise SandboxError(f"{out}: only a page (.html) shows two recordings.")
    if every < 1:
        raise SandboxError(f"every = {every}; give a number of rounds of at least 1.")
    check_replaceable(out, is_npz if out.suffix == ".npz" else marked)
    recording = open_recording(source)
    if out.suffix == ".html":
        other = None if beside is None else open_recording(beside)
        return recording.to_html(out, beside=other, every=None if every == 1 else every)
    FORMATS[out.suffix](recording, out, every)
    return out


def open_recording(path: Path | str) -> Recording:
    """The recording in a folder of results, of a folder written by a Recorder, or of a .npz."""
    path = Path(path)
    run_folder.settle(path)
    return Recording.load(run_folder.recording_in(path) if (path / run_folder.METRICS).is_file() else path)


def write_czml(recording: Recording, path: Path, every: int = 1) -> None:
    """Write the packets of `sandbox.rendering.czml`."""
    from sandbox.rendering.czml import czml

    _write_json(czml(recording, every=every), path)


def write_geojson(recording: Recording, path: Path, every: int = 1) -> None:
    """Write the features of `sandbox.rendering.geojson`."""
    from sandbox.rendering.geojson import geojson

    _write_json(geojson(recording, every=every), path)


def write_parquet(recording: Recording, path: Path, every: int = 1) -> None:
    """Write a line for every satellite of every so many rounds, with what is one number for it."""
    table = recording.to_frame()
    satellites = recording["battery"].shape[1]
    rounds = table.index.to_numpy() // satellites
    with replacing(path, marked) as draft:
        study.write_parquet(table[rounds % every == 0], draft, False)


def _write_npz(recording: Recording, path: Path, _: int) -> None:
    recording.save(path)


def _write_json(content: Any, path: Path) -> None:
    with replacing(path, marked) as draft:
        draft.write_text(json.dumps(content, separators=(",", ":"), allow_nan=False), encoding="utf-8")


FORMATS: dict[str, Callable[[Recording, Path, int], Any]] = {
    ".html": lambda recording, path, every: recording.to_html(path, every=every),
    ".czml": write_czml,
    ".geojson": write_geojson,
    ".parquet": write_parquet,
    ".npz": _write_npz,
}
