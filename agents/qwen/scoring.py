"""One forward pass over many prompts: left-padded, micro-batches of like length, the common prefix once."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache

MICRO_BATCH = 16
"""Rows in one forward pass: more fall out of a CPU's cache and cost more each."""
STRETCH = 1.25
"""How much longer than the shortest a row may be that is scored with it: padding costs as much as tokens."""
BASE = "__base__"
"""What peft calls the model without an adapter."""


class Row(NamedTuple):
    """A prompt: its token ids, how many of them are the common prefix, and the adapter that reads it."""

    ids: Sequence[int]
    shared: int = 0
    adapter: str | None = None


class Prefilled(NamedTuple):
    """After a forward pass over n rows: logits (n, V) of the next token, and what is needed to go on."""

    logits: torch.Tensor
    cache: DynamicCache
    mask: torch.Tensor
    """(n, length): 1 where a position of the cache is a token of the row, 0 where it is padding."""


class Forward:
    """Forward passes of `model`; `with_adapters` says that peft wraps it.

    The keys and values of a shared prefix are computed once for each adapter, with the first batch that needs
    them, and kept.
    """

    def __init__(self, model: Any, with_adapters: bool = False, micro_batch: int = MICRO_BATCH) -> None:
        self.model, self.with_adapters, self.micro_batch = model, with_adapters, micro_batch
        self.device = model.device
        self._prefixes: dict[tuple[tuple[int, ...], str | None], list[tuple[torch.Tensor, torch.Tensor]]] = {}

    def chunks(self, rows: Sequence[Row], stretch: float = math.inf) -> list[list[int]]:
        """Which rows go together: a micro-batch at most, of the same prefix, none `stretch` times another."""
        order = sorted(range(len(rows)), key=lambda i: (tuple(_prefix(rows[i])), len(rows[i].ids)))
        groups: list[list[int]] = []
        for i in order:
            if (
                groups
                and len(groups[-1]) < self.micro_batch
                and _alike(rows[groups[-1][0]], rows[i], stretch)
            ):
                groups[-1].append(i)
            else:
                groups.append([i])
        return groups

    @torch.inference_mode()
    def scores(self, rows: Sequence[Row], tokens: NDArray[np.int64]) -> NDArray[np.float64]:
        """Log-probabilities (n, A) of `tokens` (A,) as the next token of each row."""
        scores = np.empty((len(rows), len(tokens)))
        wanted = torch.as_tensor(tokens, device=self.device)
        for chunk in self.chunks(rows, STRETCH):
            logits = self.prefill([rows[i] for i in chunk]).logits
            shares = logits[:, wanted].double() - logits.double().logsumexp(-1, keepdim=True)
            scores[chunk] = shares.cpu().numpy()
        return scores

    @torch.inference_mode()
    def whole(self, row: Row, labels: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Log-probabilities (L,) of `labels`, each some tokens, as what comes after a row."""
        state = self.prefill([row])
        first = torch.log_softmax(state.logits[0].double(), -1)
        total = np.array([float(first[label[0]]) for label in labels])
        longest = max(map(len, labels))
        if longest == 1:
            return total
        ids = torch.tensor([[*label[:-1], *[label[-1]] * (longest - len(label))] for label in labels])
        ids = ids.to(self.device)
        state.cache.batch_repeat_interleave(len(labels))
        mask = torch.cat([state.mask.repeat(len(labels), 1), torch.ones_like(ids)], dim=1)
        after = self._forward(ids, state.cache, mask, [row.adapter] * len(labels), keep=0)
        told = torch.log_softmax(after.logits.double(), -1)
        for i, label in enumerate(labels):
            total[i] += sum(float(told[i, k, token]) for k, token in enumerate(label[1:]))
        return total

    @torch.inference_mode()
    def prefill(self, rows: Sequence[Row]) -> Prefilled:
        """Read rows that share a prefix."""
        shared, adapters = rows[0].shared, [row.adapter for row in rows]
        tails = [row.ids[shared:] for row in rows]
        length = max(map(len, tails))
        ids = torch.zeros((len(rows), length), dtype=torch.long)
        mask = torch.zeros((len(rows), shared + length), dtype=torch.long)
        mask[:, :shared] = 1
        for i, tail in enumerate(tails):
            ids[i, length - len(tail) :] = torch.tensor(tail)
            mask[i, shared + length - len(tail) :] = 1
        cache = DynamicCache(config=self.model.config)
        if shared:
            self._fill(cache, tuple(rows[0].ids[:shared]), adapters)
        return self.step(ids.to(self.device), cache, mask.to(self.device), adapters)

    @torch.inference_mode()
    def step(
        self,
        ids: torch.Tensor,
        cache: DynamicCache,
        mask: torch.Tensor,
        adapters: Sequence[str | None],
    ) -> Prefilled:
        """Read `ids` (n, t) after what the cache holds; `mask` (n, length) covers both."""
        out = self._forward(ids, cache, mask, adapters, keep=1)
        return Prefilled(out.logits[:, -1].float(), out.past_key_values, mask)

    def _forward(
        self,
        ids: torch.Tensor,
        cache: DynamicCache,
        mask: torch.Tensor,
        adapters: Sequence[str | None],
        keep: int,
    ) -> Any:
        """A pass with the logits of the last `keep` tokens, 0 for all."""
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        named = {"adapter_names": [name or BASE for name in adapters]} if self.with_adapters else {}
        return self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=keep,
            **named,
        )

    def _fill(self, cache: DynamicCache, prefix: tuple[int, ...], adapters: Sequence[str | None]) -> None:
        kept = {adapter: self._prefix(prefix, adapter) for adapter in set(adapters)}
        for layer in range(len(kept[adapters[0]])):
            pairs = [kept[adapter][layer] for adapter in adapters]
            keys, values = (torch.cat(parts) for parts in zip(*pairs, strict=True))
            cache.update(keys, values, layer)

    def _prefix(
        self, prefix: tuple[int, ...], adapter: str | None
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Keys and values (1, heads, tokens, head size) of each layer."""
        key = (prefix, adapter)
        if key not in self._prefixes:
            cache = self.prefill([Row(prefix, 0, adapter)]).cache
            layers: list[Any] = list(cache.layers)
            self._prefixes[key] = [(layer.keys, layer.values) for layer in layers]
        return self._prefixes[key]


def _prefix(row: Row) -> Sequence[int]:
    return row.ids[: row.shared]


def _alike(shortest: Row, row: Row, stretch: float) -> bool:
    """Whether `row`, which is not shorter, can be read together with `shortest`."""
    tails = len(row.ids) - row.shared, len(shortest.ids) - shortest.shared
    return tails[0] <= stretch * tails[1] and _prefix(shortest) == _prefix(row)
