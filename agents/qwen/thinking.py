"""Thinking within a budget: tokens are drawn until the block is closed or the budget is spent."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from agents.qwen.choice import draw
from agents.qwen.scoring import Forward, Prefilled, Row

NO_TOKEN = -1
"""Drawn where the scores of the next token are not finite; it ends the thought."""
TEMPERATURE, TOP_P, TOP_K = 0.6, 0.95, 20
"""What the authors of Qwen3 advise for thinking (its README, "Best Practices"); greedy thinking loops."""


class Thought(NamedTuple):
    """The tokens of a thinking block, without the tag that closes it, and whether the model closed it."""

    ids: list[int]
    closed: bool

    @property
    def drawn(self) -> int:
        """Tokens that the model wrote, the one that closed the block included."""
        return len(self.ids) + self.closed


class Thinker:
    """Draws thoughts until a row draws one of the tokens `ends` or its budget is spent."""

    def __init__(self, forward: Forward, ends: Sequence[int]) -> None:
        self.forward, self.ends = forward, frozenset(ends)

    def think(
        self, rows: Sequence[Row], budgets: Sequence[int], draws: Sequence[np.random.Generator]
    ) -> list[Thought]:
        """A thought of at most `budgets[i]` tokens for each row, drawn from `draws[i]`."""
        thoughts: list[Thought] = [Thought([], False)] * len(rows)
        for chunk in self.forward.chunks(rows):
            found = self._chunk(
                [rows[i] for i in chunk], [budgets[i] for i in chunk], [draws[i] for i in chunk]
            )
            for i, thought in zip(chunk, found, strict=True):
                thoughts[i] = thought
        return thoughts

    @torch.inference_mode()
    def _chunk(
        self, rows: Sequence[Row], budgets: Sequence[int], draws: Sequence[np.random.Generator]
    ) -> list[Thought]:
        """Rows that are done leave the batch."""
        state = self.forward.prefill(rows)
        said: list[list[int]] = [[] for _ in rows]
        closed = [False] * len(rows)
        alive = [i for i in range(len(rows)) if budgets[i] > 0]
        state = _keep(state, alive, len(rows))
        while alive:
            tokens = _sample(state.logits, [draws[i] for i in alive])
            for i, token in zip(alive, tokens, strict=True):
                said[i].append(token)
                closed[i] = token == NO_TOKEN or token in self.ends
            going = [k for k, i in enumerate(alive) if not closed[i] and len(said[i]) < budgets[i]]
            state = _keep(state, going, len(alive))
            tokens, alive = [tokens[k] for k in going], [alive[k] for k in going]
            if alive:
                ids = torch.tensor(tokens, device=state.mask.device)[:, None]
                mask = torch.cat([state.mask, torch.ones_like(ids)], dim=1)
                state = self.forward.step(ids, state.cache, mask, [rows[i].adapter for i in alive])
        return [Thought(ids[:-1] if ended else ids, ended) for ids, ended in zip(said, closed, strict=True)]


def _keep(state: Prefilled, going: list[int], count: int) -> Prefilled:
    """The state of the rows in `going` alone."""
    if len(going) == count or not going:
        return state
    index = torch.tensor(going, device=state.mask.device)
    state.cache.batch_select_indices(index)
    return state._replace(logits=state.logits[index], mask=state.mask[index])


def _sample(logits: torch.Tensor, draws: Sequence[np.random.Generator]) -> list[int]:
    """A token for each row: temperature, then the most likely `TOP_K`, then the nucleus of `TOP_P`."""
    top = torch.topk(logits, min(TOP_K, logits.shape[-1]))
    values, ids = top.values.double().cpu().numpy() / TEMPERATURE, top.indices.cpu().numpy()
    return [
        int(row[draw(_nucleus(value), rng.random())]) if np.isfinite(value[0]) else NO_TOKEN
        for value, row, rng in zip(values, ids, draws, strict=True)
    ]


def _nucleus(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of falling `logits` (k,), 0 beyond the shortest beginning that holds `TOP_P`."""
    weights = np.exp(logits - logits[0])
    weights /= weights.sum()
    before = np.cumsum(weights) - weights
    return np.where(before < TOP_P, weights, 0.0)
