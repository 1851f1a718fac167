"""Thinking as an order: a satellite has its onboard planner search, on its own board, and follows the plan.

A search (`sandbox.plan_search`) is begun by a choice, SHORT or LONG, and works from what is known on board in
that moment. Its price is counted: every second of flight that it simulates takes FLOP operations, of which
the satellite's board does so many in a second as a search gets out of it (SHARE). While it runs, the board is
at its active power, as for a thought of a mind (`sandbox.onboard`): so it takes energy, heats, and keeps the
customers' jobs waiting. A search that ends within the round takes effect in the middle of it; the order that
stood rules until then. A longer one goes on while the satellite does other things, and is lost where the
boards are reset.

A plan is a list of images with their times. It stands for some time, or until what it assumed has changed:
half of what it still meant to image is taken, expired or found under cloud, the battery is lower than it
assumed, a warning of an encounter came, or the satellite went into safe mode. While it stands, FOLLOW does
what it says for the coming round: image, send, or face the Sun.
"""

from typing import NamedTuple

import numpy as np

from sandbox.ahead import SEGMENT_S
from sandbox.campaigns import hold_of, worth_of
from sandbox.cloud_field import cloud_chance
from sandbox.compiled import kernel
from sandbox.compute import ComputeProfile, board
from sandbox.ground import can_transmit
from sandbox.images import can_keep, can_shoot
from sandbox.orders import can_send, place_of
from sandbox.plan_outlook import MOST_SEGMENTS, Assumptions, measured_energy
from sandbox.plan_search import (
    MOST_FOUND,
    MOST_STEPS,
    MOST_WIDE,
    STEP,
    Effort,
    Memory,
    make_memory,
    search,
)
from sandbox.safety import is_interrupted, is_safe
from sandbox.scenario import Scenario
from sandbox.setting import Setting
from sandbox.state import CHARGE, DOWNLINK, IDLE, NONE, OBSERVE, OPEN, Array, Records, wipe
from sandbox.structured import structured
from sandbox.thermal import is_hot, power_share

NOTHING, SHORT, LONG, FOLLOW = range(4)
"""Choices of a round."""
EFFORT_NAMES = ("", "short", "long")
EFFORTS = (Effort(0, 0, 0), Effort(6, 20, 8), Effort(MOST_SEGMENTS, MOST_FOUND, MOST_WIDE))
"""By choice: half an hour ahead with 20 requests and 8 schedules; 100 minutes, 60 and 32."""
STANDS_S = (0.0, 900.0, 2700.0)
"""By choice, how long a plan stands: half of its horizon, and less than half."""

FLOP = 16_000.0
"""Operations for a second of flight, assumed: attitude, power and heat ten times a second, each by the
classical method of Runge and Kutta with its four derivatives of some 400 operations."""
SHARE = 1e-5
"""Of the operations that a board reaches in multiplying matrices (`sandbox.compute`: peak x utilisation in
bf16), what a search reaches, assumed: it branches at every step and fills one general-purpose core. Of an AGX
Orin it is 0.2 Gflop/s: a core at 2.2 GHz, with one such operation in ten cycles."""
ASSUMPTIONS = Assumptions()
SLACK = 0.05
"""Of the battery, by which it may be lower than a plan assumed."""
LOST_HALF = 0.5
"""Of what a plan still meant to image, what may be gone before it is void."""

PLAN = structured(
    [
        ("made", "f8"),  # s, when what it knew was so
        ("until", "f8"),  # s
        ("remaining", "f8"),  # s for which the search goes on
        ("power", "f8"),  # W that it draws, beyond the standing load
        ("worth", "f8"),  # of what it meant to image, when it was made
        ("left", "f8"),  # of what it still means to
        ("stands", "?"),
        ("effort", "i4"),  # the choice that made it
        ("images", "i4"),  # that it still means to take
        ("bar", "f8"),  # least worth of an image that is not in it, for which it is taken all the same
        ("mode", "i4"),  # what it says for the coming round
        ("place", "i4"),  # among the opportunities
        ("consulted", "i4"),  # choice of the last round, if a search began in it
        ("seconds", "f8"),  # what that takes
        ("joules", "f8"),
        ("followed", "?"),  # in the last round
        ("changed", "?"),  # and it did what a reflex would not have done
        ("void", "?"),  # a plan, or a search, ended in the last round before its time
    ]
)
"""Of a satellite: its plan, the search under way, what came of the last round."""


class Plans(NamedTuple):
    """What satellites plan."""

    plan: Records  # (B, N) PLAN
    steps: Records  # (B, N, P) STEP
    assumed: Array  # (B, N, S + 1) J in the battery at the ends of segments since `made`


class Terms(NamedTuple):
    """What a search costs, by satellite."""

    pace: Array  # (N,) s of the board for a second that is simulated; inf without a board
    watts: Array  # (N,) beyond the standing load, at full power
    active: Array  # (N,) W of the whole board
    horizon: float  # s of an episode
    assumptions: Assumptions


class Consulting(NamedTuple):
    """The part of a world in which satellites plan."""

    state: Plans
    params: Terms
    scratch: Memory


def search_pace(profile: ComputeProfile) -> float:
    """Seconds that a search takes on a board for every second of flight that it simulates."""
    return FLOP / (SHARE * profile.peak_tera_s.bf16 * 1e12 * profile.utilisation.bf16)


def longest_search(profile: ComputeProfile, choice: int) -> float:
    """Seconds that a search of that choice takes on a board at most, at full speed."""
    effort = EFFORTS[choice]
    return search_pace(profile) * 2.0 * effort.width * effort.segments * SEGMENT_S


def make_part(setting: Setting) -> Consulting:
    """The part, for the boards of the scenario."""
    team = setting.team
    plans = Plans(
        np.zeros(team, PLAN),
        np.zeros((*team, MOST_STEPS), STEP),
        np.zeros((*team, MOST_SEGMENTS + 1)),
    )
    return Consulting(plans, _terms(setting.scenario, setting), make_memory(*setting.team))


def _terms(scenario: Scenario, setting: Setting) -> Terms:
    kinds, count = np.array(setting.fleet.kinds), len(setting.fleet)
    pace, watts, active = np.full(count, np.inf), np.zeros(count), np.zeros(count)
    for kind, craft in scenario.spacecraft.items():
        if craft.compute is None:
            continue
        mine, profile = kinds == kind, board(craft.compute.board)
        pace[mine], active[mine] = search_pace(profile), profile.active_w
        watts[mine] = profile.active_w - craft.power.compute_w / craft.compute.boards
    return Terms(pace, watts, active, setting.horizon_s, ASSUMPTIONS)


def begin(consulting: Consulting, b: int) -> None:
    """At the start of an episode nobody has a plan."""
    for array in consulting.state:
        wipe(array, b)
    consulting.state.steps["request"][b] = NONE
    consulting.state.plan["mode"][b] = CHARGE


@kernel
def can_consult(sim, b, n):
    """Whether satellite n of world b could begin a search: it obeys, and its board is up and free."""
    state, plan = sim.state, sim.consulting.state.plan[b, n]
    if not state.body[b, n].alive or is_safe(state, b, n) or is_hot(state.body[b, n], sim.constants.craft[n]):
        return False
    if not sim.consulting.params.pace[n] < np.inf or plan.remaining > 0.0:
        return False
    if state.minds[b, n].remaining >= sim.constants.round_s:  # a mind thinks on it for the whole round
        return False
    return _are_up(sim.jobs, state.clock[b].time, b, n)


@kernel
def _are_up(jobs, now, b, n):
    if jobs is None:
        return True
    return jobs.state.servers[b, n].down <= now


@kernel
def can_follow(sim, b, n):
    """Whether a plan of satellite n stands and it obeys."""
    return (
        sim.state.body[b, n].alive and not is_safe(sim.state, b, n) and sim.consulting.state.plan[b, n].stands
    )


@kernel
def consult(sim, which, chosen, commands, price, truth):
    """Begin the searches that are `chosen` (B, N) in a round, go on with others, and follow plans.

    Called between the writing of the commands and the round. `price` is a factor of what searches cost; with
    `truth` they know the sky (see `plan_search.search`).
    """
    for b in which:
        for n in range(chosen.shape[1]):
            plan, choice = sim.consulting.state.plan[b, n], chosen[b, n]
            plan.consulted, plan.followed, plan.changed, plan.void = NOTHING, False, False, False
            plan.seconds = plan.joules = 0.0
            if plan.remaining > 0.0:
                _go_on(commands.thinking[b, n], plan, sim.constants.round_s)
            elif choice in (SHORT, LONG) and can_consult(sim, b, n):
                _begin(sim, commands, choice, price, truth, b, n)
            if choice == FOLLOW and can_follow(sim, b, n):
                plan.followed, plan.changed = True, not _is_reflex(sim, plan, b, n)
                _order(sim.orders, commands, plan, sim.state.opportunities[b, n], b, n)


@kernel
def _go_on(thinking, plan, round_s):
    """The board searches on for a round, or for what is left."""
    _draw(thinking, min(plan.remaining, round_s), plan.power)
    plan.remaining = max(0.0, plan.remaining - round_s)
    if plan.remaining == 0.0:
        plan.stands = True


@kernel
def _draw(thinking, busy, power):
    """The board is busy so long with a search, beside or after what a mind thinks on it."""
    whole = thinking.busy * thinking.power + busy * power
    thinking.busy = max(thinking.busy, busy)
    thinking.power = whole / thinking.busy if thinking.busy > 0.0 else 0.0


@kernel
def _begin(sim, commands, choice, price, truth, b, n):
    """Search, and charge for it; the plan takes effect when the search is done."""
    own, thinking, round_s = sim.consulting, commands.thinking[b, n], sim.constants.round_s
    plan, now = own.state.plan[b, n], sim.state.clock[b].time
    stood = plan.stands
    mode, place = plan.mode, plan.place
    if not stood:
        mode, place = _standing(sim, sim.orders, commands.before, b, n)
    share = power_share(sim.state.body[b, n], sim.constants.craft[n], round_s)
    pace = price * own.params.pace[n] / max(1e-3, share)
    effort = _effort(choice)
    wait = pace * _usual_seconds(effort)
    end = sim.state.clock[b].start + own.params.horizon
    steps, assumed = own.state.steps[b, n], own.state.assumed[b, n]
    simulated, plan.bar = search(sim, own.scratch, effort, wait, end, truth, steps, assumed, b, n)
    plan.seconds = pace * simulated
    plan.joules = price * own.params.pace[n] * simulated * own.params.active[n]
    plan.power = own.params.watts[n] * share
    plan.consulted, plan.effort, plan.made, plan.until = choice, choice, now, now + STANDS_S[choice]
    plan.worth = 0.0
    for step in steps:
        plan.worth += step.worth if step.request != NONE else 0.0
    _next(sim, plan, steps, b, n)
    delay = thinking.delay
    if delay == 0.0:
        thinking.command, thinking.choice = mode, place
    after = delay + plan.seconds
    if after < round_s:
        thinking.delay, plan.stands, plan.remaining = after, True, 0.0
        _order(sim.orders, commands, plan, sim.state.opportunities[b, n], b, n)
        _draw_after(thinking, delay, plan.seconds, plan.power)
    else:
        plan.stands, plan.remaining = False, after - round_s
        if sim.orders is None:
            commands.mode[b, n], commands.place[b, n] = mode, place
        _draw_after(thinking, delay, round_s - delay, plan.power)


@kernel
def _draw_after(thinking, delay, busy, power):
    """The board searches for `busy` s after a mind has thought on it until `delay`."""
    whole = thinking.busy * thinking.power + busy * power
    thinking.busy = max(thinking.busy, delay) + busy
    thinking.power = whole / thinking.busy if thinking.busy > 0.0 else 0.0


@kernel
def _effort(choice):
    return EFFORTS[1] if choice == SHORT else EFFORTS[2]


@kernel
def _usual_seconds(effort):
    """Seconds of flight that a search simulates at most, from request to request."""
    return 2.0 * effort.width * effort.segments * SEGMENT_S


@kernel
def _standing(sim, orders, before, b, n):
    """(mode, place) of what the satellite did in the last round, as far as that can go on."""
    if orders is None:
        did = sim.state.activity[b, n]
        return _going_on(sim, np.int64(did.mode), np.int64(did.request), b, n)
    order = before[b, n]
    return _going_on(sim, np.int64(order.command), np.int64(order.request), b, n)


@kernel
def _going_on(sim, mode, request, b, n):
    if mode == OBSERVE:
        place = place_of(sim.state.opportunities[b, n], request) if request != NONE else NONE
        return (CHARGE, 0) if place == NONE else (OBSERVE, place)
    if mode == IDLE or (mode == DOWNLINK and _can_send(sim, b, n)):
        return mode, 0
    return CHARGE, 0


@kernel
def _can_send(sim, b, n):
    state, craft = sim.state, sim.constants.craft[n]
    if sim.orders is None:
        return can_transmit(state.outlook[b, n], state.store, craft, state.body[b, n], b, n)
    return can_send(state, sim.jobs, b, n) and not is_hot(state.body[b, n], craft)


@kernel
def _order(orders, commands, plan, opportunities, b, n):
    """Write what the plan says as the order of the round."""
    if orders is None:
        commands.mode[b, n], commands.place[b, n] = plan.mode, plan.place
        return
    order = orders[b, n]
    order.command, order.request = plan.mode, NONE
    if plan.mode == OBSERVE:
        order.request = opportunities[plan.place].request


@kernel
def _is_reflex(sim, plan, b, n):
    """Whether the plan says what a reflex does: send if it can, else image the first request shown, else
    charge in sunlight."""
    state = sim.state
    if _can_send(sim, b, n):
        return plan.mode == DOWNLINK
    able = can_shoot(state.store, sim.constants.craft[n], state.body[b, n], b, n)
    if able and state.opportunities[b, n, 0].request != NONE:
        return plan.mode == OBSERVE and plan.place == 0
    return plan.mode in (CHARGE, IDLE)


@kernel
def review(sim, which):
    """After a round: plans that no longer hold end, searches of boards that were reset are lost, and the
    others say what they want in the coming round."""
    for b in which:
        for n in range(sim.state.body.shape[1]):
            plan, steps = sim.consulting.state.plan[b, n], sim.consulting.state.steps[b, n]
            alive, searching = sim.state.body[b, n].alive, plan.remaining > 0.0
            if searching and (not alive or is_interrupted(sim.state, b, n)):
                plan.remaining, plan.void = 0.0, True
            if not plan.stands:
                continue
            if not alive or is_safe(sim.state, b, n) or not _holds(sim, plan, steps, b, n):
                plan.stands, plan.void = False, plan.void or sim.state.clock[b].time < plan.until
            else:
                _next(sim, plan, steps, b, n)


@kernel
def _holds(sim, plan, steps, b, n):
    """Whether what the plan assumed is still so."""
    now = sim.state.clock[b].time
    if now >= plan.until or _is_warned(sim.encounters, plan.made, now, b, n):
        return False
    if measured_energy(sim, b, n) < _assumed(sim, plan, now, b, n) - SLACK * sim.state.power[b, n].capacity:
        return False
    gone = left = 0.0
    for step in steps:
        if step.request == NONE:
            break
        if now >= step.leave:
            continue
        if _is_open(sim, step, now, b):
            left += step.worth
        elif sim.state.requests.book[b, step.request].captured_by != n:
            gone += step.worth
    return gone <= LOST_HALF * (gone + left)


@kernel
def _is_open(sim, step, now, b):
    """Whether the request of a step can still be imaged, as far as is known on board."""
    request = sim.state.requests.book[b, step.request]
    return request.status == OPEN and request.closed_until < step.leave


@kernel
def _is_warned(encounters, since, now, b, n):
    """Whether a warning came after `since`."""
    if encounters is None:
        return False
    for warning in encounters.warnings[b, n]:
        if warning.tca < np.inf and since < warning.issued <= now:
            return True
    return False


@kernel
def _assumed(sim, plan, now, b, n):
    """Battery (J) that the plan assumed for now."""
    assumed, place = sim.consulting.state.assumed[b, n], (now - plan.made) / SEGMENT_S
    first = min(int(place), MOST_SEGMENTS - 1)
    return assumed[first] + min(1.0, place - first) * (assumed[first + 1] - assumed[first])


@kernel
def _dip(sim, plan, now, b, n):
    """How far (J, of 0 or less) the battery will fall from now on while the plan stands, as it assumed."""
    assumed = sim.consulting.state.assumed[b, n]
    here, least = _assumed(sim, plan, now, b, n), 0.0
    for mark in range(assumed.shape[0]):
        if plan.made + mark * SEGMENT_S > now:
            least = min(least, assumed[mark] - here)
    return least


@kernel
def _wanted(sim, plan, steps, opportunity, b, n):
    """Worth of an opportunity that is in the plan, or above its bar, as it is known now; 0 of others."""
    now, j = sim.state.clock[b].time, opportunity.request
    worth = worth_of(sim.state.requests, b, j)
    worth *= 1.0 - cloud_chance(sim.state.requests, sim.constants, b, j, now, now + opportunity.capture)
    worth *= sim.consulting.params.assumptions.left**opportunity.earlier
    for step in steps:
        if step.request == NONE:
            break
        if step.request == j:
            return worth
    return worth if worth > plan.bar else 0.0


@kernel
def _next(sim, plan, steps, b, n):
    """What the plan says for the coming round: of the images that are due the first, else to send, else to
    charge; and what is left of it."""
    state, craft, now = sim.state, sim.constants.craft[n], sim.state.clock[b].time
    opportunities, round_s = state.opportunities[b, n], sim.constants.round_s
    shoots = can_shoot(state.store, craft, state.body[b, n], b, n)
    plan.left, plan.images = 0.0, 0
    image, ready, most = NONE, False, 0.0
    for step in steps:
        if step.request == NONE:
            break
        if now < step.leave and _is_open(sim, step, now, b):
            plan.left, plan.images = plan.left + step.worth, plan.images + 1
    for k in range(opportunities.shape[0]):
        j = opportunities[k].request
        if j == NONE or not shoots or not can_keep(state, craft, j, b, n):
            continue
        worth = _wanted(sim, plan, steps, opportunities[k], b, n)
        in_time = opportunities[k].capture + hold_of(state.requests, craft, b, j) <= round_s
        if worth > 0.0 and ((in_time and not ready) or (in_time == ready and worth > most)):
            image, ready, most = k, in_time, worth
    power = state.power[b, n]
    energy = measured_energy(sim, b, n)
    keep = (sim.constants.safety.below + sim.consulting.params.assumptions.keep) * power.capacity
    sends = energy > keep and _can_send(sim, b, n)
    plan.mode, plan.place = CHARGE, 0  # in shadow too: to turn to nadir and back would cost energy
    able = energy + _dip(sim, plan, now, b, n) > keep
    if able and image != NONE and (ready or not sends):
        plan.mode, plan.place = OBSERVE, image
    elif sends:
        plan.mode = DOWNLINK
