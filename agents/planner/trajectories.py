"""Where the satellites will be, and what they will see, if nobody burns: computed on copies."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.access import STATION_SAMPLE_S, View, ground_track, look_for_stations
from sandbox.compiled import kernel
from sandbox.fleet import sgp4_states
from sandbox.geometry import line_of_sight, rotate, round_path, unit
from sandbox.orbits.bodies import AU, LOWEST_M, SOLAR_CONSTANT
from sandbox.orbits.eclipse import illumination
from sandbox.orbits.ephemeris import earth_rotation, sun_position
from sandbox.orbits.propagation import MAX_STEP_S, advance
from sandbox.power import harvest_power
from sandbox.state import NONE, OUTLOOK
from sandbox.weather import skies_along
from sandbox.world import World


class Trajectories(NamedTuple):
    """T rounds ahead of N satellites, the first one beginning now."""

    start: float  # s
    position: NDArray[np.float64]  # (T + 1, N, 3) m, GCRS
    velocity: NDArray[np.float64]  # (T + 1, N, 3) m/s
    outlook: NDArray[np.void]  # (T, N) OUTLOOK: the station in view
    aim: NDArray[np.float64]  # (T, N, 3) unit vector to it in the middle of what is in view, GCRS
    sun: NDArray[np.float64]  # (T, 3) unit vector
    harvest: NDArray[np.float64]  # (T, N) W with the panel to the Sun


def trajectories(world: World, b: int, rounds: int) -> Trajectories:
    """The trajectories of world b for so many rounds from its present time."""
    constants, orbit = world.constants, world.state.orbit
    now, step = float(world.state.clock["time"][b]), constants.round_s
    position, velocity = (np.empty((rounds + 1, world.satellites, 3)) for _ in range(2))
    position[0], velocity[0] = orbit.position[b], orbit.velocity[b]
    for t in range(rounds):
        position[t + 1], velocity[t + 1] = position[t], velocity[t]
        advance(
            position[t + 1 : t + 2],
            velocity[t + 1 : t + 2],
            np.array([now + t * step]),
            step,
            MAX_STEP_S,
            constants.forces,
            constants.ballistic,
            constants.ephemeris,
        )
        if world.fleet.sgp4:
            ahead = now + (t + 1) * step
            after = position[t + 1], velocity[t + 1]
            sgp4_states(world.fleet, world.scenario.epoch, ahead, *after, position[t])
        low = np.linalg.norm(position[t + 1], axis=-1) < LOWEST_M
        position[t + 1, low] = position[t, low]
    found = Trajectories(
        now,
        position,
        velocity,
        np.zeros((rounds, world.satellites), OUTLOOK),
        np.zeros((rounds, world.satellites, 3)),
        np.zeros((rounds, 3)),
        np.zeros((rounds, world.satellites)),
    )
    look_along(found, constants, _skies(world, b, now, rounds))
    return found


def _skies(world: World, b: int, start: float, rounds: int) -> NDArray[np.void]:
    """The stations (T, G), records of dtype GROUND, under the skies that they will have."""
    ground = np.repeat(world.state.ground[b : b + 1], rounds, axis=0)
    if world.weather is not None:
        skies_along(world.weather, world.state.clock, ground, start, world.constants.round_s, b)
    return ground


@kernel
def look_along(along, constants, ground):
    """Fill in the stations, the Sun and the harvest along the trajectories; `ground` (T, G) has the skies."""
    seconds, middle = constants.round_s, 0.5 * constants.round_s
    samples = max(constants.substeps, int(np.ceil(seconds / STATION_SAMPLE_S)))
    for t in range(along.sun.shape[0]):
        begin = along.start + t * seconds
        sun = sun_position(constants.ephemeris, begin + middle)
        away = np.sqrt(sun[0] ** 2 + sun[1] ** 2 + sun[2] ** 2)
        along.sun[t, 0], along.sun[t, 1], along.sun[t, 2] = unit(sun[0], sun[1], sun[2])
        rotation = earth_rotation(constants.ephemeris, begin + middle)
        for n in range(along.harvest.shape[1]):
            craft, outlook = constants.craft[n], along.outlook[t, n]
            path, track, radius = leg(along.position, along.velocity, constants, along.start, t, n)
            p, q = along.position[t, n], along.position[t + 1, n]
            lit = 0.5 * (
                illumination(p[0], p[1], p[2], sun[0], sun[1], sun[2])
                + illumination(q[0], q[1], q[2], sun[0], sun[1], sun[2])
            )
            along.harvest[t, n] = harvest_power(craft, SOLAR_CONSTANT * (AU / away) ** 2, lit, 1.0)
            outlook.station = NONE
            view = View(path, rotation, middle, seconds, radius, track)
            look_for_stations(outlook, constants, ground[t], craft.radio, view, samples)
            if outlook.station == NONE:
                continue
            station = constants.stations[outlook.station]
            tau = 0.5 * (outlook.visible_from + outlook.visible_to)
            a = line_of_sight(path, rotation, middle, (station.x, station.y, station.z), tau)
            along.aim[t, n, 0], along.aim[t, n, 1], along.aim[t, n, 2] = a


@kernel
def leg(position, velocity, constants, start, t, n):
    """(path, ground track, radius) of satellite n in round t of its track, as the world itself sees them."""
    seconds = constants.round_s
    begin = start + t * seconds
    path = round_path(
        position[t, n],
        velocity[t, n],
        position[t + 1, n],
        velocity[t + 1, n],
        constants.forces,
        constants.craft[n].ballistic,
        seconds,
    )
    p, q = position[t, n], position[t + 1, n]
    x, y, z = rotate(earth_rotation(constants.ephemeris, begin), p[0], p[1], p[2])
    radius = np.sqrt(x * x + y * y + z * z)
    last = unit(*rotate(earth_rotation(constants.ephemeris, begin + seconds), q[0], q[1], q[2]))
    return path, ground_track((x / radius, y / radius, z / radius), last, seconds), radius
