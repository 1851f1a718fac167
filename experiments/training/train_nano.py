"""Train the nano by imitation: teachers' decisions first, then what they would have done where the nano went.

    python -m experiments train_nano --out agents/qwen/nano
    python -m experiments train_nano --out mine --lessons tasking_v0=20000,10000 --tiers scarce
    python -m experiments train_nano --start mine --out better --rate 4e-4

Behaviour cloning over rounds that the teachers (`training.teachers.choice`) played in training scenarios of
every tier (`training.splits`), then DAgger (Ross, Gordon and Bagnell 2011): the nano plays, the teacher says
what it would have done, and the nano goes on learning from all of it. The loss is the cross entropy of the
next token, among the tokens of the legal actions only. Prompts of the same length make a batch, of whatever
problems, so that none is padded. Lessons are gathered in parts, each with a generator of its own, so that
`--processes` changes nothing but the time. The same arguments on the same machine give the same weights.
"""

import copy
import math
import os
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer

from agents import Policy
from agents.qwen.dense import ACTIONS, IDS
from agents.qwen.loading import quiet
from agents.qwen.nano import NanoEngine, load_model
from agents.qwen.policy import QwenPolicy
from envs.batch import BatchEnv
from experiments.running import run_folder
from experiments.running.options import add, arguments_of, common
from experiments.running.pool import outcomes
from experiments.running.progress import bar, finished, tracked
from experiments.running.replacement import is_free
from experiments.tiers import TIERS
from experiments.training.nano_blank import RECORD, blank_model, make_tokenizer
from experiments.training.nano_lessons import EPISODES, Lessons, collect, nobody
from experiments.training.splits import FIRST_TRAINING_SEED
from experiments.training.teachers.choice import chosen_teacher
from experiments.training.train import check_device
from sandbox.errors import SandboxError

ACTION_IDS = torch.tensor([IDS[f"<{name}>"] for name in ACTIONS])
LESSONS = {
    "tasking_v0": (84_000, 15_000),
    "offloading_v0": (54_000, 10_000),
    "avoidance_v0": (45_000, 9_000),
    "autonomy_v0": (66_000, 12_000),
}
"""By problem, the lessons that teachers play, and those added in each round of DAgger, of all tiers."""
TAUGHT_PART, TRIED_PART = 5_000, 1_000
"""Lessons that are gathered in one go, from a teacher's episodes and from the nano's."""


def batches(lessons: Lessons, size: int, rng: np.random.Generator) -> Iterator[Lessons]:
    """The lessons in random order, `size` or fewer of the same length at a time."""
    order = rng.permutation(len(lessons))
    order = order[np.argsort(lessons.lengths[order], kind="stable")]
    cuts = np.flatnonzero(np.diff(lessons.lengths[order])) + 1
    parts = [part[i : i + size] for part in np.split(order, cuts) for i in range(0, len(part), size)]
    for k in rng.permutation(len(parts)):
        yield lessons.take(parts[k])


def action_logits(model: Any, batch: Lessons) -> torch.Tensor:
    """Logits (R, A) after prompts of one length, minus infinity where an action is illegal."""
    length = int(batch.lengths[0])
    ids = torch.from_numpy(batch.ids[:, -length:].astype(np.int64)).to(model.device)
    last = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, -1]
    logits = last @ model.lm_head.weight[ACTION_IDS.to(model.device)].T
    return logits.masked_fill(_forbidden(model, batch), -torch.inf)


def _forbidden(model: Any, batch: Lessons) -> torch.Tensor:
    return torch.from_numpy(batch.mask == 0).to(model.device)


def loss_of(model: Any, batch: Lessons) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross entropy with the teacher's chances, and the share of decisions that agree with its likeliest."""
    logits = action_logits(model, batch)
    wanted = torch.from_numpy(batch.chances.astype(np.float32)).to(model.device)
    logs = torch.log_softmax(logits, dim=1).masked_fill(_forbidden(model, batch), 0.0)
    agree = (logits.argmax(dim=1) == wanted.argmax(dim=1)).float().mean()
    return -(wanted * logs).sum(dim=1).mean(), agree


class Trainer:
    """AdamW with a short warm-up and a cosine decay to zero over `steps`."""

    def __init__(self, model: Any, rate: float, steps: int) -> None:
        self.model, self._rate, self._steps, self._done = model, rate, steps, 0
        decayed = [p for p in model.parameters() if p.ndim > 1]
        groups = [
            {"params": decayed, "weight_decay": 0.01},
            {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
        ]
        self._optimiser = torch.optim.AdamW(
            groups, lr=rate, betas=(0.9, 0.98), fused=model.device.type == "cuda"
        )

    def learn(self, batch: Lessons) -> torch.Tensor:
        """One step; loss and agreement (2,), still on the device, which nobody waits for."""
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
        return torch.stack([loss.detach(), agree])


def epoch(trainer: Trainer, lessons: Lessons, size: int, rng: np.random.Generator, title: str) -> None:
    """Learn every lesson once."""
    begin, kept, rows = time.process_time(), [], []
    trainer.model.train()
    with bar(f"learning, {title}", len(lessons)) as line:
        for batch in batches(lessons, size, rng):
            kept.append(trainer.learn(batch))
            rows.append(len(batch))
            line.more(len(batch))
    loss, agree = np.average(torch.stack(kept).cpu().numpy(), axis=0, weights=rows)
    print(
        f"{title}: {len(lessons)} lessons, {len(kept)} steps, loss {loss:.4f}, agreement {agree:.4f}, "
        f"{time.process_time() - begin:.0f} s of CPU",
        flush=True,
    )


def save(model: Any, folder: Path) -> None:
    """Weights in bf16 and the configuration, as `from_pretrained` reads them."""
    with quiet():
        copy.deepcopy(model).to(torch.bfloat16).save_pretrained(folder)


def train(told: Namespace, model: Any) -> Any:
    """Clone, then `told.rounds` rounds of DAgger."""
    rng = np.random.default_rng(FIRST_TRAINING_SEED + told.seed)
    clone, dagger = (sum(counts[i] for counts in told.lessons.values()) for i in (0, 1))
    per_epoch = [clone + k * dagger for k in range(told.rounds + 1)]
    trainer = Trainer(model, told.rate, math.ceil(sum(per_epoch) / told.batch * 1.15))
    lessons = gather(told, rng, None)
    for k in tracked(range(told.rounds + 1), "rounds"):
        if k:
            model.eval()
            lessons = lessons + gather(told, rng, model)
        epoch(trainer, lessons, told.batch, rng, f"round {k}")
        save(model, told.out)
    return model


@dataclass(frozen=True)
class Part:
    """Lessons to gather in one go, in a tier of a problem, by its teachers or, with weights, by the nano."""

    number: int
    problem: str
    tier: str
    wanted: int
    episodes: int
    rng: np.random.Generator
    weights: dict[str, torch.Tensor] | None


def gather(told: Namespace, rng: np.random.Generator, model: Any | None) -> Lessons:
    """Lessons of every problem and tier asked for, from episodes that the model plays, or where it is None
    the teachers."""
    weights = None if model is None else {name: value.cpu() for name, value in model.state_dict().items()}
    parts = list(_parts(told, rng, weights))
    played = finished(outcomes(_gathered, parts, told.processes), "gathering", len(parts))
    done = {part.number: found for part, found in played}
    for problem in told.lessons:
        for tier in told.tiers:
            some = [done[part.number] for part in parts if (part.problem, part.tier) == (problem, tier)]
            lengths, spent = np.concatenate([lessons.lengths for lessons, _ in some]), sum(s for _, s in some)
            print(f"{problem}, {tier}: {len(lengths)} lessons of {lengths.mean():.0f} tokens, "
                  f"{spent:.0f} s of CPU", flush=True)  # fmt: skip
    return Lessons.joined([done[number][0] for number in sorted(done)])


def _parts(
    told: Namespace, rng: np.random.Generator, weights: dict[str, torch.Tensor] | None
) -> Iterator[Part]:
    """What is to be gathered, problem by problem; the same whoever gathers it."""
    number = 0
    for problem, counts in told.lessons.items():
        wanted = math.ceil(counts[weights is not None] / len(told.tiers))
        count = math.ceil(wanted / (TAUGHT_PART if weights is None else TRIED_PART))
        for tier in told.tiers:
            for own in rng.spawn(count):
                share = math.ceil(wanted / count), math.ceil(EPISODES / count)
                yield Part(number, problem, tier, *share, own, weights)
                number += 1


def _gathered(part: Part) -> tuple[Lessons, float]:
    """The lessons of a part, and the CPU seconds that they took."""
    torch.set_num_threads(1)
    begin = time.process_time()
    player: Callable[[BatchEnv, np.random.Generator], Policy | None] = nobody
    if part.weights is not None:
        model = blank_model(0)
        model.load_state_dict(part.weights)
        player = _playing(model.eval())
    lessons = collect(part.problem, part.wanted, part.rng, chosen_teacher, player, part.episodes, part.tier)
    return lessons, time.process_time() - begin


def _playing(model: Any) -> Callable[[BatchEnv, np.random.Generator], Policy]:
    """The model as a player, which in three of ten episodes draws from its probabilities."""

    def make(env: BatchEnv, rng: np.random.Generator) -> Policy:
        policy = QwenPolicy(env, NanoEngine(model, sample=bool(rng.random() < 0.3)))
        policy.reset(int(rng.integers(2**31)))
        return policy

    return make


def _once(problems: Sequence[str]) -> None:
    """Raises SandboxError for a problem that is named twice."""
    twice = next((problem for k, problem in enumerate(problems) if problem in problems[:k]), None)
    if twice is not None:
        raise SandboxError(f"--lessons names {twice} twice; give its numbers once.")


def run(told: Namespace) -> None:
    """Train, save, say how long it took."""
    _once([problem for problem, _ in told.lessons])
    told.lessons = dict(told.lessons)
    told.tiers = list(dict.fromkeys(told.tiers))
    _check(told)
    torch.set_num_threads(1)
    torch.manual_seed(told.seed)
    if told.device != "cpu":
        _repeat_there()
    begin = time.process_time()
    tokenizer = AutoTokenizer.from_pretrained(told.start) if told.start else make_tokenizer()
    model = (load_model(told.start) if told.start else blank_model(told.seed)).to(told.device)
    told.out.mkdir(parents=True, exist_ok=True)
    _keep_record(told, None)  # from now on the folder says whose it is
    tokenizer.save_pretrained(told.out)
    train(told, model)
    spent = time.process_time() - begin
    _keep_record(told, round(spent))
    print(f"saved in {told.out}, {spent:.0f} s of CPU")
    if told.json:
        run_folder.keep_records(told.json, "training", [{"folder": str(told.out), "cpu_s": spent}])


def _repeat_there() -> None:
    """Let a GPU add up in the same order each time."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    torch.backends.cuda.enable_flash_sdp(False)


def _check(told: Namespace) -> None:
    """Raises SandboxError for numbers that no training can have, and for a start that is no model."""
    for name, least in {"rounds": 0, "batch": 1, "processes": 1, "seed": 0}.items():
        if getattr(told, name) < least:
            raise SandboxError(f"--{name} {getattr(told, name)}: give at least {least}.")
    if not 0.0 < told.rate < 1.0:
        raise SandboxError(f"--rate {told.rate:g}: give more than 0 and less than 1.")
    if told.start is not None and not (told.start / "config.json").is_file():
        raise SandboxError(f"--start {told.start}: there is no config.json; give the folder of a model.")
    for problem, (taught, tried) in told.lessons.items():
        if taught < 1 or tried < min(1, told.rounds):
            raise SandboxError(
                f"--lessons {problem}={taught},{tried}: give at least 1 that is taught, and 1 that is tried "
                "unless --rounds is 0."
            )
    check_device(torch, told.device)


def _keep_record(told: Namespace, cpu_s: int | None) -> None:
    """How the model in the folder is made; no CPU time as long as it is not done."""
    record = {"arguments": {k: str(v) for k, v in arguments_of(told).items()}, "cpu_s": cpu_s}
    run_folder.write_json(told.out / RECORD, {"format": run_folder.format_of("training"), **record})


def own_folder(text: str) -> Path:
    """A folder to save a model in: a new one, an empty one, or one of an earlier training."""
    path = Path(text)
    if is_free(path):
        return path
    content = run_folder.read_json(path / RECORD) if path.is_dir() else None
    if not (isinstance(content, dict) and {"arguments", "cpu_s"} <= content.keys()):
        raise ArgumentTypeError(
            f"{path} holds something other than a model trained here; name another folder"
        )
    return path


_HELP = "of each problem: so many that teachers play, and so many added in a round of DAgger"


def _lessons(text: str) -> tuple[str, tuple[int, int]]:
    """`PROBLEM=TAUGHT,TRIED`, read."""
    problem, _, counts = text.partition("=")
    taught, _, tried = counts.partition(",")
    if problem not in LESSONS or not (taught.lstrip("-").isdecimal() and tried.lstrip("-").isdecimal()):
        raise ArgumentTypeError(
            f"{text} is not PROBLEM=TAUGHT,TRIED, whole numbers, the problem one of {', '.join(LESSONS)}"
        )
    return problem, (int(taught), int(tried))


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--out", type=own_folder, required=True, metavar="DIR", help="where it is saved")
    add(parser, "--start", None, "go on from this model", type=Path, metavar="FOLDER")
    parser.add_argument("--lessons", nargs="+", type=_lessons, default=list(LESSONS.items()), help=_HELP,
                        metavar="PROBLEM=TAUGHT,TRIED")  # fmt: skip
    add(
        parser, "--tiers", list(TIERS), "that lessons are of, alike", nargs="+", choices=TIERS, metavar="NAME"
    )
    add(parser, "--rounds", 1, "rounds of DAgger", type=int, metavar="N")
    add(parser, "--batch", 256, "prompts a step", type=int, metavar="N")
    add(parser, "--rate", 1e-3, "of learning, at most", type=float, metavar="R")
    add(parser, "--device", "cpu", "where it learns", metavar="NAME")
    add(parser, "--processes", 1, "that gather lessons", type=int, metavar="N")
    common(parser, seed=0)
