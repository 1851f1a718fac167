"""The encounter plane: two uncertain states seen along their relative velocity."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.errors import SandboxError

TOLERANCE = 1e-6
"""How negative, among correlations, an eigenvalue may be for rounding in a message."""
Array = NDArray[np.float64]


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

    Raises SandboxError for shapes that do not fit, values that are not finite, a covariance that is not
    symmetric and positive semi-definite, and two objects of one velocity, which have no such plane.
    """
    relative = _states("state2", state2) - _states("state1", state1)
    covariance = position_covariance("cov1", cov1) + position_covariance("cov2", cov2)
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
    states = np.asarray(states, float)
    if states.shape[-1:] != (6,) or not np.isfinite(states).all():
        raise SandboxError(f"{name} has shape {states.shape}; give finite positions and velocities (..., 6).")
    return states


def position_covariance(name: str, covariance: ArrayLike) -> Array:
    """The position block (..., 3, 3) of covariances (..., 6, 6) or (..., 3, 3), checked.

    Raises SandboxError with `name` unless it is finite, symmetric and positive semi-definite.
    """
    covariance = np.asarray(covariance, float)
    if covariance.shape[-2:] not in ((6, 6), (3, 3)):
        raise SandboxError(
            f"{name} has shape {covariance.shape}; give covariances (..., 6, 6) or (..., 3, 3)."
        )
    covariance = covariance[..., :3, :3]
    check_covariance(name, covariance)
    return covariance


def check_covariance(name: str, covariance: Array, definite: bool = False) -> None:
    """Raises SandboxError unless covariances (..., n, n) are finite, symmetric, positive semi-definite.

    With `definite` no direction may be without variance.
    """
    if not np.isfinite(covariance).all():
        raise SandboxError(f"{name} holds a value that is not finite; every entry must be a number.")
    variances = np.diagonal(covariance, axis1=-2, axis2=-1)
    if (variances < 0.0).any():
        raise SandboxError(f"{name} has the variance {variances.min():g}; variances cannot be negative.")
    scale = np.sqrt(np.where(variances > 0.0, variances, 1.0))
    correlation = covariance / (scale[..., :, None] * scale[..., None, :])
    if not np.allclose(correlation, np.swapaxes(correlation, -1, -2), rtol=0.0, atol=TOLERANCE):
        raise SandboxError(f"{name} is not symmetric; give the whole matrix, both triangles.")
    least = np.linalg.eigvalsh(correlation).min(initial=np.inf)
    if least < (1e-15 if definite else -TOLERANCE):
        kind = "positive definite" if definite else "positive semi-definite"
        raise SandboxError(
            f"{name} is not {kind} (least eigenvalue of its correlations {least:.3g}); "
            "no error distribution has it: ask for another solution of that orbit."
        )
