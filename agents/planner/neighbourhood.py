"""The neighbourhood of a plan for pointing: its arrays, and the moves that change them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.planner.search import ALL, Change, Edit, Plan, Trace
from agents.planner.simulator import Simulator
from agents.planner.tasking_decoder import (
    ASKED,
    CROWDED,
    FLOOR,
    HABITS,
    OWN,
    PLAIN,
    SEND,
    USUAL,
    TaskingDecoder,
    images_left,
)
from agents.planner.variation import STEP, varied
from sandbox.state import NONE

PREFERRED = 8.0
"""Factor on the score of a request that a satellite is to prefer: more than requests differ in score."""
SPREAD = 0.5
"""Deviation of the logarithm of a factor that is tried: mostly between a third and three times."""
FLOORS = (0.5, 0.75, 0.9)
"""Shares of the requests, the least valuable ones, that plans at the beginning leave alone: where few images
reach the ground or energy is short, what is imaged must be worth it."""
ORDERS = 1_000
"""Satellites times rounds of an episode whose plans may say who images what in which round."""
FULL = 20.0
"""Images on board that raise the floor by a value as they are tried: as many as half a store holds."""
LENGTHS_S = (30.0, 60.0, 120.0, 240.0, 480.0, 960.0)
"""Seconds for which another habit is tried: from one round to a whole pass over a region."""


def some_rounds(rng: np.random.Generator, first: int, rounds: int, round_s: float) -> slice:
    """Rounds of the episode, for one of `LENGTHS_S`, that begin within `rounds` after `first`."""
    t = first + int(rng.integers(rounds))
    return slice(t, t + max(1, round(float(rng.choice(LENGTHS_S)) / round_s)))


class TaskingNeighbourhood:
    """`TaskingDecoder` in the copies of a simulator, and changes of its plans; see `search.Base`."""

    def __init__(self, simulator: Simulator, policy: TaskingDecoder) -> None:
        self.simulator, self.world, self.policy = simulator, simulator.world, policy
        self._first = simulator.actions.index("observe_1")
        self.round_s = float(self.world.constants.round_s)
        self.rounds = round(self.world.horizon_s / self.round_s) + 1

    def blank(self) -> Plan:
        n = self.world.satellites
        requests = max(1, self.world.state.requests.book.shape[1])
        return {
            "keys": np.ones((n, requests), np.float32),
            "habits": np.zeros((n, self.rounds), np.int8),
            "numbers": np.ones((n, len(OWN) + len(ASKED)), np.float32),
            "floors": np.zeros((n, 2), np.float32),
            # of small episodes alone: of a large one it would take more memory than all else
            "orders": np.full((n, self.rounds if n * self.rounds <= ORDERS else 1), NONE, np.int32),
        }

    def follow(self, plan: Plan) -> None:
        self.habits, self.orders = plan["habits"], plan["orders"]
        self.policy.follow(plan["keys"], plan["numbers"], plan["floors"])

    def act(self, round_: int | NDArray[np.int64]) -> NDArray[np.int64]:
        self.policy.habit, self.policy.order = self.now(self.habits, round_), self.now(self.orders, round_)
        return self.policy.decide(self.simulator.seen, self.simulator.mask)

    def now(self, part: NDArray, round_: int | NDArray[np.int64]) -> NDArray:
        """Of a part of the plans (W, N, rounds) what holds (W, N) in a round, or in each copy's (W,)."""
        last = np.minimum(np.broadcast_to(round_, len(part)), part.shape[-1] - 1)
        return part[np.arange(len(part)), :, last]

    def shown(self) -> NDArray[np.int32]:
        return self.world.state.opportunities["request"]

    def left(self) -> NDArray[np.float64]:
        end = float(self.world.state.clock["start"][0]) + self.world.horizon_s
        rate = self.simulator.layout.physical(self.simulator.seen, "contact_rate")
        return images_left(self.world, 1e6 * rate, end)

    def change(self, rng: np.random.Generator, trace: Trace, rounds: int, n: int) -> Sequence[Edit]:
        # requests first: which of two is imaged decides most of the value, and such a move disturbs least
        kind = rng.random() if n != ALL else 1.0
        if kind < 0.6:
            return self._wish(rng, trace, rounds, n)
        if kind < 0.85:
            return [
                (
                    "habits",
                    (n, some_rounds(rng, trace.first, rounds, self.round_s)),
                    int(rng.integers(HABITS)),
                )
            ]
        return [self.number(rng, "numbers", len(OWN) + len(ASKED), n)]

    def starts(self) -> Sequence[Change]:
        return [{ALL: [self.pointed_plainly()]}]

    def choosy(self, value: NDArray[np.float64]) -> Sequence[Change]:
        """Changes of the blank plan for a book of requests with these values (M,): whoever sees a station
        sends, and what is worth little is left."""
        sends: Edit = ("habits", (slice(None),), SEND)
        asked = value[value > 0.0]
        floors: list[Edit] = [
            ("floors", (slice(None), FLOOR), float(np.quantile(asked, share)))
            for share in (FLOORS if len(asked) else ())
        ]
        plain = self.pointed_plainly()
        kinds: list[list[Edit]] = [[sends], [plain], [plain, sends]]
        return [{ALL: [sends]}, {ALL: [plain, sends]}] + [{ALL: [*k, f]} for k in kinds for f in floors]

    def vary(self, rng: np.random.Generator, plan: Plan, n: int) -> Sequence[Edit]:
        kind, who = rng.random(), slice(None) if n == ALL else n
        if kind < 0.1:
            return [("habits", (who, slice(None)), int(rng.choice((USUAL, SEND))))]
        edits = varied(rng, "numbers", plan, n)
        return [*edits, self._floor(rng, plan, n)] if kind < 0.6 else edits

    def _floor(self, rng: np.random.Generator, plan: Plan, n: int) -> Edit:
        """Another floor: a little different, a value that some request has, or none."""
        who, which = slice(None) if n == ALL else n, int(rng.integers(2))
        now = plan["floors"][who, which]
        if np.any(now > 0.0) and rng.random() < 0.6:
            return "floors", (who, which), now * np.float32(np.exp(rng.normal(0.0, STEP)))
        value = self.world.state.requests.book["value"][0]
        asked = value[value > 0.0]
        if not len(asked) or rng.random() < 0.2:
            return "floors", (who, which), 0.0
        drawn = float(np.quantile(asked, rng.random()))
        return "floors", (who, which), drawn / FULL if which == CROWDED else drawn

    def pointed_plainly(self) -> Edit:
        """Every satellite points with the numbers of `DeadlineGreedy`."""
        return "numbers", (slice(None),), self.policy.factors(PLAIN)

    def number(self, rng: np.random.Generator, name: str, count: int, n: int) -> Edit:
        """Another value of a number of the plan, for satellite n or for all."""
        who = slice(None) if n == ALL else n
        return name, (who, int(rng.integers(count))), float(np.exp(rng.normal(0.0, SPREAD)))

    def _wish(self, rng: np.random.Generator, trace: Trace, rounds: int, n: int) -> list[Edit]:
        """Have satellite n leave what it images, or prefer something that it is shown."""
        shown = trace.shown[:rounds, n]
        t, k = np.nonzero(shown >= 0)
        if not len(t):
            return []
        one = int(rng.integers(len(t)))
        # from what was imaged, away; towards what was not: either is a change that can matter
        taken = trace.actions[t[one], n] == self._first + k[one]
        return [("keys", (n, int(shown[t[one], k[one]])), 0.0 if taken else PREFERRED)]
