"""Tunes a teacher's numbers on training scenarios, by a random search.

    python -m experiments tune_teacher offloading_v0 --candidates 200

draws numbers at random around the best so far, plays every candidate over the same training scenarios and
seeds (`training.splits`), and prints what earned most relative to the best shipped heuristic. The numbers
in `agents/tuned/` are what it found, rounded.
"""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from contextlib import closing
from operator import attrgetter

import numpy as np

from agents import Policy, make_policy
from envs.batch import BatchEnv
from envs.episodes import make_env
from experiments.running.callbacks import Earned
from experiments.running.options import add, common
from experiments.running.progress import tracked
from experiments.running.rollout import play
from experiments.running.run_folder import keep_records
from experiments.training.nano_lessons import TAUGHT
from experiments.training.splits import DRAWS, FIRST_TRAINING_SEED, RIVALS
from experiments.training.teachers import SCALES, TEACHERS
from sandbox.scenario import Scenario


def earned(env: BatchEnv, policy: Policy, seed: int) -> float:
    """Reward of the fleet over one episode in every world (mean over the worlds)."""
    total = Earned()
    play(env, policy, seed, [total])
    return total.reward / env.worlds


class Ground:
    """Training scenarios to compare on, and what the best of the shipped heuristics earns there."""

    def __init__(self, problem: str, scenarios: int, worlds: int, seed: int = 0) -> None:
        rng = np.random.default_rng(FIRST_TRAINING_SEED + 500 + seed)
        drawn: list[Scenario] = [DRAWS[problem](rng, TAUGHT[problem]) for _ in range(scenarios)]
        self.problem, self.envs = problem, [make_env(problem, each, None, worlds) for each in drawn]
        self.seed = FIRST_TRAINING_SEED + 7000
        self.base = [
            max(earned(env, make_policy(name, env), self.seed) for name in RIVALS[problem])
            for env in tracked(self.envs, "playing heuristics")
        ]

    def score(self, numbers: Mapping[str, float]) -> float:
        """Mean over the scenarios of what is earned relative to the best heuristic; of what collisions and
        fuel cost, by satellite and day, where avoiding is all there is."""
        scores = []
        pairs = list(zip(self.envs, self.base, strict=True))
        for env, base in tracked(pairs, "  scenarios"):
            found = earned(env, tuned(self.problem, env, numbers), self.seed)
            days = env.satellites * env.world.horizon_s / 86_400.0
            scores.append((found - base) / days if self.problem == "avoidance_v0" else found / base)
        return float(np.mean(scores))

    def close(self) -> None:
        for env in self.envs:
            env.close()


def tuned(problem: str, env: BatchEnv, numbers: Mapping[str, float]) -> Policy:
    """A teacher with `numbers` in the place of its own, "rules.margin" for a number of its part `rules`."""
    teacher = TEACHERS[problem](env)
    for name, value in numbers.items():
        part, _, last = name.rpartition(".")
        setattr(attrgetter(part)(teacher) if part else teacher, last, value)
    return teacher


def search(ground: Ground, candidates: int, rng: np.random.Generator) -> tuple[dict[str, float], float]:
    """The best numbers and their score, of so many tries, each a few steps from the best before."""
    scales, teacher = SCALES[ground.problem], TEACHERS[ground.problem](ground.envs[0])
    best = {name: float(attrgetter(name)(teacher)) for name in scales}
    top = ground.score(best)
    print(f"start {top:.4f}", flush=True)
    for k in tracked(range(candidates), "candidates"):
        moved = dict(best)
        for name in rng.choice(list(scales), int(rng.integers(1, 5)), replace=False):
            deviation, low, high = scales[name]
            moved[name] = float(np.clip(rng.normal(best[name], 1.5 * deviation), low, high))
        score = ground.score(moved)
        if score > top:
            best, top = moved, score
            print(f"{k:4d} {top:.4f} { ({n: round(v, 3) for n, v in best.items()}) }", flush=True)
    return best, top


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("problem", choices=list(TEACHERS))
    add(parser, "--candidates", 200, "tried", type=int, metavar="N")
    add(parser, "--scenarios", 12, "to compare on", type=int, metavar="N")
    add(parser, "--worlds", 2, "of each scenario", type=int, metavar="N")
    common(parser, seed=0)


def run(told: Namespace) -> None:
    """Search, print, write."""
    begin = time.process_time()
    with closing(Ground(told.problem, told.scenarios, told.worlds, told.seed)) as ground:
        best, top = search(ground, told.candidates, np.random.default_rng(told.seed))
    spent = time.process_time() - begin
    print(best, f"{spent:.0f} s of CPU")
    if told.json:
        keep_records(
            told.json, "tuned teacher", [{"problem": told.problem, "score": top, "cpu_s": spent} | best]
        )
