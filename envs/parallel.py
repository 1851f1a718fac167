"""The dictionary face: PettingZoo's parallel and agent-environment-cycle environments over one world."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils import wrappers
from pettingzoo.utils.conversions import parallel_to_aec_wrapper

from envs.batch import BatchEnv
from envs.camera import RENDER_FPS, RENDER_MODES, Camera
from envs.deliberation import DeliberatingBatch, Thought
from sandbox.checks import shown, whole_number
from sandbox.errors import SandboxError, unknown_name
from sandbox.recording import Recording

DEATHS = ("noop", "remove")
_WHOLE = {int, np.int64, np.int32}


class ParallelFace(ParallelEnv):
    """One world as a PettingZoo parallel environment.

    `observation_spaces` and `action_spaces` hold the spaces of all agents by name, for trainers that want
    them so.

    Args:
        batch: a batch of one, without autoreset.
        mask_in_obs: observations are `{"observation", "action_mask"}` instead of a bare vector; then the
            mask is there alone, and not in the info.
        death: "noop": a lost satellite stays, with a no-op-only mask; "remove": it terminates and leaves.
    """

    def __init__(
        self,
        batch: BatchEnv,
        *,
        mask_in_obs: bool = False,
        death: str = "noop",
        render_mode: str | None = None,
    ) -> None:
        if death not in DEATHS:
            raise unknown_name("death mode", death, DEATHS)
        self.batch, self.problem, self.world = batch, batch.problem, batch.world
        self.mask_in_obs, self.death, self.render_mode = bool(mask_in_obs), death, render_mode
        self.metadata = {
            "name": self.problem.name,
            "render_modes": list(RENDER_MODES),
            "render_fps": RENDER_FPS,
            "is_parallelizable": True,
        }
        self.camera = None if render_mode is None else Camera(batch, render_mode)
        self.possible_agents = [f"sat_{n}" for n in range(batch.satellites)]
        self._agents: list[str] = []
        self._restores = self.world.restores
        self.layout, self.actions, self.max_cycles = batch.layout, batch.actions, batch.max_cycles
        self.group_map = {"sat": list(self.possible_agents)}
        self._blank_info = dict.fromkeys((*batch.terms, *(() if self.mask_in_obs else ("action_mask",))))
        self._number = {agent: n for n, agent in enumerate(self.possible_agents)}
        self.observation_spaces = {agent: self._make_space() for agent in self.possible_agents}
        self.action_spaces = {
            agent: gymnasium.spaces.Discrete(len(self.actions)) for agent in self.possible_agents
        }
        self.state_space = gymnasium.spaces.Box(-1.0, 1.0, (self.problem.state_size,), np.float32)

    @property
    def agents(self) -> list[str]:
        """Who takes part now."""
        if self._restores != self.world.restores:
            self._restores, self._agents = self.world.restores, self._present_agents()
        return self._agents

    @agents.setter
    def agents(self, agents: list[str]) -> None:
        self._agents = agents

    def _present_agents(self) -> list[str]:
        """Who takes part in the world as it stands."""
        if not self.world.ready or self.batch.ended()[0]:
            return []
        stays = self.world.state.body["alive"][0] | (self.death != "remove")
        return [agent for agent, here in zip(self.possible_agents, stays, strict=True) if here]

    def _make_space(self) -> gymnasium.Space:
        vector = gymnasium.spaces.Box(-1.0, 1.0, (len(self.layout),), np.float32)
        if not self.mask_in_obs:
            return vector
        mask = gymnasium.spaces.Box(0, 1, (len(self.actions),), np.int8)
        return gymnasium.spaces.Dict({"observation": vector, "action_mask": mask})

    def observation_space(self, agent: str) -> gymnasium.Space:
        """Space of what `agent` sees; the same object at every call."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.Space:
        """Space of what `agent` does; the same object at every call."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict | None = None) -> tuple[dict, dict]:
        """Begin an episode. A reset without a seed draws on from the last one."""
        observation, info = self.batch.reset(seed)
        self.agents = list(self.possible_agents)
        if self.camera is not None:
            self.camera.begin()
        return self._observations(observation, info["action_mask"]), self._infos(info)

    def present(self) -> tuple[dict, dict]:
        """What is seen of the world as it stands, as `reset` returns it: after a `world.restore`, say."""
        observation, info = self.batch.present()
        return self._observations(observation, info["action_mask"]), self._infos(info)

    def check(self, agent: str, action: Any) -> None:
        """Raises SandboxError where `step` would refuse `action` of `agent`."""
        self._order(agent, action)

    def step(
        self, actions: Mapping[str, Any], thought: Thought | None = None
    ) -> tuple[dict, dict, dict, dict, dict]:
        """Play one round. Missing agents idle; dead or unknown ones are ignored.

        Raises SandboxError for an action outside its space; a step that is refused changes nothing.
        `thought`, arrays (1, N), is for a face over a `DeliberatingBatch`: what was spent on the decisions.
        """
        if not self.agents:
            if self.batch.started:
                return {}, {}, {}, {}, {}
            raise SandboxError("step before reset: call reset() first.")
        orders = self._orders(actions)
        observation, reward, terminated, truncated, info = self._played(orders, thought)
        agents = self.agents
        if self.death == "remove":
            terminated = terminated | ~self.world.state.body["alive"]
        seen = self._observations(observation, info["action_mask"])
        rewards = self._by_agent(reward[0].tolist())
        ends, cuts = self._by_agent(terminated[0].tolist()), self._by_agent(truncated[0].tolist())
        infos = self._infos(info)
        self.agents = [agent for agent in agents if not (ends[agent] or cuts[agent])]
        return seen, rewards, ends, cuts, infos

    def state(self) -> NDArray[np.float32]:
        """Compact true state of the world, for a centralised critic."""
        return self.problem.global_state(0)

    def render(self) -> Any:
        """What `render_mode` says (see `envs.camera.Camera`); None without one."""
        return None if self.camera is None else self.camera.render()

    @property
    def recording(self) -> Recording:
        """The episode so far, of an environment with a `render_mode`."""
        if self.camera is None:
            raise SandboxError("render_mode = None records nothing; give one when making the environment.")
        return self.camera.recording

    def close(self) -> None:
        """Safe to call twice."""
        self.batch.close()

    def _played(self, orders: NDArray, thought: Thought | None) -> tuple[Any, ...]:
        if self.camera is None:
            return self._stepped(orders, thought)
        self.camera.before(self.batch.legal()[0])
        played = self._stepped(orders, thought)
        self.camera.after(orders[0], played[1][0])
        return played

    def _stepped(self, orders: NDArray, thought: Thought | None) -> tuple[Any, ...]:
        if thought is None:
            return self.batch.step(orders)
        if not isinstance(self.batch, DeliberatingBatch):
            raise SandboxError("This environment charges no thought; make its batch `deliberating` first.")
        return self.batch.step(orders, thought)

    def _given(self, actions: Mapping[str, Any]) -> dict[str, Any]:
        """The actions of those who take part and were told something."""
        if not hasattr(actions, "get"):
            raise SandboxError(f"actions are {shown(actions)}; give a dictionary of agents.")
        return {agent: actions[agent] for agent in self.agents if agent in actions}

    def _orders(self, actions: Mapping[str, Any]) -> NDArray:
        given = self._given(actions)
        orders = [given.get(agent, 0) for agent in self.agents]
        low, count = self.batch.lowest_action, len(self.actions)
        if not _WHOLE.issuperset(map(type, orders)) or not low <= min(orders) <= max(orders) < count:
            orders = [self._order(agent, order) for agent, order in zip(self.agents, orders, strict=True)]
        if len(orders) == len(self.possible_agents):
            return np.array([orders])
        row = np.zeros((1, len(self.possible_agents)), np.int64)
        row[0, [self._number[agent] for agent in self.agents]] = orders
        return row

    def _order(self, agent: str, action: Any) -> Any:
        low, last = self.batch.lowest_action, len(self.actions) - 1
        value = whole_number(action, low, last)
        if value is None:
            raise SandboxError(
                f"action {shown(action)} of {agent} is outside its space; "
                f"give a whole number from {low} to {last}."
            )
        return value

    def _by_agent(self, values: list) -> dict[str, Any]:
        if len(self.agents) == len(values):
            return dict(zip(self.agents, values))  # noqa: B905
        return {agent: values[self._number[agent]] for agent in self.agents}

    def _observations(self, observation: NDArray, mask: NDArray) -> dict[str, Any]:
        if not self.mask_in_obs:
            return self._by_agent(list(observation[0]))
        pairs = zip(observation[0], mask[0], strict=True)
        return self._by_agent([{"observation": seen, "action_mask": legal} for seen, legal in pairs])

    def _infos(self, info: dict[str, NDArray]) -> dict[str, dict]:
        found = []
        for numbers, mask in zip(info["terms"][0].tolist(), info["action_mask"][0], strict=True):
            row = self._blank_info.copy()  # a copy need not grow
            # not strict: the lengths agree by construction, and the check costs a tenth of a step
            row.update(zip(self.batch.terms, numbers))  # noqa: B905
            if not self.mask_in_obs:
                row["action_mask"] = mask
            found.append(row)
        if "own_reward" in info:
            for row, own in zip(found, info["own_reward"][0].tolist(), strict=True):
                row["own_reward"] = own
        return self._by_agent(found)


class Sequential(parallel_to_aec_wrapper):
    """The agent-environment-cycle form of a parallel face.

    An action is checked when its agent gives it: at the end of the cycle no one could mend it any more. After
    a `world.restore` a cycle begins anew, with what is seen then.
    """

    env: Any
    _restores = 0

    def __init__(self, parallel: Any) -> None:
        super().__init__(parallel)
        self._agents: list[str] = []
        self._selected = ""

    @property
    def agents(self) -> list[str]:
        """Who takes part now."""
        self._catch_up()
        return self._agents

    @agents.setter
    def agents(self, agents: list[str]) -> None:
        self._agents = agents

    @property
    def agent_selection(self) -> str:
        """Whose turn it is."""
        self._catch_up()
        return self._selected

    @agent_selection.setter
    def agent_selection(self, agent: str) -> None:
        self._selected = agent

    def reset(self, seed: int | None = None, options: dict | None = None) -> None:
        """Begin an episode. A reset without a seed draws on from the last one."""
        self._restores = self.env.world.restores
        super().reset(seed, options)

    def step(self, action: Any) -> None:
        """What the agent whose turn it is does; None where it has left.

        Raises SandboxError for an action outside its space; a step that is refused changes nothing.
        """
        agent = self.agent_selection
        if not (self.terminations[agent] or self.truncations[agent]):
            self.env.check(agent, action)
        elif action is not None:
            raise SandboxError(f"action {shown(action)} of {agent}, which has left; give None.")
        super().step(action)

    def _catch_up(self) -> None:
        """Begin the cycle anew if the world was restored."""
        env = self.env
        if self._restores == env.world.restores:
            return
        self._restores, self._agents = env.world.restores, env.agents[:]
        if self._agents:
            self.env = SimpleNamespace(world=env.world, agents=env.agents, reset=lambda **_: env.present())
            try:
                super().reset()
            finally:
                self.env = env


def sequential(parallel: Any, wrapped: bool = True) -> AECEnv:
    """The agent-environment-cycle form; `wrapped` adds PettingZoo's check of order."""
    raw = Sequential(parallel)
    return wrappers.OrderEnforcingWrapper(raw) if wrapped else raw
