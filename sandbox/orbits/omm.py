"""Orbit Mean-Elements Messages in the four forms that CelesTrak and Space-Track serve: JSON, CSV, XML, KVN.

Each reader gives the place and the fields of one message after the other; what is none goes to the sieve.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping

from sandbox.errors import SandboxError
from sandbox.orbits.catalogue_text import MOST_SETS
from sandbox.orbits.element_sets import plain_name, shown
from sandbox.orbits.sieve import Sieve, too_many

Fields = Mapping[str, object]
Messages = Iterator[tuple[str, Fields]]

_AGAIN = "fetch the file again"
_MOST_TAGS = 40 * MOST_SETS
_TAGS_A_SEGMENT = 500
_MOST_COMMAS = 50 * MOST_SETS


def message_name(fields: Fields) -> str:
    """What a message calls its object, as far as it does: name or number."""
    return plain_name(fields.get("OBJECT_NAME")) or plain_name(fields.get("NORAD_CAT_ID"))


def read_json(text: str, sieve: Sieve) -> Messages:
    """The messages of a JSON text: a list of objects, or one object."""
    source = sieve.source
    if text.count("{") + text.count("[") > 2 * MOST_SETS or text.count(",") > _MOST_COMMAS:
        raise too_many(source)
    try:
        found = json.loads(text, parse_int=_whole_number)
    except json.JSONDecodeError as error:
        raise SandboxError(f"{source}, line {error.lineno}: not JSON ({error.msg}); {_AGAIN}.") from None
    except (RecursionError, MemoryError):
        raise SandboxError(f"{source}: not OMM as JSON (it is nested too deeply); {_AGAIN}.") from None
    for i, message in enumerate(found if isinstance(found, list) else [found], 1):
        where = f"{source}, object {i}"
        if isinstance(message, dict):
            yield where, message
        else:
            sieve.leave_out(
                SandboxError(f"{where}: {shown(message)} stands where an OMM object should; {_AGAIN}.")
            )


def _whole_number(digits: str) -> int | float:
    """Python refuses to read thousands of digits; such a number is out of every range anyway."""
    return int(digits) if len(digits) < 40 else float(digits)


def csv_header(text: str) -> tuple[int, str] | None:
    """Number of the line with the names of the columns, from 0, and what parts them; None if it is no CSV."""
    for i, line in enumerate(text[:20_000].splitlines()[:50]):
        for delimiter in (",", ";", "\t"):
            names = {part.strip().strip('"').strip() for part in line.split(delimiter)}
            if {"EPOCH", "MEAN_MOTION"} <= names or {"EPOCH", "OBJECT_NAME"} <= names:
                return i, delimiter
    return None


def read_csv(text: str, sieve: Sieve) -> Messages:
    """The messages of a CSV text, one a line, after a line with the names of the columns."""
    start = csv_header(text)
    assert start is not None  # or it would not be taken for CSV
    header: list[str] = []
    for number, line in enumerate(text.splitlines()):
        if number < start[0] or not line.strip() or line.startswith("#"):
            continue
        where = f"{sieve.source}, line {number + 1}"
        try:
            # line by line, so that a quote that is not closed takes no other line with it
            (row,) = csv.reader([line], delimiter=start[1], strict=True)
        except (csv.Error, ValueError) as error:
            sieve.leave_out(SandboxError(f"{where}: not a line of CSV ({error}); {_AGAIN}."))
            continue
        if not header:
            header = [name.strip() for name in row]
        elif len(row) != len(header):
            why = f"{where}: the row does not have as many fields as the header; {_AGAIN}."
            sieve.leave_out(SandboxError(why), message_name(dict(zip(header, row, strict=False))))
        else:
            yield where, dict(zip(header, row, strict=True))


def read_xml(text: str, sieve: Sieve) -> Messages:
    """The messages of an XML text, one for each `segment`, in whatever namespace. Entities are refused."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    source = sieve.source
    if text.count("<") > min(_MOST_TAGS, _TAGS_A_SEGMENT * (text.count("segment") + 10)):
        raise SandboxError(f"{source}: not OMM as XML (too many elements for its segments); {_AGAIN}.")
    try:
        root = fromstring(text)
    except ParseError as error:
        raise SandboxError(f"{source}: not OMM as XML ({error}); {_AGAIN}.") from None
    except DefusedXmlException:
        raise SandboxError(
            f"{source}: the XML declares entities, which OMM never does; do not use it."
        ) from None
    except (ValueError, RecursionError, MemoryError):
        raise SandboxError(f"{source}: not OMM as XML (it cannot be taken apart); {_AGAIN}.") from None
    segments = (element for element in root.iter() if _local(element) == "segment")
    for i, segment in enumerate(segments, 1):
        fields: dict[str, object] = {}
        for leaf in segment.iter():
            if len(leaf) == 0:
                fields.setdefault(_local(leaf), (leaf.text or "").strip())
        yield f"{source}, object {i}", fields


def _local(element) -> str:
    """The name of an element without its namespace; empty for a comment."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


_KVN_LINE = re.compile(r"\s*([A-Z][A-Z0-9_]*)\s*=\s*(.*?)\s*", re.DOTALL)
_KVN_UNIT = re.compile(r"\s*\[[^\[\]]*\]$")
_KVN_START = re.compile(r"^\s*(CCSDS_OMM_VERS|OBJECT_NAME|EPOCH|MEAN_MOTION)\s*=", re.MULTILINE)
_TEXTS = ("OBJECT_NAME", "OBJECT_ID", "COMMENT", "ORIGINATOR")


def looks_like_kvn(text: str) -> bool:
    """Whether a text has lines KEYWORD = value as an OMM does."""
    return _KVN_START.search(text[:20_000]) is not None


def read_kvn(text: str, sieve: Sieve) -> Messages:
    """The messages of a KVN text. One begins with its version, or where its first keyword comes again."""
    fields: dict[str, object] = {}
    where, twice = "", ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith(("COMMENT", "#")):
            continue
        here = f"{sieve.source}, line {number}"
        parts = _KVN_LINE.fullmatch(line[:1000])
        if parts is None:
            sieve.pass_over(
                SandboxError(f"{here}: {shown(stripped)} is not KEYWORD = value; correct the line.")
            )
            continue
        key, value = parts.groups()
        if fields and (key == "CCSDS_OMM_VERS" or key == next(iter(fields))):
            yield from _kvn_message(fields, where, twice, sieve)
            fields, twice = {}, ""
        where = where if fields else here
        twice = twice or (key if key in fields else "")
        fields[key] = value if key in _TEXTS else _KVN_UNIT.sub("", value)
    yield from _kvn_message(fields, where, twice, sieve)


def _kvn_message(fields: Fields, where: str, twice: str, sieve: Sieve) -> Messages:
    if twice:
        error = SandboxError(f"{where}: {twice} is given twice in one message; keep one.")
        sieve.leave_out(error, message_name(fields))
    elif fields:
        yield where, fields
