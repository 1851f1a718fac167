"""Who decides: heuristics, and a Qwen3 on board; planners and learned networks later.

from agents import make_policy
policy = make_policy("greedy", env)
policy.reset(seed=0)
actions = policy.act(observations, infos)
"""

from agents.policy import Policy, make_policy, policy_class, policy_names

__all__ = ["Policy", "make_policy", "policy_class", "policy_names"]
