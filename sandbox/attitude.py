"""Pointing: one boresight vector, turned by a rest-to-rest slew with a rate limit and a settling time."""

import math

from sandbox.compiled import kernel
from sandbox.geometry import BEYOND_S, line_of_sight

ON_TARGET = 1e-3
"""rad; a camera as close as this to where it should point is there."""
_SURELY_OFF = 1.0 - ON_TARGET**2
"""Cosine of an angle larger than that by two fifths: what is farther off is told without an arc cosine."""


@kernel
def angle_between(ax, ay, az, bx, by, bz):
    """Angle between two unit vectors, rad in [0, pi]."""
    cosine = ax * bx + ay * by + az * bz
    return math.acos(min(1.0, max(-1.0, cosine)))


@kernel
def slew_time(angle, rate, acceleration):
    """Seconds of a rest-to-rest turn by `angle` (rad): bang-bang, with a coast where `rate` is reached.

    Wertz, Space Mission Engineering (2011), section 19.1: 2 sqrt(angle / acceleration) for small
    turns, angle / rate + rate / acceleration beyond.
    """
    if angle * acceleration <= rate * rate:
        return 2.0 * math.sqrt(angle / acceleration)
    return angle / rate + rate / acceleration


@kernel
def slew_progress(elapsed, angle, rate, acceleration):
    """Fraction of that turn made after `elapsed` seconds, in [0, 1]."""
    total = slew_time(angle, rate, acceleration)
    if elapsed >= total:
        return 1.0
    if elapsed <= 0.0:
        return 0.0
    ramp = min(rate / acceleration, 0.5 * total)
    if elapsed < ramp:
        turned = 0.5 * acceleration * elapsed * elapsed
    elif elapsed <= total - ramp:
        turned = acceleration * ramp * (elapsed - 0.5 * ramp)
    else:
        left = total - elapsed
        turned = angle - 0.5 * acceleration * left * left
    return min(1.0, turned / angle)


@kernel
def turn(ax, ay, az, bx, by, bz, angle, fraction):
    """Unit vector after `fraction` of the great-circle turn from a to b, which are `angle` (rad) apart."""
    sine = math.sin(angle)
    if sine < 1e-6:
        if fraction < 0.5:
            return ax, ay, az
        return bx, by, bz
    p = math.sin((1.0 - fraction) * angle) / sine
    q = math.sin(fraction * angle) / sine
    return p * ax + q * bx, p * ay + q * by, p * az + q * bz


@kernel
def turn_time(start, aim, craft):
    """Seconds in which the camera turns from `start` to `aim` (unit vectors) and settles."""
    angle = angle_between(start[0], start[1], start[2], aim[0], aim[1], aim[2])
    return slew_time(angle, craft.slew_rate, craft.slew_acceleration) + craft.settle


@kernel
def on_target(start, aim):
    """Whether a camera that points to `start` need neither turn nor settle to see `aim` (unit vectors)."""
    if start[0] * aim[0] + start[1] * aim[1] + start[2] * aim[2] < _SURELY_OFF:
        return False
    return angle_between(start[0], start[1], start[2], aim[0], aim[1], aim[2]) < ON_TARGET


@kernel
def meet(path, rotation, middle, start, target, craft, earliest, latest, seconds, begin):
    """(when, needed): first offset in [earliest, latest] at which the camera can have settled on `target`.

    At offset `begin` it starts to turn from `start` (GCRS) to where ITRS point `target` is seen at `when`,
    which takes `needed` seconds; 0 if it is on the target and follows it. `when` is late by some tenths of a
    second, seldom by a second or two; it is less than `begin` + `needed` if there is none.
    """
    horizon = seconds + BEYOND_S
    low = earliest
    aim = line_of_sight(path, rotation, middle, target, min(low, horizon))
    late = begin + turn_time(start, aim, craft) - low
    if late <= 0.0:
        return low, low + late - begin
    if on_target(start, line_of_sight(path, rotation, middle, target, begin)):
        return low, 0.0
    high, ahead = low, late
    for i in range(1, 20):  # by steps shorter than what is needed, so as not to pass over a good moment
        high = min(high + 0.7 * ahead + 0.1 * i, latest)
        aim = line_of_sight(path, rotation, middle, target, min(high, horizon))
        ahead = begin + turn_time(start, aim, craft) - high
        if ahead <= 0.0 or high == latest:
            break
        low, late = high, ahead
    for _ in range(3):
        if ahead > 0.0 or high - low < 0.3:
            break
        tau = low + (high - low) * late / (late - ahead)
        aim = line_of_sight(path, rotation, middle, target, min(tau, horizon))
        gap = begin + turn_time(start, aim, craft) - tau
        if gap <= 0.0:
            high, ahead = tau, gap
        else:
            low, late = tau, gap
    return high, high + ahead - begin
