"""A Qwen3 behind a server: vLLM, SGLang, llama.cpp, Ollama, `transformers serve`, what speaks OpenAI's chat.

All satellites of a round are asked at once, each with the same system message first, so that the server's
prefix cache is hit. How to ask is found out when the engine is made (`agents.qwen.probing`). After that
nothing raises: an answer that fails or cannot be read becomes the safe action and is marked as such.

A thinking budget is enforced by the server where it can, in one call; else with two: one that thinks, up to
the budget, and where no answer came of it one that has to decide with the thoughts so far. The tokens of the
second prompt are not counted: on board the thoughts are in the cache already.
"""

import math
import os
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.qwen.address import base_url
from agents.qwen.bias import BiasTest
from agents.qwen.cassette import Player, Recorder
from agents.qwen.chat import messages
from agents.qwen.choice import Draws, check_temperature, softmax, thinking_budget
from agents.qwen.decisions import FLOOR, UNSURE, Decision, Engine, Request, check_floor
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
    Usage,
    read_chat,
    read_usage,
)
from agents.qwen.http import NOT_JSON, TRANSIENT, ApiKey, Client, Reply
from agents.qwen.names import nominal_name
from agents.qwen.orders import AUTO, CALIBRATE, NONE, SHIFTS, Orders, agreed, check_debias
from agents.qwen.pool import Pool
from agents.qwen.probing import complaint, ends_thoughts, probe
from agents.qwen.reasons import plain
from envs.replies import ILLEGAL, OK, SAFE_ACTION, UNREADABLE, ReplyReader
from sandbox.errors import SandboxError

ANSWER_ROOM = 128
"""Tokens of the context that are kept for closing the thoughts and answering."""
CHARACTERS_PER_TOKEN = 3.0
"""For estimates where the server does not count: fewer than in plain English, for the digits in a report."""
API_KEY_ENV = "SANDBOX_API_KEY"
GREEDY: Mapping[str, Any] = {"temperature": 0.0}
SAMPLING: Mapping[str, Any] = {"temperature": 0.7, "top_p": 0.8}
THINKING: Mapping[str, Any] = {"temperature": 0.6, "top_p": 0.95, "top_k": 20}
"""What the authors of Qwen3 advise without and with thinking (its README, "Best Practices")."""


LEAST_SHARE = 1e-12
MOST_FAILURES = 8
"""Failures in a row, each after all its tries, after which a server is asked once a round."""
MOST_ANSWERED, LONGEST_NAME = 8, 80
UNREADABLE_REPLIES = (NOT_JSON,)
NOTHING = Answer(None)


_FAILED = (UNREADABLE, ILLEGAL, "timeout", "error")


class _Outcome(NamedTuple):
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


def _failed(finish: str, note: str, refused: bool = False) -> _Outcome:
    why = "time-out" if finish == "timeout" else "refused"
    if finish == "error" and not refused and note in UNREADABLE_REPLIES:
        why = UNREADABLE
    return _Outcome(finish, None, SAFE_ACTION, text=f"({note})", why=why)


class Breaker:
    """Open where a server has failed so often in a row that it is not worth waiting for."""

    def __init__(self, most: int = MOST_FAILURES) -> None:
        self._most, self._failures, self._lock = most, 0, threading.Lock()
        self.why = ""

    @property
    def open(self) -> bool:
        """Whether it failed too often."""
        return self._failures >= self._most

    def saw(self, reply: Reply) -> None:
        """A reply came, or none."""
        dead = bool(reply.failure) or reply.status in TRANSIENT
        with self._lock:
            self._failures = self._failures + 1 if dead else 0
            if dead:
                self.why = f"not asked, for the server failed {self._failures} times in a row: {reply.reason}"


class ServerEngine(Engine):
    """Decides with `model` at the server `url`, for example http://localhost:8000/v1.

    `model` None takes the only one that the server lists. `dialect` is one of `agents.qwen.dialects`, or
    "auto" for the best that works. `thinking` is "off", "free" or a number of tokens. `temperature` and
    `sample` act on the probabilities; where a server gives none, `sample` has it draw. `context` in tokens
    makes prompts be shortened by the rules of `agents.qwen.chat`, by estimate; the default is what the server
    states. `api_key_env` names the environment variable with the key. With `cassette` the exchanges are
    replayed from that file and no server is asked; with `record` as well it is asked, and the file written.
    `debias` and `floor` are those of `LocalEngine`. A server that failed `MOST_FAILURES` times in a row is
    asked once a round until it answers again.

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
        debias: str = AUTO,
        floor: float = FLOOR,
    ) -> None:
        self.budget = thinking_budget(thinking)
        self.temperature, self.sample = check_temperature(temperature), sample
        _check_numbers(timeout_s, retries, concurrency, context)
        self._bias, self.floor = BiasTest(check_debias(debias)), check_floor(floor)
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
        self.dense = isinstance(self.dialect, Dense)
        if self.dense:
            self._check_dense()
        self.name = name or nominal_name(self.model)
        self._plain = Text(self.model, self.dialect.switch, self.dialect.wants)
        self._fallback = self._plain if dialect == "auto" else None
        self._one_call = 0 < self.budget < math.inf and ends_thoughts(self._transport, self._thinking_body)
        self._draws, self._orders = Draws(seed), Orders(seed)
        self._readers: dict[tuple[Any, ...], ReplyReader] = {}
        self._pool: Pool | None = Pool(concurrency, "qwen-server")
        self._breaker = Breaker()
        self._lock = threading.Lock()
        self._renderers: dict[int, tuple[Any, DenseRenderer]] = {}
        self._answered: set[str] = set()
        self._reporters: dict[int, Any] = {}
        self._known: dict[Any, tuple[NDArray[np.float64] | None, int]] = {}
        self._paid: set[Any] = set()

    def _check_dense(self) -> None:
        """Dense prompts list actions in one order, and are answered in one pass."""
        if self.budget:
            raise SandboxError("The dialect dense only chooses; take thinking off.")
        self._bias = BiasTest(NONE)

    def reset(self, seed: int | None = None) -> None:
        self._draws.reset(seed)
        self._paid.clear()

    def close(self) -> None:
        if self._pool is None:
            return
        if isinstance(self._transport, Client | Recorder):
            self._transport.stop()
        self._pool.close()
        self._pool = None
        if isinstance(self._transport, Recorder | Player):
            self._transport.close()

    def told(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "dialect": self.dialect.name,
            "context": self.context,
            **({"answered_as": sorted(self._answered)} if self._answered - {self.model} else {}),
            **self._bias.told(),
        }

    def decide(self, requests: Sequence[Request]) -> list[Decision]:
        if self._pool is None:
            raise SandboxError("This engine was closed; make another one.")
        for request in requests:
            self._reader(request)
        ways = [self._bias.way(request.reporter, self._try_out) for request in requests]
        asked: list[tuple[Request, NDArray[np.int64], int | None]] = []
        of: list[int] = []
        for i, (request, way) in enumerate(zip(requests, ways, strict=True)):
            count = len(request.legal)
            orders = self._orders.of(count) if way == SHIFTS and count > 1 else [np.arange(count)]
            asked += [(request, order, self._seed(request)) for order in orders]
            of += [i] * len(orders)
        outcomes = self._all(asked)
        priors = [self._prior(request) if way == CALIBRATE else None
                  for request, way in zip(requests, ways, strict=True)]  # fmt: skip
        decisions = []
        for i, (request, prior) in enumerate(zip(requests, priors, strict=True)):
            mine = [k for k, which in enumerate(of) if which == i]
            found = [(asked[k][1], outcomes[k]) for k in mine]
            decisions.append(self._decision(request, found, prior))
        return decisions

    def _all(self, asked: Sequence[tuple[Request, NDArray[np.int64], int | None]]) -> "list[_Outcome]":
        """What asking them all came to. Of a server that failed too often one is asked, to see whether it is
        back; where it is not, the others fail unasked."""
        assert self._pool is not None
        if not (self._breaker.open and len(asked) > 1):
            return self._pool.map(self._ask, asked)
        first = self._ask(*asked[0])
        if self._breaker.open:
            return [first, *(_failed("error", self._breaker.why) for _ in asked[1:])]
        return [first, *self._pool.map(self._ask, asked[1:])]

    def _try_out(
        self, asked: Sequence[tuple[Request, NDArray[np.int64]]]
    ) -> list[NDArray[np.float64] | None]:
        """Probabilities (L,) at each place of made-up requests, without thoughts."""
        assert self._pool is not None
        for request, _ in asked:
            self._reader(request)
        outcomes = self._pool.map(self._chosen, [(request, order, None) for request, order in asked])
        found: list[NDArray[np.float64] | None] = []
        for (_, order), outcome in zip(asked, outcomes, strict=True):
            if outcome.shares is not None:
                found.append(outcome.shares)
            elif outcome.finish in _FAILED:
                found.append(None)
            else:
                found.append((order == outcome.place).astype(float)[np.arange(len(order))])
        return found

    def _prior(self, request: Request) -> "tuple[NDArray[np.float64] | None, int]":
        """What is answered to a report that says nothing: log-probabilities (L,), and the tokens to pay."""
        key = (id(request.reporter), request.mask.tobytes())
        self._reporters[id(request.reporter)] = request.reporter  # keeps its number taken
        if key not in self._known:
            question = replace(
                Question.of(request),
                report=request.reporter.content_free(request.mask),
                situation="Report: not available.",
            )
            outcome = self._choose(request, question, 0, None, np.arange(len(request.legal)))
            shares = None if outcome.shares is None else np.log(np.maximum(outcome.shares, LEAST_SHARE))
            self._known[key] = (shares, outcome.prompt_tokens)
        shares, tokens = self._known[key]
        paid = (request.satellite, key) in self._paid
        self._paid.add((request.satellite, key))
        return shares, 0 if paid else tokens

    def _seed(self, request: Request) -> int | None:
        """What the server draws with; drawn here, so that the order of threads does not matter."""
        if not (self.sample or self.budget):
            return None
        return int(self._draws.of(request.satellite).integers(2**31))

    def _decision(
        self,
        request: Request,
        found: "Sequence[tuple[NDArray[np.int64], _Outcome]]",
        prior: "tuple[NDArray[np.float64] | None, int] | None",
    ) -> Decision:
        """A decision from what asking in several orders came to; passes that failed are left out."""
        good = [(order, outcome) for order, outcome in found if outcome.finish not in _FAILED]
        first = (good or found)[0][1]
        action, probabilities, mass = first.action, None, None
        scored = [(order, outcome) for order, outcome in good if outcome.shares is not None]
        finish = first.finish
        if scored:
            probabilities, mass = self._weighed(request, scored, prior)
            if self.sample:
                action = self._draws.pick(probabilities, request.satellite)
            else:
                action = int(probabilities.argmax())
        elif len(good) > 1:
            votes = Counter(outcome.action for _, outcome in good)
            action = max(votes, key=lambda each: (votes[each], -each))
        if mass is not None and mass < self.floor:
            finish, action = UNSURE, SAFE_ACTION
        fell_back = finish in (*_FAILED, UNSURE)
        return Decision(
            action=action,
            prompt_tokens=sum(o.prompt_tokens for _, o in found) + (prior[1] if prior else 0),
            output_tokens=sum(o.output_tokens for _, o in found),
            finish=finish,
            probabilities=probabilities,
            text=first.text,
            reasoning="\n\n".join(o.reasoning for _, o in found if o.reasoning),
            fell_back=fell_back,
            left_out=max(o.left_out for _, o in found),
            estimated=any(o.estimated for _, o in found),
            mass=mass,
            why=(UNSURE if finish == UNSURE else first.why) if fell_back else "",
            passes=len(found),
        )

    def _weighed(
        self,
        request: Request,
        scored: "Sequence[tuple[NDArray[np.int64], _Outcome]]",
        prior: "tuple[NDArray[np.float64] | None, int] | None",
    ) -> tuple[NDArray[np.float64], float | None]:
        """Probabilities (A,) at our temperature from those at each place, and the mean label mass."""
        shares = [outcome.shares for _, outcome in scored if outcome.shares is not None]
        if len(scored) == 1 and not (prior and prior[0] is not None):
            with np.errstate(divide="ignore"):  # what is impossible stays so
                worth = np.log(shares[0])[np.argsort(scored[0][0])]
        else:
            rows = [np.log(np.maximum(row, LEAST_SHARE)) for row in shares]
            worth = agreed(rows, [order for order, _ in scored])
            if prior and prior[0] is not None:
                worth = worth - prior[0]
        probabilities = np.zeros(len(request.mask))
        probabilities[request.legal] = softmax(worth, self.temperature)
        told = [outcome.mass for _, outcome in scored if outcome.mass is not None]
        return probabilities, float(np.mean(told)) if told else None

    def _ask(self, request: Request, order: NDArray[np.int64], seed: int | None) -> "_Outcome":
        """One satellite's question with its options in an order, in a thread of its own."""
        if len(request.legal) == 1:
            return _Outcome("choice", np.ones(1), int(request.legal[0]))
        if self.budget:
            question, left_out = self._question(request, order)
            return self._reason(request, question, left_out, seed, order)
        return self._chosen(request, order, seed)

    def _chosen(self, request: Request, order: NDArray[np.int64], seed: int | None) -> "_Outcome":
        question, left_out = self._question(request, order)
        return self._choose(request, question, left_out, seed, order)

    def _post(self, dialect: Dialect, body: dict[str, Any]) -> Reply:
        """The reply to `body`; a field that the server refuses by its name is left out from then on."""
        reply = self._send(dialect.path, body)
        while (other := complaint(reply, body, dialect.wants)) is not None:
            dialect.wants, body = other, other.applied(body)
            reply = self._send(dialect.path, body)
        return reply

    def _send(self, path: str, body: dict[str, Any]) -> Reply:
        """The reply to a post, without further tries where the server has failed too often."""
        if self._breaker.open and isinstance(self._transport, Client | Recorder):
            reply = self._transport.send("POST", path, body, retries=0)
        else:
            reply = self._transport.send("POST", path, body)
        self._breaker.saw(reply)
        answered = reply.json.get("model") if isinstance(reply.json, dict) else None
        if isinstance(answered, str) and len(self._answered) < MOST_ANSWERED:
            self._answered.add(plain(answered)[:LONGEST_NAME])
        return reply

    def _choose(
        self,
        request: Request,
        question: Question,
        left_out: int,
        seed: int | None,
        order: NDArray[np.int64],
    ) -> "_Outcome":
        drawn = {**SAMPLING, "seed": seed} if self.sample else GREEDY
        dialect = self.dialect
        reply = self._post(dialect, dialect.body(question, drawn))
        if reply.refused and self._fallback:  # such as more options than an endpoint takes
            dialect = self._fallback
            reply = self._post(dialect, dialect.body(question, drawn))
        if not reply.ok:
            return self._failed(reply)
        try:
            answer = dialect.read(reply.json, question)
        except UnreadableReply as error:
            return self._outcome(reply, question, left_out, UNREADABLE, note=reply.said or str(error))
        if answer.probabilities is not None:
            outcome = self._outcome(reply, question, left_out, "choice", answer)
            return self._completed(request, outcome, answer, left_out, seed, order)
        reading = self._reader(request).read(answer.text, request.mask, order)
        finish = "stop" if reading.status == OK else reading.status
        place = int(np.flatnonzero(request.legal[order] == reading.action)[0]) if finish == "stop" else -1
        outcome = self._outcome(reply, question, left_out, finish, answer, action=reading.action)
        return outcome._replace(place=int(order[place]) if place >= 0 else -1)

    def _completed(
        self,
        request: Request,
        outcome: "_Outcome",
        answer: Answer,
        left_out: int,
        seed: int | None,
        order: NDArray[np.int64],
    ) -> "_Outcome":
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
            options = request.legal[order][missing]
            mask[options] = 1
            rest = replace(request, mask=mask)
            question = Question.of(rest, left_out)
            reply = self._post(self.dialect, self.dialect.body(question, GREEDY))
            try:
                second = self.dialect.read(reply.json, question) if reply.ok else Answer(None)
            except UnreadableReply:
                second = Answer(None)
            if second.probabilities is not None:
                paid = self._outcome(reply, question, left_out, "choice", second)
                outcome = outcome._replace(
                    prompt_tokens=outcome.prompt_tokens + paid.prompt_tokens,
                    output_tokens=outcome.output_tokens + paid.output_tokens,
                )
                told = np.maximum(second.probabilities, LEAST_SHARE)
                among = told[np.searchsorted(rest.legal, options)] / told.max()
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
    ) -> "_Outcome":
        """Think up to the budget; where that gave no answer, decide with the thoughts so far."""
        budget = self.budget if self._one_call else None
        reply = self._post(self._plain, self._thinking_body(question, seed, budget))
        if not reply.ok:
            return self._failed(reply)
        try:
            answer = read_chat(reply.json)
        except UnreadableReply as error:
            return self._outcome(reply, question, left_out, UNREADABLE, note=reply.said or str(error))
        reading = self._reader(request).read(answer.text, request.mask, order)
        thought = self._outcome(reply, question, left_out, "stop", answer, action=reading.action)
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
        body = {"model": self.model, "messages": messages(question.system, question.report), **THINKING}
        body |= _thinking_on(self.dialect.switch)
        if seed is not None:
            body["seed"] = seed
        limit = self.budget if budget is None else budget
        if self.context is not None:
            limit = min(limit, self.context - _tokens(question.system + question.report) - ANSWER_ROOM)
        if not math.isinf(limit):
            body["max_tokens"] = max(1, int(limit))
        if budget is not None:
            body |= dict.fromkeys(BUDGETS, body["max_tokens"])
            body["max_tokens"] += ANSWER_TOKENS
        return self._plain.wants.applied(body)

    def _question(self, request: Request, order: NDArray[np.int64]) -> tuple[Question, int]:
        """The question, and how many topics had to go for it to fit the context."""
        question = Question.of(request, 0, order)
        if self.dense:
            return self._in_tokens(request, question, order), 0
        if self.context is None:
            return question, 0
        room = self.context - (0 if math.isinf(self.budget) else int(self.budget)) - ANSWER_ROOM
        topics = request.reporter.topic_count(request.observation)
        left_out = 0
        while _tokens(question.system + question.report) > room and left_out < topics:
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

    def _failed(self, reply: Reply) -> "_Outcome":
        """What a reply comes to that is none: nobody is charged for it."""
        return _failed(reply.failure or "error", reply.reason, refused=not reply.failure)

    def _outcome(
        self,
        reply: Reply,
        question: Question,
        left_out: int,
        finish: str,
        answer: Answer = NOTHING,
        action: int = SAFE_ACTION,
        note: str = "",
    ) -> "_Outcome":
        """`note` says what went wrong where there is no text of the model."""
        usage = read_usage(reply.json)
        counted = usage or Usage(_tokens(question.system + question.report), _written(answer))
        return _Outcome(
            finish,
            None,
            action,
            counted.prompt,
            counted.output,
            usage is None,
            f"({note})" if note else answer.text,
            answer.reasoning,
            left_out,
            finish if finish in _FAILED else "",
            answer.mass,
        )

    def _reader(self, request: Request) -> ReplyReader:
        key = request.reporter.actions, request.reporter.labels
        if key not in self._readers:
            self._readers[key] = ReplyReader(*key)
        return self._readers[key]


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
