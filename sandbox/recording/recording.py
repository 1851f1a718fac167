"""A run to be read: rounds, events, and what other tools want to have them as."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from sandbox.errors import SandboxError, unknown_name
from sandbox.recording import disk
from sandbox.recording.variables import AXIS, LABELS, ROUND, SATELLITE, STATIC, VARIABLES

__all__ = ["Events", "Frame", "Recording"]


@dataclass(frozen=True, eq=False)
class Events:
    """What happened and when, as columns of one length. `events[events.kind == "capture"]` selects rows."""

    time_s: np.ndarray
    satellite: np.ndarray  # -1 none in particular
    kind: np.ndarray  # of str, as is text
    target: np.ndarray  # -1 none
    value: np.ndarray
    text: np.ndarray

    @classmethod
    def from_rows(cls, rows: Collection[tuple]) -> "Events":
        """The columns of rows (time_s, satellite, kind, target, value, text)."""
        string = np.dtypes.StringDType()
        dtypes: tuple[Any, ...] = (np.float64, np.int32, string, np.int32, np.float64, string)
        columns: Iterable[Any] = zip(*rows, strict=True) if rows else [()] * len(dtypes)
        return cls(*map(np.array, columns, dtypes))

    def __len__(self) -> int:
        return len(self.time_s)

    def __getitem__(self, rows: Any) -> "Events":
        """The rows of a mask, a slice or an array of indices."""
        return Events(*(column[rows] for column in vars(self).values()))

    def rows(self) -> list[tuple]:
        """The events as plain tuples."""
        return list(zip(*(column.tolist() for column in vars(self).values()), strict=True))


@dataclass(frozen=True, eq=False)
class Frame:
    """One round of a run: its variables by name, without their time axis, and the run's `meta`."""

    meta: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]

    def __getstate__(self) -> dict[str, Any]:
        """What copying and pickling take; the views that forbid writing cannot be pickled."""
        return vars(self) | {"meta": dict(self.meta), "arrays": dict(self.arrays)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        whole = {"meta": MappingProxyType(state["meta"]), "arrays": read_only(state["arrays"])}
        self.__dict__.update(state | whole)

    @classmethod
    def at(cls, k: int, rounds: int, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> "Frame":
        """Round `k` of arrays that hold `rounds`. Raises `SandboxError` outside them."""
        if not -rounds <= k < rounds:
            raise SandboxError(f"Round {k} is outside the {rounds} recorded ones.")
        k %= rounds
        return cls(meta, read_only({n: a if n in STATIC else a[k, ...] for n, a in arrays.items()}))

    def __getitem__(self, name: str) -> np.ndarray:
        if name in self.arrays:
            return self.arrays[name]
        if name in VARIABLES:
            raise SandboxError(f"{name!r} was not recorded in this run; the Recorder keeps it if asked to.")
        raise unknown_name("variable", name, self.arrays)

    @property
    def doing(self) -> np.ndarray:
        """What each satellite was about; in older recordings its mode. Indices of `doing_names`."""
        return self.arrays["doing" if "doing" in self.arrays else "mode"]

    @property
    def doing_names(self) -> list[str]:
        """The names of what `doing` holds, a number for those without one."""
        known = list(self.meta.get("doing_names" if "doing" in self.arrays else "mode_names", []))
        return known + [f"mode {m}" for m in range(len(known), 1 + int(self.doing.max(initial=0)))]

    def __contains__(self, name: object) -> bool:
        return name in self.arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def keys(self) -> Collection[str]:
        """The names of the recorded variables."""
        return self.arrays.keys()


@dataclass(frozen=True, eq=False, repr=False)
class Recording(Frame):
    """A run, read-only: `recording["battery"]` is (rounds, satellites) and so on, as `VARIABLES` says.

    `len(recording)` is its number of rounds.
    """

    events: Events

    def __len__(self) -> int:
        return len(self.arrays["time"])

    def __repr__(self) -> str:
        title = " ".join(str(self.meta[key]) for key in ("scenario", "policy", "seed") if key in self.meta)
        satellites = self.arrays["battery"].shape[1]
        return f"<Recording {title}: {len(self)} rounds, {satellites} satellites, {len(self.events)} events>"

    def named(self, policy: str) -> "Recording":
        """The same run, said to be of `policy`: what views and figures call it by."""
        return Recording(MappingProxyType({**self.meta, "policy": policy}), self.arrays, self.events)

    def frame(self, k: int = -1) -> Frame:
        """Round `k`, from the end if negative. Raises `SandboxError` outside the run."""
        return Frame.at(k, len(self), self.meta, self.arrays)

    def save(self, path: Path | str) -> Path:
        """Write one compressed `.npz`, whole or not at all, in nobody else's place. Returns its path.

        Raises SandboxError for another ending, and where something else stands at the path.
        """
        path = Path(path)
        if path.suffix != ".npz":
            raise SandboxError(f"{path}: a recording is one .npz file; call it {path.name}.npz.")
        disk.write_npz(path, self.meta, self.arrays, self.events.rows())
        return path

    @classmethod
    def load(cls, path: Path | str) -> "Recording":
        """Open a `.npz` (read whole) or a Recorder's folder (mapped, up to its last flush).

        Raises `SandboxError` for a file that is missing, damaged or no recording.
        """
        meta, arrays, rows = disk.read(Path(path))
        try:
            events = Events.from_rows(rows)
        except (TypeError, ValueError, OverflowError):
            raise SandboxError(f"{path}: damaged, an event is not a row of time, numbers and text.") from None
        return cls(MappingProxyType(meta), read_only(arrays), events)

    def to_html(
        self,
        path: Path | str,
        *,
        beside: "Recording | Sequence[Recording] | None" = None,
        every: int | None = None,
    ) -> Path:
        """Write the interactive view as one page that needs nothing else; see `sandbox.rendering.to_html`."""
        from sandbox.rendering.page import to_html

        return to_html(self, path, beside=beside, every=every)

    def view(self, *, beside: "Recording | Sequence[Recording] | None" = None, **options: Any) -> Any:
        """The interactive view, for the last line of a notebook cell; see `sandbox.rendering.FrameView`."""
        from sandbox.rendering.page import FrameView

        return FrameView(self, beside=beside, **options)

    def widget(self, *, beside: "Recording | Sequence[Recording] | None" = None, **options: Any) -> Any:
        """The interactive view that talks with Python; see `sandbox.rendering.widget`. Needs anywidget."""
        from sandbox.rendering.widget import widget

        return widget(self, beside=beside, **options)

    def to_dataset(self) -> Any:
        """An `xarray.Dataset`: named dimensions, labels from meta, units and descriptions; without events.

        Raises `SandboxError` where xarray is not installed.
        """
        xarray = _imported("xarray")
        described = {
            name: (v.dims, self.arrays[name], {"units": v.unit, "description": v.description})
            for name, v in VARIABLES.items()
            if name in self.arrays
        }
        named = set(LABELS.values())  # these are the coordinates; netCDF's attributes hold no lists of names
        attrs = {
            k: v if isinstance(v, str | int | float) else json.dumps(v)
            for k, v in self.meta.items()
            if k not in named
        }
        dataset = xarray.Dataset(described, attrs=attrs)
        labels = {dim: self.meta[key] for dim, key in LABELS.items() if key in self.meta}
        labels[AXIS] = ["x", "y", "z"]
        return dataset.assign_coords({dim: label for dim, label in labels.items() if dim in dataset.sizes})

    def to_frame(self) -> Any:
        """A long `pandas.DataFrame` of what is one number per satellite: a line per round and satellite.

        Raises `SandboxError` where pandas is not installed.
        """
        pandas = _imported("pandas")
        rounds, satellites = self.arrays["battery"].shape
        names = np.array(self.meta.get(LABELS[SATELLITE], range(satellites)))
        keys = {"time": np.repeat(self.arrays["time"], satellites), "satellite": np.tile(names, rounds)}
        scalars = (name for name in self.arrays if VARIABLES[name].dims == (ROUND, SATELLITE))
        return pandas.DataFrame(keys | {name: self.arrays[name].ravel() for name in scalars})


def read_only(arrays: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """The same arrays, by name, through views that refuse to be written to."""
    views = {name: array.view() for name, array in arrays.items()}
    for view in views.values():
        view.flags.writeable = False
    return MappingProxyType(views)


def _imported(module: str) -> Any:
    try:
        return __import__(module)
    except ImportError:
        raise SandboxError(f"{module} is not installed; run: pip install {module}") from None
