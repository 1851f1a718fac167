"""What asking a server once came to, from its reply: an answer and its tokens, or why there is none."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.qwen.choice import softmax
from agents.qwen.decisions import CHARACTERS_PER_TOKEN, Request
from agents.qwen.dialects import Answer, Question, Usage, read_usage
from agents.qwen.http import NOT_JSON, Reply
from envs.replies import ILLEGAL, SAFE_ACTION, UNREADABLE

NOTHING = Answer(None)
FAILED = (UNREADABLE, ILLEGAL, "timeout", "error")
"""How it ends without an action of the mind's."""


class Outcome(NamedTuple):
    """What asking once came to: probabilities (L,) by place or an action, and the numbers of a decision."""

    finish: str
    shares: NDArray[np.float64] | None
    action: int
    prompt_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False
    text: str = ""
    reasoning: str = ""
    left_out: int = 0
    why: str = ""
    mass: float | None = None
    place: int = -1
    """Which of the options, in their own order, was answered."""
    cached: int = 0
    """Tokens of the prompt that the server had read before."""


def failed(finish: str, note: str, refused: bool = False) -> Outcome:
    """No answer, and nobody is charged for it: `finish` is "timeout" or "error", `note` says why."""
    why = "time-out" if finish == "timeout" else "refused"
    if finish == "error" and not refused and note == NOT_JSON:
        why = UNREADABLE
    return Outcome(finish, None, SAFE_ACTION, text=f"({note})", why=why)


def unanswered(reply: Reply) -> Outcome:
    """What a reply comes to that is none: nobody is charged for it."""
    return failed(reply.failure or "error", reply.reason, refused=not reply.failure)


def outcome_of(
    reply: Reply,
    question: Question,
    left_out: int,
    finish: str,
    answer: Answer = NOTHING,
    action: int = SAFE_ACTION,
    note: str = "",
) -> Outcome:
    """What a reply comes to; `note` says what went wrong where there is no text of the model."""
    usage = read_usage(reply.json)
    counted = usage or Usage(tokens_in(question.system + question.report), _written(answer))
    return Outcome(
        finish,
        None,
        action,
        counted.prompt,
        counted.output,
        usage is None,
        f"({note})" if note else answer.text,
        answer.reasoning,
        left_out,
        finish if finish in FAILED else "",
        answer.mass,
        cached=counted.cached,
    )


def paid(verdicts: Sequence[Outcome]) -> int:
    """Tokens of the prompts of one decision: what a server keeps of the first is not paid with the others."""
    return sum(each.prompt_tokens - (each.cached if i else 0) for i, each in enumerate(verdicts))


def weighed_verdicts(request: Request, verdicts: Sequence[Outcome]) -> tuple[NDArray[np.int64], Outcome]:
    """One outcome for the options (L,) of a request, in their own order, from the verdicts on each: how much
    rather Yes than No. It failed where one of them did."""
    places = np.arange(len(verdicts))
    spent: dict[str, Any] = {
        "prompt_tokens": paid(verdicts),
        "output_tokens": sum(each.output_tokens for each in verdicts),
        "estimated": any(each.estimated for each in verdicts),
        "left_out": max(each.left_out for each in verdicts),
        "cached": 0,
    }
    logs = []
    for each in verdicts:
        if each.shares is None:
            return places, each._replace(**spent)
        logs.append(np.log(each.shares))
    odds = np.array([yes - no for yes, no in logs])
    told = [each.mass for each in verdicts if each.mass is not None]
    whole = verdicts[0]._replace(
        **spent,
        shares=softmax(odds),
        action=int(request.legal[int(odds.argmax())]),
        mass=float(np.mean(told)) if told else None,
    )
    return places, whole


def tokens_in(text: str) -> int:
    """About how many tokens a prompt of this text has."""
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def _written(answer: Answer) -> int:
    return 0 if answer.probabilities is not None else tokens_in(answer.reasoning + answer.text)
