"""Conjunction Data Messages as text: KVN lines or XML, to and from blocks of keywords.

A block holds the value, and the unit if one is stated, of each keyword in order, and the comments. The first
block is the message's own (header and relative data), the other two are its objects.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

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
from sandbox.errors import SandboxError

_LINE = re.compile(r"^\s*([A-Z][A-Z0-9_]*)\s*=\s*(.*?)\s*(?:\[([^\]]*)\])?\s*$")
_COMMENT = re.compile(r"^\s*COMMENT\b\s?(.*?)\s*$")
_OBJECT_SECTIONS = (
    ("odParameters", OD_PARAMETERS),
    ("additionalParameters", ADDITIONAL),
    ("stateVector", STATE_VECTOR),
    ("covarianceMatrix", COVARIANCE_MATRIX),
)


@dataclass
class Block:
    """Value and stated unit of each keyword, and the comments among them."""

    fields: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)

    def add(self, key: str, value: str, unit: str | None, where: str) -> None:
        """Take in a field. Raises SandboxError for one that is there already or whose unit is not its own."""
        if key in self.fields:
            raise SandboxError(f"{where}: {key} is given twice; keep one.")
        expected = UNITS.get(key, unit)
        if unit is not None and unit != expected:
            right = f"in [{expected}]" if expected else "without a unit"
            raise SandboxError(f"{where}: {key} is in [{unit}]; CCSDS 508.0-B-1 has it {right}: correct it.")
        self.fields[key] = value, unit


def read_kvn(text: str, source: str) -> list[Block]:
    """The blocks of a KVN text. Raises SandboxError with `source`, line, field and remedy."""
    blocks = [Block()]
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{source}, line {number}"
        if not line.strip():
            continue
        if comment := _COMMENT.match(line):
            blocks[-1].comments.append(comment[1])
            continue
        parts = _LINE.match(line)
        if parts is None:
            raise SandboxError(
                f"{where}: {line.strip()[:40]!r} is not KEYWORD = value [unit]; correct the line."
            )
        key, value, unit = parts.groups()
        if unit is None and UNITS.get(key) is not None:
            raise SandboxError(
                f"{where}: {key} has no unit; CCSDS 508.0-B-1 has it in [{UNITS[key]}]: add it."
            )
        if key == "OBJECT":
            blocks.append(Block())
        blocks[-1].add(key, value, unit, where)
    return blocks


def read_xml(text: str, source: str) -> list[Block]:
    """The blocks of an XML text; a unit that is not stated is the standard's. Entities are refused."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(text)
    except ParseError as error:
        raise SandboxError(f"{source}: not a CDM as XML ({error}); fetch the file again.") from None
    except DefusedXmlException:
        raise SandboxError(
            f"{source}: the XML declares entities, which a CDM never does; do not use it."
        ) from None
    message = next((each for each in root.iter() if _name(each) == "cdm"), None)
    if message is None:
        raise SandboxError(f"{source}: there is no <cdm> in the XML; give a Conjunction Data Message.")
    general = Block({"CCSDS_CDM_VERS": (message.get("version", ""), None)})
    blocks = [general]
    for part in (leaf for child in message for leaf in ([child] if _name(child) == "header" else child)):
        block = general
        if _name(part) == "segment":
            block = Block()
            blocks.append(block)
        for leaf in part.iter():
            if len(leaf) == 0:
                _take_leaf(block, leaf, source)
    return blocks


def _take_leaf(block: Block, leaf, source: str) -> None:
    key, value = _name(leaf), (leaf.text or "").strip()
    if key == "COMMENT":
        block.comments.append(value)
    elif key.isupper() and value:
        block.add(key, value, leaf.get("units"), source)


def _name(element) -> str:
    return element.tag.rpartition("}")[2]


def write_kvn(general: Block, objects: Iterable[Block]) -> str:
    """The KVN text of the blocks."""
    return (
        "\n".join([*_kvn_lines(general), *(line for block in objects for line in _kvn_lines(block))]) + "\n"
    )


def _kvn_lines(block: Block) -> Iterator[str]:
    for place, (key, (value, _)) in enumerate(block.fields.items()):
        unit = UNITS.get(key) or block.fields[key][1]
        yield f"{key:<35} = {value}" + (f" [{unit}]" if unit else "")
        if place == 0:
            yield from (f"COMMENT {comment}".rstrip() for comment in block.comments)


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
        for name, keys in _OBJECT_SECTIONS:
            more = _unknown(block) if keys is ADDITIONAL else {}
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
    yield from _leaves(general, after | _unknown(general))


def _unknown(block: Block) -> dict[str, str | None]:
    """The keywords of a block that the standard does not know, with the units stated for them."""
    return {key: unit for key, (_, unit) in block.fields.items() if key not in UNITS}


def _comments(block: Block) -> list[str]:
    return [f"<COMMENT>{escape(comment)}</COMMENT>" for comment in block.comments]


def _leaves(block: Block, keys: Mapping[str, str | None]) -> Iterator[str]:
    for key, unit in keys.items():
        if key in block.fields:
            attribute = f" units={quoteattr(unit)}" if unit else ""
            yield f"<{key}{attribute}>{escape(block.fields[key][0])}</{key}>"
