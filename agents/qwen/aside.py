"""Thinking beside deciding: a slow thought goes on over rounds, and fast decisions read what there is of it.

After AgileThinker (Wen et al., "Real-Time Reasoning Agents in Evolving Environments", arXiv 2511.04898, ICLR
2026): a reactive stream acts in every round, in time, and sees the unfinished thoughts of a planning stream;
where that has ended, it begins anew from what is seen then. There both streams run at once. Here they share
the one board of a satellite: first the decision, which needs a pass, then the thought for what is left of the
round. While a decision takes longer than its round, the thought waits.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.qwen.decisions import Decision, Engine, Request, Stream
from envs.deliberation import Aside

SHOWN_TOKENS = 256
"""Of a thought that a decision reads, the last ones."""
FREE_TOKENS = 64
"""Written in a round where nobody charges for them."""
LONGEST = 8192
"""Tokens of a thought without a budget: then it begins anew."""
SPARE = 1e-6
"""Share of a round that is left over, for sums that are rounded."""


class Streams:
    """The slow thoughts of the fleet of `env`, any face, that `engine` thinks."""

    def __init__(self, env: Any, engine: Engine) -> None:
        budget = engine.thinking.budget
        self._engine, self._budget = engine, LONGEST if math.isinf(budget) else int(budget)
        self._round_s = float(env.problem.mission.round_s)
        self._onboard = getattr(getattr(env, "batch", env), "onboard", None)
        if self._onboard is not None:  # beyond its context a model cannot think: better said now
            self._onboard.cost(0, self._budget, np.ones((1, len(self._onboard.has_board))))
        self.reset()

    def reset(self) -> None:
        """Forget all thoughts."""
        self._under_way: dict[tuple[int, int], Stream] = {}
        self._shown: dict[tuple[int, int], Stream] = {}
        self._told: dict[tuple[int, int], tuple[int, int]] = {}

    def forget(self, worlds: NDArray[np.bool_]) -> None:
        """Forget the thoughts of worlds (B,) that begin anew."""
        for kept in (self._under_way, self._shown, self._told):
            for place in [place for place in kept if worlds[place[0]]]:
                kept.pop(place)

    def quoted(self, place: tuple[int, int], now: int) -> str:
        """What a decision of round `now` reads of the thought about a satellite; empty without one."""
        stream = self._shown.get(place)
        if stream is None:
            return ""
        text = self._engine.shortened(stream.text, SHOWN_TOKENS)
        seconds = (now - stream.began) * self._round_s
        heading = stream.request.reporter.said(f"Thoughts so far, from a report {seconds:g} s ago")
        return "\n".join(
            [f"{heading}:", *(f"> {line.strip()}" for line in text.splitlines() if line.strip())]
        )

    def news(self, place: tuple[int, int]) -> str:
        """What was thought since this was asked last."""
        stream = self._shown.get(place)
        if stream is None:
            return ""
        known, at = self._told.get(place, (-1, 0))
        self._told[place] = stream.began, len(stream.text)
        return stream.text[at if known == stream.began else 0 :].strip()

    def go_on(
        self,
        requests: dict[tuple[int, int], Request],
        decided: dict[tuple[int, int], Decision],
        awake: NDArray[np.bool_],
        share: NDArray[np.float64] | None,
        now: int,
    ) -> Aside:
        """Think in what the decisions of round `now` leave of it; what that took.

        `requests` are about the satellites that decide in this round: where no thought is under way one
        begins from what they report. `awake` (B, N) says whose boards are free to think at `share` (B, N).
        """
        for place, request in requests.items():
            if place not in self._under_way and awake[place]:
                self._under_way[place] = self._engine.begin(request)
                self._under_way[place].began = now
        speed = np.ones(awake.shape) if share is None else share
        spent = Aside(*(np.zeros(awake.shape, np.int64) for _ in Aside._fields))
        going = [place for place in self._under_way if awake[place] and speed[place] > 0.0]
        reads, writes = self._fit(going, self._left(decided, speed), speed)
        for place in going:
            stream = self._under_way[place]
            spent.cached[place] = stream.read + stream.written
            spent.read[place] = reads[place]
            stream.read += int(reads[place])
        self._write(going, [int(writes[place]) for place in going], spent)
        return spent

    def _write(self, going: Sequence[tuple[int, int]], tokens: Sequence[int], spent: Aside) -> None:
        """Have the thoughts of `going` written on, by so many tokens at most; those that end are done."""
        writing = [(place, count) for place, count in zip(going, tokens, strict=True) if count > 0]
        streams = [self._under_way[place] for place, _ in writing]
        before = [stream.written for stream in streams]
        if streams:
            self._engine.go_on(streams, [count for _, count in writing])
        for (place, count), stream, old in zip(writing, streams, before, strict=True):
            stream.written = min(stream.written, old + count)
            spent.written[place] = stream.written - old
            if stream.text:
                self._shown[place] = stream
            if stream.closed or stream.written >= self._budget:
                del self._under_way[place]

    def _left(
        self, decided: dict[tuple[int, int], Decision], speed: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Seconds (B, N) that the boards have left in the round after its decisions."""
        prompt, output = np.zeros(speed.shape, np.int64), np.zeros(speed.shape, np.int64)
        for place, decision in decided.items():
            prompt[place], output[place] = decision.prompt_tokens, decision.output_tokens
        return self._round_s * (1.0 - SPARE) - self._seconds(prompt, output, 0 * prompt, speed)

    def _seconds(
        self, read: NDArray, written: NDArray, cached: NDArray, speed: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """What these tokens (B, N) take on the boards; nothing where nobody charges for them."""
        if self._onboard is None:
            return np.zeros(speed.shape)
        return self._onboard.cost(cached + read, written, speed, None, cached).seconds

    def _fit(
        self, going: Sequence[tuple[int, int]], left: NDArray[np.float64], speed: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tokens (B, N) to read, and then to write, next of the thoughts `going` in `left` seconds."""
        unread, most, cached = (np.zeros(speed.shape, np.int64) for _ in range(3))
        for place in going:
            stream = self._under_way[place]
            unread[place] = stream.prompt_tokens - stream.read
            limit = min(self._budget - stream.written, self._engine.room(stream))
            most[place] = int(limit if self._charged(place[1]) else min(limit, FREE_TOKENS))
            cached[place] = stream.read + stream.written
        reads = largest(lambda count: self._seconds(count, 0 * count, cached, speed) <= left, unread)
        most[reads < unread] = 0
        return reads, largest(lambda count: self._seconds(reads, count, cached, speed) <= left, most)

    def _charged(self, satellite: int) -> bool:
        return self._onboard is not None and bool(self._onboard.has_board[satellite])


def largest(
    fits: Callable[[NDArray[np.int64]], NDArray[np.bool_]], most: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The largest counts up to `most` that fit, where all smaller ones fit too; 0 where none does."""
    low, high = np.zeros_like(most), most.copy()
    while (low < high).any():
        middle = (low + high + 1) // 2
        fit = fits(middle)
        low, high = np.where(fit, middle, low), np.where(fit, high, middle - 1)
        high = np.maximum(high, low)
    return low
