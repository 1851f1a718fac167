"""The loops of every decision problem: over worlds and satellites, from blocks to arrays.

Written once, for any list of blocks: their kernels are chained into one, which numba compiles as if it had
been written out.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.block import Moment
from sandbox.compiled import kernel
from sandbox.geometry import unit
from sandbox.jobs import DEFER
from sandbox.maneuvers import WAIT
from sandbox.orbits.ephemeris import sun_position
from sandbox.propulsion import OFF
from sandbox.state import CHARGE

HALF, ONE, TWO = np.float32(0.5), np.float32(1.0), np.float32(2.0)


class Buffers(NamedTuple):
    """Working memory of a problem: what blocks write of one satellite, small enough to stay in the cache."""

    raw: NDArray[np.float32]  # (B, R) everything that the blocks observe
    row: np.ndarray  # (B,) the same, its single features by name
    terms: NDArray[np.float32]  # (B, I)
    term: np.ndarray  # (B,) the same, by name
    illegal: NDArray[np.int32]  # (B, N) actions of the last round that were not legal
    there: NDArray[np.bool_]  # (B, N) who was alive at the last report
    terminated: NDArray[np.bool_]  # (B, N) whether the last satellite is lost
    truncated: NDArray[np.bool_]  # (B, N) whether the time is up


class Tables(NamedTuple):
    """How what the blocks wrote becomes an observation and a reward."""

    runs: NDArray[np.int64]  # (R, 3) stretches of `raw`: first place in the observation, in `raw`, length
    scale: NDArray[np.float32]  # (F,) 2 / (high - low)
    shift: NDArray[np.float32]  # (F,) of what is scaled
    rooted: NDArray[np.int64]  # places in the observation of what is mapped by its root
    rewards: NDArray[np.int64]  # terms that add up to the reward
    sizes: NDArray[np.int64]  # actions of each block
    illegal: int  # place of the term that counts illegal actions
    horizon: float
    rounds: int  # in an episode
    team: bool  # whether everyone is paid the mean of the fleet


class Outputs(NamedTuple):
    """What a step gives."""

    observation: NDArray[np.float32]  # (B, N, F) in [-1, 1]
    mask: NDArray[np.int8]  # (B, N, A)
    reward: NDArray[np.float32]  # (B, N)
    terms: NDArray[np.float32]  # (B, N, I)
    alive: NDArray[np.bool_]  # (B, N) who is there in the coming round
    decides: NDArray[np.bool_]  # (B, N) who has more than one legal action
    lost: NDArray[np.bool_]  # (B, N) who was alive at the last report, and is not now


class Control(NamedTuple):
    """What an action may change, and what it may refer to."""

    opportunities: np.ndarray  # (B, N, K) OPPORTUNITY
    orders: Any  # (B, N) ORDER: the standing orders, where the world has them
    commands: Any  # sandbox.commands.Commands


Places = tuple[tuple[int, Callable], ...]
"""Kernels of blocks with the places of the blocks."""


@kernel
def moment_of(state, constants, horizon, b):
    """The time in world b."""
    clock = state.clock[b]
    sun = sun_position(constants.ephemeris, clock.time)
    return Moment(clock.time, clock.start, horizon, constants.round_s, unit(sun[0], sun[1], sun[2]))


@cache
def reporting(observe: Places, allow: Places, score: Places) -> Callable:
    """The kernel that writes `Outputs`, for blocks with these kernels; whether some episode is over."""
    tell, permit, judge = _chain(observe), _chain_legal(allow), _chain(score)

    @kernel
    def report(sim, which, own, tables, buffers, outputs):
        any_over = False
        for b in which:
            moment = moment_of(sim.state, sim.constants, tables.horizon, b)
            for n in range(outputs.reward.shape[1]):
                raw, legal = buffers.raw[b], outputs.mask[b, n]
                for i in range(raw.shape[0]):
                    raw[i] = 0.0
                for a in range(legal.shape[0]):
                    legal[a] = 0
                tell(sim, own, moment, buffers.row[b], b, n)
                permit(sim, own, moment, legal, tables.sizes, b, n)
                _scale(raw, tables, outputs.observation[b, n])
            total = 0.0
            for n in range(outputs.reward.shape[1]):
                row = buffers.terms[b]
                for i in range(row.shape[0]):
                    row[i] = 0.0
                judge(sim, own, moment, buffers.term[b], b, n)
                row[tables.illegal] = buffers.illegal[b, n]
                reward = np.float32(0.0)
                for i in tables.rewards:
                    reward += row[i]
                outputs.reward[b, n] = reward
                total += reward
                for i in range(row.shape[0]):
                    outputs.terms[b, n, i] = row[i]
            if tables.team:
                for n in range(outputs.reward.shape[1]):
                    outputs.reward[b, n] = total / outputs.reward.shape[1]
            _mark_team(sim.state.body, buffers.there, outputs, b)
            any_over |= _mark_end(sim.state, tables.rounds, buffers, b)
        return any_over

    return report


@kernel
def _mark_team(body, there, outputs, b):
    """Write who of world b is alive, has a choice, was lost."""
    mask = outputs.mask
    for n in range(body.shape[1]):
        alive, legal = body[b, n].alive, 0
        for a in range(mask.shape[2]):
            legal += mask[b, n, a]
        outputs.alive[b, n], outputs.decides[b, n] = alive, legal > 1
        outputs.lost[b, n] = there[b, n] and not alive
        there[b, n] = alive


@kernel
def _mark_end(state, rounds, buffers, b):
    """Write the flags of a world whose last satellite is lost or whose time is up; whether it is."""
    lost, late = True, state.clock[b].round >= rounds
    for n in range(state.body.shape[1]):
        lost = lost and not state.body[b, n].alive
    for n in range(state.body.shape[1]):
        buffers.terminated[b, n], buffers.truncated[b, n] = lost, late
    return lost or late


@cache
def decoding(apply: tuple[Callable, ...]) -> Callable:
    """The kernel that turns actions (B, N) into commands, for blocks with these kernels, in order.

    An action that the mask (B, N, A) forbids is played as action 0, and counted. Where `anew`, what the
    commands and the count held before is forgotten.
    """
    order = _chain_apply(apply)

    @kernel
    def decode(opportunities, orders, own, sizes, commands, anew, actions, mask, illegal):
        control = Control(opportunities, orders, commands)
        for b in range(actions.shape[0]):
            for n in range(actions.shape[1]):
                action = actions[b, n]
                if anew:
                    _clear(commands, b, n)
                    illegal[b, n] = 0
                if mask[b, n, action] == 0:
                    illegal[b, n] += 1
                    action = 0
                order(control, own, sizes, action, b, n)

    return decode


@kernel
def _clear(commands, b, n):
    """The panel faces the Sun, jobs wait, nothing else happens."""
    commands.mode[b, n], commands.place[b, n], commands.queue[b, n] = CHARGE, 0, DEFER
    commands.burn[b, n], commands.late_burn[b, n], commands.reload[b, n] = WAIT, WAIT, 0
    commands.thrust[b, n] = OFF
    thinking = commands.thinking[b, n]
    thinking.delay, thinking.busy, thinking.power = 0.0, 0.0, 0.0


@kernel
def _scale(raw, tables, out):
    """Features in their units, as numbers in [-1, 1]. Stretch by stretch, since what lies side by side is
    scaled as vectors, and the words of orders are most of an observation."""
    for r in range(tables.runs.shape[0]):
        first, at, count = tables.runs[r, 0], tables.runs[r, 1], tables.runs[r, 2]
        told, scaled = raw[at : at + count], out[first : first + count]
        scale, shift = tables.scale[first : first + count], tables.shift[first : first + count]
        for i in range(count):
            scaled[i] = min(ONE, max(-ONE, told[i] * scale[i] + shift[i]))
    for i in tables.rooted:
        out[i] = TWO * np.sqrt(HALF * out[i] + HALF) - ONE


@kernel
def _nothing(sim, own, moment, row, b, n):
    pass


@kernel
def _none_legal(sim, own, moment, legal, sizes, b, n):
    pass


@kernel
def _no_order(control, own, sizes, action, b, n):
    pass


def _chain(kernels: Sequence[tuple[int, Callable]]) -> Callable:
    run = _nothing
    for place, first in reversed(kernels):
        run = _then(first, place, run)
    return run


def _then(first: Any, place: int, rest: Any) -> Callable:
    @kernel
    def run(sim, own, moment, row, b, n):
        first(sim, own[place], moment, row, b, n)
        rest(sim, own, moment, row, b, n)

    return run


def _chain_legal(kernels: Sequence[tuple[int, Callable]]) -> Callable:
    run = _none_legal
    for place, first in reversed(kernels):
        run = _then_legal(first, place, run)
    return run


def _then_legal(first: Any, place: int, rest: Any) -> Callable:
    @kernel
    def run(sim, own, moment, legal, sizes, b, n):
        size = sizes[0]
        first(sim, own[place], moment, legal[:size], b, n)
        rest(sim, own, moment, legal[size:], sizes[1:], b, n)

    return run


def _chain_apply(kernels: Sequence[Callable]) -> Callable:
    run = _no_order
    for place, first in reversed(list(enumerate(kernels))):
        run = _then_apply(first, place, run)
    return run


def _then_apply(first: Any, place: int, rest: Any) -> Callable:
    @kernel
    def run(control, own, sizes, action, b, n):
        size = sizes[0]
        if action < size:
            first(control, own[place], action, b, n)
        else:
            rest(control, own, sizes[1:], action - size, b, n)

    return run


@cache
def state_writer(world: tuple, satellite: tuple) -> Callable:
    """The kernel that writes the true states of worlds: pieces of the world, then of each satellite."""
    whole, each = _chain_pieces(world), _chain_pieces(satellite)

    @kernel
    def write(sim, which, params, horizon, size, first, out):
        for b in which:
            row, moment = out[b - first], moment_of(sim.state, sim.constants, horizon, b)
            at = row.shape[0] - size * sim.state.body.shape[1]
            whole(sim, params[0], moment, b, 0, row[:at])
            for n in range(sim.state.body.shape[1]):
                each(sim, params[1], moment, b, n, row[at : at + size])
                at += size
            for i in range(row.shape[0]):
                row[i] = min(np.float32(1.0), max(np.float32(-1.0), row[i]))

    return write


@kernel
def _no_piece(sim, params, moment, b, n, out):
    pass


def _chain_pieces(pieces: Sequence[Any]) -> Callable:
    run = _no_piece
    for place, piece in reversed(list(enumerate(pieces))):
        run = _then_piece(piece.tell, place, piece.size, run)
    return run


def _then_piece(first: Any, place: int, size: int, rest: Any) -> Callable:
    @kernel
    def run(sim, params, moment, b, n, out):
        first(sim, params[place], moment, b, n, out)
        rest(sim, params, moment, b, n, out[size:])

    return run
