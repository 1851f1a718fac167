"""What the coming round offers each satellite: requests it could image, the station in view, the shadow."""

import math
from typing import Any, NamedTuple

from sandbox.compiled import kernel
from sandbox.geometry import BEYOND_S, itrs_at, rotate, round_path, unit
from sandbox.links import horizon_cosine, seek_contact, sin_elevation, slant_range, visible_part
from sandbox.orbits.eclipse import illumination, shadow_transition
from sandbox.orbits.ephemeris import earth_rotation, sun_position
from sandbox.orbits.frames import subpoint
from sandbox.radio import link_rate
from sandbox.sensing import CONE_MARGIN_S, access_angle, cone_times, plan_capture
from sandbox.state import NONE

LOOK_AHEAD_S = BEYOND_S
STATION_SAMPLE_S = 30.0
"""Longest step in the search for a station in view; a shorter pass can be missed."""
LOWEST_GROUND_M = 6_356_000.0
"""Distance of the lowest ground, at the poles, from the geocentre."""
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
        position, velocity = state.orbit.position[b, n], state.orbit.velocity[b, n]
        _look_out(state, constants, rotations, sun, (sx, sy, sz), b, n)
        seek_contact(
            state.contacts,
            b,
            n,
            now,
            position,
            velocity,
            constants.stations,
            constants.forces,
            constants.craft[n].ballistic,
            constants.ephemeris,
        )
    count_rivals(state.opportunities[b], scratch.first[b], scratch.following[b])
    _count_station_rivals(state.outlook[b], scratch.counts[b])


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
def _look_out(state, constants, rotations, sun, sun_itrs, b, n):
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
    now = state.clock[b].time
    _look_for_requests(
        state.opportunities[b, n], state.requests, craft, state.pointing[b, n], view, sun_itrs, now, b
    )


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
    scale = math.atan2(sine, ax * bx + ay * by + az * bz) / (max(sine, 1e-15) * seconds)
    return unit(ax + bx, ay + by, az + bz), (cx * scale, cy * scale, cz * scale)


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
def _look_for_requests(opportunities, requests, craft, arrow, view, sun, now, b):
    """Keep the K requests of greatest expected value, value x (1 - cloud), that can be imaged now or soon.

    Soon: those whose access begins within LOOK_AHEAD_S after the round; the camera can turn there in advance.
    Those that were found under cloud are left out until their sky changes.
    """
    path, rotation, middle, seconds, radius, track = view
    pointing = (arrow[0], arrow[1], arrow[2])
    cone = access_angle(radius, craft.max_off_nadir)
    floor = math.cos(cone + half_turn(track, seconds + 2.0 * LOOK_AHEAD_S) + SCREEN_MARGIN)
    ux, uy, uz = track[0]
    rx, ry, rz = track[1]
    reach = math.sin(cone + SCREEN_MARGIN)
    aside = reach * math.sqrt(rx * rx + ry * ry + rz * rz)
    behind = -aside - half_turn(track, seconds) * aside / reach
    fx, fy, fz = ry * uz - rz * uy, rz * ux - rx * uz, rx * uy - ry * ux
    up = requests.open_up[b]
    for slot in range(requests.open_count[b]):
        tx, ty, tz = up[0, slot], up[1, slot], up[2, slot]
        if ux * tx + uy * ty + uz * tz < floor:
            continue
        # beside the swath, behind the satellite, or in the dark: most are, and are not worth a closer look
        if abs(rx * tx + ry * ty + rz * tz) > aside or fx * tx + fy * ty + fz * tz < behind:
            continue
        if tx * sun[0] + ty * sun[1] + tz * sun[2] < craft.min_sun_sine:
            continue
        j = requests.open_ids[b, slot]
        worth = _worth(requests, b, j)
        if now < requests.book[b, j].closed_until or not _beats_last(opportunities, requests, b, j, worth):
            continue
        target = requests.book[b, j].position
        tx, ty, tz = unit(target[0], target[1], target[2])
        enter, leave = cone_times(ux, uy, uz, rx, ry, rz, tx, ty, tz, cone)
        enter, leave = enter + middle, leave + middle
        if leave <= max(enter, 0.0) or enter > seconds + LOOK_AHEAD_S:
            continue
        last = min(leave, requests.book[b, j].deadline - now + CONE_MARGIN_S)
        capture, slew, off_nadir = plan_capture(
            path, rotation, middle, pointing, target, craft, enter, last, seconds, 0.0
        )
        if capture >= 0.0:
            _insert(opportunities, requests, b, j, worth, capture, slew, off_nadir, leave)


@kernel
def _worth(requests, b, j):
    return requests.book[b, j].value * (1.0 - requests.book[b, j].cloud)


@kernel
def _beats_last(opportunities, requests, b, j, worth):
    last = opportunities[opportunities.shape[0] - 1].request
    if last == NONE:
        return True
    theirs = _worth(requests, b, last)
    return worth > theirs or (worth == theirs and j < last)


@kernel
def _insert(opportunities, requests, b, j, worth, capture, slew, off_nadir, leave):
    """Put request j in its place in the list (K,), which falls in worth and then rises in number."""
    k = opportunities.shape[0] - 1
    while k > 0:
        other = opportunities[k - 1].request
        if other != NONE:
            theirs = _worth(requests, b, other)
            if theirs > worth or (theirs == worth and other < j):
                break
            _write(opportunities[k], other, opportunities[k - 1].capture, opportunities[k - 1].slew,
                   opportunities[k - 1].off_nadir, opportunities[k - 1].window)  # fmt: skip
        k -= 1
    _write(opportunities[k], j, capture, slew, off_nadir, leave)


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
    for entry in range(satellites * shown):
        j = opportunities[entry // shown, entry % shown].request
        if j != NONE:
            first[j] = NONE
    for entry in range(satellites * shown):
        j = opportunities[entry // shown, entry % shown].request
        if j != NONE:
            following[entry] = first[j]
            first[j] = entry
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
