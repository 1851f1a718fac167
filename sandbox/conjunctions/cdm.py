"""Conjunction Data Messages (CCSDS 508.0-B-1): read, checked and written, as KVN or XML."""

import codecs
import re
from os import PathLike
from pathlib import Path

import numpy as np

from sandbox.conjunctions.cdm_block import Block, Notes
from sandbox.conjunctions.cdm_content import message, utc_text
from sandbox.conjunctions.cdm_fields import COVARIANCE, STATE, UNITS
from sandbox.conjunctions.cdm_kvn import read_kvn, write_kvn
from sandbox.conjunctions.cdm_types import Cdm, CdmObject, Details
from sandbox.conjunctions.cdm_xml import read_xml, write_xml
from sandbox.errors import SandboxError, unknown_name
from sandbox.files import replacing

__all__ = ["format_cdm", "parse_cdm", "parse_cdms", "read_cdm", "read_cdms", "write_cdm"]

WRITERS = {"kvn": write_kvn, "xml": write_xml}
LONGEST = 100_000_000
"""Bytes of the longest file that is read: ten thousand messages."""
_DECLARED = re.compile(rb"\s*<\?xml[^>]*?\bencoding\s*=\s*[\"']([A-Za-z0-9._-]+)")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_cdm(path: str | PathLike, strict: bool = False) -> Cdm:
    """The message in a KVN or XML file; which of the two is read off the content.

    Read as they are in use: a missing unit is the standard's and a blank field is absent. Miss distance and
    relative motion, which the states give again, may have a wrong unit: the states tell what they are. A
    covariance need not be positive semi-definite (`assess` says what it needs). Whatever of this could matter
    is said in one OutsideStandard warning, as is a miss or relative motion that contradicts the states. With
    `strict` it is an error, as everything that departs from CCSDS 508.0-B-1.

    Raises SandboxError, in one sentence with file, field, value and remedy, for a file that cannot be read or
    holds several messages (`read_cdms`), a field that is missing, given twice, not a number or beyond 1e30, a
    wrong unit of a state, covariance, probability or radius, a frame that is not in the standard, a negative
    variance, and a TCA outside the message's screening period.
    """
    return _one(*_file(path), strict)


def read_cdms(path: str | PathLike, strict: bool = False) -> list[Cdm]:
    """All messages of a file: an XML of several (CCSDS 505.0-B, <ndm>) or KVN messages one after another.

    As `read_cdm`; a file of one message is a list of one.
    """
    return _all(*_file(path), strict)


def parse_cdm(text: str, source: str = "CDM", strict: bool = False) -> Cdm:
    """The message in `text`, as `read_cdm`; errors and warnings call it `source`."""
    return _one(text, source, strict)


def parse_cdms(text: str, source: str = "CDM", strict: bool = False) -> list[Cdm]:
    """All messages in `text`, as `read_cdms`; errors and warnings call it `source`."""
    return _all(text, source, strict)


def write_cdm(cdm: Cdm, path: str | PathLike, strict: bool = False) -> None:
    """Write the message to a file: XML if it is called .xml, else KVN. Nothing is left half-written.

    Raises SandboxError for a message that `read_cdm` would refuse, with `strict` or without.
    """
    with replacing(Path(path)) as draft:
        form = "xml" if Path(path).suffix.lower() == ".xml" else "kvn"
        draft.write_text(format_cdm(cdm, form, strict), encoding="utf-8")


def format_cdm(cdm: Cdm, form: str = "kvn", strict: bool = False) -> str:
    """The text of the message, "kvn" or "xml". Raises SandboxError as `write_cdm`."""
    if form not in WRITERS:
        raise unknown_name("form", form, WRITERS)
    radius = [] if cdm.hard_body_radius is None else [f"HBR = {float(cdm.hard_body_radius)} [m]"]
    general = Block(_general_fields(cdm), [*radius, *cdm.comments])
    objects = [Block(_object_fields(each, i), list(each.comments)) for i, each in enumerate(cdm.objects, 1)]
    notes = Notes(str(cdm.message_id), strict)
    for block in (general, *objects):
        _check_lines(block, notes)
    text = WRITERS[form](general, objects)
    message(_blocks(text, notes)[0], notes)
    return text


def _file(path: str | PathLike) -> tuple[str, str]:
    """The text of a file and what errors call it."""
    try:
        with open(path, "rb") as file:
            data = file.read(LONGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it has no such name"
        raise SandboxError(f"{path}: cannot be read ({reason}); give a CDM as KVN or XML.") from None
    if len(data) > LONGEST:
        raise SandboxError(f"{path}: cannot be read (it is longer than {LONGEST:,} bytes); split the file.")
    declared = _DECLARED.match(data[:1000])
    encoding = declared[1].decode() if declared else "utf-8"
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), encoding)
    try:
        return data.decode(encoding), Path(path).name
    except (LookupError, UnicodeError):
        raise SandboxError(
            f"{path}: cannot be read (it is not text in {encoding}); save a CDM, KVN or XML, as UTF-8."
        ) from None


def _blocks(text: str, notes: Notes) -> list[list[Block]]:
    """The blocks of each message in a text."""
    read = read_xml if text.lstrip("\ufeff \t\r\n").startswith("<") else read_kvn
    return read(text.strip("\ufeff \t\r\n") + "\n", notes)


def _one(text: str, source: str, strict: bool) -> Cdm:
    notes = Notes(source, strict)
    found = _blocks(text, notes)
    if len(found) > 1:
        raise notes.error(
            "", f"holds {len(found)} messages; read_cdms (parse_cdms of a text) reads them all."
        )
    cdm = message(found[0], notes)
    notes.warn(stacklevel=3)
    return cdm


def _all(text: str, source: str, strict: bool) -> list[Cdm]:
    whole = Notes(source, strict)
    found = _blocks(text, whole)
    cdms = []
    for i, blocks in enumerate(found, 1):
        notes = Notes(source if len(found) == 1 else f"{source}, message {i}", strict)
        cdms.append(message(blocks, notes))
        notes.warn(stacklevel=3)
    whole.warn(stacklevel=3)
    return cdms


def _general_fields(cdm: Cdm) -> Details:
    fields: dict[str, object] = {
        "CCSDS_CDM_VERS": cdm.version,
        "CREATION_DATE": utc_text(cdm.creation_date),
        "ORIGINATOR": cdm.originator,
        "MESSAGE_ID": cdm.message_id,
        "TCA": utc_text(cdm.tca),
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
    return _in_order(values | {key: (repr(value), UNITS[key]) for key, value in numbers.items()})


def _in_order(fields: Details) -> Details:
    """`fields` in the order of the standard, then those that it does not know."""
    known = [key for key in UNITS if key in fields]
    return {key: fields[key] for key in [*known, *(key for key in fields if key not in UNITS)]}


def _check_lines(block: Block, notes: Notes) -> None:
    """A value or comment of several lines would be read as fields of its own."""
    pairs = [("COMMENT", comment) for comment in block.comments]
    pairs += [(key, value) for key, (value, _) in block.fields.items()]
    for key, value in pairs:
        if len(value.splitlines()) > 1 or not value.isprintable():
            raise notes.error("", f"{key} holds a line break or control sign; write it in one line.")
