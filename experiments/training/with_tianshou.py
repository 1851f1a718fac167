"""Double DQN of Tianshou's multi-agent dispatcher on the agent-environment cycle, one network for all.

    pip install -c constraints-tianshou.txt -e ".[tianshou]"      in an environment of its own
    python -m experiments train_tianshou --scenario pair --steps 100_000

Tianshou finds the masks in the observation (`mask_in_obs=True`). It sees a game in turns: what follows a
satellite's action is, to it, what the next satellite sees.
"""

from argparse import Namespace
from typing import Any

from experiments.training.trial import Trial, masked_argmax, options

__all__ = ["options", "run", "train"]

REPLAYED, BATCH, UPDATES = 100_000, 256, 64
"""Transitions kept, drawn for an update, and updates after each rollout."""


def train(trial: Trial) -> None:
    """Play and learn, until the trial is over."""
    import torch
    from tianshou.algorithm import DQN
    from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
    from tianshou.algorithm.multiagent.marl import MultiAgentOffPolicyAlgorithm
    from tianshou.algorithm.optim import AdamOptimizerFactory
    from tianshou.data import Collector, CollectStats, VectorReplayBuffer
    from tianshou.env import DummyVectorEnv
    from tianshou.env.pettingzoo_env import PettingZooEnv
    from tianshou.utils.net.common import Net
    from tianshou.utils.torch_utils import policy_within_training_step

    def world() -> Any:
        return PettingZooEnv(trial.environment(face="aec", mask_in_obs=True))

    first = world()
    space, action_space = first.observation_space["observation"], first.action_space
    network = Net(state_shape=space.shape, action_shape=action_space.n, hidden_sizes=[64, 64])
    policy = DiscreteQLearningPolicy(model=network, action_space=action_space, observation_space=space)
    own = DQN(policy=policy, optim=AdamOptimizerFactory(lr=1e-3), gamma=0.99, target_update_freq=200)
    whole = MultiAgentOffPolicyAlgorithm(algorithms=[own] * trial.satellites, env=first)
    worlds = DummyVectorEnv([world for _ in range(trial.worlds)])
    worlds.seed([trial.first_seed + b for b in range(trial.worlds)])
    replay = VectorReplayBuffer(REPLAYED, trial.worlds)
    collector: Any = Collector[CollectStats](whole, worlds, replay, exploration_noise=True)
    collector.reset()

    def act(observation: Any, mask: Any) -> Any:
        flat = observation.reshape(-1, trial.features), mask.reshape(-1, trial.actions)
        with torch.no_grad():
            return masked_argmax(network(flat[0])[0], flat[1]).reshape(mask.shape[:-1])

    steps, going = 0, True
    while going:
        told = max(1.0 - 2.0 * steps / trial.steps, 0.05)
        policy.set_eps_training(told)
        policy.set_eps_inference(told)  # the dispatcher does not tell its policies that they are in training
        with policy_within_training_step(whole.policy):
            steps += int(collector.collect(n_step=trial.iteration).n_collected_steps)
            for _ in range(UPDATES):
                whole.update(buffer=replay, sample_size=BATCH)
        going = trial.watch(steps, act)
    worlds.close()


def run(told: Namespace) -> None:
    """Train, and leave the curve."""
    with Trial(told, "tianshou", "tianshou", "Tianshou") as trial:
        train(trial)
