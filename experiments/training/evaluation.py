"""What a policy earns on seeds that are not trained on, and what others earn on the same."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np

from agents import Policy, make_policy, policy_names
from agents.network import MODES, Weights, network_class
from agents.policy import MINDS, TOLD, YARDSTICKS
from envs.batch import BatchEnv
from envs.registry import find
from experiments.running.rollout import Round, Watcher, play
from sandbox.errors import SandboxError

FIRST_VALIDATION_SEED = 900_000
"""Seeds by which a training is watched and its best policy chosen: below those of the benchmark."""
CHANCE, YARDSTICK = "random", "planner"
_NO_HEURISTIC = ("random", "idle", *YARDSTICKS, *MINDS, *TOLD)


class Score(NamedTuple):
    """What came of an episode in each of W worlds."""

    returns: tuple[float, ...]
    """Rewards of the whole fleet, added up."""
    lost: int
    """Satellites lost, in all worlds."""

    @property
    def mean(self) -> float:
        return float(np.mean(self.returns))


class Returns(Watcher):
    """Adds up the rewards of each world."""

    def start(self, env: BatchEnv) -> None:
        self.sums = np.zeros(env.worlds)

    def after(self, env: BatchEnv, played: Round) -> None:
        self.sums += played.reward.sum(1, dtype=float)


def score(env: BatchEnv, policy: Policy, seed: int = FIRST_VALIDATION_SEED) -> Score:
    """Play an episode in every world of `env`, one without autoreset."""
    returns = Returns()
    play(env, policy, seed, [returns])
    return Score(tuple(returns.sums.tolist()), int((~env.world.state.body["alive"]).sum()))


def score_weights(env: BatchEnv, weights: Weights) -> dict[str, Score]:
    """Of a network, when it takes the likeliest action and when it draws one."""
    return {mode: score(env, network_class(weights._replace(mode=mode))(env)) for mode in MODES}


def heuristics(problem: str) -> list[str]:
    """The policies that a trained one should beat."""
    return [name for name in policy_names(find(problem)) if name not in _NO_HEURISTIC]


def check_planner(problem: str) -> None:
    """Raises SandboxError for a problem that has no planner."""
    if YARDSTICK not in policy_names(find(problem)):
        raise SandboxError(f"{problem} has no {YARDSTICK}; leave --{YARDSTICK} out.")


def references(
    env: BatchEnv, problem: str, planner: bool, seed: int = FIRST_VALIDATION_SEED
) -> dict[str, Any]:
    """Mean returns of chance, of each heuristic and, if asked for, the planner, by name."""
    names: Sequence[str] = (CHANCE, *heuristics(problem), *((YARDSTICK,) if planner else ()))
    found = {}
    for name in names:
        with closing(make_policy(name, env)) as policy:
            found[name] = score(env, policy, seed).mean
    return found


def best_heuristic(told: dict[str, float]) -> str | None:
    """The name of the best of the heuristics among references; None where there is none."""
    names = sorted(name for name in told if name not in _NO_HEURISTIC)  # so that a tie is settled alike
    return max(names, key=lambda name: told[name], default=None)
