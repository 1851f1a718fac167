"""What the scripts for other people's trainers share: options, a judge on held-out seeds, a learning curve.

A script says what it trains and how (`with_NAME.py`); `Trial` says on what, how long, and what came of it:

    with Trial(told, "skrl") as trial:
        for steps in ...:
            trial.watch(steps, act)

`act(observation, mask)` takes arrays (B, N, F) and (B, N, A) and gives actions (B, N): what has been learned
so far, by its likeliest action.
"""

import csv
import json
import re
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import Policy
from envs.episodes import known_as, make_env, rounds_in, scenario_of
from envs.making import make
from envs.options import whole_count
from experiments.running import run_folder as results
from experiments.running.extras import install
from experiments.running.options import add, arguments_of, common, differences, in_short
from experiments.running.progress import Line, bar
from experiments.running.replacement import is_free
from experiments.training.curve import learning_curve
from experiments.training.evaluation import best_heuristic, references, score
from experiments.training.splits import FIRST_TRAINING_SEED
from sandbox.errors import SandboxError
from sandbox.files import replacing

RECORD, CURVE, PICTURE = "training.json", "learning_curve.csv", "learning_curve.png"
FORMAT = "trial of a trainer"
COLUMNS = ("seed", "steps", "cpu_s", "score", "lost")
ALSO = {"rllib": ("dm-tree",)}
"""By trainer, distributions without which its package is not the whole of it."""
ROUNDS = 64
"""Played in every world between two updates."""
Act = Callable[[NDArray[np.float32], NDArray[np.bool_]], NDArray]


class Learned(Policy):
    """What `act` decides, as a policy."""

    def __init__(self, env: Any, act: Act) -> None:
        super().__init__(env)
        self._act = act

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        return np.asarray(self._act(observation, mask.astype(np.bool_)), np.int64)


class Trial:
    """A training by the distribution `package`, as the command line `told`: `train_NAME`.

    Between two updates are `iteration` steps, each a `unit`; by default `ROUNDS` of every satellite of every
    world. With `thinking` it is judged where thought is charged.

    Raises SandboxError where the package is not installed, a number cannot be used, or the folder holds
    something else, before anything is flown: that begins as it is entered.
    """

    def __init__(
        self,
        told: Namespace,
        package: str,
        name: str,
        title: str | None = None,
        *,
        iteration: int | None = None,
        unit: str = "agent-steps",
        thinking: bool = False,
    ) -> None:
        self.trainer = f"{title or package} {_version(package, name)}"
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(told.seed)
        self.told = told
        self.problem, self.scenario = known_as(told.problem), scenario_of(told.problem, told.scenario)
        self.cycles = None if told.hours is None else rounds_in(told.hours, self.scenario)
        self.worlds, self.seed = whole_count("worlds", getattr(told, "worlds", 1)), told.seed
        self.rounds, self.first_seed = ROUNDS, FIRST_TRAINING_SEED + told.seed
        worlds = whole_count("evaluate_worlds", told.evaluate_worlds)
        self.judge_env = make_env(self.problem, self.scenario, told.hours, worlds, thinking=thinking)
        self.satellites = self.judge_env.satellites
        self.features, self.actions = len(self.judge_env.layout), len(self.judge_env.actions)
        self.iteration = iteration or ROUNDS * self.worlds * self.satellites
        """Steps between two updates."""
        self.unit = unit
        self.steps = whole_count("steps", told.steps)
        """To learn from."""
        if told.iterations is not None:
            self.steps = whole_count("iterations", told.iterations) * self.iteration
        self.evaluations = whole_count("evaluations", told.evaluations)
        self.records: list[dict[str, Any]] = []
        self._shown, self._line = ExitStack(), Line()
        self.folder = Path(told.out or f"results/train_{name}-{_plain(self.problem, self.scenario.name)}")
        self._arguments = json.loads(json.dumps(arguments_of(told), default=str))
        _check(self.folder, self._arguments)

    def __enter__(self) -> "Trial":
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.folder, {"arguments": self._arguments})
        self._line = self._shown.enter_context(bar("training", self.steps, not self.told.quiet))
        self.levels = references(self.judge_env, self.problem, planner=False)
        self._say("Others: " + ", ".join(f"{name} {level:,.1f}" for name, level in self.levels.items()))
        most = max(map(abs, self.levels.values())) * 100.0 / (self.satellites * self.judge_env.max_cycles)
        self.scale = 1.0 / most if most else 1.0
        """To multiply rewards by, so that a value is about one: what is earned in 100 rounds, at most."""
        self._spent, self._since = 0.0, time.process_time()
        return self

    def environment(self, **arguments: Any) -> Any:
        """What is trained on, in the face that is asked for: `envs.make`."""
        return make(self.problem, self.scenario, max_cycles=self.cycles, **arguments)

    def learned(self, steps: int) -> None:
        """Show that it has learned from so many steps."""
        self._line.to(min(steps, self.steps))

    def due(self, steps: int) -> bool:
        """Whether what has been learned from so many steps is to be judged."""
        return steps >= min((len(self.records) + 1) * self.steps / self.evaluations, self.steps)

    def watch(self, steps: int, act: Act | Policy) -> bool:
        """To be told after each update: judges `act`, or a policy, where that is due. Whether to go on."""
        self.learned(steps)
        if self.due(steps):
            self._judge(steps, act if isinstance(act, Policy) else Learned(self.judge_env, act))
        return steps < self.steps

    def _judge(self, steps: int, policy: Policy) -> None:
        self._spent += time.process_time() - self._since
        with closing(policy):
            found = score(self.judge_env, policy)
        numbers = (self.seed, steps, round(self._spent, 2), found.mean, found.lost)
        record = dict(zip(COLUMNS, numbers, strict=True))
        self.records.append(record)
        told = f", {found.lost} satellites lost" if found.lost else ""
        self._say(f"{steps:>11,} {self.unit}, {self._spent:>7,.1f} CPU s, return {found.mean:,.1f}{told}")
        self._since = time.process_time()

    def __exit__(self, kind: Any, *_: Any) -> None:
        self._shown.close()
        if kind is None:
            self._keep()
        self.judge_env.close()

    def _keep(self) -> None:
        """Leave the curve as a table and a picture, and say what came of it."""
        with replacing(self.folder / CURVE) as draft, draft.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            table.writerows(self.records)
        title = f"{self.trainer}, {self.scenario.name}"
        learning_curve(self.records, self.levels, title, self.folder / PICTURE, self.unit)
        content = {"trainer": self.trainer, "references": self.levels, "records": self.records}
        content |= {"arguments": self._arguments}
        _write(self.folder, content)
        if self.told.json:
            results.keep_records(self.told.json, f"training by {self.trainer}", self.records)
        best = best_heuristic(self.levels) or "random"
        names = list(dict.fromkeys(("random", "greedy" if "greedy" in self.levels else best, best)))
        earned = [f"{self.trainer} {self.records[-1]['score']:,.1f}"]
        earned += [f"{other} {self.levels[other]:,.1f}" for other in names]
        self._say(f"Return on {self.judge_env.worlds} held-out seeds: {', '.join(earned)}; in {self.folder}/")

    def _say(self, text: str) -> None:
        if not self.told.quiet:
            print(text, flush=True)


def _version(package: str, name: str) -> str:
    """Of an installed distribution. Raises SandboxError where it, or what its extra adds, is not there."""
    try:
        for needed in ALSO.get(name, ()):
            version(needed)
        return version(package)
    except PackageNotFoundError as error:
        raise SandboxError(f"{error.name} is not installed; run: {install(name)}.") from None


def masked_argmax(logits: Any, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The likeliest legal action (...,) by logits or values (..., A) of torch."""
    return np.where(mask, logits.detach().cpu().numpy(), -np.inf).argmax(-1)


def _plain(*names: str) -> str:
    return re.sub(r"[^\w.-]+", "_", "-".join(names))


def _check(folder: Path, arguments: Mapping[str, Any]) -> None:
    """Raises SandboxError unless the folder is new, empty, of a trial that broke off, or of the same one."""
    if is_free(folder):
        return
    content = results.read_json(folder / RECORD) if folder.is_dir() else None
    if not (isinstance(content, dict) and content.get("format") == results.format_of(FORMAT)):
        raise SandboxError(f"{folder} holds something other than a trial; name another folder with --out.")
    other = differences(content.get("arguments", {}), arguments, alike=True)
    if content.get("records") and other:
        raise SandboxError(
            f"{folder} holds a trial of other options: {in_short(other)}; name another folder with --out."
        )


def _write(folder: Path, content: dict[str, Any]) -> None:
    results.write_json(folder / RECORD, {"format": results.format_of(FORMAT), **content})


def options(parser: ArgumentParser, steps: int = 200_000) -> None:
    """Declare the options that the scripts have which step worlds together."""
    general_options(parser, "agent-steps to learn from", steps, f", of {ROUNDS} rounds")
    add(parser, "--worlds", 8, "worlds stepped together", type=int, metavar="N")


def general_options(parser: ArgumentParser, of: str, steps: int, update: str = "") -> None:
    """Declare the options that all scripts have, with what `--steps` counts and what an update is."""
    add(parser, "--problem", "tasking_v0", "decision problem", metavar="NAME")
    add(parser, "--scenario", "pair", "a named scenario or a YAML file", metavar="NAME")
    add(parser, "--hours", None, "simulated hours of an episode (default: the scenario's)",
        type=float, metavar="H")  # fmt: skip
    add(parser, "--steps", steps, of, type=int, metavar="N")
    add(parser, "--iterations", None, f"updates to learn from{update}, in place of steps",
        type=int, metavar="N")  # fmt: skip
    add(parser, "--seed", 0, "of the training", type=int, metavar="K")
    add(parser, "--evaluations", 8, "times that it is judged on held-out seeds", type=int, metavar="N")
    add(parser, "--evaluate-worlds", 8, "held-out seeds of an evaluation", type=int, metavar="N")
    add(parser, "--out", None, "folder (default: results/train_TRAINER-PROBLEM-SCENARIO)", metavar="DIR")
    common(parser)
