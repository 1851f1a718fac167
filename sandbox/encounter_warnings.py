"""What satellites are told of the encounters ahead: estimates that sharpen, with their probability."""

from math import atan2, cos, inf, sin, sqrt

from sandbox.compiled import kernel
from sandbox.conjunctions.plane_integrals import foster

DAY = 86_400.0


@kernel
def deviation(axis, lead, params):
    """Deviation (m) along R, T or N (0, 1, 2) of the other object (of the own, of `params.own`), `lead`
    seconds before the encounter."""
    if axis != 1:
        return params.sigma[axis]
    grown = params.growth * (max(0.0, lead) / DAY) ** 1.5
    return sqrt(params.sigma[1] * params.sigma[1] + grown * grown)


@kernel
def estimated_error(error, axis, update, params):
    """Error (m) of the estimate that came `update` updates before the encounter (0: the last one).

    The sum of independent steps, one for each update from the last back to it, whose variances add up to the
    one that applies: what is learned between two updates is what the earlier one lacked.
    """
    total, known = 0.0, 0.0
    for u in range(update + 1):
        variance = deviation(axis, (u + 1) * params.update, params) ** 2
        total += sqrt(max(0.0, variance - known)) * error[u, axis]
        known = variance
    return total


@kernel
def warn(encounter, error, own_error, now, params, warning):
    """The warning of an encounter at time `now` (s); none (a TCA of inf) if it is too far ahead or past."""
    warning.tca = inf
    lead = encounter.tca - now
    if encounter.tca == inf or lead > params.warn or encounter.passing <= now:
        return
    update = min(error.shape[0] - 1, max(0, int(lead / params.update)))
    d = encounter.relative
    speed = sqrt(d[3] * d[3] + d[4] * d[4] + d[5] * d[5])
    x, y, z = d[0], d[1], d[2]
    for k in range(3):
        off = estimated_error(error, k, update, params)
        x, y, z = (
            x + off * encounter.axes[k, 0],
            y + off * encounter.axes[k, 1],
            z + off * encounter.axes[k, 2],
        )
    if params.own.unknown:
        for k in range(3):
            off, axis = estimated_error(own_error, k, update, params.own), encounter.own_axes[k]
            x, y, z = x - off * axis[0], y - off * axis[1], z - off * axis[2]
    vx, vy, vz = d[3] / speed, d[4] / speed, d[5] / speed
    along = x * vx + y * vy + z * vz
    x, y, z = x - along * vx, y - along * vy, z - along * vz
    miss = max(1e-3, sqrt(x * x + y * y + z * z))
    ex, ey, ez = x / miss, y / miss, z / miss
    gx, gy, gz = vy * ez - vz * ey, vz * ex - vx * ez, vx * ey - vy * ex
    xx = xy = yy = 0.0
    for k in range(3):
        s = deviation(k, (update + 1) * params.update, params)
        a = s * (encounter.axes[k, 0] * ex + encounter.axes[k, 1] * ey + encounter.axes[k, 2] * ez)
        c = s * (encounter.axes[k, 0] * gx + encounter.axes[k, 1] * gy + encounter.axes[k, 2] * gz)
        xx, xy, yy = xx + a * a, xy + a * c, yy + c * c
    if params.own.unknown:
        for k in range(3):
            s, axis = deviation(k, (update + 1) * params.update, params.own), encounter.own_axes[k]
            a = s * (axis[0] * ex + axis[1] * ey + axis[2] * ez)
            c = s * (axis[0] * gx + axis[1] * gy + axis[2] * gz)
            xx, xy, yy = xx + a * a, xy + a * c, yy + c * c
    warning.tca = encounter.passing - along / speed
    warning.miss, warning.sigma = miss, sqrt(xx)
    warning.issued = encounter.tca - min(params.warn, (update + 1) * params.update)
    half, root = 0.5 * (xx + yy), sqrt(0.25 * (xx - yy) ** 2 + xy * xy)
    angle = 0.5 * atan2(2.0 * xy, xx - yy)
    warning.probability = foster(
        miss * cos(angle),
        -miss * sin(angle),
        sqrt(half + root),
        sqrt(max(1e-6, half - root)),
        encounter.radius,
    )


@kernel
def warn_all(state, encounters, b):
    """Write the W gravest warnings of every satellite of world b, by falling probability.

    Those that would come out the same are left as they are: they change with an update, a burn or a passing.
    """
    records, params, now = encounters.state, encounters.params, state.clock[b].time
    for n in range(state.body.shape[1]):
        alive = state.body[b, n].alive
        if alive and now < records.warned_until[b, n]:
            continue
        warnings = encounters.warnings[b, n]
        for k in range(warnings.shape[0]):
            warnings[k].tca = inf
        if alive:
            _gravest(
                records.encounter[b, n], records.error[b, n], records.own_error[b, n], now, params, warnings
            )
        records.warned_until[b, n] = _next_news(records.encounter[b, n], now, params)


@kernel
def _next_news(rows, now, params):
    """Time at which what is told of the encounters of a satellite changes next, if it does not burn."""
    soonest = inf
    for k in range(rows.shape[0]):
        tca, lead = rows[k].tca, rows[k].tca - now
        if tca == inf:
            break
        if lead > params.warn:
            soonest = min(soonest, tca - params.warn)
            break
        if rows[k].passing > now:
            updates = int(lead / params.update)
            soonest = min(soonest, rows[k].passing, tca - updates * params.update if updates > 0 else inf)
    return soonest


@kernel
def _gravest(rows, error, own_error, now, params, warnings):
    for k in range(rows.shape[0]):
        if rows[k].tca > now + params.warn:
            break
        last = warnings[warnings.shape[0] - 1]
        held = (last.tca, last.miss, last.sigma, last.probability, last.issued)
        warn(rows[k], error[k], own_error[k], now, params, last)
        if last.tca == inf or (held[0] != inf and held[3] >= last.probability):
            last.tca, last.miss, last.sigma, last.probability, last.issued = held
            continue
        place = warnings.shape[0] - 1
        while place > 0:
            above, here = warnings[place - 1], warnings[place]
            if above.tca != inf and above.probability >= here.probability:
                break
            one = (above.tca, above.miss, above.sigma, above.probability, above.issued)
            above.tca, above.miss, above.sigma = here.tca, here.miss, here.sigma
            above.probability, above.issued = here.probability, here.issued
            here.tca, here.miss, here.sigma, here.probability, here.issued = one
            place -= 1
