"""Train the nano by imitation: a teacher's decisions first, then what it would have done where the nano went.

    python -m experiments.train_nano_imitate --out agents/qwen/nano

Behaviour cloning over rounds that the teacher played in training scenarios (`experiments.splits`), then
DAgger (Ross, Gordon and Bagnell 2011): the nano plays, the teacher says what it would have done, and the nano
goes on learning from all of it. The loss is the cross entropy of the next token, among the tokens of the
legal actions only. Prompts of the same length make a batch, so that none is padded. The same arguments on
the same machine give the same weights.
"""

import copy
import json
import math
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agents import Policy
from agents.qwen.dense import IDS
from agents.qwen.nano import NanoEngine, load_model
from agents.qwen.policy import QwenPolicy
from envs.batch import BatchEnv
from experiments.nano_blank import blank_model, make_tokenizer
from experiments.nano_lessons import MOST_SHOWN, Certain, Lessons, Teacher, collect
from experiments.nano_teacher import Teacher as TunedTeacher
from experiments.splits import FIRST_TRAINING_SEED

NAMES = ("idle", "charge", "downlink", *(f"observe_{k}" for k in range(1, MOST_SHOWN + 1)))
ACTION_IDS = torch.tensor([IDS[f"<{name}>"] for name in NAMES])


def batches(lessons: Lessons, size: int, rng: np.random.Generator) -> Iterator[Lessons]:
    """The lessons in random order, `size` or fewer of the same length at a time."""
    order = rng.permutation(len(lessons))
    order = order[np.argsort(lessons.lengths[order], kind="stable")]
    cuts = np.flatnonzero(np.diff(lessons.lengths[order])) + 1
    parts = [part[i : i + size] for part in np.split(order, cuts) for i in range(0, len(part), size)]
    for k in rng.permutation(len(parts)):
        yield lessons.take(parts[k])


def action_logits(model: Any, batch: Lessons) -> torch.Tensor:
    """Logits (R, WIDTH) after prompts of one length, minus infinity where an action is illegal."""
    length = int(batch.lengths[0])
    ids = torch.from_numpy(batch.ids[:, -length:].astype(np.int64))
    last = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, -1]
    logits = last @ model.lm_head.weight[ACTION_IDS].T
    return logits.masked_fill(torch.from_numpy(batch.mask == 0), -torch.inf)


def loss_of(model: Any, batch: Lessons) -> tuple[torch.Tensor, float]:
    """Cross entropy with the teacher's chances, and the share of decisions that agree with its likeliest."""
    logits = action_logits(model, batch)
    wanted = torch.from_numpy(batch.chances.astype(np.float32))
    logs = torch.log_softmax(logits, dim=1).masked_fill(torch.from_numpy(batch.mask == 0), 0.0)
    agree = (logits.argmax(dim=1) == wanted.argmax(dim=1)).float().mean()
    return -(wanted * logs).sum(dim=1).mean(), float(agree)


class Trainer:
    """AdamW with a short warm-up and a cosine decay to zero over `steps`."""

    def __init__(self, model: Any, rate: float, steps: int) -> None:
        self.model, self._rate, self._steps, self._done = model, rate, steps, 0
        decayed = [p for p in model.parameters() if p.ndim > 1]
        groups = [
            {"params": decayed, "weight_decay": 0.01},
            {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
        ]
        self._optimiser = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))

    def learn(self, batch: Lessons) -> tuple[float, float]:
        """One step; (loss, agreement)."""
        progress = min(1.0, self._done / self._steps)
        rate = self._rate * min(1.0, (self._done + 1) / 200) * 0.5 * (1.0 + math.cos(math.pi * progress))
        for group in self._optimiser.param_groups:
            group["lr"] = rate * math.sqrt(min(1.0, len(batch.lengths) / 64))
        loss, agree = loss_of(self.model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self._done += 1
        return float(loss.detach()), agree


def epoch(trainer: Trainer, lessons: Lessons, size: int, rng: np.random.Generator, title: str) -> None:
    """Learn every lesson once."""
    begin, kept = time.process_time(), []
    trainer.model.train()
    for batch in batches(lessons, size, rng):
        kept.append((*trainer.learn(batch), len(batch)))
    loss, agree = np.average(np.array(kept)[:, :2], axis=0, weights=np.array(kept)[:, 2])
    print(
        f"{title}: {len(lessons)} lessons, {len(kept)} steps, loss {loss:.4f}, agreement {agree:.4f}, "
        f"{time.process_time() - begin:.0f} s of CPU",
        flush=True,
    )


def save(model: Any, folder: Path) -> None:
    """Weights in bf16 and the configuration, as `from_pretrained` reads them."""
    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(folder)


def train(told: Namespace, teacher_of: Callable[[BatchEnv], Teacher]) -> Any:
    """Clone, then `told.rounds` rounds of DAgger."""
    rng = np.random.default_rng(FIRST_TRAINING_SEED + told.seed)
    model = load_model(told.start) if told.start else blank_model(told.seed)
    per_epoch = [told.clone + k * told.dagger for k in range(told.rounds + 1)]
    planned = sum(n * told.epochs for n in per_epoch) / told.batch * 1.1
    trainer = Trainer(model, told.rate, math.ceil(planned))
    lessons = collect(told.clone, rng, teacher_of, lambda env, rng: None)
    for k in range(told.rounds + 1):
        if k:
            model.eval()
            seen = collect(told.dagger, rng, teacher_of, _playing(model), hours=(2.0, 8.0), worlds=1)
            lessons = lessons + seen
        for i in range(told.epochs):
            epoch(trainer, lessons, told.batch, rng, f"round {k} epoch {i}")
        save(model, told.out)
    return model


def _playing(model: Any) -> Callable[[BatchEnv, np.random.Generator], Policy]:
    """The model as a player, which in three of ten episodes draws from its probabilities."""

    def make(env: BatchEnv, rng: np.random.Generator) -> Policy:
        policy = QwenPolicy(env, NanoEngine(model, sample=bool(rng.random() < 0.3)))
        policy.reset(int(rng.integers(2**31)))
        return policy

    return make


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, save, say how long it took."""
    told = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    torch.manual_seed(told.seed)
    told.out.mkdir(parents=True, exist_ok=True)
    begin = time.process_time()
    make_tokenizer().save_pretrained(told.out)
    train(told, lambda env: Certain(TunedTeacher(env)))
    spent = time.process_time() - begin
    record = {"arguments": {k: str(v) for k, v in vars(told).items()}, "cpu_s": round(spent)}
    (told.out / "training.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"saved in {told.out}, {spent:.0f} s of CPU")
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser("python -m experiments.train_nano_imitate", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the model is saved")
    parser.add_argument("--start", type=Path, metavar="FOLDER", help="go on from this model")
    parser.add_argument("--clone", type=int, default=100_000, help="lessons that the teacher played")
    parser.add_argument("--dagger", type=int, default=40_000, help="lessons added in each round of DAgger")
    parser.add_argument("--rounds", type=int, default=2, help="rounds of DAgger")
    parser.add_argument("--epochs", type=int, default=1, help="times that all lessons are learned in a round")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=1e-3, help="of learning, at most")
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
