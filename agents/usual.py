"""Who plays a decision problem where nobody is named."""

from agents.policy import YARDSTICKS, policy_names
from envs.registry import find

_SEVERAL = ("random", "idle", "greedy", "deadline_greedy")
"""Chance, rest and the heuristics that several problems have."""
_OF_ONE = ("local", "ground", "least_loaded", "never", "threshold", "late_threshold", "thrifty")
"""Heuristics made for one problem."""
_ALONE = ("greedy", "thrifty")
"""Who plays where one is enough; where a problem has no greedy, the best of the rules that it has."""


def usual_policies(problem: str) -> list[str]:
    """Who plays a problem where nobody is named: chance, rest, the heuristics that several problems have, and
    those made for it."""
    names, own = policy_names(find(problem)), find(problem).policies
    usual = dict.fromkeys((*_SEVERAL, *_OF_ONE, *own))
    return [name for name in usual if name in names and name not in YARDSTICKS]


def usual_policy(problem: str) -> str:
    """Who plays where nobody is named and one is enough: greedy, or thrifty, or the problem's first own, or
    chance."""
    usual = usual_policies(problem)
    return next((name for name in (*_ALONE, *find(problem).policies) if name in usual), usual[0])
