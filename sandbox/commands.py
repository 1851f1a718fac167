"""What satellites are told to do in a round, and what they are about to do: commands become tasks.

Where standing orders are a part of the world, they say what a satellite points at and what becomes of its
jobs; else the commands do.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.checks import as_array, bounded_numbers, first_outside, whole_numbers
from sandbox.compiled import kernel
from sandbox.errors import SandboxError
from sandbox.errors import shown as _shown
from sandbox.jobs import DECISIONS, DEFER
from sandbox.maneuvers import RETURN, WAIT
from sandbox.orders import flown, turn_to_sun
from sandbox.propulsion import THRUSTS
from sandbox.safety import is_interrupted, is_safe
from sandbox.state import CHARGE, DOWNLINK, MODE_NAMES, THINKING

_INT32 = np.dtype(np.int32)


class Commands(NamedTuple):
    """What each of (B, N) satellites is told to do in a round. Whole numbers are int32."""

    mode: NDArray[np.int32]  # number in `state.MODE_NAMES`; without meaning where there are standing orders
    place: NDArray[np.int32]  # to observe: in the list of opportunities; likewise
    queue: NDArray[np.int32]  # what becomes of the inbox, number in `jobs.DECISIONS`; likewise
    burn: NDArray[np.int32]  # at the beginning of the round, number in `maneuvers`
    late_burn: NDArray[np.int32]  # at its end; from the end of its thinking on a satellite is aligned
    reload: NDArray[np.int32]  # 1 where the weights are to be loaded anew
    thrust: NDArray[np.int32]  # number in `propulsion.THRUSTS`
    thinking: NDArray[np.void]  # THINKING
    before: NDArray[np.void] | None  # ORDER that stands until the thinking is done; None without orders
    content: NDArray[np.uint8]  # (B, N, L) of a message to all neighbours; by default that of the outbox
    length: NDArray[np.int32]  # its bytes, 0 for none


def blank_commands(team: tuple[int, int], longest: int, orders: NDArray[np.void] | None) -> Commands:
    """Commands to face the Sun and to let jobs wait, without burns, thought and messages."""
    return Commands(
        mode=np.full(team, CHARGE, np.int32),
        place=np.zeros(team, np.int32),
        queue=np.full(team, DEFER, np.int32),
        burn=np.full(team, WAIT, np.int32),
        late_burn=np.full(team, WAIT, np.int32),
        reload=np.zeros(team, np.int32),
        thrust=np.zeros(team, np.int32),
        thinking=np.zeros(team, THINKING),
        before=orders,
        content=np.zeros((*team, longest), np.uint8),
        length=np.zeros(team, np.int32),
    )


_COUNTS = {
    "mode": len(MODE_NAMES),
    "queue": len(DECISIONS),
    "burn": RETURN + 1,
    "late_burn": RETURN + 1,
    "reload": 2,
    "thrust": len(THRUSTS),
}


def checked(given: Commands, blank: Commands, shown: int, round_s: float, spare: NDArray) -> Commands:
    """`given` in the form that kernels take. Raises SandboxError for what they cannot take.

    `blank` are commands of the right sizes, `spare` (N,) what of the load can be saved, W.
    """
    fixed: dict[str, Any] = {}
    for name in ("mode", "place", "queue", "burn", "late_burn", "reload", "thrust"):
        array = getattr(given, name)
        if array is not getattr(blank, name):
            fixed[name] = _numbers(name, array, blank.mode.shape, _COUNTS.get(name, shown) - 1)
    if given.thinking is not blank.thinking:
        fixed["thinking"] = _thinking(given.thinking, blank.mode.shape, round_s, spare)
    if given.before is not blank.before:
        fixed["before"] = _before(given.before, blank.before)
    if given.content is not blank.content or given.length is not blank.length:
        fixed["content"], fixed["length"] = _letters(given, blank)
    return given._replace(**fixed) if fixed else given


def _numbers(name: str, values: Any, team: tuple[int, int], last: int) -> NDArray[np.int32]:
    """`values` as kernels take them; a mode or a place beyond its range is flown as IDLE."""
    fits = isinstance(values, np.ndarray) and values.dtype is _INT32 and values.shape == team
    free = name in ("mode", "place")
    if fits and values.flags.carray and (free or first_outside(values, 0, last) < 0):
        return values
    return (bounded_numbers if free else whole_numbers)(name, values, team, last)


def _thinking(thinking: Any, team: tuple[int, ...], round_s: float, spare: NDArray) -> NDArray[np.void]:
    if getattr(thinking, "dtype", None) != THINKING or thinking.shape != team:
        raise SandboxError(
            f"thinking must be records of dtype state.THINKING and shape {team}, not {_shown(thinking)}."
        )
    for name in ("delay", "busy"):
        if not ((thinking[name] >= 0.0) & (thinking[name] <= round_s)).all():
            raise SandboxError(f"thinking: {name} must be finite, at least 0 and at most {round_s:g}.")
    if not (np.isfinite(thinking["power"]) & (thinking["power"] >= -spare)).all():
        raise SandboxError("thinking: power must be finite, and save no more than the standing load.")
    return np.ascontiguousarray(thinking)


def _before(before: Any, orders: NDArray[np.void] | None) -> NDArray[np.void]:
    if orders is None:
        raise SandboxError("before: this world has no standing orders; make it with the part orders.")
    if getattr(before, "dtype", None) != orders.dtype or before.shape != orders.shape:
        raise SandboxError(
            f"before must be records of dtype orders.ORDER and shape {orders.shape}, not {_shown(before)}."
        )
    return np.require(before, None, ["C", "A", "W"])


def _letters(given: Commands, blank: Commands) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    for name in ("content", "length"):
        array, like = as_array(name, getattr(given, name)), getattr(blank, name)
        if array.shape != like.shape or array.dtype != like.dtype:
            raise SandboxError(f"{name} must be {like.dtype} {like.shape}, not {array.dtype} {array.shape}.")
    content, length = given.content, given.length
    if length.size and not 0 <= length.min() <= length.max() <= content.shape[-1]:
        raise SandboxError(f"length: a message is not of 0 to {content.shape[-1]} bytes.")
    return np.require(content, None, ["C", "A", "W"]), np.require(length, None, ["C", "A", "W"])


@kernel
def assign_tasks(state, scratch, orders, commands, b):
    """Write what the satellites of world b are about to do. A thought that was interrupted is lost."""
    for n in range(state.body.shape[1]):
        task, thinking = scratch.task[b, n], commands.thinking[b, n]
        safe = is_safe(state, b, n)
        lost = is_interrupted(state, b, n) and thinking.busy > 0.0
        task.early = WAIT if safe else commands.burn[b, n]
        task.late = WAIT if safe or lost else commands.late_burn[b, n]
        task.delay = 0.0 if lost else thinking.delay
        task.busy = 0.0 if lost else thinking.busy
        task.power = thinking.power
        task.silent = safe or lost
        _follow_commands(task, thinking, commands, safe, lost, b, n)
        _follow_orders(state, task, commands.before, orders, safe, lost, b, n)
        task.sends = task.mode == DOWNLINK or (task.delay > 0.0 and task.first_mode == DOWNLINK)


@kernel
def _follow_commands(task, thinking, commands, safe, lost, b, n):
    """In safe mode the panel faces the Sun and jobs wait; so they do where the thought about them is lost."""
    task.mode, task.place = commands.mode[b, n], commands.place[b, n]
    task.first_mode, task.first_place = thinking.command, thinking.choice
    if lost:
        task.mode, task.place = thinking.command, thinking.choice
    if safe:
        task.mode = task.first_mode = CHARGE
    task.queue = DEFER if safe or lost else commands.queue[b, n]
    task.decides = task.delay


@kernel
def _follow_orders(state, task, before, orders, safe, lost, b, n):
    """The same under standing orders: those `before` stand on where the thought about others is lost."""
    if orders is None:
        return
    order, old, opportunities = orders[b, n], before[b, n], state.opportunities[b, n]
    if safe:
        turn_to_sun(order)
    if lost:
        order.command, order.request, order.queue = old.command, old.request, old.queue
    early = task.early != WAIT
    task.mode, task.place = flown(opportunities, order, early or task.late != WAIT, safe)
    task.first_mode, task.first_place = flown(opportunities, old, early, safe)
    task.queue = DEFER if safe else order.queue
    task.decides = task.delay if old.queue != order.queue else 0.0
