"""What the coming round offers each satellite: requests it could image, the station in view, the shadow."""

import math

from sandbox.compiled import kernel
from sandbox.geometry import itrs_at, rotate, round_path, unit
from sandbox.links import horizon_cosine, link_rate, seek_contact, sin_elevation, slant_range, visible_part
from sandbox.orbits.bodies import R_EARTH
from sandbox.orbits.eclipse import illumination, shadow_transition
from sandbox.orbits.ephemeris import earth_rotation, sun_position
from sandbox.orbits.frames import subpoint
from sandbox.sensing import access_angle, cone_times, plan_capture
from sandbox.state import NONE

SCREEN_MARGIN = 0.01
"""rad; covers the difference between geodetic and geocentric zenith (0.0034) and the round's curvature."""


@kernel
def look(state, constants, scratch, b):
    """Fill the outlook of world b for the round that begins now."""
    now = state.clock.time[b]
    middle = 0.5 * constants.round_s
    rotations = (
        earth_rotation(constants.ephemeris, now),
        earth_rotation(constants.ephemeris, now + middle),
        earth_rotation(constants.ephemeris, now + constants.round_s),
    )
    sun = sun_position(constants.ephemeris, now + middle)
    sx, sy, sz = rotate(rotations[1], *unit(sun[0], sun[1], sun[2]))
    for n in range(state.health.alive.shape[1]):
        _clear(state.outlook, b, n)
        if not state.health.alive[b, n]:
            continue
        position, velocity = state.orbit.position[b, n], state.orbit.velocity[b, n]
        _look_out(
            state.outlook,
            state.orbit,
            state.requests,
            state.attitude.pointing,
            constants,
            b,
            n,
            now,
            rotations,
            sun,
            (sx, sy, sz),
        )
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
    outlook = state.outlook
    count_rivals(
        outlook.request[b],
        outlook.capture[b],
        outlook.rivals[b],
        outlook.earlier[b],
        scratch.first[b],
        scratch.following[b],
    )
    _count_station_rivals(outlook.station[b], outlook.station_rivals[b], scratch.counts[b])


@kernel
def _clear(outlook, b, n):
    outlook.station[b, n] = NONE
    outlook.elevation[b, n] = 0.0
    outlook.rate[b, n] = 0.0
    outlook.visible_from[b, n] = 0.0
    outlook.visible_to[b, n] = 0.0
    for k in range(outlook.request.shape[2]):
        outlook.request[b, n, k] = NONE


@kernel
def _look_out(
    outlook, orbit, requests, pointing, constants, b, n, now, rotations, sun, sun_itrs
):
    craft, seconds = constants.craft[n], constants.round_s
    position, velocity = orbit.position[b, n], orbit.velocity[b, n]
    _look_up(outlook, b, n, position, velocity, sun)
    next_position, next_velocity = orbit.next_position[b, n], orbit.next_velocity[b, n]
    path = round_path(
        position, velocity, next_position, next_velocity, constants.forces, craft.ballistic, seconds
    )
    rotation, middle = rotations[1], 0.5 * seconds
    x, y, z = rotate(rotations[0], position[0], position[1], position[2])
    latitude, longitude, _ = subpoint(x, y, z)
    outlook.latitude[b, n] = latitude
    outlook.longitude[b, n] = longitude
    radius = math.sqrt(x * x + y * y + z * z)
    first = (x / radius, y / radius, z / radius)
    last = unit(*rotate(rotations[2], next_position[0], next_position[1], next_position[2]))
    track = _ground_track(first, last, seconds)
    _look_for_stations(outlook, constants, b, n, path, rotation, middle, radius, track)
    arrow = (pointing[b, n, 0], pointing[b, n, 1], pointing[b, n, 2])
    _look_for_requests(
        outlook, requests, craft, seconds, arrow, b, n, now, path, rotation, middle, radius, track, sun_itrs
    )


@kernel
def _look_up(outlook, b, n, position, velocity, sun):
    x, y, z = position[0], position[1], position[2]
    outlook.sunlight[b, n] = illumination(x, y, z, sun[0], sun[1], sun[2])
    _, crossing = shadow_transition(
        x, y, z, velocity[0], velocity[1], velocity[2], sun[0], sun[1], sun[2]
    )
    outlook.shadow[b, n] = crossing


@kernel
def _ground_track(first, last, seconds):
    """(unit vector half way, angular rate vector rad/s) of the great circle between two unit vectors, ITRS."""
    ax, ay, az = first
    bx, by, bz = last
    cx, cy, cz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    sine = math.sqrt(cx * cx + cy * cy + cz * cz)
    scale = math.atan2(sine, ax * bx + ay * by + az * bz) / (sine * seconds)
    return unit(ax + bx, ay + by, az + bz), (cx * scale, cy * scale, cz * scale)


@kernel
def _half_turn(track, seconds):
    rx, ry, rz = track[1]
    return 0.5 * seconds * math.sqrt(rx * rx + ry * ry + rz * rz)


@kernel
def _look_for_stations(outlook, constants, b, n, path, rotation, middle, radius, track):
    """Of the stations that see the satellite during the round, the one that sees it highest."""
    seconds = constants.round_s
    ux, uy, uz = track[0]
    floor = horizon_cosine(radius, R_EARTH, _half_turn(track, seconds) + SCREEN_MARGIN)
    best = -1.0
    for g in range(constants.stations.shape[0]):
        station = constants.stations[g]
        if ux * station.ux + uy * station.uy + uz * station.uz < floor:
            continue
        start, end = visible_part(path, rotation, middle, station, seconds, constants.substeps)
        if end <= start:
            continue
        x, y, z = itrs_at(path, rotation, middle, 0.5 * (start + end))
        sine = sin_elevation(x, y, z, station)
        if sine > best:
            best = sine
            outlook.station[b, n] = g
            outlook.elevation[b, n] = math.asin(sine)
            outlook.rate[b, n] = link_rate(slant_range(x, y, z, station), constants.craft[n], station)
            outlook.visible_from[b, n] = start
            outlook.visible_to[b, n] = end


@kernel
def _look_for_requests(
    outlook, requests, craft, seconds, pointing, b, n, now, path, rotation, middle, radius, track, sun
):
    """Keep the K requests of greatest expected value, value x (1 - cloud), that can be imaged in the round.

    Those that were found under cloud are left out until their sky changes.
    """
    cone = access_angle(radius, craft.max_off_nadir)
    floor = math.cos(cone + _half_turn(track, seconds) + SCREEN_MARGIN)
    ux, uy, uz = track[0]
    rx, ry, rz = track[1]
    px, py, pz = pointing
    count = requests.open_count[b]
    up = requests.open_up[b]
    for slot in range(count):
        tx, ty, tz = up[0, slot], up[1, slot], up[2, slot]
        if ux * tx + uy * ty + uz * tz < floor:
            continue
        j = requests.open_ids[b, slot]
        worth = _worth(requests, b, j)
        if now < requests.closed_until[b, j] or not _beats_last(outlook, requests, b, n, worth):
            continue
        if tx * sun[0] + ty * sun[1] + tz * sun[2] < craft.min_sun_sine:
            continue
        target = requests.position[b, j]
        tx, ty, tz = unit(target[0], target[1], target[2])
        enter, leave = cone_times(ux, uy, uz, rx, ry, rz, tx, ty, tz, cone)
        if leave <= enter:
            continue
        enter, leave = enter + middle, leave + middle
        last = min(leave, requests.deadline[b, j] - now + craft.dwell)
        start, slew, off_nadir = plan_capture(
            path, rotation, middle, px, py, pz, target, craft, enter, last, seconds
        )
        if start >= 0.0:
            _insert(outlook, requests, b, n, j, worth, start, slew, off_nadir, leave)


@kernel
def _worth(requests, b, j):
    return requests.value[b, j] * (1.0 - requests.cloud[b, j])


@kernel
def _beats_last(outlook, requests, b, n, worth):
    last = outlook.request[b, n, outlook.request.shape[2] - 1]
    return last == NONE or worth > _worth(requests, b, last)


@kernel
def _insert(outlook, requests, b, n, j, worth, start, slew, off_nadir, leave):
    """Put request j in its place in the list, which falls in worth and then rises in number."""
    k = outlook.request.shape[2] - 1
    while k > 0:
        other = outlook.request[b, n, k - 1]
        if other != NONE:
            theirs = _worth(requests, b, other)
            if theirs > worth or (theirs == worth and other < j):
                break
            outlook.request[b, n, k] = other
            outlook.capture[b, n, k] = outlook.capture[b, n, k - 1]
            outlook.slew[b, n, k] = outlook.slew[b, n, k - 1]
            outlook.off_nadir[b, n, k] = outlook.off_nadir[b, n, k - 1]
            outlook.window[b, n, k] = outlook.window[b, n, k - 1]
        k -= 1
    outlook.request[b, n, k] = j
    outlook.capture[b, n, k] = start
    outlook.slew[b, n, k] = slew
    outlook.off_nadir[b, n, k] = off_nadir
    outlook.window[b, n, k] = leave


@kernel
def count_rivals(request, capture, rivals, earlier, first, following):
    """Count, for every opportunity, the others who have it and those who would be first. Arrays (N, K).

    `first` (M,) and `following` (N K,) are working memory: chains of the opportunities for one request.
    """
    satellites, shown = request.shape
    for entry in range(satellites * shown):
        j = request[entry // shown, entry % shown]
        if j != NONE:
            first[j] = NONE
    for entry in range(satellites * shown):
        j = request[entry // shown, entry % shown]
        if j != NONE:
            following[entry] = first[j]
            first[j] = entry
    for n in range(satellites):
        for k in range(shown):
            rivals[n, k] = earlier[n, k] = 0
            j = request[n, k]
            entry = first[j] if j != NONE else NONE
            while entry != NONE:
                other, slot = entry // shown, entry % shown
                if other != n:
                    rivals[n, k] += 1
                    earlier[n, k] += precedes(capture[other, slot], other, capture[n, k], n)
                entry = following[entry]


@kernel
def precedes(time, satellite, other_time, other):
    """Whether a capture is first; of two at the same moment, the one of the satellite listed first."""
    return time < other_time or (time == other_time and satellite < other)


@kernel
def _count_station_rivals(station, rivals, counts):
    for g in range(counts.shape[0]):
        counts[g] = 0
    for n in range(station.shape[0]):
        if station[n] != NONE:
            counts[station[n]] += 1
    for n in range(station.shape[0]):
        rivals[n] = counts[station[n]] - 1 if station[n] != NONE else 0
