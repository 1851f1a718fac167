"""Encounters: the slot, fuel, warnings, and burns."""

import math
from functools import partial

from envs import prospects
from envs.block import Action, Block
from envs.blocks.pointing import obeys
from envs.features import Feature
from sandbox.compiled import kernel
from sandbox.maneuvers import BACKWARD_LARGE, FORWARD_LARGE, FORWARD_SMALL, RETURN, away

HOUR, DAY = 3600.0, 86_400.0
SLOT, SHIP = "Slot", "Satellite"
LEAST_PROBABILITY = 1e-10
BURNS = ("forward_small", "forward_large", "backward_small", "backward_large", "return")


class Slot(Block):
    """Fuel, and where the satellite is from its slot."""

    parts = ("encounters",)
    features = (
        Feature("fuel", "%", 0, 100, "fuel at {:.0f} %", SHIP, warn_below=10),
        Feature("offset", "km", -50, 50, "{:.1f} km ahead", SLOT,
                negative="{:.1f} km behind", open_end=True),
        Feature("drift", "km/d", -50, 50, "drifting ahead {:.1f} km a day", SLOT, silent_at=0,
                negative="falling behind {:.1f} km a day", open_end=True),
    )  # fmt: skip

    def params(self, world):
        return (float(world.scenario.encounters.fuel_m_s),)

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        passing = sim.encounters.state.passing[b, n]
        row.fuel = 100.0 * sim.encounters.state.fuel[b, n] / own.params[0]
        row.offset = 1e-3 * passing.offset
        row.drift = 1e-3 * DAY * passing.drift


class WarningCount(Block):
    """How many warnings there are."""

    parts = ("encounters",)
    features = (Feature("warnings", "1", 0, 10, "{:.0f} [warning|warnings]", SHIP),)

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        warnings = sim.encounters.warnings[b, n]
        for k in range(warnings.shape[0]):
            row.warnings += warnings[k].tca != math.inf


class Warnings(Block):
    """The warnings, the gravest first."""

    each = "warning"
    parts = ("encounters",)
    features = (
        Feature("present", "1", 0, 1, "warning {:.0f}", gate=True),
        Feature("time", "h", 0, 36, "closest approach in {:.1f} h", column="in h"),
        Feature("miss", "m", 0, 3000, "estimated miss {:.0f} m", column="miss m", open_end=True, root=True),
        Feature("sigma", "m", 0, 3000, "known to within {:.0f} m", column="+- m", open_end=True, root=True),
        Feature("risk", "1", -10, 0, "collision probability {:odds}", warn_above=-4, column="probability"),
        Feature("age", "h", 0, 36, "issued {:.1f} h ago", column="h old", root=True),
    )

    def count(self, world):
        return world.warned

    def tops(self, scenario):
        return {"time": scenario.encounters.warn_h, "age": scenario.encounters.warn_h}

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        warnings = sim.encounters.warnings[b, n]
        for k in range(warnings.shape[0]):
            warning, item = warnings[k], own.items[b, k]
            item.risk = -10.0
            if warning.tca != math.inf:
                item.present = 1.0
                item.time = (warning.tca - moment.now) / HOUR
                item.miss = warning.miss
                item.sigma = warning.sigma
                item.risk = math.log10(max(LEAST_PROBABILITY, warning.probability))
                item.age = (moment.now - warning.issued) / HOUR


class Burns(Block):
    """Impulses along track, and the one that leads back to the slot. What is ordered does not stand."""

    parts = ("encounters",)
    group = "burn"
    stands = False

    def actions(self, world):
        settings = world.scenario.encounters
        small, large = 100.0 * settings.small_m_s, 100.0 * settings.large_m_s
        fuel, back = "there is fuel for it", "100 m out of the slot or drifting, with fuel"
        phrases = (
            f"burn {small:g} cm/s along the flight",
            f"burn {large:g} cm/s along the flight",
            f"burn {small:g} cm/s against the flight",
            f"burn {large:g} cm/s against the flight",
            "burn back to the slot",
        )
        return tuple(map(Action, BURNS, phrases, (fuel, fuel, fuel, fuel, back)))

    def prospects(self, world, prices):
        settings = world.scenario.encounters
        small, large = (
            partial(prospects.burning, prices=prices, delta_v=each)
            for each in (settings.small_m_s, settings.large_m_s)
        )
        return small, large, small, large, partial(prospects.returning, prices=prices)

    def families(self, world):
        settings = world.scenario.encounters
        small, large = 100.0 * settings.small_m_s, 100.0 * settings.large_m_s
        return ((BURNS[:4], f"burn {small:g} or {large:g} cm/s along or against the flight"),)

    @staticmethod
    @kernel
    def allow(sim, own, moment, legal, b, n):
        encounters, params = sim.encounters.state, sim.encounters.params
        fuel, passing = encounters.fuel[b, n], encounters.passing[b, n]
        able = obeys(sim, b, n)
        for i in range(RETURN - FORWARD_SMALL):
            large = FORWARD_SMALL + i in (FORWARD_LARGE, BACKWARD_LARGE)
            legal[i] = able and fuel >= (params.large if large else params.small)
        legal[RETURN - FORWARD_SMALL] = able and fuel > 0.0 and away(passing.offset, passing.drift)

    @staticmethod
    @kernel
    def apply(control, own, action, b, n):
        control.commands.burn[b, n] = FORWARD_SMALL + action
