"""Who decides: heuristics now; planners, learned networks and Qwen3 later.

from agents import make_policy
policy = make_policy("greedy", env)
policy.reset(seed=0)
actions = policy.act(observations, infos)
"""

from agents.policy import Policy, make_policy, policy_names

__all__ = ["Policy", "make_policy", "policy_names"]
