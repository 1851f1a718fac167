"""Who teaches in a scenario: of a few policies whoever earns most there.

A shipped network is best in the scenario of the tier that it was trained in; where fleets and customers are
otherwise a tuned teacher or a heuristic is. So the candidates fly a training scenario before it is taught in,
for as long as its tier is judged, over the same episodes, and the one that earned most says what to do.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from agents import Policy, make_policy
from agents.network import Network
from agents.trained import NAME as TRAINED
from agents.trained import fitting, tier_of
from envs.batch import BatchEnv
from envs.episodes import make_env
from experiments.running.callbacks import Earned
from experiments.running.rollout import play
from experiments.tiers import tier_hours
from experiments.training.nano_lessons import Certain, Teacher
from experiments.training.splits import FIRST_TRAINING_SEED
from experiments.training.teachers import TEACHERS
from sandbox.scenario import Scenario, load_scenario

TUNED = "tuned"
"""What the policies of `TEACHERS` are called here."""
CANDIDATES: Mapping[str, Sequence[str]] = {
    "tasking_v0": (TUNED, TRAINED, "equinox"),
    "offloading_v0": (TUNED, TRAINED, "greedy", "phoenix"),
    "avoidance_v0": (TUNED,),
    "autonomy_v0": (TUNED, TRAINED, "phoenix"),
}
"""By problem, who may teach. In avoidance what is earned in a few episodes hangs on who is hit."""
TRIALS, TRIAL_SEED = 2, FIRST_TRAINING_SEED + 7000
"""Episodes of a trial flight, and the seed of the first."""


class Likely:
    """A trained network as a teacher: it says how likely it holds each action."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def chances(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.float64]:
        self._network.decide(observation, mask)
        assert self._network.odds is not None
        return self._network.odds.astype(np.float64)


def chosen_teacher(env: BatchEnv) -> Teacher:
    """What `chosen_policy` would do in an environment, with its chances."""
    policy = chosen_policy(env)
    return Likely(policy) if isinstance(policy, Network) else Certain(policy)


def chosen_policy(env: BatchEnv) -> Policy:
    """The candidate that earns most in trial flights of the scenario of an environment.

    Networks are candidates only where the environment shows what they were trained with.
    """
    problem, scenario = env.problem.name, env.problem.mission
    names = tuple(name for name in CANDIDATES[problem] if name != TRAINED or fitting(env) is not None)
    return _made(_earns_most(problem, scenario, names) if len(names) > 1 else names[0], env)


def _made(name: str, env: BatchEnv) -> Policy:
    return TEACHERS[env.problem.name](env) if name == TUNED else make_policy(name, env)


def _earns_most(problem: str, scenario: Scenario, names: tuple[str, ...]) -> str:
    hours = tier_hours(problem, tier_of(scenario.name))
    return _best(problem, load_scenario(scenario, {"horizon_h": hours}).model_dump_json(), names)


@lru_cache(maxsize=64)
def _best(problem: str, scenario: str, names: tuple[str, ...]) -> str:
    with closing(make_env(problem, Scenario.model_validate_json(scenario), None, TRIALS)) as env:
        paid = {name: _earned(env, _made(name, env)) for name in names}
    return max(paid, key=paid.__getitem__)


def _earned(env: BatchEnv, policy: Policy) -> float:
    total = Earned()
    policy.reset(TRIAL_SEED)
    play(env, policy, TRIAL_SEED, [total])
    return total.reward
