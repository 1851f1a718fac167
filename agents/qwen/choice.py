"""From the scores of labels to a decision: a softmax over what is legal, and seeded draws."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.errors import SandboxError, shown

NEVER, ALWAYS, ON_DEMAND, ASIDE = "off", "always", "auto", "agile"
"""When a mind thinks: never, before every decision, when it chooses to, and all the while beside deciding."""
USUAL_BUDGETS: Mapping[str, float] = {ON_DEMAND: 256, ASIDE: 1024}
"""Tokens of thought where none are given."""


class Thinking(NamedTuple):
    """When a mind thinks, and for how many tokens at most."""

    when: str
    budget: float


def legal_probabilities(
    scores: NDArray[np.float64], mask: NDArray[np.int8], temperature: float = 1.0
) -> NDArray[np.float64]:
    """Softmax of `scores` (A,) over the legal actions of `mask` (A,); exactly 0 for the others."""
    scaled = np.where(mask, np.asarray(scores, float) / temperature, -np.inf)
    weights = np.exp(scaled - scaled.max())
    return weights / weights.sum()


def softmax(scores: NDArray[np.float64], temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities of `scores` (L,), some of which may be minus infinity, divided by `temperature`."""
    scaled = np.asarray(scores, float) / temperature
    weights = np.exp(scaled - scaled.max())
    return weights / weights.sum()


def finite_rows(scores: NDArray[np.float64], mask: NDArray) -> NDArray[np.bool_]:
    """Where (R,) the scores (R, A) of all legal actions of the mask (R, A) are numbers."""
    return (np.isfinite(scores) | (mask == 0)).all(axis=-1)


def sure_mass(scores: NDArray[np.float64]) -> float:
    """The share of the probability that lies on labels of these log-probabilities (L,)."""
    top = scores.max(initial=-np.inf)
    return 0.0 if top == -np.inf else float(min(1.0, math.exp(top) * np.exp(scores - top).sum()))


class Draws:
    """A stream of random numbers for each satellite.

    A satellite's draws depend on the seed and on how often it was asked, not on who else was in the batch.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.reset(seed)

    def reset(self, seed: int | None) -> None:
        """Begin all streams again; None: from entropy."""
        self._seed = int(np.random.default_rng().integers(2**63)) if seed is None else seed
        self._streams: dict[int, np.random.Generator] = {}

    def of(self, satellite: int) -> np.random.Generator:
        """The stream of this satellite."""
        if satellite not in self._streams:
            self._streams[satellite] = np.random.default_rng([self._seed, satellite])
        return self._streams[satellite]

    def pick(self, probabilities: NDArray[np.float64], satellite: int) -> int:
        """An action drawn from `probabilities` (A,)."""
        return draw(probabilities, self.of(satellite).random())


def choose(
    probabilities: NDArray[np.float64], satellite: int, uniform: float | None, draws: Draws | None
) -> int:
    """The action that `uniform` draws, else the satellite's stream of `draws`, else the likeliest."""
    if uniform is not None:
        return draw(probabilities, uniform)
    return int(probabilities.argmax()) if draws is None else draws.pick(probabilities, satellite)


def draw(probabilities: NDArray[np.float64], uniform: float) -> int:
    """The index at which the cumulated `probabilities` pass `uniform` in [0, 1); none of probability 0."""
    cumulated = np.cumsum(probabilities)
    return int(np.searchsorted(cumulated, uniform * cumulated[-1], side="right"))


def check_temperature(temperature: float) -> float:
    """`temperature`, if a softmax can be divided by it. Raises SandboxError."""
    if not (math.isfinite(temperature) and temperature > 0):
        raise SandboxError(f"temperature is {temperature}; give a number above 0.")
    return temperature


def thinking_budget(thinking: str | int | float) -> float:
    """Tokens of thought: 0 for "off", infinity for "free", else the number given. Raises SandboxError."""
    budget = _tokens(thinking)
    if thinking not in ("off", "free") and budget < 1:
        raise SandboxError(
            f"thinking is {shown(thinking)}; give off, free or a number of tokens from 1 up, or auto or "
            "agile, by itself or with a budget, such as auto:512."
        )
    return budget


def thinking_of(thinking: str | int | float) -> Thinking:
    """When and how much is thought: "off", "free", a number of tokens, or "auto" or "agile", by themselves
    or with a budget as in "auto:512". Raises SandboxError."""
    when, colon, budget = thinking.partition(":") if isinstance(thinking, str) else ("", "", "")
    if when not in USUAL_BUDGETS:
        tokens = thinking_budget(thinking)
        return Thinking(ALWAYS if tokens else NEVER, tokens)
    tokens = _tokens(budget) if colon else USUAL_BUDGETS[when]
    if tokens < 1:
        raise SandboxError(
            f"thinking is {shown(thinking)}; give {when} a number of tokens from 1 up, such as {when}:512, "
            f"or {when}:free."
        )
    return Thinking(when, tokens)


def _tokens(budget: str | int | float) -> float:
    """Infinity for "free", a whole number for what is one, 0 for all else."""
    if budget == "free":
        return math.inf
    try:
        return int(budget)
    except (TypeError, ValueError, OverflowError):
        return 0
