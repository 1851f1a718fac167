"""What the coming round offers each satellite: requests it could image, the station in view, the shadow."""

import math
from typing import Any, NamedTuple

from sandbox.bits import next_member
from sandbox.campaigns import has_parts
from sandbox.cells import ROUNDING, band_at, box_around, cell_at, cells_between
from sandbox.compiled import kernel
from sandbox.geometry import BEYOND_S, itrs_at, rotate, round_path, unit
from sandbox.links import horizon_cosine, seek_contact, sin_elevation, slant_range, visible_part
from sandbox.looks import plan_look
from sandbox.orbits.eclipse import illumination, shadow_transition
from sandbox.orbits.ephemeris import earth_rotation, sun_position
from sandbox.orbits.frames import subpoint
from sandbox.prefetching import prefetch
from sandbox.radio import CLEAR, link_rate
from sandbox.sensing import CONE_MARGIN_S, KEY, access_angle, cone_times, plan_capture
from sandbox.state import NONE

LOOK_AHEAD_S = BEYOND_S
STATION_SAMPLE_S = 30.0
"""Longest step in the search for a station in view; a shorter pass can be missed."""
LOWEST_GROUND_M = 6_356_000.0
"""Distance of the lowest ground, at the poles, from the geocentre."""
FLOAT32 = 1e-6
"""More than a product of two unit vectors changes where one is rounded to 32 bits."""
SCREEN_MARGIN = 0.01
"""rad; covers the difference between geodetic and geocentric zenith (0.0034) and the round's curvature."""


class View(NamedTuple):
    """What of a satellite's flight through a round its access to the ground depends on."""

    path: Any  # see `geometry.round_path`
    rotation: Any  # GCRS -> ITRS in the middle of the round, nine numbers row by row
    middle: float  # s offset
    seconds: float  # length of the round
    radius: float  # m, at its beginning
    track: Any  # see `ground_track`


class Swath(NamedTuple):
    """Ground that a satellite can come near; every part is of unit vectors to it, in ITRS."""

    middle: Any  # the sub-satellite point half way
    rate: Any  # rad/s, see `ground_track`
    ahead: Any  # the direction of flight, times the rate
    angle: float  # rad, the farthest from the middle
    floor: float  # its cosine
    speed: float  # rad/s, the size of the rate
    aside: float  # most across, times the rate
    behind: float  # least along, times the rate


@kernel
def look(state, constants, scratch, b):
    """Fill the outlook of world b for the round that begins now."""
    now = state.clock[b].time
    middle = 0.5 * constants.round_s
    rotations = (
        earth_rotation(constants.ephemeris, now),
        earth_rotation(constants.ephemeris, now + middle),
        earth_rotation(constants.ephemeris, now + constants.round_s),
    )
    sun = sun_position(constants.ephemeris, now + middle)
    sx, sy, sz = rotate(rotations[1], *unit(sun[0], sun[1], sun[2]))
    for n in range(state.body.shape[1]):
        _clear(state.outlook[b, n], state.opportunities[b, n])
        if not state.body[b, n].alive:
            continue
        position, velocity, craft = state.orbit.position[b, n], state.orbit.velocity[b, n], constants.craft[n]
        _look_out(state, constants, scratch, rotations, sun, (sx, sy, sz), b, n)
        seek_contact(
            state.contacts,
            b,
            n,
            now,
            position,
            velocity,
            constants.stations,
            constants.forces,
            craft.ballistic,
            constants.ephemeris,
        )
        _rate_contact(state.contacts.plan[b, n], constants, craft.radio)
    count_rivals(state.opportunities[b], scratch.first[b], scratch.following[b])
    _count_station_rivals(state.outlook[b], scratch.counts[b])


@kernel
def _rate_contact(plan, constants, radio):
    """Note what a contact that has just been found will carry at its highest point if the sky is clear."""
    if plan.station != NONE and plan.rate < 0.0:
        plan.rate = link_rate(constants.radios.down, radio, plan.station, CLEAR, plan.reach, plan.top)


@kernel
def _clear(outlook, opportunities):
    outlook.station = NONE
    outlook.elevation = 0.0
    outlook.rate = 0.0
    outlook.uplink = 0.0
    outlook.visible_from = 0.0
    outlook.visible_to = 0.0
    for k in range(opportunities.shape[0]):
        opportunities[k].request = NONE


@kernel
def _look_out(state, constants, scratch, rotations, sun, sun_itrs, b, n):
    """Fill the outlook of satellite n; rotations at the beginning, the middle and the end of the round."""
    craft, seconds, orbit = constants.craft[n], constants.round_s, state.orbit
    outlook = state.outlook[b, n]
    position, velocity = orbit.position[b, n], orbit.velocity[b, n]
    _look_up(outlook, position, velocity, sun)
    next_position, next_velocity = orbit.next_position[b, n], orbit.next_velocity[b, n]
    path = round_path(
        position, velocity, next_position, next_velocity, constants.forces, craft.ballistic, seconds
    )
    x, y, z = rotate(rotations[0], position[0], position[1], position[2])
    latitude, longitude, _ = subpoint(x, y, z)
    outlook.latitude = latitude
    outlook.longitude = longitude
    radius = math.sqrt(x * x + y * y + z * z)
    first = (x / radius, y / radius, z / radius)
    last = unit(*rotate(rotations[2], next_position[0], next_position[1], next_position[2]))
    view = View(path, rotations[1], 0.5 * seconds, seconds, radius, ground_track(first, last, seconds))
    samples = max(constants.substeps, math.ceil(seconds / STATION_SAMPLE_S))
    look_for_stations(outlook, constants, state.ground[b], craft.radio, view, samples)
    _look_for_requests(state, constants, scratch, view, sun_itrs, b, n)


@kernel
def _look_up(outlook, position, velocity, sun):
    x, y, z = position[0], position[1], position[2]
    outlook.sunlight = illumination(x, y, z, sun[0], sun[1], sun[2])
    _, crossing = shadow_transition(x, y, z, velocity[0], velocity[1], velocity[2], sun[0], sun[1], sun[2])
    outlook.shadow = crossing


@kernel
def ground_track(first, last, seconds):
    """(unit vector half way, angular rate vector, rad/s) of the great circle between unit vectors, ITRS."""
    ax, ay, az = first
    bx, by, bz = last
    cx, cy, cz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    sine = math.sqrt(cx * cx + cy * cy + cz * cz)
    scale = _arc(sine, ax * bx + ay * by + az * bz) / seconds
    return unit(ax + bx, ay + by, az + bz), (cx * scale, cy * scale, cz * scale)


@kernel
def _arc(sine, cosine):
    """An angle over its sine; where it is small, and in a round it is, by the series of the arcsine."""
    if sine < 0.05 and cosine > 0.0:
        s = sine * sine
        return 1.0 + s * (1.0 / 6.0 + s * (3.0 / 40.0 + s * (15.0 / 336.0 + s * (105.0 / 3456.0))))
    return math.atan2(sine, cosine) / max(sine, 1e-15)


@kernel
def half_turn(track, seconds):
    rx, ry, rz = track[1]
    return 0.5 * seconds * math.sqrt(rx * rx + ry * ry + rz * rz)


@kernel
def look_for_stations(outlook, constants, ground, radio, view, samples):
    """Of the stations that see the satellite during the round, the one that takes most from its `radio`.

    Of those that take as much, the one that sees it highest. Where the sky (`ground`, (G,)) or the distance
    lets nothing through, there is no station.
    """
    stations, radios = constants.stations, constants.radios
    path, rotation, middle, seconds, radius, track = view
    ux, uy, uz = track[0]
    floor = horizon_cosine(radius, LOWEST_GROUND_M, half_turn(track, seconds) + SCREEN_MARGIN)
    most, best = 0.0, -1.0
    for g in range(stations.shape[0]):
        station = stations[g]
        if ux * station.ux + uy * station.uy + uz * station.uz < floor:
            continue
        start, end = visible_part(path, rotation, middle, station, seconds, samples)
        if end <= start:
            continue
        x, y, z = itrs_at(path, rotation, middle, 0.5 * (start + end))
        sine, distance = sin_elevation(x, y, z, station), slant_range(x, y, z, station)
        rate = link_rate(radios.down, radio, g, ground[g].sky, distance, sine)
        if rate > most or (rate == most and rate > 0.0 and sine > best):
            most, best = rate, sine
            outlook.station = g
            outlook.elevation = math.asin(sine)
            outlook.rate = rate
            outlook.uplink = link_rate(radios.up, radio, g, ground[g].sky, distance, sine)
            outlook.visible_from = start
            outlook.visible_to = end


@kernel
def _look_for_requests(state, constants, scratch, view, sun, b, n):
    """Keep the K requests of greatest expected value, value x (1 - cloud), that can be imaged now or soon.

    Soon: those whose access begins within LOOK_AHEAD_S after the round; the camera can turn there in advance.
    Those that were found under cloud are left out until their sky changes. They are planned from the best on,
    those of equal value by number, until K are found.
    """
    requests, opportunities, now = state.requests, state.opportunities[b, n], state.clock[b].time
    craft, arrow = constants.craft[n], state.pointing[b, n]
    found, slots, picked = scratch.found[b], scratch.first[b], scratch.picked[b]
    path, rotation, middle, seconds, radius, track = view
    pointing = (arrow[0], arrow[1], arrow[2])
    cone = access_angle(radius, craft.max_off_nadir)
    swath = swath_along(track, cone, seconds)
    ux, uy, uz = track[0]
    rx, ry, rz = track[1]
    count = near_cells(constants.grid, requests, found, slots, swath, sun, craft.min_sun_sine, b)
    several_kinds, shown, place, end = has_parts(requests), 0, 0, 0
    while shown < opportunities.shape[0]:
        if place == end:
            most, place = opportunities.shape[0] - shown, 0
            end, count = _pick(
                requests, picked, most, found, slots, count, swath, sun, craft.min_sun_sine, now, b
            )
            if end == 0:
                return
        j = picked[place]
        request, place = requests.book[b, j], place + 1
        target = request.position
        tx, ty, tz = unit(target[0], target[1], target[2])
        enter, leave = cone_times(ux, uy, uz, rx, ry, rz, tx, ty, tz, cone)
        enter, leave = enter + middle, leave + middle
        if leave <= max(enter, 0.0) or enter > seconds + LOOK_AHEAD_S:
            continue
        last = min(leave, request.deadline - now + CONE_MARGIN_S)
        if several_kinds:
            capture, slew, off_nadir = plan_look(
                requests, b, j, path, rotation, middle, pointing, craft, enter, last, seconds, 0.0
            )
        else:
            capture, slew, off_nadir = plan_capture(
                path, rotation, middle, pointing, target, craft, enter, last, seconds, 0.0
            )
        if capture >= 0.0:
            _write(opportunities[shown], j, capture, slew, off_nadir, leave)
            shown += 1


@kernel
def _pick(requests, picked, most, found, slots, count, swath, sun, min_sun_sine, now, b):
    """(how many, cells that remain): write to `picked` the numbers of the next best requests, at `most` so
    many, none of them found under cloud; 0 if there are no more.

    Their rows lie far apart in the book: looked at in a loop of their own, they come in from memory together.
    """
    kept = 0
    while kept == 0:
        drawn, count = _draw(requests, picked, most, found, slots, count, swath, sun, min_sun_sine, b)
        if drawn == 0:
            break
        for place in range(drawn):
            if now >= requests.book[b, picked[place]].closed_until:
                picked[kept] = picked[place]
                kept += 1
    return kept, count


@kernel
def _draw(requests, picked, most, found, slots, count, swath, sun, min_sun_sine, b):
    """The same, whether they were found under cloud or not."""
    drawn = 0
    while drawn < most:
        key, count, surely = next_request(requests, found, slots, count, swath, sun, min_sun_sine, b)
        if key == NONE:
            break
        j = int(key % KEY)
        if surely or is_inside(requests.book[b, j], swath, sun, min_sun_sine):
            prefetch(requests.book, b, j)
            picked[drawn] = j
            drawn += 1
    return drawn, count


@kernel
def swath_along(track, cone, seconds):
    """What a satellite's camera can come near in the round or soon after, for a first, generous selection."""
    angle = cone + half_turn(track, seconds + 2.0 * LOOK_AHEAD_S) + SCREEN_MARGIN
    ux, uy, uz = track[0]
    rx, ry, rz = track[1]
    reach = math.sin(cone + SCREEN_MARGIN)
    speed = math.sqrt(rx * rx + ry * ry + rz * rz)
    aside = reach * speed
    behind = -aside - half_turn(track, seconds) * aside / reach
    ahead = (ry * uz - rz * uy, rz * ux - rx * uz, rx * uy - ry * ux)
    return Swath(track[0], track[1], ahead, angle, math.cos(angle), speed, aside, behind)


@kernel
def near_cells(grid, requests, found, slots, swath, sun, min_sun_sine, b):
    """Of every cell with open requests near a swath and in daylight, or at their edge: write the key of the
    best of them to `found` (M,), and its place in the index to `slots` (M,); how many cells there are."""
    ux, uy, uz = swath.middle
    if requests.open_count[b] == 0 or _is_dark(swath, sun, min_sun_sine):
        return 0
    bands, count = grid.bands, 0
    if swath.angle < 0.5 * math.pi:
        south, north, longitude, width = box_around(ux, uy, uz, swath.angle)
    else:
        south, north, longitude, width = -math.pi, math.pi, 0.0, math.pi
    for band in range(band_at(bands, south), band_at(bands, north) + 1):
        first, last = cells_between(bands, band, longitude, width)
        for place in range(first, last + 1):
            number = cell_at(bands, band, place)
            slot, end = requests.starts[b, number], requests.starts[b, number + 1]
            cell = grid.cells[number]
            if slot < end and is_near((cell.x, cell.y, cell.z), swath, sun, min_sun_sine, cell.size):
                slot = next_member(requests.open, b, slot, end)
                if slot < end:
                    prefetch(requests.indexed, b, slot)
                    slots[count] = slot
                    count += 1
    for place in range(count):
        found[place] = requests.indexed[b, slots[place]].key
    return count


@kernel
def _first_near(requests, slot, end, swath, sun, min_sun_sine, b):
    """The first place in the index, from an open request's on and before `end`, of one that is near the swath
    and in daylight or at their edge; `end` without one."""
    while slot < end:
        entry = requests.indexed[b, slot]
        if is_near((entry.x, entry.y, entry.z), swath, sun, min_sun_sine, FLOAT32):
            break
        slot = next_member(requests.open, b, slot + 1, end)
    return slot


@kernel
def next_request(requests, found, slots, count, swath, sun, min_sun_sine, b):
    """(key of the best request that is left in the first `count` cells, NONE without one; cells that remain;
    whether it is surely near the swath and in daylight, or at their edge, so that its row has to say).

    The lists of the cells are merged: each stands by rising key, so that the best of all is the first of one
    of them.
    """
    while count > 0:
        place, key = 0, found[0]
        for other in range(1, count):
            if found[other] < key:
                place, key = other, found[other]
        entry = requests.indexed[b, slots[place]]
        slot = next_member(requests.open, b, slots[place] + 1, entry.end)
        slot = _first_near(requests, slot, entry.end, swath, sun, min_sun_sine, b)
        if slot < entry.end:
            found[place], slots[place] = requests.indexed[b, slot].key, slot
        else:
            count -= 1
            found[place], slots[place] = found[count], slots[count]
        up = (entry.x, entry.y, entry.z)
        if is_near(up, swath, sun, min_sun_sine, FLOAT32):
            return key, count, is_near(up, swath, sun, min_sun_sine, -FLOAT32)
    return NONE, 0, False


@kernel
def _is_dark(swath, sun, min_sun_sine):
    """Whether the Sun is too low all over a swath: as seen from the point of it that is nearest to it."""
    if swath.angle >= 0.5 * math.pi:
        return False
    ux, uy, uz = swath.middle
    cosine = ux * sun[0] + uy * sun[1] + uz * sun[2]
    sine = math.sqrt(max(0.0, 1.0 - cosine * cosine))
    highest = cosine * swath.floor + sine * math.sqrt(1.0 - swath.floor * swath.floor)
    return cosine < swath.floor and highest < min_sun_sine - ROUNDING


@kernel
def is_near(up, swath, sun, min_sun_sine, slack):
    """Whether what has this zenith lies in a swath and in daylight, or misses that by `slack` at most."""
    x, y, z = up
    ux, uy, uz = swath.middle
    rx, ry, rz = swath.rate
    fx, fy, fz = swath.ahead
    return (
        (ux * x + uy * y + uz * z >= swath.floor - slack)
        & (abs(rx * x + ry * y + rz * z) <= swath.aside + slack * swath.speed)
        & (fx * x + fy * y + fz * z >= swath.behind - slack * swath.speed)
        & (x * sun[0] + y * sun[1] + z * sun[2] >= min_sun_sine - slack)
    )


@kernel
def is_inside(request, swath, sun, min_sun_sine):
    """Whether a request lies in a swath and in daylight."""
    up = request.up
    return is_near((up[0], up[1], up[2]), swath, sun, min_sun_sine, 0.0)


@kernel
def _write(opportunity, request, capture, slew, off_nadir, window):
    opportunity.request = request
    opportunity.capture = capture
    opportunity.slew = slew
    opportunity.off_nadir = off_nadir
    opportunity.window = window


@kernel
def count_rivals(opportunities, first, following):
    """Count, for every opportunity (N, K) of a world, the others who have it and those who would be first.

    `first` (M,) and `following` (N K,) are working memory: chains of the opportunities for one request.
    """
    satellites, shown = opportunities.shape
    chain_requests(opportunities, first, following)
    for n in range(satellites):
        for k in range(shown):
            mine = opportunities[n, k]
            mine.rivals = mine.earlier = 0
            entry = first[mine.request] if mine.request != NONE else NONE
            while entry != NONE:
                other = entry // shown
                if other != n:
                    mine.rivals += 1
                    mine.earlier += precedes(
                        opportunities[other, entry % shown].capture, other, mine.capture, n
                    )
                entry = following[entry]


@kernel
def chain_requests(listed, first, following):
    """Chain the entries of lists (N, K) that are of one request: from `first` (M,) on by `following` (N K,).

    Only of requests that are listed does `first` say anything.
    """
    unchain_requests(listed, first)
    satellites, shown = listed.shape
    for entry in range(satellites * shown):
        j = listed[entry // shown, entry % shown].request
        if j != NONE:
            following[entry] = first[j]
            first[j] = entry


@kernel
def unchain_requests(listed, first):
    """Of requests in lists (N, K), let `first` (M,) say that none is chained."""
    satellites, shown = listed.shape
    for entry in range(satellites * shown):
        j = listed[entry // shown, entry % shown].request
        if j != NONE:
            first[j] = NONE


@kernel
def precedes(time, satellite, other_time, other):
    """Whether a capture is first; of two at the same moment, the one of the satellite listed first."""
    return time < other_time or (time == other_time and satellite < other)


@kernel
def _count_station_rivals(outlook, counts):
    for g in range(counts.shape[0]):
        counts[g] = 0
    for n in range(outlook.shape[0]):
        if outlook[n].station != NONE:
            counts[outlook[n].station] += 1
    for n in range(outlook.shape[0]):
        station = outlook[n].station
        outlook[n].station_rivals = counts[station] - 1 if station != NONE else 0
