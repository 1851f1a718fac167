"""Thinking as a choice: it is listed beside the decisions; where it is the likeliest the mind thinks first.

The first pass is that of a mind that never thinks, with one option more. Where it asks for a thought, the
second is that of a mind that always thinks, without the option: so it cannot ask again. Both are charged, but
what the second prompt shares with the first is read once: on board it lies in the cache.

With `sample` the same two numbers are drawn for both passes, so that only the thought can change a decision.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.qwen.choice import ON_DEMAND, Draws, Thinking, draw, softmax
from agents.qwen.decisions import Decision, Request
from envs.reports import WORDS


class Uniforms(NamedTuple):
    """Numbers in [0, 1) with which it is drawn whether to think, and what to do."""

    think: float
    act: float


def offer_of(thinking: Thinking) -> str:
    """What a report says of thinking where nobody knows what it costs; empty where it is no choice."""
    if thinking.when != ON_DEMAND:
        return ""
    if np.isinf(thinking.budget):
        return "for as long as it takes, then decide"
    return f"up to {int(thinking.budget)} tokens, then decide"


def priced_offer(offer: str, seconds: float, joules: float) -> str:
    """The same with what it costs at most."""
    if not (0.0 < seconds < np.inf and offer.startswith("up to ")):
        return offer
    return offer.replace(", ", f", about {_rounded(seconds)} s and {_rounded(joules)} J, ")


def _rounded(value: float) -> str:
    """Two digits, without an exponent."""
    return f"{float(f'{value:.2g}'):.10g}"


def has_label(request: Request) -> bool:
    """Whether there is a letter left for thinking."""
    reporter = request.reporter
    return reporter.label == WORDS or len(request.legal) < len(reporter.choice_labels)


class FirstPass(NamedTuple):
    """What a first pass came to; `action`, `probabilities` (A,) are those of a mind that does not think."""

    thinks: bool
    action: int
    probabilities: NDArray[np.float64]
    chance: float


def first_pass(
    request: Request, worth: NDArray[np.float64], temperature: float, uniforms: Uniforms | None
) -> FirstPass:
    """From what the options (L + 1,) are worth, as log-probabilities; thinking is the last of them."""
    chance = float(softmax(worth, temperature)[-1])
    probabilities = np.zeros(len(request.mask))
    probabilities[request.legal] = among_actions(worth, temperature)
    if uniforms is None:
        return FirstPass(
            bool(worth.argmax() == len(worth) - 1), int(probabilities.argmax()), probabilities, chance
        )
    thinks = uniforms.think < chance
    return FirstPass(thinks, draw(probabilities, uniforms.act), probabilities, chance)


def among_actions(worth: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Probabilities (L,) of the actions among themselves; any is as good where none has a chance."""
    own = worth[:-1]
    return softmax(own if np.isfinite(own).any() else np.zeros(len(own)), temperature)


def uniforms_of(requests: Sequence[Request], draws: Draws) -> list[Uniforms]:
    """Two numbers for each request, of its satellite's own stream."""
    return [Uniforms(*draws.of(request.satellite).random(2)) for request in requests]


def after_thought(first: Decision, second: Decision) -> Decision:
    """One decision of both passes, at the price of both."""
    return replace(
        second,
        prompt_tokens=first.prompt_tokens + second.prompt_tokens,
        output_tokens=first.output_tokens + second.output_tokens,
        passes=first.passes + second.passes,
        left_out=max(first.left_out, second.left_out),
        estimated=first.estimated or second.estimated,
        thought_asked=True,
        thought_chance=first.thought_chance,
        without_thought=first.without_thought,
    )
