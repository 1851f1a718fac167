"""From a world to the rows of a recording.

A row is a round: how things stood when it began, and what was done in it. So whoever steps the world takes
`scene_of` before the step and `activity_of` after it, and with them what happened (`happenings`):

    recorder = Recorder(meta_of(world), rounds, *sizes_of(world), len(actions), static=static_of(world))
    scene, marks = scene_of(world), marks_of(world)
    world.step(mode=..., place=...)
    recorder.append(**scene, **activity_of(world), action=..., reward=...)
    for event in events_of(world, marks):
        recorder.event(*event)

The world must not begin a new episode in between: an environment is made with `autoreset=False`.
"""

from datetime import UTC
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.lasers import CARGO
from sandbox.orbits.eclipse import illumination
from sandbox.orbits.ephemeris import earth_rotation_angle, sun_position
from sandbox.orbits.frames import gcrs_to_itrs, itrs_to_geodetic
from sandbox.orbits.propagation import propagate
from sandbox.recording.happenings import book_of, burns_of
from sandbox.state import CHARGE, DOWNLINK, IDLE, LOST, MODE_NAMES, NONE

if TYPE_CHECKING:
    from sandbox.world import World

MORE_DOING = ("compute", "hand over", "burn", "safe mode")
"""What a satellite may be about beside its modes."""
SHOWN_S = 1800.0
"""Seconds before it passes from which an object is shown."""
SOME_WORK = 0.05
"""Share of a round for which boards have to run for that to be what a satellite did in it."""


def meta_of(world: "World") -> dict[str, Any]:
    """What a recording of `world` is of: scenario, epoch (ISO UTC), length of a round and the names;
    where there are lasers, the bits a second of each satellite's.
    """
    scenario = world.scenario
    return {
        "scenario": scenario.name,
        "epoch": scenario.epoch.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "round_s": scenario.round_s,
        "satellite_names": list(world.fleet.names),
        "station_names": [station.name for station in scenario.stations],
        "mode_names": list(MODE_NAMES),
        "doing_names": [*MODE_NAMES, *MORE_DOING],
        **({} if world.lasers is None else {"laser_bit_s": world.lasers.params.terminals["rate"].tolist()}),
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
        **_fuel_of(world, b),
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


def _fuel_of(world: "World", b: int) -> dict[str, np.ndarray]:
    """The change of velocity that satellites can still make against encounters."""
    encounters = world.encounters
    return {} if encounters is None else {"fuel": encounters.state.fuel[b].astype(np.float32)}


def _encounters_of(world: "World", b: int) -> dict[str, np.ndarray]:
    """Where the next object is that passes each satellite within `SHOWN_S`."""
    if world.encounters is None:
        return {}
    now, where = float(world.state.clock["time"][b]), np.zeros((world.satellites, 3))
    rows = world.encounters.state.encounter[b]
    ahead = (rows["passing"] >= now) & (rows["tca"] <= now + SHOWN_S)
    for n in np.flatnonzero(ahead.any(axis=1) & world.state.body["alive"][b]):
        first = rows[n, ahead[n].argmax()]
        state = first["state"]
        places, _ = propagate(state[:3], state[3:], [now - first["tca"]])
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
    return activity | {"doing": _doing_of(world, b)} | _cargo_of(world, b)


def _cargo_of(world: "World", b: int) -> dict[str, np.ndarray]:
    """What went over the laser links, by kind."""
    if world.lasers is None:
        return {}
    sent = world.lasers.state.sent[b].astype(np.float32)
    return {f"link_{kind}": sent[:, :, i].copy() for i, kind in enumerate(CARGO)}


def _doing_of(world: "World", b: int) -> np.ndarray:
    """What the satellites were about, of all that they did: what is rarer hides what goes on beside it.

    Rest (idle, charge) gives way to what boards, lasers and antennas do for jobs; that to burns; all to safe
    mode.
    """
    compute, hand_over, burn, safe = range(len(MODE_NAMES), len(MODE_NAMES) + len(MORE_DOING))
    doing = world.state.activity["mode"][b].copy()
    rests = (doing == IDLE) | (doing == CHARGE)
    if world.jobs is not None:
        servers = world.jobs.state.servers[b]
        doing[rests & (servers["sent"] > 0.0)] = DOWNLINK
        doing[rests & (servers["busy"] > SOME_WORK * world.scenario.round_s)] = compute
        doing[rests & (servers["handed"] > 0)] = hand_over
    alive = doing != LOST
    if world.encounters is not None:
        doing[alive & burns_of(world.encounters, b)] = burn
    doing[alive & world.state.safety["safe"][b]] = safe
    return doing


def frame_of(world: "World", b: int = 0) -> dict[str, Any]:
    """World `b` as it stands, with what was done in the last round: one picture, for a live view."""
    return scene_of(world, b) | activity_of(world, b)
