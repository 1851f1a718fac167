"""Numbers of whole plans, varied: steps of a random search on a logarithmic scale."""

import numpy as np

from agents.planner.search import ALL, Edit, Plan

STEP = 0.35
"""Deviation of the logarithm by which a number is varied."""
MOST_VARIED = 4
"""Numbers that are varied at once."""


def varied(rng: np.random.Generator, name: str, plan: Plan, n: int, first: int | None = None) -> list[Edit]:
    """Some numbers of a part (N, P) of the plan, for satellite n or for all, a little different; with `first`
    only some of so many first ones."""
    who, count = slice(None) if n == ALL else n, first or plan[name].shape[1]
    some = rng.choice(count, int(rng.integers(1, min(MOST_VARIED, count) + 1)), replace=False)
    factors = np.exp(rng.normal(0.0, STEP, len(some))).astype(np.float32)
    return [(name, (who, int(p)), plan[name][who, p] * f) for p, f in zip(some, factors, strict=True)]
