"""What requests and jobs are worth to customers, and how long they can wait: drawn for a whole book."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sandbox.scenario import ServiceTier

Factors = NDArray[np.float64]


def draw_values(
    rng: np.random.Generator, between: tuple[float, float], tail: float | None, total: int
) -> Factors:
    """Values (total,) between two bounds: uniform, or with `tail` those of a bounded Pareto distribution with
    that index.

    Either way one uniform number is drawn for each; a bounded Pareto number is its quantile, L / (1 - u (1 -
    (L / H)^a))^(1 / a) (inverse of the truncated distribution function).
    """
    low, high = between
    drawn = rng.uniform(low, high, total)
    if tail is None or low == high:
        return drawn
    share = (drawn - low) / (high - low)
    return np.clip(low / (1.0 - share * (1.0 - (low / high) ** tail)) ** (1.0 / tail), low, high)


def draw_tiers(
    rng: np.random.Generator, tiers: Sequence[ServiceTier], total: int
) -> tuple[Factors | float, Factors | float]:
    """Factors (total,) of value and of time, for as many customers, each of one of the `tiers`.

    Who is of none of them has the factors 1. Without tiers nothing is drawn, and both factors are 1.
    """
    if not tiers:
        return 1.0, 1.0
    which = np.searchsorted(np.cumsum([tier.share for tier in tiers]), rng.random(total), side="right")
    value, time = (
        np.array([*(getattr(tier, name) for tier in tiers), 1.0]) for name in ("value_factor", "time_factor")
    )
    return value[which], time[which]
