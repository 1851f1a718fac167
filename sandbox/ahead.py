"""Seeing ahead: requests that will come into reach of each satellite, so that it can plan for them.

Every `EVERY_S` a satellite looks along its own ground track for the requests that it will pass within the
scenario's `requests.ahead_min`, in daylight and before their deadline, and keeps the `requests.ahead` of
greatest expected value, in the order in which it meets them. Between two such searches it forgets those that
are closed, and those that are in reach by now, which `access` tells of.

The ground track is taken as great circles of `SEGMENT_S` each, on a sphere: times are good to some seconds,
angles to a degree. Shapes: B worlds, N satellites, U upcoming requests, M requests in the book.
"""

import math
from typing import NamedTuple

import numpy as np

from sandbox.access import (
    LOOK_AHEAD_S,
    chain_requests,
    ground_track,
    is_inside,
    near_cells,
    next_request,
    swath_along,
    unchain_requests,
)
from sandbox.campaigns import hold_of
from sandbox.compiled import kernel
from sandbox.geometry import rotate, unit
from sandbox.orbits.bodies import R_EARTH
from sandbox.orbits.ephemeris import earth_rotation, moon_position, sun_position
from sandbox.orbits.gravity import turn_at
from sandbox.orbits.propagation import dop8_step
from sandbox.sensing import KEY, access_angle, cone_times
from sandbox.setting import Setting
from sandbox.state import NONE, OPEN, Ints, Records, wipe
from sandbox.structured import structured
from sandbox.units import MINUTE

EVERY_S = 120.0
"""Between two searches of a satellite; they take turns."""
SEGMENT_S = 300.0
"""In which a ground track strays from a great circle by 11 km at most: the Earth turns below it."""

UPCOMING = structured(
    [
        ("key", "i8"),  # the lower, the better: see `sensing.KEY`
        ("request", "i4"),  # -1 where there are fewer; the rest is then without meaning
        ("rivals", "i4"),  # other satellites that have it in reach or coming
        ("earlier", "i4"),  # of those, the ones that reach it first
        ("enter", "f8"),  # s, when it comes into the access cone
        ("leave", "f8"),  # s, when it leaves it
        ("off_nadir", "f8"),  # rad, the least in between
    ]
)


class Sight(NamedTuple):
    """What was found, and when the next search is due."""

    upcoming: Records  # (B, N, U) UPCOMING, in the order of `enter`
    due: np.ndarray  # (B, N) s


class Reach(NamedTuple):
    """How far and how often is looked ahead."""

    seconds: float
    segments: int
    every: float  # s


class Memory(NamedTuple):
    """Working memory: chains of what several satellites have."""

    following: Ints  # (B, N U)


class Ahead(NamedTuple):
    """The part of a world that looks ahead."""

    state: Sight
    params: Reach
    scratch: Memory


def make_part(setting: Setting) -> Ahead:
    """The part, with room for what the scenario's requests say."""
    asked, (worlds, satellites) = setting.scenario.requests, setting.team
    seconds = asked.ahead_min * MINUTE
    return Ahead(
        Sight(np.zeros((worlds, satellites, asked.ahead), UPCOMING), np.zeros((worlds, satellites))),
        Reach(seconds, max(1, math.ceil(seconds / SEGMENT_S)), max(EVERY_S, setting.constants.round_s)),
        Memory(np.zeros((worlds, satellites * asked.ahead), np.int32)),
    )


def begin(ahead: Ahead, b: int) -> None:
    """Nothing is known in world `b`, and everybody searches at once."""
    wipe(ahead.state.upcoming, b)
    ahead.state.upcoming["request"][b] = NONE
    ahead.state.due[b] = -np.inf


@kernel
def look_ahead(state, constants, scratch, ahead, b):
    """Bring what is upcoming in world b up to date, for the round that begins now."""
    if ahead is None:
        return
    upcoming, params = ahead.state.upcoming, ahead.params
    if upcoming.shape[2] == 0:
        return
    now = state.clock[b].time
    horizon = now + constants.round_s + LOOK_AHEAD_S
    turns = max(1, int(params.every / constants.round_s))
    for n in range(upcoming.shape[1]):
        if not state.body[b, n].alive:
            _forget_all(upcoming[b, n])
        elif now >= ahead.state.due[b, n]:
            first = ahead.state.due[b, n] == -math.inf
            wait = (n % turns + 1) * constants.round_s if first else params.every
            ahead.state.due[b, n] = now + wait
            search_track(state, constants, scratch, upcoming[b, n], params, horizon, b, n)
        else:
            _forget(state.requests, upcoming[b, n], horizon, b)
    _count_others(state.opportunities[b], upcoming[b], scratch.first[b], ahead.scratch.following[b])


@kernel
def _forget_all(upcoming):
    for u in range(upcoming.shape[0]):
        upcoming[u].request = NONE


@kernel
def _forget(requests, upcoming, horizon, b):
    """Leave out what is closed, found under cloud, or in reach before `horizon` (s)."""
    kept = 0
    for u in range(upcoming.shape[0]):
        found = upcoming[u]
        if found.request == NONE:
            break
        request = requests.book[b, found.request]
        if request.status == OPEN and found.enter > horizon and found.leave > request.closed_until:
            _copy(upcoming[kept], found)
            kept += 1
    for u in range(kept, upcoming.shape[0]):
        upcoming[u].request = NONE


@kernel
def _copy(to, found):
    to.key, to.request = found.key, found.request
    to.enter, to.leave, to.off_nadir = found.enter, found.leave, found.off_nadir


@kernel
def search_track(state, constants, scratch, upcoming, params, horizon, b, n):
    """Look along the track of satellite n of world b, segment by segment, from the end of the round on."""
    orbit, craft, ephemeris = state.orbit, constants.craft[n], constants.ephemeris
    _forget_all(upcoming)
    p, v = orbit.next_position[b, n], orbit.next_velocity[b, n]
    at = p[0], p[1], p[2], v[0], v[1], v[2]
    t = state.clock[b].time + constants.round_s
    for _ in range(params.segments):
        start, begins = at, t
        at = advanced(start, begins, constants.forces, craft.ballistic, ephemeris)
        t = begins + SEGMENT_S
        x, y, z = rotate(earth_rotation(ephemeris, begins), start[0], start[1], start[2])
        radius = math.sqrt(x * x + y * y + z * z)
        last = unit(*rotate(earth_rotation(ephemeris, t), at[0], at[1], at[2]))
        track = ground_track((x / radius, y / radius, z / radius), last, SEGMENT_S)
        middle = begins + 0.5 * SEGMENT_S
        s = sun_position(ephemeris, middle)
        sun = rotate(earth_rotation(ephemeris, middle), *unit(s[0], s[1], s[2]))
        _search_segment(
            constants.grid, state.requests, scratch, upcoming, craft, track, radius, sun, begins, horizon, b
        )
    _sort_by_time(upcoming)


@kernel
def advanced(at, t, forces, ballistic, ephemeris):
    """The state (six numbers) a segment later than at time t."""
    sun = moon = (0.0, 0.0, 0.0)
    if forces.sun:
        sun = sun_position(ephemeris, t + 0.5 * SEGMENT_S)
    if forces.moon:
        moon = moon_position(ephemeris, t + 0.5 * SEGMENT_S)
    turn = turn_at(forces.field, ephemeris, t)
    x, y, z, vx, vy, vz = at
    return dop8_step(x, y, z, vx, vy, vz, SEGMENT_S, forces, ballistic, sun, moon, turn)


@kernel
def _search_segment(grid, requests, scratch, upcoming, craft, track, radius, sun, begins, horizon, b):
    """Keep the best of the requests that are passed in the segment that begins at `begins` (s)."""
    cone = access_angle(radius, craft.max_off_nadir)
    swath = swath_along(track, cone, SEGMENT_S)
    ux, uy, uz = track[0]
    rx, ry, rz = track[1]
    found, slots, kept = scratch.found[b], scratch.first[b], 0
    count = near_cells(grid, requests, found, slots, swath, sun, craft.min_sun_sine, b)
    while kept < upcoming.shape[0]:
        key, count, surely = next_request(requests, found, slots, count, swath, sun, craft.min_sun_sine, b)
        if key == NONE:
            return
        j = int(key % KEY)
        request = requests.book[b, j]
        if not (surely or is_inside(request, swath, sun, craft.min_sun_sine)):
            continue
        tx, ty, tz = unit(request.position[0], request.position[1], request.position[2])
        enter, leave = cone_times(ux, uy, uz, rx, ry, rz, tx, ty, tz, cone)
        # a request belongs to the segment in which it is nearest, so that none is found twice
        if enter > leave or abs(enter + leave) > SEGMENT_S:
            continue
        middle = begins + 0.5 * SEGMENT_S
        enter, leave = middle + enter, middle + leave
        in_time = enter + hold_of(requests, craft, b, j) < request.deadline and leave > request.closed_until
        if enter > horizon and in_time:
            across = abs(rx * tx + ry * ty + rz * tz) / math.sqrt(rx * rx + ry * ry + rz * rz)
            _keep(upcoming, key, j, enter, leave, _off_nadir(across, radius))
            kept += 1


@kernel
def _off_nadir(across, radius):
    """Off-nadir angle (rad) of a point on the ground whose central angle has the sine `across`."""
    along = math.sqrt(max(0.0, 1.0 - across * across))
    return math.atan2(R_EARTH * across, radius - R_EARTH * along)


@kernel
def _keep(upcoming, key, j, enter, leave, off_nadir):
    """Put a request among the best so far, which stand by rising key; the worst falls out."""
    place = upcoming.shape[0]
    while place > 0 and (upcoming[place - 1].request == NONE or upcoming[place - 1].key > key):
        place -= 1
    if place == upcoming.shape[0]:
        return
    for u in range(upcoming.shape[0] - 1, place, -1):
        _copy(upcoming[u], upcoming[u - 1])
    to = upcoming[place]
    to.key, to.request = key, j
    to.enter, to.leave, to.off_nadir = enter, leave, off_nadir


@kernel
def _sort_by_time(upcoming):
    """By the time at which they come into reach; there are few."""
    for u in range(1, upcoming.shape[0]):
        here = upcoming[u]
        key, j, enter, leave, off_nadir = here.key, here.request, here.enter, here.leave, here.off_nadir
        if j == NONE:
            return
        place = u
        while place > 0 and upcoming[place - 1].enter > enter:
            _copy(upcoming[place], upcoming[place - 1])
            place -= 1
        to = upcoming[place]
        to.key, to.request = key, j
        to.enter, to.leave, to.off_nadir = enter, leave, off_nadir


@kernel
def _count_others(opportunities, upcoming, first, following):
    """Count, for everything upcoming (N, U), the others who have it in reach or coming, and those before.

    `first` (M,) and `following` (N U,) are working memory, as in `access.count_rivals`.
    """
    satellites, shown = opportunities.shape
    unchain_requests(opportunities, first)
    chain_requests(upcoming, first, following)
    room = upcoming.shape[1]
    for n in range(satellites):
        for u in range(room):
            mine = upcoming[n, u]
            mine.rivals = mine.earlier = 0
            entry = first[mine.request] if mine.request != NONE else NONE
            while entry != NONE:
                other = entry // room
                if other != n:
                    enter = upcoming[other, entry % room].enter
                    mine.rivals += 1
                    mine.earlier += enter < mine.enter or (enter == mine.enter and other < n)
                entry = following[entry]
    for n in range(satellites):
        for k in range(shown):
            j = opportunities[n, k].request
            entry = first[j] if j != NONE else NONE
            while entry != NONE:
                other = entry // room
                if other != n:
                    upcoming[other, entry % room].rivals += 1
                    upcoming[other, entry % room].earlier += 1
                entry = following[entry]
