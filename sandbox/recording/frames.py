"""From a world to the rows of a recording.

A row is a round: how things stood when it began, and what was done in it. So whoever steps the world takes
`scene_of` before the step and `activity_of` after it:

    recorder = Recorder(meta_of(world), rounds, *sizes_of(world), len(actions), static=static_of(world))
    scene = scene_of(world)
    world.step(mode=..., place=...)
    recorder.append(**scene, **activity_of(world), action=..., reward=...)
    for event in events_of(world):
        recorder.event(*event)

The world must not begin a new episode in between: an environment is made with `autoreset=False`.
"""

from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.orbits.eclipse import illumination
from sandbox.orbits.ephemeris import earth_rotation_angle, sun_position
from sandbox.orbits.frames import gcrs_to_itrs, itrs_to_geodetic
from sandbox.orbits.propagation import propagate
from sandbox.sensing import decayed
from sandbox.state import DELIVERED, EXPIRED, MODE_NAMES, NONE, PENDING, TIP

if TYPE_CHECKING:
    from sandbox.world import World

SHOWN_S = 1800.0
"""Seconds before it passes from which an object is shown."""
_SAME_S = 1e-6
"""A capture that ends with the round may be that much beyond its end."""
Event = tuple[float, int, str, int, float]


def meta_of(world: "World") -> dict[str, Any]:
    """What a recording of `world` is of: scenario, epoch (ISO UTC), length of a round and the names."""
    scenario = world.scenario
    return {
        "scenario": scenario.name,
        "epoch": scenario.epoch.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "round_s": scenario.round_s,
        "satellite_names": list(world.fleet.names),
        "station_names": [station.name for station in scenario.stations],
        "mode_names": list(MODE_NAMES),
    }


def sizes_of(world: "World", b: int = 0) -> tuple[int, int, int]:
    """Satellites, stations and requests of the episode in world `b`."""
    return world.satellites, len(world.scenario.stations), len(book_of(world, b))


def static_of(world: "World", b: int = 0) -> dict[str, np.ndarray]:
    """Where the stations and the requests of world `b` are (rad), and what the requests are worth."""
    book, stations = book_of(world, b), world.scenario.stations
    up = book["up"]
    return {
        "station_latitude": np.radians([station.latitude_deg for station in stations]),
        "station_longitude": np.radians([station.longitude_deg for station in stations]),
        "target_latitude": np.arcsin(np.clip(up[:, 2], -1.0, 1.0)),
        "target_longitude": np.arctan2(up[:, 1], up[:, 0]),
        "target_value": book["value"].copy(),
    }


def scene_of(world: "World", b: int = 0) -> dict[str, Any]:
    """How things stand in world `b` at its clock's time: call it before the step."""
    state, constants = world.state, world.constants
    time = float(state.clock["time"][b])
    sun = np.array(sun_position(constants.ephemeris, time))
    alive = state.body["alive"][b].copy()
    latitude, longitude, sunlight = (
        state.outlook[name][b].copy() for name in ("latitude", "longitude", "sunlight")
    )
    for n in np.flatnonzero(~alive):  # the world no longer looks out for the lost
        position = state.orbit.position[b, n]
        latitude[n], longitude[n], _ = itrs_to_geodetic(gcrs_to_itrs(position, constants.ephemeris, time))
        sunlight[n] = illumination(*position, *sun)
    return {
        "time": time,
        "earth_angle": earth_rotation_angle(constants.ephemeris, time),
        "sun": sun / np.linalg.norm(sun),
        "position": state.orbit.position[b].copy(),
        "latitude": latitude,
        "longitude": longitude,
        "battery": state.power["energy"][b] / state.power["capacity"][b],
        "store": state.store.level["used"][b] / constants.craft["store_bits"],
        "temperature": state.body["temperature"][b].copy(),
        "board_temperature": state.body["board"][b].copy(),
        "safe_mode": state.safety["safe"][b].copy(),
        "sunlight": sunlight,
        "alive": alive,
        "target_state": book_of(world, b)["status"].copy(),
        **_skies_of(world, b),
        **_links_of(world, b),
        **_encounters_of(world, b),
    }


def _skies_of(world: "World", b: int) -> dict[str, np.ndarray]:
    """The sky over the stations."""
    return {} if world.weather is None else {"station_sky": world.state.ground["sky"][b].astype(np.uint8)}


def _links_of(world: "World", b: int) -> dict[str, np.ndarray]:
    """Which satellites the laser terminals can send to now."""
    if world.lasers is None:
        return {}
    links = world.lasers.state.links[b]
    peer = links["peer"]
    up = (peer != NONE) & (links["since"] + links["wait"] <= world.state.clock["time"][b])
    return {"link_peer": np.where(up, peer, NONE).astype(np.int32)}


def _encounters_of(world: "World", b: int) -> dict[str, np.ndarray]:
    """Where the next object is that passes each satellite within `SHOWN_S`."""
    if world.encounters is None:
        return {}
    now, where = float(world.state.clock["time"][b]), np.zeros((world.satellites, 3))
    for n, rows in enumerate(world.encounters.state.encounter[b]):
        ahead = rows[(rows["passing"] >= now) & (rows["tca"] <= now + SHOWN_S)]
        if len(ahead) and world.state.body["alive"][b, n]:
            state = ahead[0]["state"]
            places, _ = propagate(state[:3], state[3:], [now - ahead[0]["tca"]])
            where[n] = places[0]
    return {"encounter_position": where.astype(np.float32)}


def activity_of(world: "World", b: int = 0) -> dict[str, np.ndarray]:
    """What the satellites of world `b` did in the round that ended last: call it after the step.

    Where jobs are served, what answers earned and the bits sent for jobs count as those of images.
    """
    did = world.state.activity[b]
    activity = {
        "mode": did["mode"].copy(),
        "station": did["station"].copy(),
        "target": did["request"].copy(),
        "delivered_value": did["value"].copy(),
        "downlinked": did["downlinked"].copy(),
    }
    if world.jobs is not None:
        servers = world.jobs.state.servers[b]
        activity["delivered_value"] += servers["value"]
        activity["downlinked"] += servers["sent"]
    return activity


def frame_of(world: "World", b: int = 0) -> dict[str, Any]:
    """World `b` as it stands, with what was done in the last round: one picture, for a live view."""
    return scene_of(world, b) | activity_of(world, b)


def events_of(world: "World", b: int = 0) -> Iterator[Event]:
    """What happened in the last round of world `b`, by time: (time s, satellite, kind, request, value).

    Kinds: capture (its value on the spot), delivery (the value that arrived), cloudy, duplicate, expired
    (the value forgone) and lost; of requests of several kinds also completion (of an order: what it paid; the
    request is its first) and tip (an urgent request that an image has opened). A capture, a delivery, an
    expiry, a completion and a tip are timed exactly; an image thrown away stands at the beginning of the
    round, a loss at its end. Satellite and request are -1 where there is none.
    """
    did, end = world.state.activity[b], float(world.state.clock["time"][b])
    start, book = end - world.scenario.round_s, book_of(world, b)
    found: list[Event] = []
    for kind in ("cloudy", "duplicate"):
        for n in np.flatnonzero(did[kind]):
            j = did[f"{kind}_request"][n]
            found.append((start, int(n), kind, int(j), float(book["value"][j])))
    if did["captured"].any():
        for j in np.flatnonzero(book["captured_at"] > start + _SAME_S):
            request = book[j]
            found.append(
                (
                    float(request["captured_at"]),
                    int(request["captured_by"]),
                    "capture",
                    int(j),
                    float(request["value"]),
                )
            )
    for j in np.flatnonzero((book["status"] == DELIVERED) & (book["delivered_at"] > start)):
        request = book[j]
        worth = decayed(
            request["value"], request["delivered_at"] - request["captured_at"], world.constants.half_life
        )
        found.append((float(request["delivered_at"]), int(request["captured_by"]), "delivery", int(j), worth))
    # a request whose deadline passes before the round in which it is noticed lives one round all the same
    noticed = (book["deadline"] > start) | (book["release"] > start - world.scenario.round_s)
    for j in np.flatnonzero((book["status"] == EXPIRED) & noticed):
        found.append((float(book["deadline"][j]), -1, "expired", int(j), float(book["value"][j])))
    found += _events_of_orders(world.state.requests, b, start, end)
    found += [(end, int(n), "lost", -1, 0.0) for n in np.flatnonzero(did["died"])]
    yield from sorted(found)


def _events_of_orders(requests: Any, b: int, start: float, end: float) -> Iterator[Event]:
    """What happened between two times to orders of several images, and which tips there are since."""
    book, part, campaign = requests.book[b], requests.part[b], requests.campaign[b]
    for d in np.flatnonzero((campaign["completed_at"] > start) & (campaign["completed_at"] <= end)):
        one = campaign[d]
        by = int(book["captured_by"][one["first"]])
        yield float(one["completed_at"]), by, "completion", int(one["first"]), float(one["bonus"])
    opened = (part["kind"] == TIP) & (part["opens_at"] > start) & (part["opens_at"] <= end)
    for j in np.flatnonzero(opened & (book["status"][: len(part)] != PENDING)):
        by = int(book["captured_by"][np.flatnonzero(part["opens"] == j)[0]])
        yield float(part["opens_at"][j]), by, "tip", int(j), float(book["value"][j])


def book_of(world: "World", b: int = 0) -> np.ndarray:
    """The requests of the episode in world `b`, as records; without the padding of the book behind them."""
    book = world.state.requests.book[b]
    return book[: np.searchsorted(book["release"], np.inf)]
