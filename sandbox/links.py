"""Satellite to ground: elevation, who is in view during a round, the next contact."""

import math

from sandbox.compiled import kernel
from sandbox.geometry import itrs_at, rotate, round_path
from sandbox.orbits.ephemeris import earth_rotation, moon_position, sun_position
from sandbox.orbits.gravity import turn_at
from sandbox.orbits.propagation import dop8_step
from sandbox.state import NONE
from sandbox.units import HOUR

SEARCH_STEP_S = 60.0
SEARCH_HORIZON_S = 3 * HOUR
EDGE_S = 1e-3
PEAK_S = 15.0
"""Where a pass is highest is looked for at moments so far apart."""


@kernel
def sin_elevation(x, y, z, station):
    """Sine of the elevation of ITRS point x, y, z (m) above the geodetic horizon of `station`."""
    dx, dy, dz = x - station.x, y - station.y, z - station.z
    up = dx * station.ux + dy * station.uy + dz * station.uz
    return up / math.sqrt(dx * dx + dy * dy + dz * dz)


@kernel
def slant_range(x, y, z, station):
    """Distance in m from ITRS point x, y, z to `station`."""
    dx, dy, dz = x - station.x, y - station.y, z - station.z
    return math.sqrt(dx * dx + dy * dy + dz * dz)


@kernel
def horizon_cosine(radius, earth_radius, margin):
    """Cosine of the central angle to the horizon seen from `radius` (m), widened by `margin` (rad)."""
    cosine = min(1.0, earth_radius / radius)
    return cosine * math.cos(margin) - math.sqrt(1.0 - cosine * cosine) * math.sin(margin)


@kernel
def clearance(path, rotation, middle, tau, station):
    """Sine of the elevation at offset `tau` less that of the station's mask."""
    x, y, z = itrs_at(path, rotation, middle, tau)
    return sin_elevation(x, y, z, station) - station.sin_mask


@kernel
def crossing(path, rotation, middle, station, low, high):
    """Offset between `low` and `high` at which the satellite crosses the mask, to a millisecond."""
    rising = clearance(path, rotation, middle, high, station) >= 0.0
    while high - low > EDGE_S:
        tau = 0.5 * (low + high)
        if (clearance(path, rotation, middle, tau, station) >= 0.0) == rising:
            high = tau
        else:
            low = tau
    return high if rising else low


@kernel
def visible_part(path, rotation, middle, station, seconds, samples):
    """(from, to): first stretch of the round in which `station` sees the satellite; (0, 0) if it does not.

    Looked for at `samples` + 1 even moments; edges are then found to a millisecond.
    """
    start, last = -1.0, 0.0
    for i in range(samples + 1):
        tau = seconds * i / samples
        seen = clearance(path, rotation, middle, tau, station) >= 0.0
        if seen and start < 0.0:
            start = 0.0 if i == 0 else crossing(path, rotation, middle, station, last, tau)
        if not seen and start >= 0.0:
            return start, crossing(path, rotation, middle, station, last, tau)
        last = tau
    if start < 0.0:
        return 0.0, 0.0
    return start, seconds


@kernel
def _best_clearance(x, y, z, stations):
    best, which = -2.0, NONE
    for g in range(stations.shape[0]):
        above = sin_elevation(x, y, z, stations[g]) - stations[g].sin_mask
        if above > best:
            best, which = above, g
    return best, which


@kernel
def seek_contact(contacts, b, n, now, position, velocity, stations, forces, ballistic, ephemeris):
    """Keep the next contact of satellite n of world b known, up to three hours ahead.

    The search walks forward in steps of a minute and stops at a pass, so that each minute is looked at
    about once; it starts again from the satellite's own state when that pass is over. Passes shorter than
    a minute can be missed. One that goes on for hours ends where the search gives up.
    """
    if contacts.plan[b, n].station != NONE:
        if now < contacts.plan[b, n].end:
            return
        restart_search(contacts, b, n, now, position, velocity)
    limit = now + SEARCH_HORIZON_S
    p, v = contacts.position[b, n], contacts.velocity[b, n]
    x, y, z, vx, vy, vz = p[0], p[1], p[2], v[0], v[1], v[2]
    t = contacts.plan[b, n].searched
    if t + SEARCH_STEP_S > limit:
        return
    above, station = _clearance_at(x, y, z, t, stations, ephemeris, NONE)
    found = above >= 0.0
    if found:
        contacts.plan[b, n].start = t
        _climb(contacts.plan[b, n], rotate(earth_rotation(ephemeris, t), x, y, z), stations[station], t)
    while t + SEARCH_STEP_S <= (limit + SEARCH_HORIZON_S if found else limit):
        was = (x, y, z), (vx, vy, vz)
        sun = sun_position(ephemeris, t) if forces.sun else (0.0, 0.0, 0.0)
        moon = moon_position(ephemeris, t) if forces.moon else (0.0, 0.0, 0.0)
        turn = turn_at(forces.field, ephemeris, t)
        x, y, z, vx, vy, vz = dop8_step(
            x, y, z, vx, vy, vz, SEARCH_STEP_S, forces, ballistic, sun, moon, turn
        )
        t += SEARCH_STEP_S
        above, seen = _clearance_at(x, y, z, t, stations, ephemeris, station if found else NONE)
        if found and above < 0.0:
            contacts.plan[b, n].station = station
            contacts.plan[b, n].end = _edge(
                was, (x, y, z), (vx, vy, vz), t, stations[station], forces, ballistic, ephemeris
            )
            break
        if not found and above >= 0.0:
            found, station = True, seen
            contacts.plan[b, n].start = _edge(
                was, (x, y, z), (vx, vy, vz), t, stations[station], forces, ballistic, ephemeris
            )
        if found:
            _climb_along(
                contacts.plan[b, n], was, (x, y, z), (vx, vy, vz), t, stations[station], forces, ballistic,
                ephemeris,
            )  # fmt: skip
    if found and contacts.plan[b, n].station == NONE:
        contacts.plan[b, n].station = station
        contacts.plan[b, n].end = t
    p[0], p[1], p[2], v[0], v[1], v[2] = x, y, z, vx, vy, vz
    contacts.plan[b, n].searched = t


@kernel
def _climb_along(plan, was, position, velocity, t, station, forces, ballistic, ephemeris):
    """Note in `plan` where the satellite is highest in the step of the search that led to this state at t."""
    path = round_path(was[0], was[1], position, velocity, forces, ballistic, SEARCH_STEP_S)
    middle = 0.5 * SEARCH_STEP_S
    rotation = earth_rotation(ephemeris, t - middle)
    for i in range(1, int(SEARCH_STEP_S / PEAK_S) + 1):
        tau = i * PEAK_S
        _climb(plan, itrs_at(path, rotation, middle, tau), station, t - SEARCH_STEP_S + tau)


@kernel
def _climb(plan, place, station, t):
    """Note in `plan` that the satellite is at `place` (ITRS) at t, if that is the highest so far."""
    x, y, z = place
    sine = sin_elevation(x, y, z, station)
    if sine > plan.top:
        plan.top = sine
        plan.reach = slant_range(x, y, z, station)
        plan.peak = t


@kernel
def _edge(was, position, velocity, t, station, forces, ballistic, ephemeris):
    """Time at which the satellite crossed the mask in the step of the search that led to this state at t."""
    path = round_path(was[0], was[1], position, velocity, forces, ballistic, SEARCH_STEP_S)
    middle = 0.5 * SEARCH_STEP_S
    rotation = earth_rotation(ephemeris, t - middle)
    return t - SEARCH_STEP_S + crossing(path, rotation, middle, station, 0.0, SEARCH_STEP_S)


@kernel
def _clearance_at(x, y, z, t, stations, ephemeris, station):
    """(clearance, station) of GCRS point x, y, z at time t, of one station or else of the best."""
    x, y, z = rotate(earth_rotation(ephemeris, t), x, y, z)
    if station != NONE:
        return sin_elevation(x, y, z, stations[station]) - stations[station].sin_mask, station
    return _best_clearance(x, y, z, stations)


@kernel
def restart_search(contacts, b, n, now, position, velocity):
    """Forget the contact of satellite n of world b and look for one from its present state (3,), (3,)."""
    contacts.plan[b, n].station = NONE
    contacts.plan[b, n].top = contacts.plan[b, n].rate = -1.0
    contacts.plan[b, n].searched = now
    for i in range(3):
        contacts.position[b, n, i] = position[i]
        contacts.velocity[b, n, i] = velocity[i]
