"""Electric propulsion: the tank, how far there is to climb, thrust, and what it costs.

For a problem of orbit raising, say:

    blocks=(Tank(), Climb(20.0), Body(), Thrust(), OffTarget(1.0, 20.0), PropellantUse(0.1))
"""

import numpy as np

from envs.block import Action, Block
from envs.blocks.terms import DAY, Priced
from envs.features import Feature
from sandbox.compiled import kernel
from sandbox.maneuvers import energy
from sandbox.orbits.bodies import MU_EARTH
from sandbox.propulsion import (
    OFF,
    PROGRADE,
    RETROGRADE,
    STANDARD_GRAVITY,
    can_thrust,
    delta_v_left,
)

TOPIC = "Propulsion"


class Tank(Block):
    """Propellant, what velocity it would still give, and whether the thruster was on in the last round."""

    parts = ("propulsion",)
    features = (
        Feature("propellant", "%", 0, 100, "{:.0f}% of the propellant left", TOPIC, warn_below=10),
        Feature("delta_v", "m/s", 0, 1000, "good for {:.0f} m/s", TOPIC),
        Feature("thrusting", "1", -1, 1, "thrusting forward", TOPIC, silent_at=0,
                negative="thrusting backward"),
    )  # fmt: skip

    def tops(self, scenario):
        """The velocity that the fullest tank gives, m/s."""
        kinds = {group.spacecraft for group in scenario.fleet}
        gains = [
            -own.isp_s * STANDARD_GRAVITY * np.log1p(-own.propellant_kg / craft.body.mass_kg)
            for craft in map(scenario.spacecraft.__getitem__, sorted(kinds))
            if (own := craft.propulsion) is not None
        ]
        return {"delta_v": float(max(gains))} if gains else {}

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        tank, full = sim.propulsion.state.tank[b, n], sim.propulsion.params[n].propellant
        row.propellant = 100.0 * tank.propellant / full if full > 0.0 else 0.0
        row.delta_v = delta_v_left(sim.propulsion, b, n)
        row.thrusting = (tank.thrust == PROGRADE) - (tank.thrust == RETROGRADE)


class Climb(Block):
    """How far the satellite is below its target: `raise_km` above its semi-major axis at the epoch.

    The axis is that of the energy with J2's share, which stays the same around an orbit.
    """

    parts = ("propulsion",)
    features = (Feature("climb", "km", -100, 100, "{:.1f} km of semi-major axis to climb", TOPIC,
                        negative="{:.1f} km of semi-major axis to sink"),)  # fmt: skip

    def __init__(self, raise_km: float, omit=(), topic=None) -> None:
        super().__init__(omit, topic)
        self.raise_m = 1e3 * float(raise_km)

    def params(self, world):
        return (targets(world, self.raise_m),)

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        row.climb = 1e-3 * (own.params[0][n] - _axis_now(sim, b, n))


def targets(world, raise_m: float) -> np.ndarray:
    """Semi-major axes (N,), m, that lie `raise_m` above those of the satellites at the epoch."""
    j2, fleet = float(world.constants.forces.j2), world.fleet
    return np.array([axis(p, v, j2) for p, v in zip(fleet.position, fleet.velocity, strict=True)]) + raise_m


@kernel
def axis(position, velocity, j2):
    """Semi-major axis (m) of the energy, with the potential of J2, of a position (3,) and velocity (3,)."""
    return -0.5 * MU_EARTH / energy(position, velocity, j2)


@kernel
def _axis_now(sim, b, n):
    orbit = sim.state.orbit
    return axis(orbit.position[b, n], orbit.velocity[b, n], sim.constants.forces.j2)


class Thrust(Block):
    """To coast or to thrust, until something else is ordered."""

    parts = ("propulsion",)
    group = "thrust"

    def actions(self, world):
        able = "alive, not in safe mode, propellant, and charge above the thruster's least"
        return (
            Action("coast", "keep the thruster off", "always"),
            Action("thrust_prograde", "thrust in the direction of flight, which raises the orbit", able),
            Action(
                "thrust_retrograde", "thrust against the direction of flight, which lowers the orbit", able
            ),
        )

    @staticmethod
    @kernel
    def allow(sim, own, moment, legal, b, n):
        able = can_thrust(sim.state, sim.propulsion, b, n)
        legal[OFF], legal[PROGRADE], legal[RETROGRADE] = 1, able, able

    @staticmethod
    @kernel
    def apply(control, own, action, b, n):
        control.commands.thrust[b, n] = action


class OffTarget(Priced):
    """A day at a kilometre of semi-major axis from the target of `Climb`, -`price`; paid by the round."""

    parts = ("propulsion",)
    terms = ("reward_climb",)
    worth = "day at 1 km from the target orbit -{:g}"

    def __init__(self, price: float, raise_km: float) -> None:
        super().__init__(price)
        self.raise_m = 1e3 * float(raise_km)

    def params(self, world):
        return self.price, targets(world, self.raise_m)

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        if moment.now > moment.start and sim.state.body[b, n].alive:
            off = 1e-3 * abs(own.params[1][n] - _axis_now(sim, b, n))
            row.reward_climb = -own.params[0] * off * moment.round_s / DAY


class PropellantUse(Priced):
    """A kilogram of propellant, -`price`; and the m/s that the thruster gave, of either sign."""

    parts = ("propulsion",)
    terms = ("reward_propellant", "thrust_m_s")
    worth = "1 kg of propellant -{:g}"

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        tank = sim.propulsion.state.tank[b, n]
        row.reward_propellant = -own.params[0] * sim.propulsion.params[n].flow * tank.seconds
        row.thrust_m_s = tank.gained
