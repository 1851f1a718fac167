"""RLlib's multi-agent environment over the dictionary face, with masks. Needs the extra `rllib`.

    from envs.rllib import SandboxMultiAgentEnv
    from ray.rllib.algorithms.ppo import PPOConfig

    PPOConfig().environment(SandboxMultiAgentEnv, env_config={"problem": "tasking_v0", "scenario": "scs01"})

Observations are `{"observations", "action_mask"}`, by the names that RLlib's own masking module
(`ray.rllib.examples.rl_modules.classes.action_masking_rlm`) asks for, and PettingZoo does not have. RLlib's
wrapper of PettingZoo's parallel environments does the rest.
"""

from typing import Any

import gymnasium
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv

from envs.making import make

__all__ = ["SandboxMultiAgentEnv"]


class SandboxMultiAgentEnv(ParallelPettingZooEnv):
    """A decision problem as RLlib makes it from a dictionary: `problem`, `scenario`, `first_seed`, arguments.

    RLlib numbers the seeds of its workers from its own seed on; `first_seed` is added to them.
    """

    def __init__(self, config: Any) -> None:
        told = dict(config)
        self._first_seed = told.pop("first_seed", 0)
        problem, scenario = told.pop("problem"), told.pop("scenario", None)
        super().__init__(make(problem, scenario, mask_in_obs=True, **told))
        self.agents, self.possible_agents = list(self.par_env.possible_agents), self.par_env.possible_agents
        seen: Any = {
            agent: gymnasium.spaces.Dict(_renamed(space.spaces))
            for agent, space in self.par_env.observation_spaces.items()
        }
        done: Any = dict(self.par_env.action_spaces)
        self.observation_spaces, self.action_spaces = seen, done
        self.observation_space, self.action_space = gymnasium.spaces.Dict(seen), gymnasium.spaces.Dict(done)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[dict, dict]:
        """Begin an episode."""
        seen, infos = super().reset(seed=None if seed is None else self._first_seed + seed, options=options)
        return {agent: _renamed(told) for agent, told in seen.items()}, infos

    def step(self, action_dict: Any) -> Any:
        """Play one round."""
        seen, *rest = super().step(action_dict)
        return {agent: _renamed(told) for agent, told in seen.items()}, *rest

    def render(self) -> Any:
        """What `render_mode` says."""
        return self.par_env.render()


def _renamed(told: Any) -> dict[str, Any]:
    return {"observations": told["observation"], "action_mask": told["action_mask"]}
