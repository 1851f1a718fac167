"""How the boards of a satellite run jobs: in batches of like ones, in the order in which they came."""

import math

from sandbox.compiled import kernel
from sandbox.compute import prefill_seconds
from sandbox.job_queues import break_off_run, close_job, count_run, count_time, enqueue, put, take
from sandbox.jobs import ANSWERED, ANSWERS, DECODE, EXPIRED, RUN, batch_seconds
from sandbox.state import NONE
from sandbox.thermal import power_share


@kernel
def backlog(jobs, b, n, now):
    """Seconds until the boards of satellite n have run all that waits for them, one job at a time."""
    work, params = jobs.state, jobs.params
    boards = params.hosts[n].boards
    if boards == 0:
        return math.inf
    wait = 0.0
    for c in range(boards):
        wait += max(0.0, max(work.free[b, n, c], work.servers[b, n].down) - now)
    book = work.book[b]
    j = work.queues[b, n, RUN].head
    while j != NONE:
        wait += params.alone[n, book[j].model, book[j].kind]
        j = book[j].next
    return wait / boards


@kernel
def run_boards(state, craft, jobs, thought, now, end, b, n):
    """Start every batch that the boards of satellite n can start before `end`; it is timed to its end.

    Boards that are down start none. A thought takes the first board from the beginning of the round on. A
    hot board runs slower and draws less, what it is at as much as what it starts: a batch takes the same
    joules however long it takes.
    """
    work, params = jobs.state, jobs.params
    host, server, book = params.hosts[n], work.servers[b, n], work.book[b]
    queue, free = work.queues[b, n, RUN], work.free[b, n]
    if host.boards == 0:
        return
    share = power_share(state.body[b, n], craft, end - now)
    _change_pace(work, share, now, end, b, n)
    if thought > 0.0:
        free[0] = max(free[0], now) + thought
    for c in range(host.boards):
        server.busy += max(0.0, min(free[c], end) - now)
    server.busy -= min(thought, max(0.0, free[0] - now))
    while share > 0.0 and queue.head != NONE:
        j = queue.head
        c = 0
        for other in range(host.boards):
            c = other if free[other] < free[c] else c
        begin = max(now, free[c], server.down, book[j].ready)
        if begin >= end:
            break
        if book[j].deadline <= begin:
            take(queue, book, NONE, j)
            close_job(work, b, n, j, EXPIRED)
            continue
        kind, size = book[j].kind, book[j].model
        together = _batch(queue, book, kind, size, begin, params.batch)
        done = begin + batch_seconds(host.cost[size], params.kinds[kind], float(together)) / share
        free[c] = done
        server.busy += min(done, end) - begin
        read = (
            begin + prefill_seconds(host.cost[size], params.kinds[kind].prompt, 0.0, float(together)) / share
        )
        _finish(work, params, kind, size, begin, read, done, together, b, n)
    joules = server.busy * host.extra_w * share
    state.load[b, n].joules += joules
    state.load[b, n].board_joules += joules


@kernel
def _change_pace(work, share, now, end, b, n):
    """Put off what the boards of satellite n are at, as they run at `share` of their speed until `end`; at
    none, they go on after it."""
    server, free, book = work.servers[b, n], work.free[b, n], work.book[b]
    if share == 1.0 - server.slowed:
        return
    stretch, delay = 1.0, end - now
    if share > 0.0:
        stretch, delay = (1.0 - server.slowed) / share, 0.0
        server.slowed = 1.0 - share
    for c in range(free.shape[0]):
        if free[c] > now:
            free[c] = now + (free[c] - now) * stretch + delay
    j = work.queues[b, n, ANSWERS].head
    while j != NONE:
        job = book[j]
        if job.done > now:
            job.ready = job.done = now + (job.done - now) * stretch + delay
            count_time(work, b, j, DECODE, job.done)
        j = job.next


@kernel
def _batch(queue, book, kind, size, begin, most):
    """How many jobs of the queue can run with its head: of its kind, for the same model, and there by
    `begin`."""
    count, j = 0, queue.head
    while j != NONE and count < most:
        count += book[j].kind == kind and book[j].model == size and begin >= book[j].ready
        j = book[j].next
    return count


@kernel
def _finish(work, params, kind, size, begin, read, done, together, b, n):
    """Turn a batch, whose prompts are read at `read`, into answers that are ready at `done`."""
    queue, book = work.queues[b, n, RUN], work.book[b]
    before, j = NONE, queue.head
    while together > 0:
        job = book[j]
        if job.kind != kind or job.model != size or begin < job.ready:
            before, j = j, job.next
            continue
        behind = take(queue, book, before, j)
        understand(work, params, job, b)
        count_run(work, b, j, begin, read, done)
        job.ready, job.done, job.status = done, done, ANSWERED
        job.spoilt = work.servers[b, n].spoil
        put(work.queues[b, n, ANSWERS], book, j)
        j = behind
        together -= 1


@kernel
def halt_boards(work, params, now, b, n):
    """Break off what the boards of satellite n compute at time `now`: it waits to be run again, from the
    start."""
    queue, book = work.queues[b, n, ANSWERS], work.book[b]
    for c in range(work.free.shape[2]):
        work.free[b, n, c] = min(work.free[b, n, c], now)
    before, j = NONE, queue.head
    while j != NONE:
        job = book[j]
        if job.done <= now:
            before, j = j, job.next
            continue
        behind = take(queue, book, before, j)
        question = params.kinds[job.kind].raw
        work.ledger[b].bits_understood -= question - job.bits
        job.bits, job.done, job.spoilt = question, 0.0, 0.0
        break_off_run(work, b, j, now)
        enqueue(work, b, n, j, job.credit, job.model, now)
        j = behind


@kernel
def understand(work, params, job, b):
    """The question becomes an answer."""
    answer = params.kinds[job.kind].answer
    work.ledger[b].bits_understood += job.bits - answer
    job.bits = answer
