"""From the blocks of a Conjunction Data Message to its numbers, checked."""

from datetime import UTC, datetime, timedelta

import numpy as np

from sandbox.conjunctions.cdm_block import Block, Notes
from sandbox.conjunctions.cdm_checks import redundant_numbers
from sandbox.conjunctions.cdm_fields import COVARIANCE, FRAMES, GENERAL_NEEDED, OBJECT_NEEDED, STATE
from sandbox.conjunctions.cdm_types import Array, Cdm, CdmObject
from sandbox.conjunctions.cdm_values import epoch, hard_body_radius, number, states_radius
from sandbox.conjunctions.encounter import check_covariance, check_matrix, least_eigenvalue
from sandbox.conjunctions.limits import shown
from sandbox.errors import SandboxError

_OBJECT_KEYS = {"OBJECT", "OBJECT_DESIGNATOR", "OBJECT_NAME", "REF_FRAME", *STATE}
_OBJECT_KEYS |= {key for _, _, key in COVARIANCE}
_GENERAL_KEYS = {*GENERAL_NEEDED, "RELATIVE_SPEED", "COLLISION_PROBABILITY"}
ROUNDED = 1e-6
"""How negative, among correlations, an eigenvalue may be without a word: digits are rounded in a message."""


def message(blocks: list[Block], notes: Notes) -> Cdm:
    """The message that the blocks hold. Raises SandboxError as `read_cdm`, and fills `notes`."""
    general, *parts = blocks
    if not general.fields and not parts:
        raise notes.error("", "holds no field; give a CDM as KVN or XML.")
    _require(general, GENERAL_NEEDED, "", notes)
    names = [block.fields.get("OBJECT", ("",))[0] for block in parts]
    if names != ["OBJECT1", "OBJECT2"]:
        raise notes.error("", f"its objects are {shown(names)}; a CDM has OBJECT1, then OBJECT2.")
    first, second = (_object(block, name, notes) for block, name in zip(parts, names, strict=True))
    return _whole(general, parts, (first, second), notes)


def _whole(general: Block, parts: list[Block], objects: tuple[CdmObject, CdmObject], notes: Notes) -> Cdm:
    fields = general.fields
    numbers = redundant_numbers(general, objects, notes)
    position, velocity = (_vector(f"RELATIVE_{stem}", numbers) for stem in ("POSITION", "VELOCITY"))
    taken = set(_GENERAL_KEYS)
    taken |= {f"RELATIVE_POSITION_{axis}" for axis in "RTN" if position is not None}
    taken |= {f"RELATIVE_VELOCITY_{axis}" for axis in "RTN" if velocity is not None}
    probability = None
    if "COLLISION_PROBABILITY" in fields:
        probability = number(general, "COLLISION_PROBABILITY", "", notes)
        if not 0.0 <= probability <= 1.0:
            raise notes.error("", f"COLLISION_PROBABILITY is {probability:g}; it must be within 0 and 1.")
    tca = epoch(general, "TCA", notes)
    _check_window(general, tca, notes)
    return Cdm(
        message_id=fields["MESSAGE_ID"][0],
        originator=fields["ORIGINATOR"][0],
        creation_date=epoch(general, "CREATION_DATE", notes),
        tca=tca,
        miss_distance=numbers["MISS_DISTANCE"],
        objects=objects,
        relative_speed=numbers.get("RELATIVE_SPEED"),
        relative_position=position,
        relative_velocity=velocity,
        collision_probability=probability,
        hard_body_radius=hard_body_radius(general, parts, notes),
        version=fields["CCSDS_CDM_VERS"][0],
        details={key: value for key, value in fields.items() if key not in taken},
        comments=tuple(comment for comment in general.comments if not states_radius(comment)),
    )


def _vector(stem: str, numbers: dict[str, float]) -> Array | None:
    """The vector of three numbers; None if one is missing, so that the others stay among the details."""
    parts = [numbers.get(f"{stem}_{axis}") for axis in "RTN"]
    return None if None in parts else np.array(parts, float)


def _check_window(general: Block, tca: datetime, notes: Notes) -> None:
    for key, sign, word in (("START_SCREEN_PERIOD", 1, "before"), ("STOP_SCREEN_PERIOD", -1, "after")):
        if key in general.fields:
            edge = epoch(general, key, notes)
            if sign * (tca - edge) < timedelta(0):
                raise notes.error(
                    "", f"TCA is {utc_text(tca)}, {word} {key} = {utc_text(edge)}; one of the two is wrong."
                )


def _object(block: Block, name: str, notes: Notes) -> CdmObject:
    _require(block, OBJECT_NEEDED, name, notes)
    frame = block.fields["REF_FRAME"][0]
    if frame not in FRAMES:
        raise notes.error(name, f"REF_FRAME is {shown(frame)}; a CDM has {', '.join(FRAMES)}: correct it.")
    state = np.array([number(block, key, name, notes) for key in STATE]) * 1e3
    return CdmObject(
        designator=block.fields["OBJECT_DESIGNATOR"][0],
        name=block.fields["OBJECT_NAME"][0],
        reference_frame=frame,
        position=state[:3],
        velocity=state[3:],
        covariance=_covariance(block, name, notes),
        details={key: value for key, value in block.fields.items() if key not in _OBJECT_KEYS},
        comments=tuple(block.comments),
    )


def _covariance(block: Block, name: str, notes: Notes) -> Array:
    """The RTN covariance (6, 6), as stated; one that is not positive semi-definite is noted."""
    covariance = np.zeros((6, 6))
    for i, j, key in COVARIANCE:
        covariance[i, j] = covariance[j, i] = number(block, key, name, notes)
    try:
        check_matrix("the RTN covariance (CR_R to CNDOT_NDOT)", covariance)
        if notes.strict:
            check_covariance("the RTN covariance (CR_R to CNDOT_NDOT)", covariance)
            check_covariance(
                "the RTN covariance of position (CR_R to CN_N)", covariance[:3, :3], definite=True
            )
    except SandboxError as error:
        raise notes.error(name, str(error)) from None
    least = float(least_eigenvalue(covariance))
    if least < -ROUNDED:
        only = least_eigenvalue(covariance[:3, :3]) >= -ROUNDED
        position = (
            "the position block is, and all that the probability needs"
            if only
            else "nor is its position block"
        )
        notes.doubt(
            name,
            "the RTN covariance is not positive semi-definite (least eigenvalue of its correlations "
            f"{least:.2g}); {position}",
        )
    return covariance


def _require(block: Block, keys: tuple[str, ...], where: str, notes: Notes) -> None:
    for key in keys:
        if not block.fields.get(key, ("",))[0]:
            raise notes.error(where, f"{key} is missing; CCSDS 508.0-B-1 requires it: add it.")


def utc_text(when: datetime) -> str:
    """A time as a message states it, in UTC (a naive one is) to the microsecond."""
    when = when if when.tzinfo is None else when.astimezone(UTC)
    return when.replace(tzinfo=None).isoformat(timespec="microseconds")
