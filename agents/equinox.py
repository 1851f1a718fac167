"""Equinox: work is done where its value exceeds a marginal cost that rises towards every limit.

After A. K. Erol and D. Mahajan, "Equinox: Decentralized Scheduling for Hardware-Aware Orbital Intelligence"
(arXiv 2604.19958, 2026). Taken from it: one local number, the marginal cost of execution, made of battery
charge, thermal headroom and backlog by a barrier function that rises sharply towards the limit of each; a
task is executed only where its value exceeds that cost, so that under pressure what is worth least is shed
first; and a task goes to a neighbour whose cost is lower than one's own. No plan, no global state.

Ours, since the abstract does not state them: the barrier is logarithmic, so that the marginal cost is the
sum of weight / headroom less what it is with all headroom, in shares of the greatest value there can be; of
a battery what counts is the charge beyond what the shadow ahead will take (the paper's "future risk"). A
neighbour is known by its beacon: battery, backlog, inbox; its temperature is not. Requests cannot be handed
over, so that in tasking_v0 a request is left alone and whoever can afford it takes it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.offloading import NEIGHBOURS, OffloadingHeuristic
from agents.tasking import DeadlineGreedy

LEAST = 1e-3
"""Headroom at which a limit counts as reached."""


def marginal_cost(headroom: NDArray, weight: float) -> NDArray[np.float64]:
    """What a limit adds to the cost with so much of its headroom left, 0 to 1: nothing at 1, infinite at 0.

    The derivative of -weight ln(headroom), less its value with all of it.
    """
    left = np.clip(headroom, LEAST, 1.0)
    return np.where(headroom <= LEAST, np.inf, weight * (1.0 / left - 1.0))


class TaskingEquinox(DeadlineGreedy):
    """Images what is worth more than it costs; sends whenever a station is in view."""

    battery_weight, heat_weight, store_weight = 0.03, 0.005, 0.03
    """Shares of the greatest value."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        crafts = env.problem.mission.spacecraft.values()
        self._hottest = min(craft.thermal.throttle_above_c for craft in crafts)
        self._coldest = 0.0

    def choose(self, seen: NDArray[np.float64], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        score = self._score(seen, mask)
        best, cost = score.argmax(axis=-1), self.cost(seen)
        value = np.take_along_axis(self._worth(seen, mask), best[..., None], axis=-1)[..., 0]
        self.reasons = {
            "worth of the best request": np.maximum(value, 0.0),
            "marginal cost of an image": cost,
            "battery, %": self._own(seen, "battery"),
        }
        action = np.where((score.max(axis=-1) > 0.0) & (value > cost), self._observe[best], 0)
        action = np.where(action == 0, self._rest(seen, mask), action)
        send = (mask[..., self._downlink] == 1) & (self._own(seen, "battery") > self.reserve)
        return np.where(send, self._downlink, action)

    def cost(self, seen: NDArray[np.float64]) -> NDArray[np.float64]:
        """The marginal cost of an image (B, N), in values."""
        needed = self._needed(seen)
        battery = (self._own(seen, "battery") - needed) / np.maximum(100.0 - needed, 1.0)
        heat = (self._hottest - self._own(seen, "temperature")) / (self._hottest - self._coldest)
        parts = (
            marginal_cost(battery, self.battery_weight),
            marginal_cost(heat, self.heat_weight),
            marginal_cost(1.0 - self._own(seen, "store") / 100.0, self.store_weight),
        )
        return self.layout.high[self.layout.index("request_1_value")] * sum(parts)


class OffloadingEquinox(OffloadingHeuristic):
    """Whatever pays most beyond its cost: own boards, a neighbour's, a training satellite's, the ground."""

    battery_weight, heat_weight, queue_weight = 0.02, 0.005, 0.02
    """Shares of the greatest value."""
    longest_s = 600.0
    """Backlog at which boards count as full: beyond it the beacon's number ends."""
    hottest_c, coldest_c = 85.0, 20.0
    """Board temperatures with no headroom, and with all: as chips are throttled, and as they idle."""

    def score(self, seen: NDArray[np.float64]) -> NDArray[np.float64]:
        worths, score = self._worths(seen), self._blank(seen)
        own = self._cost(seen, "battery", "backlog")
        heat = (self.hottest_c - self._of(seen, "board_temperature")) / (self.hottest_c - self.coldest_c)
        own = own + self._top() * marginal_cost(heat, self.heat_weight)
        costs = {"run_small": own, "run_large": own}
        for k in NEIGHBOURS:
            costs[f"neighbour_{k}"] = self._cost(seen, f"neighbour_{k}_battery", f"neighbour_{k}_backlog")
        gains = {name: worth - costs.get(name, 0.0) for name, worth in worths.items()}
        gains = {name: np.where(worths[name] > 0.0, gain, -np.inf) for name, gain in gains.items()}
        best = np.max(np.stack(list(gains.values())), axis=0)
        score = self._place(score, {n: np.where(g > 0.0, g, -np.inf) for n, g in gains.items()})
        score[..., self._number["drop"]] = np.where(best > 0.0, -np.inf, 1.0)
        return score

    def _cost(self, seen: NDArray, battery: str, backlog: str) -> NDArray[np.float64]:
        charge = (self._of(seen, battery) - self.reserve) / (100.0 - self.reserve)
        queue = 1.0 - self._of(seen, backlog) / self.longest_s
        found = marginal_cost(charge, self.battery_weight) + marginal_cost(queue, self.queue_weight)
        return self._top() * found

    def _top(self) -> float:
        return float(self.layout.high[self.layout.index("job_value")])
