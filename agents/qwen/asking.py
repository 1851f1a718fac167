"""How one question is put to a server, in the dialect that it was found to speak, and what comes of it.

Nothing here raises for what a server does: a failure is an outcome. Safe to use from many threads.
"""

import math
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.qwen.breaker import Breaker
from agents.qwen.cassette import Recorder, Transport
from agents.qwen.chat import common_prefix, messages
from agents.qwen.decisions import Request
from agents.qwen.dense import DenseRenderer
from agents.qwen.dialects import (
    ANSWER_TOKENS,
    BUDGETS,
    Answer,
    Dense,
    Dialect,
    Question,
    Text,
    UnreadableReply,
    read_chat,
)
from agents.qwen.http import Client, Reply
from agents.qwen.outcome import Outcome, outcome_of, tokens_in, unanswered
from agents.qwen.probing import complaint, ends_thoughts
from agents.qwen.reasons import plain
from envs.replies import OK, UNREADABLE, Reading, ReplyReader

ANSWER_ROOM = 128
"""Tokens of the context that are kept for closing the thoughts and answering."""
GREEDY: Mapping[str, Any] = {"temperature": 0.0}
SAMPLING: Mapping[str, Any] = {"temperature": 0.7, "top_p": 0.8}
THINKING: Mapping[str, Any] = {"temperature": 0.6, "top_p": 0.95, "top_k": 20}
"""What the authors of Qwen3 advise without and with thinking (its README, "Best Practices")."""
LEAST_SHARE = 1e-12
MOST_VERDICTS = 100_000
PROPOSED = -1
"""In place of a seed: the option at a place is proposed by itself, and nothing is drawn."""
MOST_ANSWERED, LONGEST_NAME = 8, 80


class Slice(NamedTuple):
    """A piece of a thought: its text, the tokens that were written, and whether it ends there."""

    text: str = ""
    written: int = 0
    closed: bool = False


class Asker:
    """Puts requests to the server behind `transport` in `dialect`; `fallback` has it ask in words instead
    where that is refused.

    `budget` is of tokens of thought, `context` of the model if it is known; with `sample` the server draws
    what it writes. `breaker` knows whether the server has failed too often, `answered` the names under which
    models answered.
    """

    def __init__(
        self,
        transport: Transport,
        dialect: Dialect,
        *,
        fallback: bool,
        budget: float = 0.0,
        context: int | None = None,
        sample: bool = False,
    ) -> None:
        self._transport, self._dialect = transport, dialect
        self._budget, self._context, self._sample = budget, context, sample
        self._plain = Text(dialect.model, dialect.switch, dialect.wants)
        self._fallback = self._plain if fallback else None
        self.breaker, self.answered = Breaker(), set[str]()
        self._readers: dict[tuple[Any, ...], ReplyReader] = {}
        self._renderers: dict[int, tuple[Any, DenseRenderer]] = {}
        self._verdicts: dict[tuple[str, str], Outcome] = {}
        self._lock = threading.Lock()
        self._one_call = 0 < budget < math.inf and ends_thoughts(transport, self._thinking_body)

    def ask(self, request: Request, order: NDArray[np.int64], seed: int | None) -> Outcome:
        """What a satellite decides of its options listed in an order, without thoughts.

        With `PROPOSED` for the seed the verdict on the one option of the `order`."""
        if len(request.options) == 1:
            return Outcome("choice", np.ones(1), int(request.legal[0]))
        if seed == PROPOSED:
            return self.judged(request, int(order[0]))
        return self.chosen(request, order, seed)

    def thought(self, request: Request, order: NDArray[np.int64], seed: int | None) -> Outcome:
        """What it decides after a thought within the budget."""
        if len(request.legal) == 1:
            return self.ask(request, order, seed)
        question, left_out = self._question(request, order)
        outcome = self._reason(request, question, left_out, seed, order)
        known = read_before(request.read, question, outcome.prompt_tokens)
        return outcome._replace(prompt_tokens=outcome.prompt_tokens - known)

    def offered(self, request: Request) -> bool:
        """Whether the context has room for a thought about `request`; of an unknown one it has."""
        if self._context is None:
            return True
        question = Question.of(request, request.reporter.topic_count(request.observation))
        return tokens_in(question.system + question.report) < self._context - ANSWER_ROOM

    def chosen(self, request: Request, order: NDArray[np.int64], seed: int | None) -> Outcome:
        """The same where there is something to choose."""
        question, left_out = self._question(request, order)
        return self._choose(request, question, left_out, seed, order)

    def judged(self, request: Request, place: int) -> Outcome:
        """Probabilities (2,) of the verdicts on the legal action at `place`, proposed by itself.

        What was answered to the very same words stands: they are sent once.
        """
        question = Question.proposing(request, place)
        key = question.system, question.report
        if key not in self._verdicts:
            outcome = self._verdict(question)
            if outcome.shares is None or len(self._verdicts) >= MOST_VERDICTS:
                return outcome
            self._verdicts[key] = outcome
        return self._verdicts[key]

    def _verdict(self, question: Question) -> Outcome:
        """The verdicts of the server on what is proposed."""
        reply = self._post(self._dialect, self._dialect.body(question, GREEDY))
        if not reply.ok:
            return unanswered(reply)
        try:
            answer = self._dialect.read(reply.json, question)
        except UnreadableReply as error:
            return outcome_of(reply, question, 0, UNREADABLE, note=reply.said or str(error))
        if answer.probabilities is None:
            return outcome_of(reply, question, 0, UNREADABLE, note="no probabilities of Yes and No")
        shares = np.maximum(answer.probabilities, max(answer.unseen, LEAST_SHARE))
        outcome = outcome_of(reply, question, 0, "choice", answer)
        text = question.system + "".join(map("".join, question.turns)) + question.report
        same = outcome.prompt_tokens * (len(text) - len(question.own)) // len(text)
        return outcome._replace(shares=shares, cached=min(outcome.cached, same))

    def content_free(self, request: Request) -> Outcome:
        """What is answered to a report that says nothing but what is legal."""
        question = replace(
            Question.of(request),
            report=request.reporter.content_free(request.mask, think=request.think or ""),
            situation="Report: not available.",
        )
        return self._choose(request, question, 0, None, np.arange(len(request.options)))

    def reader(self, request: Request) -> ReplyReader:
        """What reads the answers to such a request; made before threads ask for it."""
        reporter = request.reporter
        key = reporter.choices if request.think else reporter.actions, request.labels
        if key not in self._readers:
            self._readers[key] = ReplyReader(*key)
        return self._readers[key]

    def _read(self, request: Request, text: str, order: NDArray[np.int64]) -> Reading:
        """The decision in `text`, or that it wants to think."""
        mask = np.append(request.mask, np.int8(1)) if request.think else request.mask
        return self.reader(request).read(text, mask, order)

    def _post(self, dialect: Dialect, body: dict[str, Any]) -> Reply:
        """The reply to `body`; a field that the server refuses by its name is left out from then on."""
        reply = self._send(dialect.path, body)
        while (other := complaint(reply, body, dialect.wants)) is not None:
            dialect.wants, body = other, other.applied(body)
            reply = self._send(dialect.path, body)
        return reply

    def _send(self, path: str, body: dict[str, Any]) -> Reply:
        """The reply to a post, without further tries where the server has failed too often."""
        if self.breaker.open and isinstance(self._transport, Client | Recorder):
            reply = self._transport.send("POST", path, body, retries=0)
        else:
            reply = self._transport.send("POST", path, body)
        self.breaker.saw(reply)
        answered = reply.json.get("model") if isinstance(reply.json, dict) else None
        if isinstance(answered, str) and len(self.answered) < MOST_ANSWERED:
            self.answered.add(plain(answered)[:LONGEST_NAME])
        return reply

    def _choose(
        self,
        request: Request,
        question: Question,
        left_out: int,
        seed: int | None,
        order: NDArray[np.int64],
    ) -> Outcome:
        drawn = {**SAMPLING, "seed": seed} if self._sample else GREEDY
        dialect = self._dialect
        reply = self._post(dialect, dialect.body(question, drawn))
        if reply.refused and self._fallback:  # such as more options than an endpoint takes
            dialect = self._fallback
            reply = self._post(dialect, dialect.body(question, drawn))
        if not reply.ok:
            return unanswered(reply)
        try:
            answer = dialect.read(reply.json, question)
        except UnreadableReply as error:
            return outcome_of(reply, question, left_out, UNREADABLE, note=reply.said or str(error))
        if answer.probabilities is not None:
            outcome = outcome_of(reply, question, left_out, "choice", answer)
            return self._completed(request, outcome, answer, left_out, seed, order)
        reading = self._read(request, answer.text, order)
        finish = "stop" if reading.status == OK else reading.status
        place = int(np.flatnonzero(request.options[order] == reading.action)[0]) if finish == "stop" else -1
        outcome = outcome_of(reply, question, left_out, finish, answer, action=reading.action)
        return outcome._replace(place=int(order[place]) if place >= 0 else -1)

    def _completed(
        self,
        request: Request,
        outcome: Outcome,
        answer: Answer,
        left_out: int,
        seed: int | None,
        order: NDArray[np.int64],
    ) -> Outcome:
        """Probabilities for all labels: those that the reply did not list are asked of among themselves.

        The likeliest of them gets what any of them can have at most, the others in proportion.
        """
        shares = answer.probabilities
        assert shares is not None
        missing = np.flatnonzero(shares == 0.0)
        if len(missing) == 0 or answer.unseen <= 0.0:
            return outcome._replace(shares=shares)
        among = np.ones(len(missing))
        if len(missing) > 1 and len(missing) < len(shares):
            mask = np.zeros_like(request.mask)
            options = request.options[order][missing]
            mask[options[options < len(mask)]] = 1
            rest = replace(request, mask=mask, think=request.think if len(mask) in options else "")
            question = Question.of(rest, left_out)
            reply = self._post(self._dialect, self._dialect.body(question, GREEDY))
            try:
                second = self._dialect.read(reply.json, question) if reply.ok else Answer(None)
            except UnreadableReply:
                second = Answer(None)
            if second.probabilities is not None:
                paid = outcome_of(reply, question, left_out, "choice", second)
                outcome = outcome._replace(
                    prompt_tokens=outcome.prompt_tokens + paid.prompt_tokens,
                    output_tokens=outcome.output_tokens + paid.output_tokens,
                )
                told = np.maximum(second.probabilities, LEAST_SHARE)
                among = told[np.searchsorted(rest.options, options)] / told.max()
        whole = shares.copy()
        whole[missing] = answer.unseen * among
        return outcome._replace(shares=whole / whole.sum())

    def _reason(
        self,
        request: Request,
        question: Question,
        left_out: int,
        seed: int | None,
        order: NDArray[np.int64],
    ) -> Outcome:
        """Think up to the budget; where that gave no answer, decide with the thoughts so far."""
        budget = self._budget if self._one_call else None
        reply = self._post(self._plain, self._thinking_body(question, seed, budget))
        if not reply.ok:
            return unanswered(reply)
        try:
            answer = read_chat(reply.json)
        except UnreadableReply as error:
            return outcome_of(reply, question, left_out, UNREADABLE, note=reply.said or str(error))
        reading = self._read(request, answer.text, order)
        thought = outcome_of(reply, question, left_out, "stop", answer, action=reading.action)
        if not answer.cut and reading.status == OK:
            return thought
        thoughts = "\n".join(part for part in (answer.reasoning, answer.text) if part)
        chosen = self._choose(request, question.after(thoughts), left_out, seed, order)
        ended = "length" if answer.cut else "stop"
        return chosen._replace(
            finish=ended if chosen.finish in ("choice", "stop") else chosen.finish,
            prompt_tokens=thought.prompt_tokens,
            output_tokens=thought.output_tokens + chosen.output_tokens,
            estimated=thought.estimated or chosen.estimated,
            reasoning=thoughts,
        )

    def _thinking_body(
        self, question: Question, seed: int | None, budget: float | None = None
    ) -> dict[str, Any]:
        """What is posted for a thought; with a `budget` for the thought and the answer to it in one call."""
        asked = messages(question.system, question.report)
        body = {"model": self._dialect.model, "messages": asked, **THINKING}
        body |= _thinking_on(self._dialect.switch)
        if seed is not None:
            body["seed"] = seed
        limit = self._budget if budget is None else budget
        if self._context is not None:
            limit = min(limit, self._context - tokens_in(question.system + question.report) - ANSWER_ROOM)
        if not math.isinf(limit):
            body["max_tokens"] = max(1, int(limit))
        if budget is not None:
            body |= dict.fromkeys(BUDGETS, body["max_tokens"])
            body["max_tokens"] += ANSWER_TOKENS
        return self._plain.wants.applied(body)

    def slice(self, request: Request, text: str, tokens: int, seed: int) -> Slice:
        """What comes next, in at most so many tokens, of a thought that has come so far; nothing where the
        server fails."""
        question = Question.of(request)
        asked = question.goes_on(text) if text else question
        body = self._thinking_body(asked, seed) | {self._plain.wants.limit: tokens}
        reply = self._post(self._plain, body)
        if not reply.ok:
            return Slice()
        try:
            answer = read_chat(reply.json)
        except UnreadableReply:
            return Slice()
        said = "\n".join(part for part in (answer.reasoning, answer.text) if part)
        counted = outcome_of(reply, question, 0, "stop", answer).output_tokens
        return Slice(said, min(tokens, max(counted, 1)), not answer.cut)

    def _question(self, request: Request, order: NDArray[np.int64]) -> tuple[Question, int]:
        """The question, and how many topics had to go for it to fit the context."""
        question = Question.of(request, 0, order)
        if isinstance(self._dialect, Dense):
            return self._in_tokens(request, question, order), 0
        if self._context is None:
            return question, 0
        room = self._context - (0 if math.isinf(self._budget) else int(self._budget)) - ANSWER_ROOM
        topics = request.reporter.topic_count(request.observation)
        left_out = 0
        while tokens_in(question.system + question.report) > room and left_out < topics:
            left_out += 1
            question = Question.of(request, left_out, order)
        return question, left_out

    def _in_tokens(self, request: Request, question: Question, order: NDArray[np.int64]) -> Question:
        """The question as a nano reads it."""
        reporter = request.reporter
        with self._lock:
            if id(reporter) not in self._renderers:
                renderer = DenseRenderer(reporter.layout, reporter.actions)
                self._renderers[id(reporter)] = reporter, renderer
        renderer = self._renderers[id(reporter)][1]
        ids, lengths = renderer.ids(request.observation[None], request.mask[None])
        prompt = tuple(ids[0, ids.shape[1] - lengths[0] :].tolist())
        return replace(
            question, dense=prompt, answers=tuple(renderer.action_ids[request.legal[order]].tolist())
        )


def read_before(read: str, question: Question, tokens: int) -> int:
    """Of the tokens of a question those of the beginning that was `read` a moment ago, in proportion."""
    text = question.system + question.report
    return tokens * len(common_prefix(read, text)) // max(1, len(text))


def _thinking_on(switch: Mapping[str, Any]) -> dict[str, Any]:
    """What turns thinking on where `switch` turns it off."""
    if "chat_template_kwargs" in switch:
        return {"chat_template_kwargs": {"enable_thinking": True}}
    return {"enable_thinking": True} if "enable_thinking" in switch else {}
