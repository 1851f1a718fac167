"""Orders in words from ground control: how they reach the satellites, and what following them is worth.

An order is heard where a station that is in view sends it up, or where a neighbour that has it passes it on
over a laser: each its bits, the lasers' also time and energy. Who has which is told by the neighbours' beacons.
An order holds from its issue, heard or not: it is the ground's wish that pays.

| kind | what it asks | what it pays or costs |
| --- | --- | --- |
| priority | images of a place count more for a time | (factor - 1) x the image's value when it arrives |
| embargo | no images of a place for a time | `embargo_cost` x the image's value when it is taken |
| reserve | so much battery at an hour, or at each entry into shadow | `reserve_cost` where there is less |
| service | the queue is left to the neighbours for a time | `service_cost` a minute of serving on own boards |
| station | no images through a station for a time | `station_cost` x what images pay that come down there |

Of several orders about an image the one of the highest precedence holds alone, of equal ones the latest. A
correction takes the place of the order that it corrects, a cancellation ends it, both when they are issued.
The times that orders count in orbits are those of the satellite's own revolution at the start.

Whether a satellite does as it was told is counted, for who knows the order: of a priority or an embargo where
it took an image while one that the order speaks of was in reach, of a reserve when the battery is looked at,
of a service order in every round, of a station in every round in which it could have sent there.
"""

from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.cloud_field import cloud_chance
from sandbox.compiled import kernel
from sandbox.errors import SandboxError
from sandbox.jobs import RUN_LARGE, RUN_SMALL
from sandbox.lasers import carries, send_over
from sandbox.order_grammar import Theatre, draw_orders
from sandbox.order_meaning import (
    CANCELLATION,
    DIRECTIVE,
    EMBARGO,
    ORDER_KINDS,
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
from sandbox.order_words import WORDS
from sandbox.orbits.bodies import MU_EARTH
from sandbox.scenario.orders import MOST_ORDERS
from sandbox.sensing import decayed
from sandbox.setting import HOUR, Setting
from sandbox.state import DELIVERED, NONE, State, wipe
from sandbox.structured import structured

HEADER_BITS = 256.0
"""Of an order beside its text: packet header, frame and coding; assumed, as of a message."""
MOST_STEPS = 2
"""Of reasoning that are told apart: more are counted with these."""
CLASSES = (*ORDER_KINDS[:CANCELLATION], "conditional", "corrected", "steps_0", "steps_1", "steps_2")
"""Of orders, by which is counted how often they are followed: kinds, and what is hard about reading them."""
CONDITIONAL, CORRECTED, STEPS_0 = range(CANCELLATION, CANCELLATION + 3)

TALLY = structured(
    [
        ("bonus", "f8"),  # paid in the last round for images under a priority that arrived
        ("fine", "f8"),  # what breaches of the last round cost
        ("bits", "f8"),  # of orders that it heard or passed on
        ("heard", "i4"),  # orders that it heard in the last round
    ]
)


class DirectivesState(NamedTuple):
    """Orders of B worlds: D in an episode, of L words; C classes; M requests."""

    book: np.ndarray  # (B, D) DIRECTIVE
    words: NDArray[np.uint16]  # (B, D, L) by number, 0 behind the last
    heard: NDArray[np.float64]  # (B, N, D) s, when each satellite heard it, inf before
    factor: NDArray[np.float32]  # (B, M) by which a priority multiplies what an image that was taken pays
    waiting: NDArray[np.int32]  # (B, M) requests with such a factor whose image has not arrived
    waits: NDArray[np.int32]  # (B,) how many
    tally: np.ndarray  # (B, N) TALLY
    kept: NDArray[np.int32]  # (B, N, C) how often an order was followed in the last round
    broken: NDArray[np.int32]  # (B, N, C) how often it was not
    shade: NDArray[np.bool_]  # (B, N) whether it was in shadow a round ago


class DirectivesParams(NamedTuple):
    """What does not change."""

    period: NDArray[np.float64]  # (N,) s, of a revolution
    embargo_cost: float
    station_cost: float
    reserve_cost: float
    service_cost: float  # a second
    keep: float  # s for which an order is told


class Directives(NamedTuple):
    """The part of a world in which ground control writes orders in words."""

    state: DirectivesState
    params: DirectivesParams


def make_part(setting: Setting, book: int) -> Directives:
    """The part, for `book` requests. Raises SandboxError for more orders than an episode may have."""
    settings, (worlds, satellites) = setting.scenario.orders, setting.team
    count = settings.count(setting.horizon_s / HOUR)
    if count > MOST_ORDERS:
        raise SandboxError(
            f"orders: {count:,} in an episode of {setting.horizon_s / HOUR:g} h, {MOST_ORDERS} is the most; "
            "lower orders.per_hour or orders.initial."
        )
    team = worlds, satellites
    state = DirectivesState(
        book=np.zeros((worlds, count), DIRECTIVE),
        words=np.zeros((worlds, count, WORDS), np.uint16),
        heard=np.full((*team, count), inf),
        factor=np.zeros((worlds, book), np.float32),
        waiting=np.zeros((worlds, book), np.int32),
        waits=np.zeros(worlds, np.int32),
        tally=np.zeros(team, TALLY),
        kept=np.zeros((*team, len(CLASSES)), np.int32),
        broken=np.zeros((*team, len(CLASSES)), np.int32),
        shade=np.zeros(team, np.bool_),
    )
    params = DirectivesParams(
        revolutions(setting.fleet.position, setting.fleet.velocity),
        settings.embargo_cost,
        settings.station_cost,
        settings.reserve_cost,
        settings.service_cost / 60.0,
        60.0 * settings.keep_min,
    )
    return Directives(state, params)


def revolutions(position: NDArray[np.float64], velocity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds (N,) of a Keplerian revolution with position and velocity (N, 3), by the energy of the orbit."""
    energy = 0.5 * (velocity**2).sum(-1) - MU_EARTH / np.linalg.norm(position, axis=-1)
    axis = -MU_EARTH / (2.0 * np.minimum(energy, -1.0))
    return 2.0 * np.pi * np.sqrt(axis**3 / MU_EARTH)


def begin(part: Directives, setting: Setting, state: State, b: int, rng: np.random.Generator) -> None:
    """Draw the orders of an episode in world `b`; nobody has heard of any."""
    own, scenario = part.state, setting.scenario
    for array in own:
        wipe(array, b)
    own.heard[b] = inf
    if not own.book.shape[1]:
        return
    epoch, stations = scenario.epoch, setting.constants.stations
    asked = state.requests.book[b]
    theatre = Theatre(
        start=float(state.clock["time"][b]),
        horizon=setting.horizon_s,
        midnight=epoch.hour * HOUR + epoch.minute * 60.0 + epoch.second,
        stations=[station.name for station in scenario.stations],
        station_up=np.stack([stations[name] for name in ("ux", "uy", "uz")], axis=-1),
        requests_up=asked["up"][np.isfinite(asked["release"])],
    )
    book, words = draw_orders(rng, scenario.orders, theatre)
    own.book[b] = book
    for d, said in enumerate(words):
        own.words[b, d, : len(said)] = said


@kernel
def open_tally(directives, b):
    """Forget the sums of the round before."""
    if directives is None:
        return
    own = directives.state
    for n in range(own.tally.shape[1]):
        tally = own.tally[b, n]
        tally.bonus, tally.fine, tally.bits, tally.heard = 0.0, 0.0, 0.0, 0
        for c in range(own.kept.shape[2]):
            own.kept[b, n, c] = own.broken[b, n, c] = 0


@kernel
def bits_of(order):
    """Bits of an order on a link."""
    return HEADER_BITS + 8.0 * order.bytes


@kernel
def pass_on(state, lasers, directives, task, b):
    """Every satellite that has an order sends it to the neighbours that have not, behind what they send."""
    if directives is None or lasers is None:
        return
    own, links, now = directives.state, lasers.state.links, state.clock[b].time
    for d in range(own.book.shape[1]):
        order = own.book[b, d]
        if order.issued > now:
            break
        for n in range(state.body.shape[1]):
            if own.heard[b, n, d] > now or task[n].silent or not state.body[b, n].alive:
                continue
            for k in range(links.shape[2]):
                peer = links[b, n, k].peer
                if peer == NONE or own.heard[b, peer, d] != inf:
                    continue
                if carries(links[b], lasers.params.terminals, n, k, now) and state.body[b, peer].alive:
                    own.heard[b, peer, d] = send_over(lasers, state.load, bits_of(order), now, b, n, k)
                    own.tally[b, n].bits += bits_of(order)
                    own.tally[b, peer].bits += bits_of(order)
                    own.tally[b, peer].heard += 1


@kernel
def send_up(state, directives, b):
    """The station that a satellite has in view in the coming round sends it the orders that it lacks, as many
    as the uplink carries; one that has begun goes on in another round from its beginning."""
    if directives is None:
        return
    own, now = directives.state, state.clock[b].time
    for n in range(state.body.shape[1]):
        outlook = state.outlook[b, n]
        if outlook.station == NONE or outlook.uplink <= 0.0 or not state.body[b, n].alive:
            continue
        at, until = now + outlook.visible_from, now + outlook.visible_to
        for d in range(own.book.shape[1]):
            order = own.book[b, d]
            if order.issued > now:
                break
            if own.heard[b, n, d] == inf:
                at += bits_of(order) / outlook.uplink
                if at > until:
                    break
                own.heard[b, n, d] = at
                own.tally[b, n].bits += bits_of(order)
                own.tally[b, n].heard += 1


@kernel
def judge(state, constants, orders, directives, b):
    """After the flight of a round, before anything is looked up anew: what following orders was worth in it."""
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
            elif order.kind == SERVICE or order.kind == STATION:
                if in_force(order, period, start) and condition_holds(order, 0.0, battery):
                    _judge_conduct(state, constants, orders, directives, b, n, d)
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
        if condition_holds(order, cloud, battery):
            if found == NONE or order.precedence >= book[b, found].precedence:
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
def _judge_conduct(state, constants, orders, directives, b, n, d):
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
    elif orders is not None and not state.safety[b, n].safe:
        queue = orders[b, n].queue
        serves = queue == RUN_SMALL or queue == RUN_LARGE
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


@kernel
def told_orders(directives, now, b, n, places):
    """The orders that satellite n is told at `now`, the latest first: their places into `places` (K,), NONE
    behind the last. Those that it has heard and that were issued within `keep`: what they mean plays no part.
    """
    own, found = directives.state, 0
    for i in range(places.shape[0]):
        places[i] = NONE
    for back in range(own.book.shape[1]):
        d = own.book.shape[1] - 1 - back
        if found == places.shape[0]:
            return
        age = now - own.book[b, d].issued
        if 0.0 <= age <= directives.params.keep and own.heard[b, n, d] <= now:
            places[found] = d
            found += 1
