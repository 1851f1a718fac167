"""Maneuvers: what a burn does to an orbit and to the encounters ahead, and the way back to the slot."""

from math import atan2, ceil, cos, inf, sin, sqrt

from sandbox.compiled import kernel
from sandbox.conjunctions.approach import minimum_between, moved
from sandbox.counted_random import noise
from sandbox.links import restart_search
from sandbox.orbits.bodies import MU_EARTH, R_EARTH
from sandbox.orbits.ephemeris import moon_position, sun_position
from sandbox.orbits.gravity import turn_at
from sandbox.orbits.propagation import MAX_STEP_S, dop8_step

SWEEP_STEP_S = 180.0
"""Longest step of a flight to the encounters ahead: order eight keeps 1 mm a day at this length."""
SEARCH_S = 90.0
"""Seconds around the nominal encounter in which the closest approach of a burned orbit is looked for."""
SLOT_STEP_S = 240.0
"""Where a satellite is from its slot is looked up so often: order eight keeps centimetres a day."""
SEEK_M_S = 2.0
"""Burned in sum after which contacts are sought anew: until then they are 9 s off at most, since an impulse
moves a satellite by three times its size and the time, and the search looks three hours ahead."""
RETURN_S = 6 * 3600.0
"""Time in which a return takes a satellite back to its slot."""
BACK_M, STILL_M_S = 100.0, 1e-3
"""A satellite is back in its slot when it is no further along track, and would stay with so small a burn."""
SIZE, TILT, TURN = range(3)
"""What of a burn is off; numbers of its draws."""
WAIT, FORWARD_SMALL, FORWARD_LARGE, BACKWARD_SMALL, BACKWARD_LARGE, RETURN = range(6)


@kernel
def carried(s, time, seconds, longest, constants, n):
    """State s (six numbers) of satellite n, `seconds` after `time`, in steps of at most `longest`."""
    steps = max(1, ceil(abs(seconds) / longest))
    h = seconds / steps
    sun = moon = (0.0, 0.0, 0.0)
    for step in range(steps):
        if constants.forces.sun:
            sun = sun_position(constants.ephemeris, time + (step + 0.5) * h)
        if constants.forces.moon:
            moon = moon_position(constants.ephemeris, time + (step + 0.5) * h)
        turn = turn_at(constants.forces.field, constants.ephemeris, time + step * h)
        s = dop8_step(
            s[0], s[1], s[2], s[3], s[4], s[5], h, constants.forces, constants.ballistic[n], sun, moon, turn
        )
    return s


@kernel
def predict(records, orbit, constants, b, n, now):
    """Fly satellite n of world b to each of its encounters ahead, and note how they will pass."""
    rows = records.encounter[b, n]
    p, v = orbit.position[b, n], orbit.velocity[b, n]
    own, time = (p[0], p[1], p[2], v[0], v[1], v[2]), now
    for k in range(rows.shape[0]):
        encounter = rows[k]
        if encounter.tca == inf:
            break
        if encounter.tca + SEARCH_S < now:
            continue
        own = carried(own, time, encounter.tca - time, SWEEP_STEP_S, constants, n)
        time = encounter.tca
        _meet(encounter, own, constants, n)


@kernel
def _meet(encounter, own, constants, n):
    """Note the closest approach near the nominal time, from the satellite's state (six numbers) then."""
    s = encounter.state
    other = (s[0], s[1], s[2], s[3], s[4], s[5])
    forces, ballistic = constants.forces, constants.ballistic[n]
    tau, _ = minimum_between(own, other, -SEARCH_S, SEARCH_S, forces, ballistic, 0.0)
    a, c = moved(own, tau, forces, ballistic), moved(other, tau, forces, 0.0)
    encounter.passing = encounter.tca + tau
    for i in range(6):
        encounter.relative[i] = c[i] - a[i]
    write_axes(c, encounter.axes)
    write_axes(a, encounter.own_axes)


@kernel
def write_axes(c, axes):
    """Write R, T and N (3, 3) of a state of six numbers."""
    r = sqrt(c[0] * c[0] + c[1] * c[1] + c[2] * c[2])
    hx, hy, hz = c[1] * c[5] - c[2] * c[4], c[2] * c[3] - c[0] * c[5], c[0] * c[4] - c[1] * c[3]
    h = sqrt(hx * hx + hy * hy + hz * hz)
    for i in range(3):
        axes[0, i] = c[i] / r
    axes[2, 0], axes[2, 1], axes[2, 2] = hx / h, hy / h, hz / h
    axes[1, 0] = axes[2, 1] * axes[0, 2] - axes[2, 2] * axes[0, 1]
    axes[1, 1] = axes[2, 2] * axes[0, 0] - axes[2, 0] * axes[0, 2]
    axes[1, 2] = axes[2, 0] * axes[0, 1] - axes[2, 1] * axes[0, 0]


@kernel
def along_track(position, velocity, slot_position, slot_velocity, j2):
    """(offset, drift): metres ahead of the slot, and m/s by which that grows, both in the mean over an orbit.

    The mean offset is the one less 2 / n times the radial speed (Clohessy and Wiltshire 1960): what a small
    eccentricity adds goes round, and guidance that followed it would feed it. An impulse dv along track makes
    a satellite drift by -3 dv; the energy, J2's share included, which stays the same around the orbit, says
    what it amounts to.
    """
    p, v, q, w = position, velocity, slot_position, slot_velocity
    radius = sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2])
    distance = sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2])
    speed = sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2])
    climb = (q[0] * w[0] + q[1] * w[1] + q[2] * w[2]) / radius
    ahead = (p[0] * w[0] + p[1] * w[1] + p[2] * w[2]) / speed
    up = (p[0] * q[0] + p[1] * q[1] + p[2] * q[2]) / radius
    angle = atan2(ahead, up) - climb / speed
    rising = (p[0] * v[0] + p[1] * v[1] + p[2] * v[2]) / distance - climb
    return radius * (angle - 2.0 * rising / speed), 3.0 * (energy(q, w, j2) - energy(p, v, j2)) / speed


@kernel
def energy(p, v, j2):
    """Energy (J/kg) of a position (3,) and velocity (3,), with the potential of J2."""
    r2 = p[0] * p[0] + p[1] * p[1] + p[2] * p[2]
    inverse = 1.0 / sqrt(r2)
    flattening = 0.5 * j2 * R_EARTH * R_EARTH / r2 * (3.0 * p[2] * p[2] / r2 - 1.0)
    return 0.5 * (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]) - MU_EARTH * inverse * (1.0 - flattening)


@kernel
def wanted_burn(action, offset, drift, params):
    """The impulse along track (m/s) that an action asks for."""
    if action == FORWARD_SMALL:
        return params.small
    if action == FORWARD_LARGE:
        return params.large
    if action == BACKWARD_SMALL:
        return -params.small
    if action == BACKWARD_LARGE:
        return -params.large
    if action == RETURN:
        target = -offset / RETURN_S if abs(offset) > BACK_M else 0.0
        return min(params.large, max(-params.large, (drift - target) / 3.0))
    return 0.0


@kernel
def away(offset, drift):
    """Whether a satellite is out of its slot, or leaving it."""
    return abs(offset) > BACK_M or abs(drift) > 3.0 * STILL_M_S


@kernel
def burn(state, constants, encounters, action, b, n):
    """Satellite n burns as `action` says, at its world's present time; what is ahead is predicted anew."""
    records, params, now = encounters.state, encounters.params, state.clock[b].time
    passing = records.passing[b, n]
    if not state.body[b, n].alive or action == WAIT:
        return
    impulse = wanted_burn(action, passing.offset, passing.drift, params)
    size = min(abs(impulse), records.fuel[b, n])
    if size <= 0.0:
        return
    if not records.burned[b, n]:
        leave_slot(records, state.orbit, now, b, n)
    along, up, across = size if impulse > 0.0 else -size, 0.0, 0.0
    if params.burn_sigma > 0.0 or params.burn_pointing > 0.0:
        along, up, across = _executed(records, params, along, b, n)
        size = sqrt(along * along + up * up + across * across)
    _add_impulse(state.orbit, constants, b, n, now, (along, up, across))
    passing.unsought += size
    if passing.unsought > SEEK_M_S:
        passing.unsought = 0.0
        restart_search(state.contacts, b, n, now, state.orbit.position[b, n], state.orbit.velocity[b, n])
    records.fuel[b, n] -= size
    records.warned_until[b, n] = -inf
    passing.burned += size
    passing.drift -= 3.0 * along
    predict(records, state.orbit, constants, b, n, now)


@kernel
def _executed(records, params, wanted, b, n):
    """(along, up, across), m/s, of what a burn of `wanted` m/s along the velocity comes to, with its errors.

    Up is across the velocity in the plane of the orbit. No more is burned than there is fuel.
    """
    passing, key = records.passing[b, n], records.key[b, n]
    size = wanted * max(0.0, 1.0 + params.burn_sigma * noise(key, SIZE, passing.burns, n))
    size = min(records.fuel[b, n], max(-records.fuel[b, n], size))
    tilt = params.burn_pointing * noise(key, TILT, passing.burns, n)
    turn = params.burn_pointing * noise(key, TURN, passing.burns, n)
    passing.burns += 1
    return size * cos(tilt) * cos(turn), size * sin(tilt) * cos(turn), size * sin(turn)


@kernel
def leave_slot(records, orbit, now, b, n):
    """From its first burn on, the slot of satellite n is another orbit than its own."""
    records.burned[b, n] = True
    records.passing[b, n].slot_at = now
    for i in range(3):
        records.slot_position[b, n, i] = orbit.position[b, n, i]
        records.slot_velocity[b, n, i] = orbit.velocity[b, n, i]


@kernel
def _add_impulse(orbit, constants, b, n, now, impulse):
    """Add an impulse (along, up, across), m/s, to satellite n of world b, and carry it one round on."""
    p, v = orbit.position[b, n], orbit.velocity[b, n]
    along, up, across = impulse
    speed = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
    if up != 0.0 or across != 0.0:
        hx, hy, hz = p[1] * v[2] - p[2] * v[1], p[2] * v[0] - p[0] * v[2], p[0] * v[1] - p[1] * v[0]
        up, across = (
            up / sqrt(hx * hx + hy * hy + hz * hz) / speed,
            across / sqrt(hx * hx + hy * hy + hz * hz),
        )
        x, y, z = v[1] * hz - v[2] * hy, v[2] * hx - v[0] * hz, v[0] * hy - v[1] * hx
        x, y, z = up * x + across * hx, up * y + across * hy, up * z + across * hz
    else:
        x = y = z = 0.0
    factor = 1.0 + along / speed
    v[0], v[1], v[2] = v[0] * factor + x, v[1] * factor + y, v[2] * factor + z
    s = carried((p[0], p[1], p[2], v[0], v[1], v[2]), now, constants.round_s, MAX_STEP_S, constants, n)
    for i in range(3):
        orbit.next_position[b, n, i], orbit.next_velocity[b, n, i] = s[i], s[3 + i]


@kernel
def keep_slot(records, orbit, constants, now, b, n):
    """Carry the slot of satellite n, which has burned, to `now`; where the satellite is from it."""
    p, v, passing = records.slot_position[b, n], records.slot_velocity[b, n], records.passing[b, n]
    start = (p[0], p[1], p[2], v[0], v[1], v[2])
    s = carried(start, passing.slot_at, now - passing.slot_at, SLOT_STEP_S, constants, n)
    for i in range(3):
        p[i], v[i] = s[i], s[3 + i]
    passing.slot_at = now
    passing.offset, passing.drift = along_track(
        orbit.position[b, n], orbit.velocity[b, n], p, v, constants.forces.j2
    )
