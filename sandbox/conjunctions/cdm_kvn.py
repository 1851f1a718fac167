"""Conjunction Data Messages as lines of KEYWORD = value [unit], to and from blocks."""

import re
from collections.abc import Iterable, Iterator

from sandbox.conjunctions.cdm_block import Block, Notes
from sandbox.conjunctions.cdm_fields import FREE_TEXT, UNITS
from sandbox.conjunctions.limits import shown

FIRST = "CCSDS_CDM_VERS"
_KEYWORD = re.compile(r"[A-Z][A-Z0-9_]*")
_COMMENT = re.compile(r"COMMENT\b")


def read_kvn(text: str, notes: Notes) -> list[list[Block]]:
    """The blocks of each message in a KVN text: its own, then one for each object.

    A message begins with its version. Raises SandboxError with line, field and remedy.
    """
    messages = [[Block()]]
    for number, line in enumerate(text.splitlines(), 1):
        line, where = line.strip(), f"line {number}"
        if not line:
            continue
        if _COMMENT.match(line):
            comment = line[len("COMMENT") :]
            messages[-1][-1].comments.append(comment[1:] if comment[:1].isspace() else comment)
            continue
        key, value, unit = _parts(line, where, notes)
        if key == FIRST and FIRST in messages[-1][0].fields:
            messages.append([Block()])
        if key == "OBJECT":
            messages[-1].append(Block())
        if value:
            messages[-1][-1].add(key, value, unit, where, notes)
        elif key in UNITS:
            notes.depart(where, f"{key} is blank", "give a value or leave the line out")
    return messages


def _parts(line: str, where: str, notes: Notes) -> tuple[str, str, str | None]:
    key, sign, value = (part.strip() for part in line.partition("="))
    if not sign or not _KEYWORD.fullmatch(key):
        raise notes.error(where, f"{shown(line)} is not KEYWORD = value [unit]; correct the line.")
    unit = None
    if key not in FREE_TEXT or notes.strict:
        value, unit = _without_unit(key, value, where, notes)
    if unit is None and value and UNITS.get(key) is not None:
        notes.depart(where, f"{key} has no unit", f"CCSDS 508.0-B-1 has it in [{UNITS[key]}]: add it")
    return key, value, unit


def _without_unit(key: str, value: str, where: str, notes: Notes) -> tuple[str, str | None]:
    head, bracket, unit = value.rpartition("[")
    if bracket and unit.endswith("]"):
        return head.rstrip(), unit[:-1]
    if bracket and key in UNITS and "]" not in unit:
        value, taken = head.rstrip(), f"read as {shown(head.rstrip())}"
        notes.depart(where, f"{key} has a bracket that is never closed", "close it", taken)
        return value, unit or None
    return value, None


def write_kvn(general: Block, objects: Iterable[Block]) -> str:
    """The KVN text of the blocks."""
    lines = [*_lines(general), *(line for block in objects for line in _lines(block))]
    return "\n".join(lines) + "\n"


def _lines(block: Block) -> Iterator[str]:
    for place, (key, (value, stated)) in enumerate(block.fields.items()):
        unit = stated or UNITS.get(key)
        yield f"{key:<35} = {value}" + (f" [{unit}]" if unit else "")
        if place == 0:
            yield from (f"COMMENT {comment}".rstrip() for comment in block.comments)
