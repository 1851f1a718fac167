"""What the jobs on a satellite's boards will have paid, if one more joins them: run through on copies."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.planner.trajectories import Trajectories
from sandbox.compiled import kernel
from sandbox.geometry import rotate
from sandbox.job_queues import sight
from sandbox.jobs import RUN, batch_seconds
from sandbox.orbits.ephemeris import earth_rotation
from sandbox.state import NONE
from sandbox.structured import structured
from sandbox.world import World

QUEUED = structured([("kind", "i8"), ("model", "i8"), ("ready", "f8"), ("job", "i8")])
"""A job that waits for a board."""


def coverage(world: World, b: int, along: Trajectories) -> NDArray[np.bool_]:
    """Whether some satellite sees the user of each job at the beginning of each round of its life (J, R).

    The rounds of a job are counted from the one in which it comes up.
    """
    book, step = world.jobs.state.book[b], world.constants.round_s
    born = np.isfinite(book["release"]) & (book["source"] == NONE)
    longest = (book["deadline"] - book["release"])[born].max(initial=0.0)
    seen = np.zeros((len(book), int(longest / step) + 2), np.bool_)
    _cover(world.constants, world.jobs.params, book, along.start, along.position, seen)
    return seen


@kernel
def _cover(constants, params, book, start, position, seen):
    for r in range(position.shape[0]):
        now = start + r * constants.round_s
        rotation = earth_rotation(constants.ephemeris, now)
        for j in range(book.shape[0]):
            if book[j].source != NONE or not (book[j].release < now + constants.round_s < math.inf):
                continue
            if book[j].deadline < now:
                continue
            since = r - int(max(0.0, book[j].release - start) / constants.round_s)
            if not 0 <= since < seen.shape[1]:
                continue
            for n in range(position.shape[1]):
                p = position[r, n]
                sine, _ = sight(rotate(rotation, p[0], p[1], p[2]), book[j])
                if sine >= params.user_sine:
                    seen[j, since] = True
                    break


@kernel
def arrival(book, j, done, start, seconds, seen, gates):
    """When the answer of job j, ready at `done`, arrives: as soon as someone sees its user, or a station."""
    r = int((done - start) / seconds)
    first = int(max(0.0, book[j].release - start) / seconds)
    while True:
        time = max(done, start + r * seconds)
        if time > book[j].deadline:
            return math.inf
        if book[j].source != NONE:
            if r >= gates.shape[0]:
                return math.inf
            if gates[r]:
                return time
        elif r - first < seen.shape[1] and seen[j, r - first]:
            return time
        r += 1


@kernel
def paid(params, book, j, model, time):
    """What job j pays when its answer arrives at `time`."""
    if time > book[j].deadline:
        return 0.0
    kind = params.kinds[book[j].kind]
    return book[j].value * kind.quality[model] * 2.0 ** (-(time - book[j].release) / kind.half_life)


@kernel
def load_queue(work, b, n, waiting):
    """Write the jobs that wait for the boards of satellite n into `waiting`; how many."""
    book, count = work.book[b], 0
    j = work.queues[b, n, RUN].head
    while j != NONE and count < waiting.shape[0]:
        one = waiting[count]
        one.kind, one.model, one.ready, one.job = book[j].kind, book[j].model, book[j].ready, j
        count += 1
        j = book[j].next
    return count


class Ahead(NamedTuple):
    """When answers can leave a satellite, in the rounds from `start` on."""

    start: float  # s
    seconds: float  # length of a round
    seen: NDArray[np.bool_]  # (J, R) see `coverage`
    gates: NDArray[np.bool_]  # (R,) whether a station is in view of anybody


@kernel
def run_through(jobs, ahead, b, n, now, end, waiting, count, left, free):
    """What the first `count` jobs in `waiting` will have paid by `end`, run on the boards of satellite n.

    As in `sandbox.job_boards`, the board that is free first takes all like jobs that are there by then.
    `left` (as long as `waiting`) and `free` (boards) are working memory.
    """
    work, params = jobs.state, jobs.params
    start, seconds, seen, gates = ahead
    host, book, total = params.hosts[n], work.book[b], 0.0
    for i in range(count):
        left[i] = True
    for c in range(host.boards):
        free[c] = work.free[b, n, c]
    for i in range(count):
        while left[i]:
            c = 0
            for other in range(host.boards):
                c = other if free[other] < free[c] else c
            begin = max(now, free[c], waiting[i].ready)
            if book[waiting[i].job].deadline <= begin:
                left[i] = False
                continue
            kind, model, together = waiting[i].kind, waiting[i].model, 0
            for k in range(i, count):
                like = waiting[k].kind == kind and waiting[k].model == model and waiting[k].ready <= begin
                together += left[k] and like and together < params.batch
            done = begin + batch_seconds(host.cost[model], params.kinds[kind], float(together))
            free[c] = done
            for k in range(i, count):
                like = waiting[k].kind == kind and waiting[k].model == model and waiting[k].ready <= begin
                if together > 0 and left[k] and like:
                    left[k] = False
                    together -= 1
                    j = waiting[k].job
                    time = arrival(book, j, done, start, seconds, seen, gates)
                    total += paid(params, book, j, model, time) if time <= end else 0.0
    return total
