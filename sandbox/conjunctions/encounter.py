"""The encounter plane: two uncertain states seen along their relative velocity."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.conjunctions.limits import LARGEST, array_of
from sandbox.errors import SandboxError
from sandbox.units import STATE, accepts_quantities

__all__ = ["encounter_plane"]

TOLERANCE = 1e-6
"""How negative, among correlations, an eigenvalue may be for rounding in a message."""
ASYMMETRY = 1e-3
"""Largest difference, among correlations, of the two triangles of a matrix printed to some digits."""
LEAST_DEFINITE = 1e-15
"""The least eigenvalue of the correlations of a positive definite covariance."""
Array = NDArray[np.float64]


@accepts_quantities(state1=STATE, cov1="m2", state2=STATE, cov2="m2")
def encounter_plane(
    state1: ArrayLike, cov1: ArrayLike, state2: ArrayLike, cov2: ArrayLike
) -> tuple[Array, Array]:
    """Miss (..., 2) in m and combined covariance (..., 2, 2) in m2 in the plane normal to the relative
    velocity.

    States (..., 6) in m and m/s and covariances (..., 6, 6), or of position alone (..., 3, 3), in one
    inertial frame; all broadcast. The errors of the two objects are taken as independent. The first axis
    points along the miss of object 2 from object 1, so the second component is zero; only the part of the
    separation normal to the relative velocity counts, which is the miss that straight motion leads to if the
    states are not quite those of the closest approach.

    Only the sum of the two position covariances need be positive semi-definite: one may be zero.

    Raises SandboxError for shapes that do not fit, values that are not finite, a covariance that is not
    symmetric or whose sum is not positive semi-definite, and two objects of one velocity, which have no such
    plane.
    """
    relative, covariance = relative_and_total(state1, cov1, state2, cov2)
    check_covariance("cov1 + cov2", covariance)
    return in_plane(relative, covariance)


def relative_and_total(
    state1: ArrayLike, cov1: ArrayLike, state2: ArrayLike, cov2: ArrayLike
) -> tuple[Array, Array]:
    """Relative states (..., 6) and the sums (..., 3, 3) of the position covariances, checked but for sign."""
    states = _states("state1", state1), _states("state2", state2)
    parts = [
        position_covariance(name, each, semidefinite=False) for name, each in (("cov1", cov1), ("cov2", cov2))
    ]
    broadcast(
        ("state1", states[0], 1), ("state2", states[1], 1), ("cov1", parts[0], 2), ("cov2", parts[1], 2)
    )
    return states[1] - states[0], parts[0] + parts[1]


def in_plane(relative: Array, covariance: Array) -> tuple[Array, Array]:
    """Miss (..., 2) and covariance (..., 2, 2) in the encounter plane, of what `relative_and_total` gives."""
    axes = plane_axes(relative)
    miss = np.einsum("...ij,...j->...i", axes, relative[..., :3])
    return miss, axes @ covariance @ np.swapaxes(axes, -1, -2)


def plane_axes(relative: ArrayLike) -> Array:
    """The axes (..., 2, 3) of the encounter plane for relative states (..., 6), the first along the miss.

    Raises SandboxError where the relative velocity is zero.
    """
    relative = np.asarray(relative, float)
    position, velocity = relative[..., :3], relative[..., 3:]
    speed = np.linalg.norm(velocity, axis=-1, keepdims=True)
    if not (speed > 0.0).all():
        raise SandboxError(
            "The two objects have one velocity, so no encounter plane; use monte_carlo_probability."
        )
    along = velocity / speed
    across = _normal_part(position, along)
    length = np.linalg.norm(across, axis=-1, keepdims=True)
    # a head-on encounter: any direction in the plane will do, here that nearest to the least component's axis
    spare = _normal_part(np.eye(3)[np.abs(along).argmin(axis=-1)], along)
    spare /= np.linalg.norm(spare, axis=-1, keepdims=True)
    head_on = length <= 1e-12 * np.linalg.norm(position, axis=-1, keepdims=True)
    first = np.where(head_on, spare, across / np.where(head_on, 1.0, length))
    return np.stack((first, np.cross(along, first)), axis=-2)


def _normal_part(vector: Array, along: Array) -> Array:
    return vector - (vector * along).sum(axis=-1, keepdims=True) * along


def _states(name: str, states: ArrayLike) -> Array:
    states = array_of(name, states)
    if states.shape[-1:] != (6,):
        raise SandboxError(f"{name} has shape {states.shape}; give positions and velocities (..., 6).")
    return states


def position_covariance(name: str, covariance: ArrayLike, semidefinite: bool = True) -> Array:
    """The position block (..., 3, 3) of covariances (..., 6, 6) or (..., 3, 3), checked.

    Raises SandboxError with `name` unless it is finite, symmetric, without a negative variance and, if
    that is asked, positive semi-definite.
    """
    covariance = array_of(name, covariance, LARGEST**2)
    if covariance.shape[-2:] not in ((6, 6), (3, 3)):
        raise SandboxError(
            f"{name} has shape {covariance.shape}; give covariances (..., 6, 6) or (..., 3, 3)."
        )
    covariance = covariance[..., :3, :3]
    (check_covariance if semidefinite else check_matrix)(name, covariance)
    return 0.5 * (covariance + np.swapaxes(covariance, -1, -2))


def broadcast(*arrays: tuple[str, Array, int]) -> tuple[int, ...]:
    """The leading shape of arrays, each given with its name and how many axes trail. Raises SandboxError."""
    try:
        return np.broadcast_shapes(*(array.shape[: array.ndim - own] for _, array, own in arrays))
    except ValueError:
        listed = ", ".join(f"{name} {array.shape}" for name, array, _ in arrays)
        raise SandboxError(f"The leading shapes of {listed} do not broadcast; give one of each.") from None


def check_matrix(name: str, covariance: Array) -> None:
    """Raises SandboxError unless (..., n, n) are finite, symmetric and without a negative variance."""
    if not np.isfinite(covariance).all():
        raise SandboxError(f"{name} holds a value that is not finite; every entry must be a number.")
    variances = np.diagonal(covariance, axis1=-2, axis2=-1)
    if (variances < 0.0).any():
        raise SandboxError(f"{name} has the variance {variances.min():g}; variances cannot be negative.")
    correlation = _correlation(covariance)
    if not np.isfinite(correlation).all():
        raise SandboxError(f"{name} has covariances far beyond its variances; correct the one or the other.")
    if not np.allclose(correlation, np.swapaxes(correlation, -1, -2), rtol=ASYMMETRY, atol=ASYMMETRY):
        raise SandboxError(f"{name} is not symmetric; give the whole matrix, both triangles.")


def check_covariance(name: str, covariance: Array, definite: bool = False) -> None:
    """Raises SandboxError unless covariances (..., n, n) are finite, symmetric, positive semi-definite.

    With `definite` no direction may be without variance.
    """
    check_matrix(name, covariance)
    least = float(least_eigenvalue(covariance).min(initial=np.inf))
    if least < (LEAST_DEFINITE if definite else -TOLERANCE):
        kind = "positive definite" if definite else "positive semi-definite"
        raise SandboxError(
            f"{name} is not {kind} (least eigenvalue of its correlations {least:.3g}); no error distribution "
            "has it: ask for another solution of that orbit, or pass it through remediate_covariance."
        )


def least_eigenvalue(covariance: Array) -> Array:
    """The least eigenvalue (...) of the correlations of covariances (..., n, n)."""
    return np.linalg.eigvalsh(_correlation(covariance)).min(axis=-1)


def _correlation(covariance: Array) -> Array:
    """Covariances over their deviations; one without variance counts as 1."""
    variances = np.diagonal(covariance, axis1=-2, axis2=-1)
    scale = np.sqrt(np.where(variances > 0.0, variances, 1.0))
    with np.errstate(over="ignore"):
        return covariance / scale[..., :, None] / scale[..., None, :]
