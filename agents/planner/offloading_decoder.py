"""The decoder of plans for offloading_v0: a heuristic that follows a wish for each job in each inbox.

By satellite it is the nano's teacher or Phoenix, with numbers of the plan, and a price on energy.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.offloading import NEIGHBOURS, OffloadingHeuristic
from agents.phoenix import OffloadingPhoenix
from agents.planner.search import ALL, Change, Edit, Plan, Trace
from agents.planner.simulator import Simulator
from agents.planner.variation import varied
from agents.tuned.offloading import Teacher
from sandbox.jobs import DROP, INBOX
from sandbox.state import NONE

USUAL = 0
"""A wish: as the heuristic has it. Others are an action's number and one."""
TEACHER, PHOENIX = range(2)
"""Heuristics that carry a plan out, by satellite."""
NUMBERS = (
    "reserve", "price", "halving", "queue_here", "queue_training", "ground_s", "crowd", "neighbour_s",
    "queue_neighbour_s", "unseen_s", "margin",
)  # fmt: skip
"""Numbers of the heuristics by satellite; those of energy first."""
OF_ENERGY = 3
PRICES = 0.0, 0.25, 0.5, 1.0, 2.0, 4.0
"""Factors of the price that compete when an episode begins."""


class Priced(OffloadingHeuristic):
    """A heuristic with a price on the boards' time, and with other numbers for every satellite.

    Where energy is scarce, an answer is worth what it pays less what its joules would have earned elsewhere
    or later: the shadow price of a knapsack. A running board draws the same whatever it runs, so that it is a
    price per second of an answer. It halves with every `halving` percent of charge; neighbours' boards cost
    what their charge says, a training satellite's nothing.
    """

    price = 0.0125
    """Value of a second of a board at half a battery."""
    halving = 30.0

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._usual = {name: float(getattr(self, name)) for name in NUMBERS if hasattr(self, name)}

    def follow(self, numbers: NDArray[np.float32]) -> None:
        """Reckon with these factors (W, N, NUMBERS) of the usual numbers."""
        for name, usual in self._usual.items():
            setattr(self, name, usual * numbers[..., NUMBERS.index(name)].astype(float))

    def kept(self, charge: NDArray) -> NDArray[np.float64]:
        """What a charge (%) is worth at this price, in values times percent of charge by seconds: the
        integral of the price, less a constant."""
        halving = np.maximum(self.halving, 1.0)
        return -self._second(charge) * halving / np.log(2.0)

    def _worths(self, seen: NDArray) -> dict[str, NDArray]:
        worths = super()._worths(seen)
        small, large = self._of(seen, "job_small_s"), self._of(seen, "job_large_s")
        here = self._second(self._of(seen, "battery"))
        costs = {"run_small": here * small, "run_large": here * large}
        for k in NEIGHBOURS:
            costs[f"neighbour_{k}"] = self._second(self._of(seen, f"neighbour_{k}_battery")) * large
        return {name: worth - costs.get(name, 0.0) for name, worth in worths.items()}

    def _second(self, charge: NDArray) -> NDArray:
        """What a second of boards at a charge (%) costs."""
        return self.price * 2.0 ** ((50.0 - charge) / np.maximum(self.halving, 1.0))


class PricedTeacher(Priced, Teacher):
    """`tuned.offloading.Teacher` with a price."""


class PricedPhoenix(Priced, OffloadingPhoenix):
    """`OffloadingPhoenix` with a price."""


class OffloadingDecoder:
    """Heuristics in the copies of a simulator, and changes of their plans; see `search.Base`."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator, self.world = simulator, simulator.world
        self._policies: tuple[Priced, ...] = PricedTeacher(simulator), PricedPhoenix(simulator)

    def blank(self) -> Plan:
        team = self.world.satellites
        return {
            "wishes": np.zeros((team, self.world.jobs.state.book.shape[1]), np.int8),
            "numbers": np.ones((team, len(NUMBERS)), np.float32),
            "kinds": np.zeros((team, 1), np.int8),
        }

    def follow(self, plan: Plan) -> None:
        self._wishes, self._kinds = plan["wishes"], plan["kinds"][..., 0]
        for policy in self._policies:
            policy.follow(plan["numbers"])

    def act(self, round_: int | NDArray[np.int64]) -> NDArray[np.int64]:
        mask = self.simulator.mask
        head = np.maximum(self._heads(), 0)
        wish = np.take_along_axis(self._wishes, head[..., None], axis=-1)[..., 0].astype(np.int64) - 1
        followed = (wish >= 0) & (
            np.take_along_axis(mask, np.maximum(wish, 0)[..., None], axis=-1)[..., 0] == 1
        )
        return np.where(followed, wish, self._usually(mask))

    def _usually(self, mask: NDArray[np.int8]) -> NDArray[np.int64]:
        """What the heuristics do."""
        found = np.zeros(mask.shape[:2], np.int64)
        for kind, policy in enumerate(self._policies):
            mine = self._kinds == kind
            if mine.any():
                found = np.where(mine, policy.decide(self.simulator.seen, mask), found)
        return found

    def shown(self) -> NDArray[np.int32]:
        """The job at the head of each inbox (W, N, 1), -1 for none."""
        return self._heads()[..., None]

    def starts(self) -> Sequence[Change]:
        place = NUMBERS.index("price")
        return [
            {ALL: [("kinds", (slice(None),), kind), ("numbers", (slice(None), place), price)]}
            for kind in (TEACHER, PHOENIX)
            for price in PRICES
        ]

    def left(self) -> NDArray[np.float64]:
        """What the batteries (W, N) are still good for at the plan's price; nothing when the episode ends.

        Work under way at the end is nearly the same in every copy.
        """
        state, hosts = self.world.state, self.world.jobs.params.hosts
        clock, power = state.clock[:, None], state.power
        going = clock["time"] - clock["start"] < self.world.horizon_s - 0.5 * self.world.constants.round_s
        # who is in safe mode has no use of its charge
        charge = np.where(state.safety["safe"], 0.0, 100.0 * power["energy"] / power["capacity"])
        seconds = 0.01 * power["capacity"] / np.maximum(hosts["extra_w"], 1.0)
        return np.where(going & (hosts["boards"] > 0), self._policies[TEACHER].kept(charge) * seconds, 0.0)

    def change(self, rng: np.random.Generator, trace: Trace, rounds: int, n: int) -> Sequence[Edit]:
        if n == ALL:
            return []
        jobs = trace.shown[:rounds, n, 0]
        jobs = jobs[jobs != NONE]
        if not len(jobs):
            return []
        return [("wishes", (n, int(rng.choice(jobs))), int(rng.integers(1 + DROP)))]

    def vary(self, rng: np.random.Generator, plan: Plan, n: int) -> Sequence[Edit]:
        kind = rng.random()
        if kind < 0.1:
            return [("kinds", (slice(None) if n == ALL else n,), int(rng.integers(len(self._policies))))]
        return varied(rng, "numbers", plan, n, OF_ENERGY if kind < 0.5 else None)

    def _heads(self) -> NDArray[np.int32]:
        return self.world.jobs.state.queues["head"][..., INBOX]


def played(simulator: Simulator, policy: Any, b: int, done: int, rounds: int) -> Trace:
    """What `policy` does from now on in world b, in the copies of `simulator`."""
    simulator.load(b)
    policy.reset(0)
    world, team = simulator.world, (rounds, simulator.satellites)
    actions, energy = np.zeros(team, np.int64), np.zeros(team)
    shown = np.full((*team, 1), NONE, np.int32)
    for t in range(rounds):
        energy[t], shown[t, :, 0] = (
            world.state.power["energy"][0],
            world.jobs.state.queues["head"][0, :, INBOX],
        )
        chosen = policy.decide(simulator.seen, simulator.mask)
        actions[t] = chosen[0]
        simulator.step(chosen)
    return Trace(done, actions, energy, shown)


def wishes_of(trace: Trace) -> list[Edit]:
    """The wishes that would make of the plan what was done in `trace`."""
    t, n = np.nonzero(trace.shown[..., 0] != NONE)
    return [
        ("wishes", (int(i), int(trace.shown[s, i, 0])), int(trace.actions[s, i]) + 1)
        for s, i in zip(t, n, strict=True)
    ]
