"""What a satellite's sensors say of itself: power, heat, light, place, pointing, and the time left."""

import math

from envs.block import Block
from envs.features import Feature
from sandbox.attitude import angle_between, slew_time
from sandbox.compiled import kernel
from sandbox.counted_random import noise
from sandbox.faults import BATTERY, TEMPERATURE
from sandbox.geometry import unit
from sandbox.orbits.bodies import SOLAR_CONSTANT
from sandbox.thermal import LONGEST_MIN, environment_heat, full_power_minutes

KELVIN = 273.15
POWER, PLACE = "Power and heat", "Place"
MOST_BATTERY_MIN = 300.0


class Body(Block):
    """Battery and temperatures, as the sensors give them: blurred where the world has faults; how long full
    power can last.

    `full_power_left` is the time for which the boards can run at full power before heat slows them, as the
    satellite's own model has it (`thermal.full_power_minutes`, as things stand outside), `battery_left` that
    for which the battery alone carries the bus and the boards at full power until safe mode.
    """

    features = (
        Feature("battery", "%", 0, 100, "battery at {:.0f}%", POWER, warn_below=25),
        Feature("temperature", "degC", -40, 80, "temperature {:.0f} C", POWER, warn_above=45),
        Feature("board_temperature", "degC", -40, 120, "boards {:.0f} C", POWER, warn_above=85),
        Feature("full_power_left", "min", 0, LONGEST_MIN,
                "full power lasts {:.0f} min before heat slows the boards", POWER,
                silent_at=LONGEST_MIN, warn_below=10),
        Feature("battery_left", "min", 0, MOST_BATTERY_MIN,
                "battery alone {:.0f} min at full power", POWER, silent_at=MOST_BATTERY_MIN),
        Feature("battery_health", "%", 50, 100, "battery health {:.1f}%", POWER,
                silent_at=100),
    )  # fmt: skip

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        power = sim.state.power[b, n]
        row.battery = 100.0 * power.energy / power.capacity
        body, craft = sim.state.body[b, n], sim.constants.craft[n]
        row.temperature, row.board_temperature = body.temperature - KELVIN, body.board - KELVIN
        _blur(sim.faults, sim.state.clock[b].round, row, b, n)
        outside = _heat_from_outside(sim, moment, craft, b, n)
        row.full_power_left = full_power_minutes(body, craft, outside, LONGEST_MIN)
        spare = 0.01 * row.battery - sim.constants.safety.below
        served = max(0.0, spare) * power.capacity * craft.discharge_efficiency
        full = craft.base_load - craft.compute_load + craft.board_power
        row.battery_left = min(MOST_BATTERY_MIN, served / full / 60.0)
        row.battery_health = 100.0 * power.capacity / craft.battery


@kernel
def _heat_from_outside(sim, moment, craft, b, n):
    """W that satellite n takes in from Sun and Earth as it stands."""
    p, sun = sim.state.orbit.position[b, n], moment.sun
    lit = sim.state.outlook[b, n].sunlight
    return environment_heat(
        p[0], p[1], p[2], sun, lit, SOLAR_CONSTANT,
        craft.sun_area, craft.earth_area, craft.absorptivity, craft.emissivity,
    )  # fmt: skip


@kernel
def _blur(faults, round_, row, b, n):
    """Add the noise of the sensors."""
    if faults is None:
        return
    key, params = faults.state.key[b], faults.params
    if params.battery_sigma > 0.0:
        off = 100.0 * params.battery_sigma * noise(key, BATTERY, round_, n)
        row.battery = min(100.0, max(0.0, row.battery + off))
    if params.temperature_sigma > 0.0:
        off = params.temperature_sigma * noise(key, TEMPERATURE, round_, n)
        row.temperature += off
        row.board_temperature += off


class Safe(Block):
    """Whether the satellite is in safe mode."""

    features = (Feature("safe_mode", "1", 0, 1, "in safe mode", POWER, silent_at=0),)

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        row.safe_mode = sim.state.safety[b, n].safe


HEAT = ("temperature", "board_temperature", "full_power_left", "battery_left", "battery_health")
"""Features of `Body` beside the battery, for problems in which they decide nothing."""


class Light(Block):
    """Sunlight now and the next crossing of the shadow's edge."""

    features = (
        Feature("sunlight", "%", 0, 100, "sunlight {:.0f}%", POWER, at_zero=""),
        Feature("to_shadow", "min", 0, 100, "eclipse in {:.0f} min", POWER, silent_at=0),
        Feature("to_sunlight", "min", 0, 60, "eclipse ends in {:.0f} min", POWER, silent_at=0),
    )

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        outlook = sim.state.outlook[b, n]
        lit, wait = outlook.sunlight, min(outlook.shadow / 60.0, 1e6)
        row.sunlight = 100.0 * lit
        row.to_shadow = wait if lit > 0.0 else 0.0
        row.to_sunlight = 0.0 if lit > 0.0 else wait


class Panel(Block):
    """How the solar panel stands to the Sun."""

    features = (
        Feature("panel_cosine", "1", -1, 1, "panel {:.0f/0.01}% to Sun", POWER,
                negative="panel {:.0f/0.01}% off Sun"),
        Feature("slew_to_sun", "s", 0, 180, "{:.0f} s to turn", POWER),
    )  # fmt: skip

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        pointing, craft, sun = sim.state.pointing[b, n], sim.constants.craft[n], moment.sun
        px, py, pz = pointing[0], pointing[1], pointing[2]
        row.panel_cosine = -(px * sun[0] + py * sun[1] + pz * sun[2])
        angle = angle_between(px, py, pz, -sun[0], -sun[1], -sun[2])
        row.slew_to_sun = slew_time(angle, craft.slew_rate, craft.slew_acceleration) + craft.settle


class Place(Block):
    """The sub-satellite point and the heading."""

    features = (
        Feature("latitude", "deg", -90, 90, "{:.0f} N", PLACE, negative="{:.0f} S"),
        Feature("longitude", "deg", -180, 180, "{:.0f} E", PLACE, negative="{:.0f} W"),
        Feature("northward", "1", -1, 1, "heading {:.0f/0.01}% north", PLACE,
                negative="heading {:.0f/0.01}% south"),
    )  # fmt: skip

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        outlook, velocity = sim.state.outlook[b, n], sim.state.orbit.velocity[b, n]
        row.latitude = math.degrees(outlook.latitude)
        row.longitude = math.degrees(outlook.longitude)
        row.northward = unit(velocity[0], velocity[1], velocity[2])[2]


class TimeLeft(Block):
    """The share of the episode that is left."""

    features = (Feature("time_left", "%", 0, 100, "{:.0f}% of time left", PLACE),)

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        row.time_left = 100.0 * (1.0 - (moment.now - moment.start) / moment.horizon)
