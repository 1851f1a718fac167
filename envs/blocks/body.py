"""What a satellite's sensors say of itself: power, heat, light, place, pointing, and the time left."""

import math

from envs.block import Block
from envs.features import Feature
from sandbox.attitude import angle_between, slew_time
from sandbox.compiled import kernel
from sandbox.faults import BATTERY, TEMPERATURE, noise
from sandbox.geometry import unit

KELVIN = 273.15
POWER, PLACE = "Power and heat", "Place"


class Body(Block):
    """Battery and temperature, as the sensors give them: blurred where the world has faults."""

    features = (
        Feature("battery", "%", 0, 100, "battery at {:.0f} %", POWER, warn_below=25),
        Feature("temperature", "degC", -40, 80, "temperature {:.0f} C", POWER, warn_above=45),
    )

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        power = sim.state.power[b, n]
        row.battery = 100.0 * power.energy / power.capacity
        row.temperature = sim.state.body[b, n].temperature - KELVIN
        _blur(sim.faults, sim.state.clock[b].round, row, b, n)


@kernel
def _blur(faults, round_, row, b, n):
    """Add the noise of the sensors."""
    if faults is None:
        return
    key, rules = faults.state.key[b], faults.params
    if rules.battery_sigma > 0.0:
        off = 100.0 * rules.battery_sigma * noise(key, BATTERY, round_, n)
        row.battery = min(100.0, max(0.0, row.battery + off))
    if rules.temperature_sigma > 0.0:
        row.temperature += rules.temperature_sigma * noise(key, TEMPERATURE, round_, n)


class Light(Block):
    """Sunlight now and the next crossing of the shadow's edge."""

    features = (
        Feature("sunlight", "%", 0, 100, "sunlight {:.0f} %", POWER),
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
        Feature("panel_cosine", "1", -1, 1, "panel {:.0f/0.01} % towards it", POWER,
                negative="panel {:.0f/0.01} % away from it"),
        Feature("slew_to_sun", "s", 0, 180, "{:.0f} s to turn it there", POWER),
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
        Feature("latitude", "deg", -90, 90, "{:.0f} deg north", PLACE, negative="{:.0f} deg south"),
        Feature("longitude", "deg", -180, 180, "{:.0f} deg east", PLACE, negative="{:.0f} deg west"),
        Feature("northward", "1", -1, 1, "heading {:.0f/0.01} % north", PLACE,
                negative="heading {:.0f/0.01} % south"),
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

    features = (Feature("time_left", "%", 0, 100, "{:.0f} % of the time left", PLACE),)

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        row.time_left = 100.0 * (1.0 - (moment.now - moment.start) / moment.horizon)
