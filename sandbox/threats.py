"""What may be run into: encounters staged or met with debris, warnings that sharpen, and burns against them.

Each satellite has a list of threats: objects that pass it, each given by its state at the moment when it
would be nearest to the satellite's unburned orbit. The truth is in the states: a burn flies the satellite
anew to every threat ahead, and the distance that comes out is the one by which they will pass. The satellite
itself knows only warnings. A warning is the truth plus an error of the other object's position, in its R, T
and N; at every update the error shrinks to one of the smaller deviations that then apply, so that the
estimates of one encounter are a martingale, as those of a filter are.
"""

from math import ceil, cos, inf, pi, sin, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.conjunctions.objects import CataloguedObjects, Objects
from sandbox.conjunctions.screening import screen
from sandbox.orbits.bodies import R_EARTH
from sandbox.orbits.catalogue import read_catalogue
from sandbox.orbits.constellations import states
from sandbox.orbits.propagation import advance
from sandbox.scenario import Threats as Settings
from sandbox.units import DAY, HOUR
from sandbox.world import MAX_STEP_S, World

POPULATION_SEED = 20_260_320
"""The population is part of the scenario, not of an episode."""

THREAT = np.dtype(
    [
        ("tca", "f8"),  # s, nominal: for the unburned orbit; inf where there is none
        ("state", "f8", (6,)),  # of the other object, GCRS at that time, m and m/s
        ("radius", "f8"),  # hard-body radius of the two, m
        ("passing", "f8"),  # s, the true closest approach to the orbit as it is now
        ("relative", "f8", (6,)),  # the other object from the satellite then
        ("axes", "f8", (3, 3)),  # R, T, N of the other object then
    ],
    align=True,
)
WARNING = np.dtype(
    [
        ("tca", "f8"),  # s, estimated; inf where there is none
        ("miss", "f8"),  # m, estimated, in the encounter plane
        ("sigma", "f8"),  # m, deviation along that miss
        ("probability", "f8"),
        ("issued", "f8"),  # s, when it came
    ],
    align=True,
)
PASSING = np.dtype(
    [
        ("hit", "?"),
        ("closest", "f8"),
        ("burned", "f8"),
        ("drift", "f8"),
        ("offset", "f8"),
        ("slot_at", "f8"),
        ("unsought", "f8"),
    ],
    align=True,
)
"""What the last round brought: a collision, the least distance to anything that passed (m), m/s burned; where
the satellite is: m/s of drift along track from its slot, m ahead of it; the time of `Threats.slot_position`;
and the m/s burned since the search for contacts with the ground was begun anew."""


class Threats(NamedTuple):
    """The threats of B worlds of N satellites, K at most each, by time."""

    threat: np.ndarray  # (B, N, K) THREAT
    error: NDArray[np.float64]  # (B, N, K, U, 3) standard normals, one for each update, the last first
    fuel: NDArray[np.float64]  # (B, N) m/s
    burned: NDArray[np.bool_]  # (B, N) whether it ever burned
    slot_position: NDArray[np.float64]  # (B, N, 3) m, GCRS: where it would be had it never burned
    slot_velocity: NDArray[np.float64]  # (B, N, 3) m/s
    told_until: NDArray[np.float64]  # (B, N) s, when the warnings have to be written anew
    passing: np.ndarray  # (B, N) PASSING


class Sweep(NamedTuple):
    """Working memory for who meets whom in the fleets of B worlds."""

    order: NDArray[np.int32]  # (B, N) satellites by their first coordinate
    place: NDArray[np.float64]  # (B, N, 3) m, where they are, side by side for a quick look


class Rules(NamedTuple):
    """Numbers of `scenario.Threats` that kernels read, in SI units."""

    warn: float
    update: float
    sigma: tuple[float, float, float]
    growth: float
    radius: float
    watch: float
    small: float
    large: float


def threat_room(settings: Settings, horizon_s: float, passes: np.ndarray, satellites: int) -> int:
    """Room for the threats of a satellite in any episode: the mean of the staged, eight deviations more."""
    mean = settings.staged_per_day * horizon_s / DAY
    counts = np.bincount(passes["primary"], minlength=satellites)
    return ceil(mean + 8.0 * sqrt(mean)) + 4 + int(counts.max())


def make_threats(worlds: int, satellites: int, room: int, settings: Settings) -> Threats:
    """Zeroed arrays."""
    team = (worlds, satellites)
    updates = ceil(settings.warn_h / settings.update_h) + 1
    return Threats(
        threat=np.zeros((*team, room), THREAT),
        error=np.zeros((*team, room, updates, 3)),
        fuel=np.zeros(team),
        burned=np.zeros(team, np.bool_),
        slot_position=np.zeros((*team, 3)),
        slot_velocity=np.zeros((*team, 3)),
        told_until=np.zeros(team),
        passing=np.zeros(team, PASSING),
    )


def make_sweep(worlds: int, satellites: int) -> Sweep:
    """In any order; the first sweep sorts it."""
    team = (worlds, satellites)
    return Sweep(np.tile(np.arange(satellites, dtype=np.int32), (worlds, 1)), np.zeros((*team, 3)))


def make_rules(settings: Settings) -> Rules:
    """The numbers of `settings` for the kernels."""
    sizes = settings.small_m_s, settings.large_m_s
    sigma = settings.sigma_m
    return Rules(
        settings.warn_h * HOUR,
        settings.update_h * HOUR,
        (sigma[0], sigma[1], sigma[2]),
        settings.growth_m_day15,
        settings.hard_body_radius_m,
        1e3 * settings.watch_km,
        *sizes,
    )


def begin_threats(
    threats: Threats, world: World, passes: np.ndarray, b: int, rng: np.random.Generator
) -> None:
    """Draw the threats of an episode in world b, whose satellites stand at its start."""
    settings, state = world.scenario.threats, world.state
    start = float(state.clock["start"][b])
    threats.fuel[b], threats.burned[b] = settings.fuel_m_s, False
    threats.slot_position[b], threats.slot_velocity[b] = state.orbit.position[b], state.orbit.velocity[b]
    threats.told_until[b] = -inf
    threats.passing[b] = np.zeros((), PASSING)
    threats.passing["closest"][b] = inf
    rows = threats.threat[b]
    rows["tca"] = inf
    ahead = passes[(passes["tca"] > start) & (passes["tca"] < start + world.horizon_s)]
    for n in range(world.satellites):
        times, others = _staged(world, rng, n, b, start)
        natural = ahead[ahead["primary"] == n]
        if not len(times) + len(natural):
            continue
        tca = np.concatenate((times, natural["tca"]))
        other = np.concatenate((others, natural["state2"]))
        order = np.argsort(tca, kind="stable")[: rows.shape[1]]
        rows["tca"][n, : len(order)], rows["state"][n, : len(order)] = tca[order], other[order]
    rows["radius"] = settings.hard_body_radius_m
    threats.error[b] = rng.standard_normal(threats.error[b].shape)


def _staged(
    world: World, rng: np.random.Generator, n: int, b: int, start: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times and the other objects' states of the encounters staged for satellite n of world b."""
    settings, c, orbit = world.scenario.threats, world.constants, world.state.orbit
    count = int(rng.poisson(settings.staged_per_day * world.horizon_s / DAY))
    if not count:
        return np.empty(0), np.empty((0, 6))
    times = start + np.sort(rng.uniform(0.0, world.horizon_s, count))
    others, now = np.empty((count, 6)), start
    position, velocity = orbit.position[b, n].copy()[None, None], orbit.velocity[b, n].copy()[None, None]
    ballistic = c.ballistic[n : n + 1]
    for k, time in enumerate(times):
        clock = np.array([now])
        advance(position, velocity, clock, time - now, MAX_STEP_S, c.forces, ballistic, c.ephemeris)
        now = time
        others[k] = staged_encounter(rng, position[0, 0], velocity[0, 0], settings)
    return times, others


def staged_encounter(
    rng: np.random.Generator, position: NDArray, velocity: NDArray, settings: Settings
) -> NDArray[np.float64]:
    """The state (6,) of an object that passes a satellite at its closest approach.

    It flies at the satellite's speed to 0.5 %, level to half a degree, its track turned by 20 to 340 degrees:
    what circular orbits of all inclinations that share an altitude do.
    """
    up = position / np.linalg.norm(position)
    ahead = velocity - (velocity @ up) * up
    speed = np.linalg.norm(velocity) * rng.normal(1.0, 0.002)
    ahead /= np.linalg.norm(ahead)
    turn, climb = rng.uniform(np.radians(20.0), np.radians(340.0)), rng.normal(0.0, np.radians(0.25))
    level = cos(turn) * ahead + sin(turn) * _cross(up, ahead)
    other = speed * (cos(climb) * level + sin(climb) * up)
    relative = other - velocity
    across = _cross(relative, up)
    across /= np.linalg.norm(across)
    rise = _cross(across, relative / np.linalg.norm(relative))
    angle = rng.uniform(0.0, 2.0 * pi)
    if rng.random() < settings.hit_share:
        distance = settings.hard_body_radius_m * sqrt(rng.random())
    else:
        distance = settings.miss_m * sqrt(-2.0 * np.log(1.0 - rng.random()))
    miss = distance * (cos(angle) * across + sin(angle) * rise)
    return np.concatenate((position + miss, other))


def _cross(a: NDArray, b: NDArray) -> NDArray[np.float64]:
    """The cross product of two vectors (3,), without what `np.cross` takes to find out that they are."""
    (ax, ay, az), (bx, by, bz) = a.tolist(), b.tolist()
    return np.array((ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx))


def population_passes(world: World) -> np.ndarray:
    """Every pass of the scenario's population or catalogue within `watch_km` of the orbits of its fleet."""
    settings, reach = world.scenario.threats, world.scenario.start_within_h * HOUR + world.horizon_s
    if settings.catalogue is not None:
        others: Objects | CataloguedObjects = CataloguedObjects(
            read_catalogue(settings.catalogue), world.scenario.epoch
        )
    else:
        others = population(settings.population)
    constants = world.constants
    fleet = Objects(
        world.fleet.position,
        world.fleet.velocity,
        constants.forces,
        constants.ballistic,
        constants.ephemeris,
    )
    return screen(fleet, others, reach, settings.watch_km * 1e3)


BANDS = ((500.0, 620.0, 0.35), (700.0, 900.0, 0.40), (900.0, 1100.0, 0.10), (300.0, 2000.0, 0.15))
"""Altitudes (km) and shares of the population; assumed, crowded near 550 and 800 km as low orbit is."""
INCLINATIONS_DEG = (53.0, 65.8, 74.0, 82.5, 86.4, 97.5, 98.6)


def population(count: int, seed: int = POPULATION_SEED) -> Objects:
    """So many objects on low orbits at the inclinations and in the altitude bands that are in use."""
    rng = np.random.default_rng(seed)
    low, high, share = np.array(BANDS).T
    band = rng.choice(len(BANDS), count, p=share)
    rows = np.zeros((count, 6))
    rows[:, 0] = R_EARTH + 1e3 * rng.uniform(low[band], high[band])
    rows[:, 1] = np.minimum(rng.exponential(0.003, count), (rows[:, 0] - R_EARTH - 200e3) / rows[:, 0])
    rows[:, 2] = np.radians(rng.choice(INCLINATIONS_DEG, count) + rng.normal(0.0, 0.3, count))
    rows[:, 3:] = rng.uniform(0.0, 2.0 * pi, (count, 3))
    return Objects(*states(rows))
