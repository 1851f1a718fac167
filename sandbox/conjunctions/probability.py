"""Collision probability in the encounter plane: Foster's integral, Chan's series, Alfano's sum, the maximum.

The short-encounter ("2-D") model: straight relative motion while the objects are near, errors that do not
change meanwhile, certain velocities. `validity` says where that holds.

Relative error against Foster's integral, here good to 12 digits
(tests/sandbox/conjunctions/test_probability.py):

| method | error | time of one |
| --- | --- | --- |
| `foster` | the reference | 5 us |
| `alfano` | 6e-6 as a rule, below 1e-3 everywhere | 2 us |
| `chan` | below 1 % where `chan_error` is; without bound at elongated covariances and large radii | 0.5 us |
"""

import warnings
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.conjunctions.encounter import check_covariance
from sandbox.conjunctions.limits import LARGEST, array_of
from sandbox.conjunctions.plane_integrals import ALFANO, CHAN, FOSTER, maximum_all, probability_all
from sandbox.errors import SandboxError, unknown_name
from sandbox.units import accepts_quantities

__all__ = ["OutsideValidity", "chan_error", "collision_probability", "dilution", "max_probability"]

Method = Literal["foster", "chan", "alfano"]
METHODS = {"foster": FOSTER, "chan": CHAN, "alfano": ALFANO}
SMALLEST = 1e-30
"""Least radius and deviation, in metres; what is smaller can only be a slip."""
CHAN_LIMIT = 0.01
"""Largest `chan_error` at which Chan's series is used without a warning."""
Array = NDArray[np.float64]


class OutsideValidity(UserWarning):
    """A number was asked of a method outside the domain in which it is right."""


@accepts_quantities(miss="m", covariance="m2", hard_body_radius="m")
def collision_probability(
    miss: ArrayLike, covariance: ArrayLike, hard_body_radius: ArrayLike, method: Method = "foster"
) -> Array | np.float64:
    """Probability that two objects come closer than `hard_body_radius` (m), the sum of their radii.

    miss (..., 2) in m and covariance (..., 2, 2) in m2 are those of `encounter_plane`; all three broadcast.
    Returns an array of the leading shape, or a number. Warns OutsideValidity where Chan's series is used
    beyond `CHAN_LIMIT`. Raises SandboxError for an unknown method, shapes that do not fit, a radius that is
    not positive and a covariance that is not positive definite.
    """
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    shape, miss, sigma, radius = _principal(miss, covariance, hard_body_radius)
    if method == "chan":
        _warn_of_chan(_chan_error(miss, sigma, radius))
    out = np.empty(len(radius))
    probability_all(METHODS[method], miss, sigma, radius, out)
    return out.reshape(shape)[()]


@accepts_quantities(miss="m", covariance="m2", hard_body_radius="m")
def max_probability(
    miss: ArrayLike, covariance: ArrayLike, hard_body_radius: ArrayLike
) -> Array | np.float64:
    """The largest probability that any scaling of the covariance gives (Alfano 2005, AAS 05-308).

    Arguments as `collision_probability`. Where the covariance is larger than at the maximum
    (`dilution` above 1), a small probability only says that too little is known; this is then what to act on.
    A miss within the hard-body radius has the maximum 1.
    """
    return _maximum(miss, covariance, hard_body_radius)[0]


@accepts_quantities(miss="m", covariance="m2", hard_body_radius="m")
def dilution(miss: ArrayLike, covariance: ArrayLike, hard_body_radius: ArrayLike) -> Array | np.float64:
    """Standard deviations over those at which the probability is largest: above 1 it is diluted.

    Shapes and units as in `collision_probability`: a number (...) for each encounter.
    Infinite for a miss within the hard-body radius: the less is known, the smaller the probability.
    """
    scale = _maximum(miss, covariance, hard_body_radius)[1]
    with np.errstate(divide="ignore"):
        return np.divide(1.0, scale)[()]


@accepts_quantities(miss="m", covariance="m2", hard_body_radius="m")
def chan_error(miss: ArrayLike, covariance: ArrayLike, hard_body_radius: ArrayLike) -> Array | np.float64:
    """Bound on the relative error of Chan's series for radii below the deviations.

    It puts an ellipse in the place of the disc. To second order in the radius r, the two integrals differ by
    r^2/8 [(1 - p) (a^2 - 1) / s^2 + (1 - 1/p) (b^2 - 1) / q^2], with deviations s and q along the principal
    axes, p = s / q, and a, b the miss in deviations. Here the terms are summed without their signs.
    """
    shape, miss, sigma, radius = _principal(miss, covariance, hard_body_radius)
    return _chan_error(miss, sigma, radius).reshape(shape)[()]


def _chan_error(miss: Array, sigma: Array, radius: Array) -> Array:
    ratio = sigma / sigma[:, ::-1]
    with np.errstate(over="ignore"):
        parts = np.abs(1.0 - ratio) * ((miss / sigma) ** 2 + 1.0) * (radius[:, None] / sigma) ** 2
    return parts.sum(axis=-1) / 8.0


def _warn_of_chan(error: Array) -> None:
    bad = np.count_nonzero(error > CHAN_LIMIT)
    if bad:
        warnings.warn(
            f"Chan's series is not good to {CHAN_LIMIT:.0%} for {bad} of {len(error)} cases (error bound "
            f"{error.max():.2g}): too elongated a covariance or too large a radius; use method='foster'.",
            OutsideValidity,
            stacklevel=4,  # past accepts_quantities
        )


def _maximum(miss: ArrayLike, covariance: ArrayLike, hard_body_radius: ArrayLike) -> tuple:
    shape, miss, sigma, radius = _principal(miss, covariance, hard_body_radius)
    probability, scale = np.empty(len(radius)), np.empty(len(radius))
    maximum_all(miss, sigma, radius, probability, scale)
    return probability.reshape(shape)[()], scale.reshape(shape)[()]


def _principal(
    miss: ArrayLike, covariance: ArrayLike, radius: ArrayLike
) -> tuple[tuple, Array, Array, Array]:
    """The leading shape; miss and deviations (n, 2) along the principal axes; radii (n,)."""
    miss, radius = array_of("miss", miss), array_of("hard_body_radius", radius)
    covariance = array_of("covariance", covariance, LARGEST**2)
    if miss.shape[-1:] != (2,) or covariance.shape[-2:] != (2, 2):
        raise SandboxError(
            f"miss has shape {miss.shape}, covariance {covariance.shape}; give (..., 2) and (..., 2, 2)."
        )
    try:
        shape = np.broadcast_shapes(miss.shape[:-1], covariance.shape[:-2], radius.shape)
    except ValueError:
        raise SandboxError(
            f"miss {miss.shape}, covariance {covariance.shape} and hard_body_radius {radius.shape} "
            "do not broadcast against each other."
        ) from None
    if not (radius >= SMALLEST).all():
        raise SandboxError(
            f"hard_body_radius must hold numbers above 0, in metres (of {SMALLEST:g} at least)."
        )
    check_covariance("covariance", covariance, definite=True)
    variances, axes = np.linalg.eigh(covariance)
    if not (variances >= SMALLEST**2).all():
        raise SandboxError(
            f"covariance has deviations below {SMALLEST:g} m; give what the orbits are known to."
        )
    turned = np.einsum("...ji,...j->...i", axes, np.broadcast_to(miss, (*shape, 2)))
    sigma = np.broadcast_to(np.sqrt(variances), (*shape, 2))
    flat = np.ascontiguousarray(np.broadcast_to(radius, shape).reshape(-1))
    return shape, turned.reshape(-1, 2), np.ascontiguousarray(sigma.reshape(-1, 2)), flat
