"""How jobs are served: taken up from the ground, decided on, run on boards, moved over the mesh, sent down.

A round has two halves. `serve` carries out the decisions of a round before the satellites fly it: boards
run, messages travel, antennas are shared; its energy goes to the flight as load and heat. `welcome` looks at
the moment between two rounds: who has died, what has expired, which new jobs a satellite sees. Events are
timed within the round in closed form; who sees whom is judged where the round begins.
"""

import math

from sandbox.compiled import kernel
from sandbox.geometry import rotate
from sandbox.ground import serve_jobs
from sandbox.job_boards import backlog, run_boards
from sandbox.job_delivery import answer_users, heap, relay, send_down, travel, ways
from sandbox.job_queues import (
    begin_trace,
    clear_out,
    close_job,
    count_time,
    enqueue,
    put,
    receive,
    sight,
    take,
)
from sandbox.jobs import (
    DEFER,
    DROP,
    DROPPED,
    EXPIRED,
    GROUND,
    INBOX,
    LARGE,
    NEIGHBOUR,
    OVER_LASERS,
    QUEUE_WAIT,
    RAW,
    RUN_LARGE,
    RUN_SMALL,
    SENDING,
    SHARED,
    SMALL,
    TO_GROUND,
    TRAINING,
    UP,
    WAIT,
    WAITING,
    user_link_share,
)
from sandbox.lasers import IMAGES, QUESTIONS, carries, light_time, send_over
from sandbox.orbits.ephemeris import earth_rotation, sun_position
from sandbox.routing import route_all
from sandbox.safety import is_dark
from sandbox.state import NONE


@kernel
def welcome(state, constants, jobs, lasers, b):
    """World b between two rounds: deaths, deadlines, new jobs and who takes them up. Links are up to date."""
    now, body, work = state.clock[b].time, state.body[b], jobs.state
    for n in range(body.shape[0]):
        for q in range(work.queues.shape[2]):
            clear_out(work, body[n].alive, now, b, n, q)
    update_scratch(state, constants, jobs, lasers, b)
    _release(state, constants, work, jobs.params.places, b)
    take_up(jobs, body, now, now + constants.round_s, b)


@kernel
def update_scratch(state, constants, jobs, lasers, b):
    """Where the satellites of world b are over the Earth, and their ways to the training satellites."""
    now, position = state.clock[b].time, state.orbit.position[b]
    rotation = earth_rotation(constants.ephemeris, now)
    for n in range(position.shape[0]):
        x, y, z = rotate(rotation, position[n, 0], position[n, 1], position[n, 2])
        itrs = jobs.scratch.itrs[b, n]
        itrs[0], itrs[1], itrs[2] = x, y, z
        jobs.state.servers[b, n].backlog = backlog(jobs, b, n, now)
    if jobs.params.trains:
        _route_to_training(jobs, lasers, state.body[b], now, b)


@kernel
def _route_to_training(jobs, lasers, body, now, b):
    """The way of every satellite to the training satellite that could start soonest."""
    work, params, scratch = jobs.state, jobs.params, jobs.scratch
    start = scratch.start[b]
    for n in range(start.shape[0]):
        start[n] = math.inf
        if params.hosts[n].training and body[n].alive and work.servers[b, n].missing == 0.0:
            start[n] = work.servers[b, n].backlog
    links, terminals = lasers.state.links[b], lasers.params.terminals
    route_all(links, terminals, start, now, 0.0, ways(scratch.training, b), heap(scratch.heap, b))


@kernel
def _release(state, constants, work, places, b):
    """Jobs come into being: on the ground, or in a camera that has daylight below it and is on a living
    satellite, whose energy it takes."""
    now = state.clock[b].time
    book, ledger = work.book[b], work.ledger[b]
    sun = sun_position(constants.ephemeris, now)
    distance = math.sqrt(sun[0] ** 2 + sun[1] ** 2 + sun[2] ** 2)
    j = work.released[b]
    while j < book.shape[0] and book[j].release <= now:
        job = book[j]
        n = job.source
        born = True
        if n != NONE:
            p = state.orbit.position[b, n]
            under = p[0] * sun[0] + p[1] * sun[1] + p[2] * sun[2]
            radius = math.sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2])
            born = state.body[b, n].alive and under >= radius * distance * constants.craft[n].min_sun_sine
        if born:
            ledger.jobs_created += 1
            ledger.bits_created += job.bits
            begin_trace(work, b, j)
            if n == NONE:
                job.status = WAITING
                put(work.waiting[b], book, j)
            else:
                craft = constants.craft[n]
                state.load[b, n].carried += craft.camera_load * craft.dwell
                receive(work, places, b, n, j, job.release)
        j += 1
    work.released[b] = j


@kernel
def take_up(jobs, body, now, end, b):
    """Each waiting job goes up to the satellite that its user sees highest, if there is one with room.

    The user links of a satellite are one channel: who comes later waits for it, and what does not fit the
    round waits on the ground.
    """
    work, params = jobs.state, jobs.params
    queue, book = work.waiting[b], work.book[b]
    before, j = NONE, queue.head
    while j != NONE:
        job = book[j]
        if job.deadline <= now:
            behind = take(queue, book, before, j)
            close_job(work, b, NONE, j, EXPIRED)
            j = behind
            continue
        n, distance = _highest(jobs, body, job, end, b)
        if n == NONE:
            before, j = j, job.next
            continue
        server = work.servers[b, n]
        begin = max(now, server.channel)
        server.channel = begin + job.bits / (params.user_up * user_link_share(params, distance))
        behind = take(queue, book, before, j)
        count_time(work, b, j, WAIT, now)
        count_time(work, b, j, UP, server.channel + light_time(distance))
        receive(work, params.places, b, n, j, server.channel + light_time(distance))
        j = behind


@kernel
def _highest(jobs, body, job, end, b):
    """(satellite, sine of its elevation, m) that a user sees highest and that can take the job before
    `end`."""
    work, params, scratch = jobs.state, jobs.params, jobs.scratch
    best, top, far = NONE, params.user_sine, 0.0
    for n in range(body.shape[0]):
        sine, distance = sight(scratch.itrs[b, n], job)
        if sine >= top and body[n].alive:
            room = work.queues[b, n, INBOX].count < params.places
            if room and work.servers[b, n].channel < end:
                best, top, far = n, sine, distance
    return best, far


@kernel
def serve(state, constants, scratch, jobs, lasers, b):
    """One round of world b: the tasks' decisions on each inbox, each in force once the mind has thought.

    `clear_servers` comes before. A decision is about the head of the inbox, or with `whole_inbox` about all
    that is in it. Satellites that are about to turn to a station have the first claim to its antennas.
    Energy goes into `state.load`; what jobs take of a contact into `scratch.airtime`.
    """
    now, end = state.clock[b].time, state.clock[b].time + constants.round_s
    body, task, asking = state.body[b], scratch.task[b], jobs.scratch.asking[b]
    for n in range(body.shape[0]):
        count = jobs.state.queues[b, n, INBOX].count
        asking[n] = count if jobs.params.whole_inbox else min(1, count)
    for n in range(body.shape[0]):
        if body[n].alive:
            _decide(state, jobs, lasers, task[n].queue, now + task[n].decides, b, n)
    serve_jobs(state, scratch, jobs, b)
    for n in range(body.shape[0]):
        if body[n].alive:
            run_boards(state, constants.craft[n], jobs, task[n].busy, now, end, b, n)
    relay(state, jobs, lasers, now, end, b)
    for n in range(body.shape[0]):
        if body[n].alive and not is_dark(state, constants, b, n):
            answer_users(state, jobs, lasers, now, end, b, n)
            scratch.airtime[b, n] = send_down(state, constants, jobs, lasers, now, b, n)


@kernel
def clear_servers(servers):
    """Clear what the servers (N,) of a world did in the last round."""
    for n in range(servers.shape[0]):
        server = servers[n]
        server.served = False
        server.busy = server.sent = server.value = server.latency = 0.0
        server.answered = server.arrived = server.handed = server.refused = 0
        server.dropped = server.expired = server.lost = 0


@kernel
def _decide(state, jobs, lasers, decision, time, b, n):
    """Carry out the decision of satellite n on its inbox, from `time` on."""
    if decision == DEFER and jobs.params.whole_inbox:  # all of them behind each other: as they are
        return
    for _ in range(jobs.scratch.asking[b, n]):  # what others hand over in this round is for the next
        if not allowed(state, jobs, lasers, decision, b, n):
            jobs.state.servers[b, n].refused += 1
            return
        _carry_out(state.load, jobs, lasers, decision, time, b, n)


@kernel
def _carry_out(load, jobs, lasers, decision, time, b, n):
    """What becomes of the job at the head of the inbox of satellite n."""
    work = jobs.state
    inbox, book, server = work.queues[b, n, INBOX], work.book[b], work.servers[b, n]
    j = inbox.head
    job = book[j]
    time, cargo = max(time, job.ready), IMAGES if job.source != NONE else QUESTIONS
    take(inbox, book, NONE, j)
    if decision == DEFER:
        put(inbox, book, j)
    elif decision == DROP:
        close_job(work, b, n, j, DROPPED)
    elif decision in (RUN_SMALL, RUN_LARGE):
        enqueue(work, b, n, j, n, LARGE if decision == RUN_LARGE else SMALL, time)
    elif decision == TO_GROUND:
        count_time(work, b, j, QUEUE_WAIT, time)
        job.credit, job.model, job.status, job.ready = n, GROUND, SENDING, time
        put(work.queues[b, n, RAW], book, j)
    elif decision == TRAINING:
        count_time(work, b, j, QUEUE_WAIT, time)
        goal, time = travel(lasers, load, ways(jobs.scratch.training, b), job.bits, time, b, n, cargo)
        count_time(work, b, j, OVER_LASERS, time)
        server.handed += 1
        job.hops += 1
        enqueue(work, b, goal, j, n, LARGE, time)
    else:
        k = decision - NEIGHBOUR
        peer = lasers.state.links[b, n, k].peer
        count_time(work, b, j, QUEUE_WAIT, time)
        time = send_over(lasers, load, job.bits, time, b, n, k, cargo)
        count_time(work, b, j, OVER_LASERS, time)
        server.handed += 1
        job.hops += 1
        if job.relays < SHARED:
            job.by[job.relays] = n
            job.relays += 1
        receive(work, jobs.params.places, b, peer, j, time)


@kernel
def allowed(state, jobs, lasers, decision, b, n):
    """Whether the living satellite n may decide so on the head of its inbox."""
    work, params, scratch = jobs.state, jobs.params, jobs.scratch
    host = params.hosts[n]
    if decision == RUN_SMALL:
        return host.boards > 0
    if decision == RUN_LARGE:
        return host.boards > 0 and work.servers[b, n].missing == 0.0
    if decision == TRAINING:
        goal = scratch.training.goal[b, n]
        return params.trains and goal != NONE and goal != n
    if NEIGHBOUR <= decision < TRAINING:
        k = decision - NEIGHBOUR
        links = lasers.state.links[b]
        if not carries(links, lasers.params.terminals, n, k, state.clock[b].time):
            return False
        peer = links[n, k].peer
        return state.body[b, peer].alive and work.queues[b, peer, INBOX].count < params.places
    return True
