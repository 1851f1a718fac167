"""Who decides: heuristics, a planner that sees the truth, trained networks, and a Qwen3 on board.

    from agents import make_policy, names

    names("tasking_v0")                 # the shipped policies that understand a problem
    policy = make_policy("greedy", env)
    policy.reset(seed=0)
    actions = policy.act(observations, infos)

What `experiments train` left in a folder is a policy by the name of that folder. One of your own is a
subclass of `agents.Policy`, and works wherever a name does, as `module:Class`.
These names are imported when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import sandbox

if TYPE_CHECKING:
    from agents.policy import Policy, make_policy, policy_class, policy_names
    from agents.policy import policy_names as names

if not hasattr(sandbox, "warn_of_strangers"):
    raise ImportError(
        f"agents needs the sandbox of orbital-autonomy-sandbox and found {sandbox!r}; "
        "install orbital-autonomy-sandbox in a fresh virtual environment."
    )

_FROM_POLICY = {
    "Policy": "Policy",
    "make_policy": "make_policy",
    "names": "policy_names",
    "policy_class": "policy_class",
    "policy_names": "policy_names",
}
__all__ = ["Policy", "make_policy", "names", "policy_class", "policy_names"]


def __getattr__(name: str) -> Any:
    if name in _FROM_POLICY:
        return getattr(import_module("agents.policy"), _FROM_POLICY[name])
    raise AttributeError(f"module 'agents' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
