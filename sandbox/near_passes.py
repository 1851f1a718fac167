"""Importance sampling of collisions: one pass of a population drawn anew, near, and what a hit then weighs.

Of passes within a distance W of an orbit the miss is spread evenly over the disc of that radius in the
encounter plane: the density of objects does not change over a few kilometres. A hit within R is then rare, (R
/ W)^2 of them. So of the n passes of a satellite in an episode one is chosen and its miss drawn anew: a share
`HIT_SHARE` evenly within R, the others out to W evenly in the logarithm of the miss, since a burn may lead
into what would have passed far off. A hit of that pass stands for n u / q collisions, u being the density
over the disc and q the one it was drawn with, and a hit of another for none: the sum of the weights is then
an unbiased estimate of the number of collisions of passes with even misses, whatever the policy does (Mecke's
formula; importance sampling as in Owen, Monte Carlo theory, methods and examples, chapter 9).
"""

from math import cos, exp, log, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

HIT_SHARE = 0.5


def draw_near(
    rng: np.random.Generator, passes: np.ndarray, radius_m: float, watch_m: float
) -> tuple[np.ndarray, NDArray[np.float64]]:
    """The passes (n,) of a satellite, records of `conjunctions.screening`, one of them anew; weights (n,)."""
    passes, weights = passes.copy(), np.zeros(len(passes))
    chosen = int(rng.integers(len(passes)))
    miss, weight = draw_miss(rng, radius_m, watch_m)
    own, other = passes["state1"][chosen], passes["state2"][chosen]
    other[:3] = own[:3] + _across(other[3:] - own[3:], miss, rng.uniform(0.0, 2.0 * pi))
    passes["distance"][chosen], weights[chosen] = miss, len(passes) * weight
    return passes, weights


def draw_miss(rng: np.random.Generator, radius_m: float, watch_m: float) -> tuple[float, float]:
    """A miss (m), and by how much it is likelier over the disc of `watch_m` than it was here."""
    spread = log(watch_m / radius_m) if watch_m > radius_m else 0.0
    share = HIT_SHARE if spread > 0.0 else 1.0
    if rng.random() < share:
        return radius_m * sqrt(rng.random()), (radius_m / watch_m) ** 2 / share
    miss = radius_m * exp(spread * rng.random())
    return miss, 2.0 * spread * (miss / watch_m) ** 2 / (1.0 - share)


def _across(relative: NDArray[np.float64], miss: float, angle: float) -> NDArray[np.float64]:
    """A vector of length `miss` in the plane across a relative velocity."""
    along = relative / np.linalg.norm(relative)
    first = np.cross(along, np.eye(3)[np.abs(along).argmin()])
    first /= np.linalg.norm(first)
    return miss * (cos(angle) * first + sin(angle) * np.cross(along, first))
