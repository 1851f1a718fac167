"""A Qwen3 checkpoint in this process, through transformers: it chooses in one forward pass, or reasons first.

*choose* is a proper policy: a softmax over the labels of the legal decisions after one forward pass, nothing
to parse. *reason* lets the model think first, within a budget of tokens that is enforced here, and then
chooses: so the answer is always legal and has probabilities. *auto* chooses, and among the choices is to
reason (`agents.qwen.on_demand`). *agile* chooses, and reasons beside it (`agents.qwen.aside`).

Output tokens are those that the model wrote. What is put into its mouth to close its thoughts is read, not
written, so it counts with the prompt; the answer comes with the last token read and costs nothing more.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.qwen.bias import BiasTest
from agents.qwen.chat import CLOSED, TIME_IS_UP, ChatRenderer, Prompt, common_prefix
from agents.qwen.chat import NEVER as NEVER_OPENS
from agents.qwen.choice import (
    ALWAYS,
    NEVER,
    ON_DEMAND,
    Draws,
    check_temperature,
    choose,
    softmax,
    sure_mass,
    thinking_of,
)
from agents.qwen.decisions import (
    FLOOR,
    UNSURE,
    Decision,
    Engine,
    Request,
    Stream,
    check_floor,
    no_scores,
)
from agents.qwen.loading import load
from agents.qwen.local_model import Answered, LocalModel
from agents.qwen.names import nominal_name
from agents.qwen.on_demand import (
    Uniforms,
    after_thought,
    first_pass,
    has_label,
    offer_of,
    uniforms_of,
)
from agents.qwen.orders import AUTO, CALIBRATE, EACH, SHIFTS, Orders, agreed, check_debias
from envs.replies import SAFE_ACTION
from sandbox.errors import SandboxError

UNSTATED = 4096
"""Tokens of context of a model that does not say."""
THINK_END, TURN_END = "</think>", "<|im_end|>"
FREE_SHARE = 4
"""Free thinking keeps at least one in so many tokens of the context for thoughts."""


class Pass(NamedTuple):
    """A request, by its number, with its options listed in an order."""

    request: int
    order: NDArray[np.int64]


class _Prior(NamedTuple):
    """What a model answers to a report that says nothing: log-probabilities (L,), and the tokens to pay."""

    scores: NDArray[np.float64] | None
    tokens: int


class LocalEngine(LocalModel, Engine):
    """Decides with the checkpoint `model`, a hub id or a folder.

    `adapters` maps names to LoRA folders or hub ids; a request names the one that decides for it, and
    `default_adapter` stands in where it names none. `thinking` is "off", "free", a number of tokens, "auto"
    or "agile" (with a budget: "auto:512").
    `temperature` divides the scores of the labels; with `sample` an action is drawn from the probabilities,
    else the most likely one is taken. `threads` sets those of torch, for the whole process. `context` makes
    the context shorter than the checkpoint's. `name` is the nominal model whose cost the spacecraft pays.
    `debias` says what is done about a bias for places and letters (`agents.qwen.orders`): "none", "shifts",
    "calibrate", or "auto" for shifts where a test with the first decisions shows one. Below the share `floor`
    of its probability on legal labels a model is unsure and falls back. With `any_model` other causal models
    with a chat template than Qwen3 are loaded.

    Raises SandboxError for what cannot be found, loaded or combined.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        adapters: Mapping[str, str | Path] | None = None,
        default_adapter: str | None = None,
        thinking: str | int = "off",
        temperature: float = 1.0,
        sample: bool = False,
        seed: int | None = 0,
        dtype: str = "auto",
        device: str = "auto",
        threads: int | None = None,
        context: int | None = None,
        micro_batch: int = 16,
        reuse_prefix: bool = True,
        allow_download: bool = False,
        name: str | None = None,
        debias: str = AUTO,
        floor: float = FLOOR,
        any_model: bool = False,
    ) -> None:
        super().__init__()
        thinking_of(thinking)  # a wrong one is told before anything is loaded
        self.temperature, self.sample = check_temperature(temperature), sample
        self.adapters = tuple(adapters or {})
        self.default_adapter = default_adapter
        self._check_adapter(default_adapter)
        loaded = load(model, adapters or {}, dtype, device, allow_download, any_model)
        self.name = name or nominal_name(model)
        self.reuse_prefix = reuse_prefix
        self.tokenizer = loaded.tokenizer
        self.chat = ChatRenderer(loaded.tokenizer, str(model))
        self.context = _context(context, _longest(loaded.model.config), str(model))
        self._draws, self._aside, self._orders = Draws(seed), Draws(seed), Orders(seed)
        self._debias, self.floor = check_debias(debias), check_floor(floor)
        self._reporters: dict[int, Any] = {}
        self._known: dict[tuple[Any, ...], _Prior] = {}
        self._paid: set[tuple[int, tuple[Any, ...]]] = set()
        self._start(loaded.model, micro_batch, threads)
        self.think_as(thinking)

    def _start(self, model: Any, micro_batch: int, threads: int | None) -> None:
        """What needs torch, which is not imported before a checkpoint is asked for."""
        import torch

        from agents.qwen.scoring import Forward

        if threads is not None:
            if threads < 1:
                raise SandboxError(f"threads is {threads}; give a number from 1 up.")
            torch.set_num_threads(threads)
        self._forward: Forward | None = Forward(model, bool(self.adapters), micro_batch)
        self._closing = self.chat.encode(TIME_IS_UP)
        self._closed = self.chat.encode(THINK_END + CLOSED)

    def _made_thinker(self) -> Any:
        from agents.qwen.thinking import Thinker

        assert self._forward is not None
        ends = [self.tokenizer.convert_tokens_to_ids(token) for token in (THINK_END, TURN_END)]
        return Thinker(self._forward, ends)

    def think_as(self, thinking: str | int) -> None:
        wanted = thinking_of(thinking)
        if wanted.budget:
            self._check_thinking(wanted.budget)
            self._thinker = self._made_thinker()
        self.thinking, self.budget, self._offer = wanted, wanted.budget, offer_of(wanted)
        self._always_thinks = wanted.when == ALWAYS
        self._bias = BiasTest(self._debias, self._offer)

    @property
    def mode(self) -> str:
        """ "choose", "reason", "auto" or "agile"."""
        return {NEVER: "choose", ALWAYS: "reason"}.get(self.thinking.when, self.thinking.when)

    def reset(self, seed: int | None = None) -> None:
        self._draws.reset(seed)
        self._aside.reset(seed)
        self._paid.clear()

    def close(self) -> None:
        self._forward = None

    def decide(self, requests: Sequence[Request]) -> list[Decision]:
        if self._forward is None:
            raise SandboxError("This engine was closed; make another one.")
        if self.thinking.when == ON_DEMAND:
            return self._on_demand(requests)
        return self._decided([self._readable(request) for request in requests], self._always_thinks)

    def _on_demand(self, requests: Sequence[Request]) -> list[Decision]:
        """Decisions of which some asked for a thought first."""
        asked = [self._offered(request) for request in requests]
        drawn = uniforms_of(asked, self._draws) if self.sample else [None] * len(asked)
        decided = self._decided(asked, False, drawn)
        thinks = [i for i, decision in enumerate(decided) if decision.thought_asked]
        again = [replace(asked[i], think="") for i in thinks]
        read = [self._read_before(asked[i], plain) for i, plain in zip(thinks, again, strict=True)]
        second = self._decided(again, True, [drawn[i] for i in thinks])
        for i, shared, decision in zip(thinks, read, second, strict=True):
            paid = replace(decision, prompt_tokens=decision.prompt_tokens - shared)
            decided[i] = after_thought(decided[i], paid)
        return decided

    def _offered(self, request: Request) -> Request:
        """`request` with thinking among its choices, where there are a label and room for a thought."""
        offer = self._offer if request.think is None else request.think
        offered = replace(request, think=offer)
        if offer and has_label(request):
            try:
                self.chat.fit(offered, True, self._room())
                return offered
            except SandboxError:  # no room for a thought
                pass
        return replace(request, think="")

    def _read_before(self, offered: Request, plain: Request) -> int:
        """Tokens of the prompts of the second pass that the first has read."""
        first = self.chat.fit(offered, False, self._room()).ids
        listed = self._listed(plain, self._bias.way(plain.reporter, self._ask))
        seconds = [self.chat.fit(plain, True, self._room(), order).ids for order in listed]
        return sum(len(common_prefix(first, ids)) for ids in seconds)

    def _decided(
        self, requests: Sequence[Request], think: bool, drawn: Sequence[Uniforms | None] | None = None
    ) -> list[Decision]:
        """Decisions in one pass, or after a thought each; drawn with these numbers where there are any."""
        drawn = drawn or [None] * len(requests)
        judge = self._judge if self.thinking.when == NEVER else None
        ways = [self._bias.way(request.reporter, self._ask, judge) for request in requests]
        found: list[list[Answered]] = [[] for _ in requests]
        proposed = [i for i, way in enumerate(ways) if way == EACH]
        for i, answer in zip(proposed, self._judged([requests[i] for i in proposed]), strict=True):
            found[i].append(answer)
        passes = [
            Pass(i, order)
            for i, (request, way) in enumerate(zip(requests, ways, strict=True))
            if way != EACH
            for order in self._listed(request, way)
        ]
        if passes:
            given = [requests[p.request] for p in passes], [p.order for p in passes]
            answers = self._answers(*given, think)
            for which, answer in zip(passes, answers, strict=True):
                found[which.request].append(answer)
        prior = self._priors(requests, ways)
        return [self._decision(*each) for each in zip(requests, found, prior, drawn, strict=True)]

    def begin(self, request: Request) -> Stream:
        ids = self.chat.fit(request, True, self._room()).ids
        return Stream(request, len(ids), prompt=ids)

    def go_on(self, streams: Sequence[Stream], tokens: Sequence[int]) -> None:
        rows = [self._row(stream.request, stream.prompt + stream.ids) for stream in streams]
        draws = [self._aside.of(stream.request.satellite) for stream in streams]
        for stream, thought in zip(streams, self._thinker.think(rows, tokens, draws), strict=True):
            stream.ids = stream.ids + thought.ids
            stream.written += thought.drawn
            stream.closed, stream.text = thought.closed, self._said(stream.ids)

    def room(self, stream: Stream) -> float:
        return self.context - len(stream.prompt) - len(stream.ids)

    def shortened(self, text: str, tokens: int) -> str:
        ids = self.chat.encode(text)
        if len(ids) <= tokens:
            return text
        return "..." + self.tokenizer.decode(ids[len(ids) - max(0, tokens - 1) :], skip_special_tokens=True)

    def _readable(self, request: Request) -> Request:
        """`request` without the thoughts that it quotes, where there is no room for them."""
        if not request.thoughts:
            return request
        try:
            self.chat.fit(request, False, self.context)
        except SandboxError:
            return replace(request, thoughts="")
        return request

    def told(self) -> dict[str, Any]:
        return {"model": self.name, "labels": "whole" if self._split else "one token", **self._bias.told()}

    def _listed(self, request: Request, way: str) -> list[NDArray[np.int64]]:
        """The orders in which the options of a request are listed."""
        count = len(request.options)
        return self._orders.of(count) if way == SHIFTS else [np.arange(count)]

    def _ask(self, asked: Sequence[tuple[Request, NDArray[np.int64]]]) -> list[NDArray[np.float64] | None]:
        """Probabilities (L,) of made-up requests, without thoughts."""
        requests, orders = [request for request, _ in asked], [order for _, order in asked]
        room = self.context - 1
        ids = [self.chat.fit(r, False, room, order).ids for r, order in zip(requests, orders, strict=True)]
        scores = self._scores(requests, ids, orders)
        return [softmax(row) if np.isfinite(row).all() else None for row in scores]

    def _judge(self, requests: Sequence[Request]) -> list[NDArray[np.float64] | None]:
        """Probabilities (L,) of made-up requests whose options are proposed one by one."""
        answers = self._judged(requests)
        return [
            softmax(answer.scores) if np.isfinite(answer.scores).all() and answer.mass >= self.floor else None
            for answer in answers
        ]

    def _answers(
        self, requests: Sequence[Request], orders: Sequence[NDArray[np.int64]], think: bool
    ) -> list[Answered]:
        """What the model answers to each request, its options listed in that order."""
        prompts = [
            self.chat.fit(request, think, self._room() if think or request.think else self.context, order)
            for request, order in zip(requests, orders, strict=True)
        ]
        if think:
            return self._reasoned(requests, orders, prompts)
        ids = [prompt.ids for prompt in prompts]
        return [
            Answered(order, row, len(prompt.ids), prompt.left_out)
            for order, row, prompt in zip(orders, self._scores(requests, ids, orders), prompts, strict=True)
        ]

    def _reasoned(
        self,
        requests: Sequence[Request],
        orders: Sequence[NDArray[np.int64]],
        prompts: Sequence[Prompt],
    ) -> list[Answered]:
        """Answers after a thought each: thoughts speak of letters, so that each order has its own."""
        rows = [self._row(request, prompt.ids) for request, prompt in zip(requests, prompts, strict=True)]
        left = [self.context - len(prompt.ids) - len(self._closing) for prompt in prompts]
        budgets = [int(min(self.budget, room)) for room in left]
        draws = self._streams(requests)
        thoughts = self._thinker.think(rows, budgets, draws)
        tails = [thought.ids + (self._closed if thought.closed else self._closing) for thought in thoughts]
        ids = [prompt.ids + tail for prompt, tail in zip(prompts, tails, strict=True)]
        scored = self._scores(requests, ids, orders)
        return [
            Answered(
                order,
                row,
                len(prompt.ids) + len(tail) - thought.drawn,
                prompt.left_out,
                thought.drawn,
                "stop" if thought.closed else "length",
                self._said(thought.ids),
            )
            for order, row, prompt, thought, tail in zip(
                orders, scored, prompts, thoughts, tails, strict=True
            )
        ]

    def _streams(self, requests: Sequence[Request]) -> list[np.random.Generator]:
        """What each thought is drawn from: the satellite's own stream, or for several thoughts of one parts
        of it, so that they may be drawn side by side."""
        counts = Counter(id(request) for request in requests)
        spawned: dict[int, list[np.random.Generator]] = {}
        for request in requests:
            if id(request) not in spawned:
                own, count = self._draws.of(request.satellite), counts[id(request)]
                seeds = own.integers(2**63, size=count if count > 1 else 0)
                spawned[id(request)] = [np.random.default_rng(seed) for seed in seeds] or [own]
        return [spawned[id(request)].pop(0) for request in requests]

    def _priors(self, requests: Sequence[Request], ways: Sequence[str]) -> list["_Prior"]:
        """Of each request what the model answers to a report that says nothing, where that is taken away.

        It is computed once and kept; each satellite pays for it when it first needs it.
        """
        wanted = [self._prior_key(request) if way == CALIBRATE else None for request, way in
                  zip(requests, ways, strict=True)]  # fmt: skip
        new = {key: i for i, key in enumerate(wanted) if key is not None and key not in self._known}
        if new:
            asked = [requests[i] for i in new.values()]
            free = [r.reporter.content_free(r.mask, think=r.think or "") for r in asked]
            ids = [self.chat.ids(r.system, text, False) for r, text in zip(asked, free, strict=True)]
            orders = [np.arange(len(request.options)) for request in asked]
            rows = self._scores(asked, ids, orders)
            for key, own, row in zip(new, ids, rows, strict=True):
                self._known[key] = _Prior(row, len(own))
        priors = []
        for request, wish in zip(requests, wanted, strict=True):
            if wish is None:
                priors.append(_Prior(None, 0))
                continue
            paid = (request.satellite, wish) in self._paid
            self._paid.add((request.satellite, wish))
            priors.append(self._known[wish]._replace(tokens=0) if paid else self._known[wish])
        return priors

    def _prior_key(self, request: Request) -> tuple[Any, ...]:
        self._reporters[id(request.reporter)] = request.reporter  # keeps its number taken
        return id(request.reporter), request.mask.tobytes(), request.adapter, request.think or ""

    def _decision(
        self, request: Request, answers: Sequence[Answered], prior: "_Prior", drawn: Uniforms | None
    ) -> Decision:
        prompt_tokens = sum(answer.prompt_tokens for answer in answers) + prior.tokens
        output_tokens = sum(answer.output_tokens for answer in answers)
        left_out = max(answer.left_out for answer in answers)
        reasoning = "\n\n".join(answer.reasoning for answer in answers if answer.reasoning)
        rows = [answer.scores for answer in answers]
        if not all(np.isfinite(row).all() for row in rows):
            return no_scores(prompt_tokens, output_tokens, reasoning, left_out)
        worth = rows[0] if len(rows) == 1 else agreed(rows, [answer.order for answer in answers])
        if prior.scores is not None and np.isfinite(prior.scores).all():
            worth = worth - prior.scores
        if request.think:
            first = first_pass(request, worth, self.temperature, drawn)
            probabilities = first.probabilities
        else:
            first, probabilities = None, np.zeros(len(request.mask))
            probabilities[request.legal] = softmax(worth, self.temperature)
        judged = answers[0].mass >= 0.0
        mass = answers[0].mass if judged else float(np.mean([sure_mass(row) for row in rows]))
        draws = self._draws if self.sample else None
        action = choose(probabilities, request.satellite, drawn and drawn.act, draws)
        unsure = mass < self.floor
        thinks = first is not None and first.thinks and not unsure
        return Decision(
            action=SAFE_ACTION if unsure else action,
            prompt_tokens=prompt_tokens,
            output_tokens=output_tokens,
            finish=UNSURE if unsure else answers[0].finish,
            probabilities=probabilities,
            text=request.label(len(request.mask) if thinks else action),
            reasoning=reasoning,
            fell_back=unsure,
            left_out=left_out,
            mass=mass,
            why=UNSURE if unsure else "",
            passes=sum(answer.passes for answer in answers),
            thought_asked=thinks if self.thinking.when == ON_DEMAND else None,
            thought_chance=None if first is None else first.chance,
            without_thought=action if thinks else None,
        )

    def _room(self) -> int:
        """Tokens that a prompt may have."""
        return self._room_with(self.budget)

    def _room_with(self, budget: float) -> int:
        if not budget:
            return self.context
        thoughts = self.context // FREE_SHARE if math.isinf(budget) else int(budget)
        return self.context - thoughts - len(self._closing)

    def _said(self, ids: list[int]) -> str:
        text = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text.replace("<think>", "").strip()

    def _check_thinking(self, budget: float) -> None:
        if self._debias == EACH:
            raise SandboxError(f"debias {EACH} goes without thoughts; take thinking off, or debias {SHIFTS}.")
        if self.chat.style == NEVER_OPENS:
            raise SandboxError(
                f"Model {self.chat.model!r} has no thinking mode (its chat template never opens a thinking "
                "block); take thinking off, or a checkpoint that thinks."
            )
        if self._room_with(budget) < 1:
            raise SandboxError(
                f"A thinking budget of {budget:g} tokens does not fit the context of {self.context}; "
                "give a smaller budget or a larger context."
            )


def _longest(config: Any) -> int:
    """The context that a configuration states."""
    return int(getattr(config.get_text_config(), "max_position_embeddings", None) or UNSTATED)


def _context(given: int | None, limit: int, model: str) -> int:
    if given is None:
        return limit
    if not 1 <= given <= limit:
        raise SandboxError(f"context is {given}; {model!r} takes from 1 to {limit} tokens.")
    return given
