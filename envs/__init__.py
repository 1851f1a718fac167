"""Decision problems over a world: PettingZoo, Gymnasium, batched and language faces.

    from envs import tasking_v0
    env = tasking_v0.parallel_env(scenario="scs01")

Importing this package registers the environments with Gymnasium ("sandbox/Tasking-v0") and, where it has a
registry, with PettingZoo ("sandbox/tasking-v0"). Compiled kernels load when the first environment is made.
"""

from importlib import import_module
from typing import Any

from envs.registry import register_all

_LAZY = {"check_env": "envs.check"}

register_all()


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'envs' has no attribute {name!r}")
