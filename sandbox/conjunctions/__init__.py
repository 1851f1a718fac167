"""Conjunctions: a library that stands alone, of which the rest of the sandbox is one user.

It reads and writes Conjunction Data Messages, assesses them, simulates and screens:

    from sandbox.conjunctions import read_cdm, collision_probability_of
    collision_probability_of(read_cdm("message.cdm"))
    monte_carlo_probability(*encounter_of(read_cdm("slow.cdm")), hard_body_radius=10.0)

    miss, covariance = encounter_plane(state1, cov1, state2, cov2)
    collision_probability(miss, covariance, hard_body_radius=10.0)

    screen(Objects(position, velocity), Objects(position, velocity), horizon_s=86_400, threshold_m=5_000)

The public names are those of `__all__`, by what they are for:

- Messages (CCSDS 508.0-B-1, KVN and XML): `read_cdm`, `read_cdms`, `parse_cdm`, `parse_cdms`, `write_cdm`,
  `format_cdm`, `Cdm`, `CdmObject`.
- Assessment of a message: `assess`, `collision_probability_of`, `Assessment`, `encounter_of`.
- Probability: `encounter_plane`, `collision_probability` (Foster's integral, Chan's series, Alfano's sum),
  `max_probability`, `dilution`, `chan_error`; where it holds: `encounter_validity`, `Validity`.
- Monte Carlo, where it does not hold: `monte_carlo_probability`, `Simulated`.
- Covariances: `covariance_from_rtn`, `covariance_to_rtn`, `rtn_axes`, `remediate_covariance`.
- Screening, all against all: `screen`, `ENCOUNTER`, `Objects`, `CataloguedObjects`; of two objects:
  `closest_approach`, `ClosestApproach`.
- Burns that make an encounter safe, and the return: `avoidance_burn`, `return_to_slot`, `Avoidance`, `Burn`.
- Warnings: `OutsideStandard` (of a message), `OutsideValidity` (of a method), `CovarianceRemediated`.

States are GCRS, m and m/s (any one inertial frame will do where nothing is propagated). Numbers may be
astropy quantities; a state of quantities is a pair, of positions and of velocities. A mistake in a file or an
argument is one `SandboxError`; `strict=True` takes messages by the letter of the standard only.
"""

from sandbox.conjunctions.approach import ClosestApproach, closest_approach
from sandbox.conjunctions.assessment import Assessment, assess, collision_probability_of, encounter_of
from sandbox.conjunctions.burns import Avoidance, Burn, avoidance_burn, return_to_slot
from sandbox.conjunctions.cdm import format_cdm, parse_cdm, parse_cdms, read_cdm, read_cdms, write_cdm
from sandbox.conjunctions.cdm_block import OutsideStandard
from sandbox.conjunctions.cdm_types import Cdm, CdmObject
from sandbox.conjunctions.encounter import encounter_plane
from sandbox.conjunctions.montecarlo import Simulated, monte_carlo_probability
from sandbox.conjunctions.objects import CataloguedObjects, Objects
from sandbox.conjunctions.probability import (
    OutsideValidity,
    chan_error,
    collision_probability,
    dilution,
    max_probability,
)
from sandbox.conjunctions.remediation import CovarianceRemediated, remediate_covariance
from sandbox.conjunctions.rtn import covariance_from_rtn, covariance_to_rtn, rtn_axes
from sandbox.conjunctions.screening import ENCOUNTER, screen
from sandbox.conjunctions.validity import Validity, encounter_validity

__all__ = [
    "ENCOUNTER",
    "Assessment",
    "Avoidance",
    "Burn",
    "CataloguedObjects",
    "Cdm",
    "CdmObject",
    "ClosestApproach",
    "CovarianceRemediated",
    "Objects",
    "OutsideStandard",
    "OutsideValidity",
    "Simulated",
    "Validity",
    "assess",
    "avoidance_burn",
    "chan_error",
    "closest_approach",
    "collision_probability",
    "collision_probability_of",
    "covariance_from_rtn",
    "covariance_to_rtn",
    "dilution",
    "encounter_of",
    "encounter_plane",
    "encounter_validity",
    "format_cdm",
    "max_probability",
    "monte_carlo_probability",
    "parse_cdm",
    "parse_cdms",
    "read_cdm",
    "read_cdms",
    "remediate_covariance",
    "return_to_slot",
    "rtn_axes",
    "screen",
    "write_cdm",
]
