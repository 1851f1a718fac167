"""GRPO of TRL: a Qwen3 that reads reports learns which reply pays, from the world's own rewards.

    pip install -c constraints.txt -e ".[trl]"
    python -m experiments train_trl --model Qwen/Qwen3-0.6B --scenario pair --hours 6 --out results/grpo
    python -m experiments run --policy qwen --model results/grpo/checkpoint --scenario pair --hours 6

A decision is one reply, so one reply is one rollout, and a group is `--group` replies to the same report,
which is taken from an episode that `--guide` flies. For each reply the world goes back to that round. The
satellite does what the reply says, once its tokens have been read and written on its own board, at their
price; everybody else, and it too from then on, does what the guide says for `--ahead` rounds. The reward is
what the fleet earns in them, less 1 where the reply cannot be read or is not legal; the no-op is then played.

It is judged as it will fly, charged: by the likeliest of the legal labels, with `--thinking` after a thought.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from agents import Policy, make_policy
from agents.policy import policy_class, understands
from agents.qwen.chat import ChatRenderer, messages
from agents.qwen.decisions import Request
from agents.qwen.engines import make_engine
from agents.qwen.loading import Loaded, load, quiet
from agents.qwen.policy import QwenPolicy
from envs.deliberation import HOLD, Thought
from envs.episodes import make_env
from envs.options import whole_count
from envs.replies import OK, ReplyReader
from envs.reports import Reporter
from experiments.running.options import add
from experiments.training.trial import Trial, general_options
from sandbox.errors import SandboxError

__all__ = ["Moment", "Replies", "options", "run", "train"]

CHECKPOINT = "checkpoint"
AN_EPISODE = 16
"""Moments that are taken from one episode."""
ANSWER = 16
"""Tokens that a reply may have beside its thoughts."""
MALUS = 1.0
"""For a reply that nobody can obey; what a satellite earns in 100 rounds is at most 1."""


class Moment(NamedTuple):
    """A decision of an episode: the seed, the round and the satellite, whole numbers."""

    seed: int
    round: int
    satellite: int


def check_guide(guide: str, problem: str) -> None:
    """Raises SandboxError for a guide that thinks itself, or is none of the problem."""
    kind = policy_class(guide, problem)
    if kind.thinks:
        raise SandboxError(f"--guide {guide} thinks itself; give a heuristic, for example greedy.")
    if not understands(kind, problem):
        raise SandboxError(f"--guide {guide} does not know {problem}; give a heuristic of it.")


class Replies:
    """What replies at moments of episodes are worth, in one world whose thought is charged.

    `guide` names the heuristic that decides but for the reply, `ahead` rounds long. Raises SandboxError for a
    guide that thinks itself.
    """

    def __init__(self, trial: Trial, guide: str, ahead: int) -> None:
        check_guide(guide, trial.problem)
        self.env: Any = make_env(trial.problem, trial.scenario, trial.told.hours, thinking=True)
        self.guide = make_policy(guide, self.env)
        self.ahead, self.scale = whole_count("ahead", ahead), trial.scale
        self._reporter = Reporter(self.env.problem)
        self._reader = ReplyReader(self.env.actions, self._reporter.labels)
        self._at: tuple[int, int] | None = None
        self._then: Any = None

    def moments(self, first_seed: int, count: int) -> list[dict[str, Any]]:
        """So many moments at which there is a choice, each with the messages (`prompt`) that ask for it.

        Raises SandboxError where there are too few in as many episodes, which begin with `first_seed`.
        """
        found: list[dict[str, Any]] = []
        draw, rounds = np.random.default_rng(first_seed), self.env.max_cycles
        for seed in range(first_seed, first_seed + count):
            chosen = set(draw.choice(rounds, min(AN_EPISODE, rounds), replace=False).tolist())
            observation, info = self._begin(seed)
            for turn in range(max(chosen) + 1):
                mask = info["action_mask"][0]
                able = np.flatnonzero(mask.sum(-1) > 1)
                if turn in chosen and len(able):
                    n = int(draw.choice(able))
                    request = Request(observation[0, n], mask[n], self._reporter)
                    asked = messages(request.system, request.report)
                    found.append({"prompt": asked, **Moment(seed, turn, n)._asdict()})
                    if len(found) == count:
                        return found
                observation, *_, info = self.env.step(self.guide.act(observation, info))
        raise SandboxError(f"{count} episodes have {len(found)} decisions with a choice; give more --hours.")

    def worth(self, moment: Moment, text: str, prompt_tokens: int, output_tokens: int) -> float:
        """The rewards of the fleet after a reply of so many tokens, times `Trial.scale`, less the malus."""
        observation, info = self._go_to(moment)
        n = moment.satellite
        actions = self.guide.act(observation, info).copy()
        actions[0, n], status = self._reader.read(text, info["action_mask"][0, n])
        spent = np.zeros((2, *actions.shape), np.int64)
        spent[:, 0, n] = prompt_tokens, output_tokens
        thought: Thought | None = Thought(*spent)
        earned = 0.0
        for _ in range(self.ahead):
            observation, reward, terminated, truncated, info = self.env.step(actions, thought)
            earned += float(reward.sum())
            if (terminated | truncated).all():
                break
            # who still thinks keeps to the standing order
            actions, thought = np.where(info["thinking"], HOLD, self.guide.act(observation, info)), None
        return earned * self.scale - MALUS * (status != OK)

    def _begin(self, seed: int) -> tuple[Any, Any]:
        self.guide.reset(seed)
        return self.env.reset(seed)

    def _go_to(self, moment: Moment) -> tuple[Any, Any]:
        """The world as it stands then; replies to the same report come one after the other."""
        if self._at != (moment.seed, moment.round):
            observation, info = self._begin(moment.seed)
            for _ in range(moment.round):
                observation, *_, info = self.env.step(self.guide.act(observation, info))
            self._at, self._then = (moment.seed, moment.round), self.env.world.snapshot()
        self.env.world.restore(self._then)
        self.guide.reset(moment.seed)  # what it draws is the same for every reply
        return self.env.present()

    def close(self) -> None:
        """Let the world and the guide go. Safe to call twice."""
        self.guide.close()
        self.env.close()


def train(trial: Trial, loaded: Loaded) -> None:
    """Let the model learn from groups of replies, until the trial is over; leaves the checkpoint that was
    judged last."""
    from datasets import Dataset
    from transformers import PrinterCallback, TrainerCallback
    from trl import GRPOTrainer

    told, folder = trial.told, trial.folder / CHECKPOINT
    chat = ChatRenderer(loaded.tokenizer, str(told.model))
    replies = Replies(trial, told.guide, told.ahead)
    updates = -(-trial.steps // told.batch)
    rows = replies.moments(trial.first_seed, updates * (told.batch // told.group))

    def earned(prompts: Any, completions: Any, completion_ids: Any, **row: Any) -> list[float | None]:
        """The rewards of a batch; `row` holds the columns of the data."""
        worths: list[float | None] = []
        for i, (asked, said) in enumerate(zip(prompts, completions, strict=True)):
            moment = Moment(*(row[name][i] for name in Moment._fields))
            read = len(chat.ids(asked[0]["content"], asked[1]["content"], bool(told.thinking)))
            worths.append(replies.worth(moment, said[0]["content"], read, len(completion_ids[i])))
        return worths

    class Watch(TrainerCallback):
        """Is told when the weights were updated."""

        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            steps = state.global_step * told.batch
            trial.learned(steps)
            if trial.due(steps):
                _save(loaded, folder)
                trial.watch(steps, _as_it_flies(trial, folder))

    with quiet():
        trainer = GRPOTrainer(
            loaded.model.train(),
            earned,
            _settings(told, trial.folder, updates),
            Dataset.from_list(rows),
            processing_class=loaded.tokenizer,
            callbacks=[Watch()],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    replies.close()


def _settings(told: Namespace, folder: Path, updates: int) -> Any:
    """Of GRPO: a group after the other goes through the network, and a batch of them makes an update."""
    import torch
    from trl import GRPOConfig

    return GRPOConfig(
        output_dir=str(folder),
        per_device_train_batch_size=told.group,
        gradient_accumulation_steps=told.batch // told.group,
        num_generations=told.group,
        max_steps=updates,
        max_completion_length=told.thinking + ANSWER,
        learning_rate=told.learning_rate,
        chat_template_kwargs={"enable_thinking": bool(told.thinking)},
        shuffle_dataset=False,
        seed=told.seed,
        use_cpu=not torch.cuda.is_available(),
        bf16=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


def _save(loaded: Loaded, folder: Path) -> None:
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)


def _as_it_flies(trial: Trial, folder: Path) -> Policy:
    """The checkpoint in a folder as a policy over the environment of the judge."""
    told = trial.told
    engine = make_engine(folder, thinking=told.thinking or "off", debias="none", any_model=told.any_model)
    return QwenPolicy(trial.judge_env, engine)


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    general_options(parser, "replies to learn from", 4096)
    add(parser, "--model", None, "a Qwen3 to begin with: a hub id or a folder", required=True, metavar="NAME")
    parser.add_argument("--allow-download", action="store_true", help="fetch a hub id that is not here")
    parser.add_argument("--any-model", action="store_true", help="take other causal models than Qwen3")
    add(parser, "--group", 8, "replies to the same report", type=int, metavar="N")
    add(parser, "--batch", 64, "replies between two updates: a multiple of --group", type=int, metavar="N")
    add(parser, "--thinking", 0, "tokens that a reply may think", type=int, metavar="N")
    add(parser, "--guide", "greedy", "heuristic that decides but for the reply", metavar="POLICY")
    add(parser, "--ahead", 40, "rounds that a reply is judged by", type=int, metavar="N")
    add(parser, "--learning-rate", 1e-6, "of AdamW, falling to 0", type=float, metavar="X")


def run(told: Namespace) -> None:
    """Train, and leave the curve and the checkpoint. Raises SandboxError for wrong numbers."""
    whole_count("--group", told.group, 2)
    whole_count("--thinking", told.thinking, 0)
    if whole_count("--batch", told.batch) % told.group:
        raise SandboxError(f"--batch = {told.batch}; give a multiple of --group, which is {told.group}.")
    whole_count("--ahead", told.ahead)
    if not told.learning_rate > 0.0:
        raise SandboxError(f"--learning-rate = {told.learning_rate:g}; give more than 0.")
    trial = Trial(told, "trl", "trl", "TRL", iteration=told.batch, unit="replies", thinking=True)
    check_guide(told.guide, trial.problem)
    loaded = load(told.model, {}, allow_download=told.allow_download, any_model=told.any_model)
    with trial:
        train(trial, loaded)
