"""The local frame of an object: R along its position, N along its momentum, T = N x R (CCSDS 508.0)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def rtn_axes(position: ArrayLike, velocity: ArrayLike) -> NDArray[np.float64]:
    """Rotations (..., 3, 3), rows R, T, N, from the frame of positions and velocities (..., 3) to RTN."""
    position, velocity = np.asarray(position, float), np.asarray(velocity, float)
    radial = position / np.linalg.norm(position, axis=-1, keepdims=True)
    normal = np.cross(position, velocity)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    return np.stack((radial, np.cross(normal, radial), normal), axis=-2)


def covariance_from_rtn(
    covariance: ArrayLike, position: ArrayLike, velocity: ArrayLike
) -> NDArray[np.float64]:
    """RTN covariances (..., 6, 6) of position and velocity, in the frame of the states.

    The axes are those of the moment, as in CDMs: the frame's own rotation is not in the velocities.
    """
    return _turned(covariance, np.swapaxes(rtn_axes(position, velocity), -1, -2))


def covariance_to_rtn(covariance: ArrayLike, position: ArrayLike, velocity: ArrayLike) -> NDArray[np.float64]:
    """Covariances (..., 6, 6) in the frame of the states, turned to RTN."""
    return _turned(covariance, rtn_axes(position, velocity))


def _turned(covariance: ArrayLike, axes: NDArray) -> NDArray[np.float64]:
    both = np.zeros((*axes.shape[:-2], 6, 6))
    both[..., :3, :3] = both[..., 3:, 3:] = axes
    return both @ np.asarray(covariance, float) @ np.swapaxes(both, -1, -2)
