"""What of a layout decides how a report is worded: several things of a kind, and numbers worth no words."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.features import Feature, Layout

__all__ = ["Bounds", "bounds_of", "kinds_in"]


def kinds_in(layout: Layout) -> dict[str, str]:
    """Of each topic that is one of several things of a kind, such as "Request 2", the kind."""
    gated = dict.fromkeys(feature.topic for feature in layout.features if feature.gate)
    found = {topic: re.sub(r" \d+$", "", topic) for topic in gated if re.search(r" \d+$", topic)}
    counts = list(found.values())
    return {topic: kind for topic, kind in found.items() if counts.count(kind) > 1}


class Bounds(NamedTuple):
    """Of every feature (F,): where there is nothing to say, and how near; beyond what there is a warning."""

    silent_at: NDArray[np.float64]
    near: NDArray[np.float64]
    warn_below: NDArray[np.float64]
    warn_above: NDArray[np.float64]


def bounds_of(features: Sequence[Feature]) -> Bounds:
    """The bounds of features, as they declare them."""

    def of(name: str, nothing: float) -> NDArray[np.float64]:
        given = [getattr(feature, name) for feature in features]
        return np.array([nothing if value is None else value for value in given], float)

    near = 1e-6 * (of("high", np.nan) - of("low", np.nan))
    return Bounds(of("silent_at", np.nan), near, of("warn_below", -np.inf), of("warn_above", np.inf))
