"""What a Conjunction Data Message says twice: miss and relative motion against its two states."""

import numpy as np

from sandbox.conjunctions.cdm_block import Block, Notes
from sandbox.conjunctions.cdm_fields import REDUNDANT, UNITS
from sandbox.conjunctions.cdm_types import Array, CdmObject
from sandbox.conjunctions.cdm_values import number
from sandbox.conjunctions.rtn import rtn_axes
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import EARTH_ROTATION_RATE

FACTORS = {"m": {"m": 1.0, "km": 1e3}, "m/s": {"m/s": 1.0, "km/s": 1e3}}
SHARE = 0.01
"""Relative difference from the states within which a stated number is taken to say the same."""
LATE_S = 2e-3
"""How far from each other the moments of the two may be: the TCA is stated to a millisecond."""
ROUNDING = 1.0
"""Metres, and metres a second, to which messages round."""


def redundant_numbers(block: Block, objects: tuple[CdmObject, CdmObject], notes: Notes) -> dict[str, float]:
    """The numbers of the `REDUNDANT` fields that are there, in m and m/s.

    One with a wrong unit is that of the unit, or of the standard's, which agrees with the states; if neither
    does, the states'. One that contradicts the states is kept, and noted.
    """
    from_states = _from_states(*objects)
    found = {}
    for key in REDUNDANT:
        if key in block.fields:
            stated = number(block, key, "", notes)
            found[key] = _settled(key, stated, block.fields[key][1], from_states, notes)
    return found


def _settled(key: str, stated: float, unit: str | None, from_states: dict, notes: Notes) -> float:
    standard = UNITS[key]
    assert standard is not None
    wrong = unit not in (None, standard)
    if not from_states:
        if wrong:
            raise notes.error(
                "", f"{key} is in [{unit}], and the states do not tell what it is; state it in [{standard}]."
            )
        return stated
    actual, tolerance = from_states[key]
    converted = [stated * FACTORS[standard][unit]] if wrong and unit in FACTORS[standard] else []
    for value in (*converted, stated):
        if abs(value - actual) <= tolerance:
            if wrong:
                notes.doubt(
                    "", f"{key} is in [{unit}]; read as {value:.6g} {standard}, as the states have it"
                )
            return value
    given = f"{key} is {stated:.6g} {unit or standard}, where the states have {actual:.6g} {standard}"
    notes.doubt("", f"{given}; {'that of the states is taken' if wrong else 'correct the one or the other'}")
    return actual if wrong else stated


def _from_states(first: CdmObject, second: CdmObject) -> dict[str, tuple[float, float]]:
    """Value and tolerance of each redundant field, or nothing where the states have not one frame."""
    try:
        position, velocity = _relative(first, second)
    except SandboxError:
        return {}
    distance, speed = float(np.linalg.norm(position)), float(np.linalg.norm(velocity))
    lengths = SHARE * distance + LATE_S * speed + ROUNDING
    speeds = SHARE * speed + ROUNDING
    found = {"MISS_DISTANCE": (distance, lengths), "RELATIVE_SPEED": (speed, speeds)}
    for axis, length, rate in zip("RTN", position, velocity, strict=True):
        found[f"RELATIVE_POSITION_{axis}"] = float(length), lengths
        found[f"RELATIVE_VELOCITY_{axis}"] = float(rate), speeds
    return found


def _relative(first: CdmObject, second: CdmObject) -> tuple[Array, Array]:
    """Position and velocity (3,) of the second, inertial, in the RTN frame of the first."""
    if first.reference_frame != second.reference_frame:
        raise SandboxError("The states are in two frames; turn one of them.")
    spin = np.array([0.0, 0.0, EARTH_ROTATION_RATE if first.reference_frame == "ITRF" else 0.0])
    velocity1, velocity2 = (each.velocity + np.cross(spin, each.position) for each in (first, second))
    axes = rtn_axes(first.position, velocity1)
    return axes @ (second.position - first.position), axes @ (velocity2 - velocity1)
