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
from sandbox.recording.variables import TARGET_STATES
from sandbox.rendering.disasters import disasters_in
from sandbox.rendering.palette import GREY, MINT, SILVER, SKY, VERMILLION, YELLOW, mode_colours, rgb
from sandbox.rendering.told import Told, to_nobody

DEGREE = 5
TRAIL_S = 5700.0  # of the way behind a satellite: about a revolution
STATES = {"open": YELLOW, "captured": SKY, "delivered": MINT, "expired": GREY}
LINK, CONTACT = "#739ED9", MINT
MOST_LINES = 3000  # pairs that were ever linked; of more, none is written
FASTEST = 60  # simulated seconds per second at the start
Packet = dict[str, Any]


def czml(recording: Recording, *, every: int = 1, told: Told = to_nobody) -> list[Packet]:
    """The packets of a CZML document: clock, stations, requests, disasters, satellites, links and contacts.

    Satellites have the colour of what they do, a label and the way behind them; requests that of their state;
    a line joins two satellites while their lasers can send, and a satellite and the station that it sends to.
    Positions are sampled every so many rounds, activities and states kept exactly. `told` hears of every
    step, and out of how many. Raises `SandboxError` for a recording without rounds or without an epoch, and
    an `every` below 1.
    """
    recording.frame()  # refuses an empty one
    if not recording.meta.get("epoch"):
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
        *_stations(recording),
        *_targets(recording, stamps),
        *_disasters(recording, start, stamps[-1]),
        *_satellites(recording, every, stamps, span, told),
        *_links(recording, stamps),
        *_contacts(recording, stamps),
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


def _ground(recording: Recording, what: str) -> list[Packet]:
    """Identity and place of every station or target."""
    latitude, longitude = (recording[f"{what}_{axis}"] for axis in ("latitude", "longitude"))
    places = zip(np.degrees(longitude).round(6).tolist(), np.degrees(latitude).round(6).tolist(), strict=True)
    return [
        {"id": f"{what}/{j}", "name": f"{what} {j}", "position": {"cartographicDegrees": [x, y, 0.0]}}
        for j, (x, y) in enumerate(places)
    ]


def _stations(recording: Recording) -> list[Packet]:
    packets = _ground(recording, "station")
    for packet, name in zip(packets, recording.meta.get("station_names") or [], strict=False):
        packet |= {"name": name, "label": _label(name, SILVER)}
    return [packet | {"point": {"pixelSize": 8, "color": _rgba(SILVER)}} for packet in packets]


def _targets(recording: Recording, stamps: list[str]) -> list[Packet]:
    """Requests in the colour of their state, and hidden before they are released."""
    packets = _ground(recording, "target")
    if "target_state" not in recording:
        return [packet | {"point": {"pixelSize": 4, "color": _rgba(YELLOW)}} for packet in packets]
    shades = [[*rgb(STATES.get(name, GREY)), 255] for name in TARGET_STATES]
    shown = np.array([name in STATES for name in TARGET_STATES])
    for j, packet in enumerate(packets):
        state = recording["target_state"][:, j]
        show = [{"interval": span, "boolean": bool(on)} for span, on in _spans(shown[state], stamps)]
        packet["point"] = {"pixelSize": 4, "color": _colours(state, shades, stamps), "show": show}
    return packets


def _disasters(recording: Recording, start: datetime, end: str) -> list[Packet]:
    """A disc for every disaster, from when it strikes on."""
    packets = []
    for one in disasters_in(recording):
        radius, fill = 1e3 * one.radius_km, {"solidColor": {"color": _rgba(VERMILLION, 90)}}
        packets.append(
            {
                "id": f"disaster/{one.number}",
                "name": one.name,
                "availability": f"{_iso(start + timedelta(seconds=one.time_s))}/{end}",
                "position": {"cartographicDegrees": [one.longitude_deg, one.latitude_deg, 0.0]},
                "ellipse": {"semiMajorAxis": radius, "semiMinorAxis": radius, "material": fill},
            }
        )
    return packets


def _label(text: str, colour: str) -> Packet:
    offset = {"cartesian2": [10, 0]}
    look = {"fillColor": _rgba(colour), "horizontalOrigin": "LEFT", "pixelOffset": offset}
    return {"text": text, "font": "12px sans-serif"} | look


def _rgba(colour: str, alpha: int = 255) -> Packet:
    return {"rgba": [*rgb(colour), alpha]}


def _links(recording: Recording, stamps: list[str]) -> list[Packet]:
    """A line between two satellites while one can send to the other."""
    if "link_peer" not in recording:
        return []
    peers = recording["link_peer"]
    rounds, ends, _ = np.nonzero(peers >= 0)
    others = peers[peers >= 0]
    pairs = np.stack([np.minimum(ends, others), np.maximum(ends, others)], axis=1)
    known, which = np.unique(pairs, axis=0, return_inverse=True)
    if len(known) > MOST_LINES:
        return []
    up = np.zeros((len(known), len(recording)), bool)
    up[which, rounds] = True
    return [
        _line(f"link/{a}-{b}", f"satellite/{a}", f"satellite/{b}", LINK, 1, up[i], stamps)
        for i, (a, b) in enumerate(known.tolist())
    ]


def _contacts(recording: Recording, stamps: list[str]) -> list[Packet]:
    """A line from a satellite to the station that it sends to."""
    served = np.where(recording["downlinked"] > 0.0, recording["station"], -1)
    packets = []
    for n in range(served.shape[1]):
        for g in np.unique(served[:, n][served[:, n] >= 0]).tolist():
            ends = f"satellite/{n}", f"station/{g}"
            packets.append(_line(f"contact/{n}-{g}", *ends, CONTACT, 2, served[:, n] == g, stamps))
    return packets


def _line(
    name: str, one: str, other: str, colour: str, width: int, there: np.ndarray, stamps: list[str]
) -> Packet:
    show = [{"interval": span, "boolean": bool(on)} for span, on in _spans(there, stamps)]
    ends = {"references": [f"{one}#position", f"{other}#position"]}
    material = {"solidColor": {"color": _rgba(colour, 170)}}
    look = {"arcType": "NONE", "width": width, "material": material, "show": show}
    return {"id": name, "polyline": {"positions": ends} | look}


def _satellites(recording: Recording, every: int, stamps: list[str], span: str, told: Told) -> list[Packet]:
    rounds = np.unique(np.append(np.arange(0, len(recording), every), len(recording) - 1))
    offsets = (recording["time"][rounds] - recording["time"][0])[:, None]
    doing = recording.doing
    names = recording.meta.get("satellite_names") or [f"satellite {n}" for n in range(doing.shape[1])]
    colours = [[*rgb(colour), 255] for colour in mode_colours(recording.doing_names, dark=True)]
    trail = {"solidColor": {"color": _rgba(SILVER, 120)}}
    packets = []
    for n, name in enumerate(names):
        told("satellites", len(names))
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
                "label": _label(name, SILVER),
                "path": {"leadTime": 0, "trailTime": TRAIL_S, "width": 1, "material": trail},
            }
        )
    return packets


def _colours(state: np.ndarray, colours: list[list[int]], stamps: list[str]) -> list[Packet]:
    """An interval for every unbroken activity or state."""
    return [{"interval": span, "rgba": colours[kind]} for span, kind in _spans(state, stamps)]


def _spans(state: np.ndarray, stamps: list[str]) -> list[tuple[str, Any]]:
    """The intervals in which it does not change, and what it is in each."""
    turns = [0, *(np.flatnonzero(np.diff(state)) + 1).tolist(), len(state)]
    return [(f"{stamps[a]}/{stamps[b]}", state[a]) for a, b in pairwise(turns)]


def _iso(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
