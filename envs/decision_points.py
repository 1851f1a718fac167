"""Decision points: only those are asked who have a choice, and are told what time has passed.

In many rounds a satellite can do one thing only: an inbox is empty, a contact is far away, a thought is still
under way. A trainer that asks in every round learns from rows in which nothing is decided, and credits a
decision with what one round brought. Here a decision lasts until its satellite has the next one, as in a
semi-Markov decision process (Sutton, Precup and Singh, Artificial Intelligence 112 (1999) 181): the reward of
the rounds in between is summed, discounted from the round of the decision on, and their number is told, so
that what comes after is discounted by `discount ** rounds`.

    asked = points.reset(seed=0)
    asked, settled = points.step(actions)  # one action for each who was asked
"""

from typing import Any, NamedTuple

import numpy as np
from gymnasium.spaces import Discrete
from numpy.typing import ArrayLike, NDArray
from pettingzoo.utils.wrappers import BaseParallelWrapper

from envs.batch import BatchEnv
from envs.parallel import ParallelFace
from sandbox.checks import as_array
from sandbox.errors import SandboxError, shown


class Asked(NamedTuple):
    """The M satellites that have a choice now, sorted by world and satellite."""

    world: NDArray[np.intp]  # (M,)
    satellite: NDArray[np.intp]  # (M,)
    observation: NDArray[np.float32]  # (M, F)
    action_mask: NDArray[np.int8]  # (M, A)


class Settled(NamedTuple):
    """The L decisions that have come to an end, in the order of their ends."""

    world: NDArray[np.intp]  # (L,)
    satellite: NDArray[np.intp]  # (L,)
    reward: NDArray[np.float64]  # (L,) since the decision, discounted to it
    rounds: NDArray[np.int64]  # (L,) that have passed
    observation: NDArray[np.float32]  # (L, F) at the end
    terminated: NDArray[np.bool_]  # (L,) the satellite is lost, or nobody is left: nothing comes after
    truncated: NDArray[np.bool_]  # (L,) the time was up: what would come after is estimated


class DecisionPoints:
    """A batch face that asks only those who have more than one legal action.

    Where nobody is asked in any world, rounds go by until somebody is. With `autoreset` of the batch ended
    worlds begin anew; without it the last `Asked` is empty when all have ended.

    Args:
        batch: any batch face but those with several orders or messages a round.
        discount: of a round, for the sum of rewards; greater than 0, at most 1.

    Raises SandboxError for other numbers, for actions that are not one legal action for each who was asked,
    and for a step before `reset` or after the end.
    """

    def __init__(self, batch: BatchEnv, discount: float = 1.0) -> None:
        if batch.action_space.shape != (batch.worlds, batch.satellites) or batch.problem.message_size:
            raise SandboxError("decision points need one action a satellite; leave out messages and orders.")
        self.batch, self.discount = batch, checked_discount(discount)
        self.layout, self.actions, self.problem = batch.layout, batch.actions, batch.problem
        team = batch.worlds, batch.satellites
        self._open = np.zeros(team, np.bool_)
        self._reward, self._rounds = np.zeros(team), np.zeros(team, np.int64)
        self._over = np.zeros(batch.worlds, np.bool_)
        self._asked: Asked | None = None

    def reset(self, seed: int | ArrayLike | None = None) -> Asked:
        """Begin an episode in every world; world b gets seed + b, or its own seed."""
        observation, info = self.batch.reset(seed)
        self._open[...], self._over[...] = False, False
        self._asked = asked_of(observation, info, info["decides"])
        if not len(self._asked.world):
            self._wait(np.zeros(self._open.shape, np.int64))
        return self._asked

    def step(self, actions: ArrayLike) -> tuple[Asked, Settled]:
        """Carry out an action (M,) of each who was asked; who is asked next, and which decisions ended."""
        asked = self._asked
        if asked is None or self._over.all():
            raise SandboxError("step before reset, or after the end of all worlds: call reset() first.")
        given = as_array("actions", actions)
        count = len(asked.world)
        whole = given.shape == (count,) and given.dtype.kind in "iu"
        if not (whole and ((given >= 0) & (given < len(self.actions))).all()):
            raise SandboxError(
                f"actions are {shown(actions)}; give {count} whole numbers from 0 to "
                f"{len(self.actions) - 1}, one for each who was asked."
            )
        if not asked.action_mask[np.arange(count), given].all():
            raise SandboxError("an action is not legal; choose by the action_mask of who was asked.")
        who = asked.world, asked.satellite
        full = np.zeros(self._open.shape, np.int64)
        full[who] = given
        self._open[who], self._reward[who], self._rounds[who] = True, 0.0, 0
        return self._wait(full)

    def _wait(self, actions: NDArray[np.int64]) -> tuple[Asked, Settled]:
        """Play rounds, `actions` (B, N) in the first and nothing in the others, until somebody is asked."""
        ended: list[Settled] = []
        while True:
            observation, reward, terminated, truncated, info = self.batch.step(actions)
            self._reward += np.where(self._open, self.discount**self._rounds * reward, 0.0)
            self._rounds += self._open
            finished = terminated | truncated
            decides = info["decides"]
            if not self.batch.autoreset:
                self._over |= finished[:, 0]
                decides = decides & ~self._over[:, None]
            over = self._open & (finished | info["lost"])
            last = info.get("final_observation", observation)
            ended.append(self._settle(over, last, info["lost"] | terminated, truncated))
            ended.append(self._settle(self._open & decides, observation, None, None))
            if decides.any() or self._over.all():
                self._asked = asked_of(observation, info, decides)
                return self._asked, Settled(*(np.concatenate(parts) for parts in zip(*ended, strict=True)))
            actions = np.zeros_like(actions)

    def _settle(
        self, which: NDArray[np.bool_], observation: NDArray, terminated: Any, truncated: Any
    ) -> Settled:
        """Close the decisions of those (B, N)."""
        world, satellite = np.nonzero(which)
        self._open &= ~which
        none = np.zeros(len(world), np.bool_)
        lost = none if terminated is None else terminated[which]
        late = none if truncated is None else truncated[which] & ~lost
        paid, rounds = self._reward[which], self._rounds[which]
        return Settled(world, satellite, paid, rounds, observation[which], lost, late)


def asked_of(observation: NDArray, info: dict[str, NDArray], decides: NDArray[np.bool_]) -> Asked:
    """Those who decide (B, N), with what they see and may do."""
    world, satellite = np.nonzero(decides)
    return Asked(world, satellite, observation[decides], info["action_mask"][decides])


def checked_discount(discount: Any) -> float:
    """`discount`, if it is one. Raises SandboxError otherwise."""
    if isinstance(discount, (int, float, np.number)) and 0.0 < discount <= 1.0:
        return float(discount)
    raise SandboxError(f"discount = {shown(discount)}; give a number greater than 0 and at most 1.")


class ParallelDecisionPoints(BaseParallelWrapper):
    """PettingZoo's parallel environment without the rounds in which nobody has a choice.

    All agents stay, as trainers for fixed teams want them; who has no choice is asked all the same where
    somebody else has one, with one legal action. Rewards are summed over the rounds that went by, discounted
    from the first; `infos[agent]["rounds"]` says how many they were.
    """

    def __init__(self, env: ParallelFace, discount: float = 1.0) -> None:
        if not all(isinstance(space, Discrete) for space in env.action_spaces.values()):
            raise SandboxError("decision points need one action an agent; leave out messages and orders.")
        super().__init__(env)
        self.discount = checked_discount(discount)

    def reset(self, seed: int | None = None, options: dict | None = None) -> tuple[dict, dict]:
        observations, infos = self.env.reset(seed, options)
        for info in infos.values():
            info["rounds"] = 0
        return observations, infos

    def step(self, actions: dict[str, Any]) -> tuple[dict, dict, dict, dict, dict]:
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        rounds = 1
        while self.env.agents and not any(_mask(observations, infos, a).sum() > 1 for a in self.env.agents):
            still = dict.fromkeys(self.env.agents, 0)
            observations, more, ends, cuts, told = self.env.step(still)
            for agent, reward in more.items():
                rewards[agent] += self.discount**rounds * reward
            terminations |= ends
            truncations |= cuts
            infos |= told
            rounds += 1
        for info in infos.values():
            info["rounds"] = rounds
        return observations, rewards, terminations, truncations, infos


def _mask(observations: dict, infos: dict, agent: str) -> NDArray[np.int8]:
    seen = observations[agent]
    return seen["action_mask"] if isinstance(seen, dict) else infos[agent]["action_mask"]
