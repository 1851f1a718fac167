"""What is timed: environments played with random actions that were drawn beforehand."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from envs import tasking_v0
from envs.batch import BatchEnv
from sandbox.scenario import Scenario, load_scenario

ROUNDS = 240
"""Rounds in an episode: two hours, in which random actions lose no satellite (a lost one costs less)."""
DRAWN = 64
WALKER = {"pattern": "delta", "planes": 4, "phasing": 1, "altitude_km": 550, "inclination_deg": 53}
OPEN_REQUESTS, MEAN_LIFE_H = 256, 7.0


@dataclass(frozen=True)
class Case:
    """`play` plays one whole episode, its reset included, of `rounds` rounds."""

    name: str
    worlds: int
    agents: int
    rounds: int
    play: Callable[[], None]

    @property
    def steps(self) -> int:
        """Agent-steps in an episode."""
        return self.worlds * self.agents * self.rounds


def scenario(satellites: int, requests: int = OPEN_REQUESTS) -> Scenario:
    """A Walker pattern at the fidelity of `walker_24`, with about so many open requests all along."""
    walker = WALKER | {"total": satellites}
    stock = {"requests.initial": requests, "requests.per_hour": round(requests / MEAN_LIFE_H, 1)}
    return load_scenario("walker_24", {"fleet.0.walker": walker, **stock})


def batch(satellites: int, worlds: int = 1, rounds: int = ROUNDS, problem: Any = tasking_v0) -> BatchEnv:
    """The batch face of a problem, named by its module, over that scenario."""
    return problem.batch_env(scenario(satellites), worlds, max_cycles=rounds, autoreset=False)


def draw(env: BatchEnv, count: int) -> np.ndarray:
    """Random actions (count, B, N), legal or not."""
    return np.random.default_rng(0).integers(0, len(env.actions), (count, env.worlds, env.satellites))


def batch_case(worlds: int, satellites: int, rounds: int = ROUNDS, problem: Any = tasking_v0) -> Case:
    env = batch(satellites, worlds, rounds, problem)
    play = partial(_play_batch, env, draw(env, DRAWN))
    return Case(f"{env.problem.name} batch face", worlds, satellites, rounds, play)


def dictionary_case(satellites: int, rounds: int = ROUNDS, problem: Any = tasking_v0) -> Case:
    env = problem.parallel_env(scenario(satellites), max_cycles=rounds)
    return _dictionaries(f"{env.problem.name} dictionaries", env, satellites, rounds)


def mpe2_case(agents: int, rounds: int = ROUNDS) -> Case:
    """The yardstick: simple_spread of MPE2. Raises ModuleNotFoundError where it is not installed."""
    from mpe2 import simple_spread_v3

    env = simple_spread_v3.parallel_env(N=agents, max_cycles=rounds)
    return _dictionaries("mpe2 simple_spread", env, agents, rounds)


def _dictionaries(name: str, env: Any, agents: int, rounds: int) -> Case:
    rng = np.random.default_rng(0)
    drawn = [{a: int(rng.integers(env.action_space(a).n)) for a in env.possible_agents} for _ in range(DRAWN)]
    return Case(name, 1, agents, rounds, partial(_play_dictionaries, env, drawn, rounds))


def _play_batch(env: BatchEnv, drawn: np.ndarray) -> None:
    env.reset(seed=0)
    for k in range(env.max_cycles):
        env.step(drawn[k % DRAWN])


def _play_dictionaries(env: Any, drawn: list[dict[str, int]], rounds: int) -> None:
    env.reset(seed=0)
    for k in range(rounds):
        env.step(drawn[k % DRAWN])
