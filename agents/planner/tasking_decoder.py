"""The decoder of plans for pointing: a heuristic that sees the truth and follows the numbers of a plan.

A plan need not say what each satellite does in every round. It says what each is to prefer or to leave
(`keys`, by request), how it behaves for some minutes (`habits`) and what numbers it reckons with (`numbers`);
the rest is the heuristic's, so that every plan makes sense. Such decoders of "random keys" are Bean's (1994,
ORSA Journal on Computing 6).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.tuned.tasking import Teacher
from sandbox.campaigns import completion_shares, image_sizes
from sandbox.state import NONE

USUAL, REST, WATCH, SEND, SPEND = range(5)
"""Habits: as the heuristic has it; no images; nothing is sent; sends when it can; energy costs nothing."""
HABITS = 5
OWN = ("reserve", "drain", "comfort", "price_share", "margin_rounds", "crowd")
"""Numbers of the heuristic by satellite."""
ASKED = ("patience", "distance", "rarity", "contest", "rival_discount", "stay_rounds")
"""Numbers that weigh the requests shown."""
PLAIN = {
    "reserve": 15.0, "drain": 0.75, "comfort": 35.0, "price_share": 0.5, "margin_rounds": 2.0, "crowd": 0.0,
    "patience": 0.6, "distance": 1.0, "rarity": 1.0, "contest": 1.0, "rival_discount": 0.2,
    "stay_rounds": 2.0,
}  # fmt: skip
"""The numbers with which the heuristic is `DeadlineGreedy`."""
FLOOR, CROWDED = range(2)
"""Floors by satellite: the value below which a request is left alone, and how much more it must be worth for
every image that waits on board."""
ORDERED = 1e3
"""Factor on the score of a request that is ordered: above any other."""
HIDDEN = 0.92
"""Chance of cloud that is put in the place of a closed sky: with nothing better to do such an image is taken,
since it takes the request off the list."""


class TaskingDecoder(Teacher):
    """`tuned.tasking.Teacher` that knows where the sky is closed and which stations are silent, and follows
    `keys` (W, N, M), by which the score of each request is multiplied, `habit` (W, N), `numbers`
    (W, N, OWN + ASKED), factors of its own numbers, and `floors` (W, N, 2), which see."""

    keys: NDArray[np.float32] | None = None
    floors: NDArray[np.float32] | None = None
    order: NDArray[np.int32] | None = None
    """The request (W, N) that each is to image in this round before any other, -1 for none."""
    habit: NDArray[np.int8] | None = None

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.world = env.world
        self._usual = {name: float(getattr(self, name)) for name in (*OWN, *ASKED)}

    def factors(self, numbers: Mapping[str, float]) -> NDArray[np.float32]:
        """The factors (OWN + ASKED,) that make `numbers` of the heuristic's own."""
        return np.array([numbers[name] / self._usual[name] for name in (*OWN, *ASKED)], np.float32)

    def follow(
        self, keys: NDArray[np.float32], numbers: NDArray[np.float32], floors: NDArray[np.float32]
    ) -> None:
        self.keys, self.floors = keys, floors
        for p, name in enumerate((*OWN, *ASKED)):
            value = self._usual[name] * numbers[..., p].astype(float)
            setattr(self, name, value[..., None] if name in ASKED else value)

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        state = self.world.state
        seen = self.layout.physical(observation)
        seen[..., self._columns["cloud"]] = np.where(self.closed(), 100.0 * HIDDEN, 0.0)
        station = state.outlook["station"]
        antennas = np.take_along_axis(state.ground["antennas"], np.maximum(station, 0), axis=1)
        allowed = mask.copy()
        allowed[..., self._downlink] &= (station != NONE) & (antennas > 0)
        return self.choose(seen, allowed)

    def choose(self, seen: NDArray[np.float64], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        action = super().choose(seen, mask)
        if self.habit is None:
            return action
        images = action >= self._observe[0]
        idle = (self.habit == REST) & images | (self.habit == WATCH) & (action == self._downlink)
        action = np.where(idle, self._rest(seen, mask), action)
        send = (self.habit == SEND) & (mask[..., self._downlink] == 1)
        return np.where(send, self._downlink, action)

    def _price(self, spare: NDArray) -> NDArray:
        price = super()._price(spare)
        return price if self.habit is None else np.where((self.habit == SPEND) & (spare > 0.0), 0.0, price)

    def _score(self, seen: NDArray, mask: NDArray) -> NDArray:
        score = super()._score(seen, mask)
        if self.keys is None or self.floors is None:
            return score
        least = self.floors[..., FLOOR] + self.floors[..., CROWDED] * self._own(seen, "images")
        score = np.where(self._rating(seen) >= least[..., None], score, 0.0)
        shown = self.world.state.opportunities["request"]
        score = score * np.take_along_axis(self.keys, np.maximum(shown, 0), axis=-1)
        if self.order is None:
            return score
        return np.where((shown == self.order[..., None]) & (shown != NONE), ORDERED * score, score)

    def _rating(self, seen: NDArray) -> NDArray:
        """What is held against the floor (W, N, K)."""
        return self._requests(seen, "value")

    def _contact_can_wait(self, seen: NDArray) -> NDArray:
        wait = super()._contact_can_wait(seen)
        return wait if self.habit is None else wait | (self.habit == WATCH)

    def closed(self) -> NDArray[np.bool_]:
        """Whether the sky over each request shown (W, N, K) is closed when it could be imaged."""
        state, shown = self.world.state, self.world.state.opportunities
        j = np.maximum(shown["request"], 0)
        world = np.arange(len(j))[:, None, None]
        book = state.requests.book
        age = state.clock["time"][:, None, None] + shown["capture"] - book["release"][world, j]
        last = state.requests.sky.shape[-1] - 1
        interval = np.clip(age / self.world.constants.sky_s, 0, last).astype(np.int64)
        return state.requests.sky[world, j, interval] < book["cloud"][world, j]


MEAN_RATE = 0.5
"""Of the highest rate of a contact, what it carries in the mean: the codes of DVB-S2 between the horizon and
the highest point differ four times."""
REVOLUTION_S = 5_700.0
"""In low orbit: what one contact cannot hold waits so long for another."""
SETTLED_S = 10.0
"""Until the antenna is turned and sends."""


def images_left(world: Any, rate: NDArray[np.float64], end: float) -> NDArray[np.float64]:
    """What the images on board (W, N) will be worth at the next contacts, those before `end` (s).

    They leave in the order in which they were taken, at `rate` (W, N), bit/s at the best of the contact,
    which those who meet the same station meanwhile share; what it cannot hold waits a revolution for the
    next one.
    """
    state, half_life = world.state, world.constants.half_life
    level, places = state.store.level, state.store.request.shape[-1]
    count = level["count"].astype(np.int64)
    most = int(count.max(initial=0))
    if not most:
        return np.zeros(count.shape)
    behind = np.arange(most)
    place = (level["head"][..., None] + behind) % places
    image = np.take_along_axis(state.store.request, place, axis=-1)
    book = state.requests.book
    copy = np.arange(len(count))[:, None, None]
    plan, now = state.contacts.plan, state.clock["time"][:, None]
    begin = np.maximum(plan["start"], now) + SETTLED_S
    known = (plan["station"] != NONE) & (rate > 0.0)
    crowd = (
        sharing(plan["station"], begin, plan["end"], count > 0)
        / world.constants.stations["antennas"][np.maximum(plan["station"], 0)]
    )
    mine = np.where(known, MEAN_RATE * rate / np.maximum(1.0, crowd), 1.0)
    room = np.maximum(plan["end"] - begin, 1.0)[..., None]
    sizes = np.cumsum(image_sizes(state.requests)[copy, image], axis=-1)
    takes = sizes * (world.constants.craft["image_bits"] / mine)[..., None]
    passes = np.floor(takes / room)
    sent = begin[..., None] + passes * REVOLUTION_S + (takes - passes * room)
    sent = np.where(known[..., None] & (sent < end), sent, np.inf)
    taken = np.where(behind < count[..., None], book["captured_at"][copy, image], 0.0)
    shares = np.array([completion_shares(state.requests, b) for b in range(len(count))])
    worth = (book["value"] + shares)[copy, image] * 2.0 ** (-(sent - taken) / half_life)
    return np.where(behind < count[..., None], worth, 0.0).sum(axis=-1)


def sharing(station: NDArray, begin: NDArray, end: NDArray, sends: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many satellites that have something to send, each itself among them, meet the same station at some
    time of the contact of each (W, N)."""
    found = np.ones(station.shape, np.int64)
    for w, mine in enumerate(station):
        for g in np.unique(mine):
            here = mine == g
            some = here & sends[w]
            before = np.searchsorted(np.sort(begin[w, some]), end[w, here], side="left")
            over = np.searchsorted(np.sort(end[w, some]), begin[w, here], side="right")
            found[w, here] = before - over + ~sends[w, here]
    return found
