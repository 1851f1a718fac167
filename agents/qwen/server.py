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
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.qwen.address import base_url
from agents.qwen.asking import ANSWER_ROOM, LEAST_SHARE, PROPOSED, Asker
from agents.qwen.bias import BiasTest
from agents.qwen.cassette import Player, Recorder
from agents.qwen.choice import (
    ALWAYS,
    ASIDE,
    NEVER,
    ON_DEMAND,
    Draws,
    check_temperature,
    choose,
    softmax,
    thinking_of,
)
from agents.qwen.decisions import FLOOR, UNSURE, Decision, Engine, Request, Stream, check_floor
from agents.qwen.dialects import Decisions, Dense, LogProbs, Question, SystemOne
from agents.qwen.http import ApiKey, Client
from agents.qwen.names import nominal_name
from agents.qwen.on_demand import (
    Uniforms,
    after_thought,
    first_pass,
    has_label,
    offer_of,
    uniforms_of,
)
from agents.qwen.orders import AUTO, CALIBRATE, EACH, NONE, SHIFTS, Orders, agreed, check_debias
from agents.qwen.outcome import FAILED, Outcome, failed, tokens_in, weighed_verdicts
from agents.qwen.pool import Pool
from agents.qwen.probing import probe
from envs.replies import SAFE_ACTION
from sandbox.errors import SandboxError

API_KEY_ENV = "SANDBOX_API_KEY"


class _Verdict(NamedTuple):
    """What passes came to: whether to think first, and the action without that if it is known."""

    thinks: bool
    action: int | None
    probabilities: NDArray[np.float64] | None = None
    mass: float | None = None
    chance: float | None = None


class ServerEngine(Engine):
    """Decides with `model` at the server `url`, for example http://localhost:8000/v1.

    `model` None takes the only one that the server lists. `dialect` is one of `agents.qwen.dialects`, or
    "auto" for the best that works. `thinking` is as of `LocalEngine`. `temperature` and
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
        first = thinking_of(thinking)
        self.temperature, self.sample = check_temperature(temperature), sample
        _check_numbers(timeout_s, retries, concurrency, context)
        self._debias, self.floor = check_debias(debias), check_floor(floor)
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
            found = probe(self._transport, shown, model, dialect, first.when == ALWAYS)
        except SandboxError:
            if isinstance(self._transport, Recorder):
                self._transport.discard()
            raise
        self.model, self.dialect = found.model, found.dialect
        self.context = found.context if context is None else context
        self.dense, self._may_fall_back = isinstance(self.dialect, Dense), dialect == "auto"
        self.name = name or nominal_name(self.model)
        self.think_as(thinking)
        self._draws, self._aside, self._orders = Draws(seed), Draws(seed), Orders(seed)
        self._pool: Pool | None = Pool(concurrency, "qwen-server")
        self._reporters: dict[int, Any] = {}
        self._known: dict[Any, tuple[NDArray[np.float64] | None, int]] = {}
        self._paid: set[Any] = set()

    def think_as(self, thinking: str | int) -> None:
        wanted = thinking_of(thinking)
        self._check_each(wanted.when)
        if self.dense and wanted.budget:
            raise SandboxError("The dialect dense only chooses; take thinking off.")
        self.thinking, self.budget, self._offer = wanted, wanted.budget, offer_of(wanted)
        self._bias = BiasTest(NONE if self.dense else self._debias, self._offer)
        self._asker = Asker(
            self._transport,
            self.dialect,
            fallback=self._may_fall_back,
            budget=0.0 if self.thinking.when == ASIDE else self.budget,
            context=self.context,
            sample=self.sample,
        )

    def _judges(self, when: str) -> bool:
        """Whether options may be proposed one by one: without thoughts, and by probabilities."""
        return when == NEVER and isinstance(self.dialect, LogProbs | SystemOne | Decisions)

    def _check_each(self, when: str) -> None:
        if self._debias == EACH and not self._judges(when):
            raise SandboxError(
                f"debias {EACH} needs the probabilities of Yes and No and no thoughts: the dialect is "
                f"{self.dialect.name}, thinking {'off' if when == NEVER else 'on'}; take debias {SHIFTS}."
            )

    def reset(self, seed: int | None = None) -> None:
        self._draws.reset(seed)
        self._aside.reset(seed)
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

    def begin(self, request: Request) -> Stream:
        return Stream(request, tokens_in(request.system + request.report))

    def go_on(self, streams: Sequence[Stream], tokens: Sequence[int]) -> None:
        assert self._pool is not None
        asked = []
        for stream, most in zip(streams, tokens, strict=True):
            seed = int(self._aside.of(stream.request.satellite).integers(2**31))
            asked.append((stream.request, stream.text, most, seed))
        if self._asker.breaker.open:
            asked = asked[:1]
        slices = self._pool.map(self._asker.slice, asked)
        for stream, found in zip(streams, slices, strict=False):
            stream.text = f"{stream.text} {found.text}".strip()
            stream.written, stream.closed = stream.written + found.written, found.closed

    def room(self, stream: Stream) -> float:
        if self.context is None:
            return math.inf
        return max(0, self.context - stream.prompt_tokens - stream.written - ANSWER_ROOM)

    def told(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "dialect": self.dialect.name,
            "context": self.context,
            **({"answered_as": sorted(self._asker.answered)} if self._asker.answered - {self.model} else {}),
            **self._bias.told(),
        }

    def decide(self, requests: Sequence[Request]) -> list[Decision]:
        if self._pool is None:
            raise SandboxError("This engine was closed; make another one.")
        if self.thinking.when == ON_DEMAND:
            return self._on_demand(requests)
        return self._decided(requests, self.thinking.when == ALWAYS)

    def _on_demand(self, requests: Sequence[Request]) -> list[Decision]:
        """Decisions of which some asked for a thought first."""
        asked = [self._offered(request) for request in requests]
        drawn = uniforms_of(asked, self._draws) if self.sample else [None] * len(asked)
        decided = self._decided(asked, False, drawn)
        thinks = [i for i, decision in enumerate(decided) if decision.thought_asked]
        again = []
        for i in thinks:
            known = Question.of(asked[i], decided[i].left_out)
            again.append(replace(asked[i], think="", read=known.system + known.report))
        second = self._decided(again, True, [drawn[i] for i in thinks])
        for i, decision in zip(thinks, second, strict=True):
            decided[i] = after_thought(decided[i], decision)
        return decided

    def _offered(self, request: Request) -> Request:
        """`request` with thinking among its choices, where there are a label and room for a thought."""
        offered = replace(request, think=self._offer if request.think is None else request.think)
        legal = has_label(offered) and self._asker.offered(offered)
        return offered if legal else replace(offered, think="")

    def _decided(
        self, requests: Sequence[Request], think: bool, drawn: Sequence[Uniforms | None] | None = None
    ) -> list[Decision]:
        """Decisions in one pass, or after a thought each; drawn with these numbers where there are any."""
        drawn = drawn or [None] * len(requests)
        for request in requests:
            self._asker.reader(request)
        judge = self._try_each if self._judges(self.thinking.when) else None
        ways = [self._bias.way(request.reporter, self._try_out, judge) for request in requests]
        asked: list[tuple[Request, NDArray[np.int64], int | None]] = []
        of: list[int] = []
        for i, (request, way) in enumerate(zip(requests, ways, strict=True)):
            count = len(request.options)
            if way == EACH and count > 1:
                asked += [(request, np.array([place]), PROPOSED) for place in range(count)]
                of += [i] * count
                continue
            orders = self._orders.of(count) if way == SHIFTS and count > 1 else [np.arange(count)]
            asked += [(request, order, self._seed(request, think)) for order in orders]
            of += [i] * len(orders)
        outcomes = self._all(asked, self._asker.thought if think else self._asker.ask)
        priors = [self._prior(request) if way == CALIBRATE else None
                  for request, way in zip(requests, ways, strict=True)]  # fmt: skip
        decisions = []
        for i, (request, prior, own) in enumerate(zip(requests, priors, drawn, strict=True)):
            mine = [k for k, which in enumerate(of) if which == i]
            found = [(asked[k][1], outcomes[k]) for k in mine]
            if asked[mine[0]][2] == PROPOSED:
                found = [weighed_verdicts(request, [outcomes[k] for k in mine])]
            decisions.append(self._decision(request, found, prior, len(mine), own))
        return decisions

    def _all(
        self,
        asked: Sequence[tuple[Request, NDArray[np.int64], int | None]],
        ask: Callable[[Request, NDArray[np.int64], int | None], Outcome],
    ) -> list[Outcome]:
        """What asking them all came to. Of a server that failed too often one is asked, to see whether it is
        back; where it is not, the others fail unasked."""
        assert self._pool is not None
        if not (self._asker.breaker.open and len(asked) > 1):
            return self._pool.map(ask, asked)
        first = self._pool.map(ask, asked[:1])
        if self._asker.breaker.open:
            return [*first, *(failed("error", self._asker.breaker.why) for _ in asked[1:])]
        return [*first, *self._pool.map(ask, asked[1:])]

    def _try_out(
        self, asked: Sequence[tuple[Request, NDArray[np.int64]]]
    ) -> list[NDArray[np.float64] | None]:
        """Probabilities (L,) at each place of made-up requests, without thoughts."""
        assert self._pool is not None
        for request, _ in asked:
            self._asker.reader(request)
        outcomes = self._pool.map(self._asker.chosen, [(request, order, None) for request, order in asked])
        found: list[NDArray[np.float64] | None] = []
        for (_, order), outcome in zip(asked, outcomes, strict=True):
            if outcome.shares is not None:
                found.append(outcome.shares)
            elif outcome.finish in FAILED:
                found.append(None)
            else:
                found.append((order == outcome.place).astype(float)[np.arange(len(order))])
        return found

    def _try_each(self, requests: Sequence[Request]) -> list[NDArray[np.float64] | None]:
        """Probabilities (L,) of made-up requests whose options are proposed one by one."""
        assert self._pool is not None
        asked = [(request, place) for request in requests for place in range(len(request.legal))]
        outcomes = iter(self._pool.map(self._asker.judged, asked))
        found: list[NDArray[np.float64] | None] = []
        for request in requests:
            mine = [next(outcomes) for _ in request.legal]
            _, whole = weighed_verdicts(request, mine)
            known = all(outcome.finish not in FAILED for outcome in mine)
            found.append(whole.shares if known and (whole.mass is None or whole.mass >= self.floor) else None)
        return found

    def _prior(self, request: Request) -> "tuple[NDArray[np.float64] | None, int]":
        """What is answered to a report that says nothing: log-probabilities (L,), and the tokens to pay."""
        assert self._pool is not None
        key = (id(request.reporter), request.mask.tobytes(), request.think or "")
        self._reporters[id(request.reporter)] = request.reporter  # keeps its number taken
        if key not in self._known:
            if self._asker.breaker.open:
                return None, 0
            [outcome] = self._pool.map(self._asker.content_free, [(request,)])
            if outcome.finish in FAILED:
                return None, outcome.prompt_tokens
            shares = None if outcome.shares is None else np.log(np.maximum(outcome.shares, LEAST_SHARE))
            self._known[key] = (shares, outcome.prompt_tokens)
        shares, tokens = self._known[key]
        paid = (request.satellite, key) in self._paid
        self._paid.add((request.satellite, key))
        return shares, 0 if paid else tokens

    def _seed(self, request: Request, think: bool) -> int | None:
        """What the server draws with; drawn here, so that the order of threads does not matter."""
        if not (self.sample or think):
            return None
        return int(self._draws.of(request.satellite).integers(2**31))

    def _decision(
        self,
        request: Request,
        found: Sequence[tuple[NDArray[np.int64], Outcome]],
        prior: "tuple[NDArray[np.float64] | None, int] | None",
        passes: int,
        drawn: Uniforms | None,
    ) -> Decision:
        """A decision from what asking in several orders came to; passes that failed are left out."""
        good = [(order, outcome) for order, outcome in found if outcome.finish not in FAILED]
        first = (good or found)[0][1]
        verdict = self._verdict(request, good, prior, drawn)
        unsure = verdict.mass is not None and verdict.mass < self.floor
        finish = UNSURE if unsure else first.finish
        thinks, fell_back = verdict.thinks and not unsure, finish in (*FAILED, UNSURE)
        action = SAFE_ACTION if fell_back or verdict.action is None else verdict.action
        return Decision(
            action=action,
            prompt_tokens=sum(o.prompt_tokens for _, o in found) + (prior[1] if prior else 0),
            output_tokens=sum(o.output_tokens for _, o in found),
            finish=finish,
            probabilities=verdict.probabilities,
            text=first.text,
            reasoning="\n\n".join(o.reasoning for _, o in found if o.reasoning),
            fell_back=fell_back,
            left_out=max(o.left_out for _, o in found),
            estimated=any(o.estimated for _, o in found),
            mass=verdict.mass,
            why=(UNSURE if unsure else first.why) if fell_back else "",
            passes=passes,
            thought_asked=thinks if self.thinking.when == ON_DEMAND else None,
            thought_chance=verdict.chance,
            without_thought=verdict.action if thinks else None,
        )

    def _verdict(
        self,
        request: Request,
        good: Sequence[tuple[NDArray[np.int64], Outcome]],
        prior: "tuple[NDArray[np.float64] | None, int] | None",
        drawn: Uniforms | None,
    ) -> _Verdict:
        """What passes that did not fail come to: by their probabilities, or else the most said."""
        scored = [(order, outcome) for order, outcome in good if outcome.shares is not None]
        if not scored:
            return _said_most(good, len(request.mask))
        worth, mass = self._weighed(scored, prior)
        if request.think:
            thinks, action, probabilities, chance = first_pass(request, worth, self.temperature, drawn)
            return _Verdict(thinks, action, probabilities, mass, chance)
        probabilities = np.zeros(len(request.mask))
        probabilities[request.legal] = softmax(worth, self.temperature)
        draws = self._draws if self.sample else None
        action = choose(probabilities, request.satellite, drawn and drawn.act, draws)
        return _Verdict(False, action, probabilities, mass)

    def _weighed(
        self,
        scored: Sequence[tuple[NDArray[np.int64], Outcome]],
        prior: "tuple[NDArray[np.float64] | None, int] | None",
    ) -> tuple[NDArray[np.float64], float | None]:
        """What the options are worth, as log-probabilities (L,), and the mean label mass."""
        shares = [outcome.shares for _, outcome in scored if outcome.shares is not None]
        if len(scored) == 1 and not (prior and prior[0] is not None):
            with np.errstate(divide="ignore"):  # what is impossible stays so
                worth = np.log(shares[0])[np.argsort(scored[0][0])]
        else:
            rows = [np.log(np.maximum(row, LEAST_SHARE)) for row in shares]
            worth = agreed(rows, [order for order, _ in scored])
            if prior and prior[0] is not None:
                worth = worth - prior[0]
        told = [outcome.mass for _, outcome in scored if outcome.mass is not None]
        return worth, float(np.mean(told)) if told else None


def _said_most(good: Sequence[tuple[NDArray[np.int64], Outcome]], think: int) -> _Verdict:
    """The answer that most passes gave, of equals the first; the number `think` asks for a thought."""
    votes = Counter(outcome.action for _, outcome in good)
    ranked = sorted(votes, key=lambda each: (-votes[each], each))
    actions = [each for each in ranked if each != think]
    return _Verdict(ranked[:1] == [think], actions[0] if actions else None)


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
