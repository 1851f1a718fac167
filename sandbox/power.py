"""Panels and battery."""

from sandbox.compiled import kernel

BODY_PANEL, TRACKING_PANEL = range(2)


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
