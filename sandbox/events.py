"""Disasters: when they strike in an episode, and where those are who then ask."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.geography import Points, sample_around
from sandbox.scenario import Event
from sandbox.units import HOUR


def draw_times(rng: np.random.Generator, events: Sequence[Event]) -> NDArray[np.float64]:
    """When each of `events` happens, s from the episode's start; no draw where there are none."""
    return np.array([rng.uniform(*event.at_h) * HOUR for event in events])


def happening(events: Sequence[Event], times: ArrayLike, horizon_s: float) -> Iterator[tuple[Event, float]]:
    """The events that happen before the horizon, with their `times` (s from the episode's start)."""
    for event, at in zip(events, np.asarray(times, float).tolist(), strict=True):
        if at < horizon_s:
            yield event, at


def places(rng: np.random.Generator, event: Event, n: int) -> Points:
    """Latitude and longitude (n,), rad, of points uniform by area within the event's radius."""
    latitude, longitude = np.radians((event.latitude_deg, event.longitude_deg))
    return sample_around(rng, n, latitude, longitude, 1e3 * event.radius_km)
