"""The decoder of plans for offloading_v0: a heuristic that follows a wish for each job in each inbox."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.offloading import NEIGHBOURS
from agents.planner.search import ALL, Change, Edit, Plan, Trace
from agents.planner.simulator import Simulator
from agents.planner.variation import varied
from agents.tuned.offloading import Teacher
from sandbox.jobs import DROP, INBOX
from sandbox.state import NONE

USUAL = 0
"""A wish: as the heuristic has it. Others are an action's number and one."""
NUMBERS = (
    "reserve", "queue_here", "queue_training", "ground_s", "crowd", "neighbour_s", "queue_neighbour_s",
    "unseen_s", "margin", "price", "halving",
)  # fmt: skip
"""Numbers of the heuristic by satellite."""
PRICES = 0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0
"""Factors of the price that compete when an episode begins."""


class NumberedTeacher(Teacher):
    """`tuned.offloading.Teacher` with other numbers for every satellite, and a price on the boards' time.

    Where energy is scarce, an answer is worth what it pays less what the joules could have earned otherwise:
    the shadow price of a knapsack. A board draws the same whatever it runs, so that it is a price per second
    of an answer; it is `price` at half a battery, and halves with every `halving` percent of charge more.
    Neighbours' boards cost what their charge says; a training satellite's are free.
    """

    price = 0.05
    """Value of a second of a board at half a battery."""
    halving = 15.0

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._usual = {name: float(getattr(self, name)) for name in NUMBERS}

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

    def follow(self, numbers: NDArray[np.float32]) -> None:
        """Reckon with these factors (W, N, NUMBERS) of the usual numbers."""
        for p, name in enumerate(NUMBERS):
            setattr(self, name, self._usual[name] * numbers[..., p].astype(float))


class OffloadingDecoder:
    """The nano's teacher in the copies of a simulator, and changes of its plans; see `search.Base`."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator, self.world = simulator, simulator.world
        self._policy = NumberedTeacher(simulator)

    def blank(self) -> Plan:
        team = self.world.satellites
        return {
            "wishes": np.zeros((team, self.world.jobs.state.book.shape[1]), np.int8),
            "numbers": np.ones((team, len(NUMBERS)), np.float32),
        }

    def follow(self, plan: Plan) -> None:
        self._wishes = plan["wishes"]
        self._policy.follow(plan["numbers"])

    def act(self, round_: int | NDArray[np.int64]) -> NDArray[np.int64]:
        mask = self.simulator.mask
        head = np.maximum(self._heads(), 0)
        wish = np.take_along_axis(self._wishes, head[..., None], axis=-1)[..., 0].astype(np.int64) - 1
        followed = (wish >= 0) & (
            np.take_along_axis(mask, np.maximum(wish, 0)[..., None], axis=-1)[..., 0] == 1
        )
        return np.where(followed, wish, self._policy.decide(self.simulator.seen, mask))

    def shown(self) -> NDArray[np.int32]:
        """The job at the head of each inbox (W, N, 1), -1 for none."""
        return self._heads()[..., None]

    def starts(self) -> Sequence[Change]:
        place = NUMBERS.index("price")
        return [{ALL: [("numbers", (slice(None), place), price)]} for price in PRICES]

    def left(self) -> NDArray[np.float64]:
        """Nothing (W, N): work under way at the end is nearly the same in every copy."""
        return np.zeros((self.simulator.copies, self.simulator.satellites))

    def change(self, rng: np.random.Generator, trace: Trace, rounds: int, n: int) -> Sequence[Edit]:
        if n == ALL:
            return []
        jobs = trace.shown[:rounds, n, 0]
        jobs = jobs[jobs != NONE]
        if not len(jobs):
            return []
        return [("wishes", (n, int(rng.choice(jobs))), int(rng.integers(1 + DROP)))]

    def vary(self, rng: np.random.Generator, plan: Plan, n: int) -> Sequence[Edit]:
        return varied(rng, "numbers", plan, n)

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
