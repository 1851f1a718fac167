"""Decision problems over a world: PettingZoo, Gymnasium, batched and language faces.

    import envs
    env = envs.make("tasking_v0", scenario="scs01")
    env = envs.tasking_v0.parallel_env(scenario="scs01")      # the same, PettingZoo's way

Importing this package registers the environments with Gymnasium ("sandbox/Tasking-v0") and, where it has a
registry, with PettingZoo ("sandbox/tasking-v0"). Compiled kernels load when the first environment is made.
A problem of your own is a subclass of `envs.Problem`, and works wherever a name does, as `module:Class`.
"""

from importlib import import_module
from typing import Any

import sandbox

if not hasattr(sandbox, "warn_of_strangers"):
    raise ImportError(
        f"envs needs the sandbox of orbital-autonomy-sandbox and found {sandbox!r}; "
        "install orbital-autonomy-sandbox in a fresh virtual environment."
    )

from envs.registry import names, register, register_all

_LAZY = {
    "make": "envs.making",
    "check_env": "envs.check",
    "Problem": "envs.problem",
    "Declaration": "envs.problem",
    "Block": "envs.block",
    "Action": "envs.block",
    "Feature": "envs.features",
}
_MODULES = ("tasking_v0", "offloading_v0", "avoidance_v0", "autonomy_v0", "operations_v0", "language")
__all__ = ["names", "register", *_LAZY, *_MODULES]

register_all()


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    if name in _MODULES:
        return import_module(f"envs.{name}")
    raise AttributeError(f"module 'envs' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
