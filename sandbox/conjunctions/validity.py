"""Whether the short-encounter model of `probability` holds: straight relative motion, Gaussian errors.

Two numbers say so. `orbit_share`: the part of an orbit that the encounter takes, from Coppola's bounds (2012,
AAS 12-248) and the time in which the objects pass their own miss; relative motion is straight only for a
small part. `bend`: by how much errors along the orbit bend with it (the sagitta of one deviation along
track), in deviations of the encounter plane, times one more than the miss in deviations; position errors that
are Gaussian in orbital elements are then no longer so in x, y, z.

The limits are set by published cases whose truth is known from simulation: Alfano's twelve (2009, AAS 09-233)
and the 53 messages of NASA CARA's analysis tools (2025). Of those within both limits the model is nowhere off
by more than the 2 % that the simulations leave open; of those beyond, it is off by 4 % to 160 orders of
magnitude, but for four that happen to come out right.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.conjunctions.encounter import (
    check_covariance,
    in_plane,
    plane_axes,
    position_covariance,
    relative_and_total,
)
from sandbox.conjunctions.limits import array_of
from sandbox.conjunctions.rtn import rtn_axes
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import MU_EARTH
from sandbox.units import STATE, accepts_quantities

__all__ = ["Validity", "encounter_validity"]

TAIL = 8.305
"""Deviations that a normal number leaves with a probability of 1e-16, on either side together: sqrt(2) times
the inverse of erfc at 1e-16."""
ORBIT_SHARE_LIMIT = 0.01
BEND_LIMIT = 0.5
Array = NDArray[np.float64]


class Validity(NamedTuple):
    """What the model's validity hangs on; every field has the leading shape of the arguments."""

    start_s: Array  # from the closest approach; before it, no collision happens
    end_s: Array
    orbit_share: Array
    bend: Array

    @property
    def short(self) -> NDArray[np.bool_]:
        """Whether the short-encounter ("2-D") probability is to be trusted."""
        return (self.orbit_share <= ORBIT_SHARE_LIMIT) & (self.bend <= BEND_LIMIT)


@accepts_quantities(state1=STATE, cov1="m2", state2=STATE, cov2="m2", hard_body_radius="m")
def encounter_validity(
    state1: ArrayLike, cov1: ArrayLike, state2: ArrayLike, cov2: ArrayLike, hard_body_radius: ArrayLike
) -> Validity:
    """How far the encounter of two states keeps to the short-encounter model.

    States (..., 6) and covariances (..., 6, 6) as of `encounter_plane`, radii (...) in m as of
    `collision_probability`; raises SandboxError as they do.
    """
    radius = array_of("hard_body_radius", hard_body_radius)
    if not (radius > 0.0).all():
        raise SandboxError("hard_body_radius must hold numbers above 0, in metres.")
    relative, total = relative_and_total(state1, cov1, state2, cov2)
    check_covariance("cov1 + cov2", total)
    miss, plane = in_plane(relative, total)
    check_covariance("The covariance in the encounter plane", plane, definite=True)
    axes = plane_axes(relative)
    return validity_in(axes, miss, plane, (state1, cov1), (state2, cov2), radius)


def validity_in(
    axes: Array, miss: Array, plane: Array, object1: tuple, object2: tuple, radius: Array
) -> Validity:
    """The validity of an encounter whose plane has the axes (..., 2, 3), miss and covariance given.

    `object1` and `object2` are a state (..., 6) and a covariance each, checked but for their sign.
    """
    first, second = np.broadcast_arrays(np.asarray(object1[0], float), np.asarray(object2[0], float))
    parts = [
        position_covariance("covariance", covariance, semidefinite=False)
        for _, covariance in (object1, object2)
    ]
    relative = second - first
    speed = np.linalg.norm(relative[..., 3:], axis=-1)
    along = relative[..., None, 3:] / speed[..., None, None]
    axes = np.concatenate((along, np.broadcast_to(axes, (*along.shape[:-2], 2, 3))), axis=-2)
    whole = axes @ (parts[0] + parts[1]) @ np.swapaxes(axes, -1, -2)
    half, centre = _passing(whole, plane, miss, radius)
    distance = np.linalg.norm(miss, axis=-1) + np.maximum(np.abs(centre - half), np.abs(centre + half))
    period = 2.0 * np.pi * np.sqrt(np.linalg.norm(first[..., :3], axis=-1) ** 3 / MU_EARTH)
    bend = _bend((first, second), parts, axes[..., 1:, :], plane, miss, radius)
    return Validity((centre - half) / speed, (centre + half) / speed, distance / speed / period, bend)


def _passing(whole: Array, plane: Array, miss: Array, radius: Array) -> tuple[Array, Array]:
    """Half the stretch, and its centre (m along the relative velocity), in which a collision can happen.

    Given where an object crosses the plane, its place along the velocity is normal with the conditional mean
    and variance; the mean is largest at one edge of the disc.
    """
    slope = np.linalg.solve(plane, whole[..., 1:, :1])[..., 0]
    left = np.maximum(0.0, whole[..., 0, 0] - (slope * whole[..., 0, 1:]).sum(axis=-1))
    half = radius * np.sqrt(1.0 + (slope * slope).sum(axis=-1)) + TAIL * np.sqrt(left)
    return half, (slope * miss).sum(axis=-1)


def _bend(states, parts, plane_rows: Array, plane: Array, miss: Array, radius: Array) -> Array:
    padded = plane + 0.25 * radius[..., None, None] ** 2 * np.eye(2)
    total = np.zeros(miss.shape[:-1])
    for state, covariance in zip(states, parts, strict=True):
        local = rtn_axes(state[..., :3], state[..., 3:])
        along = np.einsum("...i,...ij,...j->...", local[..., 1, :], covariance, local[..., 1, :])
        sagitta = 0.5 * along / np.linalg.norm(state[..., :3], axis=-1)
        radial = np.einsum("...ij,...j->...i", plane_rows, local[..., 0, :])
        total = total + (sagitta * _deviations(padded, radial)) ** 2
    return np.sqrt(total) * (1.0 + _deviations(padded, miss))


def _deviations(covariance: Array, vector: Array) -> Array:
    """Length of vectors (..., 2) in deviations of covariances (..., 2, 2)."""
    solved = np.linalg.solve(covariance, vector[..., None])[..., 0]
    return np.sqrt((vector * solved).sum(axis=-1))
