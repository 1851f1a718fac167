"""A Qwen3 behind a server: vLLM, SGLang, llama.cpp, Ollama, `transformers serve`, what speaks OpenAI's chat.

All satellites of a round are asked at once, each with the same system message first, so that the server's
prefix cache is hit. How to ask is found out when the engine is made (`agents.qwen.probing`). After that
nothing raises: an answer that fails or cannot be read becomes the safe action and is marked as such.

A thinking budget is enforced with two calls: one that thinks, up to the budget, and where no answer came of
it one that has to decide with the thoughts so far. The tokens of the second prompt are not counted: on board
the thoughts are in the cache already.
"""

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.qwen.address import base_url
from agents.qwen.cassette import Player, Recorder
from agents.qwen.chat import messages
from agents.qwen.choice import Draws, check_temperature, legal_probabilities, thinking_budget
from agents.qwen.decisions import Decision, Engine, Request
from agents.qwen.dialects import (
    Answer,
    Dialect,
    Question,
    Text,
    UnreadableReply,
    Usage,
    read_chat,
    read_usage,
)
from agents.qwen.http import ApiKey, Client, Reply
from agents.qwen.names import nominal_name
from agents.qwen.probing import complaint, probe
from envs.replies import OK, SAFE_ACTION, UNREADABLE, ReplyReader
from sandbox.errors import SandboxError

ANSWER_ROOM = 128
"""Tokens of the context that are kept for closing the thoughts and answering."""
CHARACTERS_PER_TOKEN = 3.0
"""For estimates where the server does not count: fewer than in plain English, for the digits in a report."""
API_KEY_ENV = "SANDBOX_API_KEY"
GREEDY: Mapping[str, Any] = {"temperature": 0.0}
SAMPLING: Mapping[str, Any] = {"temperature": 0.7, "top_p": 0.8}
THINKING: Mapping[str, Any] = {"temperature": 0.6, "top_p": 0.95}
"""What the authors of Qwen3 advise without and with thinking (its README, "Best Practices")."""


NOTHING = Answer(None)


class _Outcome(NamedTuple):
    """What asking came to: probabilities (A,) or an action, and the numbers of a decision."""

    finish: str
    probabilities: NDArray[np.float64] | None
    action: int
    prompt_tokens: int
    output_tokens: int
    estimated: bool
    text: str
    reasoning: str
    left_out: int


class ServerEngine(Engine):
    """Decides with `model` at the server `url`, for example http://localhost:8000/v1.

    `model` None takes the only one that the server lists. `dialect` is one of `agents.qwen.dialects`, or
    "auto" for the best that works. `thinking` is "off", "free" or a number of tokens. `temperature` and
    `sample` act on the probabilities; where a server gives none, `sample` has it draw. `context` in tokens
    makes prompts be shortened by the rules of `agents.qwen.chat`, by estimate; the default is what the server
    states. `api_key_env` names the environment variable with the key. With `cassette` the exchanges are
    replayed from that file and no server is asked; with `record` as well it is asked, and the file written.

    `url` may end in /v1, in another path or in none (`agents.qwen.address`). The key goes to that server
    alone.

    Raises SandboxError where the server cannot be reached or does not answer, or the key is none.
    """

    def __init__(
        self,
        url: str,
        model: str | None = None,
        *,
        dialect: str = "auto",
        thinking: str | int = "off",
        temperature: float = 1.0,
        sample: bool = False,
        seed: int | None = 0,
        context: int | None = None,
        timeout_s: float = 60.0,
        retries: int = 3,
        concurrency: int = 16,
        api_key_env: str = API_KEY_ENV,
        cassette: str | Path | None = None,
        record: bool = False,
        backoff_s: float = 0.5,
        name: str | None = None,
    ) -> None:
        self.budget = thinking_budget(thinking)
        self.temperature, self.sample = check_temperature(temperature), sample
        _check_numbers(timeout_s, retries, concurrency, context)
        if record and cassette is None:
            raise SandboxError("Recording needs a file; give --cassette with it.")
        self._transport: Client | Recorder | Player
        if cassette is not None and not record:
            self._transport = Player(cassette)
        else:
            client = Client(url, _key(api_key_env), timeout_s, retries, backoff_s)
            client.settle()
            self._transport = client if cassette is None else Recorder(client, cassette)
        shown = base_url(url) if isinstance(self._transport, Player) else client.url
        try:
            found = probe(self._transport, shown, model, dialect, self.budget > 0)
        except SandboxError:
            if isinstance(self._transport, Recorder):
                self._transport.discard()
            raise
        self.model, self.dialect = found.model, found.dialect
        self.context = found.context if context is None else context
        self.name = name or nominal_name(self.model)
        self._plain = Text(self.model, self.dialect.switch, self.dialect.wants)
        self._fallback = self._plain if dialect == "auto" else None
        self._draws = Draws(seed)
        self._readers: dict[tuple[str, ...], ReplyReader] = {}
        self._pool: ThreadPoolExecutor | None = ThreadPoolExecutor(concurrency, "qwen-server")

    def reset(self, seed: int | None = None) -> None:
        self._draws.reset(seed)

    def close(self) -> None:
        if self._pool is None:
            return
        if isinstance(self._transport, Client | Recorder):
            self._transport.stop()  # before the threads are waited for
        self._pool.shutdown(cancel_futures=True)
        self._pool = None
        if isinstance(self._transport, Recorder | Player):
            self._transport.close()

    def decide(self, requests: Sequence[Request]) -> list[Decision]:
        if self._pool is None:
            raise SandboxError("This engine was closed; make another one.")
        for request in requests:
            self._reader(request)
        seeds = [self._seed(request) for request in requests]
        outcomes = list(self._pool.map(self._ask, requests, seeds))
        return [self._decision(*pair) for pair in zip(requests, outcomes, strict=True)]

    def _seed(self, request: Request) -> int | None:
        """What the server draws with; drawn here, so that the order of threads does not matter."""
        if not (self.sample or self.budget):
            return None
        return int(self._draws.of(request.satellite).integers(2**31))

    def _decision(self, request: Request, outcome: _Outcome) -> Decision:
        action, probabilities = outcome.action, outcome.probabilities
        if probabilities is not None:
            if self.sample:
                action = self._draws.pick(probabilities, request.satellite)
            else:
                action = int(probabilities.argmax())
        return Decision(
            action=action,
            prompt_tokens=outcome.prompt_tokens,
            output_tokens=outcome.output_tokens,
            finish=outcome.finish,
            probabilities=probabilities,
            text=outcome.text,
            reasoning=outcome.reasoning,
            fell_back=outcome.finish in ("unreadable", "illegal", "timeout", "error"),
            left_out=outcome.left_out,
            estimated=outcome.estimated,
        )

    def _ask(self, request: Request, seed: int | None) -> _Outcome:
        """One satellite's question, in a thread of its own."""
        if len(request.legal) == 1:
            certain = (request.mask > 0).astype(float)
            return _Outcome("choice", certain, int(request.legal[0]), 0, 0, False, "", "", 0)
        question, left_out = self._question(request)
        if self.budget:
            return self._reason(request, question, left_out, seed)
        return self._choose(request, question, left_out, seed)

    def _post(self, dialect: Dialect, body: dict[str, Any]) -> Reply:
        """The reply to `body`; a field that the server refuses by its name is left out from then on."""
        reply = self._transport.send("POST", dialect.path, body)
        while (other := complaint(reply, body, dialect.wants)) is not None:
            dialect.wants, body = other, other.applied(body)
            reply = self._transport.send("POST", dialect.path, body)
        return reply

    def _choose(self, request: Request, question: Question, left_out: int, seed: int | None) -> _Outcome:
        drawn = {**SAMPLING, "seed": seed} if self.sample else GREEDY
        dialect = self.dialect
        reply = self._post(dialect, dialect.body(question, drawn))
        if reply.refused and self._fallback:  # such as more options than an endpoint takes
            dialect = self._fallback
            reply = self._post(dialect, dialect.body(question, drawn))
        outcome = self._failed(reply, question, left_out)
        if outcome:
            return outcome
        try:
            answer = dialect.read(reply.json, question)
        except UnreadableReply as error:
            return self._outcome(reply, question, left_out, UNREADABLE, note=reply.said or str(error))
        if answer.probabilities is not None:
            return self._outcome(reply, question, left_out, "choice", answer, self._spread(request, answer))
        reading = self._reader(request).read(answer.text, request.mask)
        finish = "stop" if reading.status == OK else reading.status
        return self._outcome(reply, question, left_out, finish, answer, action=reading.action)

    def _reason(self, request: Request, question: Question, left_out: int, seed: int | None) -> _Outcome:
        """Think up to the budget; where that gave no answer, decide with the thoughts so far."""
        reply = self._post(self._plain, self._thinking_body(question, seed))
        outcome = self._failed(reply, question, left_out)
        if outcome:
            return outcome
        try:
            answer = read_chat(reply.json)
        except UnreadableReply as error:
            return self._outcome(reply, question, left_out, UNREADABLE, note=reply.said or str(error))
        reading = self._reader(request).read(answer.text, request.mask)
        thought = self._outcome(reply, question, left_out, "stop", answer, action=reading.action)
        if not answer.cut and reading.status == OK:
            return thought
        thoughts = "\n".join(part for part in (answer.reasoning, answer.text) if part)
        chosen = self._choose(request, question.after(thoughts), left_out, seed)
        ended = "length" if answer.cut else "stop"
        return chosen._replace(
            finish=ended if chosen.finish in ("choice", "stop") else chosen.finish,
            prompt_tokens=thought.prompt_tokens,
            output_tokens=thought.output_tokens + chosen.output_tokens,
            estimated=thought.estimated or chosen.estimated,
            reasoning=thoughts,
        )

    def _thinking_body(self, question: Question, seed: int | None) -> dict[str, Any]:
        body = {"model": self.model, "messages": messages(question.system, question.report), **THINKING}
        body |= _thinking_on(self.dialect.switch)
        if seed is not None:
            body["seed"] = seed
        limit = self.budget
        if self.context is not None:
            limit = min(limit, self.context - _tokens(question.system + question.report) - ANSWER_ROOM)
        if not math.isinf(limit):
            body["max_tokens"] = max(1, int(limit))
        return self._plain.wants.applied(body)

    def _question(self, request: Request) -> tuple[Question, int]:
        """The question, and how many topics had to go for it to fit the context."""
        question = Question.of(request)
        if self.context is None:
            return question, 0
        room = self.context - (0 if math.isinf(self.budget) else int(self.budget)) - ANSWER_ROOM
        topics = request.reporter.topic_count(request.observation)
        left_out = 0
        while _tokens(question.system + question.report) > room and left_out < topics:
            left_out += 1
            question = Question.of(request, left_out)
        return question, left_out

    def _failed(self, reply: Reply, question: Question, left_out: int) -> _Outcome | None:
        """What a reply comes to that is none."""
        if reply.ok:
            return None
        return self._outcome(reply, question, left_out, reply.failure or "error", note=reply.reason)

    def _outcome(
        self,
        reply: Reply,
        question: Question,
        left_out: int,
        finish: str,
        answer: Answer = NOTHING,
        probabilities: NDArray[np.float64] | None = None,
        action: int = SAFE_ACTION,
        note: str = "",
    ) -> _Outcome:
        """`note` says what went wrong where there is no text of the model."""
        usage = read_usage(reply.json)
        counted = usage or Usage(_tokens(question.system + question.report), _written(answer))
        return _Outcome(
            finish,
            probabilities,
            action,
            counted.prompt,
            counted.output,
            usage is None,
            f"({note})" if note else answer.text,
            answer.reasoning,
            left_out,
        )

    def _spread(self, request: Request, answer: Answer) -> NDArray[np.float64]:
        """Probabilities (A,) of all actions from those of the legal ones, at our temperature."""
        assert answer.probabilities is not None
        scores = np.full(len(request.mask), -np.inf)
        with np.errstate(divide="ignore"):  # what is impossible stays so
            scores[request.legal] = np.log(answer.probabilities)
        return legal_probabilities(scores, request.mask, self.temperature)

    def _reader(self, request: Request) -> ReplyReader:
        actions = request.reporter.actions
        if actions not in self._readers:
            self._readers[actions] = ReplyReader(actions, request.reporter.labels)
        return self._readers[actions]


def _thinking_on(switch: Mapping[str, Any]) -> dict[str, Any]:
    """What turns thinking on where `switch` turns it off."""
    if "chat_template_kwargs" in switch:
        return {"chat_template_kwargs": {"enable_thinking": True}}
    return {"enable_thinking": True} if "enable_thinking" in switch else {}


def _tokens(text: str) -> int:
    """About how many tokens a prompt of this text has."""
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def _written(answer: Answer) -> int:
    return 0 if answer.probabilities is not None else _tokens(answer.reasoning + answer.text)


def _key(variable: str) -> ApiKey | None:
    """The key in an environment variable; one that was named by the user has to be there."""
    key = os.environ.get(variable, "")
    if not key.strip() and variable != API_KEY_ENV:
        raise SandboxError(f"Environment variable {variable!r} for the API key is not set; export it.")
    return ApiKey(key, f"The API key in {variable}") if key.strip() else None


def _check_numbers(timeout_s: float, retries: int, concurrency: int, context: int | None) -> None:
    for name, value, least in (
        ("retries", retries, 0),
        ("concurrency", concurrency, 1),
        ("context", context, 1),
    ):
        if value is not None and value < least:
            raise SandboxError(f"{name} is {value}; give a number from {least} up.")
    if not (math.isfinite(timeout_s) and timeout_s > 0):
        raise SandboxError(f"timeout_s is {timeout_s}; give seconds above 0.")
