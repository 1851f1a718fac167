"""How jobs are served: taken up from the ground, decided on, run on boards, moved over the mesh, sent down.

A round has two halves. `serve` carries out the decisions of a round before the satellites fly it: boards
run, messages travel, antennas are shared; its energy goes to the flight as load and heat. `welcome` looks at
the moment between two rounds: who has died, what has expired, which links are up, which new jobs a satellite
sees. Events are timed within the round in closed form; who sees whom is judged where the round begins.
"""

import math

from sandbox.compiled import kernel
from sandbox.geometry import rotate
from sandbox.jobs import (
    ANSWERED,
    ANSWERS,
    COMPUTING,
    DELIVERED,
    DROPPED,
    EXPIRED,
    GROUND,
    INBOX,
    LARGE,
    LOST,
    QUEUED,
    RAW,
    RUN,
    SENDING,
    SMALL,
    WAITING,
    batch_seconds,
    put,
    take,
)
from sandbox.lasers import SEARCH_S, carries, follow_links, light_time, link_bit_rate, seek_links, turn_links
from sandbox.links import slant_range
from sandbox.orbits.ephemeris import earth_rotation, sun_position
from sandbox.outlook import precedes
from sandbox.routing import Heap, Routes, route_all
from sandbox.state import DOWNLINK, NONE
from sandbox.thermal import throttle

DEFER, RUN_SMALL, RUN_LARGE, NEIGHBOUR = range(4)
TRAINING, TO_GROUND, DROP = range(7, 10)
DECISIONS = (
    "defer", "run_small", "run_large", "neighbour_1", "neighbour_2", "neighbour_3", "neighbour_4",
    "training", "ground", "drop",
)  # fmt: skip
"""What can be done with the job at the head of an inbox."""


@kernel
def welcome_worlds(state, constants, which, work, terms, sketch):
    """`welcome` in the worlds listed in `which`."""
    for b in which:
        welcome(state, constants, work, terms, sketch, b)


@kernel
def sketch_worlds(state, constants, which, work, terms, sketch):
    """Fill the working memory that `serve` reads, in the worlds listed in `which`."""
    for b in which:
        sketch_world(state, constants, work, terms, sketch, b)


@kernel
def serve_worlds(state, constants, which, work, terms, sketch, decision, command, thinking, load):
    """`serve` in the worlds listed in `which`."""
    for b in which:
        open_desks(work.desks[b])
        serve(state, constants, work, terms, sketch, decision[b], command[b], thinking[b], load[b], b)


@kernel
def welcome(state, constants, work, terms, sketch, b):
    """World b between two rounds: deaths, deadlines, links, new jobs and who takes them up."""
    now, body = state.clock[b].time, state.body[b]
    position, later = state.orbit.position[b], state.orbit.next_position[b]
    for n in range(body.shape[0]):
        for q in range(work.queues.shape[2]):
            _clear_out(work, body[n].alive, now, b, n, q)
    follow_links(work.links[b], terms.lasers, body, position, later, now)
    if terms.gimballed:
        turn_links(work.links[b], terms.lasers, position, state.pointing[b])
    if terms.seeks and state.clock[b].round % max(1, round(SEARCH_S / constants.round_s)) == 0:
        seek_links(work.links[b], terms.lasers, body, position, later, now)
    sketch_world(state, constants, work, terms, sketch, b)
    _release(state, constants, work, terms, now, b)
    _take_up(work, terms, sketch, body, now, now + constants.round_s, b)


@kernel
def sketch_world(state, constants, work, terms, sketch, b):
    """Where the satellites of world b are over the Earth, and their ways to the training satellites."""
    now, position = state.clock[b].time, state.orbit.position[b]
    rotation = earth_rotation(constants.ephemeris, now)
    for n in range(position.shape[0]):
        x, y, z = rotate(rotation, position[n, 0], position[n, 1], position[n, 2])
        sketch.itrs[b, n, 0], sketch.itrs[b, n, 1], sketch.itrs[b, n, 2] = x, y, z
        work.desks[b, n].backlog = _backlog(work, terms, b, n, now)
    if terms.trains:
        _route_to_training(work, terms, sketch, state.body[b], now, b)


@kernel
def _clear_out(work, alive, now, b, n, q):
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
        _close(work, b, n, j, EXPIRED if alive else LOST)
        j = behind


@kernel
def _close(work, b, n, j, status):
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
        desk = work.desks[b, n]
        desk.expired += status == EXPIRED
        desk.lost += status == LOST
        desk.dropped += status == DROPPED
    job.place = NONE


@kernel
def _route_to_training(work, terms, sketch, body, now, b):
    """The way of every satellite to the training satellite that could start soonest."""
    start = sketch.start[b]
    for n in range(start.shape[0]):
        start[n] = math.inf
        if terms.hosts[n].training and body[n].alive and work.desks[b, n].missing == 0.0:
            start[n] = work.desks[b, n].backlog
    route_all(work.links[b], terms.lasers, start, now, 0.0, _ways(sketch.training, b), _heap(sketch.heap, b))


@kernel
def _ways(routes, b):
    return Routes(routes.seconds[b], routes.via[b], routes.goal[b])


@kernel
def _heap(heap, b):
    return Heap(heap.key[b], heap.node[b])


@kernel
def _backlog(work, terms, b, n, now):
    """Seconds until the boards of satellite n have run all that waits for them, one job at a time."""
    boards = terms.hosts[n].boards
    if boards == 0:
        return math.inf
    wait = 0.0
    for c in range(boards):
        wait += max(0.0, max(work.free[b, n, c], work.desks[b, n].down) - now)
    book = work.book[b]
    j = work.queues[b, n, RUN].head
    while j != NONE:
        wait += terms.alone[n, book[j].model, book[j].kind]
        j = book[j].next
    return wait / boards


@kernel
def _release(state, constants, work, terms, now, b):
    """Jobs come into being: on the ground, or in a camera that has daylight below it and is on a living
    satellite."""
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
            if n == NONE:
                job.status = WAITING
                put(work.waiting[b], book, j)
            else:
                craft = constants.craft[n]
                work.desks[b, n].camera += craft.camera_load * craft.dwell
                _receive(work, terms, b, n, j, job.release)
        j += 1
    work.released[b] = j


@kernel
def _receive(work, terms, b, n, j, ready):
    """Put job j into the inbox of satellite n, wholly there at `ready`; without room it is dropped."""
    job = work.book[b, j]
    if work.queues[b, n, INBOX].count >= terms.places:
        _close(work, b, n, j, DROPPED)
        return
    job.place, job.ready, job.status = n, ready, QUEUED
    put(work.queues[b, n, INBOX], work.book[b], j)
    work.desks[b, n].arrived += 1


@kernel
def _take_up(work, terms, sketch, body, now, end, b):
    """Each waiting job goes up to the satellite that its user sees highest, if there is one with room.

    The user links of a satellite are one channel: who comes later waits for it, and what does not fit the
    round waits on the ground.
    """
    queue, book = work.waiting[b], work.book[b]
    before, j = NONE, queue.head
    while j != NONE:
        job = book[j]
        if job.deadline <= now:
            behind = take(queue, book, before, j)
            _close(work, b, NONE, j, EXPIRED)
            j = behind
            continue
        n, distance = _highest(work, terms, sketch, body, job, end, b)
        if n == NONE:
            before, j = j, job.next
            continue
        desk = work.desks[b, n]
        begin = max(now, desk.channel)
        desk.channel = begin + job.bits / terms.user_rate
        behind = take(queue, book, before, j)
        _receive(work, terms, b, n, j, desk.channel + light_time(distance))
        j = behind


@kernel
def _highest(work, terms, sketch, body, job, end, b):
    """(satellite, sine of its elevation, m) that a user sees highest and that can take the job before
    `end`."""
    best, top, far = NONE, terms.user_sine, 0.0
    for n in range(body.shape[0]):
        sine, distance = sight(sketch.itrs[b, n], job)
        if sine >= top and body[n].alive:
            room = work.queues[b, n, INBOX].count < terms.places
            if room and work.desks[b, n].channel < end:
                best, top, far = n, sine, distance
    return best, far


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


@kernel
def serve(state, constants, work, terms, sketch, decision, command, thinking, load, b):
    """One round of world b: decision (N,) on each inbox, in force once the mind has thought.

    Its record has been opened: see `open_desks`. What a desk has spent since then is in the load as well.
    The decision is about the head of the inbox, or with `terms.whole_inbox` about all that is in it.
    command (N,) is what the satellites are about to fly: those that turn to a station have the first claim to
    its antennas. Writes into load (N,), records of dtype THINKING, the mean power beyond the standing load,
    the mind's own included.
    """
    now, end = state.clock[b].time, state.clock[b].time + constants.round_s
    for n in range(decision.shape[0]):
        count = work.queues[b, n, INBOX].count
        sketch.asking[b, n] = count if terms.whole_inbox else min(1, count)
    for n in range(decision.shape[0]):
        if state.body[b, n].alive:
            _decide(state, work, terms, sketch, decision[n], now, now + thinking[n].delay, b, n)
    _share_antennas(state, work, sketch, command, b)
    for n in range(decision.shape[0]):
        if state.body[b, n].alive:
            _run_boards(
                constants, work, terms, state.body[b, n].temperature, thinking[n].busy, now, end, b, n
            )
    _relay(state, work, terms, sketch, now, end, b)
    for n in range(decision.shape[0]):
        if state.body[b, n].alive:
            _answer_users(state, work, terms, sketch, now, end, b, n)
            _send_down(state, constants, work, terms, sketch, command[n] == DOWNLINK, now, b, n)
    for n in range(decision.shape[0]):
        desk = work.desks[b, n]
        joules = desk.joules + thinking[n].power * thinking[n].busy
        load[n].busy = constants.round_s
        load[n].power = joules / constants.round_s - (terms.hosts[n].idle_w if desk.off else 0.0)


@kernel
def open_desks(desks):
    """Begin a round at the desks (N,) of a world."""
    for n in range(desks.shape[0]):
        _open_round(desks[n])


@kernel
def _open_round(desk):
    """Clear the record of the last round, and charge the images taken since to this one."""
    desk.joules = desk.camera
    desk.camera = 0.0
    desk.served = False
    desk.busy = 0.0
    desk.sent = 0.0
    desk.value = 0.0
    desk.latency = 0.0
    desk.answered = 0
    desk.arrived = 0
    desk.handed = 0
    desk.refused = 0
    desk.dropped = 0
    desk.expired = 0
    desk.lost = 0


@kernel
def _decide(state, work, terms, sketch, decision, now, time, b, n):
    """Carry out the decision of satellite n on its inbox, from `time` on."""
    if decision == DEFER and terms.whole_inbox:  # all of them behind each other: as they are
        return
    for _ in range(sketch.asking[b, n]):  # what others hand over in this round is for the next
        if not allowed(state, work, terms, sketch, decision, now, b, n):
            work.desks[b, n].refused += 1
            return
        _carry_out(work, terms, sketch, decision, time, b, n)


@kernel
def _carry_out(work, terms, sketch, decision, time, b, n):
    """What becomes of the job at the head of the inbox of satellite n."""
    inbox, book, desk = work.queues[b, n, INBOX], work.book[b], work.desks[b, n]
    j = inbox.head
    job = book[j]
    time = max(time, job.ready)
    take(inbox, book, NONE, j)
    if decision == DEFER:
        put(inbox, book, j)
    elif decision == DROP:
        _close(work, b, n, j, DROPPED)
    elif decision in (RUN_SMALL, RUN_LARGE):
        _enqueue(work, b, n, j, n, LARGE if decision == RUN_LARGE else SMALL, time)
    elif decision == TO_GROUND:
        job.credit, job.model, job.status, job.ready = n, GROUND, SENDING, time
        put(work.queues[b, n, RAW], book, j)
    elif decision == TRAINING:
        goal, time = _travel(work, terms, _ways(sketch.training, b), job.bits, time, b, n)
        desk.handed += 1
        job.hops += 1
        _enqueue(work, b, goal, j, n, LARGE, time)
    else:
        k = decision - NEIGHBOUR
        peer = work.links[b, n, k].peer
        time = send_over(work, terms, job.bits, time, b, n, k)
        desk.handed += 1
        job.hops += 1
        _receive(work, terms, b, peer, j, time)


@kernel
def allowed(state, work, terms, sketch, decision, now, b, n):
    """Whether the living satellite n may decide so on the head of its inbox."""
    host = terms.hosts[n]
    if decision == RUN_SMALL:
        return host.boards > 0
    if decision == RUN_LARGE:
        return host.boards > 0 and work.desks[b, n].missing == 0.0
    if decision == TRAINING:
        ways = sketch.training
        return terms.trains and ways.goal[b, n] != NONE and ways.goal[b, n] != n
    if NEIGHBOUR <= decision < TRAINING:
        k = decision - NEIGHBOUR
        if not carries(work.links[b], terms.lasers, n, k, now):
            return False
        peer = work.links[b, n, k].peer
        return state.body[b, peer].alive and work.queues[b, peer, INBOX].count < terms.places
    return True


@kernel
def _enqueue(work, b, n, j, credit, size, ready):
    """Put job j on the list of satellite n's boards."""
    job = work.book[b, j]
    job.place, job.credit, job.model, job.status, job.ready = n, credit, size, COMPUTING, ready
    put(work.queues[b, n, RUN], work.book[b], j)


@kernel
def send_over(work, terms, bits, time, b, n, k):
    """When a message of `bits` has crossed terminal k of satellite n, which first sends what came before."""
    link, desk = work.links[b, n, k], work.desks[b, n]
    seconds = bits / link_bit_rate(terms.lasers, n, link.peer)
    desk.laser[k] = max(time, desk.laser[k]) + seconds
    desk.joules += terms.hosts[n].laser_w * seconds
    return desk.laser[k] + light_time(link.distance)


@kernel
def _travel(work, terms, ways, bits, time, b, n):
    """(goal, time) at which a message of `bits` that leaves satellite n at `time` has come to its goal."""
    while ways.via[n] != n:
        peer = ways.via[n]
        k = 0
        while work.links[b, n, k].peer != peer:
            k += 1
        time = send_over(work, terms, bits, time, b, n, k)
        n = peer
    return n, time


@kernel
def _share_antennas(state, work, sketch, command, b):
    """Each station serves those that it sees highest: of those that turn to it first, then of all that want
    something themselves.

    While answers wait anywhere, an antenna that is left over serves as a gateway for the mesh.
    """
    outlook, ground, asking, count = state.outlook[b], state.ground[b], sketch.asking[b], 0
    waiting = 0
    for n in range(outlook.shape[0]):
        waiting += work.queues[b, n, ANSWERS].count
    for n in range(outlook.shape[0]):
        wants = waiting > 0 or command[n] == DOWNLINK or _wants_contact(work, b, n)
        if wants and outlook[n].station != NONE and state.body[b, n].alive:
            asking[count] = n
            count += 1
    for i in range(count):
        n = asking[i]
        ahead = 0
        for k in range(count):
            other = asking[k]
            if other != n and outlook[other].station == outlook[n].station:
                mine = _claim(work, outlook[n], command[n], b, n)
                theirs = _claim(work, outlook[other], command[other], b, other)
                ahead += precedes(theirs, other, mine, n)
        work.desks[b, n].served = ahead < ground[outlook[n].station].antennas


@kernel
def _wants_contact(work, b, n):
    """Whether satellite n itself has something to send to a station, or to fetch from one."""
    raw, answers = work.queues[b, n, RAW].count, work.queues[b, n, ANSWERS].count
    return raw + answers > 0 or work.desks[b, n].missing > 0.0


@kernel
def _claim(work, outlook, command, b, n):
    """What ranks those who ask for an antenna, the least first: the highest of those that turn to the
    station, of the others that want something, of gateways."""
    if command == DOWNLINK:
        return -math.pi - outlook.elevation
    return (0.0 if _wants_contact(work, b, n) else math.pi) - outlook.elevation


@kernel
def _run_boards(constants, work, terms, temperature, thought, now, end, b, n):
    """Start every batch that the boards of satellite n can start before `end`; it is timed to its end.

    Boards that are down start none. A thought takes the first board from the beginning of the round on. A
    hot board runs slower and draws less.
    """
    host, desk, book = terms.hosts[n], work.desks[b, n], work.book[b]
    queue, free = work.queues[b, n, RUN], work.free[b, n]
    if host.boards == 0:
        return
    if thought > 0.0:
        free[0] = max(free[0], now) + thought
    craft = constants.craft[n]
    share = throttle(temperature, craft.throttle_above, craft.shutdown_above)
    for c in range(host.boards):
        desk.busy += max(0.0, min(free[c], end) - now)
    desk.busy -= min(thought, max(0.0, free[0] - now))
    while share > 0.0 and queue.head != NONE:
        j = queue.head
        c = 0
        for other in range(host.boards):
            c = other if free[other] < free[c] else c
        begin = max(now, free[c], desk.down, book[j].ready)
        if begin >= end:
            break
        if book[j].deadline <= begin:
            take(queue, book, NONE, j)
            _close(work, b, n, j, EXPIRED)
            continue
        kind, size = book[j].kind, book[j].model
        together = _batch(queue, book, kind, size, begin, terms.batch)
        done = begin + batch_seconds(terms.hosts[n].cost[size], terms.kinds[kind], float(together)) / share
        free[c] = done
        desk.busy += min(done, end) - begin
        _finish(work, terms, kind, size, begin, done, together, b, n)
    desk.joules += desk.busy * host.extra_w * share


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
def _finish(work, terms, kind, size, begin, done, together, b, n):
    """Turn a batch into answers that are ready at `done`."""
    queue, book = work.queues[b, n, RUN], work.book[b]
    before, j = NONE, queue.head
    while together > 0:
        job = book[j]
        if job.kind != kind or job.model != size or begin < job.ready:
            before, j = j, job.next
            continue
        behind = take(queue, book, before, j)
        _understand(work, terms, job, b)
        job.ready, job.done, job.status = done, done, ANSWERED
        job.spoilt = work.desks[b, n].spoil
        put(work.queues[b, n, ANSWERS], book, j)
        j = behind
        together -= 1


@kernel
def halt_boards(work, terms, now, b, n):
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
        question = terms.kinds[job.kind].raw
        work.ledger[b].bits_understood -= question - job.bits
        job.bits, job.done, job.spoilt = question, 0.0, 0.0
        _enqueue(work, b, n, j, job.credit, job.model, now)
        j = behind


@kernel
def _understand(work, terms, job, b):
    """The question becomes an answer."""
    answer = terms.kinds[job.kind].answer
    work.ledger[b].bits_understood += job.bits - answer
    job.bits = answer


@kernel
def _relay(state, work, terms, sketch, now, end, b):
    """Answers for the ground go over the mesh to a satellite that a station serves, if their own is not
    served."""
    start, needed, any_served = sketch.start[b], False, False
    for n in range(start.shape[0]):
        start[n] = 0.0 if work.desks[b, n].served else math.inf
        any_served = any_served or work.desks[b, n].served
        needed = needed or work.queues[b, n, ANSWERS].count > 0
    if not (needed and any_served):
        return
    ways = _ways(sketch.other, b)
    route_all(work.links[b], terms.lasers, start, now, 0.0, ways, _heap(sketch.heap, b))
    book = work.book[b]
    for n in range(start.shape[0]):
        if work.desks[b, n].served or ways.goal[n] == NONE:
            continue
        queue = work.queues[b, n, ANSWERS]
        before, j = NONE, queue.head
        while j != NONE:
            job = book[j]
            if job.source == NONE or job.ready >= end:
                before, j = j, job.next
                continue
            behind = take(queue, book, before, j)
            goal, job.ready = _travel(work, terms, ways, job.bits, max(now, job.ready), b, n)
            job.place = goal
            put(work.queues[b, goal, ANSWERS], book, j)
            j = behind


@kernel
def _answer_users(state, work, terms, sketch, now, end, b, n):
    """Send the answers of satellite n to users in its own sight, or over the mesh through one that sees
    them."""
    queue, book = work.queues[b, n, ANSWERS], work.book[b]
    before, j = NONE, queue.head
    while j != NONE:
        job = book[j]
        if job.source != NONE or job.ready >= end:
            before, j = j, job.next
            continue
        goal, time = n, max(now, job.ready)
        sine, distance = sight(sketch.itrs[b, n], job)
        if sine < terms.user_sine:
            goal = _route_to_user(state, work, terms, sketch, job, now, b, n)
        if goal == NONE or (goal == n and max(time, work.desks[b, n].channel) >= end):
            before, j = j, job.next
            continue
        behind = take(queue, book, before, j)
        if goal != n:
            goal, time = _travel(work, terms, _ways(sketch.other, b), job.bits, time, b, n)
            sine, distance = sight(sketch.itrs[b, goal], job)
        desk = work.desks[b, goal]
        if max(time, desk.channel) < end:
            desk.channel = max(time, desk.channel) + job.bits / terms.user_rate
            desk.sent += job.bits
            _deliver(work, terms, desk.channel + light_time(distance), b, j)
        else:
            job.place, job.ready = goal, time
            put(work.queues[b, goal, ANSWERS], book, j)
        j = behind


@kernel
def _route_to_user(state, work, terms, sketch, job, now, b, n):
    """The satellite over whose user link an answer on board of n arrives first, or NONE; ways in
    `sketch.other`."""
    if not _has_link(work, terms, now, b, n):
        return NONE
    start, seen = sketch.start[b], False
    for m in range(start.shape[0]):
        start[m] = math.inf
        if state.body[b, m].alive:
            sine, distance = sight(sketch.itrs[b, m], job)
            if sine >= terms.user_sine:
                start[m] = light_time(distance) + max(0.0, work.desks[b, m].channel - now)
                seen = True
    if not seen:
        return NONE
    ways = _ways(sketch.other, b)
    route_all(work.links[b], terms.lasers, start, now, job.bits, ways, _heap(sketch.heap, b))
    return ways.goal[n]


@kernel
def _has_link(work, terms, now, b, n):
    """Whether any terminal of satellite n can send."""
    up = False
    for k in range(work.links.shape[2]):
        up = up or carries(work.links[b], terms.lasers, n, k, now)
    return up


@kernel
def _send_down(state, constants, work, terms, sketch, turned, now, b, n):
    """Use the contact that satellite n was given in this round: weights up; answers, then raw questions,
    down; if it has `turned` to the station, images have what is left."""
    desk, outlook, book = work.desks[b, n], state.outlook[b, n], work.book[b]
    _fetch_weights(constants, work, terms, outlook, b, n)
    if not desk.served:
        return
    time, until = now + outlook.visible_from, now + outlook.visible_to
    station = constants.stations[outlook.station]
    itrs = sketch.itrs[b, n]
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
            desk.sent += job.bits
            _deliver(work, terms, time + delay + (terms.ground_s if q == RAW else 0.0), b, j)
            j = behind
    desk.joules += constants.craft[n].transmitter_load * airtime
    if turned:
        outlook.visible_from = min(outlook.visible_to, outlook.visible_from + airtime)


@kernel
def _send_part(work, bits, b, n, j):
    """Part of job j has come down: it waits on the ground for the rest."""
    work.book[b, j].bits -= bits
    work.ledger[b].bits_delivered += bits
    work.desks[b, n].sent += bits


@kernel
def _fetch_weights(constants, work, terms, outlook, b, n):
    """Bring the large model's missing weights on board: from the station, and from neighbours that have
    them."""
    desk = work.desks[b, n]
    if desk.missing == 0.0:
        return
    came = terms.uplink_rate * (outlook.visible_to - outlook.visible_from) if desk.served else 0.0
    for k in range(work.links.shape[2]):
        peer = work.links[b, n, k].peer
        if peer == NONE or work.links[b, n, k].since == math.inf:
            continue
        if work.desks[b, peer].missing == 0.0 and terms.hosts[peer].boards > 0:
            came += link_bit_rate(terms.lasers, n, peer) * constants.round_s
    desk.missing = max(0.0, desk.missing - came)


@kernel
def _deliver(work, terms, time, b, j):
    """The answer of job j, or the question for the ground to answer, arrives at `time`: it pays, unless too
    late."""
    job = work.book[b, j]
    if time > job.deadline:
        _close(work, b, job.credit, j, EXPIRED)
        return
    task, ledger, desk = terms.kinds[job.kind], work.ledger[b], work.desks[b, job.credit]
    age = time - job.release
    job.status, job.delivered_at, job.place = DELIVERED, time, NONE
    ledger.jobs_delivered += 1
    ledger.bits_delivered += job.bits
    desk.answered += 1
    desk.latency += age
    desk.value += job.value * task.quality[job.model] * 2.0 ** (-age / task.half_life) * (1.0 - job.spoilt)
