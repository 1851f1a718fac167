"""Orders in words from the ground: what is told of them, and what following them pays."""

import numpy as np

from envs.block import Block, Text
from envs.features import Feature
from sandbox.compiled import kernel
from sandbox.directives import CLASSES
from sandbox.order_delivery import told_orders
from sandbox.order_words import WORDS, text_of, words, words_of
from sandbox.state import NONE

ORDERS, DAY_S = "Orders from the ground", 86_400.0


class Utc(Block):
    """The time of day, by which orders name hours."""

    features = (Feature("utc", "h", 0, 24, "{:.2f} h UTC", "Time"),)

    def params(self, world):
        epoch = world.scenario.epoch
        return (3600.0 * epoch.hour + 60.0 * epoch.minute + epoch.second,)

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        row.utc = ((moment.now + own.params[0]) % DAY_S) / 3600.0


class RequestPlaces(Block):
    """Where the requests that are shown lie."""

    each = "request"
    features = (
        Feature("latitude", "deg", -90, 90, "{:.0f} N", negative="{:.0f} S", column="latitude"),
        Feature("longitude", "deg", -180, 180, "{:.0f} E", negative="{:.0f} W", column="longitude"),
    )

    def count(self, world):
        return world.shown

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        for k in range(own.items.shape[1]):
            j = sim.state.opportunities[b, n, k].request
            if j != NONE:
                up = sim.state.requests.book[b, j].up
                own.items[b, k].latitude = np.degrees(np.arcsin(up[2]))
                own.items[b, k].longitude = np.degrees(np.arctan2(up[1], up[0]))


class Directives(Block):
    """The orders in words that a satellite has heard, the latest first: their words by number, nothing of
    what they mean. `age` counts from the issue; `word_k` are lines of `sandbox/data/order_words.txt`, 0 for
    none."""

    parts = ("directives",)
    each = "directive"
    features = (
        Feature("present", "1", 0, 1, "order {:.0f}", gate=True),
        Feature("age", "min", 0, 240, "", open_end=True),
    )

    def __init__(self, shown):
        super().__init__()
        self.shown = shown

    def count(self, world):
        return self.shown

    def more(self, world):
        return tuple(Feature(f"word_{k}", "1", 0, WORD_RANGE, "") for k in range(1, WORDS + 1))

    def texts(self, world):
        own = ("present", *(f"word_{i}" for i in range(1, WORDS + 1)))
        names = (tuple(f"directive_{k}_{name}" for name in own) for k in range(1, self.shown + 1))
        return tuple(Text(ORDERS, each, said_of, LONGEST_ORDER) for each in names)

    def params(self, world):
        return (np.zeros((world.worlds, self.shown), np.int64),)

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        places, state = own.params[0][b], sim.directives.state
        told_orders(sim.directives, moment.now, b, n, places)
        for k in range(own.items.shape[1]):
            d = places[k]
            if d == NONE:
                return
            own.items[b, k].present = 1.0
            own.items[b, k].age = (moment.now - state.book[b, d].issued) / 60.0
            for i in range(own.more.shape[2]):
                own.more[b, k, i] = state.words[b, d, i]


WORD_RANGE = 4095.0
"""Upper end of the range of a word's number: room for words to come, so that the numbers' scale stays."""
LONGEST_ORDER = 600
"""Characters of the text of an order at most."""


def said_of(values):
    """The text of an order by its features (present, word_1, ...); empty where there is none."""
    if values[0] < 0.5:
        return ""
    known = (round(value) for value in values[1:])
    return text_of(words_of(number for number in known if number <= len(words())))


class OrderPay(Block):
    """What a priority adds to images that arrive, and what breaches of orders cost (`sandbox.directives`)."""

    parts = ("directives",)
    terms = ("reward_priority", "reward_breaches")

    def pays(self, world):
        own = world.scenario.orders
        return (
            f"image under embargo -{own.embargo_cost:g} x its value; image through a station given up "
            f"-{own.station_cost:g} x its pay; battery below a reserve -{own.reserve_cost:g}; minute of "
            f"serving a queue left to others -{own.service_cost:g}; of orders that differ the highest "
            "rank holds, zero unless said, of equal ranks the latest"
        )

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        tally = sim.directives.state.tally[b, n]
        row.reward_priority = tally.bonus
        row.reward_breaches = -tally.fine


class OrderCounts(Block):
    """How often orders that the satellite knew were followed in the round and how often not, by class (see
    `sandbox.directives`); the bits of orders that it heard or passed on, and how many it heard."""

    parts = ("directives",)
    terms = (
        *(f"kept_{name}" for name in CLASSES),
        *(f"broken_{name}" for name in CLASSES),
        "order_bits",
        "orders_heard",
    )

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        kept, broken = sim.directives.state.kept[b, n], sim.directives.state.broken[b, n]
        row.kept_priority, row.broken_priority = kept[0], broken[0]
        row.kept_embargo, row.broken_embargo = kept[1], broken[1]
        row.kept_reserve, row.broken_reserve = kept[2], broken[2]
        row.kept_service, row.broken_service = kept[3], broken[3]
        row.kept_station, row.broken_station = kept[4], broken[4]
        row.kept_conditional, row.broken_conditional = kept[5], broken[5]
        row.kept_corrected, row.broken_corrected = kept[6], broken[6]
        row.kept_steps_0, row.broken_steps_0 = kept[7], broken[7]
        row.kept_steps_1, row.broken_steps_1 = kept[8], broken[8]
        row.kept_steps_2, row.broken_steps_2 = kept[9], broken[9]
        row.order_bits = sim.directives.state.tally[b, n].bits
        row.orders_heard = sim.directives.state.tally[b, n].heard
