"""One thermal node: Sun, albedo, Earth infrared and dissipation in; radiation to space out."""

import math

from sandbox.compiled import kernel
from sandbox.orbits.bodies import R_EARTH

STEFAN_BOLTZMANN = 5.670374419e-8
"""W m-2 K-4, CODATA 2018."""
EARTH_ALBEDO = 0.30
"""Bond albedo of the Earth, NASA Earth fact sheet (0.294), rounded."""
EARTH_INFRARED = 237.0
"""W/m2 leaving the Earth, orbital average; Gilmore, Spacecraft Thermal Control Handbook (2002), ch. 2."""


@kernel
def environment_heat(x, y, z, sun, sunlight, irradiance, sun_area, earth_area, absorptivity, emissivity):
    """Heat absorbed from outside, W, at GCRS position x, y, z (m); `sun` is the Sun's unit vector.

    `sun_area` and `earth_area` (m2) are the mean areas seen by the Sun and by the Earth. The Earth fills
    (R / r)^2 of the view of a plate that faces it; its albedo follows the cosine of the sub-satellite
    solar zenith angle (Gilmore, ch. 2).
    """
    radius = math.sqrt(x * x + y * y + z * z)
    view = (R_EARTH / radius) ** 2
    zenith = max(0.0, (x * sun[0] + y * sun[1] + z * sun[2]) / radius)
    direct = absorptivity * sun_area * irradiance * sunlight
    albedo = absorptivity * earth_area * irradiance * EARTH_ALBEDO * view * zenith
    infrared = emissivity * earth_area * EARTH_INFRARED * view
    return direct + albedo + infrared


@kernel
def temperature_step(temperature, heat, radiator_area, emissivity, heat_capacity, seconds):
    """Temperature (K) after `seconds` with `heat` watts coming in: linearly implicit, stable at any step."""
    conductance = emissivity * STEFAN_BOLTZMANN * radiator_area * temperature**3
    net = heat - conductance * temperature
    return temperature + seconds * net / (heat_capacity + 4.0 * seconds * conductance)


@kernel
def throttle(temperature, throttle_above, shutdown_above):
    """Share of full payload activity allowed at `temperature` (K): 1, falling linearly to 0 at shutdown."""
    if temperature <= throttle_above:
        return 1.0
    if temperature >= shutdown_above:
        return 0.0
    return (shutdown_above - temperature) / (shutdown_above - throttle_above)


def steady_temperature(heat: float, radiator_area: float, emissivity: float) -> float:
    """Temperature (K) at which `radiator_area` (m2) radiates `heat` (W): (heat / (e sigma A))^(1/4)."""
    return (heat / (emissivity * STEFAN_BOLTZMANN * radiator_area)) ** 0.25
