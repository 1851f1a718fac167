"""What a mind is asked and what it answers: the interface that every engine keeps."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.qwen.choice import NEVER, Thinking, thinking_of
from envs.replies import SAFE_ACTION
from envs.reports import Reporter
from sandbox.errors import SandboxError


@dataclass(frozen=True, eq=False)
class Request:
    """One satellite's question: decide among the legal actions of this observation.

    `observation` (F,) is in [-1, 1], `mask` (A,) has a 1 where an action is legal, `satellite` is its number.
    The words are made only if an engine reads them.
    """

    observation: NDArray[np.float32]
    mask: NDArray[np.int8]
    reporter: Reporter
    satellite: int = 0
    adapter: str | None = None
    """Name of the LoRA adapter that decides for it; None: the model itself."""
    think: str | None = None
    """What the report says of thinking first, where that is a choice; empty: it is none; None: the engine
    knows what to say."""
    thoughts: str = ""
    """What was thought aside so far, as the report quotes it."""
    read: str = ""
    """What of its prompt was read a moment ago, and lies in the cache of the board."""

    @property
    def system(self) -> str:
        """The part of the prompt that all requests share."""
        return self.reporter.system

    @cached_property
    def report(self) -> str:
        """The part of the prompt that is this satellite's."""
        return self.asked()

    def asked(self, order: NDArray[np.int64] | None = None, leave_out: int = 0) -> str:
        """The report with its options listed in `order` (L,), without its last `leave_out` topics."""
        listed = self.reporter.listed(self.mask, order, self.observation, self.think or "")
        return f"{self.situation(leave_out)}\n{listed}"

    def situation(self, leave_out: int = 0) -> str:
        """The report without its options, and without its last `leave_out` topics."""
        told = self.reporter.situation(self.observation, leave_out)
        return f"{told}\n{self.thoughts}" if self.thoughts else told

    def proposed(self, place: int) -> str:
        """The report in brief, with the question whether the legal action at `place` is a good one; in full
        where it is not known what decisions are expected to pay."""
        tell = self.reporter.brief if self.reporter.estimates else self.reporter.situation
        proposal = self.reporter.proposal(int(self.legal[place]), self.observation)
        return f"{tell(self.observation)}\n{proposal}"

    def label(self, action: int) -> str:
        """The label under which the report lists a legal action, or thinking (the A-th)."""
        return self.reporter.labels_of(self.options)[int(np.searchsorted(self.options, action))]

    @cached_property
    def legal(self) -> NDArray[np.int64]:
        """The legal actions, in order."""
        return np.flatnonzero(self.mask)

    @cached_property
    def options(self) -> NDArray[np.int64]:
        """What is listed (L,), in order: the legal actions, and where it is a choice thinking, the A-th."""
        return self.reporter.options(self.mask, think=bool(self.think))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of whatever may be listed."""
        return self.reporter.choice_labels if self.think else self.reporter.labels


@dataclass(frozen=True, eq=False)
class Decision:
    """What was decided, and what it took.

    `probabilities` (A,) are over all actions, 0 where illegal; None where the engine gives none.
    `finish` says why it ended: "choice" (scored, without thoughts), "stop", "length" (the thinking budget ran
    out and the answer was asked for), "unreadable", "illegal", "timeout", "error" or "unsure" (too little of
    the model's probability lay on legal labels). After the last five the engine `fell_back`: the action is
    the safe one, not the mind's.
    """

    action: int
    prompt_tokens: int
    output_tokens: int
    finish: str = "choice"
    probabilities: NDArray[np.float64] | None = None
    text: str = ""
    reasoning: str = ""
    fell_back: bool = False
    left_out: int = 0
    """Topics of the report that were left out because the prompt outgrew the context."""
    estimated: bool = False
    """Whether the token counts are an estimate: a server's reply had none."""
    mass: float | None = None
    """Share of the model's probability that lay on legal labels, in the mean over its passes; None where
    nobody says."""
    why: str = ""
    """Of one that fell back: "time-out", "refused", "unreadable", "illegal", "unsure" or "error"."""
    passes: int = 1
    """How often the model was asked: `prompt_tokens` are those of all."""
    thought_asked: bool | None = None
    """Whether it asked for a thought first, of a mind that may; None of one that may not."""
    thought_chance: float | None = None
    """The probability of asking for one; None where the engine gives none, or it was no choice."""
    without_thought: int | None = None
    """Where it asked for one, the action that it would have taken without; None where nobody can say."""

    @property
    def thought_changed(self) -> bool:
        """Whether the thought that it asked for made it decide otherwise."""
        if not self.thought_asked or self.fell_back or self.without_thought is None:
            return False
        return self.action != self.without_thought

    @property
    def log_probability(self) -> float:
        """Natural logarithm of the probability of the action; NaN where the engine gives none."""
        return float("nan") if self.probabilities is None else float(np.log(self.probabilities[self.action]))


@dataclass
class Stream:
    """A thought under way about `request`, whose prompt has so many tokens; `text` is what was written."""

    request: Request
    prompt_tokens: int
    began: int = 0
    """The round."""
    prompt: list[int] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    """Tokens of the prompt and of the thought, where the engine has them."""
    text: str = ""
    read: int = 0
    """Tokens of the prompt that the board has read so far."""
    written: int = 0
    closed: bool = False
    """Whether the model has ended it."""


CHARACTERS_PER_TOKEN = 3.0
"""For estimates where nobody counts: fewer than in plain English, for the digits in a report."""


def tail(text: str, characters: int) -> str:
    """The end of a text, marked where something is left out."""
    return text if len(text) <= characters else "..." + text[len(text) - max(0, characters - 3) :]


FLOOR = 1e-4
"""Least share of the model's probability on legal labels; what decides below it decides by chance."""
UNSURE = "unsure"


def check_floor(floor: float) -> float:
    """`floor`, if it is a share. Raises SandboxError."""
    if not (math.isfinite(floor) and 0.0 <= floor <= 1.0):
        raise SandboxError(f"floor is {floor}; give a share from 0 to 1.")
    return floor


def no_scores(prompt_tokens: int, output_tokens: int = 0, reasoning: str = "", left_out: int = 0) -> Decision:
    """The safe action, of a mind whose scores are not finite: it has said nothing."""
    return Decision(
        action=SAFE_ACTION,
        prompt_tokens=prompt_tokens,
        output_tokens=output_tokens,
        finish="error",
        text="(the model gives scores that are not finite)",
        reasoning=reasoning,
        fell_back=True,
        left_out=left_out,
        why="error",
    )


class Engine(ABC):
    """Decides for the whole fleet at once. The same seed and requests give the same decisions."""

    name: str
    """Of the model, as the compute model of the spacecraft knows it, for example "Qwen3-8B"."""

    dense: bool = False
    """Whether it reads numbers as tokens and no words."""

    problems: tuple[str, ...] = ()
    """Names of the decision problems that it has learned; empty for any."""

    thinking: Thinking = Thinking(NEVER, 0)
    """When it thinks, and how much at most."""

    def think_as(self, thinking: str | int) -> None:
        """Think as this says from now on: "off", "free", a number of tokens, "auto" or "agile".

        Raises SandboxError for what it cannot do.
        """
        if thinking_of(thinking).when != NEVER:
            raise SandboxError(
                f"{self.name} only chooses: it writes no thoughts, and has none to ask for; take thinking "
                "off, or a Qwen3 that thinks, with --model or --server."
            )

    def told(self) -> dict[str, Any]:
        """What there is to know of how it decides, for the record of a run: the model that answers, how it is
        asked, what is done about bias."""
        return {"model": self.name}

    def begin(self, request: Request) -> Stream:
        """A thought about `request` that is to be thought aside; nothing is read or written yet."""
        raise SandboxError(f"{self.name} does not think aside; take thinking off.")

    def go_on(self, streams: Sequence[Stream], tokens: Sequence[int]) -> None:
        """Write each thought on, by `tokens[i]` at most; a failure leaves it as it is."""
        raise SandboxError(f"{self.name} does not think aside; take thinking off.")

    def room(self, stream: Stream) -> float:
        """Tokens that a thought can have more within the context."""
        return math.inf

    def shortened(self, text: str, tokens: int) -> str:
        """The end of a text, of at most so many tokens, by estimate where the engine cannot count."""
        return tail(text, int(tokens * CHARACTERS_PER_TOKEN))

    @abstractmethod
    def decide(self, requests: Sequence[Request]) -> list[Decision]:
        """A decision for each request, in order."""

    def reset(self, seed: int | None = None) -> None:  # noqa: B027  many have nothing to draw
        """Draws from now on follow `seed`."""

    def close(self) -> None:  # noqa: B027  many have nothing to let go
        """Let model or connections go. Safe to call twice."""
