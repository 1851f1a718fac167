"""When a request can be imaged: its own dwell, and the directions of the two looks of a stereo pair."""

from sandbox.attitude import angle_between
from sandbox.campaigns import has_parts, hold_of, is_second_look
from sandbox.compiled import kernel
from sandbox.geometry import BEYOND_S, itrs_at, unit
from sandbox.sensing import CONE_MARGIN_S, plan_capture

SEARCH_S = 1.0
"""Step in the search for a moment at which a second look is far enough from the first."""
MOST_TRIES = 8
"""Turns that are tried for one: from each, the camera may come later than was wanted."""


@kernel
def plan_look(requests, b, j, path, rotation, middle, start, craft, enter, leave, seconds, begin):
    """As `plan_capture`, for request j: with its own dwell and, for the second look of a stereo pair, at the
    first moment at which its direction is far enough from that of the first look."""
    target = requests.book[b, j].position
    if not has_parts(requests):
        return plan_capture(
            path, rotation, middle, start, target, craft, enter, leave, seconds, begin, craft.dwell
        )
    part, hold = requests.part[b, j], hold_of(requests, craft, b, j)
    found = plan_capture(path, rotation, middle, start, target, craft, enter, leave, seconds, begin, hold)
    if not is_second_look(requests, b, j):
        return found
    look = (part.look[0], part.look[1], part.look[2])
    last = min(leave, seconds + BEYOND_S)
    for _ in range(MOST_TRIES):
        tau = found[0]
        if tau < 0.0 or _apart(path, rotation, middle, target, look, tau) >= part.convergence:
            return found
        while tau <= last and _apart(path, rotation, middle, target, look, tau) < part.convergence:
            tau += SEARCH_S
        if tau > last:
            break
        found = plan_capture(
            path, rotation, middle, start, target, craft, tau - CONE_MARGIN_S, leave, seconds, begin, hold
        )
    return -1.0, found[1], 0.0


@kernel
def _apart(path, rotation, middle, target, look, tau):
    """Angle (rad) at an ITRS point between the direction `look` and the one to a satellite at offset tau."""
    x, y, z = itrs_at(path, rotation, middle, tau)
    sx, sy, sz = unit(x - target[0], y - target[1], z - target[2])
    return angle_between(sx, sy, sz, look[0], look[1], look[2])
