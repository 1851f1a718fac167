"""Where a view begins: a moment that tells what a run is about, turned to the day side and to the fleet."""

import json
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.recording.recording import Recording
from sandbox.recording.variables import EVENT_KINDS
from sandbox.rendering.projection import direction, turned

ARRIVALS = ("delivery", "answer")
WEIGHTS = {
    "collision": 9, "lost": 9, "disaster": 8, "override": 7, "tip": 6, "completion": 6, "burn": 5,
    "safe_mode": 5, "delivery": 4, "answer": 3, "capture": 3,
}  # fmt: skip
"""How much an event tells of a run; `QUIET` ones tell nothing, others 1."""
QUIET = frozenset(
    ("thought", "consulted", "reason", "question", "expired", "unanswered", "handover", "computed")
) | {"closest_approach"}
LEAST_BURN_M_S = 1e-4
LATITUDE = 0.35  # rad: the middle of the globe where nothing asks for another
_EARLIEST, _LATEST = 0.15, 2 / 3  # shares of the value that has arrived by then
_UNTIL = 0.6  # of the time, where nothing arrives
_BUSY_ROUNDS = 4
_MOST_MOMENTS, _MOST_SATELLITES = 60, 600  # that are looked at
_IN_SIGHT, _ON_DISC = (
    0.25,
    0.85,
)  # cosines from the middle of the globe: below is the limb, above it is well seen
_CHOSEN = 0.6  # and that of the satellite in question
_DAY = 0.45  # that of the sun with which most of the disc is lit


class Opening(NamedTuple):
    """A moment and a camera: seconds on the clock of the recording, whose event it is (-1 nobody's), and the
    latitude and longitude (rad, Earth-fixed) in the middle of the globe."""

    time_s: float
    satellite: int
    latitude: float
    longitude: float

    def round_of(self, recording: Recording) -> int:
        """The round in which it is."""
        return _round_at(recording, self.time_s)


def weight(kind: str) -> int:
    """How much an event of a kind tells of a run."""
    return 0 if kind in QUIET else WEIGHTS.get(kind, 1)


def opening(recording: Recording) -> Opening:
    """What a view of `recording` shows first.

    Where value arrives: a moment by which a part of it has, at the end of what a round brought; else what
    weighs most in the first part of the run. Of several that at which much has just happened, and of which
    most can be seen by day.
    """
    moments = _moments(recording)
    busy = _busy(recording, np.array([time for time, _, _ in moments]))
    best, most = None, -np.inf
    for (time, satellite, index), share in zip(moments, busy, strict=True):
        seen, latitude, longitude = _camera(recording, time, satellite, _place_of(recording, index))
        told = weight(recording.events.kind[index]) / 9 if index >= 0 else 0.0
        worth = seen + share + told
        if worth > most:
            best, most = Opening(float(time), int(satellite), latitude, longitude), worth
    assert best is not None  # there is a round
    return best


def _moments(recording: Recording) -> list[tuple[float, int, int]]:
    """Times that come into question, whose they are, and the index of their event (-1 none)."""
    events, time = recording.events, recording["time"]
    chosen = _arrivals(recording)
    if not len(chosen):
        until = time[0] + _UNTIL * (time[-1] - time[0])
        telling = np.array([weight(kind) > 0 for kind in events.kind], bool)
        telling &= (events.kind != "burn") | (events.value > LEAST_BURN_M_S)
        chosen = np.flatnonzero(telling & (events.time_s >= time[0]) & (events.time_s <= until))
        begun = chosen[events.time_s[chosen] > time[min(1, len(time) - 1)]]
        chosen = begun if len(begun) else chosen  # with the first round comes what is known before it
        weights = np.array([weight(kind) for kind in events.kind[chosen]])
        chosen = chosen[weights == weights.max(initial=0)]
    if len(chosen):
        chosen = chosen[np.unique(np.linspace(0, len(chosen) - 1, _MOST_MOMENTS).astype(int))]
        return [(float(events.time_s[i]), int(events.satellite[i]), int(i)) for i in chosen]
    rounds = np.unique(np.linspace(0, _UNTIL * (len(time) - 1), _MOST_MOMENTS).astype(int))
    return [(float(time[k]), -1, -1) for k in rounds]


def _arrivals(recording: Recording) -> NDArray[np.intp]:
    """The events with which what arrived in a round was complete, when a part of all value had arrived."""
    events, time = recording.events, recording["time"]
    paid = np.flatnonzero(np.isin(events.kind, ARRIVALS) & (events.value > 0) & np.isfinite(events.time_s))
    if not len(paid):
        return paid
    paid = paid[np.argsort(events.time_s[paid], kind="stable")]
    share = np.cumsum(events.value[paid]) / events.value[paid].sum()
    rounds = np.searchsorted(time, events.time_s[paid] + 1e-3, side="right")
    last = np.append(rounds[1:] != rounds[:-1], True)
    some = paid[last & (share >= _EARLIEST) & (share <= _LATEST)]
    return some if len(some) else paid[last][:1]


def _busy(recording: Recording, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much has just happened at each of some times, as a share of the most."""
    events, time = recording.events, recording["time"]
    step = float(np.median(np.diff(time))) if len(time) > 1 else 1.0
    weights = np.array([weight(kind) for kind in events.kind], float)
    order = np.argsort(events.time_s, kind="stable")
    until = np.concatenate([[0.0], np.cumsum(weights[order])])
    end, begin = (
        np.searchsorted(events.time_s[order], times - ago, side="right")
        for ago in (-1e-3, _BUSY_ROUNDS * step)
    )
    happened = until[end] - until[begin]
    return np.asarray(happened / max(1.0, float(happened.max(initial=0.0))))


def _camera(
    recording: Recording, time: float, satellite: int, spot: NDArray[np.float64] | None
) -> tuple[float, float, float]:
    """How well a moment can be seen, and the middle (rad) of the globe from which it is seen best."""
    k = _round_at(recording, time)
    angle = float(recording["earth_angle"][k])
    position = recording["position"][k]
    every = max(1, -(-len(position) // _MOST_SATELLITES))
    latitude, longitude = (grid.ravel() for grid in np.meshgrid(*_MIDDLES, indexing="ij"))
    middles = direction(latitude, longitude)
    cosine = _unit(turned(position[::every].astype(float), angle)) @ middles.T
    seen = np.clip((cosine - _IN_SIGHT) / (_ON_DISC - _IN_SIGHT), 0.0, 1.0).mean(axis=0)
    sun = _unit(turned(np.asarray(recording["sun"][k], float), angle)) @ middles.T
    worth = 5.0 * seen + np.clip(sun / _DAY, -2.0, 1.0) - 0.3 * np.abs(latitude - LATITUDE)
    if satellite >= 0:
        spot = _unit(turned(position[satellite].astype(float), angle))
    if spot is not None:
        near = spot @ middles.T
        worth += np.minimum(near, 0.8) - 2.0 * (near < _CHOSEN)
    best = int(worth.argmax())
    return float(worth[best]), float(latitude[best]), float(longitude[best])


_MIDDLES = (np.array([LATITUDE, 0.0, -LATITUDE, 0.8, -0.8]), np.arange(36) * np.pi / 18)


def _place_of(recording: Recording, index: int) -> NDArray[np.float64] | None:
    """Where on the Earth an event says that it was."""
    text = recording.events.text[index] if index >= 0 else ""
    try:
        said = json.loads(text) if text else {}
        return direction(*(np.radians(float(said[f"{name}_deg"])) for name in ("latitude", "longitude")))
    except (ValueError, KeyError, TypeError):
        return None  # words of another kind


def _round_at(recording: Recording, time: float) -> int:
    return max(0, int(np.searchsorted(recording["time"], time + 1e-3, side="right")) - 1)


def _unit(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return points / np.maximum(np.linalg.norm(points, axis=-1, keepdims=True), 1e-9)


def kinds() -> dict[str, list]:
    """Of every kind of event: what it is about, its lane, what it is, and how much it tells."""
    return {name: [*kind, weight(name)] for name, kind in EVENT_KINDS.items()}
