"""The minds of a search robot: rules, a small network that was trained in the site, and any Qwen3."""

from agents.robots.minds import Loudest, Mind, Nearest, make_mind, mind_names

__all__ = ["Loudest", "Mind", "Nearest", "make_mind", "mind_names"]
