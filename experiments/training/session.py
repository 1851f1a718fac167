"""One training with one seed: it learns, is judged, keeps all of it, and goes on where it was killed."""

import pickle
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from agents.network import FILE, MODES, write_weights
from envs.batch import BatchEnv
from envs.episodes import make_env, rounds_in
from envs.faces import make_batch
from envs.registry import find
from experiments.training.checkpoint import state_of, take_state
from experiments.training.cloning import WARM, clone
from experiments.training.evaluation import Score, score_weights
from experiments.training.ppo import Learner, Settings
from experiments.training.recipes import BETTER
from experiments.training.splits import FIRST_TRAINING_SEED
from experiments.training.tracking import FAILED, FINISHED, KILLED, Trackers, Training
from experiments.training.train_options import changed
from sandbox.errors import SandboxError
from sandbox.files import replacing
from sandbox.scenario import Scenario, load_scenario

CHECKPOINT = "checkpoint.pt"
SCHEMA = 1
STRIDE = 100_000
"""Between the first seeds of two trainings; of cloning, half of it further on."""
CLONED_WORLDS = 4


class Stage(NamedTuple):
    """What is trained on until so many agent-steps; the last stage goes on."""

    until: int
    scenarios: tuple[Scenario, ...]


@dataclass(frozen=True)
class Task:
    """What is trained on, and how it is judged."""

    problem: str
    scenarios: tuple[Scenario, ...]
    """The first is what a policy is judged on."""
    hours: float | None
    worlds: int
    judged_worlds: int
    clone: str | None = None
    clone_steps: int = 200_000
    interval: int = 250_000
    """Agent-steps between two evaluations."""
    difference: bool = False
    """Whether everybody is paid what the fleet would lose without it (`envs.difference`)."""
    warm: int = WARM
    """Iterations after cloning in which the critic alone learns."""
    stages: tuple[Stage, ...] = ()
    """A curriculum; without one `scenarios` are trained on throughout."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the problem."""
    practice: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the scenarios that are otherwise where it learns than where it is judged."""
    practice_options: Mapping[str, Any] = field(default_factory=dict)
    """The same of `options`."""
    mode: str = BETTER
    """Of `MODES` what the policy that is kept plays, or whichever of them earns more when it is judged."""

    def stage(self, steps: int) -> int:
        """The number of the stage that a training is in after so many agent-steps."""
        return min(sum(steps >= stage.until for stage in self.stages), max(len(self.stages) - 1, 0))

    def envs(self, worlds: int, central: bool = False, stage: int | None = None) -> list[BatchEnv]:
        """New worlds of every scenario, or of those of a stage, with autoreset.

        Raises SandboxError where one network cannot take them all; `central`: nor one critic of states.
        """
        made = []
        scenarios = self.scenarios if stage is None or not self.stages else self.stages[stage].scenarios
        options = {**self.options, **self.practice_options}
        for scenario in scenarios:
            cycles = None if self.hours is None else rounds_in(self.hours, scenario)
            env = make_batch(
                find(self.problem),
                load_scenario(scenario, self.practice) if self.practice else scenario,
                worlds,
                max_cycles=cycles,
                difference_reward=self.difference,
                **options,
            )
            made.append(env)
        told = {
            "features": {len(env.layout) for env in made},
            "actions": {len(env.actions) for env in made},
            "numbers in their state, which mappo sees": {env.problem.state_size for env in made if central},
        }
        for name, sizes in told.items():
            if len(sizes) > 1:
                raise SandboxError(
                    f"These scenarios have {' and '.join(map(str, sorted(sizes)))} {name}; "
                    "train on such as have the same."
                )
        return made

    def check_practice(self) -> None:
        """Make a world of practice and one to be judged in, before anything is written.

        Raises SandboxError for options that cannot be, and where one network cannot play in both.
        """
        if not (self.options or self.practice or self.practice_options):
            return
        with closing(replace(self, judged_worlds=1).judge_env()) as judged:
            (learned,) = replace(self, scenarios=self.scenarios[:1], stages=()).envs(1)
            with closing(learned):
                for name, own, other in (
                    ("features", learned.layout.names, judged.layout.names),
                    ("actions", learned.actions, judged.actions),
                ):
                    if tuple(own) != tuple(other):
                        raise SandboxError(
                            f"--practice and --practice-option give the worlds to learn in other {name} than "
                            "those to be judged in; leave out what changes them."
                        )

    def judge_env(self) -> BatchEnv:
        """Worlds to be judged in."""
        return make_env(self.problem, self.scenarios[0], self.hours, self.judged_worlds, **self.options)


class Session:
    """The training of one seed in `folder`. `on_record` is told of every evaluation."""

    def __init__(
        self, task: Task, settings: Settings, seed: int, folder: Path, judge_env: BatchEnv,
        arguments: dict[str, Any],
    ) -> None:  # fmt: skip
        self.task, self.settings, self.seed, self.folder = task, settings, seed, folder
        self.records: list[dict[str, Any]] = []
        self.best = -np.inf
        self._judge_env = judge_env
        self._arguments: dict[str, Any] = {"task": arguments, "settings": asdict(settings), "seed": seed}
        self._first, self._stage = FIRST_TRAINING_SEED + STRIDE * seed, 0
        self.learner = Learner(self._envs(), settings, seed, self._first)
        self._went_on = self._recover()
        self._logs: Trackers | None = None

    def run(
        self,
        steps: int | None,
        cpu_s: float | None,
        on_record: Callable[[dict[str, Any]], None],
        on_iteration: Callable[[Learner], None] = lambda learner: None,
        track: Sequence[str] = (),
    ) -> None:
        """Train until `steps` agent-steps or `cpu_s` seconds of processor time, whichever comes first; tell
        the tools `track`, of `tracking.TRACKERS`, meanwhile."""
        learner, task, status = self.learner, self.task, FAILED
        title = f"{task.problem} {task.scenarios[0].name} seed {self.seed}"
        self._logs = Trackers(track, Training(self.folder, title, self._arguments, learner.steps))
        try:
            if not self._went_on:
                if task.clone is not None:
                    self._clone()
                self._evaluate(on_record)
            due = (learner.steps // task.interval + 1) * task.interval
            while not self._is_done(steps, cpu_s):
                self._enter(task.stage(learner.steps))
                learner.iterate()
                self._log(learner.told)
                on_iteration(learner)
                if learner.steps >= due or self._is_done(steps, cpu_s):
                    due = (learner.steps // task.interval + 1) * task.interval
                    self._evaluate(on_record)
            status = FINISHED
        except KeyboardInterrupt:
            status = KILLED
            raise
        finally:
            self._logs.close(status)

    def close(self) -> None:
        """Let the worlds go."""
        self.learner.leave()

    def _envs(self) -> list[BatchEnv]:
        """New worlds of the stage that the training is in."""
        return self.task.envs(self.task.worlds, self.settings.algorithm == "mappo", self._stage)

    def _enter(self, stage: int) -> None:
        """Go on in the worlds of a stage of the curriculum."""
        if stage != self._stage:
            self._stage = stage
            self.learner.leave()
            self.learner.enter(self._envs(), self._first + STRIDE // 20 * stage)

    def _is_done(self, steps: int | None, cpu_s: float | None) -> bool:
        learner = self.learner
        return (steps is not None and learner.steps >= steps) or (
            cpu_s is not None and learner.cpu_s >= cpu_s
        )

    def _clone(self) -> None:
        task, name = self.task, self.task.clone
        first = FIRST_TRAINING_SEED + STRIDE * self.seed + STRIDE // 2
        worlds = min(task.worlds, CLONED_WORLDS)
        assert name is not None
        agreed = clone(self.learner, name, task.envs(worlds), first, task.clone_steps)
        self.learner.warm = task.warm
        self.learner.told["cloned"] = agreed

    def _evaluate(self, on_record: Callable[[dict[str, Any]], None]) -> None:
        """Judge the policy, keep it if it is the best so far, and keep all that the training goes on from."""
        learner = self.learner
        scores = score_weights(self._judge_env, learner.weights())
        mode = self.task.mode
        if mode == BETTER:
            mode = max(MODES, key=lambda name: scores[name].mean)
        record = self._record(scores, mode)
        if not self.records or self.records[-1]["steps"] != record["steps"]:
            self.records.append(record)
        if scores[mode].mean > self.best:
            self.best = scores[mode].mean
            write_weights(self.folder / FILE, learner.weights(mode))
        self._log({f"held_out_{name}": told.mean for name, told in scores.items()})
        self._keep()
        on_record(record)

    def _record(self, scores: dict[str, Score], mode: str) -> dict[str, Any]:
        learner = self.learner
        chosen = scores[mode]
        told = {name: learner.told[name] for name in ("return", "kl", "entropy") if name in learner.told}
        return {
            "seed": self.seed,
            "steps": learner.steps,
            "cpu_s": round(learner.cpu_s, 3),
            "score": chosen.mean,
            "mode": mode,
            **{f"score_{name}": scores[name].mean for name in MODES},
            "returns": list(chosen.returns),
            "lost": chosen.lost,
            "training": told,
        }

    def _log(self, told: dict[str, float]) -> None:
        if self._logs is not None:
            self._logs.log(told | {"cpu_s": self.learner.cpu_s}, self.learner.steps)

    def _keep(self) -> None:
        """Write the checkpoint, whole or not at all."""
        content = {
            "schema": SCHEMA,
            "arguments": self._arguments,
            "records": self.records,
            "best": float(self.best),
            "stage": self._stage,
            "learner": state_of(self.learner),
        }
        with replacing(self.folder / CHECKPOINT) as draft:
            torch.save(content, draft)

    def _recover(self) -> bool:
        """Go on from the checkpoint, if there is one. Raises SandboxError for one of another training."""
        path = self.folder / CHECKPOINT
        if not path.exists():
            return False
        try:
            content = torch.load(path, weights_only=True, map_location="cpu")
            known, records = content["arguments"], content["records"]
            if content["schema"] != SCHEMA:
                raise ValueError("another schema")
        except (
            OSError,
            RuntimeError,
            ValueError,
            KeyError,
            TypeError,
            EOFError,
            pickle.UnpicklingError,
        ) as error:
            told = " ".join(str(error).split())[:80]
            raise SandboxError(
                f"{path} cannot be read ({told}); begin anew with --fresh, or name another folder with --out."
            ) from None
        if differences := changed(known["task"], self._arguments["task"]):
            raise SandboxError(
                f"{self.folder} holds a training that began otherwise: {'; '.join(differences[:3])}. "
                "Give the same, name another folder with --out, or begin anew with --fresh."
            )
        self._enter(content.get("stage", 0))
        try:
            take_state(self.learner, content["learner"])
        except RuntimeError as error:
            told = " ".join(str(error).split())[:120]
            raise SandboxError(
                f"{path} is of a network that is otherwise now ({told}); begin anew with --fresh, or name "
                "another folder with --out."
            ) from None
        self.records, self.best = list(records), content["best"]
        return True


def best_of(sessions: Sequence[Session]) -> Session:
    """The session whose policy earned most."""
    return max(sessions, key=lambda session: session.best)
