"""How answers and questions leave a satellite: over the mesh, to users, to stations."""

import math

from sandbox.compiled import kernel
from sandbox.job_queues import close_job, count_time, put, sight, take
from sandbox.jobs import ANSWERS, DELIVERED, DOWN, EXPIRED, OVER_LASERS, RAW, user_link_share
from sandbox.lasers import ANSWERS as ANSWER_DATA
from sandbox.lasers import carries, light_time, link_bit_rate, send_over
from sandbox.links import slant_range
from sandbox.routing import Heap, Routes, route_all
from sandbox.state import NONE


@kernel
def ways(routes, b):
    return Routes(routes.seconds[b], routes.via[b], routes.goal[b])


@kernel
def heap(heap, b):
    return Heap(heap.key[b], heap.node[b])


@kernel
def travel(lasers, load, ways, bits, time, b, n, cargo):
    """(goal, time) at which a message of `bits` that leaves satellite n at `time` has come to its goal;
    `cargo` says what it is."""
    while ways.via[n] != n:
        peer = ways.via[n]
        k = 0
        while lasers.state.links[b, n, k].peer != peer:
            k += 1
        time = send_over(lasers, load, bits, time, b, n, k, cargo)
        n = peer
    return n, time


@kernel
def relay(state, jobs, lasers, now, end, b):
    """Answers for the ground go over the mesh to a satellite that a station serves, unless theirs is."""
    work, scratch = jobs.state, jobs.scratch
    start, needed, any_served = scratch.start[b], False, False
    for n in range(start.shape[0]):
        start[n] = 0.0 if work.servers[b, n].served else math.inf
        any_served = any_served or work.servers[b, n].served
        needed = needed or work.queues[b, n, ANSWERS].count > 0
    if not (needed and any_served):
        return
    routes = ways(scratch.other, b)
    route_all(lasers.state.links[b], lasers.params.terminals, start, now, 0.0, routes, heap(scratch.heap, b))
    book = work.book[b]
    for n in range(start.shape[0]):
        if work.servers[b, n].served or routes.goal[n] == NONE:
            continue
        queue = work.queues[b, n, ANSWERS]
        before, j = NONE, queue.head
        while j != NONE:
            job = book[j]
            if job.source == NONE or job.ready >= end:
                before, j = j, job.next
                continue
            behind = take(queue, book, before, j)
            time = max(now, job.ready)
            count_time(work, b, j, DOWN, time)
            goal, job.ready = travel(lasers, state.load, routes, job.bits, time, b, n, ANSWER_DATA)
            count_time(work, b, j, OVER_LASERS, job.ready)
            job.place = goal
            put(work.queues[b, goal, ANSWERS], book, j)
            j = behind


@kernel
def answer_users(state, jobs, lasers, now, end, b, n):
    """Send the answers of satellite n to users that it sees, or over the mesh through one that sees them."""
    work, params, scratch = jobs.state, jobs.params, jobs.scratch
    queue, book = work.queues[b, n, ANSWERS], work.book[b]
    before, j = NONE, queue.head
    while j != NONE:
        job = book[j]
        if job.source != NONE or job.ready >= end:
            before, j = j, job.next
            continue
        goal, time = n, max(now, job.ready)
        sine, distance = sight(scratch.itrs[b, n], job)
        if sine < params.user_sine:
            goal = _route_to_user(state, jobs, lasers, job, now, b, n)
        if goal == NONE or (goal == n and max(time, work.servers[b, n].channel) >= end):
            before, j = j, job.next
            continue
        behind = take(queue, book, before, j)
        if goal != n:
            count_time(work, b, j, DOWN, time)
            goal, time = travel(lasers, state.load, ways(scratch.other, b), job.bits, time, b, n, ANSWER_DATA)
            count_time(work, b, j, OVER_LASERS, time)
            sine, distance = sight(scratch.itrs[b, goal], job)
        server = work.servers[b, goal]
        if max(time, server.channel) < end:
            rate = params.user_down * user_link_share(params, distance)
            server.channel = max(time, server.channel) + job.bits / rate
            server.sent += job.bits
            deliver(work, params, server.channel + light_time(distance), b, j)
        else:
            job.place, job.ready = goal, time
            put(work.queues[b, goal, ANSWERS], book, j)
        j = behind


@kernel
def _route_to_user(state, jobs, lasers, job, now, b, n):
    """The satellite over whose user link an answer on board of n arrives first, or NONE; the ways are in
    `scratch.other`."""
    work, params, scratch = jobs.state, jobs.params, jobs.scratch
    if not _has_link(lasers, now, b, n):
        return NONE
    start, seen = scratch.start[b], False
    for m in range(start.shape[0]):
        start[m] = math.inf
        if state.body[b, m].alive:
            sine, distance = sight(scratch.itrs[b, m], job)
            if sine >= params.user_sine:
                start[m] = light_time(distance) + max(0.0, work.servers[b, m].channel - now)
                seen = True
    if not seen:
        return NONE
    routes = ways(scratch.other, b)
    links, terminals = lasers.state.links[b], lasers.params.terminals
    route_all(links, terminals, start, now, job.bits, routes, heap(scratch.heap, b))
    return routes.goal[n]


@kernel
def _has_link(lasers, now, b, n):
    """Whether any terminal of satellite n can send."""
    up = False
    for k in range(lasers.state.links.shape[2]):
        up = up or carries(lasers.state.links[b], lasers.params.terminals, n, k, now)
    return up


@kernel
def send_down(state, constants, jobs, lasers, now, b, n):
    """Use the contact that satellite n was given: weights up; answers, then raw questions, down.

    Returns the seconds of it that the transmitter sent; images have what is left.
    """
    work, params, scratch = jobs.state, jobs.params, jobs.scratch
    server, outlook, book = work.servers[b, n], state.outlook[b, n], work.book[b]
    _fetch_weights(constants, jobs, lasers, outlook, now, b, n)
    if not server.served:
        return 0.0
    time, until = now + outlook.visible_from, now + outlook.visible_to
    station = constants.stations[outlook.station]
    itrs = scratch.itrs[b, n]
    delay, began = light_time(slant_range(itrs[0], itrs[1], itrs[2], station)), -1.0
    airtime = 0.0
    for q in (ANSWERS, RAW):
        queue = work.queues[b, n, q]
        before, j = NONE, queue.head
        while j != NONE:
            job = book[j]
            began = max(time, job.ready)
            if (q == ANSWERS and job.source == NONE) or began >= until:
                before, j = j, job.next
                continue
            seconds = min(job.bits / outlook.rate, until - began)
            time = began + seconds
            airtime += seconds
            if seconds * outlook.rate < job.bits * (1.0 - 1e-12):
                _send_part(work, seconds * outlook.rate, b, n, j)
                before, j = j, job.next
                continue
            behind = take(queue, book, before, j)
            server.sent += job.bits
            deliver(work, params, time + delay + (params.ground_s if q == RAW else 0.0), b, j)
            j = behind
    state.load[b, n].joules += constants.craft[n].transmitter_load * airtime
    return airtime


@kernel
def _send_part(work, bits, b, n, j):
    """Part of job j has come down: it waits on the ground for the rest."""
    work.book[b, j].bits -= bits
    work.ledger[b].bits_delivered += bits
    work.servers[b, n].sent += bits


@kernel
def _fetch_weights(constants, jobs, lasers, outlook, now, b, n):
    """Bring the large model's missing weights on board: from the station, and from neighbours that have
    them all."""
    work, params, links = jobs.state, jobs.params, lasers.state.links
    server = work.servers[b, n]
    if server.missing == 0.0:
        return
    came, up = 0.0, min(params.uplink_rate, outlook.uplink)
    if server.served:
        came = up * (outlook.visible_to - outlook.visible_from)
    for k in range(links.shape[2]):
        peer = links[b, n, k].peer
        if not carries(links[b], lasers.params.terminals, n, k, now):
            continue
        if work.servers[b, peer].missing == 0.0 and params.hosts[peer].boards > 0:
            came += link_bit_rate(lasers.params.terminals, n, peer) * constants.round_s
    server.missing = max(0.0, server.missing - came)


@kernel
def deliver(work, params, time, b, j):
    """The answer of job j, or the question for the ground to answer, arrives at `time`, and pays unless that
    is too late."""
    job = work.book[b, j]
    count_time(work, b, j, DOWN, time)
    if time > job.deadline:
        close_job(work, b, job.credit, j, EXPIRED)
        return
    ledger, server = work.ledger[b], work.servers[b, job.credit]
    age = time - job.release
    job.status, job.delivered_at, job.place = DELIVERED, time, NONE
    ledger.jobs_delivered += 1
    ledger.bits_delivered += job.bits
    server.answered += 1
    server.latency += age
    _pay(work, params, age, b, job)


@kernel
def _pay(work, params, age, b, job):
    """What an answer of that age pays: the satellite that decided who gives it, and with a share in equal
    parts those who handed the question over."""
    task, servers = params.kinds[job.kind], work.servers[b]
    pay = job.value * task.quality[job.model] * 2.0 ** (-age / task.half_life) * (1.0 - job.spoilt)
    if job.relays == 0 or params.relay_share == 0.0:
        servers[job.credit].value += pay
        return
    servers[job.credit].value += (1.0 - params.relay_share) * pay
    for i in range(job.relays):
        servers[job.by[i]].value += params.relay_share * pay / job.relays
