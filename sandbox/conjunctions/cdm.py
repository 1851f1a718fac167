"""Conjunction Data Messages (CCSDS 508.0-B-1): read, checked and written, as KVN or XML."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import isfinite
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sandbox.conjunctions.cdm_fields import COVARIANCE, FRAMES, GENERAL_NEEDED, OBJECT_NEEDED, STATE, UNITS
from sandbox.conjunctions.cdm_text import Block, read_kvn, read_xml, write_kvn, write_xml
from sandbox.conjunctions.encounter import check_covariance
from sandbox.errors import SandboxError
from sandbox.files import replacing

Array = NDArray[np.float64]
Details = dict[str, tuple[str, str | None]]
_DAY_OF_YEAR = re.compile(r"^(\d{4})-(\d{3})T(.*)$")
_HBR = re.compile(r"^HBR\s*=\s*(\S+)\s*(?:\[(.*)\])?$")


@dataclass(frozen=True, eq=False)
class CdmObject:
    """One of the two objects at TCA.

    `position` (3,) m and `velocity` (3,) m/s are in `reference_frame`; `covariance` (6, 6) is in the object's
    own RTN frame, in m2, m2/s and m2/s2. `details` holds every other keyword as written, with its unit.
    """

    designator: str
    name: str
    reference_frame: str
    position: Array
    velocity: Array
    covariance: Array
    details: Details = field(default_factory=dict)
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Cdm:
    """A conjunction as a message states it, in SI units.

    `hard_body_radius` is the sum of the radii of the two, where a comment "HBR = 10 [m]" states one.
    `relative_position` (3,) and `relative_velocity` (3,) are of object 2 in the RTN frame of object 1.
    """

    message_id: str
    originator: str
    creation_date: datetime
    tca: datetime
    miss_distance: float
    objects: tuple[CdmObject, CdmObject]
    relative_speed: float | None = None
    relative_position: Array | None = None
    relative_velocity: Array | None = None
    collision_probability: float | None = None
    hard_body_radius: float | None = None
    version: str = "1.0"
    details: Details = field(default_factory=dict)
    comments: tuple[str, ...] = ()


def read_cdm(path: str | PathLike) -> Cdm:
    """The message in a KVN or XML file; which of the two is read off the content.

    Raises SandboxError, in one sentence with file, field, value and remedy, for a file that cannot be read, a
    field that is missing, given twice or not a number, a wrong unit, a frame that is not in the standard, a
    covariance that is not positive definite, and a TCA outside the message's screening period.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SandboxError(f"{path}: cannot be read ({reason}); give a CDM as KVN or XML.") from None
    return parse_cdm(text, path.name)


def parse_cdm(text: str, source: str = "CDM") -> Cdm:
    """The message in `text`, as `read_cdm`; errors call it `source`."""
    read = read_xml if text.lstrip().startswith("<") else read_kvn
    general, *objects = read(text.strip() + "\n", source)
    if not general.fields and not objects:
        raise SandboxError(f"{source}: holds no field; give a CDM as KVN or XML.")
    _require(general, GENERAL_NEEDED, source)
    names = [block.fields.get("OBJECT", ("",))[0] for block in objects]
    if names != ["OBJECT1", "OBJECT2"]:
        raise SandboxError(f"{source}: its objects are {names}; a CDM has OBJECT1, then OBJECT2.")
    first, second = (_object(block, f"{source}, {name}") for block, name in zip(objects, names, strict=True))
    return _message(general, (first, second), source)


def write_cdm(cdm: Cdm, path: str | PathLike) -> None:
    """Write the message to a file: XML if it is called .xml, else KVN. Nothing is left half-written.

    Raises SandboxError for a message that `read_cdm` would refuse.
    """
    with replacing(Path(path)) as draft:
        draft.write_text(
            format_cdm(cdm, "xml" if Path(path).suffix.lower() == ".xml" else "kvn"), encoding="utf-8"
        )


def format_cdm(cdm: Cdm, form: str = "kvn") -> str:
    """The text of the message, "kvn" or "xml". Raises SandboxError as `write_cdm`."""
    radius = [] if cdm.hard_body_radius is None else [f"HBR = {float(cdm.hard_body_radius)} [m]"]
    general = Block(_general_fields(cdm), [*radius, *cdm.comments])
    objects = [Block(_object_fields(each, i), list(each.comments)) for i, each in enumerate(cdm.objects, 1)]
    text = (write_xml if form == "xml" else write_kvn)(general, objects)
    parse_cdm(text, cdm.message_id)
    return text


def _message(general: Block, objects: tuple[CdmObject, CdmObject], source: str) -> Cdm:
    rest = dict(general.fields)

    def number(key: str, needed: bool = False) -> float | None:
        return _number(general, key, source) if rest.pop(key, None) or needed else None

    def vector(stem: str) -> Array | None:
        parts = [number(f"{stem}_{axis}") for axis in "RTN"]
        return None if None in parts else np.array(parts, float)

    miss_distance = number("MISS_DISTANCE", needed=True)
    assert miss_distance is not None
    cdm = Cdm(
        message_id=rest.pop("MESSAGE_ID")[0],
        originator=rest.pop("ORIGINATOR")[0],
        creation_date=_epoch(general, "CREATION_DATE", source),
        tca=_epoch(general, "TCA", source),
        miss_distance=miss_distance,
        objects=objects,
        relative_speed=number("RELATIVE_SPEED"),
        relative_position=vector("RELATIVE_POSITION"),
        relative_velocity=vector("RELATIVE_VELOCITY"),
        collision_probability=number("COLLISION_PROBABILITY"),
        hard_body_radius=_hard_body_radius(general.comments, source),
        version=rest.pop("CCSDS_CDM_VERS")[0],
        details={key: value for key, value in rest.items() if key not in ("CREATION_DATE", "TCA")},
        comments=tuple(comment for comment in general.comments if not _HBR.match(comment)),
    )
    if not 0.0 <= (cdm.collision_probability or 0.0) <= 1.0:
        raise SandboxError(
            f"{source}: COLLISION_PROBABILITY is {cdm.collision_probability}; it must be within 0 and 1."
        )
    _check_window(general, cdm.tca, source)
    return cdm


def _check_window(general: Block, tca: datetime, source: str) -> None:
    for key, sign, word in (("START_SCREEN_PERIOD", 1, "before"), ("STOP_SCREEN_PERIOD", -1, "after")):
        if key in general.fields:
            edge = _epoch(general, key, source)
            if sign * (tca - edge) < timedelta(0):
                raise SandboxError(
                    f"{source}: TCA is {_text(tca)}, {word} {key} = {_text(edge)}; one of the two is wrong."
                )


def _object(block: Block, source: str) -> CdmObject:
    _require(block, OBJECT_NEEDED, source)
    state = np.array([_number(block, key, source) for key in STATE]) * 1e3
    covariance = np.zeros((6, 6))
    for i, j, key in COVARIANCE:
        covariance[i, j] = covariance[j, i] = _number(block, key, source)
    check_covariance(f"{source}: the RTN covariance (CR_R to CNDOT_NDOT)", covariance)
    check_covariance(
        f"{source}: the RTN covariance of position (CR_R to CN_N)", covariance[:3, :3], definite=True
    )
    taken = {
        "OBJECT",
        "OBJECT_DESIGNATOR",
        "OBJECT_NAME",
        "REF_FRAME",
        *STATE,
        *(key for _, _, key in COVARIANCE),
    }
    frame = block.fields["REF_FRAME"][0]
    if frame not in FRAMES:
        raise SandboxError(f"{source}: REF_FRAME is {frame!r}; a CDM has {', '.join(FRAMES)}: correct it.")
    return CdmObject(
        designator=block.fields["OBJECT_DESIGNATOR"][0],
        name=block.fields["OBJECT_NAME"][0],
        reference_frame=frame,
        position=state[:3],
        velocity=state[3:],
        covariance=covariance,
        details={key: value for key, value in block.fields.items() if key not in taken},
        comments=tuple(block.comments),
    )


def _require(block: Block, keys: tuple[str, ...], source: str) -> None:
    for key in keys:
        if not block.fields.get(key, ("",))[0]:
            raise SandboxError(f"{source}: {key} is missing; CCSDS 508.0-B-1 requires it: add it.")


def _number(block: Block, key: str, source: str) -> float:
    text = block.fields[key][0]
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise SandboxError(f"{source}: {key} is {text!r}; it must be a finite number: correct it.")
    return value


def _epoch(block: Block, key: str, source: str) -> datetime:
    """UTC in one of the two forms of CCSDS 301.0-B: 2023-06-13T00:19:23.766 or 2023-164T00:19:23.766."""
    text = block.fields[key][0]
    try:
        if day := _DAY_OF_YEAR.match(text):
            date = datetime.strptime(f"{day[1]}-{day[2]}", "%Y-%j").date()
            text = f"{date.isoformat()}T{day[3]}"
        if "T" not in text:
            raise ValueError
        return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError:
        raise SandboxError(
            f"{source}: {key} is {text!r}; it must be a UTC time such as 2023-06-13T00:19:23.766: correct it."
        ) from None


def _hard_body_radius(comments: list[str], source: str) -> float | None:
    stated = [match for comment in comments if (match := _HBR.match(comment))]
    if not stated:
        return None
    block = Block({"HBR": (stated[0][1], None)})
    if stated[0][2] not in (None, "m"):
        raise SandboxError(f"{source}: HBR is in [{stated[0][2]}]; state it in [m].")
    radius = _number(block, "HBR", source)
    if radius <= 0.0:
        raise SandboxError(f"{source}: HBR is {radius:g} m; it must be more than 0.")
    return radius


def _general_fields(cdm: Cdm) -> Details:
    fields: dict[str, object] = {
        "CCSDS_CDM_VERS": cdm.version,
        "CREATION_DATE": _text(cdm.creation_date),
        "ORIGINATOR": cdm.originator,
        "MESSAGE_ID": cdm.message_id,
        "TCA": _text(cdm.tca),
        "MISS_DISTANCE": cdm.miss_distance,
        "RELATIVE_SPEED": cdm.relative_speed,
    }
    for stem, vector in (("POSITION", cdm.relative_position), ("VELOCITY", cdm.relative_velocity)):
        for axis, value in zip("RTN", () if vector is None else vector, strict=False):
            fields[f"RELATIVE_{stem}_{axis}"] = float(value)
    fields["COLLISION_PROBABILITY"] = cdm.collision_probability
    written = {key: (str(value), UNITS.get(key)) for key, value in fields.items() if value is not None}
    return _in_order(cdm.details | written)


def _object_fields(each: CdmObject, number: int) -> Details:
    own = {
        "OBJECT": f"OBJECT{number}",
        "OBJECT_DESIGNATOR": each.designator,
        "OBJECT_NAME": each.name,
        "REF_FRAME": each.reference_frame,
    }
    state = np.concatenate((each.position, each.velocity)) / 1e3
    numbers = {key: float(value) for key, value in zip(STATE, state, strict=True)}
    numbers |= {key: float(each.covariance[i, j]) for i, j, key in COVARIANCE}
    values = {key: (str(value), None) for key, value in own.items()} | each.details
    return _in_order(values | {key: (repr(value), None) for key, value in numbers.items()})


def _in_order(fields: Details) -> Details:
    """`fields` in the order of the standard, then those that it does not know."""
    known = [key for key in UNITS if key in fields]
    return {key: fields[key] for key in [*known, *(key for key in fields if key not in UNITS)]}


def _text(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f")
