"""Conjunctions: close approaches, collision probability, Conjunction Data Messages, screening, avoidance
burns.

Usable on its own. States are GCRS (any one inertial frame will do where nothing is propagated), SI units.

    from sandbox.conjunctions import read_cdm, collision_probability_of
    collision_probability_of(read_cdm("message.cdm"))

    miss, covariance = encounter_plane(state1, cov1, state2, cov2)
    collision_probability(miss, covariance, hard_body_radius=10.0)

    screen(Objects(position, velocity), Objects(position, velocity), horizon_s=86_400, threshold_m=5_000)

| file | what lives there |
| --- | --- |
| `cdm`, `cdm_text`, `cdm_fields` | messages (CCSDS 508.0-B-1) as KVN and XML: read, checked, written |
| `assessment` | what a message comes to |
| `encounter`, `rtn` | the encounter plane; the local frame of an object |
| `probability`, `plane_integrals` | Foster's integral, Chan's series, Alfano's sum, the maximum |
| `validity`, `montecarlo` | where the short-encounter model holds, and what to do where it does not |
| `approach` | time and place of closest approach |
| `objects`, `screening` | all against all |
| `burns` | the smallest impulse that makes an encounter safe, and the return to the slot |
"""

from sandbox.conjunctions.approach import ClosestApproach, closest_approach
from sandbox.conjunctions.assessment import Assessment, assess, collision_probability_of
from sandbox.conjunctions.burns import Avoidance, Burn, avoidance_burn, return_to_slot
from sandbox.conjunctions.cdm import Cdm, CdmObject, format_cdm, parse_cdm, read_cdm, write_cdm
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
    "Objects",
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
    "encounter_plane",
    "encounter_validity",
    "format_cdm",
    "max_probability",
    "monte_carlo_probability",
    "parse_cdm",
    "read_cdm",
    "return_to_slot",
    "rtn_axes",
    "screen",
    "write_cdm",
]
