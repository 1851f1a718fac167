"""Train a policy with PPO, and watch it get better than the heuristics.

Leaves a folder that `run`, `compare`, `benchmark` and `video` take by `--policy DIR`: the best policy by its
return on held-out seeds, `training.json` (a record per evaluation, beside what chance, the heuristics and the
planner earn on the same seeds), the learning curve as a picture, TensorBoard logs, and per seed a checkpoint.
Training takes seeds from 1,000,000 on; it is watched on seeds from 900,000 on, and the benchmark judges on
others again.
"""

import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from envs.episodes import known_as, scenario_of
from experiments.running import run_folder as results
from experiments.running.options import add, json_path, resumable
from experiments.tiers import CALM, TIERS
from sandbox.errors import SandboxError
from sandbox.terminal import say

RECORD, CURVE, FORMAT = "training.json", "learning_curve.png", "policy training"
ALGORITHMS = ("ppo", "ippo", "mappo")
DEFAULT_STEPS = 2_000_000


def options(parser: ArgumentParser) -> None:
    """Declare the options."""

    what = parser.add_argument_group("what is trained on")
    add(what, "--problem", "tasking_v0", "decision problem, by name or module:Class", metavar="NAME")
    add(
        what,
        "--scenario",
        None,
        "scenarios, by name or YAML file; it is judged on the first",
        nargs="+",
        metavar="NAME",
    )
    add(what, "--draws", 0, "further scenarios, drawn at random for training", type=int, metavar="N")
    add(what, "--tier", CALM, f"of those: {', '.join(TIERS)}", metavar="TIER")
    add(
        what,
        "--hours",
        None,
        "simulated hours of an episode (default: the scenario's)",
        type=float,
        metavar="H",
    )
    what.add_argument("--set", nargs="+", action="extend", default=[], metavar="FIELD=VALUE",
                      help="replace fields of the scenarios")  # fmt: skip
    add(what, "--worlds", 16, "worlds of each scenario", type=int, metavar="N")
    how = parser.add_argument_group("how")
    add(how, "--algorithm", "ppo", "ppo, ippo: the critic sees what satellites see; mappo: also the state",
        choices=ALGORITHMS)  # fmt: skip
    add(
        how,
        "--steps",
        None,
        f"agent-steps for each seed (default: {DEFAULT_STEPS:,})",
        type=_count,
        metavar="N",
    )
    add(how, "--minutes", None, "minutes of processor time for each seed", type=float, metavar="M")
    add(how, "--seeds", 1, "trainings, seeded SEED, SEED+1, ...", type=int, metavar="N")
    add(how, "--seed", 0, "of the first training", type=int, metavar="K")
    add(how, "--clone", None, "begin as a copy of a heuristic, the planner, or a trained policy's folder",
        metavar="NAME")  # fmt: skip
    add(how, "--clone-steps", 200_000, "agent-steps to copy from", type=_count, metavar="N")
    add(how, "--memory", 0, "size of a recurrent layer (GRU); 0 for none", type=int, metavar="N")
    add(
        how,
        "--critic",
        "separate",
        "layers of its own, or a second head on the actor's",
        choices=("separate", "shared"),
    )
    add(how, "--hidden", 64, "width of a layer", type=int, metavar="N")
    add(how, "--rate", 1e-3, "learning rate at first", type=float, metavar="R")
    add(how, "--epochs", 2, "times that what was played is learned from", type=int, metavar="N")
    add(how, "--share", 0.5, "of what was played, learned from", type=float, metavar="S")
    add(how, "--gamma", 0.995, "discount of a round", type=float, metavar="G")
    add(how, "--entropy", 0.005, "price of certainty", type=float, metavar="E")
    add(how, "--team-share", 0.0, "of the reward that is the fleet's mean", type=float, metavar="S")
    how.add_argument("--difference", action="store_true",
                     help="pay what the fleet would lose without each: 1 + N times the worlds")  # fmt: skip
    how.add_argument("--no-normalise", action="store_true", help="leave observations and rewards as they are")
    how.add_argument(
        "--no-semi-markov", action="store_true", help="count rounds without a choice as decisions"
    )
    add(how, "--device", "cpu", "cpu, or cuda:0", metavar="NAME")
    add(how, "--threads", 1, "threads of torch", type=int, metavar="N")
    seen = parser.add_argument_group("what is seen of it")
    add(seen, "--out", None, "folder (default: results/train-PROBLEM-SCENARIO-ALGORITHM)", metavar="DIR")
    seen.add_argument("--fresh", action="store_true", help="forget a training that the folder holds")
    add(seen, "--evaluate", 250_000, "agent-steps between two evaluations", type=_count, metavar="N")
    add(seen, "--evaluate-worlds", 8, "held-out seeds of an evaluation", type=int, metavar="N")
    seen.add_argument("--planner", action="store_true", help="the planner beside it, which costs minutes")
    add(
        seen,
        "--track",
        None,
        "logs (default: tensorboard, where it is installed)",
        choices=("tensorboard", "none"),
    )
    seen.add_argument("--quiet", action="store_true", help="print nothing but errors")
    seen.add_argument("--json", type=json_path, metavar="FILE", help="also write the evaluations here")
    resumable(parser)


def _count(text: str) -> int:
    """A whole number, also as 2_000_000, 2e6 or 2M."""
    units = {"k": 1e3, "M": 1e6}
    value = float(text[:-1]) * units[text[-1]] if text[-1:] in units else float(text.replace("_", ""))
    return int(value)


def run(told: Namespace) -> None:
    """Train, as the command line says."""
    import torch

    from experiments.training.evaluation import references
    from experiments.training.session import Session, best_of

    _check(told)
    torch.set_num_threads(told.threads)
    _check_device(torch, told.device)
    task, settings, arguments = _task(told), _settings(told), _arguments(told)
    folder = Path(
        told.out or f"results/train-{_plain(task.problem)}-{_plain(task.scenarios[0].name)}-{told.algorithm}"
    )
    _take(folder, told.fresh)
    track = told.track == "tensorboard" or (told.track is None and find_spec("tensorboard") is not None)
    limits = {"steps": told.steps, "cpu_s": None if told.minutes is None else 60.0 * told.minutes}
    if told.steps is None and told.minutes is None:
        limits["steps"] = DEFAULT_STEPS
    sessions: list[Session] = []

    def kept_and_shown(record: dict[str, Any]) -> None:
        kept.write(sessions)
        show.record(record)

    with closing(task.judge_env()) as judge_env, _bar(told.quiet) as show:
        kept = _Folder(folder, arguments, task.problem, task.scenarios[0].name)
        if kept.references is None or (told.planner and "planner" not in kept.references):
            show.say("What the others earn on the held-out seeds ...")
            kept.references = references(judge_env, task.problem, told.planner)
        show.levels(kept.references)
        for seed in range(told.seed, told.seed + told.seeds):
            place = folder / f"seed_{seed}"
            place.mkdir(parents=True, exist_ok=True)
            session = Session(task, settings, seed, place, judge_env, arguments)
            sessions.append(session)
            with closing(session):
                session.run(**limits, track=track, on_iteration=show.iteration(seed, limits),
                            on_record=kept_and_shown)  # fmt: skip
            kept.write(sessions)
    kept.finish(sessions, best_of(sessions))
    if told.json:
        results.keep_records(told.json, FORMAT, kept.records)
    if not told.quiet:
        rivals = " ".join(_rivals(kept.references))
        say(f"Trained policy in {folder}/; play it with:")
        say(f"python -m experiments compare --env {task.problem} --scenario {task.scenarios[0].name} "
            f"--policy {folder} {rivals}")  # fmt: skip


def _rivals(levels: Mapping[str, float]) -> list[str]:
    from experiments.training.evaluation import CHANCE, best_heuristic

    return [name for name in (CHANCE, best_heuristic(dict(levels))) if name]


class _Folder:
    """What a training of one or several seeds leaves behind."""

    def __init__(self, folder: Path, arguments: Mapping[str, Any], problem: str, scenario: str) -> None:
        self.folder, self._arguments, self._title = folder, arguments, f"{problem}  {scenario}"
        content = results.read_json(folder / RECORD) or {}
        known = content.get("references") if content.get("arguments") == arguments else None
        self.references: dict[str, float] | None = known
        self._old = [r for r in content.get("evaluations", []) if content.get("arguments") == arguments]

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
            say(
                f"No picture: {error.name} is not installed; run: pip install -e '.[experiments]'", error=True
            )


def _torch_version() -> dict[str, str]:
    import torch

    return {"torch": str(torch.__version__)}


def _check(told: Namespace) -> None:
    """Raises SandboxError for numbers that no training can have."""
    least = {"worlds": 1, "seeds": 1, "seed": 0, "draws": 0, "memory": 0, "hidden": 1, "threads": 1,
             "epochs": 1, "evaluate": 1, "evaluate_worlds": 1, "clone_steps": 1}  # fmt: skip
    least |= {"steps": 0} if told.steps is not None else {}
    for name, bound in least.items():
        if getattr(told, name) < bound:
            raise SandboxError(f"--{name.replace('_', '-')} {getattr(told, name)}: give at least {bound}.")
    for name, low, high in (
        ("gamma", 0.0, 1.0),
        ("share", 1e-3, 1.0),
        ("team_share", 0.0, 1.0),
        ("rate", 0.0, 1.0),
        ("entropy", 0.0, 1.0),
    ):
        if not low <= getattr(told, name) <= high:
            raise SandboxError(f"--{name.replace('_', '-')} {getattr(told, name)}: give {low:g} to {high:g}.")
    if told.minutes is not None and not told.minutes >= 0.0:
        raise SandboxError(f"--minutes {told.minutes}: give at least 0.")
    if told.difference and told.team_share:
        raise SandboxError("--difference and --team-share exclude each other; choose one.")
    if told.critic == "shared" and (told.memory or told.algorithm == "mappo"):
        raise SandboxError(
            "--critic shared is for ppo without --memory: there the critic sees what the actor sees."
        )


def _check_device(torch: Any, name: str) -> None:
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        told = str(error).splitlines()[0][:100]
        raise SandboxError(
            f"--device {name}: torch cannot compute there ({told}); give cpu, or cuda:0."
        ) from None


def _task(told: Namespace) -> Any:
    from experiments.running.cli import _changes
    from experiments.training.session import Task
    from experiments.training.splits import DRAWS, training_scenarios

    problem = known_as(told.problem)
    changes = _changes(told.set)
    scenarios = [scenario_of(problem, name, changes) for name in told.scenario or [None]]
    if told.draws:
        if problem not in DRAWS:
            raise SandboxError(f"--draws: no scenarios are drawn for {problem}; give --scenario ... alone.")
        scenarios += islice(training_scenarios(problem, told.seed, told.tier), told.draws)
    return Task(problem, tuple(scenarios), told.hours, told.worlds, told.evaluate_worlds, told.clone,
                told.clone_steps, told.evaluate, told.difference)  # fmt: skip


def _settings(told: Namespace) -> Any:
    from experiments.training.ppo import Settings

    names = (
        "epochs",
        "share",
        "memory",
        "critic",
        "hidden",
        "rate",
        "gamma",
        "entropy",
        "team_share",
        "device",
    )
    return Settings(
        algorithm="mappo" if told.algorithm == "mappo" else "ppo",
        normalise=not told.no_normalise,
        semi_markov=not told.no_semi_markov,
        **{name: getattr(told, name) for name in names},
    )


def _arguments(told: Namespace) -> dict[str, Any]:
    """All that the curve depends on, but for the seed and how long it gets."""
    apart = {
        "command",
        "interrupted",
        "steps",
        "minutes",
        "seeds",
        "seed",
        "out",
        "fresh",
        "planner",
        "track",
        "quiet",
        "json",
    }
    told_of = vars(told).items()
    found = {name: value for name, value in told_of if name not in apart and not callable(value)}
    if not found["difference"]:  # trainings from before there was this do without it
        del found["difference"]
    return found


def _plain(name: str) -> str:
    import re

    return re.sub(r"[^\w.-]+", "_", name)


def _take(folder: Path, fresh: bool) -> None:
    """Raises SandboxError unless the folder is new, empty or a training's; with `fresh` that one goes."""
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
    if not (folder / RECORD).exists():
        results.write_json(folder / RECORD, {"format": results.format_of(FORMAT), "schema": 1})


class _Shown:
    """What a terminal shows; without one, a line for each evaluation."""

    def __init__(self, bars: Any, quiet: bool) -> None:
        self._bars, self._quiet, self._tasks = bars, quiet, dict[int, Any]()
        self._levels = ""
        self._held_out: dict[int, float] = {}

    def say(self, text: str) -> None:
        if not self._quiet:
            say(text)

    def levels(self, levels: Mapping[str, float]) -> None:
        self._levels = ", ".join(f"{name} {level:,.1f}" for name, level in levels.items())
        self.say(f"Others: {self._levels}")

    def record(self, record: Mapping[str, Any]) -> None:
        self._held_out[record["seed"]] = record["score"]
        lost = f", {record['lost']} satellites lost" if record["lost"] else ""
        steps, cpu_s = f"{record['steps']:>11,} steps", f"{record['cpu_s']:>7,.1f} CPU s"
        earned = f"return {record['score']:,.1f} ({record['mode']}{lost})"
        self.say(f"seed {record['seed']}: {steps}, {cpu_s}, {earned}")

    def iteration(self, seed: int, limits: Mapping[str, Any]) -> Any:
        """A function to be told of each iteration of the training with this seed."""
        if self._bars is None:
            return lambda learner: None
        self._tasks[seed] = bar = self._bars.add_task(f"seed {seed}", total=1.0, told="")

        def shown(learner: Any) -> None:
            done = [learner.steps / limits["steps"]] if limits["steps"] else []
            done += [learner.cpu_s / limits["cpu_s"]] if limits["cpu_s"] else []
            held_out = self._held_out.get(seed, float("nan"))
            told = (
                f"{learner.steps / 1e6:.2f} M steps  return {learner.told.get('return', float('nan')):,.0f}"
            )
            told += f"  held out {held_out:,.0f} ({self._levels})"
            self._bars.update(bar, completed=max(done, default=0.0), told=told)

        return shown


@contextmanager
def _bar(quiet: bool) -> Iterator[_Shown]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from experiments.running.console_tables import console_for

    console = console_for(error=True)
    if quiet or not console.is_terminal:
        yield _Shown(None, quiet)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(20),
        TimeRemainingColumn(),
        TextColumn("{task.fields[told]}"),
    )
    with Progress(*columns, console=console) as bars:
        yield _Shown(bars, quiet)
