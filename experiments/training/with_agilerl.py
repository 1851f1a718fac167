"""IPPO of AgileRL on the PettingZoo environment, a network for each satellite.

    pip install -c constraints-agilerl.txt -e ".[agilerl]"      in an environment of its own
    python -m experiments train_agilerl --scenario pair --steps 100_000

It learns without masks, and an illegal action is played as the no-op: AgileRL 2.58 fails at masks that are
arrays, takes them as lists in play, but does not know them in its update, which then learns nothing of use.
Where agents share a network, as those named `sat_0`, `sat_1`, ... would, that update puts rewards by time
beside observations by agent; so here they are named otherwise. It plays one world at a time.
"""

from argparse import Namespace
from collections import defaultdict
from typing import Any

from experiments.training.trial import Trial, masked_argmax, options

__all__ = ["options", "run", "train"]


def train(trial: Trial) -> None:
    """Roll out and learn, until the trial is over."""
    import numpy as np
    import torch
    from agilerl.algorithms import IPPO
    from agilerl.vector.dummy_vec_env import PzDummyVecEnv

    bare = _Apart(trial.environment())
    env: Any = PzDummyVecEnv(bare)  # type: ignore[arg-type,unused-ignore]
    names, rollout = bare.possible_agents, trial.rounds * trial.worlds
    learner = IPPO(
        observation_spaces=[bare.observation_space(name) for name in names],
        action_spaces=[bare.action_space(name) for name in names],
        agent_ids=names,
        net_config={"encoder_config": {"hidden_size": [64, 64]}, "head_config": {"hidden_size": [64]}},
        batch_size=512,
        lr=3e-4,
        learn_step=rollout,
    )

    def act(observation: Any, mask: Any) -> Any:
        with torch.no_grad():
            logits = [_logits(learner.actors[names[n]], observation[:, n]) for n in range(trial.satellites)]
        return masked_argmax(torch.stack(logits, 1), mask)

    seen, _ = env.reset(seed=trial.first_seed)
    over = {name: np.zeros(1) for name in names}
    steps, going = 0, True
    while going:
        kept: list[dict[str, list]] = [defaultdict(list) for _ in range(6)]
        for _ in range(rollout):
            actions, log_probs, _, values = learner.get_action(obs=seen)
            following, rewards, ends, cuts, _ = env.step(actions)
            paid = {name: reward * trial.scale for name, reward in rewards.items()}
            for name in names:
                row = (seen, actions, log_probs, paid, over, values)
                for column, of_all in zip(kept, row, strict=True):
                    column[name].append(of_all[name])
            over = {name: (ends[name] | cuts[name]).astype(float) for name in names}
            seen = following
        learner.learn((*kept, seen, over))
        steps += rollout * trial.satellites
        going = trial.watch(steps, act)
    env.close()


class _Apart:
    """The environment under names that AgileRL takes for agents of different kinds."""

    render_mode = None

    def __init__(self, env: Any) -> None:
        self.env, self.close = env, env.close
        self.names = {agent: f"{n}_sat" for n, agent in enumerate(env.possible_agents)}
        self.possible_agents = list(self.names.values())
        self.space = env.observation_space(env.possible_agents[0])
        self.doing = env.action_space(env.possible_agents[0])

    def observation_space(self, agent: str) -> Any:
        return self.space

    def action_space(self, agent: str) -> Any:
        return self.doing

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        return tuple(map(self._named, self.env.reset(seed=seed)))

    def step(self, actions: Any) -> Any:
        played = {agent: actions[name] for agent, name in self.names.items() if name in actions}
        return tuple(map(self._named, self.env.step(played)))

    def _named(self, told: Any) -> Any:
        return {self.names[agent]: value for agent, value in told.items()}


def _logits(network: Any, observation: Any) -> Any:
    import torch

    return network.head_net.wrapped(network.extract_features(torch.from_numpy(observation.copy())))


def run(told: Namespace) -> None:
    """Train, and leave the curve."""
    with Trial(told, "agilerl", "agilerl", "AgileRL") as trial:
        train(trial)
