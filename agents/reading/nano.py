"""The nano that reads: a Qwen3 of half a million parameters that writes down the gist of an order."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.qwen.nano import load_qwen3
from agents.reading.gist import END, LONGEST, PADDING, READ, TOKEN, TOKENS, Gist, gist_of
from sandbox.errors import SandboxError

FOLDER = Path(str(files("agents.reading") / "nano"))
"""Weights, configuration, model card and scores of the shipped reader."""


class Read(NamedTuple):
    """What came of reading an order."""

    gist: Gist | None
    """What it says; None where what was written is no gist."""
    prompt_tokens: int
    output_tokens: int


class NanoReader:
    """Reads orders by the numbers of their words, and nothing else.

    Args:
        model: the model's folder, by default the shipped one; or a loaded model, for training.
        threads: of torch, for the whole process; None leaves them as they are.

    Raises SandboxError where torch or transformers are missing or the folder holds no such model.
    """

    def __init__(self, model: Any = FOLDER, *, threads: int | None = 1) -> None:
        self.model = load_reader(model, threads) if isinstance(model, (str, Path)) else model

    def read(self, orders: Sequence[Sequence[int]]) -> list[Read]:
        """What orders say, each given as the numbers of its words; those of one length in one pass."""
        found: list[Read] = [Read(None, 0, 0)] * len(orders)
        for length in sorted({len(order) for order in orders}):
            places = [i for i, order in enumerate(orders) if len(order) == length]
            prompts = np.array([[*orders[i], TOKEN[READ]] for i in places], np.int64)
            for i, written in zip(places, self.written(prompts).tolist(), strict=True):
                count = written.index(TOKEN[END]) + 1 if TOKEN[END] in written else len(written)
                found[i] = Read(gist_of(written), length + 1, count)
        return found

    def written(self, prompts: NDArray[np.int64]) -> NDArray[np.int64]:
        """The likeliest token after the other (R, at most LONGEST) behind prompts (R, L), until all have
        ended; behind its end a row has PADDING."""
        import torch

        rows = torch.from_numpy(prompts)
        done = torch.zeros(len(rows), dtype=torch.bool)
        told: list[Any] = []
        with torch.inference_mode():
            after, cache = rows, None
            while len(told) < LONGEST and not bool(done.all()):
                out = self.model(input_ids=after, past_key_values=cache, use_cache=True, logits_to_keep=1)
                cache = out.past_key_values
                token = out.logits[:, -1].argmax(dim=-1).masked_fill(done, PADDING)
                told.append(token)
                done = done | (token == TOKEN[END])
                after = token[:, None]
        return torch.stack(told, dim=1).numpy() if told else np.zeros((len(prompts), 0), np.int64)


def load_reader(folder: Path | str, threads: int | None = 1) -> Any:
    """The reader in `folder`. Raises SandboxError where it holds none."""
    model = load_qwen3(folder, threads)
    if model.config.model_type != "qwen3" or model.config.vocab_size != TOKENS:
        raise SandboxError(f"The model in {folder} reads no orders: its vocabulary is not that of gists.")
    return model
