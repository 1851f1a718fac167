"""A Qwen3 checkpoint in this process, through transformers: it chooses in one forward pass, or reasons first.

*choose* is a proper policy: a softmax over the labels of the legal decisions after one forward pass, nothing
to parse. *reason* lets the model think first, within a budget of tokens that is enforced here, and then
chooses: so the answer is always legal and has probabilities.

Output tokens are those that the model wrote. What is put into its mouth to close its thoughts is read, not
written, so it counts with the prompt; the answer comes with the last token read and costs nothing more.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.qwen.chat import CLOSED, NEVER, TIME_IS_UP, ChatRenderer, Prompt
from agents.qwen.choice import Draws, check_temperature, finite_rows, legal_probabilities, thinking_budget
from agents.qwen.decisions import Decision, Engine, Request, no_scores
from agents.qwen.loading import load
from agents.qwen.names import nominal_name
from sandbox.errors import SandboxError, unknown_name

THINK_END, TURN_END = "</think>", "<|im_end|>"
FREE_SHARE = 4
"""Free thinking keeps at least one in so many tokens of the context for thoughts."""


class LocalEngine(Engine):
    """Decides with the checkpoint `model`, a hub id or a folder.

    `adapters` maps names to LoRA folders or hub ids; a request names the one that decides for it, and
    `default_adapter` stands in where it names none. `thinking` is "off", "free" or a number of tokens.
    `temperature` divides the scores of the labels; with `sample` an action is drawn from the probabilities,
    else the most likely one is taken. `threads` sets those of torch, for the whole process. `context` makes
    the context shorter than the checkpoint's. `name` is the nominal model whose cost the spacecraft pays.

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
    ) -> None:
        self.budget = thinking_budget(thinking)
        self.temperature, self.sample = check_temperature(temperature), sample
        self.adapters = tuple(adapters or {})
        self.default_adapter = default_adapter
        self._check_adapter(default_adapter)
        loaded = load(model, adapters or {}, dtype, device, allow_download)
        self.name = name or nominal_name(model)
        self.reuse_prefix = reuse_prefix
        self.tokenizer = loaded.tokenizer
        self.chat = ChatRenderer(loaded.tokenizer, str(model))
        self.context = _context(context, loaded.model.config.max_position_embeddings, str(model))
        self._labels: dict[tuple[str, ...], NDArray[np.int64]] = {}
        self._draws = Draws(seed)
        self._start(loaded.model, micro_batch, threads)

    def _start(self, model: Any, micro_batch: int, threads: int | None) -> None:
        """What needs torch, which is not imported before a checkpoint is asked for."""
        import torch

        from agents.qwen.scoring import Forward
        from agents.qwen.thinking import Thinker

        if threads is not None:
            if threads < 1:
                raise SandboxError(f"threads is {threads}; give a number from 1 up.")
            torch.set_num_threads(threads)
        self._forward: Forward | None = Forward(model, bool(self.adapters), micro_batch)
        self._closing = self.chat.encode(TIME_IS_UP)
        self._closed = self.chat.encode(THINK_END + CLOSED)
        if self.budget:
            self._check_thinking()
            ends = [self.tokenizer.convert_tokens_to_ids(token) for token in (THINK_END, TURN_END)]
            self._thinker = Thinker(self._forward, ends)

    @property
    def mode(self) -> str:
        """ "choose" or "reason"."""
        return "reason" if self.budget else "choose"

    def reset(self, seed: int | None = None) -> None:
        self._draws.reset(seed)

    def close(self) -> None:
        self._forward = None

    def decide(self, requests: Sequence[Request]) -> list[Decision]:
        if self._forward is None:
            raise SandboxError("This engine was closed; make another one.")
        if not requests:
            return []
        think = self.budget > 0
        prompts = [self.chat.fit(request, think, self._room()) for request in requests]
        if think:
            return self._reason(requests, prompts)
        ids = [prompt.ids for prompt in prompts]
        return [
            self._decision(request, prompt, scores, finish="choice")
            for request, prompt, scores in zip(requests, prompts, self._scores(requests, ids), strict=True)
        ]

    def _reason(self, requests: Sequence[Request], prompts: Sequence[Prompt]) -> list[Decision]:
        rows = [
            self._row(request, prompt.ids, True) for request, prompt in zip(requests, prompts, strict=True)
        ]
        left = [self.context - len(prompt.ids) - len(self._closing) for prompt in prompts]
        budgets = [int(min(self.budget, room)) for room in left]
        draws = [self._draws.of(request.satellite) for request in requests]
        thoughts = self._thinker.think(rows, budgets, draws)
        tails = [thought.ids + (self._closed if thought.closed else self._closing) for thought in thoughts]
        ids = [prompt.ids + tail for prompt, tail in zip(prompts, tails, strict=True)]
        decisions = []
        scored = self._scores(requests, ids)
        for request, prompt, thought, tail, scores in zip(
            requests, prompts, thoughts, tails, scored, strict=True
        ):
            decisions.append(
                self._decision(
                    request,
                    prompt,
                    scores,
                    finish="stop" if thought.closed else "length",
                    output_tokens=thought.drawn,
                    forced_tokens=len(tail) - thought.drawn,
                    reasoning=self._said(thought.ids),
                )
            )
        return decisions

    def _decision(
        self,
        request: Request,
        prompt: Prompt,
        scores: NDArray[np.float64],
        finish: str,
        output_tokens: int = 0,
        forced_tokens: int = 0,
        reasoning: str = "",
    ) -> Decision:
        prompt_tokens = len(prompt.ids) + forced_tokens
        if not finite_rows(scores, request.mask):
            return no_scores(prompt_tokens, output_tokens, reasoning, prompt.left_out)
        probabilities = legal_probabilities(scores, request.mask, self.temperature)
        if self.sample:
            action = self._draws.pick(probabilities, request.satellite)
        else:
            action = int(probabilities.argmax())
        return Decision(
            action=action,
            prompt_tokens=prompt_tokens,
            output_tokens=output_tokens,
            finish=finish,
            probabilities=probabilities,
            text=request.reporter.labels[action],
            reasoning=reasoning,
            left_out=prompt.left_out,
        )

    def _scores(self, requests: Sequence[Request], ids: Sequence[list[int]]) -> list[NDArray[np.float64]]:
        """Scores (A,) of the labels for each request, whatever labels its problem has."""
        assert self._forward is not None
        scores: list[NDArray[np.float64]] = [np.empty(0)] * len(requests)
        for labels in dict.fromkeys(request.reporter.labels for request in requests):
            chosen = [i for i, request in enumerate(requests) if request.reporter.labels == labels]
            rows = [self._row(requests[i], ids[i], self.budget > 0) for i in chosen]
            for i, row in zip(chosen, self._forward.scores(rows, self._label_ids(labels)), strict=True):
                scores[i] = row
        return scores

    def _row(self, request: Request, ids: list[int], think: bool) -> Any:
        from agents.qwen.scoring import Row

        adapter = request.adapter or self.default_adapter
        self._check_adapter(adapter)
        prefix = self.chat.prefix(request.system, think) if self.reuse_prefix else []
        fits = len(prefix) < len(ids) and ids[: len(prefix)] == prefix
        return Row(ids, len(prefix) if fits else 0, adapter)

    def _label_ids(self, labels: tuple[str, ...]) -> NDArray[np.int64]:
        if labels not in self._labels:
            self._labels[labels] = self.chat.label_ids(labels)
        return self._labels[labels]

    def _room(self) -> int:
        """Tokens that a prompt may have."""
        if not self.budget:
            return self.context
        thoughts = self.context // FREE_SHARE if math.isinf(self.budget) else int(self.budget)
        return self.context - thoughts - len(self._closing)

    def _said(self, ids: list[int]) -> str:
        text = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text.replace("<think>", "").strip()

    def _check_adapter(self, adapter: str | None) -> None:
        if adapter is None or adapter in self.adapters:
            return
        if not self.adapters:
            raise SandboxError(
                f"Adapter {adapter!r} is asked of an engine without any; load it with --adapter."
            )
        raise unknown_name("adapter", adapter, self.adapters)

    def _check_thinking(self) -> None:
        if self.chat.style == NEVER:
            raise SandboxError(
                f"Model {self.chat.model!r} has no thinking mode (its chat template never opens a thinking "
                "block); take thinking off, or a checkpoint that thinks."
            )
        if self._room() < 1:
            raise SandboxError(
                f"A thinking budget of {self.budget:g} tokens does not fit the context of {self.context}; "
                "give a smaller budget or a larger context."
            )


def _context(given: int | None, limit: int, model: str) -> int:
    if given is None:
        return limit
    if not 1 <= given <= limit:
        raise SandboxError(f"context is {given}; {model!r} takes from 1 to {limit} tokens.")
    return given
