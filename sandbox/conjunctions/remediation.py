"""Covariances that no distribution has, made such by clipping eigenvalues (Hall et al. 2017, AAS 17-567)."""

import warnings

import numpy as np
from numpy.typing import ArrayLike

from sandbox.conjunctions.encounter import TOLERANCE, Array, check_matrix, least_eigenvalue
from sandbox.conjunctions.limits import LARGEST, array_of
from sandbox.errors import SandboxError
from sandbox.units import accepts_quantities

__all__ = ["CovarianceRemediated", "remediate_covariance"]

CLIP = 1e-4
"""Least deviation in the encounter plane, in hard-body radii, that clipping leaves (as NASA CARA's tools)."""


class CovarianceRemediated(UserWarning):
    """A covariance was not positive definite and had its eigenvalues clipped; results hang on that."""


@accepts_quantities(covariance="m2", least="m2")
def remediate_covariance(covariance: ArrayLike, least: float = 0.0) -> Array:
    """Covariances (..., n, n) with every eigenvalue below `least` raised to it, in m2 as they are.

    `least` is 0 for samples to be drawn from it, and (1e-4 hard-body radii)^2 for a probability in the
    encounter plane, as Hall et al. recommend. What needs no change comes back as it was. Raises SandboxError
    for what is not square, symmetric and finite; negative variances are clipped like all else.
    """
    covariance = array_of("covariance", covariance, LARGEST**2)
    if covariance.ndim < 2 or covariance.shape[-1] != covariance.shape[-2]:
        raise SandboxError(f"covariance has shape {covariance.shape}; give (..., n, n).")
    mirrored = np.swapaxes(covariance, -1, -2)
    if not np.allclose(covariance, mirrored, rtol=1e-6, atol=1e-12 * np.abs(covariance).max(initial=0.0)):
        raise SandboxError("covariance is not symmetric; give the whole matrix, both triangles.")
    values, vectors = np.linalg.eigh(covariance)
    clipped = (vectors * np.maximum(values, least)[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    fine = values.min(axis=-1) >= least
    return np.where(np.asarray(fine)[..., None, None], covariance, clipped)


def clipped_plane(
    name: str, plane: Array, radius: float, strict: bool, stacklevel: int
) -> tuple[Array, Array]:
    """Principal axes (2, 2), in rows, and clipped variances (2,) of a covariance that is not definite.

    It is that (2, 2) of an encounter plane. Warns CovarianceRemediated; raises SandboxError if `strict`.
    """
    values, vectors = np.linalg.eigh(plane)
    fault = (
        f"{name}: the combined position covariance is not positive definite in the encounter plane "
        f"(eigenvalues {values[0]:.3g} and {values[1]:.3g} m2)"
    )
    if strict:
        raise SandboxError(f"{fault}; ask for other solutions of the orbits.")
    floor = (CLIP * radius) ** 2
    warnings.warn(
        f"{fault}; those below (1e-4 radii)^2 = {floor:.3g} m2 were clipped to it, as NASA CARA does, and "
        "the probability hangs on that.",
        CovarianceRemediated,
        stacklevel=stacklevel + 1,
    )
    return vectors.T, np.maximum(values, floor)


def semidefinite(name: str, covariance: Array, stacklevel: int) -> Array:
    """A covariance (n, n) to draw from: eigenvalues below 0 clipped, with a warning beyond rounding."""
    check_matrix(name, covariance)
    least = float(least_eigenvalue(covariance))
    if least < -TOLERANCE:
        warnings.warn(
            f"{name} is not positive semi-definite (least eigenvalue of its correlations {least:.3g}); its "
            "negative eigenvalues were clipped to 0.",
            CovarianceRemediated,
            stacklevel=stacklevel + 1,
        )
    return remediate_covariance(0.5 * (covariance + covariance.T))
