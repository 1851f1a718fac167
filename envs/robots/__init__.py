"""A robot that searches a disaster site for a victim, in MuJoCo: its physics, its reflex, its decisions.

    from envs.robots import SearchEnv

    env = SearchEnv()
    observation, info = env.reset(seed=0)
    observation, reward, terminated, truncated, info = env.step(action)

It needs the extra `robots`. These names are imported when they are first asked for.
"""

from importlib import import_module
from typing import Any

_LAZY = {"SearchEnv": "envs.robots.env", "Robot": "envs.robots.robot", "draw_site": "envs.robots.site"}
__all__ = ["Robot", "SearchEnv", "draw_site"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'envs.robots' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
