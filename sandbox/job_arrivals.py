"""The jobs of an episode: how many there is room for, and how they are drawn."""

from collections.abc import Sequence
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from sandbox.customers import draw_tiers, draw_values
from sandbox.events import happening, places
from sandbox.fleet import zenith
from sandbox.geography import sample_cities
from sandbox.jobs import JOB, whole
from sandbox.orbits.frames import geodetic_to_itrs
from sandbox.scenario import Event, JobKind, Jobs, Questions
from sandbox.state import NONE

HOUR, MEGA = 3600.0, 1e6
CITY_SPREAD_M = 50_000.0


def jobs_room(jobs: Jobs, satellites: int, horizon_s: float, events: Sequence[Event] = ()) -> int:
    """Room for every job of an episode: the mean of the Poisson streams and eight deviations more."""
    mean = sum(_rate(kind, satellites) for kind in jobs.kinds) * horizon_s / HOUR
    for event in events:
        if event.questions:
            mean += event.questions.per_hour * min(event.questions.duration_h, horizon_s / HOUR)
    return ceil(mean + 8.0 * sqrt(mean)) + 4


def _rate(kind: JobKind, satellites: int) -> float:
    return kind.per_hour * (satellites if kind.source == "camera" else 1)


def draw_jobs(
    rng: np.random.Generator,
    jobs: Jobs,
    satellites: int,
    horizon_s: float,
    room: int,
    events: Sequence[Event] = (),
    times: NDArray[np.float64] | Sequence[float] = (),
) -> np.ndarray:
    """The jobs (m,) of an episode, records of dtype JOB in order of release; times from its start.

    Those of the `events`, which happen at `times`, are of the kinds behind `jobs.kinds`
    (`Scenario.job_kinds`).
    """
    parts = []
    for number, kind in enumerate(jobs.kinds):
        rows = _stream(rng, kind, number, _rate(kind, satellites), 0.0, horizon_s)
        if kind.source == "camera":
            rows["source"] = rng.integers(satellites, size=len(rows))
        else:
            _stand(rows, *sample_cities(rng, len(rows), CITY_SPREAD_M))
        parts.append(rows)
    asking = [event for event in events if event.questions]
    for event, at in happening(events, times, horizon_s):
        if event.questions:
            end = min(horizon_s, at + event.questions.duration_h * HOUR)
            number = len(jobs.kinds) + asking.index(event)
            rows = _stream(rng, event.questions, number, event.questions.per_hour, at, end)
            _stand(rows, *places(rng, event, len(rows)))
            parts.append(rows)
    found = np.concatenate([whole(rows) for rows in parts]).view(JOB) if parts else np.zeros(0, JOB)
    found = found.take(np.argsort(found["release"], kind="stable")[:room])
    for name in ("place", "credit", "model", "next"):
        found[name] = NONE
    found["delivered_at"] = np.nan
    return found


def _stream(
    rng: np.random.Generator, kind: Questions, number: int, per_hour: float, begin: float, end: float
) -> np.ndarray:
    """Jobs (m,) of kind `number` that come at `per_hour` from `begin` to `end`, not yet on a satellite."""
    count = int(rng.poisson(per_hour * (end - begin) / HOUR))
    rows = np.zeros(count, JOB)
    rows["kind"], rows["source"] = number, NONE
    rows["release"] = rng.uniform(begin, end, count)
    value = draw_values(rng, kind.value, kind.value_tail, count)
    worth, patience = draw_tiers(rng, kind.tiers, count)
    rows["deadline"] = rows["release"] + patience * kind.deadline_s
    rows["value"] = worth * value
    rows["bits"] = kind.raw_mbit * MEGA
    return rows


def _stand(rows: np.ndarray, latitude: np.ndarray, longitude: np.ndarray) -> None:
    """Put the users of jobs where they are (rad)."""
    rows["position"] = geodetic_to_itrs(latitude, longitude, np.zeros(len(rows)))
    rows["up"] = zenith(latitude, longitude)
