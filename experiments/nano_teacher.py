"""The policy that the nano learns from: `DeadlineGreedy` with more to weigh, tuned on training scenarios.

    python -m experiments.nano_teacher --candidates 200

draws numbers for it at random around the best so far, plays every candidate over the same training scenarios
and seeds (`experiments.splits`), and prints what earned most relative to `greedy`. The numbers below are what
it found.
"""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from agents import Policy, make_policy
from agents.tasking import ROUND_S, DeadlineGreedy
from envs import tasking_v0
from envs.batch import BatchEnv
from experiments.splits import FIRST_TRAINING_SEED, draw_scenario


class Teacher(DeadlineGreedy):
    """Looks ahead like its parent; also weighs rivals for a request and for the station's antennas."""

    reserve = 10.5
    drain = 0.626
    shadow_ahead_min = 9.9
    patience = 0.483
    rival_discount = 0.123
    dwell_s = 4.0
    comfort = 27.0
    distance = 2.21
    """Power of the rounds that a request takes by which its worth is divided."""
    rarity = 0.5
    """Power of the worth: above 1, one great request is better than many small ones."""
    contest = 1.165
    """Share of a request's worth that is left per rival that is not ahead."""
    crowd = 0.41
    """How much each rival for the station lessens what can be counted on being sent."""
    margin_rounds = 4.69
    """Rounds of a contact that must be left over for imaging to go on meanwhile."""
    price_share = 0.162
    """Score, of the greatest value, that a request must beat when the battery is just enough."""
    stay_rounds = 2.99
    """Rounds that a request must stay in reach to be one that can wait."""

    def _price(self, spare: NDArray) -> NDArray:
        top = self.layout.high[self.layout.index("request_1_value")]
        short = np.clip(1.0 - spare / self.comfort, 0.0, 1.0)
        return np.where(spare > 0.0, top * self.price_share * short, np.inf)

    def _score(self, seen: NDArray, mask: NDArray) -> NDArray:
        ready = self._requests(seen, "capture_in") + self.dwell_s
        rounds = np.maximum(1.0, np.ceil(ready / ROUND_S))
        last = np.minimum(self._requests(seen, "window"), self._requests(seen, "deadline") * 60.0)
        can_wait = last - self._requests(seen, "slew") > self.stay_rounds * ROUND_S
        weight = np.where(can_wait, self.patience, 1.0) / rounds**self.distance
        earlier = self._requests(seen, "earlier")
        later = np.maximum(self._requests(seen, "rivals") - earlier, 0.0)
        worth = self._worth(seen, mask)
        worth = np.where(worth > 0.0, np.maximum(worth, 1e-9) ** self.rarity, worth)
        return worth * weight * self.rival_discount**earlier * self.contest**later

    def _contact_can_wait(self, seen: NDArray) -> NDArray:
        rate = np.maximum(self._own(seen, "station_rate"), 1e-3)
        needed = (
            self._own(seen, "stored") * 1e3 / rate * (1.0 + self.crowd * self._own(seen, "station_rivals"))
        )
        left = self._own(seen, "contact_length") * 60.0
        return (self._own(seen, "contact_in") <= 0.0) & (left > needed + self.margin_rounds * ROUND_S)


SCALES = {
    "reserve": (5.0, 8.0, 30.0),
    "drain": (0.2, 0.3, 1.2),
    "shadow_ahead_min": (8.0, 5.0, 60.0),
    "patience": (0.15, 0.2, 1.0),
    "rival_discount": (0.15, 0.0, 1.0),
    "dwell_s": (1.0, 4.0, 10.0),
    "comfort": (10.0, 1.0, 80.0),
    "distance": (0.3, 0.3, 3.0),
    "rarity": (0.2, 0.5, 2.0),
    "contest": (0.15, 0.3, 1.2),
    "crowd": (0.3, 0.0, 3.0),
    "margin_rounds": (1.0, 0.0, 8.0),
    "price_share": (0.15, 0.0, 1.0),
    "stay_rounds": (0.7, 1.0, 8.0),
}
"""Name: (standard deviation of a step, least, most)."""


def tuned(env: BatchEnv, numbers: Mapping[str, float]) -> Teacher:
    """A teacher with `numbers` in the place of its own."""
    teacher = Teacher(env)
    for name, value in numbers.items():
        setattr(teacher, name, value)
    return teacher


def delivered(env: BatchEnv, policy: Policy, seed: int) -> float:
    """Reward of the fleet over one episode in every world (mean over the worlds)."""
    observation, info = env.reset(seed)
    policy.reset(seed)
    total = 0.0
    for _ in range(env.max_cycles):
        observation, reward, _, _, info = env.step(policy.act(observation, info))
        total += float(reward.sum())
    return total / env.worlds


class Ground:
    """Training scenarios to compare on, and what `greedy` earns there."""

    def __init__(self, scenarios: int, worlds: int, seed: int = 0) -> None:
        rng = np.random.default_rng(FIRST_TRAINING_SEED + 500 + seed)
        self.envs = [
            tasking_v0.batch_env(draw_scenario(rng, (8.0, 14.0)), worlds, autoreset=False)
            for _ in range(scenarios)
        ]
        self.seed = FIRST_TRAINING_SEED + 7000
        self.base = [delivered(env, make_policy("greedy", env), self.seed) for env in self.envs]

    def score(self, numbers: Mapping[str, float]) -> float:
        """Mean over the scenarios of what is earned relative to `greedy`."""
        ratios = [
            delivered(env, tuned(env, numbers), self.seed) / base
            for env, base in zip(self.envs, self.base, strict=True)
        ]
        return float(np.mean(ratios))

    def close(self) -> None:
        for env in self.envs:
            env.close()


def search(ground: Ground, candidates: int, rng: np.random.Generator) -> dict[str, float]:
    """The best numbers found in so many tries, each a few steps away from the best before."""
    best = {name: float(getattr(Teacher, name)) for name in SCALES}
    top = ground.score(best)
    print(f"start {top:.4f}", flush=True)
    for k in range(candidates):
        moved = dict(best)
        for name in rng.choice(list(SCALES), int(rng.integers(1, 5)), replace=False):
            deviation, low, high = SCALES[name]
            moved[name] = float(np.clip(rng.normal(best[name], 1.5 * deviation), low, high))
        score = ground.score(moved)
        if score > top:
            best, top = moved, score
            print(f"{k:4d} {top:.4f} { ({n: round(v, 3) for n, v in best.items()}) }", flush=True)
    return best


def main(arguments: Sequence[str] | None = None) -> int:
    parser = ArgumentParser("python -m experiments.nano_teacher", description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument("--scenarios", type=int, default=12)
    parser.add_argument("--worlds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args(arguments)
    begin = time.process_time()
    with closing(Ground(told.scenarios, told.worlds, told.seed)) as ground:
        best = search(ground, told.candidates, np.random.default_rng(told.seed))
    print(best, f"{time.process_time() - begin:.0f} s of CPU")
    return 0


if __name__ == "__main__":
    sys.exit(main())
