"""Which images can be taken when: requests in reach under a truly clear sky, and the turns between them."""

import numpy as np
from numpy.typing import NDArray

from agents.planner.trajectories import Trajectories, leg
from sandbox.access import LOOK_AHEAD_S, SCREEN_MARGIN, half_turn
from sandbox.attitude import angle_between, meet, slew_progress, slew_time, turn
from sandbox.campaigns import hold_of, is_locked, worth_of
from sandbox.compiled import kernel
from sandbox.geometry import line_of_sight, rotate, unit
from sandbox.looks import plan_look
from sandbox.orbits.ephemeris import earth_rotation
from sandbox.sensing import CONE_MARGIN_S, access_angle, cone_times, is_closed
from sandbox.state import OPEN, PENDING
from sandbox.structured import structured
from sandbox.world import World

OPPORTUNITY = structured(
    [
        ("satellite", "i4"),
        ("slot", "i4"),  # round of the track in which the image is taken whole
        ("request", "i4"),
        ("enter", "f8"),  # s offset in the round at which the request comes into the access cone
        ("leave", "f8"),  # s offset at which it leaves it, or at which the deadline comes
        ("aim", "f8", (3,)),  # unit vector to it in the middle of the time in which it can be taken, GCRS
    ]
)
LINK = structured([("source", "i4"), ("opportunity", "i4"), ("depart", "i4"), ("turning", "f8")])
"""A satellite that leaves `source` in round `depart` of the track can take the image of `opportunity`."""


def find_opportunities(world: World, b: int, along: Trajectories, rounds: int, near: int) -> NDArray[np.void]:
    """Every opportunity (m,) of world b in the first `rounds` of the trajectories, by satellite and round.

    In the first `near` rounds those are left out that an outlook would not list, behind others of a greater
    expected value. Later the others may be gone.
    """
    room = 4096
    reach = np.zeros((2, world.state.requests.book.shape[1]), np.int64)
    times = np.zeros((2, reach.shape[1]))
    while True:
        found = np.zeros(room, OPPORTUNITY)
        count = _survey(
            world.state.requests, world.constants, b, along, rounds, near, world.shown, reach, times, found
        )
        if count <= room:
            return found[:count]
        room = count


@kernel
def _survey(requests, constants, b, along, rounds, near, shown, reach, times, found):
    count, middle = 0, 0.5 * constants.round_s
    for n in range(along.harvest.shape[1]):
        for t in range(rounds):
            begin = along.start + t * constants.round_s
            rotation = earth_rotation(constants.ephemeris, begin + middle)
            path, track, radius = leg(along.position, along.velocity, constants, along.start, t, n)
            sun = rotate(rotation, along.sun[t, 0], along.sun[t, 1], along.sun[t, 2])
            seen = _in_reach(requests, constants, b, n, begin, track, radius, sun, reach, times)
            for i in range(seen):
                j, enter, leave = reach[0, i], times[0, i], times[1, i]
                craft = constants.craft[n]
                first = max(0.0, enter + CONE_MARGIN_S)
                hold = hold_of(requests, craft, b, j)
                last = min(leave - CONE_MARGIN_S, constants.round_s) - hold
                if first > last or (t < near and _ahead(requests, b, reach, seen, i) >= shown):
                    continue
                if is_closed(requests, b, j, begin + first, constants.sky_s):
                    continue
                if is_closed(requests, b, j, begin + last, constants.sky_s):
                    continue
                if count < found.shape[0]:
                    one, p = found[count], requests.book[b, j].position
                    one.satellite, one.slot, one.request = n, t, j
                    one.enter, one.leave = enter, leave
                    tau = 0.5 * (first + last) + hold
                    aim = line_of_sight(path, rotation, middle, (p[0], p[1], p[2]), tau)
                    one.aim[0], one.aim[1], one.aim[2] = aim
                count += 1
    return count


@kernel
def _in_reach(requests, constants, b, n, begin, track, radius, sun, reach, times):
    """Write the requests that an outlook at `begin` would weigh up, and their times; how many."""
    craft, seconds = constants.craft[n], constants.round_s
    cone = access_angle(radius, craft.max_off_nadir)
    floor = np.cos(cone + half_turn(track, seconds + 2.0 * LOOK_AHEAD_S) + SCREEN_MARGIN)
    (ux, uy, uz), (rx, ry, rz) = track
    seen = 0
    for j in range(requests.book.shape[1]):
        request = requests.book[b, j]
        if request.release > begin or request.deadline <= begin or request.deadline == 0.0:
            continue
        if request.status not in (OPEN, PENDING) or request.closed_until > begin or is_locked(requests, b, j):
            continue
        up = request.up
        if ux * up[0] + uy * up[1] + uz * up[2] < floor:
            continue
        if up[0] * sun[0] + up[1] * sun[1] + up[2] * sun[2] < craft.min_sun_sine:
            continue
        tx, ty, tz = unit(request.position[0], request.position[1], request.position[2])
        enter, leave = cone_times(ux, uy, uz, rx, ry, rz, tx, ty, tz, cone)
        enter, leave = enter + 0.5 * seconds, leave + 0.5 * seconds
        if leave <= max(enter, 0.0) or enter > seconds + LOOK_AHEAD_S:
            continue
        reach[0, seen] = j
        times[0, seen] = enter
        times[1, seen] = min(leave, request.deadline - begin + CONE_MARGIN_S)
        seen += 1
    return seen


@kernel
def _ahead(requests, b, reach, seen, i):
    """How many of the requests in reach have a greater expected value than the one at place i."""
    count, j = 0, reach[0, i]
    mine = worth_of(requests, b, j) * (1.0 - requests.book[b, j].cloud)
    for k in range(seen):
        other = reach[0, k]
        count += worth_of(requests, b, other) * (1.0 - requests.book[b, other].cloud) > mine
    return count


@kernel
def link_opportunities(
    requests, constants, b, along, opportunities, sources, pointings, ready, reached, links
):
    """Write which opportunities (m,) can follow which sources; how many.

    A source is a satellite number in `sources` (s,) that points to `pointings` (s, 3) and is free from round
    `ready` (s,) of the trajectories on. Where ready is negative it stays at hand, and leaves as late as it
    can, but not before round -ready - 1: so a satellite that faces the Sun. Of the opportunities of one
    request only the first is written that can follow, but for those that rest. `reached` (M,) is working
    memory.
    """
    count = 0
    for s in range(sources.shape[0]):
        most = _most_turning(constants.craft[sources[s]], constants.round_s)
        rests = ready[s] < 0
        earliest = -ready[s] - 1 if rests else ready[s]
        for c in range(opportunities.shape[0]):
            one = opportunities[c]
            if one.satellite != sources[s] or one.slot < earliest:
                continue
            if not rests and (one.slot > earliest + most - 1 or reached[one.request] == s + 1):
                continue
            depart = one.slot if rests else earliest
            turning = -1.0
            while depart >= max(earliest, one.slot - most + 1):
                turning = _turning(requests, constants, b, along, one, pointings[s], depart)
                if turning >= 0.0 or not rests:
                    break
                depart -= 1
            if turning < 0.0:
                continue
            reached[one.request] = s + 1
            if count < links.shape[0]:
                link = links[count]
                link.source, link.opportunity, link.depart, link.turning = s, c, depart, turning
            count += 1
    return count


@kernel
def _most_turning(craft, round_s):
    """Rounds from the beginning of the longest turn, half a revolution, to the end of the image after it."""
    longest = slew_time(np.pi, craft.slew_rate, craft.slew_acceleration) + craft.settle + craft.dwell
    return max(1, int(np.ceil(longest / round_s)))


@kernel
def _turning(requests, constants, b, along, one, pointing, depart):
    """Seconds of turning if a satellite that leaves `pointing` in round `depart` can take it; or -1."""
    n, middle, seconds = one.satellite, 0.5 * constants.round_s, constants.round_s
    craft, total = constants.craft[n], 0.0
    target = requests.book[b, one.request].position
    place = (target[0], target[1], target[2])
    start = (pointing[0], pointing[1], pointing[2])
    for t in range(depart, one.slot + 1):
        path, _, _ = leg(along.position, along.velocity, constants, along.start, t, n)
        rotation = earth_rotation(constants.ephemeris, along.start + t * seconds + middle)
        if t == one.slot:
            capture, slew, _ = plan_look(
                requests, b, one.request, path, rotation, middle, start, craft, one.enter, one.leave, seconds,
                0.0,
            )  # fmt: skip
            fits = capture >= 0.0 and capture + hold_of(requests, craft, b, one.request) <= seconds
            return total + slew if fits else -1.0
        enter = one.enter + (one.slot - t) * seconds
        there, slew = meet(
            path, rotation, middle, start, place, craft, max(0.0, min(enter, seconds)), 1e9, seconds, 0.0
        )
        aim = line_of_sight(path, rotation, middle, place, min(max(there, slew), seconds + LOOK_AHEAD_S))
        if there <= seconds:
            start = line_of_sight(path, rotation, middle, place, seconds)
        else:
            angle = angle_between(start[0], start[1], start[2], aim[0], aim[1], aim[2])
            done = slew_progress(seconds, angle, craft.slew_rate, craft.slew_acceleration)
            start = turn(start[0], start[1], start[2], aim[0], aim[1], aim[2], angle, done)
        total += min(slew, seconds)
    return -1.0


@kernel
def turn_seconds(start, aim, craft):
    """Seconds to turn between two unit vectors (3,) and to settle."""
    angle = angle_between(start[0], start[1], start[2], aim[0], aim[1], aim[2])
    return slew_time(angle, craft.slew_rate, craft.slew_acceleration) + craft.settle
