"""Values of a Conjunction Data Message: numbers, times and the hard-body radius."""

import re
from datetime import UTC, datetime
from math import isfinite

from sandbox.conjunctions.cdm_block import Block, Notes
from sandbox.conjunctions.limits import LARGEST, shown

_DAY_OF_YEAR = re.compile(r"^(\d{4})-(\d{3})T(.*)$")
_HBR = re.compile(r"^(?:EFFECTIVE_)?HBR\s*=\s*(\S+)\s*(?:\[(.*)\])?$")


def number(block: Block, key: str, where: str, notes: Notes) -> float:
    """The number that a field holds. Raises SandboxError for one that is not finite or beyond 1e30."""
    text = block.fields[key][0]
    try:
        value = float(text.replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise notes.error(where, f"{key} is {shown(text)}; it must be a finite number: correct it.")
    if abs(value) > LARGEST:
        raise notes.error(where, f"{key} is {shown(text)}; it cannot be beyond {LARGEST:.0e}: correct it.")
    return value


def epoch(block: Block, key: str, notes: Notes) -> datetime:
    """UTC in one of the two forms of CCSDS 301.0-B: 2023-06-13T00:19:23.766 or 2023-164T00:19:23.766."""
    text = block.fields[key][0]
    try:
        calendar = text
        if day := _DAY_OF_YEAR.match(text):
            date = datetime.strptime(f"{day[1]}-{day[2]}", "%Y-%j").date()
            calendar = f"{date.isoformat()}T{day[3]}"
        if "T" not in calendar:
            raise ValueError
        when = datetime.fromisoformat(calendar.removesuffix("Z"))
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        raise notes.error(
            "", f"{key} is {shown(text)}; it must be a UTC time such as 2023-06-13T00:19:23.766: correct it."
        ) from None


def states_radius(comment: str) -> bool:
    """Whether a comment of the message states the combined hard-body radius."""
    return _HBR.match(comment.strip()) is not None


def hard_body_radius(general: Block, objects: list[Block], notes: Notes) -> float | None:
    """The combined radius in m: of a comment "HBR = 10 [m]", a field HBR, or the sum of the objects' HBR."""
    for comment in general.comments:
        if stated := _HBR.match(comment.strip()):
            if stated[2] not in (None, "m"):
                raise notes.error("", f"HBR is in [{shown(stated[2])[1:-1]}]; state it in [m].")
            return _radius(Block({"HBR": (stated[1], None)}), "", notes)
    if "HBR" in general.fields:
        return _radius(general, "", notes)
    own = [_radius(block, f"OBJECT{i}", notes) for i, block in enumerate(objects, 1) if "HBR" in block.fields]
    return sum(own) if own and len(own) == len(objects) else None


def _radius(block: Block, where: str, notes: Notes) -> float:
    radius = number(block, "HBR", where, notes)
    if radius <= 0.0:
        raise notes.error(where, f"HBR is {radius:g} m; it must be more than 0.")
    return radius
