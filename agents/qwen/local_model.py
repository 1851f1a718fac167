"""A checkpoint in this process, and what its forward passes say of labels and of proposals."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.qwen.chat import ChatRenderer
from agents.qwen.decisions import Request
from envs.reports import VERDICTS, WORDS
from sandbox.errors import SandboxError, unknown_name


class Answered(NamedTuple):
    """What one pass gave: log-probabilities (L,) of the labels at each place, and what it took."""

    order: NDArray[np.int64]
    scores: NDArray[np.float64]
    prompt_tokens: int
    left_out: int
    output_tokens: int = 0
    finish: str = "choice"
    reasoning: str = ""
    mass: float = -1.0
    """Share of the probability on verdicts, where options were proposed one by one;"""
    passes: int = 1
    """in so many passes."""


class LocalModel:
    """The model, how it is spoken to, and what it was found to call its labels."""

    name: str
    chat: ChatRenderer
    context: int
    adapters: tuple[str, ...]
    default_adapter: str | None
    reuse_prefix: bool
    _always_thinks = False
    """Whether every prompt opens a thinking block."""
    _forward: Any

    def __init__(self) -> None:
        self._labels: dict[tuple[str, ...], list[list[int]]] = {}
        self._split = False

    def _judged(self, requests: Sequence[Request]) -> list[Answered]:
        """For each request how much rather the model says Yes than No to each option by itself."""
        asked = [(i, place) for i, request in enumerate(requests) for place in range(len(request.legal))]
        prompts = []
        for i, place in asked:
            reporter, report = requests[i].reporter, requests[i].proposed(place)
            prompts.append(self.chat.ids(reporter.judging, report, False, reporter.verdicts_shown))
        self._check_fits(prompts)
        rows = [self._judged_row(requests[i], ids) for (i, _), ids in zip(asked, prompts, strict=True)]
        logs = self._verdicts(rows)
        answers = []
        for i, request in enumerate(requests):
            mine = [k for k, (which, _) in enumerate(asked) if which == i]
            yes, no = logs[mine].T
            answers.append(
                Answered(
                    np.arange(len(request.legal)),
                    yes - no,
                    sum(len(prompts[k]) for k in mine),
                    0,
                    mass=float(np.exp(np.logaddexp(yes, no)).mean()),
                    passes=len(mine),
                )
            )
        return answers

    def _check_fits(self, prompts: Sequence[list[int]]) -> None:
        longest = max(map(len, prompts), default=0)
        if longest > self.context - 1:
            raise SandboxError(
                f"A prompt of {longest} tokens does not fit the context of {self.context} tokens; give a "
                "larger context."
            )

    def _verdicts(self, rows: Sequence[Any]) -> NDArray[np.float64]:
        """Log-probabilities (n, 2) that rows are answered with Yes and with No, in either case."""
        assert self._forward is not None
        if not rows:
            return np.empty((0, 2))
        labels = [word for verdict in VERDICTS for word in (verdict, verdict.lower())]
        tokens = self.chat.label_tokens(labels)
        if all(len(label) == 1 for label in tokens):
            logs = self._forward.scores(rows, np.array([label[0] for label in tokens]))
        else:
            logs = np.array([self._forward.whole(row, tokens) for row in rows])
        return np.logaddexp(logs[:, 0::2], logs[:, 1::2])

    def _scores(
        self, requests: Sequence[Request], ids: Sequence[list[int]], orders: Sequence[NDArray[np.int64]]
    ) -> list[NDArray[np.float64]]:
        """Log-probabilities (L,) of the labels at each place for each request, whatever its problem."""
        assert self._forward is not None
        scores: list[NDArray[np.float64]] = [np.empty(0)] * len(requests)
        quick: dict[tuple[str, ...], list[int]] = {}
        for i, (request, order) in enumerate(zip(requests, orders, strict=True)):
            tokens, words = self._label_tokens(request.labels), request.reporter.label == WORDS
            if all(len(label) == 1 for label in tokens) and not words:
                quick.setdefault(request.labels, []).append(i)
                continue
            which = request.options[order] if words else range(len(order))
            scores[i] = self._forward.whole(self._row(request, ids[i]), [tokens[k] for k in which])
        for labels, chosen in quick.items():
            first = np.array([label[0] for label in self._label_tokens(labels)])
            rows = [self._row(requests[i], ids[i]) for i in chosen]
            for i, row in zip(chosen, self._forward.scores(rows, first), strict=True):
                scores[i] = row[: len(requests[i].options)]
        return scores

    def _row(self, request: Request, ids: list[int]) -> Any:
        prefix = self.chat.prefix(request.system, self._always_thinks) if self.reuse_prefix else []
        return self._prefixed(request, ids, prefix)

    def _judged_row(self, request: Request, ids: list[int]) -> Any:
        """The same for a decision that is proposed."""
        reporter = request.reporter
        known = reporter.judging, False, reporter.verdicts_shown
        return self._prefixed(request, ids, self.chat.prefix(*known) if self.reuse_prefix else [])

    def _prefixed(self, request: Request, ids: list[int], prefix: list[int]) -> Any:
        from agents.qwen.scoring import Row

        adapter = request.adapter or self.default_adapter
        self._check_adapter(adapter)
        fits = len(prefix) < len(ids) and ids[: len(prefix)] == prefix
        return Row(ids, len(prefix) if fits else 0, adapter)

    def _label_tokens(self, labels: tuple[str, ...]) -> list[list[int]]:
        if labels not in self._labels:
            self._labels[labels] = self.chat.label_tokens(labels)
            self._split |= any(len(label) > 1 for label in self._labels[labels])
        return self._labels[labels]

    def _check_adapter(self, adapter: str | None) -> None:
        if adapter is None or adapter in self.adapters:
            return
        if not self.adapters:
            raise SandboxError(
                f"Adapter {adapter!r} is asked of an engine without any; load it with --adapter."
            )
        raise unknown_name("adapter", adapter, self.adapters)
