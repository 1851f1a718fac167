"""How good the yardstick is: what the planner earns, a bound on what anybody can, the heuristics beside it.

    python -m experiments planner_gap --seeds 3 --hours 6

prints for every problem what each policy earned (mean over the seeds), the share of the bound, the seconds
of CPU an episode took, and the mean gap of the programs that the planner solved on its way to their
relaxation. A bound is of the whole episode:

- tasking_v0: the linear relaxation of the planner's program over the whole episode, with every request
  listed;
- offloading_v0: every job that comes up in a camera or is seen in time is taken up at once and answered by
  the board and model that pay most, with nobody in its way;
- avoidance_v0: every satellite always in its slot, and one small burn for each that would truly be hit;
- autonomy_v0: the bounds of tasking_v0 and of offloading_v0 in its world, neither in the other's way.
"""

from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np

from agents import make_policy, policy_names
from agents.planner.queue_model import arrival, coverage, paid
from agents.planner.tasking_milp import TaskingMilp
from agents.planner.trajectories import trajectories
from agents.policy import MINDS
from envs.batch import BatchEnv
from envs.blocks.terms import Fuel, Service
from envs.episodes import known_as, make_env, scenario_of
from experiments.running.callbacks import Earned
from experiments.running.journal import Journal
from experiments.running.options import add, arguments_of, common, resumable
from experiments.running.progress import tracked
from experiments.running.rollout import play
from experiments.running.run_folder import keep_records
from sandbox.errors import SandboxError
from sandbox.jobs import LARGE, SMALL
from sandbox.state import NONE

SLOW = (*MINDS, "random", "idle", "onboard")
"""Policies that are no measure here."""


def tasking_bound(env: BatchEnv, b: int) -> float:
    """What world b could earn in the episode that begins now, relaxed."""
    rounds = env.max_cycles
    return TaskingMilp(env.world, b, trajectories(env.world, b, rounds), rounds).program.relax().objective


def offloading_bound(env: BatchEnv, b: int) -> float:
    """The same for jobs."""
    world: Any = env.world
    along, terms, book = trajectories(world, b, env.max_cycles), world.jobs.params, world.jobs.state.book[b]
    seen, step = coverage(world, b, along), world.constants.round_s
    always = np.ones(env.max_cycles, np.bool_)
    fastest, total = terms.alone.min(axis=0), 0.0
    for j in np.flatnonzero(np.isfinite(book["release"])).tolist():
        up = arrival(book, j, max(along.start, book["release"][j]), along.start, step, seen, always)
        worths = [paid(terms, book, j, m, up + fastest[m, book["kind"][j]]) for m in (SMALL, LARGE)]
        born = book["source"][j] == NONE or _daylight(along, book, j, step, world)
        total += max(worths) if born and np.isfinite(up) else 0.0
    return total


def _daylight(along: Any, book: Any, j: int, step: float, world: Any) -> bool:
    """Whether the camera has daylight below it when its image is due (judged at the round's end)."""
    t = min(int((book["release"][j] - along.start) / step) + 1, len(along.sun) - 1)
    n = book["source"][j]
    up = along.position[t, n] / np.linalg.norm(along.position[t, n])
    return bool(up @ along.sun[t] >= world.constants.craft["min_sun_sine"][n])


def avoidance_bound(env: BatchEnv, b: int) -> float:
    """The same for service, less the fuel of those who would be hit."""
    world: Any = env.world
    service, fuel_price = env.problem.price(Service), env.problem.price(Fuel)
    encounter = world.encounters.state.encounter[b]
    miss = np.linalg.norm(encounter["relative"][..., :3], axis=-1)
    hit = (np.isfinite(encounter["tca"]) & (miss < encounter["radius"])).any(axis=-1).sum()
    days = env.max_cycles * world.constants.round_s / 86_400.0
    return world.satellites * days * service - hit * fuel_price * world.encounters.params.small


def autonomy_bound(env: BatchEnv, b: int) -> float:
    """The same for images and answers together."""
    return tasking_bound(env, b) + offloading_bound(env, b)


BOUNDS: dict[str, Callable[[BatchEnv, int], float]] = {
    "tasking_v0": tasking_bound,
    "offloading_v0": offloading_bound,
    "avoidance_v0": avoidance_bound,
    "autonomy_v0": autonomy_bound,
}


def measure(problem: str, policy: str, hours: float | None, seeds: int) -> tuple[float, float, float]:
    """(reward a world, CPU seconds a world, mean gap of the plans) over so many seeds, from 0 on."""
    with closing(make_env(problem, scenario_of(problem), hours, seeds)) as env:
        observation, info = env.reset(0)
        decider = make_policy(policy, env)
        decider.reset(0)
        decider.act(observation, info)  # what is compiled is compiled now
        earned = Earned()
        play(env, decider, 0, [earned])
        return earned.reward / seeds, earned.cpu_s / seeds, getattr(decider, "gap", np.nan)


def bound(problem: str, hours: float | None, seeds: int) -> float:
    with closing(make_env(problem, scenario_of(problem), hours, seeds)) as env:
        env.reset(0)
        return float(np.mean([BOUNDS[problem](env, b) for b in range(seeds)]))


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    add(parser, "--problems", list(BOUNDS), "measured", nargs="+", metavar="NAME")
    add(parser, "--policies", None, "by default all but the slow ones", nargs="+", metavar="NAME")
    add(parser, "--hours", None, "simulated (default: the scenario's)", type=float, metavar="H")
    common(parser, out="results/planner_gap", seeds=3)
    resumable(parser)


def _policies(problem: str, told: Any) -> list[str]:
    """Those asked for, or all that are a measure."""
    return told.policies or [name for name in policy_names(problem) if name not in SLOW]


def run(told: Any) -> None:
    """The bound of every problem, and what each of the policies makes of it; printed, written."""
    arguments = {name: value for name, value in arguments_of(told).items() if name != "problems"}
    told.interrupted = journal = Journal(told.out, "planner_gap", arguments)
    records = []
    problems = [known_as(problem) for problem in told.problems]
    for problem in problems:
        if problem not in BOUNDS:
            raise SandboxError(f"{problem} has no bound here; known: {', '.join(BOUNDS)}.")
    cases = [(problem, policy) for problem in problems for policy in (None, *_policies(problem, told))]
    most = 0.0
    for problem, policy in tracked(cases, "measuring"):
        if policy is None:
            most = journal.once([problem], partial(bound, problem, told.hours, told.seeds))
            print(f"{problem} {scenario_of(problem).name}, {told.seeds} seeds: bound {most:.2f}", flush=True)
            continue
        play_it = partial(measure, problem, policy, told.hours, told.seeds)
        value, cpu, gap = journal.once([problem, policy], play_it)
        share = f"{100 * value / most:6.1f} %" if most > 0.0 else "     - "
        solved = "" if np.isnan(gap) else f"  gap of the programs {100 * gap:.2f} %"
        line = f"{value:9.2f}  {share} of the bound  {cpu:6.1f} s of CPU{solved}"
        print(f"  {policy:16s} {line}", flush=True)
        records.append(
            {"problem": problem, "scenario": scenario_of(problem).name, "policy": policy, "bound": most}
            | {"reward": value, "cpu_s": cpu, "gap": gap}
        )
    if told.json:
        keep_records(told.json, "planner_gap", records, seeds=told.seeds)
    journal.done()
