"""What the nano is worth where it was never trained: `python -m experiments score_nano`.

Plays it, the shipped heuristics and its teachers in every problem that it has learned, over the scenarios of
the tiers and the held-out ones, with the held-out seeds of `training.splits`, the same episodes for all; its
thought is not charged. Prints the interquartile mean of the reward of the fleet with its 95 % bootstrap
interval, and the nano's ratio to every rival's, by episode; at the end its ratio to the best heuristic of
each scenario, over all episodes, and where it does not beat that. It leaves them, and what short flights came
to that the tests repeat, in `scores.json`.
"""

import math
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from agents import Policy, make_policy
from agents.qwen.nano import FOLDER, NanoEngine
from agents.qwen.policy import QwenPolicy
from agents.trained import tier_of
from envs.batch import BatchEnv
from envs.episodes import make_env
from experiments.running import pool, run_folder
from experiments.running.callbacks import Tally
from experiments.running.journal import Journal
from experiments.running.options import add, arguments_of, common, resumable
from experiments.running.progress import finished, tracked
from experiments.running.rollout import play
from experiments.running.statistics import summarise, with_bounds
from experiments.training.splits import JUDGED, RIVALS, held_out
from experiments.training.teachers.choice import chosen_policy
from sandbox.errors import SandboxError
from sandbox.scenario import Scenario, load_scenario

NANO, TEACHER = "nano", "teacher"
SEEDS, QUICK_SEEDS = 6, 2
SIX = [f"SCS-01 {letter}" for letter in "ABDGKM"]
QUICK: Mapping[str, tuple[str, dict[str, Any]]] = {
    "tasking_v0": ("scs01", {"horizon_h": 4.0, "satellites": SIX}),
    "offloading_v0": ("relay_40", {"horizon_h": 0.25}),
    "avoidance_v0": ("crossing_12", {"horizon_h": 24.0}),
    "autonomy_v0": ("disaster_response", {"horizon_h": 0.5}),
}
"""By problem, a short flight that the tests repeat: (scenario, fields replaced)."""
Makers = Mapping[str, Callable[[BatchEnv], Policy]]
Episodes = Mapping[str, Sequence[Mapping[str, float]]]


def makers(problem: str, engine: NanoEngine, rivals: Iterable[str]) -> dict[str, Any]:
    """By name, what makes each policy for an environment of `problem`: rivals, the teacher and the nano."""
    made: dict[str, Any] = {name: partial(make_policy, name) for name in rivals}
    return made | {TEACHER: chosen_policy, NANO: lambda env: QwenPolicy(env, engine)}


def episodes(problem: str, scenario: Scenario, policies: Makers, seeds: int, seed: int = 0) -> Episodes:
    """Reward of the fleet and satellites lost, for every policy and seed, over the same episodes."""
    played = {}
    with closing(make_env(problem, scenario, None, seeds)) as env:
        for name, make in tracked(policies.items(), "  policies", len(policies)):
            tally = Tally()
            play(env, make(env), seed, [tally])
            totals = [tally.totals(b) for b in range(env.worlds)]
            played[name] = [
                {"reward": float(t.reward.sum()), "lost_satellites": int((~t.alive).sum())} for t in totals
            ]
    return played


def summary(played: Episodes) -> dict[str, Any]:
    """The reward of every policy, the nano's relative to each rival's, and which heuristic is best."""
    reward = {name: [run["reward"] for run in runs] for name, runs in played.items()}
    told: dict[str, Any] = {"reward": {name: summarise(runs)._asdict() for name, runs in reward.items()}}
    told["nano_over"] = {}
    for name in (name for name in reward if name != NANO):
        ratios = [_over(mine, other) for mine, other in zip(reward[NANO], reward[name], strict=True)]
        told["nano_over"][name] = summarise(ratios)._asdict() | {"better": sum(r > 1.0 for r in ratios)}
    heuristics = [name for name in reward if name not in (NANO, TEACHER)]
    told["best"] = max(heuristics, key=lambda name: told["reward"][name]["iqm"])
    told["lost_satellites"] = {
        name: sum(run["lost_satellites"] for run in runs) for name, runs in played.items()
    }
    return told


def _over(mine: float, other: float) -> float:
    return mine / other if other else math.nan


def over_best(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The nano's reward relative to that of the best heuristic of each scenario, over all episodes."""
    ratios = [
        _over(mine["reward"], other["reward"])
        for row in rows
        for mine, other in zip(row["episodes"][NANO], row["episodes"][row["best"]], strict=True)
    ]
    return summarise(ratios)._asdict() | {"better": sum(ratio > 1.0 for ratio in ratios)}


def table(content: Mapping[str, Any]) -> str:
    """What `scores.json` holds as a Markdown table, a row for each scenario and one for all episodes."""
    lines = [
        "| problem | tier | scenario | h | best heuristic | its reward | nano | nano / best | better "
        "| teacher | lost |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for problem, scenarios in content["problems"].items():
        for name, row in scenarios.items():
            best, reward = row["best"], row["reward"]
            ratio = row["nano_over"][best]
            cells = [problem, tier_of(name), f"`{name}`", f"{row['hours']:g}", best]
            cells += [_said(reward[best], 1), _said(reward[NANO], 1), _said(ratio)]
            cells += [f"{ratio['better']} of {ratio['runs']}", f"{reward[TEACHER]['iqm']:.1f}"]
            lines.append(f"| {' | '.join(cells)} | {row['lost_satellites'][NANO]} |")
    overall = content["over_best"]
    lines.append(f"| all | | | | | | | {_said(overall)} | {overall['better']} of {overall['runs']} | | |")
    return "\n".join(lines)


def behind(content: Mapping[str, Any]) -> str:
    """Where the nano is not shown to beat the best heuristic, a line of Markdown for each scenario."""
    lines = []
    for problem, scenarios in content["problems"].items():
        for name, row in scenarios.items():
            ratio = row["nano_over"][row["best"]]
            if ratio["low"] <= 1.0:
                worse = "worse than" if ratio["high"] < 1.0 else "not shown to be better than"
                lines.append(f"- `{name}` (`{problem}`): {worse} `{row['best']}`, {_said(ratio)} of it.")
    return "\n".join(lines)


def quick_score(problem: str, model: Path | str = FOLDER) -> dict[str, list[float]]:
    """Reward in each of the short flights of `problem`, by its first rival and by the nano."""
    rival = RIVALS[problem][0]
    policies = makers(problem, NanoEngine(model), (rival,))
    del policies[TEACHER]
    played = episodes(problem, load_scenario(*QUICK[problem]), policies, QUICK_SEEDS)
    return {name: [run["reward"] for run in runs] for name, runs in played.items()}


def score(told: Namespace, case: tuple[str, str, int]) -> Episodes:
    """Play an episode of a scenario of a problem, by its seed, with every policy."""
    problem, name, seed = case
    scenario = held_out(name, told.hours or JUDGED[problem][name])
    policies = makers(problem, NanoEngine(told.model), RIVALS[problem])
    return episodes(problem, scenario, policies, 1, seed)


def _together(told: Namespace, problem: str, name: str, rows: Mapping[Any, Episodes]) -> dict[str, Any]:
    """All episodes of a scenario, and their `summary`."""
    each = [rows[problem, name, told.seed + k] for k in range(told.seeds)]
    played = {policy: [run for row in each for run in row[policy]] for policy in each[0]}
    return {"hours": told.hours or JUDGED[problem][name], **summary(played), "episodes": played}


def run(told: Namespace) -> None:
    """Play, print, write."""
    for name, least in {"seeds": 1, "seed": 0, "processes": 1}.items():
        if getattr(told, name) < least:
            raise SandboxError(f"--{name} {getattr(told, name)}: give at least {least}.")
    if told.hours is not None and not told.hours > 0.0:
        raise SandboxError(f"--hours {told.hours:g}: give more than 0.")
    NanoEngine(told.model)  # what is no nano is said before anything is flown
    scores = Path(told.out) / "scores.json"
    run_folder.check_json(scores)
    scenarios = [(problem, name) for problem in told.problems for name in JUDGED[problem]]
    cases = [(*each, told.seed + k) for each in scenarios for k in range(told.seeds)]
    ours = {
        name: value for name, value in arguments_of(told).items() if name not in ("problems", "processes")
    }
    told.interrupted = journal = Journal(told.out, "score_nano", ours)
    rows = {case: row for case in cases if (row := journal.get(case)) is not None}
    missing = [case for case in reversed(cases) if case not in rows]
    played = pool.outcomes(partial(score, told), missing, told.processes)
    for case, row in finished(played, "episodes", len(missing)):
        journal.put(case, row)
        rows[case] = row
    found: dict[str, dict[str, Any]] = {problem: {} for problem in told.problems}
    for problem, name in scenarios:
        found[problem][name] = _together(told, problem, name, rows)
        _print(problem, name, found[problem][name])
    content = {"seeds": list(range(told.seed, told.seed + told.seeds)), "versions": run_folder.versions()}
    content |= {
        "problems": found,
        "over_best": over_best(row for each in found.values() for row in each.values()),
    }
    print(table(content), behind(content), sep="\n\n")
    short = tracked(told.problems, "short flights")
    content["quick"] = {problem: quick_score(problem, told.model) for problem in short}
    run_folder.keep_json(scores, "nano scores", content)
    if told.json:
        run_folder.keep_records(told.json, "nano scores", _records(found, told.seed))
    journal.done()


def _records(found: Mapping[str, Mapping[str, Any]], first: int) -> Iterable[dict[str, Any]]:
    """A record of every episode."""
    for problem, scenarios in found.items():
        for name, row in scenarios.items():
            for policy, runs in row["episodes"].items():
                for k, run in enumerate(runs):
                    about = {"problem": problem, "scenario": name, "hours": row["hours"], "policy": policy}
                    yield about | {"seed": first + k} | run


def _print(problem: str, name: str, row: Mapping[str, Any]) -> None:
    print(f"{problem} {name}, {row['hours']:g} h; best heuristic: {row['best']}")
    for policy, earned in row["reward"].items():
        ratio = row["nano_over"].get(policy)
        said = (
            f"   nano over it {_said(ratio, 3)}, better in {ratio['better']} of {ratio['runs']}"
            if ratio
            else ""
        )
        print(f"  {policy:16} {_said(earned, 1)}, lost {row['lost_satellites'][policy]}{said}", flush=True)


def _said(found: Mapping[str, float], digits: int = 3) -> str:
    return with_bounds(f"{{:.{digits}f}}".format, found["iqm"], found["low"], found["high"])


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    problems = list(JUDGED)
    add(parser, "--model", FOLDER, "a nano", type=Path, metavar="FOLDER")
    add(parser, "--problems", problems, "judged", nargs="+", choices=problems, metavar="NAME")
    add(parser, "--hours", None, "of an episode (default: the problem's)", type=float, metavar="H")
    add(parser, "--processes", 1, "episodes at once", type=int, metavar="N")
    common(parser, out="results/score_nano", seeds=SEEDS, seed=0)
    resumable(parser)
