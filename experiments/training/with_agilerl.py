"""IPPO of AgileRL on the PettingZoo environment; satellites of one kind share a network.

    pip install -c constraints-agilerl.txt -e ".[agilerl]"      in an environment of its own
    python -m experiments train_agilerl --scenario pair --steps 100_000

AgileRL 2.58 plays by the masks where they are lists (an array makes its check raise an error), but its update
does not know them: it holds the probability of an action among all against that among the legal ones. It
plays one world at a time.
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

    bare = trial.environment()
    env: Any = PzDummyVecEnv(bare)
    names, rollout = bare.possible_agents, trial.rounds * trial.worlds
    learner = IPPO(
        observation_spaces=[bare.observation_space(name) for name in names],
        action_spaces=[bare.action_space(name) for name in names],
        agent_ids=names,
        net_config={"encoder_config": {"hidden_size": [64, 64]}, "head_config": {"hidden_size": [64]}},
        batch_size=256,
        lr=1e-3,
        learn_step=rollout,
    )

    def act(observation: Any, mask: Any) -> Any:
        network = learner.actors["sat"]
        flat = torch.from_numpy(observation.reshape(-1, trial.features))
        with torch.no_grad():
            logits = network.head_net.wrapped(network.extract_features(flat))
        return masked_argmax(logits.reshape(mask.shape), mask)

    seen, infos = env.reset(seed=trial.first_seed)
    over = {name: np.zeros(1) for name in names}
    steps, going = 0, True
    while going:
        kept: list[dict[str, list]] = [defaultdict(list) for _ in range(6)]
        for _ in range(rollout):
            actions, log_probs, _, values = learner.get_action(obs=seen, infos=_in_lists(infos))
            following, rewards, ends, cuts, infos = env.step(actions)
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


def _in_lists(infos: Any) -> Any:
    """What AgileRL reads of the infos, in the form in which it can."""
    return {name: {"action_mask": info["action_mask"].tolist()} for name, info in infos.items()}


def run(told: Namespace) -> None:
    """Train, and leave the curve."""
    with Trial(told, "agilerl", "agilerl", "AgileRL") as trial:
        train(trial)
