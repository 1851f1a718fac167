"""MaskablePPO of sb3-contrib on our vector environment: a slot for every satellite of every world.

    pip install -c constraints.txt -e ".[sb3]"
    python -m experiments train_sb3 --scenario pair --steps 200_000

Stable-Baselines3's own PPO takes the same environment, and ignores the masks.
"""

from argparse import Namespace
from typing import Any

from experiments.training.trial import Trial, options

__all__ = ["options", "run", "train"]


def train(trial: Trial) -> None:
    """Roll out and learn, until the trial is over. The algorithm gives its own seed to the environment."""
    from sb3_contrib import MaskablePPO
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.logger import Logger

    from envs.sb3 import make_sb3

    env = make_sb3(trial.problem, trial.scenario, trial.worlds, max_cycles=trial.cycles)
    model = MaskablePPO(
        "MlpPolicy", env, n_steps=trial.rounds, batch_size=512, n_epochs=4, learning_rate=1e-3,
        ent_coef=0.01, seed=trial.first_seed, device="cpu",
    )  # fmt: skip
    # its own logger makes a folder among the temporary files, and leaves it there
    model.set_logger(Logger(folder=None, output_formats=[]))

    def act(observation: Any, mask: Any) -> Any:
        flat = observation.reshape(-1, trial.features), mask.reshape(-1, trial.actions)
        chosen, _ = model.predict(flat[0], action_masks=flat[1], deterministic=True)
        return chosen.reshape(mask.shape[:-1])

    class Watch(BaseCallback):
        """Is told when a rollout begins, which is when the one before has been learned from."""

        def _on_rollout_start(self) -> None:
            if self.num_timesteps:
                trial.watch(self.num_timesteps, act)

        def _on_step(self) -> bool:
            return True

        def _on_training_end(self) -> None:
            trial.watch(self.num_timesteps, act)

    model.learn(trial.steps, callback=Watch())
    env.close()


def run(told: Namespace) -> None:
    """Train, and leave the curve."""
    with Trial(told, "sb3-contrib", "sb3") as trial:
        train(trial)
