"""IPPO of skrl on the PettingZoo environment, one network for all satellites.

    pip install -c constraints.txt -e ".[skrl]"
    python -m experiments train_skrl --scenario pair --steps 200_000

skrl knows no masks. But its networks are ours to write: they find the mask in the observation
(`mask_in_obs=True`), and give illegal actions no probability. It plays one world at a time.
"""

from argparse import Namespace
from typing import Any

from experiments.training.trial import Trial, masked_argmax, options

__all__ = ["options", "run", "train"]

NEVER = -1e9
"""The logit of an illegal action."""


def train(trial: Trial) -> None:
    """Roll out and learn, until the trial is over."""
    import skrl
    from skrl.envs.wrappers.torch import wrap_env
    from skrl.memories.torch import RandomMemory
    from skrl.multi_agents.torch.ippo import IPPO
    from skrl.trainers.torch import SequentialTrainer

    class Watched(IPPO):
        """Tells of every update."""

        def post_interaction(self, *, timestep: int, timesteps: int) -> None:
            super().post_interaction(timestep=timestep, timesteps=timesteps)
            if self._rollout % self.cfg.rollouts == 0:
                trial.watch(self._rollout * trial.satellites, act)

    skrl.config.torch.key = trial.first_seed  # skrl resets with it once, and draws on from there
    env = wrap_env(trial.environment(mask_in_obs=True), wrapper="pettingzoo")
    agents, rollout = env.possible_agents, trial.rounds * trial.worlds
    policy, value = _models(env, trial)
    agent = Watched(
        possible_agents=agents,
        models={name: {"policy": policy, "value": value} for name in agents},
        memories={name: RandomMemory(memory_size=rollout) for name in agents},
        observation_spaces=env.observation_spaces,
        state_spaces=env.state_spaces,
        action_spaces=env.action_spaces,
        cfg=_configuration(agents, rollout, trial.scale),
    )

    def act(observation: Any, mask: Any) -> Any:
        import torch

        with torch.no_grad():
            return masked_argmax(policy.net(torch.from_numpy(observation)), mask)

    rounds = -(-trial.steps // trial.iteration) * rollout
    quiet = {"headless": True, "disable_progressbar": True, "close_environment_at_exit": False}
    SequentialTrainer(env=env, agents=agent, cfg={"timesteps": rounds, **quiet}).train()
    env.close()


def _configuration(agents: list[str], rollout: int, scale: float) -> dict[str, Any]:
    nothing: dict[str, dict] = {agent: {} for agent in agents}  # skrl's own default does not name the agents
    names = [f"{what}_preprocessor" for what in ("observation", "state", "value")]
    return {
        "rollouts": rollout, "learning_epochs": 4, "mini_batches": max(rollout // 256, 1),
        "learning_rate": 1e-3, "entropy_loss_scale": 0.01, "time_limit_bootstrap": True,
        "rewards_shaper": lambda rewards, *_: rewards * scale,
        "experiment": {"write_interval": 0, "checkpoint_interval": 0},
        **{f"{name}_kwargs": nothing for name in (*names, "learning_rate_scheduler")},
    }  # fmt: skip


def _models(env: Any, trial: Trial) -> tuple[Any, Any]:
    """A policy that reads the mask, and what estimates values."""
    from skrl.models.torch import CategoricalMixin, DeterministicMixin, Model
    from skrl.utils.spaces.torch import unflatten_tensorized_space
    from torch import nn

    agent = env.possible_agents[0]
    space, actions = env.observation_spaces[agent], env.action_spaces[agent]

    class Net(Model):
        def __init__(self, outputs: int) -> None:
            Model.__init__(self, observation_space=space, action_space=actions)
            self.net = nn.Sequential(
                nn.Linear(trial.features, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs)
            )

        def compute(self, inputs: Any, role: str = "") -> tuple[Any, dict]:
            seen = unflatten_tensorized_space(space, inputs["observations"])
            told = self.net(seen["observation"])
            return (told.masked_fill(seen["action_mask"] == 0, NEVER) if role == "policy" else told), {}

    class Policy(CategoricalMixin, Net):
        def __init__(self) -> None:
            Net.__init__(self, trial.actions)
            CategoricalMixin.__init__(self)

    class Value(DeterministicMixin, Net):
        def __init__(self) -> None:
            Net.__init__(self, 1)
            DeterministicMixin.__init__(self)

    return Policy(), Value()


def run(told: Namespace) -> None:
    """Train, and leave the curve."""
    with Trial(told, "skrl", "skrl") as trial:
        train(trial)
