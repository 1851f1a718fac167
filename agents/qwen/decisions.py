"""What a mind is asked and what it answers: the interface that every engine keeps."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from envs.replies import SAFE_ACTION
from envs.reports import Reporter


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

    @property
    def system(self) -> str:
        """The part of the prompt that all requests share."""
        return self.reporter.system

    @cached_property
    def report(self) -> str:
        """The part of the prompt that is this satellite's."""
        return self.reporter.report(self.observation, self.mask)

    @cached_property
    def legal(self) -> NDArray[np.int64]:
        """The legal actions, in order."""
        return np.flatnonzero(self.mask)


@dataclass(frozen=True, eq=False)
class Decision:
    """What was decided, and what it took.

    `probabilities` (A,) are over all actions, 0 where illegal; None where the engine gives none.
    `finish` says why it ended: "choice" (one forward pass), "stop", "length" (the thinking budget ran out and
    the answer was asked for), "unreadable", "illegal", "timeout" or "error". After the last four the engine
    `fell_back`: the action is the safe one, not the mind's.
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

    @property
    def log_probability(self) -> float:
        """Natural logarithm of the probability of the action; NaN where the engine gives none."""
        return float("nan") if self.probabilities is None else float(np.log(self.probabilities[self.action]))


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
    )


class Engine(ABC):
    """Decides for the whole fleet at once. The same seed and requests give the same decisions."""

    name: str
    """Of the model, as the compute model of the spacecraft knows it, for example "Qwen3-8B"."""

    problems: tuple[str, ...] = ()
    """Names of the decision problems that it has learned; empty for any."""

    @abstractmethod
    def decide(self, requests: Sequence[Request]) -> list[Decision]:
        """A decision for each request, in order."""

    def reset(self, seed: int | None = None) -> None:  # noqa: B027  many have nothing to draw
        """Draws from now on follow `seed`."""

    def close(self) -> None:  # noqa: B027  many have nothing to let go
        """Let model or connections go. Safe to call twice."""
