"""Panels and battery."""

import math

from sandbox.compiled import kernel

BODY_PANEL, TRACKING_PANEL = range(2)
CELL_K = 301.15
"""28 degC, at which data sheets give the efficiency of solar cells."""


@kernel
def panel_incidence(mount, px, py, pz, sx, sy, sz):
    """Cosine of the Sun's incidence on the panel, in [0, 1].

    A body-mounted panel looks away from the boresight p (unit vector); a tracking panel always faces
    the Sun s (unit vector).
    """
    if mount == TRACKING_PANEL:
        return 1.0
    return max(0.0, -(px * sx + py * sy + pz * sz))


@kernel
def solar_power(area, efficiency, irradiance, sunlight, incidence):
    """Electrical power of the panels, W: area (m2) x efficiency x irradiance (W/m2) x lit share x cosine."""
    return area * efficiency * irradiance * sunlight * incidence


@kernel
def cell_temperature(cold, hot, share):
    """Temperature (K) of solar cells that take in `share` of full sunlight, `cold` and `hot` the balances
    without and with all of it: a plate that radiates as much as it absorbs, T^4 = cold^4 + share (hot^4 -
    cold^4)."""
    return math.sqrt(math.sqrt(cold**4 + share * (hot**4 - cold**4)))


@kernel
def harvest_power(craft, irradiance, sunlight, incidence):
    """Power of the panels of a satellite at the bus, W; its losses are in `craft.panel_efficiency`, but for
    that of warm cells."""
    share = sunlight * incidence
    if share <= 0.0:
        return 0.0
    warm = cell_temperature(craft.cell_cold, craft.cell_hot, share) - CELL_K
    loss = max(0.0, 1.0 - craft.cell_loss * warm)
    return loss * solar_power(craft.panel_area, craft.panel_efficiency, irradiance, sunlight, incidence)


@kernel
def battery_step(energy, capacity, harvest, load, seconds, charge_efficiency, discharge_efficiency):
    """Energy after `seconds` at constant `harvest` and `load` (W): (energy, lost, curtailed, unmet), J.

    The panels feed the loads first; what is left charges the battery, what is missing discharges it.
    energy - before = (harvest - load) seconds - lost - curtailed + unmet.
    """
    net = (harvest - load) * seconds
    if net >= 0.0:
        room = capacity - energy
        stored = net * charge_efficiency
        if stored <= room:
            return energy + stored, net - stored, 0.0, 0.0
        accepted = room / charge_efficiency
        return capacity, accepted - room, net - accepted, 0.0
    drawn = -net / discharge_efficiency
    if drawn <= energy:
        return energy - drawn, drawn + net, 0.0, 0.0
    served = energy * discharge_efficiency
    return 0.0, energy - served, 0.0, -net - served


@kernel
def faded_capacity(capacity, discharged, fade_per_cycle):
    """Capacity (J) after `discharged` joules more were drawn: a linear fade per equivalent full cycle."""
    if fade_per_cycle == 0.0:
        return capacity
    return capacity * max(0.0, 1.0 - fade_per_cycle * discharged / capacity)


@kernel
def cycle_wear(before, after, capacity, fade, exponent):
    """Share of its nominal capacity that a battery loses as its energy falls from `before` to `after` (J).

    A discharge from full to the depth d (share of `capacity`) costs `fade` d^`exponent`, the law of Woehler
    for cycle lives N(d) ~ d^-exponent; one that begins at some depth costs the difference.
    """
    if fade == 0.0:
        return 0.0
    shallow, deep = max(0.0, 1.0 - before / capacity), 1.0 - after / capacity
    if exponent == 1.5:  # what flown cells show, and a root is quicker than a power
        return fade * (deep * math.sqrt(deep) - shallow * math.sqrt(shallow))
    return fade * (deep**exponent - shallow**exponent)
