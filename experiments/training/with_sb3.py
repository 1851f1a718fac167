"""MaskablePPO of sb3-contrib on our vector environment: a slot for every satellite of every world.

    pip install -e ".[sb3]"
    python -m experiments train_sb3 --iterations 20

Stable-Baselines3's own PPO takes the same environment, and ignores the masks.
"""

from typing import Any

from experiments.training.splits import FIRST_TRAINING_SEED
from experiments.training.with_torchrl import options, show

__all__ = ["options", "run", "train"]


def train(
    problem: str = "tasking_v0", scenario: Any = "pair", worlds: int = 8, rounds: int = 64,
    iterations: int = 20, seed: int = 0, max_cycles: int | None = 120,
) -> list[dict[str, float]]:  # fmt: skip
    """Some iterations; of each, the mean reward of a satellite in a round."""
    from sb3_contrib import MaskablePPO
    from stable_baselines3.common.callbacks import BaseCallback

    from envs.sb3 import make_sb3

    told: list[dict[str, float]] = []

    class Keep(BaseCallback):
        def _on_step(self) -> bool:
            return True

        def _on_rollout_end(self) -> None:
            told.append({"iteration": len(told), "reward": float(self.model.rollout_buffer.rewards.mean())})

    env = make_sb3(problem, scenario, worlds, max_cycles=max_cycles)
    env.seed(FIRST_TRAINING_SEED + seed)
    model = MaskablePPO(
        "MlpPolicy", env, n_steps=rounds, batch_size=512, n_epochs=3, learning_rate=1e-3, seed=seed
    )
    model.learn(iterations * rounds * env.num_envs, callback=Keep())
    env.close()
    return told


def run(told: Any) -> None:
    """Train, print what was earned."""
    show(train(told.problem, told.scenario, told.worlds, iterations=told.iterations, seed=told.seed), told,
         "Stable-Baselines3 training")  # fmt: skip
