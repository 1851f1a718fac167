"""The shipped nano: a Qwen3 of 1.2 million parameters that reads dense prompts and answers in one pass."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.qwen.choice import finite_rows
from agents.qwen.decisions import Decision, Engine, Request, no_scores
from agents.qwen.dense import IDS, PADDING, DenseRenderer
from agents.qwen.loading import check_finite, first_line
from envs.reports import Reporter
from sandbox.errors import SandboxError

FOLDER = Path(str(files("agents.qwen") / "nano"))
"""Weights, configuration, tokenizer, model card and scores of the shipped model."""
MICRO_BATCH = 64
"""Prompts in one forward pass: more fall out of the processor's cache, fewer waste calls."""


class NanoEngine(Engine):
    """Decides with the nano on the processor, in float32.

    Args:
        model: the model's folder, by default the shipped one; or a loaded model, for training.
        sample: draw actions from the probabilities; by default take the likeliest.
        threads: of torch, for the whole process; None leaves them as they are.
        name: what the compute model of the spacecraft is to call it.

    Raises SandboxError where torch or transformers are missing or the folder holds no model.
    """

    dense = True
    problems = ("tasking_v0", "offloading_v0", "avoidance_v0", "autonomy_v0")

    def __init__(
        self,
        model: Any = FOLDER,
        *,
        sample: bool = False,
        threads: int | None = 1,
        name: str = "nano",
    ) -> None:
        self.name, self.sample = name, sample
        self.model = load_model(model, threads) if isinstance(model, (str, Path)) else model
        self._scorer = Scorer(self.model)
        self._renderers: dict[int, tuple[Reporter, DenseRenderer]] = {}
        self._rng = np.random.default_rng()

    def reset(self, seed: int | None = None) -> None:
        self._rng = np.random.default_rng(seed)

    def decide(self, requests: Sequence[Request]) -> list[Decision]:
        decisions: dict[int, Decision] = {}
        for reporter in {id(request.reporter): request.reporter for request in requests}.values():
            places = [i for i, request in enumerate(requests) if request.reporter is reporter]
            decided = self._decide([requests[i] for i in places], self._renderer(reporter))
            decisions |= dict(zip(places, decided, strict=True))
        return [decisions[i] for i in range(len(requests))]

    def _decide(self, requests: Sequence[Request], renderer: DenseRenderer) -> list[Decision]:
        mask = np.stack([request.mask for request in requests])
        ids, lengths = renderer.ids(np.stack([request.observation for request in requests]), mask)
        chances = self._scorer.probabilities(ids, lengths, renderer.action_ids, mask)
        chosen = draw(chances, self._rng) if self.sample else chances.argmax(axis=1)
        return [
            no_scores(int(length))
            if np.isnan(row).any()
            else Decision(int(action), int(length), 0, probabilities=row)
            for action, length, row in zip(chosen, lengths, chances, strict=True)
        ]

    def _renderer(self, reporter: Reporter) -> DenseRenderer:
        if id(reporter) not in self._renderers:
            renderer = DenseRenderer(reporter.layout, reporter.actions)
            self._renderers[id(reporter)] = (reporter, renderer)
        return self._renderers[id(reporter)][1]


class Scorer:
    """Probabilities of actions from one forward pass of a Qwen3 over each prompt."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def probabilities(
        self, ids: NDArray[np.int64], lengths: NDArray[np.int64], actions: NDArray[np.int64], mask: NDArray
    ) -> NDArray[np.float64]:
        """Softmax (R, A) over the legal actions; prompts (R, L) padded on the left, mask (R, A).

        A row is NaN where the model gives a legal action no finite score.
        """
        chances = np.empty(mask.shape)
        order = np.argsort(lengths, kind="stable")
        for begin in range(0, len(order), MICRO_BATCH):
            rows = order[begin : begin + MICRO_BATCH]
            logits = self.logits(ids[rows, ids.shape[1] - lengths[rows[-1]] :], lengths[rows], actions)
            finite = finite_rows(logits, mask[rows])
            logits = np.where(mask[rows] > 0, np.where(finite[:, None], logits, 0.0), -np.inf)
            weights = np.exp(logits - logits.max(axis=1, keepdims=True))
            chances[rows] = weights / weights.sum(axis=1, keepdims=True)
            chances[rows[~finite]] = np.nan
        return chances

    def logits(
        self, ids: NDArray[np.int64], lengths: NDArray[np.int64], actions: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Logits (R, A) of the action tokens after prompts (R, L)."""
        import torch

        with torch.inference_mode():
            tokens = torch.from_numpy(np.ascontiguousarray(ids))
            attend = None
            if (lengths < ids.shape[1]).any():
                attend = torch.from_numpy(np.arange(ids.shape[1]) >= ids.shape[1] - lengths[:, None]).long()
            hidden = self.model.model(input_ids=tokens, attention_mask=attend, use_cache=False)
            last = hidden.last_hidden_state[:, -1]
            heads = self.model.lm_head.weight[torch.from_numpy(actions)]
            return (last @ heads.T).double().numpy()


def draw(chances: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """An action (R,) from each row of probabilities (R, A)."""
    below = chances.cumsum(axis=1) <= rng.random((len(chances), 1))
    last = chances.shape[1] - 1 - (chances[:, ::-1] > 0.0).argmax(axis=1)
    return np.minimum(below.sum(axis=1), last)


def load_model(folder: Path | str, threads: int | None = 1) -> Any:
    """The Qwen3 in `folder` that reads dense prompts, in float32 on the processor, ready to be asked."""
    model = load_qwen3(folder, threads)
    known = model.config.vocab_size
    if model.config.model_type != "qwen3" or known < len(IDS) or model.config.pad_token_id != IDS[PADDING]:
        raise SandboxError(f"The model in {folder} is no nano: its vocabulary is not that of dense prompts.")
    return model


def load_qwen3(folder: Path | str, threads: int | None = 1) -> Any:
    """The language model in `folder`, in float32 on the processor, ready to be asked.

    Raises SandboxError where torch or transformers are missing, and where the folder holds no model, or one
    with weights that are not finite.
    """
    try:
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging
    except ImportError as error:
        raise SandboxError(
            f"The nano needs torch and transformers ({error}); install the extra: "
            'pip install "orbital-autonomy-sandbox[qwen]".'
        ) from None
    if not (Path(folder) / "config.json").is_file():
        raise SandboxError(f"{folder} holds no model (no config.json); give the folder of a saved nano.")
    if threads is not None:
        torch.set_num_threads(threads)
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    except Exception as error:  # each library that has a hand in it raises its own
        raise SandboxError(f"The model in {folder} cannot be loaded ({first_line(error)}).") from None
    finally:
        if bars:
            logging.enable_progress_bar()
    check_finite(model.named_parameters(), f"The model in {folder}", "nano")
    return model.eval()
