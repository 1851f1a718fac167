"""Conjunction Data Messages as XML (CCSDS 505.0-B), to and from blocks."""

from collections.abc import Iterable, Iterator, Mapping
from xml.sax.saxutils import escape, quoteattr

from sandbox.conjunctions.cdm_block import Block, Notes
from sandbox.conjunctions.cdm_fields import (
    ADDITIONAL,
    COVARIANCE_MATRIX,
    HEADER,
    METADATA,
    OD_PARAMETERS,
    RELATIVE,
    RELATIVE_STATE,
    STATE_VECTOR,
    UNITS,
)
from sandbox.conjunctions.limits import shown

_OBJECT_SECTIONS = (
    ("odParameters", OD_PARAMETERS),
    ("additionalParameters", ADDITIONAL),
    ("stateVector", STATE_VECTOR),
    ("covarianceMatrix", COVARIANCE_MATRIX),
)


def read_xml(text: str, notes: Notes) -> list[list[Block]]:
    """The blocks of each <cdm> in an XML text: its own, then one for each object.

    A unit that is not stated is the standard's, a blank element is absent. Entities are refused.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(text)
    except (ParseError, ValueError) as error:
        if isinstance(error, DefusedXmlException):
            sentence = "the XML declares entities, which a CDM never does; do not use it."
        else:
            sentence = f"not a CDM as XML ({shown(str(error))[1:-1]}); fetch the file again."
        raise notes.error("", sentence) from None
    messages = [each for each in root.iter() if _name(each) == "cdm"]
    if not messages:
        raise notes.error("", "there is no <cdm> in the XML; give a Conjunction Data Message.")
    return [_blocks(message, notes) for message in messages]


def _blocks(message, notes: Notes) -> list[Block]:
    general = Block({"CCSDS_CDM_VERS": (message.get("version", ""), None)})
    blocks, where = [general], ""
    for part in (leaf for child in message for leaf in ([child] if _name(child) == "header" else child)):
        block = general
        if _name(part) == "segment":
            block, where = Block(), f"segment {len(blocks)}"
            blocks.append(block)
        for leaf in part.iter():
            if len(leaf) == 0:
                _take_leaf(block, leaf, where if block is not general else "", notes)
    return blocks


def _take_leaf(block: Block, leaf, where: str, notes: Notes) -> None:
    key, value = _name(leaf), " ".join((leaf.text or "").strip().splitlines())
    if key == "USER_DEFINED" and leaf.get("parameter"):
        key = f"USER_DEFINED_{leaf.get('parameter').upper()}"
    if key == "COMMENT":
        block.comments.append(value)
    elif key.isupper() and value:
        block.add(key, value, leaf.get("units"), where, notes)


def _name(element) -> str:
    return element.tag.rpartition("}")[2]


def write_xml(general: Block, objects: Iterable[Block]) -> str:
    """The XML text of the blocks, in the order of the schema of CCSDS 505.0-B."""
    version = general.fields["CCSDS_CDM_VERS"][0]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<cdm xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:noNamespaceSchemaLocation="https://sanaregistry.org/r/ndmxml_unqualified/ndmxml-master.xsd" '
        f'id="CCSDS_CDM_VERS" version={quoteattr(version)}>',
        "<header>",
        *_leaves(general, HEADER),
        "</header>",
        "<body>",
        "<relativeMetadataData>",
        *_comments(general),
        *_relative(general),
        "</relativeMetadataData>",
    ]
    for block in objects:
        lines += ["<segment>", "<metadata>", *_leaves(block, METADATA), "</metadata>", "<data>"]
        lines += _comments(block)
        taken = set(METADATA).union(*(keys for _, keys in _OBJECT_SECTIONS))
        for name, keys in _OBJECT_SECTIONS:
            more = _others(block, taken) if keys is ADDITIONAL else {}
            leaves = list(_leaves(block, keys | more))
            lines += [f"<{name}>", *leaves, f"</{name}>"] if leaves else []
        lines += ["</data>", "</segment>"]
    return "\n".join([*lines, "</body>", "</cdm>"]) + "\n"


def _relative(general: Block) -> Iterator[str]:
    before = {key: RELATIVE[key] for key in ("TCA", "MISS_DISTANCE", "RELATIVE_SPEED")}
    yield from _leaves(general, before)
    state = list(_leaves(general, RELATIVE_STATE))
    if state:
        yield from ("<relativeStateVector>", *state, "</relativeStateVector>")
    after = {key: unit for key, unit in RELATIVE.items() if key not in before | RELATIVE_STATE}
    yield from _leaves(general, after | _others(general, {"CCSDS_CDM_VERS", *HEADER, *RELATIVE}))


def _others(block: Block, taken: set[str]) -> dict[str, str | None]:
    """The keywords of a block that are not among those `taken`, with their units."""
    return {key: UNITS.get(key) for key in block.fields if key not in taken}


def _comments(block: Block) -> list[str]:
    return [f"<COMMENT>{escape(comment)}</COMMENT>" for comment in block.comments]


def _leaves(block: Block, keys: Mapping[str, str | None]) -> Iterator[str]:
    for key, standard in keys.items():
        if key in block.fields:
            value, stated = block.fields[key]
            unit = stated or standard
            attribute = f" units={quoteattr(unit)}" if unit else ""
            yield f"<{key}{attribute}>{escape(value)}</{key}>"
