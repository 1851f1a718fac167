"""Writes a run round by round."""

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

import numpy as np

from sandbox.errors import SandboxError, unknown_name
from sandbox.files import room_for
from sandbox.recording import disk
from sandbox.recording.recording import Events, Frame, Recording, read_only
from sandbox.recording.variables import (
    DIMS,
    LABELS,
    MOVING,
    OPTIONAL,
    ROUND,
    SATELLITE,
    STATIC,
    TERMINALS,
    VARIABLES,
    Variable,
)

__all__ = ["Recorder"]

HEAVY_ABOVE = 1_000  # satellites above which the optional variables are off unless asked for
_STORABLE = {
    "f": "fiub",
    "i": "iub",
    "u": "iub",
    "b": "iub",
}  # kinds that may become a kind, if nothing is lost


class Recorder:
    """Writes a run round by round: in memory or, given a `folder`, straight to disk in bounded memory.

    Arguments:
        meta: what JSON can hold. Readers know scenario, env, policy, seed, epoch (ISO UTC), round_s,
            satellite_names, station_names, mode_names and action_names.
        rounds, satellites, stations, targets, actions: sizes of the arrays. A run may end early.
        static: station_latitude, station_longitude (stations,), target_latitude, target_longitude (rad) and
            target_value (targets,).
        optional: names of the optional variables to keep: by default all, above 1,000 satellites none. Those
            that the first round brings are recorded; values of the others are dropped.
        flush_every: rounds after which the folder is whole even if the process is killed.

    Raises `SandboxError` for sizes, names or values that do not fit, for a folder that holds a run, and
    where the disk is full; what was flushed before can be read all the same.
    """

    def __init__(
        self,
        meta: Mapping[str, Any],
        rounds: int,
        satellites: int,
        stations: int,
        targets: int,
        actions: int,
        folder: Path | str | None = None,
        *,
        static: Mapping[str, Any] | None = None,
        optional: Collection[str] | None = None,
        flush_every: int = 64,
    ):
        self._sizes = _checked_sizes((rounds, satellites, 3, actions, stations, targets, TERMINALS))
        self._meta_text = _meta_text(meta, self._sizes)
        self._meta = MappingProxyType(json.loads(self._meta_text))
        if flush_every < 1:
            raise SandboxError(f"Recorder: flush_every is {flush_every}; give 1 or more rounds.")
        self._optional = _checked_optional(optional, satellites)
        static = self._checked_static(static or {})
        self._events: list[tuple] = []
        self._columns: dict[str, disk.Column] = {}
        self._rows: list[tuple[Variable, disk.Column, tuple[int, ...]]] = []
        self._written = self._event_count = 0
        self._flush_every, self._closed = flush_every, False
        self._folder = None if folder is None else Path(folder)
        self._log: TextIO | None = None
        if self._folder is None:
            self._begin_columns(static)
        else:
            self._begin_folder(self._folder, static)

    def _begin_folder(self, folder: Path, static: Mapping[str, np.ndarray]) -> None:
        """Make the folder, or leave nothing."""
        new = disk.new_folder(folder, self._bytes_needed())
        try:
            with room_for(folder):
                self._log = (folder / disk.EVENTS).open("w", encoding="utf-8")
                self._begin_columns(static)
                self.flush()
        except BaseException:
            with suppress(OSError):
                self._close_files()
            disk.remove(folder, new)
            raise

    def _begin_columns(self, static: Mapping[str, np.ndarray]) -> None:
        for name, value in static.items():
            self._columns[name] = column = self._empty(VARIABLES[name])
            column.write(value)
        self._keep(name for name in MOVING if name not in OPTIONAL)

    def __getstate__(self) -> dict[str, Any]:
        """What copying and pickling take. Raises `SandboxError` where a folder is written."""
        if self._folder is not None:
            raise SandboxError(f"The recorder of {self._folder} cannot be copied; copy its recording.")
        return self.__dict__ | {"_meta": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._meta = MappingProxyType(json.loads(self._meta_text))

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self._written

    def append(self, **values: Any) -> None:
        """Store a round: every variable that changes with time, by name, without its time axis.

        A round that is refused (`SandboxError`), for what it brings or for want of room on the disk, leaves
        the recording as it was.
        """
        k = self._written
        if self._closed or k == self._sizes[ROUND]:
            raise SandboxError(f"Recorder.append: {'closed' if self._closed else 'full'} after {k} rounds.")
        if k == 0:
            self._begin(values)
        if values.keys() != self._names:
            self._check_names(values)
        fitted = []
        for variable, column, shape in self._rows:
            value = values[variable.name]
            if type(value) is not np.ndarray or value.dtype != column.array.dtype or value.shape != shape:
                value = _fitted(variable, value, shape)
            fitted.append((column, value))
        with room_for(self._folder or ""):
            for column, value in fitted:
                column.write(value, k)
        self._written = k + 1
        if self._written % self._flush_every == 0:
            self.flush()

    def event(
        self, time_s: float, satellite: int, kind: str, target: int = -1, value: float = 0.0, text: str = ""
    ) -> None:
        """Note that something happened; views draw the kind "capture".

        The text of the kind "thought" is JSON: what a satellite read ("report") and wrote ("reasoning",
        "answer"), its "decision" and how it came about ("finish"). Where it asked for that thought, "thought"
        says so, and "without_thought" is what it would have decided.
        """
        if self._closed:
            raise SandboxError("Recorder.event: this recorder is closed.")
        row = (float(time_s), int(satellite), str(kind), int(target), float(value), str(text))
        if self._log:
            with room_for(self._folder or ""):
                self._log.write(disk.event_line(row))
        else:
            self._events.append(row)
        self._event_count += 1

    def flush(self) -> None:
        """Let a reader of the folder see everything so far. It outlives this process, not a power cut."""
        if self._folder and self._log:
            with room_for(self._folder):
                self._log.flush()
                disk.write_meta(self._folder, self._meta_text, self._written, self._event_count)

    def frame(self, k: int = -1) -> Frame:
        """Round `k` so far, the last by default, for a live view."""
        return Frame.at(k, self._written, self._meta, self._arrays())

    def tail(self, rounds: int) -> Recording:
        """The last `rounds` so far, without events, sharing memory with this recorder: for a live picture."""
        first = max(0, self._written - rounds)
        arrays = {n: a if n in STATIC else a[first : self._written] for n, a in self._arrays().items()}
        return Recording(self._meta, read_only(arrays), Events.from_rows([]))

    @property
    def recording(self) -> Recording:
        """What was recorded so far, sharing memory with this recorder."""
        arrays = {n: a if n in STATIC else a[: self._written] for n, a in self._arrays().items()}
        return Recording(self._meta, read_only(arrays), Events.from_rows(self._event_rows()))

    def close(self) -> Recording:
        """Finish, down to the disk itself if there is a folder, and return the recording."""
        if self._folder and not self._closed:
            self._closed = True
            with room_for(self._folder):
                try:
                    for column in self._columns.values():
                        column.sync()
                    self.flush()
                finally:
                    self._close_files()
        self._closed = True
        return self.recording

    def _close_files(self) -> None:
        """Close every file, whether or not one of them fails."""
        with ExitStack() as files:
            if self._log:
                files.callback(self._log.close)
            for column in self._columns.values():
                files.callback(column.close)

    def _arrays(self) -> dict[str, np.ndarray]:
        return {name: column.array for name, column in self._columns.items()}

    def _begin(self, values: Mapping[str, Any]) -> None:
        """In the first round, once all of it is known to fit, settle which optional variables there are."""
        self._check_names(values)
        kept = self._names | self._optional & values.keys()
        for name in kept:
            _fitted(VARIABLES[name], values[name], self._shape(VARIABLES[name])[1:])
        self._keep(name for name in MOVING if name in kept - self._names)

    def _keep(self, names: Iterable[str]) -> None:
        """Make arrays for these variables and expect them each round."""
        for variable in map(VARIABLES.__getitem__, names):
            self._columns[variable.name] = column = self._empty(variable)
            self._rows.append((variable, column, column.array.shape[1:]))
        self._names = {variable.name for variable, _, _ in self._rows}

    def _check_names(self, values: Mapping[str, Any]) -> None:
        _refuse_unknown("Recorder.append", values, MOVING)
        if missing := sorted(self._names - values.keys()):
            raise SandboxError(
                f"Recorder.append: {', '.join(missing)} missing; a round gives every variable."
            )

    def _checked_static(self, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
        _refuse_unknown("Recorder static", values, STATIC)
        shapes = {name: self._shape(VARIABLES[name]) for name in STATIC}
        if missing := [name for name in STATIC if name not in values and shapes[name] != (0,)]:
            raise SandboxError(
                f"Recorder: static has no {', '.join(missing)}; give {shapes[missing[0]][0]} values."
            )
        empty = np.empty(0)
        return {name: _fitted(VARIABLES[name], values.get(name, empty), shapes[name]) for name in STATIC}

    def _bytes_needed(self) -> int:
        kept = [v for v in VARIABLES.values() if v.name in self._optional or not v.optional]
        return sum(np.dtype(v.dtype).itemsize * int(np.prod(self._shape(v))) for v in kept)

    def _shape(self, variable: Variable) -> tuple[int, ...]:
        return tuple(self._sizes[dim] for dim in variable.dims)

    def _empty(self, variable: Variable) -> disk.Column:
        if self._folder is None:
            return disk.Column(variable, self._shape(variable))
        return disk.FileColumn(variable, self._shape(variable), self._folder)

    def _event_rows(self) -> list[tuple]:
        if not (self._folder and self._log):
            return self._events
        if not self._log.closed:
            self._log.flush()
        with (self._folder / disk.EVENTS).open(encoding="utf-8") as lines:
            return disk.read_events(lines, self._event_count)


def _fitted(variable: Variable, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """`value` as it is stored, or a sentence why it cannot be."""
    value, dtype = np.asarray(value), np.dtype(variable.dtype)
    if value.shape != shape:
        dims = ", ".join(variable.dims[len(variable.dims) - len(shape) :]) or "one number"
        raise SandboxError(f"Recorder: {variable.name} has shape {value.shape} instead of {shape} ({dims}).")
    if value.dtype.kind not in _STORABLE[dtype.kind]:
        raise SandboxError(f"Recorder: {variable.name} is {value.dtype}; give what fits {dtype}.")
    stored = value.astype(dtype)
    if dtype.kind != "f" and (lost := stored != value).any():
        raise SandboxError(
            f"Recorder: {variable.name} holds {value[lost].flat[0]}, which does not fit {dtype}."
        )
    return stored


def _refuse_unknown(where: str, values: Iterable[str], known: Collection[str]) -> None:
    for name in values:
        if name not in known:
            raise unknown_name(f"variable in {where}", name, known)


def _checked_sizes(sizes: tuple[int, ...]) -> dict[str, int]:
    for dim, size in zip(DIMS, sizes, strict=True):
        least = int(dim in (ROUND, SATELLITE))
        if size < least:
            raise SandboxError(f"Recorder: {size} along {dim!r}; give {least} or more.")
    return dict(zip(DIMS, sizes, strict=True))


def _checked_optional(names: Collection[str] | None, satellites: int) -> frozenset[str]:
    if names is None:
        return OPTIONAL if satellites <= HEAVY_ABOVE else frozenset()
    _refuse_unknown("Recorder optional", names, OPTIONAL)
    return frozenset(names)


def _meta_text(meta: Mapping[str, Any], sizes: Mapping[str, int]) -> str:
    for dim, key in LABELS.items():
        if key in meta and len(meta[key]) != sizes[dim]:
            raise SandboxError(f"Recorder: meta {key!r} holds {len(meta[key])} names for {sizes[dim]}.")
    for key, value in meta.items():
        try:
            json.dumps({key: value})
        except (TypeError, ValueError) as error:
            raise SandboxError(f"Recorder: meta {key!r} cannot be JSON ({error}).") from None
    return json.dumps(dict(meta))
