"""A recording for CesiumJS: CZML, written as plain JSON.

The schema: https://github.com/AnalyticalGraphicsInc/czml-writer/wiki/CZML-Guide. Positions are inertial
("INERTIAL" there is ICRF, whose axes are those of GCRS) in metres, to be interpolated by Lagrange polynomials
of degree 5: samples every 300 s are then good to 0.2 km in low orbit.
"""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from sandbox.errors import SandboxError
from sandbox.files import MARK
from sandbox.recording.recording import Recording
from sandbox.rendering.palette import INK, mode_colours, rgb

DEGREE = 5
FASTEST = 60  # simulated seconds per second at the start
Packet = dict[str, Any]


def czml(recording: Recording, *, every: int = 1) -> list[Packet]:
    """The packets of a CZML document: clock, stations, requests, and satellites coloured by what they do.

    Positions are sampled every so many rounds, activities kept exactly. Raises `SandboxError` for a recording
    without rounds or without an epoch, and an `every` below 1.
    """
    recording.frame()  # refuses an empty one
    if "epoch" not in recording.meta:
        raise SandboxError(
            "The recording has no epoch, and CZML needs dates; give meta an 'epoch' (ISO UTC)."
        )
    if every < 1:
        raise SandboxError(f"every = {every}; give a number of rounds of at least 1.")
    start = datetime.fromisoformat(recording.meta["epoch"])
    stamps = [_iso(start + timedelta(seconds=float(t))) for t in _edges(recording)]
    span = f"{stamps[0]}/{stamps[-1]}"
    return [
        _document(recording, span, stamps[0]),
        *_grounds(recording, "station", recording.meta.get("station_names"), 8, INK),
        *_grounds(recording, "target", None, 4, "#F0E442"),
        *_satellites(recording, every, stamps, span),
    ]


def _edges(recording: Recording) -> np.ndarray:
    """When each round began, and when the last one ended."""
    time = recording["time"]
    step = recording.meta.get("round_s") or (time[-1] - time[-2] if len(time) > 1 else 30.0)
    return np.append(time, time[-1] + step)


def _document(recording: Recording, span: str, begin: str) -> Packet:
    clock = {"interval": span, "currentTime": begin, "multiplier": FASTEST, "range": "LOOP_STOP"}
    head = {"id": "document", "name": recording.meta.get("scenario", "run"), "version": "1.0"}
    return head | {"description": MARK, "clock": clock}


def _grounds(
    recording: Recording, what: str, names: list[str] | None, size: int, colour: str
) -> list[Packet]:
    latitude, longitude = (recording[f"{what}_{axis}"] for axis in ("latitude", "longitude"))
    point = {"pixelSize": size, "color": {"rgba": [*rgb(colour), 255]}}
    places = zip(np.degrees(longitude).round(6).tolist(), np.degrees(latitude).round(6).tolist(), strict=True)
    return [
        {
            "id": f"{what}/{j}",
            "name": names[j] if names else f"{what} {j}",
            "position": {"cartographicDegrees": [x, y, 0.0]},
            "point": point,
        }
        for j, (x, y) in enumerate(places)
    ]


def _satellites(recording: Recording, every: int, stamps: list[str], span: str) -> list[Packet]:
    rounds = np.unique(np.append(np.arange(0, len(recording), every), len(recording) - 1))
    offsets = (recording["time"][rounds] - recording["time"][0])[:, None]
    doing = recording.doing
    names = recording.meta.get("satellite_names") or [f"satellite {n}" for n in range(doing.shape[1])]
    colours = [[*rgb(colour), 255] for colour in mode_colours(recording.doing_names, dark=True)]
    packets = []
    for n, name in enumerate(names):
        samples = np.hstack([offsets, recording["position"][rounds, n].astype(float)]).round(1)
        packets.append(
            {
                "id": f"satellite/{n}",
                "name": name,
                "availability": span,
                "position": {
                    "referenceFrame": "INERTIAL",
                    "epoch": stamps[0],
                    "interpolationAlgorithm": "LAGRANGE",
                    "interpolationDegree": min(DEGREE, len(rounds) - 1) or 1,
                    "cartesian": samples.ravel().tolist(),
                },
                "point": {"pixelSize": 6, "color": _colours(doing[:, n], colours, stamps)},
            }
        )
    return packets


def _colours(doing: np.ndarray, colours: list[list[int]], stamps: list[str]) -> list[Packet]:
    """An interval for every unbroken activity."""
    turns = [0, *(np.flatnonzero(np.diff(doing)) + 1).tolist(), len(doing)]
    return [{"interval": f"{stamps[a]}/{stamps[b]}", "rgba": colours[doing[a]]} for a, b in pairwise(turns)]


def _iso(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
