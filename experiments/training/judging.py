"""What one process of `train_table` does: train from a seed, and judge a policy where all are judged.

All play the held-out seeds of their tier. Then each plays an episode in each of some held-out scenarios:
constellations, stations and customers drawn of the tier as those for training are, with seeds of their own.
"""

import shlex
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from envs.episodes import checked_options, make_env, rounds_in
from experiments.running import run_folder as results
from experiments.tiers import tier_scenario
from experiments.training.splits import unseen_scenarios
from experiments.training.standings import PPO, RECORD, SCHEMA, UNSEEN, UNSEEN_LOST, Case

FIRST_SEED = 910_000
TRAININGS, RESULTS = "trainings", "results"
CLONED = "cloned"
ALGORITHMS: Mapping[str, tuple[str, ...]] = {
    PPO: (),
    "mappo": ("--algorithm", "mappo"),
    "recurrent": ("--memory", "32"),
    "recurrent_mappo": ("--algorithm", "mappo", "--memory", "32"),
    "individual": ("--team-share", "0"),
    "difference": ("--difference",),
    "messages": ("--option", "message_size=4"),
    "finite": ("--horizon", "finite"),
    CLONED: (),
}
"""By name, what `train` is told more. `cloned` is where the others begin: a copy that has learned nothing.

`individual` pays each satellite for its own deeds alone, `difference` what the fleet would lose without it;
the others share the reward as the recipe says. In `messages` each also tells its neighbours four numbers.
In `finite` nothing is expected after an episode.
"""


class Job(NamedTuple):
    """What one process does: train from a seed, or play a policy where all are judged."""

    case: Case
    out: str
    seed: int | None
    """Of a training; None for a policy with a name."""
    policy: str
    """Its name, or the algorithm of a training."""
    words: tuple[str, ...]
    """Options of `train`."""
    worlds: int
    hours: float
    choose: int
    """Validation episodes by which the best of the trainings is chosen; 0: those that it was watched on."""
    unseen: int
    """Held-out scenarios in which every policy plays an episode."""


def options_of(job: Job) -> dict[str, Any]:
    """Options of the problem that a policy is trained and judged with.

    Raises SandboxError for what is none of its own.
    """
    from experiments.running.cli import changes_in, script_parser

    told = script_parser("train").parse_args([*job.words, *_own_words(job)])
    return checked_options(job.case.problem, changes_in(told.option, "--option"))


def _own_words(job: Job) -> tuple[str, ...]:
    """What an algorithm is told more, but for an option of the problem that all are given already."""
    words = ALGORITHMS.get(job.policy, ())
    known = {word.partition("=")[0] for word in job.words}
    return () if words[:1] == ("--option",) and words[1].partition("=")[0] in known else words


def compile_kernels(job: Job) -> None:
    """Load the kernels of a problem, so that they are there for everybody."""
    from experiments.training.session import Task

    scenario = tier_scenario(*job.case)
    for env in Task(job.case.problem, (scenario,), None, 1, 1).envs(1):
        env.reset(FIRST_SEED)
        env.step(np.zeros((1, env.satellites), np.int64))
        env.close()


def train_and_judge(job: Job) -> list[dict[str, Any]]:
    """Train as `train` does, unless that is done, and judge what came of it."""
    from agents.network import FILE, network_in
    from experiments.running.cli import script_parser

    assert job.seed is not None
    folder = _folder(job)
    words = ["--problem", job.case.problem, "--tier", job.case.tier, "--hours", f"{job.hours:g}"]
    words += [*(("--steps", "0") if job.policy == CLONED else job.words), *_own_words(job)]
    words += ["--seed", str(job.seed)]
    known, path = None, _record_path(job, f"{job.policy}_seed{job.seed}")
    command = shlex.join(["python", "-m", "experiments", "train", *words])
    if (folder / FILE).is_file():
        known = _known(path, network_in(folder).stamp, job)
    if known and known["command"] == command:
        return [_more(known, job, str(folder), path)]
    told = script_parser("train").parse_args([*words, "--out", str(folder), "--track", "none", "--quiet"])
    told.command(told)
    log = results.read_json(folder / "training.json")
    last = log["evaluations"][-1]
    more = {"train_seed": job.seed, "cpu_minutes": round(last["cpu_s"] / 60.0, 3), "steps": last["steps"]}
    more |= {"command": command, "validation": max(record["score"] for record in log["evaluations"])}
    more |= {"clone": log["cloned"], "stamp": network_in(folder).stamp}
    return [_more(_judged(job, str(folder), path, more), job, str(folder), path)]


def _more(record: dict[str, Any], job: Job, folder: str, path: Path) -> dict[str, Any]:
    """What of a training is to be known besides."""
    return _abroad(_chosen_by(record, job, folder, path), job, folder, path)


def _chosen_by(record: dict[str, Any], job: Job, folder: str, path: Path) -> dict[str, Any]:
    """The record, with the mean return of as many validation episodes as are to choose by.

    What is rare, a collision in a hundred days, does not happen in the few that a training is watched on.
    """
    from agents.network import network_in
    from experiments.training.evaluation import score

    if not job.choose or record.get("chosen_on") == job.choose:
        return record
    scenario = tier_scenario(*job.case)
    with closing(make_env(job.case.problem, scenario, job.hours, job.choose, **options_of(job))) as env:
        found = score(env, network_in(folder)(env))
    record |= {"validation": found.mean, "validation_lost": found.lost, "chosen_on": job.choose}
    results.write_json(path, record)
    return record


def judge_named(job: Job) -> list[dict[str, Any]]:
    """Judge a policy that has a name."""
    path = _record_path(job, job.policy)
    scenario = tier_scenario(*job.case)
    words = ["compare", "--env", job.case.problem, "--scenario", scenario.name, "--hours", f"{job.hours:g}"]
    words += ["--seed", str(FIRST_SEED), "--seeds", str(job.worlds), "--policy", job.policy]
    given = [f"{name}={value}" for name, value in options_of(job).items()]
    words += ["--option", *given] if given else []
    command = shlex.join(["python", "-m", "experiments", *words])
    known = _known(path, "", job)
    if known is None or known["command"] != command:
        more = {"train_seed": None, "cpu_minutes": 0.0, "stamp": "", "command": command}
        known = _judged(job, job.policy, path, more)
    return [_abroad(known, job, job.policy, path)]


def _judged(job: Job, policy: str, path: Path, more: dict[str, Any]) -> dict[str, Any]:
    """Play a policy on the seeds that all are judged on, and keep the record."""
    from agents import make_policy
    from experiments.running.code import whole_stamp
    from experiments.training.evaluation import score

    scenario, hours = tier_scenario(*job.case), job.hours
    began = time.process_time()
    with ExitStack() as closed:
        options = options_of(job)
        env = closed.enter_context(
            closing(make_env(job.case.problem, scenario, hours, job.worlds, **options))
        )
        made = closed.enter_context(closing(make_policy(policy, env)))
        found = score(env, made, FIRST_SEED)
    record = {
        "format": results.format_of(RECORD),
        "schema": SCHEMA,
        "version": _version(),
        "revision": whole_stamp(),
        "problem": job.case.problem,
        "tier": job.case.tier,
        "scenario": scenario.name,
        "scenario_hash": results.scenario_hash(scenario),
        "hours": hours,
        "rounds": rounds_in(hours, scenario),
        "algorithm": job.policy,
        "eval_seeds": [FIRST_SEED, FIRST_SEED + job.worlds - 1],
        "returns": list(found.returns),
        "lost": found.lost,
        "judged_cpu_s": round(time.process_time() - began, 1),
        "versions": results.versions(),
        **more,
    }
    results.write_json(path, record)
    return record


def _abroad(record: dict[str, Any], job: Job, policy: str, path: Path) -> dict[str, Any]:
    """The record, with the returns in held-out scenarios of the tier, if they are asked for."""
    from agents import make_policy
    from experiments.training.evaluation import score

    if len(record.get(UNSEEN, ())) >= job.unseen:
        return record
    found, options = [], options_of(job)
    drawn = unseen_scenarios(job.case.problem, 0, job.case.tier)
    for seed, scenario in enumerate(islice(drawn, job.unseen), FIRST_SEED):
        with ExitStack() as closed:
            env = closed.enter_context(closing(make_env(job.case.problem, scenario, job.hours, 1, **options)))
            made = closed.enter_context(closing(make_policy(policy, env)))
            found.append(score(env, made, seed))
    record |= {UNSEEN: [each.mean for each in found], UNSEEN_LOST: sum(each.lost for each in found)}
    results.write_json(path, record)
    return record


def _folder(job: Job) -> Path:
    algorithm = "" if job.policy == PPO else f"{job.policy}_"
    return Path(job.out) / TRAININGS / job.case.name / f"{algorithm}seed_{job.seed}"


def _record_path(job: Job, name: str) -> Path:
    return Path(job.out) / RESULTS / f"{job.case.name}_{name}.json"


def _known(path: Path, stamp: str, job: Job) -> dict[str, Any] | None:
    """The record of an earlier run, if it is of these weights, this scenario and as many worlds."""
    record = results.read_json(path)
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        return None
    same = (record.get("stamp"), record.get("hours")) == (stamp, job.hours)
    same = same and len(record.get("returns", ())) == job.worlds
    return record if same and record.get("scenario_hash") == _hash_of(job.case) else None


def _hash_of(case: Case) -> str:
    return results.scenario_hash(tier_scenario(*case))


def _version() -> str:
    with suppress(PackageNotFoundError):
        return version("orbital-autonomy-sandbox")
    return "-"
