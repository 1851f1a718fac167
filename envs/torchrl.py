"""A native TorchRL environment over the batch face. Needs the extra `torchrl`.

    from envs.torchrl import make_torchrl

    env = make_torchrl("tasking_v0", "scs01", worlds=16)
    env.rollout(100, break_when_any_done=False)

Batch size (B,): one entry a world. The satellites are the group `sat`, as TorchRL's PettingZoo wrapper and
BenchMARL have it:

| key | shape | |
| --- | --- | --- |
| `("sat", "observation")` | (B, N, F) | in [-1, 1] |
| `("sat", "action_mask")` | (B, N, A) bool | the legal actions |
| `("sat", "alive")` | (B, N) bool | who is there in the coming round |
| `("sat", "action")` | (B, N) | an illegal one is played as the no-op |
| `("sat", "reward")` | (B, N, 1) | |
| `"state"` | (B, S) | the true state, for a centralised critic; left out with `state=False` |
| `"done"`, `"terminated"`, `"truncated"` | (B, 1) | of the whole world |
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tensordict import TensorDict, TensorDictBase
from torchrl.data import Bounded, Categorical, Composite, Unbounded
from torchrl.envs import EnvBase

from envs.batch import BatchEnv
from envs.making import make
from sandbox.errors import SandboxError

__all__ = ["SandboxTorchRL", "make_torchrl"]

GROUP = "sat"


def make_torchrl(
    problem: Any,
    scenario: Any = None,
    worlds: int = 1,
    *,
    state: bool = True,
    device: Any = "cpu",
    **arguments: Any,
) -> "SandboxTorchRL":
    """A TorchRL environment of a decision problem; `arguments` are those of its batch face."""
    batch = make(problem, scenario, face="batch", worlds=worlds, autoreset=False, **arguments)
    return SandboxTorchRL(batch, state=state, device=device)


class SandboxTorchRL(EnvBase):
    """A batch of worlds, without autoreset, as a TorchRL environment; TorchRL says which begin anew."""

    def __init__(self, batch: BatchEnv, *, state: bool = True, device: Any = "cpu") -> None:
        if batch.autoreset:
            raise SandboxError("TorchRL begins episodes itself; make the batch with autoreset=False.")
        super().__init__(device=device, batch_size=torch.Size([batch.worlds]))
        self.batch, self._with_state = batch, bool(state)
        self._seed: int | None = None
        self.group_map = {GROUP: [f"{GROUP}_{n}" for n in range(batch.satellites)]}
        self._make_specs()

    def _make_specs(self) -> None:
        worlds, team = self.batch_size, (self.batch.worlds, self.batch.satellites)
        features, actions = len(self.batch.layout), len(self.batch.actions)
        kept: dict[str, Any] = {"device": self.device}

        def group(**specs: Any) -> Composite:
            return Composite({GROUP: Composite(specs, shape=team, **kept)}, shape=worlds, **kept)

        seen = group(
            observation=Bounded(-1.0, 1.0, (*team, features), dtype=torch.float32, **kept),
            action_mask=Categorical(2, (*team, actions), dtype=torch.bool, **kept),
            alive=Categorical(2, team, dtype=torch.bool, **kept),
        )
        if self._with_state:
            size = self.batch.problem.state_size
            seen["state"] = Bounded(-1.0, 1.0, (self.batch.worlds, size), dtype=torch.float32, **kept)
        self.observation_spec = seen
        self.action_spec = group(action=Categorical(actions, team, **kept))
        self.reward_spec = group(reward=Unbounded((*team, 1), dtype=torch.float32, **kept))
        flag = Categorical(2, (self.batch.worlds, 1), dtype=torch.bool, **kept)
        names = ("done", "terminated", "truncated")
        self.done_spec = Composite({name: flag.clone() for name in names}, shape=worlds, **kept)

    def _reset(self, tensordict: TensorDictBase | None = None, **kwargs: Any) -> TensorDict:
        asked = None if tensordict is None else tensordict.get("_reset", None)
        which = (
            None
            if asked is None
            else np.flatnonzero(asked.reshape(self.batch.worlds, -1).any(-1).cpu().numpy())
        )
        seed, self._seed = self._seed, None
        if which is None or len(which):
            observation, info = self.batch.reset(seed, which)
        else:
            observation, info = self.batch.present()
        ended = np.zeros(self.batch.worlds, np.bool_)
        if which is not None:
            ended = self.batch.ended()
            ended[which] = False
        return self._told(observation, info, ended & False, ended)

    def _step(self, tensordict: TensorDictBase) -> TensorDict:
        actions = tensordict.get((GROUP, "action")).cpu().numpy()
        observation, reward, terminated, truncated, info = self.batch.step(actions)
        told = self._told(observation, info, terminated[:, 0], truncated[:, 0])
        told[GROUP, "reward"] = self._tensor(reward).unsqueeze(-1)
        return told

    def _told(self, observation: NDArray, info: dict, terminated: NDArray, truncated: NDArray) -> TensorDict:
        team = (self.batch.worlds, self.batch.satellites)
        group = {
            "observation": self._tensor(observation),
            "action_mask": self._tensor(info["action_mask"].view(np.bool_)),
            "alive": self._tensor(info["alive"]),
        }
        told = {
            GROUP: TensorDict(group, batch_size=team, device=self.device),
            "terminated": self._tensor(terminated).unsqueeze(-1),
            "truncated": self._tensor(truncated).unsqueeze(-1),
            "done": self._tensor(terminated | truncated).unsqueeze(-1),
        }
        if self._with_state:
            told["state"] = self._tensor(self.batch.state())
        return TensorDict(told, batch_size=self.batch_size, device=self.device)

    def _tensor(self, array: NDArray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def _set_seed(self, seed: int | None) -> None:
        self._seed = seed

    def close(self, *, raise_if_closed: bool = True) -> None:
        """Let the worlds go."""
        self.batch.close()
        super().close(raise_if_closed=raise_if_closed)
