"""A BenchMARL task over our native TorchRL environment. Needs the extra `benchmarl`.

    from envs.benchmarl import SandboxTask
    from benchmarl.experiment import Experiment

    task = SandboxTask("tasking_v0", "scs01")
    Experiment(task=task, algorithm_config=..., model_config=..., seed=0, config=...).run()

It is given to an `Experiment` as an object, and needs no entry in BenchMARL's own list of tasks. Its group is
`sat`; masks are respected, and the true state is there for centralised critics and mixers.
"""

from collections.abc import Callable
from typing import Any

from benchmarl.environments.common import TaskClass
from torchrl.data import Composite
from torchrl.envs import EnvBase

from envs.torchrl import GROUP, SandboxTorchRL, make_torchrl

__all__ = ["SandboxTask"]


class SandboxTask(TaskClass):
    """A decision problem as BenchMARL wants it. `arguments` are those of the batch face.

    Worlds that BenchMARL seeds with s begin with `first_seed` + s.
    """

    def __init__(self, problem: Any, scenario: Any = None, *, first_seed: int = 0, **arguments: Any) -> None:
        kept = {"problem": problem, "scenario": scenario, "first_seed": first_seed, "arguments": arguments}
        super().__init__(str(getattr(problem, "name", problem)), kept)

    def get_env_fun(
        self, num_envs: int, continuous_actions: bool, seed: int | None, device: Any
    ) -> Callable[[], EnvBase]:
        """What makes `num_envs` worlds."""
        told = self.config
        what, more = (told["problem"], told["scenario"], num_envs), told["arguments"]

        def make() -> EnvBase:
            env = make_torchrl(*what, device=device, **more)
            if seed is not None:
                env.set_seed(told["first_seed"] + seed)
            return env

        return make

    def supports_continuous_actions(self) -> bool:
        return False

    def supports_discrete_actions(self) -> bool:
        return True

    def has_render(self, env: EnvBase) -> bool:
        return False

    def max_steps(self, env: EnvBase) -> int:
        found: Any = env
        while not isinstance(found, SandboxTorchRL):
            found = found.base_env
        return int(found.batch.max_cycles)

    def group_map(self, env: EnvBase) -> dict[str, list[str]]:
        return env.group_map

    def observation_spec(self, env: EnvBase) -> Composite:
        return _only(env, "observation")

    def action_mask_spec(self, env: EnvBase) -> Composite:
        return _only(env, "action_mask")

    def info_spec(self, env: EnvBase) -> Composite:
        return _only(env, "alive")

    def state_spec(self, env: EnvBase) -> Composite | None:
        seen = env.full_observation_spec_unbatched
        return Composite({"state": seen["state"].clone()}) if "state" in seen.keys() else None  # noqa: SIM118

    def action_spec(self, env: EnvBase) -> Composite:
        return env.full_action_spec_unbatched

    @staticmethod
    def env_name() -> str:
        return "orbital_autonomy_sandbox"


def _only(env: EnvBase, name: str) -> Composite:
    """Of the specs of what one world shows, the one of this name."""
    seen = env.full_observation_spec_unbatched.clone()
    for key in list(seen.keys()):
        if key != GROUP:
            del seen[key]
    for key in list(seen[GROUP].keys()):
        if key != name:
            del seen[GROUP][key]
    return seen
