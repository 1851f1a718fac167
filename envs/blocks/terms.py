"""What a round is worth, and what else is reported of it. Names that begin with `reward_` are paid."""

import math
from typing import ClassVar

from envs.block import Block
from envs.options import checked_price
from sandbox.compiled import kernel

DAY = 86_400.0


class Priced(Block):
    """A term with a price; `worth` says what it is the price of."""

    worth: ClassVar[str] = ""

    def __init__(self, price: float) -> None:
        super().__init__()
        self.price = checked_price(f"price of {type(self).__name__.lower()}", price)

    def pays(self, world):
        return self.worth.format(self.price) if self.price else ""

    def params(self, world):
        return (self.price,)


class Delivery(Block):
    """Images that have arrived whole: value x 2^(-age / half-life), age from capture to arrival; and of
    campaigns, what completing them in time pays, in equal shares for the images (`sandbox.campaigns`)."""

    terms = ("reward_delivery",)

    def pays(self, world):
        requests = world.scenario.requests
        paid = f"image on the ground its value, halved every {60.0 * requests.half_life_h:g} min on board"
        if not (requests.has_kinds and requests.kinds.completion):
            return paid
        return f"{paid}; an order completed on the ground in time its completion, shared by who took part"

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        row.reward_delivery = sim.state.activity[b, n].value


class Answers(Block):
    """Answers that have arrived: value x quality x 2^(-age / half-life), age since the question."""

    parts = ("jobs",)
    terms = ("reward_answers",)

    def pays(self, world):
        return "answer value x quality, halved every half-life"

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        row.reward_answers = sim.jobs.state.servers[b, n].value


class Service(Priced):
    """A day in the slot, `price`; paid by the round."""

    parts = ("encounters",)
    terms = ("reward_service",)
    worth = "day in the slot {:g}"

    def params(self, world):
        return self.price, 1e3 * world.scenario.encounters.slot_km

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        inside = abs(sim.encounters.state.passing[b, n].offset) <= own.params[1]
        if moment.now > moment.start and inside and sim.state.body[b, n].alive:
            row.reward_service = own.params[0] * moment.round_s / DAY


class Fuel(Priced):
    """A metre per second of burns, -`price`."""

    parts = ("encounters",)
    terms = ("reward_fuel",)
    worth = "burning 1 m/s -{:g}"

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        played = moment.now > moment.start
        row.reward_fuel = -own.params[0] * sim.encounters.state.passing[b, n].burned if played else 0.0


class OutOfSlot(Priced):
    """A day further than `slot_km` from the slot, -`price`; paid by the round."""

    parts = ("encounters",)
    terms = ("reward_slot",)
    worth = "day out of the slot -{:g}"

    def params(self, world):
        return self.price, 1e3 * world.scenario.encounters.slot_km

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        outside = abs(sim.encounters.state.passing[b, n].offset) > own.params[1]
        if moment.now > moment.start and outside and sim.state.body[b, n].alive:
            row.reward_slot = -own.params[0] * moment.round_s / DAY


class Loss(Priced):
    """A satellite that was lost in the round, -`price`."""

    terms = ("reward_loss",)
    worth = "lost satellite -{:g}"

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        row.reward_loss = -own.params[0] if sim.state.activity[b, n].died else 0.0


class Risk(Priced):
    """Collisions to be expected of what passed in the round, by the last warning of each, -`price` each.

    What is rare is learned from more readily where its chance is paid for whenever it was taken.
    """

    parts = ("encounters",)
    terms = ("reward_risk",)
    worth = "passing something, per collision to be expected -{:g}"

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        row.reward_risk = -own.params[0] * sim.encounters.state.passing[b, n].risk


class Energy(Block):
    """Joules used in the round."""

    terms = ("energy_j",)

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        row.energy_j = sim.state.activity[b, n].consumed


class ImageCounts(Block):
    """Images: mean age of those that arrived (s), how many arrived, were taken, discarded for cloud, of
    a request that another satellite took first; and whether the station's antennas were busy."""

    terms = ("latency_s", "delivered", "captured", "cloudy", "duplicate", "denied")

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        did = sim.state.activity[b, n]
        row.latency_s = did.latency / max(1, did.delivered)
        row.delivered = did.delivered
        row.captured = did.captured
        row.cloudy = did.cloudy
        row.duplicate = did.duplicate
        row.denied = did.denied


class AnswerLatency(Block):
    """Mean age of the answers that arrived, s."""

    parts = ("jobs",)
    terms = ("answer_s",)

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        server = sim.jobs.state.servers[b, n]
        row.answer_s = server.latency / max(1, server.answered)


class Latency(Block):
    """Mean age of the answers that arrived, s, where there are no images to have one."""

    parts = ("jobs",)
    terms = ("latency_s",)

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        server = sim.jobs.state.servers[b, n]
        row.latency_s = server.latency / max(1, server.answered)


class JobCounts(Block):
    """Jobs: answered, arrived in the inbox, handed over, decisions refused, dropped, expired, lost."""

    parts = ("jobs",)
    terms = ("answered", "arrived", "handed", "refused", "dropped", "expired", "lost")

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        server = sim.jobs.state.servers[b, n]
        row.answered = server.answered
        row.arrived = server.arrived
        row.handed = server.handed
        row.refused = server.refused
        row.dropped = server.dropped
        row.expired = server.expired
        row.lost = server.lost


class EncounterCounts(Block):
    """Metres per second burned, a collision, the least distance to anything that passed (m), and whether
    the satellite is out of its slot."""

    parts = ("encounters",)
    terms = ("burned_m_s", "collided", "closest_m", "out_of_slot")

    def params(self, world):
        return (1e3 * world.scenario.encounters.slot_km,)

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        passing = sim.encounters.state.passing[b, n]
        row.burned_m_s = passing.burned if moment.now > moment.start else 0.0
        row.collided = passing.hit
        row.closest_m = passing.closest if passing.closest < math.inf else 0.0
        row.out_of_slot = sim.state.body[b, n].alive and abs(passing.offset) > own.params[0]


class SafeMode(Block):
    """Whether the satellite is in safe mode."""

    terms = ("safe_mode",)

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        row.safe_mode = sim.state.safety[b, n].safe
