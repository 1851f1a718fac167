"""Train the nano that reads orders in words, on orders of the training wordings alone.

    python -m experiments train_reader --out agents/reading/nano

A small Qwen3 learns to write the gist of an order (`agents.reading.gist`) behind its words: cross entropy of
the next token of the gist. Every order is drawn anew out of the grammar (`reader_lessons`), its wording
disturbed. Words that no training wording has end as copies of the token for the unknown. The same arguments
on the same machine give the same weights.
"""

import copy
import math
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import Qwen3Config, Qwen3ForCausalLM

from agents.qwen.loading import quiet
from agents.reading.gist import END, PADDING, READ, TOKEN, TOKENS, UNKNOWN, tokens_of
from experiments.running import run_folder
from experiments.running.options import add, arguments_of, common
from experiments.running.progress import bar
from experiments.training.reader_lessons import TURNED, disturbed, drawn, strange
from experiments.training.splits import FIRST_TRAINING_SEED
from experiments.training.train_nano import RECORD, own_folder
from sandbox.errors import SandboxError

PART = 2_048
"""Lessons that are drawn in one go, and put into batches by their length."""
LAYERS, HIDDEN, INNER, HEADS, KV_HEADS, HEAD = 3, 96, 256, 4, 2, 32


class Lessons(NamedTuple):
    """Orders and their gists, one behind the other, padded on the right."""

    ids: NDArray[np.int64]  # (R, L)
    answers: NDArray[np.bool_]  # (R, L) where the next token is one of the gist


def blank_reader(seed: int) -> Qwen3ForCausalLM:
    """Random weights."""
    torch.manual_seed(seed)
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=TOKENS,
            hidden_size=HIDDEN,
            intermediate_size=INNER,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=KV_HEADS,
            head_dim=HEAD,
            max_position_embeddings=256,
            initializer_range=0.04,
            tie_word_embeddings=True,
            rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
            layer_types=["full_attention"] * LAYERS,
            max_window_layers=LAYERS,
            pad_token_id=PADDING,
            bos_token_id=None,
            eos_token_id=TOKEN[END],
        )
    ).float()


def batches(rng: np.random.Generator, lessons: int, size: int) -> Iterator[Lessons]:
    """So many lessons, `size` or fewer of similar length at a time."""
    left = lessons
    while left > 0:
        rows: list[tuple[list[int], list[int]]] = []
        while len(rows) < min(PART, left):
            orders = int(np.exp(rng.uniform(math.log(10.0), math.log(400.0))))
            for told in drawn(rng, "train", {"initial": orders, "per_hour": 0.0}, turned=TURNED):
                rows.append(([*disturbed(told, rng), TOKEN[READ]], tokens_of(told.gist)))
        rows = [rows[i] for i in rng.permutation(len(rows))[: min(PART, left)]]
        left -= len(rows)
        rows.sort(key=lambda row: len(row[0]) + len(row[1]))
        parts = [rows[i : i + size] for i in range(0, len(rows), size)]
        for k in rng.permutation(len(parts)):
            yield _padded(parts[k])


def _padded(rows: list[tuple[list[int], list[int]]]) -> Lessons:
    length = max(len(said) + len(gist) for said, gist in rows)
    ids = np.full((len(rows), length), PADDING, np.int64)
    answers = np.zeros(ids.shape, np.bool_)
    for i, (said, gist) in enumerate(rows):
        ids[i, : len(said) + len(gist)] = [*said, *gist]
        answers[i, len(said) - 1 : len(said) + len(gist) - 1] = True
    return Lessons(ids, answers)


def loss_of(model: Any, batch: Lessons) -> tuple[torch.Tensor, float]:
    """Cross entropy of the tokens of gists, and the share of those that were the likeliest."""
    ids, where = torch.from_numpy(batch.ids), torch.from_numpy(batch.answers)
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[where]
    logits = hidden @ model.lm_head.weight.T
    wanted = ids[:, 1:][where[:, :-1]]
    right = float((logits.argmax(dim=1) == wanted).float().mean())
    return torch.nn.functional.cross_entropy(logits, wanted), right


def forget_strangers(model: Any) -> None:
    """Give words that were never taught the token of the unknown."""
    table = model.get_input_embeddings().weight.data
    table[torch.from_numpy(strange())] = table[TOKEN[UNKNOWN]].clone()


def train(told: Namespace) -> Any:
    """Learn every lesson once: AdamW, a short warm-up, a cosine decay to zero."""
    rng = np.random.default_rng(FIRST_TRAINING_SEED + told.seed)
    model = blank_reader(told.seed)
    steps = math.ceil(told.lessons / told.batch)
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=told.rate, betas=(0.9, 0.98))
    begin, kept = time.process_time(), []
    model.train()
    with bar("learning", told.lessons) as line:
        for k, batch in enumerate(batches(rng, told.lessons, told.batch)):
            progress = min(1.0, k / steps)
            for group in optimiser.param_groups:
                group["lr"] = told.rate * min(1.0, (k + 1) / 100) * 0.5 * (1.0 + math.cos(math.pi * progress))
            loss, right = loss_of(model, batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            kept.append((float(loss.detach()), right))
            line.more(len(batch.ids))
            if (k + 1) % 100 == 0:
                now = np.mean(kept[-100:], axis=0)
                spent = time.process_time() - begin
                print(
                    f"step {k + 1} of {steps}: loss {now[0]:.4f}, tokens right {now[1]:.4f}, "
                    f"{spent:.0f} s of CPU",
                    flush=True,
                )
    forget_strangers(model)
    return model.eval()


def run(told: Namespace) -> None:
    """Train, save, say how long it took."""
    for name in ("lessons", "batch"):
        if getattr(told, name) < 1:
            raise SandboxError(f"--{name} {getattr(told, name)}: give at least 1.")
    if not 0.0 < told.rate < 1.0:
        raise SandboxError(f"--rate {told.rate}: give more than 0 and less than 1.")
    torch.set_num_threads(1)
    told.out.mkdir(parents=True, exist_ok=True)
    _keep_record(told, None)  # from now on the folder says whose it is
    begin = time.process_time()
    model = train(told)
    save(model, told.out)
    spent = time.process_time() - begin
    _keep_record(told, round(spent))
    print(f"saved in {told.out}, {model.num_parameters():,} parameters, {spent:.0f} s of CPU")
    if told.json:
        run_folder.keep_records(told.json, "training", [{"folder": str(told.out), "cpu_s": spent}])


def save(model: Any, folder: Path) -> None:
    """Weights in bf16 and the configuration, as `from_pretrained` reads them."""
    with quiet():
        copy.deepcopy(model).to(torch.bfloat16).save_pretrained(folder)


def _keep_record(told: Namespace, cpu_s: int | None) -> None:
    """How the model in the folder is made; no CPU time as long as it is not done."""
    record = {"arguments": {k: str(v) for k, v in arguments_of(told).items()}, "cpu_s": cpu_s}
    run_folder.write_json(told.out / RECORD, {"format": run_folder.format_of("training"), **record})


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--out", type=own_folder, required=True, metavar="DIR", help="where it is saved")
    add(parser, "--lessons", 200_000, "orders that it learns from, each once", type=int, metavar="N")
    add(parser, "--batch", 64, "orders a step", type=int, metavar="N")
    add(parser, "--rate", 2e-3, "of learning, at most", type=float, metavar="R")
    common(parser, seed=0)
