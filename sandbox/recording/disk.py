"""The two forms of a recording on disk, a folder and a single `.npz`. Neither holds a pickle."""

import copy
import json
import os
import shutil
from collections.abc import Container, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import dtype_to_descr, open_memmap, write_array_header_1_0

from sandbox.errors import SandboxError
from sandbox.files import replacing
from sandbox.recording.variables import (
    AXIS,
    LABELS,
    RENAMED,
    ROUND,
    STATIC,
    TERMINAL,
    TERMINALS,
    VARIABLES,
    Variable,
)

FORMAT, VERSION = "orbital-autonomy-sandbox recording", 1
META, EVENTS = "meta.json", "events.jsonl"
SAID = 200  # letters of a damaged file that a message repeats
MOST_META = 1 << 28  # bytes

Content = tuple[dict[str, Any], dict[str, np.ndarray], list[tuple]]  # meta, arrays, rows of events


def new_folder(folder: Path, needed: int) -> bool:
    """Make a folder for a recording of `needed` bytes; whether there was none.

    Raises `SandboxError` for a run that is there, or part of one, and where there is no space.
    """
    if (folder / META).exists():
        raise SandboxError(f"{folder}: already holds a recording; name another folder or remove this one.")
    if there := [name for name in _files() if os.path.lexists(folder / name)]:
        raise SandboxError(f"{folder}: already holds {there[0]}; name another folder or remove it.")
    above = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if (free := shutil.disk_usage(above).free) < needed:  # better to know now than when the run is half over
        raise SandboxError(
            f"{folder}: a recording needs {needed / 1e9:.2f} GB, {free / 1e9:.2f} GB are free."
        )
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    return new


def _files() -> list[str]:
    return [META, EVENTS, *(f"{name}.npy" for name in VARIABLES)]


def remove(folder: Path, whole: bool) -> None:
    """Remove the files of a recording, and if `whole` the folder too unless something else is in it."""
    for name in _files():
        (folder / name).unlink(missing_ok=True)
    if whole and not any(folder.iterdir()):
        folder.rmdir()


class Column:
    """The rows of a variable in memory, zeros until they are written."""

    def __init__(self, variable: Variable, shape: tuple[int, ...]) -> None:
        self.array = np.zeros(shape, variable.dtype)
        self._rows = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> "Column":
        """A copy whose memory is that of the rows written so far, however many there is room for."""
        made = copy.copy(self)
        made.array = np.zeros(self.array.shape, self.array.dtype)
        made.array[: self._rows] = self.array[: self._rows]
        return made

    def write(self, value: np.ndarray, k: int | None = None) -> None:
        """Store row `k`, or all of them."""
        self.array[... if k is None else k] = value
        self._rows = max(self._rows, len(self.array) if k is None else k + 1)

    def sync(self) -> None:
        """Bring what was written down to the disk itself, if it goes to one."""

    def close(self) -> None:
        """Finish; the array stays."""


class FileColumn(Column):
    """The same in an `.npy` file of `folder`, of no size until written to where there are sparse files.

    Written with ordinary calls, which raise OSError on a full disk; a mapped page would kill the process.
    """

    def __init__(self, variable: Variable, shape: tuple[int, ...], folder: Path) -> None:
        dtype = np.dtype(variable.dtype)
        path = folder / f"{variable.name}.npy"
        self._file = path.open("x+b", buffering=0)
        try:
            head = {"descr": dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
            write_array_header_1_0(self._file, head)
            self._begin = self._file.tell()
            self._row = dtype.itemsize * int(np.prod(shape[1:]))
            self._file.truncate(self._begin + dtype.itemsize * int(np.prod(shape)))
            self.array = np.asarray(open_memmap(path, "r"))
        except BaseException:
            self._file.close()
            raise

    def write(self, value: np.ndarray, k: int | None = None) -> None:
        left = memoryview(value.tobytes())
        self._file.seek(self._begin + (0 if k is None else k * self._row))
        while left:
            left = left[self._file.write(left) :]

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


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
    """Write all in one file, whole or not at all. Raises `SandboxError` for a file that is no recording."""
    opening = header(json.dumps(dict(meta)), len(arrays["time"]), len(events))
    texts = {META: opening, EVENTS: "".join(map(event_line, events))}
    coded = {name: np.frombuffer(text.encode(), np.uint8) for name, text in texts.items()}
    with replacing(path, is_npz) as draft, draft.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **coded, **arrays)


def is_npz(path: Path) -> bool:
    """Whether the file is a recording."""
    try:
        with np.load(path, allow_pickle=False) as data:
            return json.loads(data[META].tobytes())["format"] == FORMAT
    except Exception:  # as in `read`
        return False


def read(path: Path) -> Content:
    """The content of a folder or `.npz`. Raises `SandboxError` if it is missing, damaged or no recording."""
    if not path.exists():
        raise SandboxError(f"{path}: no such recording; give a .npz file or a Recorder's folder.")
    try:
        return _checked(path, *(_read_folder(path) if path.is_dir() else _read_npz(path)))
    except SandboxError:
        raise
    except Exception as error:  # a damaged file fails anywhere: in zip, zlib, json, utf-8 or numpy
        reason = f"{type(error).__name__}: {error}"
        raise SandboxError(f"{path}: no recording, or damaged ({_short(reason)}).") from None


def _short(text: str) -> str:
    return text if len(text) <= SAID else f"{text[:SAID]}..."


def _read_folder(folder: Path) -> Content:
    for name in (META, EVENTS):
        if (folder / name).exists() and not (folder / name).is_file():
            raise SandboxError(f"{folder}: no recording, {name} is not an ordinary file.")
    if (folder / META).stat().st_size > MOST_META:
        raise SandboxError(f"{folder}: damaged, {META} is too large.")
    opening = json.loads((folder / META).read_text(encoding="utf-8"))
    there = {name for name in (*VARIABLES, *RENAMED.values()) if (folder / f"{name}.npy").is_file()}
    files = {name: folder / f"{stored}.npy" for name, stored in _stored(there).items()}
    arrays = {name: np.load(file, mmap_mode="r") for name, file in files.items()}
    rounds = opening["rounds_written"]
    with (folder / EVENTS).open(encoding="utf-8") as lines:
        events = read_events(lines, opening["events_written"])
    return opening, {name: a if name in STATIC else a[:rounds] for name, a in arrays.items()}, events


def _stored(there: Container[str]) -> dict[str, str]:
    """By what name each variable is stored, of those that are `there`: its own, or the one it had before."""
    names = {name: name if name in there else RENAMED.get(name, name) for name in VARIABLES}
    return {name: stored for name, stored in names.items() if stored in there}


def _read_npz(path: Path) -> Content:
    with np.load(path, allow_pickle=False) as data:
        opening = json.loads(data[META].tobytes())
        lines = data[EVENTS].tobytes().decode().splitlines()
        arrays = {name: data[stored] for name, stored in _stored(data).items()}
    return opening, arrays, read_events(lines, opening["events_written"])


def _checked(path: Path, opening: dict, arrays: dict[str, np.ndarray], events: list[tuple]) -> Content:
    """The content, if it is of this format and every array is of its type and fits the others."""
    if opening["format"] != FORMAT:
        said = _short(repr(opening["format"]))
        raise SandboxError(f"{path}: a {said}, not a recording of this sandbox.")
    if opening["version"] > VERSION:
        raise SandboxError(
            f"{path}: format {_short(str(opening['version']))} is newer than this sandbox, "
            f"which reads {VERSION}."
        )
    if len(events) != opening["events_written"]:
        raise SandboxError(f"{path}: damaged, {len(events)} of {opening['events_written']} events are left.")
    sizes: dict[str, int | None] = {ROUND: opening["rounds_written"], AXIS: 3, TERMINAL: TERMINALS}
    for variable in VARIABLES.values():
        if variable.name in arrays:
            _check_array(path, variable, arrays[variable.name], sizes)
        elif not variable.optional:
            raise SandboxError(f"{path}: damaged, {variable.name!r} is missing.")
    _check_meta(path, opening["meta"], sizes)
    return opening["meta"], arrays, events


def _check_meta(path: Path, meta: Any, sizes: Mapping[str, int | None]) -> None:
    """Whether meta is what readers take it for: names, as many as there are to be named, and numbers."""
    if not isinstance(meta, dict):
        raise SandboxError(f"{path}: damaged, its meta is no set of names and values.")
    for dim, key in LABELS.items():
        if key in meta and len(_names(path, meta, key)) != sizes.get(dim, len(meta[key])):
            raise SandboxError(f"{path}: damaged, {len(meta[key])} {key} for {sizes[dim]}.")
    for key in ("mode_names", "doing_names"):
        _names(path, meta, key)
    step = meta.get("round_s")
    if step is not None and not (isinstance(step, int | float) and 0.0 < step < np.inf):
        raise SandboxError(f"{path}: damaged, round_s = {_short(repr(step))} is no number of seconds.")


def _names(path: Path, meta: Mapping[str, Any], key: str) -> list[Any]:
    names = meta.get(key, [])
    if not (isinstance(names, list) and all(isinstance(name, str | int | float) for name in names)):
        raise SandboxError(f"{path}: damaged, {key} is no list of names.")
    return names


def _check_array(path: Path, variable: Variable, array: np.ndarray, sizes: dict[str, int | None]) -> None:
    """Compare with the `sizes` met so far, and add to them those met first."""
    found = dict(zip(variable.dims, array.shape, strict=False))
    shape = tuple(sizes.setdefault(dim, found.get(dim)) for dim in variable.dims)
    if array.dtype != variable.dtype or array.shape != shape:
        wanted = f"{np.dtype(variable.dtype)} {shape}"
        raise SandboxError(
            f"{path}: damaged, {variable.name!r} is {array.dtype} {array.shape}, not {wanted}."
        )
