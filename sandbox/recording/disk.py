"""The two forms of a recording on disk, a folder and a single `.npz`. Neither holds a pickle."""

import json
import shutil
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

from sandbox.errors import SandboxError
from sandbox.files import replacing
from sandbox.recording.variables import AXIS, ROUND, STATIC, TERMINAL, TERMINALS, VARIABLES, Variable

FORMAT, VERSION = "orbital-autonomy-sandbox recording", 1
META, EVENTS = "meta.json", "events.jsonl"

Content = tuple[dict[str, Any], dict[str, np.ndarray], list[tuple]]  # meta, arrays, rows of events


def new_folder(folder: Path, needed: int) -> Path:
    """Make a folder for a recording of `needed` bytes. Raises `SandboxError` for a run there, or no space."""
    if (folder / META).exists():
        raise SandboxError(f"{folder}: already holds a recording; name another folder or remove this one.")
    folder.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(folder).free) < needed:  # a mapped file on a full disk kills the process
        raise SandboxError(
            f"{folder}: a recording needs {needed / 1e9:.2f} GB, {free / 1e9:.2f} GB are free."
        )
    return folder


def new_array(folder: Path, variable: Variable, shape: tuple[int, ...]) -> np.ndarray:
    """A mapped file of zeros. Of no size until written to, where the file system knows sparse files."""
    return open_memmap(folder / f"{variable.name}.npy", "w+", np.dtype(variable.dtype), shape)


def write_meta(folder: Path, meta_text: str, rounds: int, events: int) -> None:
    """State, in one stroke, how many rounds and events in the folder are whole."""
    with replacing(folder / META) as draft:
        draft.write_text(header(meta_text, rounds, events), encoding="utf-8")


def header(meta_text: str, rounds: int, events: int) -> str:
    """The JSON text that opens a recording, around the JSON of its meta."""
    head = {"format": FORMAT, "version": VERSION, "rounds_written": rounds, "events_written": events}
    return f'{json.dumps(head)[:-1]}, "meta": {meta_text}}}'


def event_line(row: tuple) -> str:
    """An event as a line of JSON."""
    return json.dumps(row) + "\n"


def read_events(lines: Iterable[str], count: int) -> list[tuple]:
    """The first `count` events; what follows was not flushed."""
    return [tuple(json.loads(line)) for line in islice(lines, count)]


def write_npz(path: Path, meta: Mapping, arrays: Mapping[str, np.ndarray], events: list[tuple]) -> None:
    """Write all in one file, whole or not at all."""
    opening = header(json.dumps(dict(meta)), len(arrays["time"]), len(events))
    texts = {META: opening, EVENTS: "".join(map(event_line, events))}
    coded = {name: np.frombuffer(text.encode(), np.uint8) for name, text in texts.items()}
    with replacing(path) as draft, draft.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **coded, **arrays)


def read(path: Path) -> Content:
    """The content of a folder or `.npz`. Raises `SandboxError` if it is missing, damaged or no recording."""
    if not path.exists():
        raise SandboxError(f"{path}: no such recording; give a .npz file or a Recorder's folder.")
    try:
        return _checked(path, *(_read_folder(path) if path.is_dir() else _read_npz(path)))
    except SandboxError:
        raise
    except Exception as error:  # a damaged file fails anywhere: in zip, zlib, json, utf-8 or numpy
        raise SandboxError(f"{path}: no recording, or damaged ({type(error).__name__}: {error}).") from None


def _read_folder(folder: Path) -> Content:
    opening = json.loads((folder / META).read_text(encoding="utf-8"))
    files = {name: folder / f"{name}.npy" for name in VARIABLES}
    arrays = {name: np.load(file, mmap_mode="r") for name, file in files.items() if file.exists()}
    rounds = opening["rounds_written"]
    with (folder / EVENTS).open(encoding="utf-8") as lines:
        events = read_events(lines, opening["events_written"])
    return opening, {name: a if name in STATIC else a[:rounds] for name, a in arrays.items()}, events


def _read_npz(path: Path) -> Content:
    with np.load(path, allow_pickle=False) as data:
        opening = json.loads(data[META].tobytes())
        lines = data[EVENTS].tobytes().decode().splitlines()
        arrays = {name: data[name] for name in VARIABLES if name in data}
    return opening, arrays, read_events(lines, opening["events_written"])


def _checked(path: Path, opening: dict, arrays: dict[str, np.ndarray], events: list[tuple]) -> Content:
    """The content, if it is of this format and every array is of its type and fits the others."""
    if opening["format"] != FORMAT:
        raise SandboxError(f"{path}: a {opening['format']!r}, not a recording of this sandbox.")
    if opening["version"] > VERSION:
        raise SandboxError(
            f"{path}: format {opening['version']} is newer than this sandbox, which reads {VERSION}."
        )
    if len(events) != opening["events_written"]:
        raise SandboxError(f"{path}: damaged, {len(events)} of {opening['events_written']} events are left.")
    sizes: dict[str, int | None] = {ROUND: opening["rounds_written"], AXIS: 3, TERMINAL: TERMINALS}
    for variable in VARIABLES.values():
        if variable.name in arrays:
            _check_array(path, variable, arrays[variable.name], sizes)
        elif not variable.optional:
            raise SandboxError(f"{path}: damaged, {variable.name!r} is missing.")
    return opening["meta"], arrays, events


def _check_array(path: Path, variable: Variable, array: np.ndarray, sizes: dict[str, int | None]) -> None:
    """Compare with the `sizes` met so far, and add to them those met first."""
    found = dict(zip(variable.dims, array.shape, strict=False))
    shape = tuple(sizes.setdefault(dim, found.get(dim)) for dim in variable.dims)
    if array.dtype != variable.dtype or array.shape != shape:
        wanted = f"{np.dtype(variable.dtype)} {shape}"
        raise SandboxError(
            f"{path}: damaged, {variable.name!r} is {array.dtype} {array.shape}, not {wanted}."
        )
