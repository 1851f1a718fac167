"""A recording for maps: GeoJSON (RFC 7946) of ground tracks, stations and requests."""

from itertools import pairwise
from typing import Any

import numpy as np

from sandbox.errors import SandboxError
from sandbox.files import MARK
from sandbox.recording.recording import Recording
from sandbox.recording.variables import TARGET_STATES
from sandbox.rendering.disasters import disasters_in
from sandbox.rendering.told import Told, to_nobody

AT_REST = ("idle", "charge", "lost")
Feature = dict[str, Any]


def geojson(recording: Recording, *, every: int = 1, told: Told = to_nobody) -> Feature:
    """A FeatureCollection: what lies below each satellite as lines, stations and requests as points.

    Of each satellite the whole track, and again those parts on which it did something (`kind` "activity",
    `activity` its name), rest (idle, charge) apart. A disaster is a point with its radius in km. A track is
    cut where it crosses the antimeridian, as RFC 7946 (3.1.9) asks. Positions are in degrees, longitude
    first. `told` hears of every step, and out of how many. Raises `SandboxError` for a recording without
    rounds or an `every` below 1.
    """
    recording.frame()  # refuses an empty one
    if every < 1:
        raise SandboxError(f"every = {every}; give a number of rounds of at least 1.")
    return {
        "type": "FeatureCollection",
        "generator": MARK,  # a foreign member (RFC 7946, 6.1)
        "features": [
            *_tracks(recording, every, told),
            *_activities(recording, every, told),
            *_stations(recording),
            *_targets(recording),
            *_disasters(recording),
        ],
    }


def _tracks(recording: Recording, every: int, told: Told) -> list[Feature]:
    rounds = np.arange(0, len(recording), every)
    latitude, longitude = (np.degrees(recording[n][rounds].astype(float)) for n in ("latitude", "longitude"))
    names = recording.meta.get("satellite_names") or [f"satellite {n}" for n in range(latitude.shape[1])]
    times = [float(recording["time"][k]) for k in (rounds[0], rounds[-1])]
    tracks = []
    for n, name in enumerate(names):
        told("ground tracks", len(names))
        line = {"type": "MultiLineString", "coordinates": cut(longitude[:, n], latitude[:, n])}
        tracks.append(_feature(line, kind="ground track", name=name, from_s=times[0], to_s=times[1]))
    return tracks


def _activities(recording: Recording, every: int, told: Told) -> list[Feature]:
    """For each satellite and whatever it did beside resting: the parts of its track on which it did that."""
    names = recording.meta.get("satellite_names") or [
        f"satellite {n}" for n in range(recording.doing.shape[1])
    ]
    found = []
    for n, name in enumerate(names):
        told("activities", len(names))
        where = (np.degrees(recording[axis][:, n].astype(float)) for axis in ("longitude", "latitude"))
        longitude, latitude = where
        doing = recording.doing[:, n]
        parts: dict[int, list] = {}
        for a, b in pairwise([0, *(np.flatnonzero(np.diff(doing)) + 1).tolist(), len(doing)]):
            piece = slice(a, b + 1, every)  # up to where the next one begins
            parts.setdefault(int(doing[a]), []).extend(cut(longitude[piece], latitude[piece]))
        for kind, lines in parts.items():
            what = recording.doing_names[kind]
            if what not in AT_REST and lines:
                geometry = {"type": "MultiLineString", "coordinates": lines}
                found.append(_feature(geometry, kind="activity", name=name, activity=what))
    return found


def _disasters(recording: Recording) -> list[Feature]:
    return [
        _feature(
            {"type": "Point", "coordinates": [one.longitude_deg, one.latitude_deg]},
            kind="disaster",
            name=one.name,
            radius_km=one.radius_km,
            time_s=one.time_s,
        )
        for one in disasters_in(recording)
    ]


def cut(longitude: np.ndarray, latitude: np.ndarray) -> list[list[list[float]]]:
    """Lines of [longitude, latitude] in degrees, cut at the antimeridian; points alone are left out."""
    lines: list[list[list[float]]] = [[]]
    for i, (x, y) in enumerate(zip(longitude.tolist(), latitude.tolist(), strict=True)):
        before = lines[-1][-1] if lines[-1] else None
        if before is not None and abs(x - before[0]) > 180.0:
            edge = 180.0 if before[0] > 0 else -180.0
            beyond = x + (360.0 if edge > 0 else -360.0)
            height = before[1] + (y - latitude[i - 1]) * (edge - before[0]) / ((beyond - before[0]) or 1.0)
            lines[-1].append([edge, round(float(height), 5)])
            lines.append([[-edge, round(float(height), 5)]])
        lines[-1].append([round(x, 5), round(y, 5)])
    return [line for line in lines if len(line) > 1]


def _stations(recording: Recording) -> list[Feature]:
    names = recording.meta.get("station_names") or [f"{j}" for j in range(len(recording["station_latitude"]))]
    return [
        _feature(place, kind="station", name=name)
        for place, name in zip(_points(recording, "station"), names, strict=True)
    ]


def _targets(recording: Recording) -> list[Feature]:
    ends = recording["target_state"][-1] if "target_state" in recording else None
    values = recording["target_value"].tolist()
    return [
        _feature(
            place,
            kind="request",
            number=j,
            value=values[j],
            **({} if ends is None else {"state": TARGET_STATES[ends[j]]}),
        )
        for j, place in enumerate(_points(recording, "target"))
    ]


def _points(recording: Recording, what: str) -> list[Feature]:
    x, y = (np.degrees(recording[f"{what}_{axis}"]).round(5).tolist() for axis in ("longitude", "latitude"))
    return [{"type": "Point", "coordinates": list(place)} for place in zip(x, y, strict=True)]


def _feature(geometry: Feature, **properties: Any) -> Feature:
    return {"type": "Feature", "geometry": geometry, "properties": properties}
