"""A vector environment for Stable-Baselines3 over the batch face, with masks for sb3-contrib. Extra `sb3`.

    from envs.sb3 import make_sb3
    from sb3_contrib import MaskablePPO

    env = make_sb3("tasking_v0", "scs01", worlds=16)
    MaskablePPO("MlpPolicy", env).learn(100_000)

Each satellite of each world is one slot (slot = world x satellites + satellite), so that one network decides
for all of them. A slot's episode ends when its satellite is lost, or with its world; a lost satellite idles,
at no reward, until the world begins anew.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from envs.batch import BatchEnv
from envs.making import make
from sandbox.errors import SandboxError, shown

__all__ = ["SandboxVecEnv", "make_sb3"]


def make_sb3(problem: Any, scenario: Any = None, worlds: int = 1, **arguments: Any) -> "SandboxVecEnv":
    """A vector environment of a decision problem; `arguments` are those of its batch face."""
    return SandboxVecEnv(make(problem, scenario, face="batch", worlds=worlds, **arguments))


class SandboxVecEnv(VecEnv):
    """A batch of worlds with autoreset, a slot for each satellite."""

    def __init__(self, batch: BatchEnv) -> None:
        if not batch.autoreset:
            raise SandboxError(
                "Stable-Baselines3 wants episodes that begin anew; make the batch with autoreset."
            )
        self.batch, self._actions = batch, np.zeros(0, np.int64)
        self._seed: int | None = None
        self._mask = np.ones((batch.worlds * batch.satellites, len(batch.actions)), np.bool_)
        self._alone = not batch.problem.team_reward
        self.render_mode = None
        count = batch.worlds * batch.satellites
        super().__init__(count, batch.single_observation_space, batch.single_action_space)

    def reset(self) -> NDArray[np.float32]:
        """Begin an episode in every world; what is seen (slots, F), in [-1, 1]."""
        seed, self._seed = self._seed, None
        observation, info = self.batch.reset(seed)
        self.reset_infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        return self._seen(observation, info)

    def step_async(self, actions: NDArray) -> None:
        """Say what the slots do (slots,)."""
        self._actions = np.asarray(actions)

    def step_wait(self) -> tuple[NDArray, NDArray, NDArray, list[dict]]:
        """Play the round: what is seen (slots, F), rewards and ends (slots,), infos."""
        team = (self.batch.worlds, self.batch.satellites)
        observation, reward, terminated, truncated, info = self.batch.step(self._actions.reshape(team))
        over = terminated | (info["lost"] if self._alone else False)
        done = (over | truncated).reshape(-1)
        infos: list[dict] = [{} for _ in range(self.num_envs)]
        if done.any():
            last = info["final_observation"].reshape(self.num_envs, -1)
            cut = (truncated & ~over).reshape(-1)
            for slot in np.flatnonzero(done):
                infos[slot] = {"terminal_observation": last[slot], "TimeLimit.truncated": bool(cut[slot])}
        return self._seen(observation, info), reward.reshape(-1), done, infos

    def action_masks(self) -> NDArray[np.bool_]:
        """The legal actions (slots, A), under the name that masked trainers look for."""
        return self._mask

    def _seen(self, observation: NDArray, info: dict[str, NDArray]) -> NDArray[np.float32]:
        self._mask = info["action_mask"].reshape(self.num_envs, -1).astype(np.bool_)
        return observation.reshape(self.num_envs, -1)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed the next reset: world b with seed + b."""
        self._seed = seed
        count = self.batch.satellites
        return [None if seed is None else seed + slot // count for slot in range(self.num_envs)]

    def close(self) -> None:
        """Safe to call twice."""
        self.batch.close()

    def has_attr(self, attr_name: str) -> bool:
        """Whether the slots have it."""
        return hasattr(self, attr_name)

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """An attribute, once for each slot."""
        return [getattr(self, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of all slots, which are one environment."""
        setattr(self, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """What a method gives, a row for each slot. Raises SandboxError for any but `action_masks`."""
        if method_name != "action_masks":
            raise SandboxError(f"The slots have no method {shown(method_name)}; they have action_masks.")
        return [self._mask[slot] for slot in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Never."""
        return [False for _ in self._get_indices(indices)]
