"""Thought is charged: a decision takes the seconds and joules that its tokens cost on the satellite's board.

    batch = deliberating(tasking_v0.batch_env("scs01"))
    observation, info = batch.reset(0)
    batch.step(actions, Thought(prompt_tokens, output_tokens))

A satellite that spends tokens on a decision keeps to its standing order until the thinking is done; then the
decision takes effect, in the middle of a round if need be, or some rounds later. What was decided is matched
by what it refers to (the request, not its place in a list that has changed since); a decision that is no
longer possible is late and played as the no-op. A mind on corrupted weights decides, but what its board
gives out is a legal action at random. `replaced` tells of every decision that was not carried out. While it
thinks, a satellite cannot think of anything else. The thought under way is part of the world's state
(`state.minds`), so that a snapshot of the world holds it.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.batch import BatchEnv, Info, Observation, Out
from envs.problem import Deliberated, Problem
from envs.replaced import (
    BUSY,
    CORRUPTED_WEIGHTS,
    DOWN,
    GONE,
    NOT_LEGAL,
    RESET,
    TOO_HOT,
    UNKNOWN,
    Replaced,
    illegal_in,
    replacements,
)
from sandbox.checks import as_array
from sandbox.errors import SandboxError, shown
from sandbox.onboard import Onboard, ThoughtCost
from sandbox.state import THINKING

__all__ = ["Aside", "DeliberatingBatch", "Priced", "Thought", "deliberating", "who_thinks"]

HOLD = -1
"""In the place of an action: the standing order stands."""
NOTHING = -1
THOUGHT_TERMS = ("thought_s", "thought_j", "prompt_tokens", "output_tokens", "thinking", "late", "too_hot")
"""Reported each round after the problem's own terms. Of the thought that began in the round: its seconds, the
joules of its board and its tokens; `thinking`: it goes on; `late`: a decision came too late to be carried
out, or was lost because the boards were reset or down; `too_hot`: the board was, and nothing was thought."""
MOST_TOKENS = 2**53
"""From here on a float does not count singly."""


class Aside(NamedTuple):
    """What was thought in a round beside the decisions, whole numbers (B, N): tokens that were read and
    written, after so many that lay in the cache of the board (`cached`)."""

    read: NDArray[np.int64]
    written: NDArray[np.int64]
    cached: NDArray[np.int64]


class Thought(NamedTuple):
    """What the minds spent on their decisions of one round, arrays (B, N).

    Where both counts are 0 the decision was free and takes effect at once. `meanwhile` is what a satellite
    does until its decision takes effect, an action or HOLD (the default). `models` names the model that
    thought, None for the spacecraft's own.

    `aside` is what the same boards compute once the decision has taken effect, with nobody waiting for it:
    the rest of the round has to suffice. It is charged in this round, and delays nothing.
    """

    prompt_tokens: NDArray[np.int64]
    output_tokens: NDArray[np.int64]
    meanwhile: NDArray[np.int64] | None = None
    models: NDArray[np.object_] | None = None
    aside: Aside | None = None


class Priced(NamedTuple):
    """The thoughts of a round, arrays (B, N)."""

    starts: NDArray[np.bool_]
    """Whose thought begins."""
    prompt: NDArray[np.int64]
    output: NDArray[np.int64]
    cost: ThoughtCost
    in_vain: NDArray[np.bool_]
    """Whose boards are down."""
    too_hot: NDArray[np.bool_]
    instead: NDArray[np.bool_]
    """Who does what `meanwhile` says in this round."""
    meanwhile: NDArray[np.int64]


class _Beside(NamedTuple):
    """What is thought in a round beside the decisions, arrays (B, N)."""

    seconds: NDArray[np.float64]
    joules: NDArray[np.float64]
    read: NDArray[np.int64]
    written: NDArray[np.int64]
    watts: NDArray[np.float64]


class DeliberatingBatch(BatchEnv):
    """A batch face whose decisions may have been thought about; without a `Thought` it is as any other.

    `info["thinking"]` (B, N) says who is still thinking: its action should be HOLD or a fast controller's,
    and tokens that it spends all the same are neither charged nor read. `info["board_share"]` (B, N) is the
    share of its full speed at which a board would run now, 0 where it is down or too hot, 1 where there is
    none and thought is free. `onboard` prices the tokens; `replaced` tells what of the last round was not
    carried out as decided.
    """

    lowest_action = HOLD

    def __init__(self, problem: Problem, *, autoreset: bool = True) -> None:
        super().__init__(problem, autoreset=autoreset)
        world = problem.world
        self.terms = (*problem.terms, *THOUGHT_TERMS)
        self.onboard = Onboard(world.scenario, world.fleet)
        self._round_s = world.scenario.round_s
        self._spent = np.zeros((*self._team, len(THOUGHT_TERMS)), np.float32)
        self.replaced: list[Replaced] = []
        self._decided = np.full((2, *self._team), UNKNOWN, np.int64)  # identities pending, and their actions

    def step(
        self, actions: ArrayLike, thought: Thought | None = None, *, out: Out = None
    ) -> tuple[Observation, NDArray, NDArray, NDArray, Info]:
        """Play one round. `actions` (B, N) are actions or HOLD; `thought` is what was spent on them."""
        out = self._checked_out(out)
        mask = self.legal()
        orders = self._whole(actions)
        identities, times = self.problem.identities(), self._times()
        self.replaced = []
        fast, aside = self._think(orders, thought, identities, mask)
        minds = self.world.state.minds
        standing = matching(minds["standing"], identities, mask)
        first = np.where(fast == HOLD, np.where(standing == NOTHING, 0, standing), fast)
        due = (minds["pending"] != NOTHING) & (minds["remaining"] < self._round_s)
        matched = matching(minds["pending"], identities, mask)
        late = due & (matched == NOTHING)
        pending, label = minds["pending"].copy(), self._label()
        last = np.where(due, np.where(late, 0, matched), first)
        timing = np.zeros(self._team, THINKING)
        timing["delay"] = np.where(due, minds["remaining"], 0.0)
        timing["busy"] = np.minimum(minds["remaining"], self._round_s)
        timing["power"] = minds["power"]
        waits = timing["busy"] > 0.0
        if aside is not None:
            timing["busy"] = np.minimum(timing["busy"] + aside.seconds, self._round_s)
            timing["power"] = np.where(aside.seconds > 0.0, aside.watts, timing["power"])
        if not self.problem.orders_stand:
            goes_on = (_taken(mask, last) == 1) & self.problem.stands[last]
            minds["standing"] = np.where(goes_on, _taken(identities, last), 0)
        minds["pending"][due] = NOTHING
        minds["remaining"] = np.maximum(minds["remaining"] - self._round_s, 0.0)
        minds["power"][minds["remaining"] == 0.0] = 0.0
        self.problem.advance(last.astype(np.int32), mask, Deliberated(first.astype(np.int32), timing))
        lost = self._interrupt(waits)
        when = times + np.where(lost, 0.0, timing["delay"])  # boards are reset as the round begins
        self._note_late(late, lost, pending, label, when)
        self._spent[..., _LATE] += (late | lost) + self.world.state.activity["late"]
        return self._finish(out)

    def _times(self) -> NDArray[np.float64]:
        """The time (B, N), s, of every satellite's world."""
        return np.broadcast_to(self.world.state.clock["time"][:, None], self._team).copy()

    def _label(self) -> NDArray[np.int64]:
        """The pending decisions (B, N) by the actions that they were, or UNKNOWN."""
        return np.where(self._decided[0] == self.world.state.minds["pending"], self._decided[1], UNKNOWN)

    def _interrupt(self, thought: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Thoughts end with the satellite, and with a reset of its boards as the round began; whose decision
        that lost, of those who `thought` in it."""
        reset = self.problem.interrupted()
        lost = thought & reset
        minds, ended = self.world.state.minds, ~self.world.state.body["alive"] | reset
        minds["pending"][ended] = NOTHING
        minds["remaining"][ended] = minds["power"][ended] = 0.0
        return lost

    def _note_illegal(self, fast: NDArray, mask: NDArray) -> None:
        """Note whose action, which took no thought, is played as the no-op."""
        self.replaced += illegal_in(fast, mask, self.world.state.body["alive"], self._times())

    def _note_unheard(self, orders: NDArray, priced: Priced) -> None:
        """Note whose decision no thought brings about."""
        done, hot, down = priced.meanwhile, priced.too_hot, priced.in_vain
        unheard = priced.instead & ~priced.starts & self.world.state.body["alive"]
        unheard &= (orders != HOLD) & (orders != done)
        for which, why in ((down, DOWN), (hot, TOO_HOT), (~down & ~hot, BUSY)):
            self.replaced += replacements(unheard & which, self._times(), orders, done, why, late=why == DOWN)

    def _note_late(
        self, late: NDArray, lost: NDArray, pending: NDArray, label: NDArray, when: NDArray
    ) -> None:
        """Note the decisions, those `pending` under their `label`, that came too `late` or were `lost`."""
        never, noop = pending == _IMPOSSIBLE, np.zeros(self._team, np.int64)
        for which, done, why in (
            (late & ~lost & ~never, noop, GONE),
            (late & ~lost & never, noop, NOT_LEGAL),
            (lost, noop + HOLD, RESET),
        ):
            self.replaced += replacements(which, when, label, done, why, late=True)

    def _think(
        self, orders: NDArray, thought: Thought | None, identities: NDArray, mask: NDArray
    ) -> tuple[NDArray[np.int64], "_Beside | None"]:
        """Begin the thoughts of the round, and charge them. The actions, or HOLD, that need no thought, and
        what is thought aside."""
        fast, minds = orders.astype(np.int64), self.world.state.minds
        if thought is None:
            self._spent[...] = 0.0
            self._note_illegal(fast, mask)
            return fast, None
        price = self.priced(orders, thought)
        starts, prompt, output, cost, in_vain, too_hot, instead, meanwhile = price
        self._note_unheard(fast, price)
        self._note_illegal(np.where(instead, HOLD, fast), mask)
        aside = self._aside(thought, price)
        named = np.maximum(orders, 0)
        corrupted = self.problem.corrupted_actions(mask)
        if corrupted is not None:
            garbled = starts & (corrupted >= 0) & (corrupted != named)
            self.replaced += replacements(garbled, self._times(), named, corrupted, CORRUPTED_WEIGHTS)
            named = np.where(corrupted >= 0, corrupted, named)
        chosen = np.where(_taken(mask, named) == 1, _taken(identities, named), _IMPOSSIBLE)
        for name, value in (("pending", chosen), ("remaining", cost.seconds), ("power", cost.watts)):
            minds[name] = np.where(starts, value, minds[name])
        self._decided = np.where(starts, np.stack((chosen, named)), self._decided)
        self._spent[...] = 0.0
        paid = (cost.seconds, cost.joules, prompt, output)
        self._spent[..., : len(paid)] = np.where(starts[..., None], np.stack(paid, -1), 0.0)
        self._spent[..., _TOO_HOT], self._spent[..., _LATE] = too_hot, in_vain
        if aside is not None:
            self._spent[..., : len(paid)] += np.stack(aside[: len(paid)], -1)
        return np.where(instead, meanwhile, fast), aside

    def _aside(self, thought: Thought, price: "Priced") -> "_Beside | None":
        """What is thought beside the decisions costs; nothing is thought on boards that are down or too hot.

        Raises SandboxError where the round is too short.
        """
        aside = getattr(thought, "aside", None)
        if aside is None:
            return None
        read, written, cached = (
            self._count(f"aside: {name}", getattr(aside, name, None)) for name in Aside._fields
        )
        minds, share = self.world.state.minds, self._share()
        able = (share > 0.0) & self.world.state.body["alive"]
        read, written = np.where(able, read, 0), np.where(able, written, 0)
        cost = self.onboard.cost(cached + read, written, np.where(able, share, 1.0), None, cached)
        seconds = np.where((read > 0) | (written > 0), cost.seconds, 0.0)
        taken = np.where(price.starts, price.cost.seconds, minds["remaining"])
        left = np.maximum(self._round_s - taken, 0.0)
        b, n = np.unravel_index(int((seconds - left).argmax()), left.shape)
        if seconds[b, n] > left[b, n] * (1.0 + _ROUNDING):
            raise SandboxError(
                f"thought: aside takes satellite {n} {seconds[b, n]:.4g} s of its board, which has "
                f"{left[b, n]:.4g} s left in the round; give fewer tokens."
            )
        joules = np.where(seconds > 0.0, cost.joules, 0.0)
        return _Beside(seconds, joules, read, written, np.where(seconds > 0.0, cost.watts, 0.0))

    def _share(self) -> NDArray[np.float64]:
        """`info["board_share"]` (B, N)."""
        if not self.world.ready:
            return np.zeros(self._team)
        share = self.onboard.shares(self.world.state.body)
        return np.where(self.onboard.has_board, np.where(self.problem.boards_down(), 0.0, share), 1.0)

    def priced(self, orders: NDArray, thought: Thought) -> "Priced":
        """What the thoughts of a round under `orders` (B, N) would cost; it begins none.

        Raises SandboxError for a wrong thought: of another shape, below 0, beyond the context of the model.
        """
        prompt, output, meanwhile, models = self._checked(thought)
        spends = (prompt > 0) | (output > 0)
        busy, body = self.world.state.minds["pending"] != NOTHING, self.world.state.body
        starts = spends & ~busy & (orders != HOLD) & body["alive"]
        down = self.problem.boards_down()
        in_vain = starts & down
        starts &= ~in_vain
        prompt, output = np.where(starts, prompt, 0), np.where(starts, output, 0)
        cost = self.onboard.cost(prompt, output, self.onboard.shares(body), models)
        too_hot = np.isinf(cost.seconds)
        instead = starts | in_vain | (busy & spends)
        return Priced(starts & ~too_hot, prompt, output, cost, in_vain, too_hot, instead, meanwhile)

    def _checked(self, thought: Thought) -> tuple[NDArray, NDArray, NDArray, NDArray | None]:
        """The fields of `thought` as arrays (B, N)."""
        if not all(hasattr(thought, name) for name in Thought._fields if name != "aside"):
            raise SandboxError(f"thought is {shown(thought)}; give a Thought.")
        counts = []
        for name in ("prompt_tokens", "output_tokens"):
            counts.append(self._count(name, getattr(thought, name)))
        meanwhile: Any = np.full(self._team, HOLD) if thought.meanwhile is None else thought.meanwhile
        models = None if thought.models is None else as_array("thought: models", thought.models)
        if models is not None and models.shape != self._team:
            raise SandboxError(f"thought: models have shape {models.shape}; give {self._team}.")
        for named in () if models is None else models.flat:
            if not (named is None or isinstance(named, str)):
                raise SandboxError(f"thought: a model is {shown(named)}; give its name, or None.")
        return counts[0], counts[1], self._whole(meanwhile).astype(np.int64), models

    def _count(self, name: str, given: Any) -> NDArray:
        """Tokens as an array (B, N)."""
        count = as_array(f"thought: {name}", given)
        whole = count.dtype.kind in "iu" and count.shape == self._team
        if not whole or (count < 0).any() or (count >= MOST_TOKENS).any():
            raise SandboxError(
                f"thought: {name} must be whole numbers of at least 0 and below 2^53, shape {self._team}."
            )
        return count

    def _report(self, out: Out = None) -> tuple[Observation, NDArray[np.float32], Info]:
        own = None if out is None else {name: array for name, array in out.items() if name != "terms"}
        observation, reward, info = super()._report(own)
        thinking = self.world.state.minds["pending"] != NOTHING
        self._spent[..., _THINKING] = info["thinking"] = thinking
        info["board_share"] = self._share()
        terms = None if out is None else out.get("terms")
        info["terms"] = np.concatenate((info["terms"], self._spent), axis=-1, out=terms)
        return observation, reward, info

    def _begin(self, seed: int | ArrayLike | None, worlds: ArrayLike | None) -> None:
        super()._begin(seed, worlds)
        self._spent[slice(None) if worlds is None else np.asarray(worlds, np.int64)] = 0.0


_IMPOSSIBLE = -2
"""Identity of a decision that was never legal: it is late whenever it comes."""
_ROUNDING = 1e-9
"""Share by which sums of seconds may be off."""
_THINKING, _LATE, _TOO_HOT = (THOUGHT_TERMS.index(name) for name in ("thinking", "late", "too_hot"))


def who_thinks(infos: Any) -> NDArray[np.bool_] | None:
    """Who is still thinking (B, N), from the infos of any face; None where thought is not charged."""
    if "thinking" in infos:
        return np.asarray(infos["thinking"])
    known = [info for info in infos.values() if isinstance(info, dict)]
    if not (known and "thinking" in known[0]):
        return None
    return np.array([[info["thinking"] for info in known]], np.bool_)


def deliberating(batch: BatchEnv) -> DeliberatingBatch:
    """The same problem over the same world, with thought charged.

    Raises SandboxError for a batch with rewards of its own making (`envs.difference`).
    """
    if hasattr(batch, "without"):
        raise SandboxError(
            "difference_reward does not go with charged thought, nor with words, where it is charged; "
            "leave it out."
        )
    return DeliberatingBatch(batch.problem, autoreset=batch.autoreset)


def _taken(of_actions: NDArray, actions: NDArray) -> NDArray:
    """The entry of each action (B, N) in arrays (B, N, A)."""
    return np.take_along_axis(of_actions, actions[..., None], -1)[..., 0]


def matching(wanted: NDArray, identities: NDArray, mask: NDArray) -> NDArray[np.int64]:
    """The legal action (B, N) whose identity is the `wanted` one (B, N), or NOTHING."""
    same = (identities == wanted[..., None]) & (mask == 1)
    return np.where(same.any(-1), same.argmax(-1), NOTHING)
