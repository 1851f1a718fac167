"""What a Conjunction Data Message says twice: miss and relative motion against its two states."""

import numpy as np

from sandbox.conjunctions.cdm_block import Block, Notes
from sandbox.conjunctions.cdm_fields import UNITS
from sandbox.conjunctions.cdm_types import Array, CdmObject
from sandbox.conjunctions.cdm_values import number
from sandbox.conjunctions.limits import shown
from sandbox.conjunctions.rtn import rtn_axes
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import EARTH_ROTATION_RATE

SHARE = 0.01
"""Relative difference from the states within which a stated number is taken to say the same."""
LATE_S = 2e-3
"""How far from each other the moments of the two may be: the TCA is stated to a millisecond."""
ROUNDING = 1.0
"""Metres, and metres a second, to which messages round."""


def redundant_numbers(block: Block, objects: tuple[CdmObject, CdmObject], notes: Notes) -> dict[str, float]:
    """The numbers of the `REDUNDANT` fields that are there, in m and m/s.

    Where the unit is wrong, those of the states are taken; one that contradicts the states is kept. Either is
    noted.
    """
    from_states = _from_states(*objects)
    found: dict[str, float] = {}
    for name, keys in _GROUPS.items():
        there = [key for key in keys if key in block.fields]
        if there:
            stated = np.array([number(block, key, "", notes) for key in there])
            wrong = [unit for key in there if (unit := block.fields[key][1]) not in (None, UNITS[key])]
            values = _settled(name, there, stated, wrong[0] if wrong else None, from_states, notes)
            found |= dict(zip(there, map(float, values), strict=True))
    return found


_GROUPS = {
    "MISS_DISTANCE": ("MISS_DISTANCE",),
    "RELATIVE_SPEED": ("RELATIVE_SPEED",),
    "RELATIVE_POSITION": tuple(f"RELATIVE_POSITION_{axis}" for axis in "RTN"),
    "RELATIVE_VELOCITY": tuple(f"RELATIVE_VELOCITY_{axis}" for axis in "RTN"),
}


def _settled(
    name: str, keys: list[str], stated: Array, wrong: str | None, from_states: dict | None, notes: Notes
) -> Array:
    """The numbers of one group of fields, one of which may have a `wrong` unit."""
    unit = UNITS[keys[0]]
    if wrong is not None:
        fault = f"{name} is in [{shown(wrong)[1:-1]}], not in [{unit}]"
        if from_states is None:
            raise notes.error("", f"{fault}, and the states do not tell what it is; correct it.")
        actual = np.array([from_states[key] for key in keys])
        notes.doubt("", f"{fault}; what the states have is taken, {_listed(actual)} {unit}")
        return actual
    if from_states is not None:
        actual = np.array([from_states[key] for key in keys])
        tolerance = _tolerance(from_states, unit == "m/s")
        if np.linalg.norm(stated + actual) <= tolerance < np.linalg.norm(stated - actual):
            notes.doubt("", f"{name} has the opposite sign of the states'; it is kept as stated")
        elif np.linalg.norm(stated - actual) > tolerance:
            given = f"{name} is {_listed(stated)} {unit}, where the states have {_listed(actual)} {unit}"
            notes.doubt("", f"{given}; it is kept as stated")
    return stated


def _listed(values: Array) -> str:
    text = ", ".join(f"{value:.6g}" for value in values)
    return f"({text})" if len(values) > 1 else text


def _from_states(first: CdmObject, second: CdmObject) -> dict[str, float] | None:
    """What the redundant fields should be; None where the states have not one frame."""
    try:
        position, velocity = _relative(first, second)
    except SandboxError:
        return None
    found = {
        "MISS_DISTANCE": float(np.linalg.norm(position)),
        "RELATIVE_SPEED": float(np.linalg.norm(velocity)),
    }
    for stem, vector in (("POSITION", position), ("VELOCITY", velocity)):
        found |= {f"RELATIVE_{stem}_{axis}": float(x) for axis, x in zip("RTN", vector, strict=True)}
    return found


def _tolerance(from_states: dict[str, float], of_speed: bool) -> float:
    speed = from_states["RELATIVE_SPEED"]
    if of_speed:
        return SHARE * speed + ROUNDING
    return SHARE * from_states["MISS_DISTANCE"] + LATE_S * speed + ROUNDING


def _relative(first: CdmObject, second: CdmObject) -> tuple[Array, Array]:
    """Position and velocity (3,) of the second, inertial, in the RTN frame of the first."""
    if first.reference_frame != second.reference_frame:
        raise SandboxError("The states are in two frames; turn one of them.")
    spin = np.array([0.0, 0.0, EARTH_ROTATION_RATE if first.reference_frame == "ITRF" else 0.0])
    velocity1, velocity2 = (each.velocity + np.cross(spin, each.position) for each in (first, second))
    axes = rtn_axes(first.position, velocity1)
    return axes @ (second.position - first.position), axes @ (velocity2 - velocity1)
