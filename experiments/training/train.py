"""Train a policy with PPO, and watch it get better than the heuristics.

Leaves a folder that `run`, `compare`, `benchmark` and `video` take by `--policy DIR`: the best policy by its
return on held-out seeds, `training.json` (a record per evaluation, beside what chance, the heuristics and the
planner earn on the same seeds), the learning curve as a picture, and per seed a checkpoint and logs
(TensorBoard, W&B or MLflow). Training takes seeds from 1,000,000 on; it is watched on seeds from 900,000 on,
and the benchmark judges on others again.
"""

import shlex
import shutil
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from envs.episodes import checked_options, known_as, scenario_of
from experiments.running import run_folder as results
from experiments.running.extras import install
from experiments.running.options import in_short
from experiments.tiers import CALM, TIERS, tier_scenario
from experiments.training import train_options
from experiments.training.recipes import BEST
from experiments.training.shown import shown
from experiments.training.train_options import DEFAULT_STEPS, arguments, changed, check
from sandbox.errors import SandboxError, unknown_name
from sandbox.terminal import say

RECORD, CURVE, FORMAT = "training.json", "learning_curve.png", "policy training"
options = train_options.options


def run(told: Namespace) -> None:
    """Train, as the command line says."""
    import torch

    from experiments.training.cloning import check_teacher
    from experiments.training.evaluation import best_heuristic, check_planner, references
    from experiments.training.session import Session, best_of
    from experiments.training.tracking import chosen

    if told.curriculum is not None:
        told.tier = _tiers_of(told)[-1]
    train_options.fill(told, known_as(told.problem))
    check(told)
    track = chosen(told.track, find_spec)
    torch.set_num_threads(told.threads)
    check_device(torch, told.device)
    task, settings, asked = _task(told), _settings(told), arguments(told)
    if told.planner:
        check_planner(task.problem)
    if task.clone not in (None, BEST):
        check_teacher(task.clone, task.problem)
    folder = Path(
        told.out or f"results/train-{_plain(task.problem)}-{_plain(task.scenarios[0].name)}-{told.algorithm}"
    )
    task.check_practice()
    _take(folder, told.fresh, asked)
    limits = {"steps": told.steps, "cpu_s": None if told.minutes is None else 60.0 * told.minutes}
    if told.steps is None and told.minutes is None:
        limits["steps"] = DEFAULT_STEPS
    sessions: list[Session] = []

    def kept_and_shown(record: dict[str, Any]) -> None:
        kept.write(sessions)
        show.record(record)

    with closing(task.judge_env()) as judge_env, shown(told.quiet) as show:
        kept = _Folder(folder, asked, task.problem, task.scenarios[0].name)
        if kept.references is None or (told.planner and "planner" not in kept.references):
            if told.scenario and told.tier:
                show.say(f"--tier {told.tier}: as scenarios are named, it says what --draws draws, no more.")
            show.say("What the others earn on the held-out seeds ...")
            kept.references = references(judge_env, task.problem, told.planner)
        show.levels(kept.references)
        if task.clone == BEST:
            task = replace(task, clone=best_heuristic(kept.references))
        kept.teacher = task.clone
        for seed in range(told.seed, told.seed + told.seeds):
            place = folder / f"seed_{seed}"
            place.mkdir(parents=True, exist_ok=True)
            session = Session(task, settings, seed, place, judge_env, asked)
            sessions.append(session)
            with closing(session):
                session.run(**limits, track=track, on_iteration=show.iteration(seed, limits),
                            on_record=kept_and_shown)  # fmt: skip
            kept.write(sessions)
    kept.finish(sessions, best_of(sessions))
    if told.json:
        results.keep_records(told.json, FORMAT, kept.records)
    if not told.quiet:
        say(f"Trained policy in {folder}/; play it with:")
        say(_played_with(told, task, [str(folder), *_rivals(kept.references)]))


def _played_with(told: Namespace, task: Any, policies: Sequence[str]) -> str:
    """The command that plays the policies in what was trained on."""
    scenario = told.scenario[0] if told.scenario else task.scenarios[0].name
    words = ["compare", "--env", task.problem, "--scenario", scenario]
    words += [] if told.hours is None else ["--hours", f"{told.hours:g}"]
    words += ["--set", *told.set] if told.set else []
    words += ["--option", *told.option] if told.option else []
    return shlex.join(["python", "-m", "experiments", *words, "--policy", *policies])


def _rivals(levels: Mapping[str, float]) -> list[str]:
    from experiments.training.evaluation import CHANCE, best_heuristic

    return [name for name in (CHANCE, best_heuristic(dict(levels))) if name]


class _Folder:
    """What a training of one or several seeds leaves behind."""

    def __init__(self, folder: Path, arguments: Mapping[str, Any], problem: str, scenario: str) -> None:
        self.folder, self._arguments, self._title = folder, arguments, f"{problem}  {scenario}"
        content = results.read_json(folder / RECORD) or {}
        self.references: dict[str, float] | None = content.get("references")
        self.teacher: str | None = None
        self._old = content.get("evaluations", [])

    def write(self, sessions: Sequence[Any]) -> None:
        """Write the records of all seeds, whole or not at all."""
        from experiments.training.evaluation import CHANCE, YARDSTICK, best_heuristic

        levels = self.references or {}
        best = best_heuristic(levels)
        beside = {"random": levels.get(CHANCE), "heuristic": levels.get(best or ""), "heuristic_name": best,
                  "planner": levels.get(YARDSTICK)}  # fmt: skip
        here = {session.seed for session in sessions}
        old = [record for record in self._old if record["seed"] not in here]
        self.records = old + [record | beside for session in sessions for record in session.records]
        content = {"format": results.format_of(FORMAT), "schema": 1, "arguments": self._arguments,
                   "versions": results.versions() | _torch_version(), "references": levels,
                   "cloned": self.teacher,
                   "evaluations": self.records}  # fmt: skip
        results.write_json(self.folder / RECORD, content)

    def finish(self, sessions: Sequence[Any], best: Any) -> None:
        """The best policy of all seeds, and the picture."""
        from agents.network import FILE, read_weights, write_weights

        self.write(sessions)
        write_weights(self.folder / FILE, read_weights(best.folder / FILE))
        try:
            from experiments.training.curve import learning_curve

            learning_curve(self.records, self.references or {}, self._title, self.folder / CURVE)
        except ModuleNotFoundError as error:
            say(f"No picture: {error.name} is not installed; run: {install('experiments')}", error=True)


def _torch_version() -> dict[str, str]:
    import torch

    return {"torch": str(torch.__version__)}


def check_device(torch: Any, name: str) -> None:
    """Raises SandboxError where torch cannot compute on the device called `name`."""
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        told = str(error).splitlines()[0][:100]
        here = ", ".join(["cpu", *(f"cuda:{k}" for k in range(torch.cuda.device_count()))])
        raise SandboxError(f"--device {name}: torch cannot compute there ({told}); give {here}.") from None


def _task(told: Namespace) -> Any:
    from experiments.running.cli import changes_in
    from experiments.training.session import Stage, Task
    from sandbox.scenario import load_scenario

    problem, changes = known_as(told.problem), changes_in(told.set)
    judged, practice = _scenarios(told, problem, told.tier, changes), changes_in(told.practice, "--practice")
    for scenario in judged:  # what cannot be is refused before anybody flies
        load_scenario(scenario, practice)
    stages: tuple[Stage, ...] = ()
    if told.curriculum is not None:
        tiers = told.curriculum.split(",")
        each = -(-(DEFAULT_STEPS if told.steps is None else told.steps) // len(tiers))
        told.curriculum = ",".join(f"{tier}:{each}" for tier in tiers)
        stages = tuple(
            Stage(
                each * (i + 1),
                tuple(_seen_alike(s, judged[0]) for s in _scenarios(told, problem, tier, changes)),
            )
            for i, tier in enumerate(tiers)
        )
    return Task(problem, judged, told.hours, told.worlds, told.evaluate_worlds, told.clone,
                told.clone_steps, told.evaluate, told.difference, told.warm, stages,
                checked_options(problem, changes_in(told.option, "--option")),
                practice,
                checked_options(problem, changes_in(told.practice_option, "--practice-option")),
                told.mode)  # fmt: skip


def _scenarios(
    told: Namespace, problem: str, tier: str | None, changes: Mapping[str, Any]
) -> tuple[Any, ...]:
    """Those that are named, or that of a tier, and those that are drawn."""
    from experiments.training.splits import DRAWS, training_scenarios

    names = told.scenario or [None if tier is None else tier_scenario(problem, tier).name]
    found = [scenario_of(problem, name, changes) for name in names]
    if told.draws:
        if problem not in DRAWS:
            raise SandboxError(f"--draws: no scenarios are drawn for {problem}; give --scenario ... alone.")
        drawn = islice(training_scenarios(problem, told.seed, tier or CALM), told.draws)
        found += [_seen_alike(scenario, found[0]) for scenario in drawn]
    return tuple(found)


def _tiers_of(told: Namespace) -> list[str]:
    """The tiers of a curriculum; the last is the one that is trained for."""
    tiers = told.curriculum.split(",")
    for tier in tiers:
        if tier not in TIERS:
            raise unknown_name("tier of --curriculum", tier, TIERS)
    if told.scenario:
        raise SandboxError("--curriculum is of tiers; leave --scenario out.")
    if told.tier not in (None, tiers[-1]):
        raise SandboxError(
            f"--curriculum ends with {tiers[-1]}, and --tier is {told.tier}; leave --tier out."
        )
    if told.minutes is not None and told.steps is None:
        raise SandboxError("--curriculum changes tiers by steps; give --steps, with or without --minutes.")
    return tiers


def _seen_alike(scenario: Any, other: Any) -> Any:
    """The scenario with as many requests told of ahead as in `other`, so that one network takes both."""
    from sandbox.scenario import load_scenario

    own, there = (getattr(each, "requests", None) for each in (scenario, other))
    if own is None or there is None or (own.ahead, own.ahead_min) == (there.ahead, there.ahead_min):
        return scenario
    return load_scenario(scenario, {"requests.ahead": there.ahead, "requests.ahead_min": there.ahead_min})


def _settings(told: Namespace) -> Any:
    from experiments.training.ppo import Settings

    names = ("epochs", "share", "memory", "critic", "hidden", "rate", "target_kl", "rollout", "twins",
             "horizon", "gamma", "lam", "entropy", "team_share", "anchor", "halving", "device")  # fmt: skip
    return Settings(
        algorithm="mappo" if told.algorithm == "mappo" else "ppo",
        normalise=not told.no_normalise,
        semi_markov=not told.no_semi_markov,
        **{name: getattr(told, name) for name in names},
    )


def _plain(name: str) -> str:
    import re

    return re.sub(r"[^\w.-]+", "_", name)


def _take(folder: Path, fresh: bool, asked: Mapping[str, Any]) -> None:
    """Raises SandboxError unless the folder is new, empty or of this training; with `fresh` one goes."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        folder.mkdir(parents=True, exist_ok=True)
    else:
        content = results.read_json(folder / RECORD) if folder.is_dir() else None
        if not (isinstance(content, dict) and content.get("format") == results.format_of(FORMAT)):
            raise SandboxError(
                f"{folder} holds something other than a training; name another folder with --out."
            )
        if fresh:
            for place in folder.glob("seed_*"):
                shutil.rmtree(place)
            for name in (RECORD, CURVE, "policy.npz"):
                (folder / name).unlink(missing_ok=True)
        elif differences := changed(content.get("arguments", asked), asked):
            raise SandboxError(
                f"{folder} holds a training that began otherwise: {in_short(differences)}. Give the same, "
                "name another folder with --out, or begin anew with --fresh."
            )
    if not (folder / RECORD).exists():
        head = {"format": results.format_of(FORMAT), "schema": 1}
        results.write_json(folder / RECORD, head | {"arguments": dict(asked)})
