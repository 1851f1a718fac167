"""The lists in which jobs wait, and how a job comes into one, leaves it and ends."""

import math

from sandbox.compiled import kernel
from sandbox.jobs import COMPUTING, DECODE, DROPPED, EXPIRED, INBOX, LOST, PREFILL, QUEUE_WAIT, QUEUED, RUN
from sandbox.state import NONE


@kernel
def begin_trace(work, b, j):
    """The times of job j, which has come into being, are counted from its release on; if jobs are traced."""
    if work.traces.shape[1] > 0:
        work.traces[b, j].since = work.book[b, j].release


@kernel
def count_time(work, b, j, part, until):
    """What is not told yet of the time of job j up to `until` went on `part` of `jobs.TIMES`; if jobs are
    traced."""
    if work.traces.shape[1] > 0:
        trace = work.traces[b, j]
        trace.times[part] += until - trace.since
        trace.since = until


@kernel
def count_run(work, b, j, begin, read, done):
    """A board runs job j from `begin` to `done`, and reads the prompt until `read`; if jobs are traced."""
    if work.traces.shape[1] > 0:
        count_time(work, b, j, QUEUE_WAIT, begin)
        work.traces[b, j].begun = begin
        count_time(work, b, j, PREFILL, read)
        count_time(work, b, j, DECODE, done)


@kernel
def break_off_run(work, b, j, now):
    """The run of job j is broken off: what it took so far was time in the queue; if jobs are traced."""
    if work.traces.shape[1] > 0:
        trace = work.traces[b, j]
        trace.times[QUEUE_WAIT] += now - trace.begun
        trace.times[PREFILL] = trace.times[DECODE] = 0.0
        trace.since = now


@kernel
def put(queue, book, j):
    """Put job j at the end of `queue`."""
    book[j].next = NONE
    if queue.count == 0:
        queue.head, queue.soonest = j, book[j].deadline
    else:
        book[queue.tail].next = j
        queue.soonest = min(queue.soonest, book[j].deadline)
    queue.tail = j
    queue.count += 1


@kernel
def take(queue, book, before, j):
    """Take job j out of `queue`; `before` is the one ahead of it, or -1 at the head.

    Returns the one behind it, or -1.
    """
    behind = book[j].next
    if before == NONE:
        queue.head = behind
    else:
        book[before].next = behind
    if queue.tail == j:
        queue.tail = before
    queue.count -= 1
    book[j].next = NONE
    return behind


@kernel
def enqueue(work, b, n, j, credit, size, ready):
    """Put job j on the list of satellite n's boards."""
    job = work.book[b, j]
    job.place, job.credit, job.model, job.status, job.ready = n, credit, size, COMPUTING, ready
    put(work.queues[b, n, RUN], work.book[b], j)


@kernel
def receive(work, places, b, n, j, ready):
    """Put job j into the inbox of satellite n, wholly there at `ready`; or drop it without a free place."""
    job = work.book[b, j]
    if work.queues[b, n, INBOX].count >= places:
        close_job(work, b, n, j, DROPPED)
        return
    job.place, job.ready, job.status = n, ready, QUEUED
    put(work.queues[b, n, INBOX], work.book[b], j)
    work.servers[b, n].arrived += 1


@kernel
def clear_out(work, alive, now, b, n, q):
    """Let jobs in queue q of satellite n go: all if it is lost, else those whose deadline has come."""
    queue, book = work.queues[b, n, q], work.book[b]
    if alive and queue.soonest > now:
        return
    before, j, queue.soonest = NONE, queue.head, math.inf
    while j != NONE:
        if alive and book[j].deadline > now:
            queue.soonest = min(queue.soonest, book[j].deadline)
            before, j = j, book[j].next
            continue
        behind = take(queue, book, before, j)
        close_job(work, b, n, j, EXPIRED if alive else LOST)
        j = behind


@kernel
def close_job(work, b, n, j, status):
    """End job j without an answer; satellite n, or NONE, has it now."""
    job, ledger = work.book[b, j], work.ledger[b]
    job.status = status
    if status == EXPIRED:
        ledger.jobs_expired += 1
        ledger.bits_expired += job.bits
    elif status == LOST:
        ledger.jobs_lost += 1
        ledger.bits_lost += job.bits
    else:
        ledger.jobs_dropped += 1
        ledger.bits_dropped += job.bits
    if n != NONE:
        server = work.servers[b, n]
        server.expired += status == EXPIRED
        server.lost += status == LOST
        server.dropped += status == DROPPED
    job.place = NONE


@kernel
def sight(itrs, job):
    """(sine of the elevation, distance in m) of a satellite (ITRS) over the user of a job; -1 below the
    horizon."""
    dx = itrs[0] - job.position[0]
    dy = itrs[1] - job.position[1]
    dz = itrs[2] - job.position[2]
    up = dx * job.up[0] + dy * job.up[1] + dz * job.up[2]
    if up <= 0.0:
        return -1.0, 0.0
    distance = math.sqrt(dx * dx + dy * dy + dz * dz)
    return up / distance, distance
