"""The ground stations as a satellite knows them: the contact plan, made on board, and the weather there."""

import math

from envs.block import Block
from envs.features import Feature
from sandbox.compiled import kernel
from sandbox.links import SEARCH_HORIZON_S
from sandbox.radio import CLEAR, air_share
from sandbox.state import NONE
from sandbox.weather import rain_chance

GROUND, HORIZON_MIN = "Ground", SEARCH_HORIZON_S / 60


class Station(Block):
    """The station in view during the coming round, and the next contact.

    `station_rate` is that in the middle of what is in view, under the sky as it is; `station_fade` what cloud
    and rain take of the signal there. `contact_rate` is that of the contact's highest point under a clear
    sky, or the present one once that is past; `contact_length` what is left of it once it has
    begun, `contact_rain` the forecast for its middle.
    """

    parts = ("weather",)
    features = (
        Feature("station_seconds", "s", 0, 300, "station in view for {:.0f} s",
                GROUND, silent_at=0),
        Feature("station_elevation", "deg", 0, 90, "{:.0f} deg high", GROUND,
                silent_at=0),
        Feature("station_rate", "Mbit/s", 0, 1000, "{:.0f} Mbit/s", GROUND, silent_at=0),
        Feature("station_fade", "dB", 0, 30, "cloud and rain cost {:.1f} dB", GROUND, silent_at=0, root=True),
        Feature("station_uplink", "Mbit/s", 0, 50, "{:.1f} Mbit/s up", GROUND, silent_at=0),
        Feature("station_rivals", "1", 0, 20, "{:.0f} other [satellite|satellites] there", GROUND,
                silent_at=0, root=True),
        Feature("contact_in", "min", 0, HORIZON_MIN, "next contact in {:.0f} min", GROUND,
                silent_at=HORIZON_MIN, at_zero="contact now"),
        Feature("contact_length", "min", 0, 20, "lasting {:.0f} min", GROUND, silent_at=0),
        Feature("contact_rate", "Mbit/s", 0, 1000, "up to {:.0f} Mbit/s if clear", GROUND, silent_at=0),
        Feature("contact_rain", "%", 0, 100, "{:.0f} % chance of rain", GROUND, silent_at=0),
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
        row.station_uplink = 1e-6 * outlook.uplink
        row.station_fade = _fade(sim, outlook, b, n)
        row.contact_in = HORIZON_MIN
        if plan.station != NONE:
            begin = max(moment.now, plan.start)
            row.contact_in = (begin - moment.now) / 60.0
            row.contact_length = (plan.end - begin) / 60.0
            middle = 0.5 * (begin + plan.end)
            row.contact_rain = 100.0 * rain_chance(sim.weather, sim.state.clock[b], b, plan.station, middle)
            row.contact_rate = 1e-6 * plan.rate
            if moment.now > plan.peak and outlook.station == plan.station:
                row.contact_rate = row.station_rate


@kernel
def _fade(sim, outlook, b, n):
    """What cloud and rain over the station in view take of the downlink, dB."""
    if outlook.station == NONE:
        return 0.0
    g, down, radio = outlook.station, sim.constants.radios.down, sim.constants.craft[n].radio
    sky, sine = sim.state.ground[b, g].sky, math.sin(outlook.elevation)
    if sky == CLEAR:
        return 0.0
    clear = air_share(down, radio, g, CLEAR, sine)
    return 10.0 * math.log10(clear / air_share(down, radio, g, sky, sine))
