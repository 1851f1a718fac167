"""The local frame of an object: R along its position, N along its momentum, T = N x R (CCSDS 508.0)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.conjunctions.limits import LARGEST, array_of
from sandbox.errors import SandboxError
from sandbox.units import accepts_quantities

__all__ = ["covariance_from_rtn", "covariance_to_rtn", "rtn_axes"]

Array = NDArray[np.float64]


@accepts_quantities(position="m", velocity="m/s")
def rtn_axes(position: ArrayLike, velocity: ArrayLike) -> Array:
    """Rotations (..., 3, 3), rows R, T, N, from the frame of positions and velocities (..., 3) to RTN.

    Both in any unit, m and m/s or km and km/s. Raises SandboxError for other shapes, values that are not
    finite, and an object that does not go round: one without position or velocity, or whose velocity points
    straight up or down.
    """
    position, velocity = array_of("position", position), array_of("velocity", velocity)
    if position.shape[-1:] != (3,) or velocity.shape[-1:] != (3,):
        raise SandboxError(
            f"position has shape {position.shape}, velocity {velocity.shape}; give (..., 3) for both."
        )
    try:
        np.broadcast_shapes(position.shape, velocity.shape)
    except ValueError:
        raise SandboxError(
            f"position {position.shape} and velocity {velocity.shape} do not broadcast."
        ) from None
    radial, along = _unit(position), _unit(velocity)
    normal = _unit(np.cross(radial, along))
    return np.stack((np.broadcast_to(radial, normal.shape), np.cross(normal, radial), normal), axis=-2)


def _unit(vector: Array) -> Array:
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    if not (length > 0.0).all():
        raise SandboxError(
            "position and velocity span no orbital plane, so no RTN frame; give a state that goes round."
        )
    return vector / length


@accepts_quantities(covariance="m2", position="m", velocity="m/s")
def covariance_from_rtn(covariance: ArrayLike, position: ArrayLike, velocity: ArrayLike) -> Array:
    """RTN covariances (..., 6, 6) of position and velocity, or (..., 3, 3) of either, in the states' frame.

    In squares of the states' units: m2, m2/s and m2/s2 of states in m and m/s. The axes are those of the
    moment, as in CDMs: the frame's own rotation is not in the velocities. Raises SandboxError for other
    shapes, and as `rtn_axes`.
    """
    return _turned(covariance, np.swapaxes(rtn_axes(position, velocity), -1, -2))


@accepts_quantities(covariance="m2", position="m", velocity="m/s")
def covariance_to_rtn(covariance: ArrayLike, position: ArrayLike, velocity: ArrayLike) -> Array:
    """Covariances (..., 6, 6) or (..., 3, 3) in the states' frame, turned to RTN.

    In squares of the states' units. Raises as its inverse, `covariance_from_rtn`.
    """
    return _turned(covariance, rtn_axes(position, velocity))


def _turned(covariance: ArrayLike, axes: Array) -> Array:
    covariance = array_of("covariance", covariance, LARGEST**2)
    if covariance.shape[-2:] not in ((3, 3), (6, 6)):
        raise SandboxError(
            f"covariance has shape {covariance.shape}; give covariances (..., 6, 6) or (..., 3, 3)."
        )
    turn = axes
    if covariance.shape[-1] == 6:
        turn = np.zeros((*axes.shape[:-2], 6, 6))
        turn[..., :3, :3] = turn[..., 3:, 3:] = axes
    try:
        return turn @ covariance @ np.swapaxes(turn, -1, -2)
    except ValueError:
        raise SandboxError(
            f"covariance {covariance.shape} does not broadcast against states of {axes.shape[:-2]}."
        ) from None
