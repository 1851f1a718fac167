"""Pointing: one boresight vector, turned by a rest-to-rest slew with a rate limit and a settling time."""

import math

from sandbox.compiled import kernel


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
    if sine < 1e-9:
        if fraction < 0.5:
            return ax, ay, az
        return bx, by, bz
    p = math.sin((1.0 - fraction) * angle) / sine
    q = math.sin(fraction * angle) / sine
    return p * ax + q * bx, p * ay + q * by, p * az + q * bz
