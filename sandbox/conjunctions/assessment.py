"""What a Conjunction Data Message comes to: probability, its maximum, and whether the model holds."""

import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta

import erfa
import numpy as np

from sandbox.conjunctions.cdm_content import utc_text
from sandbox.conjunctions.cdm_types import Cdm, CdmObject
from sandbox.conjunctions.encounter import (
    LEAST_DEFINITE,
    Array,
    in_plane,
    least_eigenvalue,
    plane_axes,
    relative_and_total,
)
from sandbox.conjunctions.limits import number_of, state_of
from sandbox.conjunctions.probability import (
    Method,
    OutsideValidity,
    collision_probability,
    dilution,
    max_probability,
)
from sandbox.conjunctions.remediation import clipped_plane
from sandbox.conjunctions.rtn import covariance_from_rtn
from sandbox.conjunctions.validity import Validity, validity_in
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import EARTH_ROTATION_RATE, MU_EARTH
from sandbox.orbits.ephemeris import make_ephemeris
from sandbox.orbits.frames import earth_rotations
from sandbox.units import accepts_quantities

__all__ = ["Assessment", "assess", "collision_probability_of", "encounter_of"]

LONGEST_SHIFT_S = 1.0
"""A TCA this far from that of the states is always refined: gravity adds 3 mm in that time."""
BENT = 0.01
"""Deviations that gravity may bend the motion by while a slow encounter's TCA is refined further."""


@dataclass(frozen=True, eq=False)
class Assessment:
    """An encounter as a message describes it.

    `tca_shift_s` is from the stated TCA to that of the states, along a straight line; `miss` (2,) and
    `covariance` (2, 2) are in the encounter plane, with the first axis along the miss, or along the axes of
    the covariance where it had to be clipped; `dilution` is above 1 where larger errors would make the
    probability smaller.
    """

    tca_shift_s: float
    relative_speed: float
    miss: Array
    covariance: Array
    hard_body_radius: float
    probability: float
    max_probability: float
    dilution: float
    validity: Validity


@accepts_quantities(hard_body_radius="m")
def collision_probability_of(
    cdm: Cdm, hard_body_radius: float | None = None, method: Method = "foster", strict: bool = False
) -> float:
    """The probability that a message's states, covariances and hard-body radius lead to.

    Refines the TCA, turns each covariance from its object's RTN frame and integrates over the encounter
    plane. `hard_body_radius` (m) replaces that of the message. Warns OutsideValidity where the encounter is
    too slow or its errors too long for that model (`validity`), and as `assess`. Raises SandboxError as
    `assess`.
    """
    found = _assessed(cdm, hard_body_radius, method, strict, stacklevel=3)
    if not found.validity.short:
        warnings.warn(
            f"{cdm.message_id}: the short-encounter probability {found.probability:.3g} is not to be trusted "
            f"(the encounter takes {float(found.validity.orbit_share):.2g} of an orbit, errors bend by "
            f"{float(found.validity.bend):.2g} deviations): use monte_carlo_probability, with encounter_of.",
            OutsideValidity,
            stacklevel=3,  # past accepts_quantities
        )
    return found.probability


@accepts_quantities(hard_body_radius="m")
def assess(
    cdm: Cdm, hard_body_radius: float | None = None, method: Method = "foster", strict: bool = False
) -> Assessment:
    """Everything about the encounter of a message.

    Only the sum of the two position covariances, seen in the encounter plane, must be positive definite. If
    it is not, its eigenvalues are clipped to (1e-4 hard-body radii)^2, as NASA CARA does, with a
    CovarianceRemediated warning; with `strict` that is an error.

    Raises SandboxError for a message that states no hard-body radius while none is given, and for states
    whose closest approach is too far from the stated TCA to be found by straight motion: by more than a
    second and also more than the encounter takes, or so far that gravity bends the motion by a hundredth of a
    deviation.
    """
    return _assessed(cdm, hard_body_radius, method, strict, stacklevel=3)


def encounter_of(cdm: Cdm) -> tuple[Array, Array, Array, Array]:
    """state1 (6,), cov1 (6, 6), state2, cov2 of a message in GCRS, m and m/s, at the TCA that it states.

    As `encounter_plane`, `encounter_validity` and `monte_carlo_probability` take them.
    """
    states = [inertial_state(each, cdm) for each in cdm.objects]
    covariances = [
        covariance_from_rtn(each.covariance, state[:3], state[3:])
        for each, state in zip(cdm.objects, states, strict=True)
    ]
    return states[0], covariances[0], states[1], covariances[1]


def _assessed(
    cdm: Cdm, hard_body_radius: float | None, method: Method, strict: bool, stacklevel: int
) -> Assessment:
    stated = cdm.hard_body_radius if hard_body_radius is None else hard_body_radius
    if stated is None:
        raise SandboxError(
            f"{cdm.message_id}: states no hard-body radius, neither in a comment 'HBR = ... [m]' nor as HBR "
            "of both objects; pass hard_body_radius."
        )
    radius = number_of("hard_body_radius", stated, 0.0)
    with np.errstate(all="ignore"):
        found = _encounter(cdm, radius, method, strict, stacklevel + 1)
        numbers = [*found.miss, *found.covariance.ravel(), found.probability, found.max_probability]
        if not np.isfinite([*numbers, *found.validity, found.tca_shift_s]).all():
            raise SandboxError(
                f"{cdm.message_id}: its states and covariances lead to no finite numbers; correct them."
            )
    return found


def _encounter(cdm: Cdm, radius: float, method: Method, strict: bool, stacklevel: int) -> Assessment:
    state1, cov1, state2, cov2 = encounter_of(cdm)
    relative, total = relative_and_total(state1, cov1, state2, cov2)
    miss, covariance = in_plane(relative, total)
    axes = plane_axes(relative)
    if (np.diagonal(covariance) < 0.0).any() or least_eigenvalue(covariance) < LEAST_DEFINITE:
        turn, variances = clipped_plane(str(cdm.message_id), covariance, radius, strict, stacklevel + 1)
        axes, miss, covariance = turn @ axes, turn @ miss, np.diag(variances)
    validity = validity_in(axes, miss, covariance, (state1, cov1), (state2, cov2), np.asarray(radius))
    speed = float(np.linalg.norm(relative[3:]))
    shift = float(-(relative[:3] @ (relative[3:] / speed)) / np.float64(speed))
    _check_shift(cdm, shift, np.linalg.norm(state1[:3]), relative, covariance, validity)
    return Assessment(
        tca_shift_s=shift,
        relative_speed=speed,
        miss=miss,
        covariance=covariance,
        hard_body_radius=radius,
        probability=float(collision_probability(miss, covariance, radius, method)),
        max_probability=float(max_probability(miss, covariance, radius)),
        dilution=float(dilution(miss, covariance, radius)),
        validity=validity,
    )


def _check_shift(
    cdm: Cdm, shift: float, height: np.floating, relative: Array, covariance: Array, validity: Validity
) -> None:
    """Whether straight motion finds the closest approach `shift` seconds from the stated TCA."""
    if abs(shift) <= LONGEST_SHIFT_S:
        return
    # gravity differs by at most 2 mu / r^3 times their separation (`approach.nearer`)
    bent = MU_EARTH / height**3 * np.linalg.norm(relative[:3]) * np.square(shift)
    least = float(np.sqrt(np.linalg.eigvalsh(covariance)[0]))
    if abs(shift) > float(validity.end_s - validity.start_s) or not bent <= BENT * least:
        raise SandboxError(
            f"{cdm.message_id}: the states are nearest {shift:.3g} s from TCA = {utc_text(cdm.tca)[:19]}; a "
            "CDM states them at the TCA: correct the one or the other, or move them by closest_approach."
        )


def inertial_state(each: CdmObject, cdm: Cdm) -> Array:
    """An object's state (6,) in GCRS, from GCRF, EME2000 (23 mas away) or ITRF."""
    states = state_of(each.designator, np.concatenate((each.position, each.velocity)))
    rotation, spin = np.eye(3), np.zeros(3)
    if each.reference_frame == "EME2000":
        rotation = erfa.bp00(2451545.0, 0.0)[0].T
    elif each.reference_frame == "ITRF":
        rotation = earth_rotations(make_ephemeris(_second_before(cdm), 2.0), 1.0).T
        spin = np.array([0.0, 0.0, EARTH_ROTATION_RATE])
    velocity = states[3:] + np.cross(spin, states[:3])
    return np.concatenate((rotation @ states[:3], rotation @ velocity))


def _second_before(cdm: Cdm) -> datetime:
    try:
        return cdm.tca - timedelta(seconds=1)
    except OverflowError:
        raise SandboxError(
            f"{cdm.message_id}: TCA = {utc_text(cdm.tca)} is before all time; correct it."
        ) from None
