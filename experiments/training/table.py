"""Train a policy for every tier of every problem, from several seeds, and hold it against the heuristics.

Each training is one of `train` with the defaults of its tier (`experiments.training.recipes`). The best
policy of each, chance and every heuristic then play the same seeds, from 910,000 on, that nothing was trained
or chosen by. Leaves `trainings/`, a record per policy in `results/`, `table.md`, and in `trained/` the best
policy of every tier with its card, as it is shipped in `agents/trained/`.
"""

import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agents.policy import TOLD, YARDSTICKS
from agents.trained import folder_of
from envs.episodes import known_as
from experiments.running import pool
from experiments.running import run_folder as results
from experiments.running.options import add, common, flag, resumable
from experiments.running.progress import finished
from experiments.tiers import PROBLEMS, SCARCE, TIERS, TIGHT, tier_scenario
from experiments.training.judging import (
    ALGORITHMS,
    RESULTS,
    TRAININGS,
    Job,
    compile_kernels,
    judge_named,
    options_of,
    train_and_judge,
)
from experiments.training.recipes import recipe
from experiments.training.standings import CHANCE, PPO, RECORD, Case, algorithms, standing, table
from sandbox.errors import SandboxError, unknown_name
from sandbox.files import replacing
from sandbox.terminal import say

TRAINED, TABLE = "trained", "table.md"


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    add(parser, "--problems", list(PROBLEMS), "decision problems", nargs="+", metavar="NAME")
    add(parser, "--tiers", [TIGHT, SCARCE], f"of {', '.join(TIERS)}", nargs="+", metavar="TIER")
    add(parser, "--minutes", 4.0, "minutes of processor time of a training", type=float, metavar="M")
    add(parser, "--hours", None, "simulated hours of an episode (default: the recipe's)", type=float,
        metavar="H")  # fmt: skip
    parser.add_argument("--steps", default=None, metavar="N", help="agent-steps of one, in place of minutes")
    add(parser, "--algorithms", [PPO], f"of {', '.join(ALGORITHMS)}", nargs="+", metavar="NAME")
    add(parser, "--also", [], "policies to be judged beside the heuristics: planner onboard qwen", nargs="+",
        metavar="NAME")  # fmt: skip
    add(parser, "--also-worlds", None, "held-out seeds that those are judged on (default: as many)", type=int,
        metavar="N")  # fmt: skip
    add(parser, "--worlds", 16, "held-out seeds that every policy is judged on", type=int, metavar="N")
    choose = "validation episodes by which the best training is chosen (default: those it was watched on)"
    add(parser, "--choose", 0, choose, type=int, metavar="N")
    add(parser, "--processes", 1, "trainings at once", type=int, metavar="N")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="OPTION=VALUE",
                        help="further options of train, such as clone=none")  # fmt: skip
    add(parser, "--unseen", 16, "held-out scenarios drawn of the tier, where each plays an episode",
        type=int, metavar="N")  # fmt: skip
    common(parser, out="results/train_table", seeds=5, seed=0, of="trainings of each")
    resumable(parser)


def run(told: Namespace) -> None:
    """Train, judge, and write the table."""
    cases, out = _cases(told), Path(told.out)
    least = {"seeds": 1, "worlds": 1, "also_worlds": 1, "processes": 1, "seed": 0, "choose": 0, "unseen": 0}
    for name, bound in least.items():
        value = getattr(told, name)
        if value is not None and value < bound:
            raise SandboxError(f"{flag(name)} {value}: give at least {bound}.")
    for name in told.algorithms:
        if name not in ALGORITHMS:
            raise unknown_name("algorithm", name, tuple(ALGORITHMS))
    if not told.minutes > 0.0:
        raise SandboxError(f"--minutes {told.minutes}: give more than 0.")
    words, fewer = _words(told), told.worlds if told.also_worlds is None else told.also_worlds

    def job(case: Case, policy: str = "", seed: int | None = None, also: bool = False) -> Job:
        hours = recipe(*case)["hours"] if told.hours is None else told.hours
        worlds, unseen = (fewer, 0) if also else (told.worlds, told.unseen)
        return Job(case, told.out, seed, policy, words, worlds, hours, told.choose, unseen)

    for case in cases:
        for name in told.algorithms:
            options_of(job(case, name))  # one that a problem has not is an error now
    for folder in (TRAININGS, RESULTS, TRAINED):
        (out / folder).mkdir(parents=True, exist_ok=True)
    kernels = [job(case) for case in {case.problem: case for case in cases}.values()]
    seeds = range(told.seed, told.seed + told.seeds)
    trainings = [job(case, name, seed) for seed in seeds for case in cases for name in told.algorithms]
    named = [job(case, name) for case in cases for name in _others(case)]
    named += [job(case, name, also=True) for case in cases for name in told.also]
    rows = []
    if told.processes > 1:  # else each would compile them for itself
        list(_each(compile_kernels, kernels, told, "ready"))
    rows += [row for found in _each(train_and_judge, trainings, told, "trained") for row in found]
    rows += [row for found in _each(judge_named, named, told, "played") for row in found]
    text = _text(rows, told.algorithms)
    with replacing(out / TABLE) as draft:
        draft.write_text(text, encoding="utf-8")
    for case in cases if PPO in told.algorithms else ():
        ship(case, rows, out)
    if told.json:
        results.keep_records(told.json, RECORD, rows)
    if not told.quiet:
        say(text)
        say(f"Policies in {out / (TRAINED if PPO in told.algorithms else TRAININGS)}/, "
            f"records in {out / RESULTS}/.")  # fmt: skip


def _text(rows: Sequence[dict[str, Any]], trained: Sequence[str]) -> str:
    """What is printed: how the policies to be shipped stand, and all algorithms where there are more."""
    parts = [table(rows)] if PPO in trained else []
    named = {row["algorithm"] for row in rows if row["train_seed"] is None}
    if set(trained) != {PPO} or named & set(YARDSTICKS):
        parts.append(algorithms(rows))
    return "\n".join(parts)


def _cases(told: Namespace) -> list[Case]:
    for tier in told.tiers:
        if tier not in TIERS:
            raise unknown_name("tier", tier, TIERS)
    problems = [known_as(problem) for problem in told.problems]
    for problem in problems:
        tier_scenario(problem, told.tiers[0])  # one without tiers is an error now
    return [Case(problem, tier) for problem in problems for tier in told.tiers]


SET_HERE = ("problem", "tier", "scenario", "seed", "seeds", "out", "minutes", "steps", "hours", "algorithm")
"""Options of `train` that the table gives itself."""


def _words(told: Namespace) -> tuple[str, ...]:
    """The options that every training gets."""
    words = ["--steps", str(told.steps)] if told.steps else ["--minutes", f"{told.minutes:g}"]
    for pair in told.set:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise SandboxError(f"--set {pair}: give OPTION=VALUE, such as clone=none.")
        if name.replace("-", "_") in SET_HERE:
            raise SandboxError(
                f"--set {pair}: train_table itself says what is trained, how long and where; leave it out."
            )
        words += [f"--{name.replace('_', '-')}", value]
    return tuple(words)


def _each(function: Any, jobs: Sequence[Job], told: Namespace, done: str) -> Iterable[Any]:
    outcomes = pool.outcomes(function, jobs, told.processes)
    for number, (job, found) in enumerate(finished(outcomes, done, len(jobs), not told.quiet), 1):
        if not told.quiet:
            who = job.policy if job.seed is None else f"{job.policy}, seed {job.seed}"
            say(f"{number} of {len(jobs)} {done}: {job.case.name} {who}".rstrip())
        yield found


def _others(case: Case) -> list[str]:
    from experiments.training.evaluation import heuristics

    return [CHANCE, *heuristics(case.problem)]


# ------------------------------------------------------------------------------------------------- the card
def ship(case: Case, rows: Sequence[dict[str, Any]], out: Path) -> Path:
    """Copy the policy that earned most on the seeds it was chosen by, with its curve and its card."""
    from agents.network import FILE
    from experiments.training.train import CURVE

    own = [row for row in rows if (row["problem"], row["tier"]) == case]
    best = max((row for row in own if row["algorithm"] == PPO), key=lambda row: row["validation"])
    source = out / TRAININGS / case.name / f"seed_{best['train_seed']}"
    folder = out / TRAINED / folder_of(*case).name
    folder.mkdir(parents=True, exist_ok=True)
    for name in (FILE, CURVE):
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
    with replacing(folder / "README.md") as draft:
        draft.write_text(card(case, best, own), encoding="utf-8")
    return folder


def card(case: Case, best: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    """What a shipped policy is, how it was made, what it earns and where it does not beat a heuristic."""
    found, mean = standing(rows), float(np.mean(best["returns"]))
    begun = f"began as a copy of `{best['clone']}`" if best.get("clone") else "began from nothing"
    scores = sorted(
        ((row["algorithm"], float(np.mean(row["returns"])), row["lost"]) for row in rows
         if row["train_seed"] is None), key=lambda each: -each[1])  # fmt: skip
    above = [name for name, score, _ in scores if score >= mean and name not in (*YARDSTICKS, *TOLD)]
    verdict = (
        f"It does not beat {', '.join(f'`{name}`' for name in above)} here."
        if above
        else "It earns more than every shipped heuristic on these seeds, in the mean."
    )
    trained = found.trained
    if not found.gain.low > 0.0 and not above:
        verdict += f" That of all trainings above `{found.best}` is within the error."
    lines = [
        f"# {case.problem}, {case.tier}",
        "",
        f"A network of two layers, trained with PPO in `{best['scenario']}`, {best['hours']:g} h an episode, "
        f"{best['steps']:,} agent-steps in {best['cpu_minutes']:.1f} minutes of one processor; it {begun}.",
        "",
        "```sh",
        best["command"],
        "```",
        "",
        f"Code {best['revision']}, scenario {best['scenario_hash']}. Of {trained.runs} trainings the one "
        "that earned most on the validation seeds.",
        "",
        f"| policy | mean return of {len(best['returns'])} episodes, seeds {best['eval_seeds'][0]:,} to "
        f"{best['eval_seeds'][1]:,} | satellites lost |",
        "| --- | --- | --- |",
        f"| this one | {mean:,.1f} | {best['lost']} |",
        f"| {trained.runs} trainings, interquartile mean | {trained.iqm:,.1f} "
        f"[{trained.low:,.1f}, {trained.high:,.1f}] | |",
        *(f"| {name} | {score:,.1f} | {lost} |" for name, score, lost in scores),
        "",
        verdict,
        "",
        "![returns on validation seeds while it learned](learning_curve.png)",
    ]
    return "\n".join(lines) + "\n"
