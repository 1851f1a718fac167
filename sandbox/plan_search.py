"""The onboard planner of `sandbox.consulting`: one satellite's images until a horizon, by beam search.

It knows what the satellite knows (`sandbox.plan_outlook`). It finds the requests that it will pass
(`sandbox.ahead`), who else passes them before, and what light there will be; then it goes through them in
the order of time and keeps, of the schedules that take or leave each, as many as its width says. A schedule
counts the slews, the battery (with its charging, and the shadow to come), the store, and what the next
contact holds. What is left in the battery, and of a contact, has a price: what the next image would bring for
it that the satellite cannot afford in the horizon. So it saves for what is to come.

Every state of a schedule is simulated from one request to the next; the seconds of all of them are what the
search costs. Shapes: U requests found, W schedules, S segments of the track, P steps of a plan.
"""

import math
from typing import NamedTuple

import numpy as np

from sandbox.ahead import SEGMENT_S, UPCOMING
from sandbox.compiled import kernel
from sandbox.plan_outlook import (
    FLOWN,
    ITEM,
    MOST_SEGMENTS,
    TRACK,
    Known,
    count_earlier,
    foresee,
    gather,
    known_on_board,
    net_power,
    segment_at,
    spent,
    turn_seconds,
    weigh,
)
from sandbox.state import NONE, Array, Records
from sandbox.structured import structured

MOST_FOUND, MOST_WIDE, MOST_STEPS = 60, 32, 24
"""U, W and P; of a schedule that takes more than P images the first are kept."""

STEP = structured(
    [
        ("request", "i4"),  # -1 where there are fewer steps
        ("at", "f8"),  # s, when the image is to be taken
        ("leave", "f8"),  # s, when the request is out of reach
        ("worth", "f8"),  # expected
    ]
)
BEAM = structured(
    [
        ("score", "f8"),
        ("rank", "f8"),
        ("energy", "f8"),  # J
        ("shot", "f8"),  # s, of the last image
        ("roll", "f8"),
        ("bits", "f8"),  # in the store
        ("taken", "i8"),  # a bit for every item
        ("count", "i4"),
    ]
)


class Memory(NamedTuple):
    """Working memory of a search, one for each world."""

    upcoming: Records  # (B, U) UPCOMING
    items: Records  # (B, U) ITEM
    beams: Records  # (B, 2, W) BEAM, of which one is read and one is written
    track: Records  # (B, S) TRACK
    order: Array  # (B, U) ratios
    others: Records  # (B, N, S) TRACK, of those whose searches came before
    flown: Records  # (B, N) FLOWN, what `others` was reckoned from


class Effort(NamedTuple):
    """How far a search goes."""

    segments: int
    found: int
    width: int


def make_memory(worlds: int, satellites: int) -> Memory:
    """Working memory for so many worlds of so many satellites."""
    team = worlds, satellites
    return Memory(
        np.zeros((worlds, MOST_FOUND), UPCOMING),
        np.zeros((worlds, MOST_FOUND), ITEM),
        np.zeros((worlds, 2, MOST_WIDE), BEAM),
        np.zeros((worlds, MOST_SEGMENTS), TRACK),
        np.zeros((worlds, MOST_FOUND)),
        np.zeros((*team, MOST_SEGMENTS), TRACK),
        np.zeros(team, FLOWN),
    )


@kernel
def search(sim, memory, effort, wait, end, truth, steps, assumed, b, n):
    """Plan for satellite n of world b: write `steps` (P,) and the battery that they assume, `assumed`
    (S + 1,) J at the ends of segments from now on. (Seconds that were simulated, least worth for which an
    image that is not in the plan should be taken.)

    The plan can begin `wait` s from now; the episode ends at `end` (s). With `truth` the sky is known as it
    will be: for measuring what that is worth, never for a satellite.
    """
    now = sim.state.clock[b].time
    track, items = memory.track[b], memory.items[b]
    foresee(sim, track, effort.segments, b, n)
    count = gather(sim, memory, effort, truth, b, n)
    count_earlier(sim, memory, effort, count, b, n)
    known = known_on_board(sim, track, effort.segments, now + wait, end, b, n)
    weigh(sim, items, track, effort.segments, count, known, n)
    used, assumptions = sim.state.store.level[b, n].used, sim.consulting.params.assumptions
    known = _priced(known, track, items, memory.order[b], effort.segments, count, used, assumptions)
    best, seconds = _beam(sim, memory, effort, known, count, b, n)
    _write(sim, memory, effort, known, count, best, steps, assumed, b, n)
    return seconds, assumptions.bar * _bar(items, count, known, sim.constants.craft[n])


@kernel
def _bar(items, count, known, craft):
    """Worth for which an image takes the place of others: what they bring for as much battery and room."""
    cost = 0.0
    for i in range(count):
        cost += items[i].cost / count
    return known.price * cost + known.bit_price * craft.image_bits


@kernel
def _priced(known, track, items, ratios, segments, count, used, assumptions):
    """`known` with the prices of a joule and of a bit of the next contact: what the best item brings for them
    that cannot be afforded.

    Until the horizon a satellite can afford what comes in, and of what it has beyond its floor as large a
    share as the horizon has of the time that is left. Of a contact beyond the horizon it can fill as large a
    share as the horizon has of the time until then.
    """
    horizon, income = segments * SEGMENT_S, 0.0
    for s in range(segments):
        income += (track[s].harvest - known.load) * SEGMENT_S
    left = max(horizon, known.end - known.now)
    budget = income + max(0.0, known.energy - known.floor) * horizon / left
    for i in range(count):
        ratios[i] = items[i].soon / max(1.0, items[i].cost)
    price = bit_price = 0.0
    for _ in range(count):
        best = _best(ratios, count)
        budget -= items[best].cost
        if budget < 0.0:
            price = max(0.0, ratios[best])
            break
        ratios[best] = 0.0
    wait = known.opens - known.now
    if wait < np.inf:
        room = known.holds * min(1.0, horizon / max(1.0, wait))
        more = 1.0 + assumptions.supply * min(1.0, wait / horizon)
        for i in range(count):
            ratios[i] = items[i].soon / max(1e-6, items[i].left) ** assumptions.raw / items[i].bits
        for _ in range(count):
            best = _best(ratios, count)
            room -= more * items[best].bits
            if room < 0.0:
                bit_price = max(0.0, ratios[best])
                break
            ratios[best] = 0.0
    bit_price *= assumptions.flat + used / max(known.holds, 1.0)
    return Known(
        known.now, known.starts, known.end, known.energy, known.capacity, known.floor, known.load, price,
        bit_price, known.opens, known.closes, known.holds, known.each,
    )  # fmt: skip


@kernel
def _best(ratios, count):
    """Where the greatest of so many ratios stands."""
    best = 0
    for i in range(1, count):
        if ratios[i] > ratios[best]:
            best = i
    return best


@kernel
def _charged(craft, track, segments, known, energy, since, until):
    """Energy (J) at `until` of a battery that has so much at `since`, with the panel to the Sun."""
    while since < until:
        s = segment_at(track, segments, since)
        stop = until if s == segments - 1 else min(until, track[s].begins + SEGMENT_S)
        stop = max(stop, since + 1e-3)
        energy += net_power(craft, track[s].harvest - known.load) * (stop - since)
        energy = min(known.capacity, max(0.0, energy))
        since = stop
    return energy


@kernel
def _copy(to, state):
    to.score, to.rank, to.energy, to.shot = state.score, state.rank, state.energy, state.shot
    to.roll, to.bits, to.taken, to.count = state.roll, state.bits, state.taken, state.count


@kernel
def _first(state, known, used):
    """A schedule that takes nothing."""
    state.score, state.rank, state.energy, state.shot = 0.0, 0.0, known.energy, -math.inf
    state.roll, state.bits, state.taken, state.count = 0.0, used, 0, 0


@kernel
def _take(craft, track, segments, known, item, state, i, round_s, assumptions):
    """Put item i, whose time has come, at the end of a schedule; whether that can be."""
    since = item.enter - state.shot
    together = since < assumptions.together
    turn = turn_seconds(craft, item.roll - state.roll if together else item.angle)
    shot = max(item.enter, known.starts + turn)
    if together:
        shot = max(shot, state.shot + max(round_s, item.hold + turn))
    if shot + item.hold > item.leave or state.bits + item.bits > craft.store_bits:
        return False
    away = shot - state.shot if together else turn + item.hold + round_s
    turned = turn if together else 2.0 * turn
    s = segment_at(track, segments, shot)
    energy = state.energy - spent(craft, item, track[s].harvest, away, turned)
    if energy < known.floor + track[s].need:
        return False
    arrives = shot < known.closes and state.bits + assumptions.begun * item.bits <= known.holds
    state.score += (1.0 if arrives else assumptions.later) * item.soon - known.bit_price * item.bits
    state.energy, state.shot, state.roll = energy, shot, item.roll
    state.bits += item.bits
    state.taken |= np.int64(1) << np.int64(i)
    state.count += 1
    return True


@kernel
def _beam(sim, memory, effort, known, count, b, n):
    """(bits of the items of the best schedule, seconds simulated)."""
    assumptions = sim.consulting.params.assumptions
    craft, items, track = sim.constants.craft[n], memory.items[b], memory.track[b]
    old, new = memory.beams[b, 0], memory.beams[b, 1]
    _first(old[0], known, sim.state.store.level[b, n].used)
    wide, time, seconds, passed = 1, known.now, 0.0, False
    for i in range(count):
        item, kept = items[i], 0
        until, sends = max(time, item.enter), not passed and item.enter > known.closes
        passed = passed or sends
        for w in range(wide):
            state = old[w]
            state.energy = _charged(craft, track, effort.segments, known, state.energy, time, until)
            state.bits = max(0.0, state.bits - known.holds) if sends else state.bits
            state.rank = _rank(known, state, state.energy)
            kept = _keep(new, kept, effort.width, state)
            if _take(
                craft, track, effort.segments, known, item, state, i, sim.constants.round_s, assumptions
            ):
                state.rank = _rank(known, state, state.energy)
                kept = _keep(new, kept, effort.width, state)
        seconds += 2.0 * wide * (until - time)
        time, wide = until, kept
        for w in range(kept):
            _copy(old[w], new[w])
    best, most, until = 0, -math.inf, known.now + effort.segments * SEGMENT_S
    for w in range(wide):
        energy = _charged(craft, track, effort.segments, known, old[w].energy, time, until)
        worth = _rank(known, old[w], energy)
        if worth > most:
            best, most = w, worth
    seconds += wide * max(0.0, until - time)
    return old[best].taken, seconds


@kernel
def _rank(known, state, energy):
    """What a schedule brings, and what it leaves is worth."""
    return state.score + known.price * energy


@kernel
def _keep(beam, kept, width, state):
    """Put a schedule among the best so far, by falling rank; how many there are."""
    if kept == width and beam[kept - 1].rank >= state.rank:
        return kept
    place = min(kept, width - 1)
    while place > 0 and beam[place - 1].rank < state.rank:
        _copy(beam[place], beam[place - 1])
        place -= 1
    _copy(beam[place], state)
    return min(width, kept + 1)


@kernel
def _write(sim, memory, effort, known, count, taken, steps, assumed, b, n):
    """Fly the schedule once more: its steps, and the battery at the ends of segments."""
    assumptions = sim.consulting.params.assumptions
    craft, items, track = sim.constants.craft[n], memory.items[b], memory.track[b]
    state, written, time, mark = memory.beams[b, 1, 0], 0, known.now, 0
    _first(state, known, sim.state.store.level[b, n].used)
    for p in range(steps.shape[0]):
        steps[p].request = NONE
    for i in range(count + 1):
        over = i == count
        until = known.now + MOST_SEGMENTS * SEGMENT_S if over else max(time, items[i].enter)
        while mark <= MOST_SEGMENTS and known.now + mark * SEGMENT_S <= until:
            at = known.now + mark * SEGMENT_S
            state.energy = _charged(craft, track, effort.segments, known, state.energy, time, at)
            assumed[mark], time, mark = state.energy, max(time, at), mark + 1
        if over:
            break
        state.energy = _charged(craft, track, effort.segments, known, state.energy, time, until)
        time = until
        if not (taken >> np.int64(i)) & 1 or written == steps.shape[0]:
            continue
        if items[i].enter > known.closes:
            state.bits = 0.0  # what fits was seen to by the search
        if _take(
            craft, track, effort.segments, known, items[i], state, i, sim.constants.round_s, assumptions
        ):
            step = steps[written]
            step.request, step.at, step.leave = items[i].request, state.shot, items[i].leave
            step.worth, written = items[i].soon, written + 1
