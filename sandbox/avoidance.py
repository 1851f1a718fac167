"""Kernels of collision avoidance: how threats pass, what is told of them, burns, what a round brought."""

from math import atan2, ceil, cos, inf, sin, sqrt

from sandbox.compiled import kernel
from sandbox.conjunctions.approach import may_meet, minimum_between, moved, nearer
from sandbox.conjunctions.plane_integrals import foster
from sandbox.links import restart_search
from sandbox.orbits.bodies import MU_EARTH, R_EARTH
from sandbox.orbits.ephemeris import moon_position, sun_position
from sandbox.orbits.propagation import dop8_step
from sandbox.state import LOST
from sandbox.units import DAY, HOUR
from sandbox.world import MAX_STEP_S

SWEEP_STEP_S = 180.0
"""Longest step of a flight to the threats ahead: order eight keeps 1 mm a day at this length."""
SEARCH_S = 90.0
"""Seconds around the nominal encounter in which the closest approach of a burned orbit is looked for."""
SLOT_STEP_S = 240.0
"""Where a satellite is from its slot is looked up so often: order eight keeps centimetres a day."""
SEEK_M_S = 2.0
"""Burned in sum after which contacts are sought anew: until then they are 9 s off at most, since an impulse
moves a satellite by three times its size and the time, and the search looks three hours ahead."""
RETURN_S = 6 * HOUR
"""Time in which a return takes a satellite back to its slot."""
BACK_M, STILL_M_S = 100.0, 1e-3
"""A satellite is back in its slot when it is no further along track, and would stay with so small a burn."""
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
        s = dop8_step(
            s[0], s[1], s[2], s[3], s[4], s[5], h, constants.forces, constants.ballistic[n], sun, moon
        )
    return s


@kernel
def predict(threats, orbit, constants, b, n, now):
    """Fly satellite n of world b to each of its threats ahead, and note how they will pass."""
    rows = threats.threat[b, n]
    p, v = orbit.position[b, n], orbit.velocity[b, n]
    own, time = (p[0], p[1], p[2], v[0], v[1], v[2]), now
    for k in range(rows.shape[0]):
        threat = rows[k]
        if threat.tca == inf:
            break
        if threat.tca + SEARCH_S < now:
            continue
        own = carried(own, time, threat.tca - time, SWEEP_STEP_S, constants, n)
        time = threat.tca
        _meet(threat, own, constants, n)


@kernel
def _meet(threat, own, constants, n):
    """Note the closest approach near the nominal time, from the satellite's state (six numbers) then."""
    s = threat.state
    other = (s[0], s[1], s[2], s[3], s[4], s[5])
    forces, ballistic = constants.forces, constants.ballistic[n]
    tau, _ = minimum_between(own, other, -SEARCH_S, SEARCH_S, forces, ballistic, 0.0)
    a, c = moved(own, tau, forces, ballistic), moved(other, tau, forces, 0.0)
    threat.passing = threat.tca + tau
    for i in range(6):
        threat.relative[i] = c[i] - a[i]
    r = sqrt(c[0] * c[0] + c[1] * c[1] + c[2] * c[2])
    hx, hy, hz = c[1] * c[5] - c[2] * c[4], c[2] * c[3] - c[0] * c[5], c[0] * c[4] - c[1] * c[3]
    h = sqrt(hx * hx + hy * hy + hz * hz)
    axes = threat.axes
    for i in range(3):
        axes[0, i] = c[i] / r
    axes[2, 0], axes[2, 1], axes[2, 2] = hx / h, hy / h, hz / h
    axes[1, 0] = axes[2, 1] * axes[0, 2] - axes[2, 2] * axes[0, 1]
    axes[1, 1] = axes[2, 2] * axes[0, 0] - axes[2, 0] * axes[0, 2]
    axes[1, 2] = axes[2, 0] * axes[0, 1] - axes[2, 1] * axes[0, 0]


@kernel
def deviation(axis, lead, rules):
    """Deviation (m) along R, T or N (0, 1, 2) of the other object, `lead` seconds before the encounter."""
    if axis != 1:
        return rules.sigma[axis]
    grown = rules.growth * (max(0.0, lead) / DAY) ** 1.5
    return sqrt(rules.sigma[1] * rules.sigma[1] + grown * grown)


@kernel
def estimated_error(error, axis, update, rules):
    """Error (m) of the estimate that came `update` updates before the encounter (0: the last one).

    The sum of independent steps, one for each update from the last back to it, whose variances add up to the
    one that applies: what is learned between two updates is what the earlier one lacked.
    """
    total, known = 0.0, 0.0
    for u in range(update + 1):
        variance = deviation(axis, (u + 1) * rules.update, rules) ** 2
        total += sqrt(max(0.0, variance - known)) * error[u, axis]
        known = variance
    return total


@kernel
def warn(threat, error, now, rules, warning):
    """Write what the satellite is told of a threat at time `now`; nothing if it is too far ahead or past."""
    warning.tca = inf
    lead = threat.tca - now
    if threat.tca == inf or lead > rules.warn or threat.passing <= now:
        return
    update = min(error.shape[0] - 1, max(0, int(lead / rules.update)))
    d = threat.relative
    speed = sqrt(d[3] * d[3] + d[4] * d[4] + d[5] * d[5])
    x, y, z = d[0], d[1], d[2]
    for k in range(3):
        off = estimated_error(error, k, update, rules)
        x, y, z = x + off * threat.axes[k, 0], y + off * threat.axes[k, 1], z + off * threat.axes[k, 2]
    vx, vy, vz = d[3] / speed, d[4] / speed, d[5] / speed
    along = x * vx + y * vy + z * vz
    x, y, z = x - along * vx, y - along * vy, z - along * vz
    miss = max(1e-3, sqrt(x * x + y * y + z * z))
    ex, ey, ez = x / miss, y / miss, z / miss
    gx, gy, gz = vy * ez - vz * ey, vz * ex - vx * ez, vx * ey - vy * ex
    xx = xy = yy = 0.0
    for k in range(3):
        s = deviation(k, (update + 1) * rules.update, rules)
        a = s * (threat.axes[k, 0] * ex + threat.axes[k, 1] * ey + threat.axes[k, 2] * ez)
        c = s * (threat.axes[k, 0] * gx + threat.axes[k, 1] * gy + threat.axes[k, 2] * gz)
        xx, xy, yy = xx + a * a, xy + a * c, yy + c * c
    warning.tca = threat.passing - along / speed
    warning.miss, warning.sigma = miss, sqrt(xx)
    warning.issued = threat.tca - min(rules.warn, (update + 1) * rules.update)
    half, root = 0.5 * (xx + yy), sqrt(0.25 * (xx - yy) ** 2 + xy * xy)
    angle = 0.5 * atan2(2.0 * xy, xx - yy)
    warning.probability = foster(
        miss * cos(angle), -miss * sin(angle), sqrt(half + root), sqrt(max(1e-6, half - root)), threat.radius
    )


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
    return radius * (angle - 2.0 * rising / speed), 3.0 * (_energy(q, w, j2) - _energy(p, v, j2)) / speed


@kernel
def _energy(p, v, j2):
    """Energy (J/kg) of a position (3,) and velocity (3,), with the potential of J2."""
    r2 = p[0] * p[0] + p[1] * p[1] + p[2] * p[2]
    inverse = 1.0 / sqrt(r2)
    flattening = 0.5 * j2 * R_EARTH * R_EARTH / r2 * (3.0 * p[2] * p[2] / r2 - 1.0)
    return 0.5 * (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]) - MU_EARTH * inverse * (1.0 - flattening)


@kernel
def wanted_burn(action, offset, drift, rules):
    """The impulse along track (m/s) that an action asks for."""
    if action == FORWARD_SMALL:
        return rules.small
    if action == FORWARD_LARGE:
        return rules.large
    if action == BACKWARD_SMALL:
        return -rules.small
    if action == BACKWARD_LARGE:
        return -rules.large
    if action == RETURN:
        target = -offset / RETURN_S if abs(offset) > BACK_M else 0.0
        return min(rules.large, max(-rules.large, (drift - target) / 3.0))
    return 0.0


@kernel
def away(offset, drift):
    """Whether a satellite is out of its slot, or leaving it."""
    return abs(offset) > BACK_M or abs(drift) > 3.0 * STILL_M_S


@kernel
def burn_worlds(state, constants, which, threats, rules, action):
    """Burn as the actions (B, N) say, at the worlds' present time; what is ahead is predicted anew."""
    for b in which:
        now = state.clock[b].time
        for n in range(action.shape[1]):
            passing = threats.passing[b, n]
            if not state.body[b, n].alive or action[b, n] == WAIT:
                continue
            impulse = wanted_burn(action[b, n], passing.offset, passing.drift, rules)
            size = min(abs(impulse), threats.fuel[b, n])
            if size > 0.0:
                if not threats.burned[b, n]:
                    _leave_slot(threats, state.orbit, now, b, n)
                _burn(state.orbit, constants, b, n, now, size if impulse > 0.0 else -size)
                passing.unsought += size
                if passing.unsought > SEEK_M_S:
                    passing.unsought = 0.0
                    restart_search(
                        state.contacts, b, n, now, state.orbit.position[b, n], state.orbit.velocity[b, n]
                    )
                threats.fuel[b, n] -= size
                threats.told_until[b, n] = -inf
                passing.burned += size
                passing.drift -= 3.0 * (size if impulse > 0.0 else -size)
                predict(threats, state.orbit, constants, b, n, now)


@kernel
def _leave_slot(threats, orbit, now, b, n):
    """From its first burn on, the slot of satellite n is another orbit than its own."""
    threats.burned[b, n] = True
    threats.passing[b, n].slot_at = now
    for i in range(3):
        threats.slot_position[b, n, i] = orbit.position[b, n, i]
        threats.slot_velocity[b, n, i] = orbit.velocity[b, n, i]


@kernel
def _burn(orbit, constants, b, n, now, impulse):
    """Add `impulse` m/s along the velocity of satellite n of world b, and carry it one round on."""
    p, v = orbit.position[b, n], orbit.velocity[b, n]
    factor = 1.0 + impulse / sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
    v[0], v[1], v[2] = v[0] * factor, v[1] * factor, v[2] * factor
    s = carried((p[0], p[1], p[2], v[0], v[1], v[2]), now, constants.round_s, MAX_STEP_S, constants, n)
    for i in range(3):
        orbit.next_position[b, n, i], orbit.next_velocity[b, n, i] = s[i], s[3 + i]


@kernel
def pass_worlds(state, constants, which, threats, rules, sweep):
    """After a round: who met what, where everyone is in relation to its slot."""
    for b in which:
        now, start = state.clock[b].time, state.clock[b].time - constants.round_s
        for n in range(state.body.shape[1]):
            passing = threats.passing[b, n]
            passing.hit, passing.closest = False, inf
            if state.body[b, n].alive:
                _pass_debris(threats.threat[b, n], passing, rules.watch, start, now)
        _pass_fleet(state, constants, threats, rules, sweep, b)
        for n in range(state.body.shape[1]):
            passing = threats.passing[b, n]
            if passing.hit and state.body[b, n].alive:
                state.body[b, n].alive = False
                state.activity[b, n].died = True
                state.activity[b, n].mode = LOST
            if threats.burned[b, n] and now - passing.slot_at >= SLOT_STEP_S:
                _keep_slot(threats, state.orbit, constants, now, b, n)


@kernel
def _keep_slot(threats, orbit, constants, now, b, n):
    """Carry the slot of satellite n, which has burned, to `now`; where the satellite is from it."""
    p, v, passing = threats.slot_position[b, n], threats.slot_velocity[b, n], threats.passing[b, n]
    start = (p[0], p[1], p[2], v[0], v[1], v[2])
    s = carried(start, passing.slot_at, now - passing.slot_at, SLOT_STEP_S, constants, n)
    for i in range(3):
        p[i], v[i] = s[i], s[3 + i]
    passing.slot_at = now
    passing.offset, passing.drift = along_track(
        orbit.position[b, n], orbit.velocity[b, n], p, v, constants.forces.j2
    )


@kernel
def _pass_debris(rows, passing, watch, start, now):
    for k in range(rows.shape[0]):
        if rows[k].tca == inf:
            break
        if start < rows[k].passing <= now:
            r = rows[k].relative
            distance = sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2])
            if distance <= watch:
                passing.closest = min(passing.closest, distance)
            passing.hit = passing.hit or distance < rows[k].radius


@kernel
def _pass_fleet(state, constants, threats, rules, sweep, b):
    """Satellites that ever burned may meet the others: over the last round, from where they are now.

    They are swept along the first axis, so that each is held against its neighbours on it only.
    """
    body, burned, order, place = state.body[b], threats.burned[b], sweep.order[b], sweep.place[b]
    position, velocity, any_burned = state.orbit.position[b], state.orbit.velocity[b], False
    for n in range(burned.shape[0]):
        any_burned = any_burned or (burned[n] and body[n].alive)
    if not any_burned:
        return
    reach = _reach(position, velocity, body, rules.watch, constants.round_s)
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
                _pass_each_other(position, velocity, constants, threats.passing[b], rules, first, second)
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
def _pass_each_other(position, velocity, constants, passing, rules, n, m):
    """Note how near satellites n and m came to each other in the last round, if that may be worth noting."""
    p, v, q, w, seconds = position[n], velocity[n], position[m], velocity[m], constants.round_s
    if not may_meet(p, v, q, w, rules.watch, seconds):
        return
    _, least = minimum_between(
        (p[0], p[1], p[2], v[0], v[1], v[2]), (q[0], q[1], q[2], w[0], w[1], w[2]), -seconds, 0.0,
        constants.forces, constants.ballistic[n], constants.ballistic[m],
    )  # fmt: skip
    for i in (n, m):
        if least <= rules.watch:
            passing[i].closest = min(passing[i].closest, least)
        passing[i].hit = passing[i].hit or least < rules.radius


@kernel
def predict_worlds(state, constants, which, threats):
    """Fly every satellite of the worlds listed in `which` to all of its threats."""
    for b in which:
        for n in range(state.body.shape[1]):
            predict(threats, state.orbit, constants, b, n, state.clock[b].time)


@kernel
def warn_worlds(state, constants, which, threats, rules, warnings):
    """Write the W gravest warnings (B, N, W) of every satellite, by falling probability.

    Those that would come out the same are left as they are: they change with an update, a burn or a passing.
    """
    for b in which:
        now = state.clock[b].time
        for n in range(warnings.shape[1]):
            if state.body[b, n].alive and now < threats.told_until[b, n]:
                continue
            told = warnings[b, n]
            for k in range(told.shape[0]):
                told[k].tca = inf
            if state.body[b, n].alive:
                _gravest(threats.threat[b, n], threats.error[b, n], now, rules, told)
            threats.told_until[b, n] = _next_news(threats.threat[b, n], now, rules)


@kernel
def _next_news(rows, now, rules):
    """Time at which what is told of the threats of a satellite changes next, if it does not burn."""
    soonest = inf
    for k in range(rows.shape[0]):
        tca, lead = rows[k].tca, rows[k].tca - now
        if tca == inf:
            break
        if lead > rules.warn:
            soonest = min(soonest, tca - rules.warn)
            break
        if rows[k].passing > now:
            updates = int(lead / rules.update)
            soonest = min(soonest, rows[k].passing, tca - updates * rules.update if updates > 0 else inf)
    return soonest


@kernel
def _gravest(rows, error, now, rules, told):
    for k in range(rows.shape[0]):
        if rows[k].tca > now + rules.warn:
            break
        last = told[told.shape[0] - 1]
        held = (last.tca, last.miss, last.sigma, last.probability, last.issued)
        warn(rows[k], error[k], now, rules, last)
        if last.tca == inf or (held[0] != inf and held[3] >= last.probability):
            last.tca, last.miss, last.sigma, last.probability, last.issued = held
            continue
        place = told.shape[0] - 1
        while place > 0:
            above, here = told[place - 1], told[place]
            if above.tca != inf and above.probability >= here.probability:
                break
            one = (above.tca, above.miss, above.sigma, above.probability, above.issued)
            above.tca, above.miss, above.sigma = here.tca, here.miss, here.sigma
            above.probability, above.issued = here.probability, here.issued
            here.tca, here.miss, here.sigma, here.probability, here.issued = one
            place -= 1
