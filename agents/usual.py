"""Who plays a decision problem where nobody is named."""

from agents.policy import YARDSTICKS, policy_names
from envs.registry import find


def usual_policies(problem: str) -> list[str]:
    """Who plays a problem where nobody is named: chance, rest, the heuristics that several problems have, and
    its own."""
    names, own = policy_names(find(problem)), find(problem).policies
    usual = ("random", "idle", "greedy", "deadline_greedy")
    return [name for name in dict.fromkeys((*usual, *own)) if name in names and name not in YARDSTICKS]


def usual_policy(problem: str) -> str:
    """Who plays where nobody is named and one is enough: greedy, or the problem's first own, or chance."""
    usual = usual_policies(problem)
    return next((name for name in ("greedy", *find(problem).policies) if name in usual), usual[0])
