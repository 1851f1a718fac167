"""What may be run into: encounters staged or met with debris, warnings that sharpen, and burns against them.

Each satellite has a list of encounters: objects that pass it, each given by its state at the moment when it
would be nearest to the satellite's unburned orbit. The truth is in the states: a burn flies the satellite
anew to every encounter ahead, and the distance that comes out is the one by which they will pass. The
satellite itself knows only warnings. A warning is the truth plus an error of the other object's position,
in its R, T and N; at every update the error shrinks to one of the smaller deviations that then apply, so
that the estimates of one encounter are a martingale, as those of a filter are.
"""

from collections.abc import Callable
from math import ceil, cos, inf, pi, radians, sin, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.bounds import MOST_SCREENED
from sandbox.compiled import kernel
from sandbox.conjunctions.approach import may_meet, minimum_between, nearer
from sandbox.conjunctions.objects import CataloguedObjects, Objects
from sandbox.conjunctions.screening import ENCOUNTER as PASS
from sandbox.conjunctions.screening import screen
from sandbox.encounter_warnings import warn
from sandbox.errors import SandboxError
from sandbox.maneuvers import SLOT_STEP_S, keep_slot, predict
from sandbox.near_passes import draw_near
from sandbox.orbits.bodies import R_EARTH
from sandbox.orbits.catalogue import read_catalogue
from sandbox.orbits.constellations import states
from sandbox.orbits.decay import flying
from sandbox.orbits.propagation import MAX_STEP_S, advance
from sandbox.scenario import Encounters as Settings
from sandbox.setting import Setting
from sandbox.state import LOST, State
from sandbox.structured import structured
from sandbox.units import DAY, HOUR

POPULATION_SEED = 20_260_320
"""The population is part of the scenario, not of an episode."""

ENCOUNTER = structured(
    [
        ("tca", "f8"),  # s, nominal: for the unburned orbit; inf where there is none
        ("state", "f8", (6,)),  # of the other object, GCRS at that time, m and m/s
        ("radius", "f8"),  # hard-body radius of the two, m
        ("passing", "f8"),  # s, the true closest approach to the orbit as it is now
        ("relative", "f8", (6,)),  # the other object from the satellite then
        ("axes", "f8", (3, 3)),  # R, T, N of the other object then
        ("own_axes", "f8", (3, 3)),  # and of the satellite
        ("weight", "f8"),  # collisions that a hit stands for; see `sandbox.near_passes`
    ]
)
WARNING = structured(
    [
        ("tca", "f8"),  # s, estimated; inf where there is none
        ("miss", "f8"),  # m, estimated, in the encounter plane
        ("sigma", "f8"),  # m, deviation along that miss
        ("probability", "f8"),
        ("issued", "f8"),  # s, when it came
    ]
)
PASSING = structured(
    [
        ("hit", "?"),
        ("closest", "f8"),
        ("burned", "f8"),
        ("drift", "f8"),
        ("offset", "f8"),
        ("slot_at", "f8"),
        ("unsought", "f8"),
        ("weight", "f8"),
        ("risk", "f8"),
        ("burns", "i8"),
    ]
)
"""What the last round brought: a collision, the least distance to anything that passed (m), m/s burned; where
the satellite is: m/s of drift along track from its slot, m ahead of it; the time of `slot_position` of
`EncounterState`; the m/s burned since the search for contacts with the ground was begun anew; the weight of
the collisions of the last round; the sum of the collision probabilities that were last told of what passed in
it; and how often it has burned."""


class EncounterState(NamedTuple):
    """The encounters of B worlds of N satellites, K at most each, by time."""

    encounter: np.ndarray  # (B, N, K) ENCOUNTER
    error: NDArray[np.float64]  # (B, N, K, U, 3) standard normals, one for each update, the last first
    own_error: NDArray[np.float64]  # the same of the own orbit; of no update where that is known
    key: NDArray[np.uint64]  # (B, N) of the errors of burns
    fuel: NDArray[np.float64]  # (B, N) m/s
    burned: NDArray[np.bool_]  # (B, N) whether it ever burned
    slot_position: NDArray[np.float64]  # (B, N, 3) m, GCRS: where it would be had it never burned
    slot_velocity: NDArray[np.float64]  # (B, N, 3) m/s
    warned_until: NDArray[np.float64]  # (B, N) s, when the warnings have to be written anew
    passing: np.ndarray  # (B, N) PASSING


class Sweep(NamedTuple):
    """Working memory for who meets whom in B worlds."""

    order: NDArray[np.int32]  # (B, N) satellites by their first coordinate
    place: NDArray[np.float64]  # (B, N, 3) m, where they are, side by side for a quick look
    warning: np.ndarray  # (B,) WARNING: the last one of something that passed


class OwnOrbit(NamedTuple):
    """How well a satellite's own orbit is known; fields as in `EncounterParams`."""

    unknown: bool
    update: float
    sigma: tuple[float, float, float]
    growth: float


class EncounterParams(NamedTuple):
    """Numbers of `scenario.Encounters` that kernels read, in SI units."""

    warn: float
    update: float
    sigma: tuple[float, float, float]
    growth: float
    radius: float
    watch: float
    small: float
    large: float
    own: OwnOrbit
    burn_sigma: float  # share of the size
    burn_pointing: float  # rad


class Encounters(NamedTuple):
    """The part of a world in which satellites may be hit."""

    state: EncounterState
    params: EncounterParams
    scratch: Sweep
    warnings: np.ndarray  # (B, N, W) WARNING: what each satellite is told
    passes: np.ndarray  # (P,) of the population, known from the start; see `conjunctions.screening`


def make_part(setting: Setting, warned: int, passes: np.ndarray | None = None) -> Encounters:
    """The part, with `warned` warnings a satellite. Raises SandboxError for satellites that cannot burn.

    `passes` are those of the population, where they are known already: to find them takes long.
    """
    if setting.fleet.sgp4:
        raise SandboxError("Satellites that SGP4 flies cannot burn; set propagator: cowell in their group.")
    settings, (worlds, satellites) = setting.scenario.encounters, setting.team
    passes = population_passes(setting) if passes is None else passes
    room = encounter_room(settings, setting.horizon_s, passes, satellites)
    return Encounters(
        make_state(worlds, satellites, room, settings),
        make_params(settings),
        make_sweep(worlds, satellites),
        np.zeros((worlds, satellites, warned), WARNING),
        passes,
    )


def encounter_room(settings: Settings, horizon_s: float, passes: np.ndarray, satellites: int) -> int:
    """Room for a satellite's encounters in any episode: the mean of the staged, and eight deviations."""
    mean = settings.staged_per_day * horizon_s / DAY
    counts = np.bincount(passes["primary"], minlength=satellites)
    return ceil(mean + 8.0 * sqrt(mean)) + 4 + int(counts.max())


def make_state(worlds: int, satellites: int, room: int, settings: Settings) -> EncounterState:
    """Zeroed arrays."""
    team = (worlds, satellites)
    updates = ceil(settings.warn_h / settings.update_h) + 1
    return EncounterState(
        encounter=np.zeros((*team, room), ENCOUNTER),
        error=np.zeros((*team, room, updates, 3)),
        own_error=np.zeros((*team, room, updates if own_unknown(settings) else 0, 3)),
        key=np.zeros(team, np.uint64),
        fuel=np.zeros(team),
        burned=np.zeros(team, np.bool_),
        slot_position=np.zeros((*team, 3)),
        slot_velocity=np.zeros((*team, 3)),
        warned_until=np.zeros(team),
        passing=np.zeros(team, PASSING),
    )


def make_sweep(worlds: int, satellites: int) -> Sweep:
    """In any order; the first sweep sorts it."""
    team = (worlds, satellites)
    order = np.tile(np.arange(satellites, dtype=np.int32), (worlds, 1))
    return Sweep(order, np.zeros((*team, 3)), np.zeros(worlds, WARNING))


def make_params(settings: Settings) -> EncounterParams:
    """The numbers of `settings` for the kernels."""
    sizes = float(settings.small_m_s), float(settings.large_m_s)
    sigma, mine = settings.sigma_m, settings.own_sigma_m
    update = settings.update_h * HOUR
    own = OwnOrbit(own_unknown(settings), update, (mine[0], mine[1], mine[2]), settings.own_growth_m_day15)
    return EncounterParams(
        settings.warn_h * HOUR,
        update,
        (sigma[0], sigma[1], sigma[2]),
        settings.growth_m_day15,
        settings.hard_body_radius_m,
        1e3 * settings.watch_km,
        *sizes,
        own,
        settings.burn_sigma_percent / 100.0,
        radians(settings.burn_pointing_sigma_deg),
    )


def own_unknown(settings: Settings) -> bool:
    """Whether there is any uncertainty about the satellites' own orbits."""
    return any(settings.own_sigma_m) or settings.own_growth_m_day15 > 0.0


def begin(encounters: Encounters, setting: Setting, state: State, b: int, rng: np.random.Generator) -> None:
    """Draw the encounters of an episode in world b, whose satellites stand at its start."""
    records, settings, passes = encounters.state, setting.scenario.encounters, encounters.passes
    start = float(state.clock["start"][b])
    records.fuel[b], records.burned[b] = settings.fuel_m_s, False
    records.slot_position[b], records.slot_velocity[b] = state.orbit.position[b], state.orbit.velocity[b]
    records.warned_until[b] = -inf
    records.passing[b] = np.zeros((), PASSING)
    records.passing["closest"][b] = inf
    rows = records.encounter[b]
    rows["tca"], rows["weight"] = inf, 1.0
    ahead = passes[(passes["tca"] > start) & (passes["tca"] < start + setting.horizon_s)]
    for n in range(state.body.shape[1]):
        track = state.orbit.position[b, n].copy(), state.orbit.velocity[b, n].copy()
        times, others = _staged(setting, rng, n, start, *track)
        natural, weight = ahead[ahead["primary"] == n], np.ones(0)
        if settings.importance_sampling and len(natural):
            natural, weight = draw_near(rng, natural, settings.hard_body_radius_m, 1e3 * settings.watch_km)
        if not len(times) + len(natural):
            continue
        tca = np.concatenate((times, natural["tca"]))
        other = np.concatenate((others, natural["state2"]))
        order = np.argsort(tca, kind="stable")[: rows.shape[1]]
        rows["tca"][n, : len(order)], rows["state"][n, : len(order)] = tca[order], other[order]
        if settings.importance_sampling:
            rows["weight"][n, : len(order)] = weight[order]
    rows["radius"] = settings.hard_body_radius_m
    records.error[b] = rng.standard_normal(records.error[b].shape)
    records.own_error[b] = rng.standard_normal(records.own_error[b].shape)
    inexact = settings.burn_sigma_percent > 0.0 or settings.burn_pointing_sigma_deg > 0.0
    records.key[b] = rng.integers(0, 2**64, len(records.key[b]), np.uint64) if inexact else 0


def _staged(
    setting: Setting, rng: np.random.Generator, n: int, start: float, position: NDArray, velocity: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times, and states of the other objects, of the encounters staged for satellite n, there at `start`."""
    settings, c = setting.scenario.encounters, setting.constants
    count = int(rng.poisson(settings.staged_per_day * setting.horizon_s / DAY))
    if not count:
        return np.empty(0), np.empty((0, 6))
    times = start + np.sort(rng.uniform(0.0, setting.horizon_s, count))
    others, now, ballistic = np.empty((count, 6)), start, c.ballistic[n : n + 1]
    position, velocity = position[None, None], velocity[None, None]
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


def population_passes(setting: Setting, told: Callable[[float], None] | None = None) -> np.ndarray:
    """Every pass of the scenario's population or catalogue within `watch_km` of the orbits of its fleet.

    `told` is called with the share of the screening that is done. Raises SandboxError for what would take
    days.
    """
    scenario, constants = setting.scenario, setting.constants
    settings, reach = scenario.encounters, scenario.start_within_h * HOUR + setting.horizon_s
    if settings.catalogue is not None:
        epoch = scenario.epoch
        there = flying(read_catalogue(settings.catalogue), epoch)
        if not there.sets:
            return np.zeros(0, PASS)
        others: Objects | CataloguedObjects = CataloguedObjects(there, epoch)
    else:
        others = population(settings.population)
    minutes = (len(others) + len(setting.fleet)) * reach / 60.0
    if minutes > MOST_SCREENED:
        raise SandboxError(
            f"Screening {len(others):,} objects over {reach / HOUR:,.0f} h (start_within_h and the horizon) "
            "would take days; lower records.population or the hours."
        )
    fleet = Objects(
        setting.fleet.position,
        setting.fleet.velocity,
        constants.forces,
        constants.ballistic,
        constants.ephemeris,
    )
    return screen(fleet, others, reach, settings.watch_km * 1e3, progress=told or False)


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


@kernel
def predict_all(state, constants, encounters, b):
    """Fly every satellite of world b to all that it will meet."""
    for n in range(state.body.shape[1]):
        predict(encounters.state, state.orbit, constants, b, n, state.clock[b].time)


@kernel
def pass_all(state, constants, encounters, b):
    """After a round of world b: who met what, and where everyone is in relation to its slot."""
    records, last = encounters.state, encounters.scratch.warning[b]
    now, start = state.clock[b].time, state.clock[b].time - constants.round_s
    for n in range(state.body.shape[1]):
        passing = records.passing[b, n]
        passing.hit, passing.closest, passing.weight, passing.risk = False, inf, 0.0, 0.0
        if state.body[b, n].alive:
            rows, error, own_error = records.encounter[b, n], records.error[b, n], records.own_error[b, n]
            _pass_debris(rows, error, own_error, passing, encounters.params, start, now, last)
    _pass_fleet(state, constants, records, encounters.params, encounters.scratch, b)
    for n in range(state.body.shape[1]):
        passing = records.passing[b, n]
        if passing.hit and state.body[b, n].alive:
            state.body[b, n].alive = False
            state.activity[b, n].died = True
            state.activity[b, n].mode = LOST
        if records.burned[b, n] and now - passing.slot_at >= SLOT_STEP_S:
            keep_slot(records, state.orbit, constants, now, b, n)


@kernel
def _pass_debris(rows, error, own_error, passing, params, start, now, last):
    for k in range(rows.shape[0]):
        if rows[k].tca == inf:
            break
        if start < rows[k].passing <= now:
            r = rows[k].relative
            distance = sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2])
            warn(rows[k], error[k], own_error[k], start, params, last)
            if last.tca != inf:
                passing.risk += last.probability
            if distance <= params.watch:
                passing.closest = min(passing.closest, distance)
            if distance < rows[k].radius:
                passing.hit = True
                passing.weight += rows[k].weight


@kernel
def _pass_fleet(state, constants, records, params, sweep, b):
    """Satellites that ever burned may meet the others: over the last round, from where they are now.

    They are swept along the first axis, so that each is held against its neighbours on it only.
    """
    body, burned, order, place = state.body[b], records.burned[b], sweep.order[b], sweep.place[b]
    position, velocity, any_burned = state.orbit.position[b], state.orbit.velocity[b], False
    for n in range(burned.shape[0]):
        any_burned = any_burned or (burned[n] and body[n].alive)
    if not any_burned:
        return
    reach = _reach(position, velocity, body, params.watch, constants.round_s)
    _sort(order, place, position)
    for i in range(order.shape[0]):
        n = order[i]
        j = i + 1
        while body[n].alive and j < order.shape[0] and place[j, 0] - place[i, 0] <= reach:
            m = order[j]
            near = _square(place[i], place[j]) <= reach * reach
            if near and body[m].alive and (burned[n] or burned[m]):
                ahead = n < m if burned[n] == burned[m] else burned[n]
                first, second = (n, m) if ahead else (m, n)
                _pass_each_other(position, velocity, constants, records.passing[b], params, first, second)
            j += 1


@kernel
def _reach(position, velocity, body, watch, seconds):
    """How far apart (m) two of the satellites can be that were within `watch` of each other in `seconds`."""
    fastest, lowest = 0.0, inf
    for n in range(body.shape[0]):
        if body[n].alive:
            p, v = position[n], velocity[n]
            fastest = max(fastest, v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
            lowest = min(lowest, p[0] * p[0] + p[1] * p[1] + p[2] * p[2])
    fastest, lowest = 2.0 * sqrt(fastest), sqrt(lowest)
    more = nearer(1.0, 0.0, lowest, seconds)  # for each metre apart
    return (watch + nearer(0.0, fastest, lowest, seconds)) / (1.0 - more) if more < 1.0 else inf


@kernel
def _square(p, q):
    """The square of the distance between two positions (3,)."""
    x, y, z = q[0] - p[0], q[1] - p[1], q[2] - p[2]
    return x * x + y * y + z * z


@kernel
def _sort(order, place, position):
    """Sort the satellites in order (N,) by their first coordinate; write where they are into place (N, 3).

    By insertion: they stand nearly as they did a round before.
    """
    for i in range(order.shape[0]):
        n, k = order[i], i
        while k > 0 and place[k - 1, 0] > position[n, 0]:
            order[k] = order[k - 1]
            _copy(place[k - 1], place[k])
            k -= 1
        order[k] = n
        _copy(position[n], place[k])


@kernel
def _copy(one, other):
    other[0], other[1], other[2] = one[0], one[1], one[2]


@kernel
def _pass_each_other(position, velocity, constants, passing, params, n, m):
    """Note how near satellites n and m came to each other in the last round, if that may be worth noting."""
    p, v, q, w, seconds = position[n], velocity[n], position[m], velocity[m], constants.round_s
    if not may_meet(p, v, q, w, params.watch, seconds):
        return
    _, least = minimum_between(
        (p[0], p[1], p[2], v[0], v[1], v[2]), (q[0], q[1], q[2], w[0], w[1], w[2]), -seconds, 0.0,
        constants.forces, constants.ballistic[n], constants.ballistic[m],
    )  # fmt: skip
    for i in (n, m):
        if least <= params.watch:
            passing[i].closest = min(passing[i].closest, least)
        if least < params.radius:
            passing[i].hit = True
            passing[i].weight += 1.0
