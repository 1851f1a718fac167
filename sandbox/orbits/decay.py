"""Which objects of a catalogue still orbit the Earth at a time, as far as SGP4 can say.

SGP4's drag is a polynomial in the time since the elements' epoch. Long after it, or with much drag, the
polynomial leads through the Earth and out again, to orbits that have never been, without an error code. So
the whole way from the epoch to the time is looked at, not only its end.
"""

from dataclasses import replace
from datetime import datetime

import numpy as np

from sandbox.errors import SandboxError
from sandbox.orbits.bodies import LOWEST_M
from sandbox.orbits.catalogue import Catalogue, reason, warn
from sandbox.orbits.sieve import LeftOut, described
from sandbox.orbits.timescales import as_utc, julian_date
from sandbox.units import DAY

LOOKS = 16
"""Times between epoch and time at which an orbit is looked at; what leads through the Earth takes longer."""
SETTLED_DAYS = 1.0
"""Within which elements of any drag hold."""
MOST_GROWTH = 1.05
"""Drag never raises an orbit: a mean semi-major axis that has grown by more is the polynomial's."""
_SINKS = 1e-3 * LOWEST_M
_MINUTES_A_DAY = 1440.0


def flying(catalogue: Catalogue, when: datetime | str, strict: bool = False) -> Catalogue:
    """The objects that orbit the Earth at a UTC time, as far as SGP4 can say; there may be none.

    Left out, with a CatalogueWarning that names them, are those that have come down and those whose elements
    are too old or too new for the time. If `strict`, SandboxError is raised for them.
    """
    moment = as_utc(when)
    reasons = why_not_flying(catalogue, moment)
    pairs = list(zip(catalogue.sets, reasons, strict=True))
    gone = tuple(LeftOut(each.name, f"{each.name} ({each.norad_id}) {why}") for each, why in pairs if why)
    if not gone:
        return catalogue
    whom = f"{len(gone):,} of {len(catalogue):,} objects cannot fly at {moment:%Y-%m-%d %H:%M} UTC"
    text = f"{catalogue.source}: {whom}: {described(gone, len(gone), catalogue.source)}"
    if strict:
        raise SandboxError(f"{text}; choose a nearer epoch or other objects.")
    warn(f"{text}; left out.")
    sets = tuple(each for each, why in pairs if not why)
    return replace(catalogue, sets=sets, left_out=catalogue.left_out + gone)


def why_not_flying(catalogue: Catalogue, moment: datetime) -> list[str]:
    """For each object why it does not fly at a UTC time, as a predicate; empty for one that does."""
    codes, position, _ = catalogue.propagate(*julian_date(moment))
    distance = np.linalg.norm(position[:, 0], axis=-1)
    reasons = []
    for each, code, height in zip(catalogue.sets, codes[:, 0], distance, strict=True):
        days = (moment - each.epoch).total_seconds() / DAY
        dated = f"(its elements are of {each.epoch:%Y-%m-%d}, {abs(days):,.0f} days {_side(days)})"
        if code:
            reasons.append(f"cannot be flown by SGP4: {reason(code)} {dated}")
        elif height < LOWEST_M:
            reasons.append(f"has come down below 120 km {dated}")
        elif abs(days) > SETTLED_DAYS and (fault := _on_the_way(each.satellite, days)):
            reasons.append(f"{fault} {dated}")
        else:
            reasons.append("")
    return reasons


def _side(days: float) -> str:
    return "before" if days >= 0 else "after"


def _on_the_way(satellite, days: float) -> str:
    """What befalls the mean orbit between its epoch and so many days after (or before, if negative)."""
    start = satellite.a  # in Earth radii, as `am` is, of the last propagation
    for look in range(1, LOOKS + 1):
        code, _, _ = satellite.sgp4_tsince(days * _MINUTES_A_DAY * look / LOOKS)
        if code or satellite.am * satellite.radiusearthkm < _SINKS:
            return "has come down since" if days > 0 else "cannot be traced back by SGP4"
        if satellite.am > MOST_GROWTH * start:
            return "cannot be flown by SGP4 so far from its epoch: its drag no longer holds"
    return ""
