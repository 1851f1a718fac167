"""What a Conjunction Data Message comes to: probability, its maximum, and whether the model holds."""

import warnings
from dataclasses import dataclass
from datetime import timedelta

import erfa
import numpy as np
from numpy.typing import NDArray

from sandbox.conjunctions.cdm import Cdm, CdmObject
from sandbox.conjunctions.encounter import encounter_plane
from sandbox.conjunctions.probability import (
    Method,
    OutsideValidity,
    collision_probability,
    dilution,
    max_probability,
)
from sandbox.conjunctions.rtn import covariance_from_rtn
from sandbox.conjunctions.validity import Validity, encounter_validity
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import EARTH_ROTATION_RATE
from sandbox.orbits.ephemeris import make_ephemeris
from sandbox.orbits.frames import earth_rotations

LONGEST_SHIFT_S = 1.0
"""Furthest from the stated TCA that straight motion may refine it: gravity adds 3 mm in that time."""


@dataclass(frozen=True, eq=False)
class Assessment:
    """An encounter as a message describes it.

    `tca_shift_s` is from the stated TCA to that of the states, along a straight line; `miss` (2,) and
    `covariance` (2, 2) are in the encounter plane; `dilution` is above 1 where larger errors would make the
    probability smaller.
    """

    tca_shift_s: float
    relative_speed: float
    miss: NDArray[np.float64]
    covariance: NDArray[np.float64]
    hard_body_radius: float
    probability: float
    max_probability: float
    dilution: float
    validity: Validity


def collision_probability_of(
    cdm: Cdm, hard_body_radius: float | None = None, method: Method = "foster"
) -> float:
    """The probability that a message's states, covariances and hard-body radius lead to.

    Refines the TCA, turns each covariance from its object's RTN frame and integrates over the encounter
    plane. `hard_body_radius` (m) replaces that of the message. Warns OutsideValidity where the encounter is
    too slow or its errors too long for that model (`validity`). Raises SandboxError as `assess`.
    """
    found = assess(cdm, hard_body_radius, method)
    if not found.validity.short:
        warnings.warn(
            f"{cdm.message_id}: the short-encounter probability {found.probability:.3g} is not to be trusted "
            f"(the encounter takes {float(found.validity.orbit_share):.2g} of an orbit, errors bend by "
            f"{float(found.validity.bend):.2g} deviations): use monte_carlo_probability.",
            OutsideValidity,
            stacklevel=2,
        )
    return found.probability


def assess(cdm: Cdm, hard_body_radius: float | None = None, method: Method = "foster") -> Assessment:
    """Everything about the encounter of a message.

    Raises SandboxError for a message that states no hard-body radius while none is given, and for states
    whose closest approach is not at the stated TCA, to a second.
    """
    radius = cdm.hard_body_radius if hard_body_radius is None else float(hard_body_radius)
    if radius is None:
        raise SandboxError(
            f"{cdm.message_id}: no comment 'HBR = ... [m]' states the radius; pass hard_body_radius."
        )
    first, second = (inertial_state(each, cdm) for each in cdm.objects)
    covariances = [
        covariance_from_rtn(each.covariance, state[:3], state[3:])
        for each, state in zip(cdm.objects, (first, second), strict=True)
    ]
    states = first, covariances[0], second, covariances[1]
    miss, covariance = encounter_plane(*states)
    speed = float(np.linalg.norm(second[3:] - first[3:]))
    shift = -float((second[:3] - first[:3]) @ (second[3:] - first[3:])) / speed**2
    if abs(shift) > LONGEST_SHIFT_S:
        raise SandboxError(
            f"{cdm.message_id}: the states are nearest {shift:.3g} s from TCA = {cdm.tca:%Y-%m-%dT%H:%M:%S}; "
            "a CDM states them at the TCA: correct the TCA or the states."
        )
    return Assessment(
        tca_shift_s=shift,
        relative_speed=speed,
        miss=miss,
        covariance=covariance,
        hard_body_radius=radius,
        probability=float(collision_probability(miss, covariance, radius, method)),
        max_probability=float(max_probability(miss, covariance, radius)),
        dilution=float(dilution(miss, covariance, radius)),
        validity=encounter_validity(*states, radius),
    )


def inertial_state(each: CdmObject, cdm: Cdm) -> NDArray[np.float64]:
    """An object's state (6,) in GCRS, from GCRF, EME2000 (23 mas away) or ITRF."""
    rotation, spin = np.eye(3), np.zeros(3)
    if each.reference_frame == "EME2000":
        rotation = erfa.bp00(2451545.0, 0.0)[0].T
    elif each.reference_frame == "ITRF":
        start = cdm.tca - timedelta(seconds=1)
        rotation = earth_rotations(make_ephemeris(start, 2.0), 1.0).T
        spin = np.array([0.0, 0.0, EARTH_ROTATION_RATE])
    velocity = each.velocity + np.cross(spin, each.position)
    return np.concatenate((rotation @ each.position, rotation @ velocity))
