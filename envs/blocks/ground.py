"""The ground stations as a satellite knows them: the contact plan, computed on board."""

import math

from envs.block import Block
from envs.features import Feature
from sandbox.compiled import kernel
from sandbox.links import SEARCH_HORIZON_S
from sandbox.state import NONE

GROUND, HORIZON_MIN = "Ground", SEARCH_HORIZON_S / 60


class Station(Block):
    """The station in view during the coming round, and the next contact."""

    features = (
        Feature("station_seconds", "s", 0, 300, "station in view for {:.0f} s",
                GROUND, silent_at=0),
        Feature("station_elevation", "deg", 0, 90, "{:.0f} deg high", GROUND,
                silent_at=0),
        Feature("station_rate", "Mbit/s", 0, 1000, "{:.0f} Mbit/s", GROUND, silent_at=0),
        Feature("station_rivals", "1", 0, 20, "{:.0f} other [satellite|satellites] there", GROUND,
                silent_at=0),
        Feature("contact_in", "min", 0, HORIZON_MIN, "next contact in {:.0f} min", GROUND,
                silent_at=HORIZON_MIN, at_zero="contact now"),
        Feature("contact_length", "min", 0, 20, "lasting {:.0f} min", GROUND, silent_at=0),
    )  # fmt: skip

    def tops(self, scenario):
        return {"station_seconds": scenario.round_s}

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        outlook, plan = sim.state.outlook[b, n], sim.state.contacts.plan[b, n]
        row.station_seconds = outlook.visible_to - outlook.visible_from
        row.station_elevation = math.degrees(outlook.elevation)
        row.station_rate = 1e-6 * outlook.rate
        row.station_rivals = outlook.station_rivals
        row.contact_in = HORIZON_MIN
        if plan.station != NONE:
            begin = max(moment.now, plan.start)
            row.contact_in = (begin - moment.now) / 60.0
            row.contact_length = (plan.end - begin) / 60.0
