"""A Conjunction Data Message between text and numbers: keywords with value and unit, and what departs."""

import warnings
from dataclasses import dataclass, field

from sandbox.conjunctions.cdm_fields import (
    EXACT,
    NO_UNIT,
    PARAMETER_COVARIANCE,
    REDUNDANT,
    UNITS,
    plain_unit,
)
from sandbox.conjunctions.limits import shown
from sandbox.errors import SandboxError

__all__ = ["OutsideStandard"]

TOLD = 3
"""Departures that a warning spells out."""


class OutsideStandard(UserWarning):
    """A message departs from CCSDS 508.0-B-1 or contradicts itself, and was read all the same."""


class Notes:
    """What departs from the standard in the message `source`; if `strict`, the first is an error."""

    def __init__(self, source: str, strict: bool = False) -> None:
        self.source, self.strict, self.departures = source, strict, list[str]()

    def error(self, where: str, sentence: str) -> SandboxError:
        """The error at a place of the message, such as "line 7", or at none, ""."""
        return SandboxError(f"{self.source}{', ' if where else ''}{where}: {sentence}")

    def depart(self, where: str, fault: str, remedy: str, taken: str = "") -> None:
        """Note a fault and what was `taken` for it. Raises SandboxError with the `remedy` if strict.

        A fault that costs nothing, for which nothing is `taken`, goes without a note.
        """
        if self.strict:
            raise self.error(where, f"{fault}; {remedy}.")
        if taken:
            self.doubt(where, f"{fault}; {taken}")

    def doubt(self, where: str, sentence: str) -> None:
        """Note what the standard does not forbid and the user should know."""
        self.departures.append(f"{where}: {sentence}" if where else sentence)

    def warn(self, stacklevel: int) -> None:
        """Say all of it in one OutsideStandard warning, if there is anything."""
        if self.departures:
            more = f" (and {len(self.departures) - TOLD} more)" if len(self.departures) > TOLD else ""
            text = ". ".join(self.departures[:TOLD])
            warnings.warn(f"{self.source}: {text}{more}.", OutsideStandard, stacklevel=stacklevel + 1)


@dataclass
class Block:
    """Value and stated unit of each keyword, and the comments among them."""

    fields: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)

    def add(self, key: str, value: str, unit: str | None, where: str, notes: Notes) -> None:
        """Take in a field. Raises SandboxError for one that is there already or whose unit cannot be used."""
        if key in self.fields and key in PARAMETER_COVARIANCE:
            notes.depart(where, f"{key} is given twice", "keep one", "the first is kept")
            return
        if key in self.fields:
            raise notes.error(where, f"{shown(key)[1:-1]} is given twice; keep one.")
        self.fields[key] = value, self._unit(key, unit, where, notes)

    def _unit(self, key: str, unit: str | None, where: str, notes: Notes) -> str | None:
        expected = UNITS.get(key, unit)
        if unit is None or unit == expected:
            return unit
        right = f"CCSDS 508.0-B-1 has it {f'in [{expected}]' if expected else 'without a unit'}"
        fault, remedy = f"{key} is in [{shown(unit)[1:-1]}]; {right}", "correct it"
        spelling = plain_unit(unit)
        if spelling == plain_unit(expected or "") or (spelling in NO_UNIT and not expected):
            notes.depart(where, fault, remedy)
            return expected
        if spelling in NO_UNIT:
            notes.depart(where, fault, remedy)
            return None
        if key in EXACT:
            raise notes.error(where, f"{fault}: {remedy}.")
        notes.depart(where, fault, remedy, "" if key in REDUNDANT else "kept as stated")
        return unit
