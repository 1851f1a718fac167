"""PPO of RLlib's new API stack, on this machine or a cluster, with RLlib's own module for action masks.

    pip install -c constraints-rllib.txt -e ".[rllib]"      in an environment of its own
    python -m experiments train_rllib --scenario pair --steps 200_000
    python -m experiments train_rllib --address 10.0.0.1:6379 --workers 16

With `--workers 0` everything is in one process. On a cluster the same code must be installed on every node.
The seconds of the curve are those of this process.
"""

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from experiments.running.options import add
from experiments.training import trial as trials
from experiments.training.trial import Trial, masked_argmax

__all__ = ["options", "run", "train"]


def train(trial: Trial, workers: int) -> None:
    """Run PPO until the trial is over."""
    algorithm, going = _config(trial, workers).build_algo(), True
    while going:
        told = algorithm.train()["env_runners"]
        steps = int(told["num_env_steps_sampled_lifetime"]) * trial.satellites
        going = trial.watch(steps, _act(algorithm))
    algorithm.stop()


def _config(trial: Trial, workers: int) -> Any:
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.rllib.core.rl_module import MultiRLModuleSpec, RLModuleSpec
    from ray.rllib.examples.rl_modules.classes.action_masking_rlm import ActionMaskingTorchRLModule

    from envs.rllib import SandboxMultiAgentEnv

    told = {"problem": trial.problem, "scenario": trial.scenario, "max_cycles": trial.cycles}
    module = RLModuleSpec(
        module_class=ActionMaskingTorchRLModule,
        model_config={"fcnet_hiddens": [64, 64], "fcnet_activation": "tanh", "vf_share_layers": False},
    )
    return (
        PPOConfig()
        .environment(
            SandboxMultiAgentEnv,
            env_config=told | {"first_seed": trial.first_seed - trial.seed},
            disable_env_checking=True,  # it plays a round without the masks
        )
        .env_runners(
            num_env_runners=workers,
            num_envs_per_env_runner=-(-trial.worlds // max(workers, 1)),
            rollout_fragment_length="auto",
        )
        .multi_agent(policies={"sat"}, policy_mapping_fn=_policy_of)
        .rl_module(rl_module_spec=MultiRLModuleSpec(rl_module_specs={"sat": module}))
        .training(
            train_batch_size_per_learner=trial.rounds * trial.worlds,
            minibatch_size=min(256, trial.rounds * trial.worlds),
            num_epochs=4,
            lr=1e-3,
            entropy_coeff=0.01,
            grad_clip=0.5,
        )
        .debugging(seed=trial.seed, log_level="ERROR")
    )


def _policy_of(agent: Any, episode: Any, **_: Any) -> str:
    return "sat"


def _act(algorithm: Any) -> Any:
    """The likeliest legal actions by what the learner has now."""
    import torch

    def act(observation: Any, mask: Any) -> Any:
        flat = observation.reshape(-1, observation.shape[-1]), mask.reshape(-1, mask.shape[-1])
        seen = {"observations": torch.from_numpy(flat[0]), "action_mask": torch.from_numpy(flat[1]).float()}
        with torch.no_grad():
            told = algorithm.get_module("sat").forward_inference({"obs": seen})["action_dist_inputs"]
        return masked_argmax(told, flat[1]).reshape(mask.shape[:-1])

    return act


@contextmanager
def _ray(address: str | None) -> Iterator[None]:
    """Ray on this machine, or the cluster at an address."""
    import ray

    from experiments.leaderboard.pool import ray_at

    if address is not None:
        with ray_at(address):
            yield
        return
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    trials.options(parser)
    add(parser, "--workers", 0, "processes that play; 0: the one that learns", type=int, metavar="N")
    add(parser, "--address", None, "of a Ray cluster", metavar="HOST:PORT")


def run(told: Namespace) -> None:
    """Train, and leave the curve."""
    with Trial(told, "ray", "rllib", "RLlib") as trial, _ray(told.address):
        train(trial, told.workers)
