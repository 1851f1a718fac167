"""The disasters of a recording, as maps and globes draw them."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from sandbox.recording.recording import Recording
from sandbox.rendering.words import said_in


class Disaster(NamedTuple):
    """What struck where and when; degrees, kilometres, seconds since the epoch."""

    number: int
    name: str
    time_s: float
    latitude_deg: float
    longitude_deg: float
    radius_km: float


def disasters_in(recording: Recording) -> Iterator[Disaster]:
    """Those of the events that say where; what others noted under that kind is left out."""
    for time_s, _, kind, number, _, text in recording.events.rows():
        said = said_in(text) if kind == "disaster" else {}
        numbers = [said.get(name) for name in ("latitude_deg", "longitude_deg", "radius_km")]
        if all(isinstance(n, int | float) and math.isfinite(n) for n in (time_s, *numbers)):
            latitude, longitude, radius = map(float, numbers)  # type: ignore[arg-type]
            yield Disaster(number, str(said.get("name", "disaster")), time_s, latitude, longitude, radius)
