"""MAPPO, IPPO or QMIX of BenchMARL on our task, with masks and the true state.

    pip install -c constraints-benchmarl.txt -e ".[benchmarl]"      in an environment of its own
    python -m experiments train_benchmarl --algorithm qmix --scenario pair --steps 200_000

BenchMARL's own folder, with its configuration, is left beside the curve.
"""

from argparse import ArgumentParser, Namespace
from typing import Any

from experiments.running.options import add
from experiments.training import trial as trials
from experiments.training.trial import Trial

__all__ = ["options", "run", "train"]

ALGORITHMS = ("mappo", "ippo", "qmix")


def train(trial: Trial, algorithm: str) -> None:
    """Run an experiment of BenchMARL."""
    from benchmarl.algorithms import algorithm_config_registry
    from benchmarl.experiment import Callback, Experiment
    from benchmarl.models.mlp import MlpConfig

    from envs.benchmarl import SandboxTask

    class Watch(Callback):
        """Is told when an update is done."""

        def on_train_end(self, training_td: Any, group: str) -> None:
            trial.watch(self.experiment.total_frames * trial.satellites, _act(self.experiment.policy))

        def __reduce__(self) -> Any:  # BenchMARL pickles what it is given, and can do without this
            return Callback, ()

    task = SandboxTask(
        trial.problem, trial.scenario, first_seed=trial.first_seed - trial.seed, max_cycles=trial.cycles
    )
    Experiment(
        task=task,
        algorithm_config=algorithm_config_registry[algorithm].get_from_yaml(),
        model_config=MlpConfig.get_from_yaml(),
        seed=trial.seed,
        config=_config(trial),
        callbacks=[Watch()],
    ).run()


def _config(trial: Trial) -> Any:
    """BenchMARL's defaults, but for sizes. Its frame is a round of one world, for all satellites."""
    from benchmarl.experiment import ExperimentConfig

    config = ExperimentConfig.get_from_yaml()
    frames = trial.rounds * trial.worlds
    config.max_n_iters = -(-trial.steps // trial.iteration)
    config.max_n_frames = None
    config.on_policy_collected_frames_per_batch = config.off_policy_collected_frames_per_batch = frames
    config.on_policy_n_envs_per_worker = config.off_policy_n_envs_per_worker = trial.worlds
    config.on_policy_minibatch_size, config.on_policy_n_minibatch_iters = min(128, frames), 4
    config.off_policy_train_batch_size, config.off_policy_n_optimizer_steps = 128, 16
    config.off_policy_memory_size, config.lr = 100 * frames, 5e-4
    config.evaluation, config.evaluation_episodes, config.render = False, 1, False
    config.loggers, config.create_json, config.save_folder = [], False, str(trial.folder)
    config.checkpoint_interval, config.checkpoint_at_end = 0, False
    return config


def _act(policy: Any) -> Any:
    """The likeliest actions of a policy."""
    import torch
    from tensordict import TensorDict
    from torchrl.envs.utils import ExplorationType, set_exploration_type

    def act(observation: Any, mask: Any) -> Any:
        seen = {"observation": torch.from_numpy(observation), "action_mask": torch.from_numpy(mask)}
        told = TensorDict({"sat": TensorDict(seen, mask.shape[:2])}, mask.shape[:1])
        with torch.no_grad(), set_exploration_type(ExplorationType.DETERMINISTIC):
            return policy(told)["sat", "action"].numpy()

    return act


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    trials.options(parser)
    add(parser, "--algorithm", "mappo", "of BenchMARL", choices=ALGORITHMS)


def run(told: Namespace) -> None:
    """Train, and leave the curve."""
    with Trial(told, "benchmarl", "benchmarl", "BenchMARL") as trial:
        train(trial, told.algorithm)
