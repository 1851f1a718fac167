"""Drag as a catalogue tells of it: Cd A / m of each object, so that our air slows it as the catalogue says.

B* is rho0 Cd A / (2 m) with rho0 = 0.157 kg/m2 / Earth radius, in SGP4's own air (Hoots and Roehrich 1980,
Spacetrack Report 3), so that Cd A / m = 12.74 B* there. Our air (`atmosphere`) is another, three times
thinner near 500 km. What both have in common is the decay: the mean motion grows by a rate that the catalogue
states (half of it, as its first derivative) and that SGP4 makes of B*; for the objects of scs01 the two agree
within 1.2 %. The coefficient is the one with which our air gives that rate over a revolution.
"""

from math import isfinite, pi, sqrt

import numpy as np

from sandbox.compiled import kernel
from sandbox.orbits.bodies import MU_EARTH
from sandbox.orbits.catalogue import Catalogue, warn
from sandbox.orbits.element_sets import ElementSet
from sandbox.orbits.forces import J2_ONLY, drag
from sandbox.orbits.gravity import NO_TURN
from sandbox.orbits.propagation import dop8_step
from sandbox.units import MINUTE

SAMPLES = 96
"""Places of a revolution at which the air is looked up."""
HALF_DAY_MIN = 720.0
MOST_BALLISTIC = 100.0
"""m2/kg; foils reach some 15. More comes only of elements that tell of no drag, far above the air."""
TOLD = 3
_NOWHERE = (0.0, 0.0, 0.0)


def catalogue_ballistic(
    catalogue: Catalogue, position: np.ndarray, velocity: np.ndarray, others: float
) -> np.ndarray:
    """Cd A / m (N,), m2/kg, of the objects of a catalogue, which are at these GCRS states (N, 3).

    `others` is for objects whose elements tell of no drag: a rate and a B* that are zero or negative (a
    satellite that raises its orbit, as a rule), or an orbit above the air. A CatalogueWarning names them.
    """
    wanted = np.array([decay_rate(each) for each in catalogue.sets])
    ours = np.zeros(len(wanted))
    mean_decay(np.ascontiguousarray(position), np.ascontiguousarray(velocity), ours)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = wanted / ours
    good = (found > 0.0) & (found <= MOST_BALLISTIC)
    if not good.all():
        names = [each.name for each, fine in zip(catalogue.sets, good, strict=True) if not fine]
        more = f" and {len(names) - TOLD:,} more" if len(names) > TOLD else ""
        warn(
            f"{catalogue.source}: the elements of {', '.join(names[:TOLD])}{more} tell of no drag (B* and "
            "mean-motion rate are not positive, or they fly above the air); they get the "
            f"{others:.4g} m2/kg of their spacecraft."
        )
    return np.where(good, found, others)


def decay_rate(each: ElementSet) -> float:
    """By what share of itself the mean motion grows in a second; 0 where the elements do not say.

    The stated rate where it is positive, or else what SGP4 makes of a positive B*.
    """
    satellite = each.satellite
    if isfinite(satellite.ndot) and satellite.ndot > 0.0:
        return 2.0 * satellite.ndot / satellite.no_kozai / MINUTE
    if not satellite.bstar > 0.0:
        return 0.0
    axes = []
    for minutes in (-HALF_DAY_MIN, HALF_DAY_MIN):
        if satellite.sgp4_tsince(minutes)[0]:
            return 0.0
        axes.append(satellite.am)
    return -1.5 * (axes[1] - axes[0]) / (0.5 * (axes[0] + axes[1])) / (2.0 * HALF_DAY_MIN * MINUTE)


@kernel
def mean_decay(position, velocity, rates):
    """Write the same shares a second (N,) that 1 m2/kg gives in our air, in the mean over a revolution.

    An orbit's axis changes by 2 a^2 / mu times the power of the drag; the mean motion is as a^(-3/2).
    """
    for n in range(position.shape[0]):
        p, v = position[n], velocity[n]
        s = (p[0], p[1], p[2], v[0], v[1], v[2])
        speed2 = v[0] * v[0] + v[1] * v[1] + v[2] * v[2]
        axis = 1.0 / (2.0 / sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]) - speed2 / MU_EARTH)
        if not axis > 0.0:
            rates[n] = 0.0
            continue
        step, power = 2.0 * pi * sqrt(axis**3 / MU_EARTH) / SAMPLES, 0.0
        for _ in range(SAMPLES):
            a = drag(s[0], s[1], s[2], s[3], s[4], s[5], 1.0)
            power += a[0] * s[3] + a[1] * s[4] + a[2] * s[5]
            s = dop8_step(s[0], s[1], s[2], s[3], s[4], s[5], step, J2_ONLY, 0.0, _NOWHERE, _NOWHERE, NO_TURN)
        rates[n] = -3.0 * axis / MU_EARTH * power / SAMPLES
