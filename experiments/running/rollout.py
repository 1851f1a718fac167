"""A policy plays an episode in every world of a batch, while others look on: the only loop that steps one."""

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import Policy
from agents.qwen.decisions import Decision, Request
from envs.batch import BatchEnv, Info
from envs.deliberation import DeliberatingBatch, Thought
from envs.replaced import Replaced, illegal_in
from experiments.running.progress import Line, bar, is_open

AWHILE_S = 1.0
"""From when on the rounds of an episode are shown, where there is a display."""


@dataclass(frozen=True)
class Round:
    """A round that was played: actions and rewards (B, N), masks (B, N, A) and terms (B, N, I).

    `decisions` holds what a mind was asked and what it answered, by world and satellite; `policy` decided,
    but for those `by_hand`. `replaced` tells what was not carried out as decided.
    """

    actions: NDArray
    mask: NDArray
    reward: NDArray
    terms: NDArray
    decisions: Mapping[tuple[int, int], tuple[Request, Decision]]
    policy: Policy | None = None
    by_hand: Collection[tuple[int, int]] = ()
    replaced: Sequence[Replaced] = ()


@dataclass
class Turn:
    """A round that is about to be played; what is put in place of `actions` and `thought` is played.

    `messages` (B, N, M) go out with it.

    Where that is a person's decision the world and the satellite stand in `by_hand`.
    """

    observation: NDArray
    info: Mapping[str, Any]
    actions: NDArray
    thought: Thought | None
    by_hand: Collection[tuple[int, int]] = ()
    messages: NDArray | None = None


class Watcher:
    """Looks on while an episode is played; override what is of interest."""

    def start(self, env: BatchEnv) -> None:
        """The episode has begun."""

    def before(self, env: BatchEnv) -> None:
        """A round is about to be played."""

    def decided(self, env: BatchEnv, turn: Turn) -> bool | None:
        """The policy has decided. True ends the episode here."""

    def after(self, env: BatchEnv, played: Round) -> None:
        """A round was played."""

    def close(self) -> None:
        """The episode is over, or was cut short, perhaps before it began."""


class Rounds(Watcher):
    """A line of the display with the rounds that are played, once that takes a while."""

    def __init__(self) -> None:
        self._began, self._done, self._shown = time.monotonic(), 0, ExitStack()
        self._line: Line | None = None

    def after(self, env: BatchEnv, played: Round) -> None:
        self._done += 1
        if self._line is None and time.monotonic() - self._began > AWHILE_S:
            self._line = self._shown.enter_context(bar("  rounds", env.max_cycles))
        if self._line is not None:
            self._line.to(self._done)

    def close(self) -> None:
        self._shown.close()


@dataclass
class Speed:
    """Seconds that deciding and stepping took, without the first round, in which the kernels load."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    decisions: int = 0

    def per_wall_s(self) -> float:
        return self.decisions / self.wall_s if self.wall_s else 0.0

    def per_cpu_s(self) -> float:
        return self.decisions / self.cpu_s if self.cpu_s else 0.0


def play(env: BatchEnv, policy: Policy, seed: int, watchers: Sequence[Watcher] = ()) -> Speed:
    """Play one episode in every world, world b with seed + b; tell the `watchers` of it, and close them.

    `env` is one without autoreset. A world without a satellite left goes on until every world has ended.
    Where a command shows how far it is, the rounds of an episode that takes over a second are a line of it.
    """
    if is_open():
        watchers = [*watchers, Rounds()]
    try:
        speed = _play(env, policy, seed, watchers)
    except BaseException:
        for watcher in watchers:
            with suppress(Exception):  # what went wrong first is what is told
                watcher.close()
        raise
    with ExitStack() as closing:
        for watcher in reversed(watchers):
            closing.callback(watcher.close)
    return speed


def decide(policy: Policy, observation: NDArray, info: Mapping[str, Any]) -> Turn:
    """The round that `policy` would play."""
    actions = policy.act(observation, info)
    return Turn(observation, info, actions, policy.thought, messages=policy.messages)


def advance(env: BatchEnv, policy: Policy, turn: Turn) -> tuple[Round, NDArray, Info, NDArray[np.bool_]]:
    """Play `turn`, its thought charged if `env` charges any: the round, what is seen after it, and whose
    episode (B, N) is over."""
    mask, by_hand = turn.info["action_mask"], tuple(turn.by_hand)
    with env.problem.mail.saying():
        if turn.messages is not None:
            env.problem.mail.say(turn.messages)
        if isinstance(env, DeliberatingBatch):
            observation, reward, terminated, truncated, info = env.step(turn.actions, turn.thought)
            replaced = env.replaced
        else:
            state = env.world.state
            times = np.broadcast_to(state.clock["time"][:, None], turn.actions.shape)
            replaced = illegal_in(turn.actions, mask, state.body["alive"], times)
            observation, reward, terminated, truncated, info = env.step(turn.actions)
    said = policy.decisions
    played = Round(turn.actions, mask, reward, info["terms"], said, policy, by_hand, tuple(replaced))
    return played, observation, info, terminated | truncated


def without(thought: Thought | None, by_hand: Collection[tuple[int, int]]) -> Thought | None:
    """What was spent, but for those whose decision a person took: that is free."""
    if thought is None or not by_hand:
        return thought
    prompt, output = thought.prompt_tokens.copy(), thought.output_tokens.copy()
    for place in by_hand:
        prompt[place] = output[place] = 0
    return thought._replace(prompt_tokens=prompt, output_tokens=output)


def _play(env: BatchEnv, policy: Policy, seed: int, watchers: Sequence[Watcher]) -> Speed:
    observation, info = env.reset(seed)
    policy.reset(seed)
    for watcher in watchers:
        watcher.start(env)
    speed, ended, first = Speed(), False, True
    while not ended:
        for watcher in watchers:
            watcher.before(env)
        wall, cpu = time.perf_counter(), time.process_time()
        turn = decide(policy, observation, info)
        ends = [watcher.decided(env, turn) for watcher in watchers]
        if any(ends):
            break
        played, observation, info, over = advance(env, policy, turn)
        if not first:
            speed.wall_s += time.perf_counter() - wall
            speed.cpu_s += time.process_time() - cpu
            speed.decisions += played.reward.size
        first = False
        for watcher in watchers:
            watcher.after(env, played)
        ended = bool(over.all())
    return speed
