"""What following orders in words is worth in a round, and how often it was done; see `sandbox.directives`."""

from sandbox.cloud_field import cloud_chance
from sandbox.compiled import kernel
from sandbox.jobs import RUN_LARGE, RUN_SMALL
from sandbox.order_meaning import (
    CANCELLATION,
    EMBARGO,
    PRIORITY,
    RESERVE,
    SERVICE,
    STATION,
    UNCONDITIONAL,
    begins_at,
    condition_holds,
    in_force,
    speaks_of,
)
from sandbox.sensing import decayed
from sandbox.state import DELIVERED, NONE

MOST_STEPS = 2
"""Of reasoning that are told apart: more are counted with these."""
CONDITIONAL, CORRECTED, STEPS_0 = range(CANCELLATION, CANCELLATION + 3)
"""Places in `directives.CLASSES`."""


@kernel
def judge(state, constants, orders, directives, b):
    """After the flight of a round, before all is looked up anew: what following orders was worth in it."""
    if directives is None:
        return
    own = directives.state
    _pay_arrivals(state, constants, own, b)
    start = state.clock[b].time - constants.round_s
    for n in range(state.body.shape[1]):
        if not state.body[b, n].alive:
            continue
        power, dark = state.power[b, n], state.outlook[b, n].sunlight < 0.5
        battery = 100.0 * power.energy / power.capacity
        if state.activity[b, n].captured > 0:
            _judge_images(state, constants, directives, battery, b, n)
        for d in range(own.book.shape[1]):
            order, period = own.book[b, d], directives.params.period[n]
            if order.issued > start:
                break
            if order.kind == RESERVE:
                _judge_reserve(state, constants, directives, battery, dark, b, n, d)
            elif order.kind in (SERVICE, STATION) and in_force(order, period, start):
                _judge_conduct(state, constants, orders, directives, battery, b, n, d)
        own.shade[b, n] = dark


@kernel
def _pay_arrivals(state, constants, own, b):
    """Pay what a priority adds to images that arrived in the round, to who took them."""
    i = 0
    while i < own.waits[b]:
        j = own.waiting[b, i]
        request = state.requests.book[b, j]
        if request.status != DELIVERED:
            i += 1
            continue
        age = request.delivered_at - request.captured_at
        worth = decayed(request.value, age, constants.half_life)
        own.tally[b, request.captured_by].bonus += (own.factor[b, j] - 1.0) * worth
        own.waits[b] -= 1
        own.waiting[b, i] = own.waiting[b, own.waits[b]]


@kernel
def cloud_over(state, constants, b, j, time):
    """The forecast of cloud over request j, %, as it is told on board for `time`."""
    return 100.0 * cloud_chance(state.requests, constants, b, j, time, time)


@kernel
def ruling(state, constants, directives, battery, time, b, n, j):
    """The order that holds for an image of request j by satellite n with `battery` (%) at `time`, or NONE."""
    request, found = state.requests.book[b, j], NONE
    book, cloud = directives.state.book, -1.0
    for d in range(book.shape[1]):
        order = book[b, d]
        if order.issued > time:
            break
        if order.kind != PRIORITY and order.kind != EMBARGO:
            continue
        if not in_force(order, directives.params.period[n], time):
            continue
        if not speaks_of(order, request.up, request.value):
            continue
        if order.condition != UNCONDITIONAL and cloud < 0.0:
            cloud = cloud_over(state, constants, b, j, time)
        first = found == NONE or order.precedence >= book[b, found].precedence
        if first and condition_holds(order, cloud, battery):
            found = d
    return found


@kernel
def _judge_images(state, constants, directives, battery, b, n):
    """What the images cost that satellite n took in the round, what they will pay, and whom they obey."""
    own, store, requests = directives.state, state.store, state.requests
    level, places, now = store.level[b, n], store.request.shape[2], state.clock[b].time
    for i in range(state.activity[b, n].captured):
        j = store.request[b, n, (level.head + level.count - 1 - i) % places]
        request = requests.book[b, j]
        time = min(now, request.captured_at)
        d = ruling(state, constants, directives, battery, time, b, n, j)
        if d == NONE:
            continue
        order = own.book[b, d]
        if order.kind == PRIORITY:
            own.factor[b, j] = order.factor
            own.waiting[b, own.waits[b]] = j
            own.waits[b] += 1
        else:
            own.tally[b, n].fine += directives.params.embargo_cost * request.value
        _count(directives, order.kind == PRIORITY, b, n, d, time)
    time = now - constants.round_s
    for k in range(state.opportunities.shape[2]):
        j = state.opportunities[b, n, k].request
        if j == NONE or requests.book[b, j].captured_by == n:
            continue
        d = ruling(state, constants, directives, battery, time, b, n, j)
        if d != NONE:
            _count(directives, own.book[b, d].kind == EMBARGO, b, n, d, time)


@kernel
def _judge_reserve(state, constants, directives, battery, dark, b, n, d):
    """Whether the battery of satellite n holds what order d wants, where it is looked at in this round."""
    own, now = directives.state, state.clock[b].time
    order, period, start = own.book[b, d], directives.params.period[n], now - constants.round_s
    if order.at_shadow:
        looked = in_force(order, period, start) and dark and not own.shade[b, n]
    else:
        at = begins_at(order, period)
        looked = start < at <= now and now < min(order.ended, order.until)
    if not looked:
        return
    held = battery >= 100.0 * order.charge
    if not held:
        own.tally[b, n].fine += directives.params.reserve_cost
    _count(directives, held, b, n, d, start)


@kernel
def _judge_conduct(state, constants, orders, directives, battery, b, n, d):
    """Whether satellite n did in the round as order d of service or about a station says."""
    own, did = directives.state, state.activity[b, n]
    order, start = own.book[b, d], state.clock[b].time - constants.round_s
    if order.kind == STATION:
        sent = did.station == order.station and did.downlinked > 0.0
        could = state.outlook[b, n].station == order.station and state.store.level[b, n].count > 0
        if sent:
            own.tally[b, n].fine += directives.params.station_cost * did.value
        if sent or could:
            _count(directives, not sent, b, n, d, start)
    elif orders is not None and not state.safety[b, n].safe and condition_holds(order, 0.0, battery):
        queue = orders[b, n].queue
        serves = queue in (RUN_SMALL, RUN_LARGE)
        if serves:
            own.tally[b, n].fine += directives.params.service_cost * constants.round_s
        _count(directives, not serves, b, n, d, start)


@kernel
def _count(directives, kept, b, n, d, time):
    """Count in its classes that satellite n did as order d says, or did not, if it had heard it by `time`."""
    own = directives.state
    if own.heard[b, n, d] > time:
        return
    order, counts = own.book[b, d], own.kept[b, n] if kept else own.broken[b, n]
    counts[order.kind] += 1
    if order.condition != UNCONDITIONAL:
        counts[CONDITIONAL] += 1
    if order.refers != 0:
        counts[CORRECTED] += 1
    counts[STEPS_0 + min(order.steps, MOST_STEPS)] += 1
