"""The extras of the project: which package is in which, and the command that installs one."""

EXTRAS = dict.fromkeys(("matplotlib", "mpe2", "pandas", "pyarrow", "rich", "xarray"), "experiments")
"""By package, the extra that brings it."""
EXTRAS["ray"] = "benchmark"
EXTRAS |= {"torchrl": "torchrl", "tensordict": "torchrl", "stable_baselines3": "sb3", "sb3_contrib": "sb3"}
EXTRAS |= {"tensorboard": "train", "wandb": "wandb", "mlflow": "mlflow"}
EXTRAS |= dict.fromkeys(("peft", "safetensors", "tokenizers", "torch", "transformers"), "qwen")
APART = ("agilerl", "benchmarl", "mlflow", "rllib", "tianshou")
"""Extras that want other versions than the rest does: each has a list of its own."""


def install(extra: str) -> str:
    """What installs an extra, from a copy of the project."""
    if extra in APART:
        return f"pip install -c constraints-{extra}.txt -e '.[{extra}]', in an environment of its own"
    return f"pip install -c constraints.txt -e '.[{extra}]'"
