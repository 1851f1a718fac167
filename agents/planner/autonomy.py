"""The planner for autonomy_v0: planners of the parts that see the truth, and who of them comes first.

Jobs and burns are planned as in their own problems. For the pointing a satellite looks ahead over windows and
eclipses as `deadline_greedy` does, with the true sky and the true stations before its eyes. (The flow program
of `tasking` counts on requests that the outlook does not list: where a disaster leaves a hundred beside each
other, most of them under cloud, the list is clogged and it earned less than that.)
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.autonomy import Composite
from agents.planner.avoidance import AvoidancePlanner
from agents.planner.offloading import OffloadingPlanner
from agents.tasking import DeadlineGreedy
from sandbox.state import NONE

HIDDEN = 0.92
"""Chance of cloud that is put in the place of a closed sky: with nothing better to do such an image is taken,
since it takes the request off the list."""


class SeeingGreedy(DeadlineGreedy):
    """`DeadlineGreedy` that knows where the sky is closed, and which stations are silent."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.world = env.world

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        state = self.world.state
        place = self._columns["cloud"]
        seen = observation.copy()
        seen[..., place] = np.where(self._closed(), 2.0 * HIDDEN - 1.0, -1.0)
        station = state.outlook["station"]
        antennas = np.take_along_axis(state.ground["antennas"], np.maximum(station, 0), axis=1)
        allowed = mask.copy()
        allowed[..., self._downlink] &= (station != NONE) & (antennas > 0)
        return super().decide(seen, allowed)

    def _closed(self) -> NDArray[np.bool_]:
        """Whether the sky over each request shown (B, N, K) is closed when it could be imaged."""
        state, shown = self.world.state, self.world.state.opportunities
        j = np.maximum(shown["request"], 0)
        world = np.arange(len(j))[:, None, None]
        book = state.requests.book[world, j]
        age = state.clock["time"][:, None, None] + shown["capture"] - book["release"]
        last = state.requests.sky.shape[-1] - 1
        interval = np.clip(age / self.world.constants.sky_s, 0, last).astype(np.int64)
        return state.requests.sky[world, j, interval] < book["cloud"]


class AutonomyPlanner(Composite):
    """See the module's page; `gap` is that of the plans for the jobs."""

    pointing, queue, burns = SeeingGreedy, OffloadingPlanner, AvoidancePlanner

    @property
    def gap(self) -> float:
        """Mean relative gap of the plans for the jobs to their relaxation."""
        return getattr(self._queue, "gap", 0.0)
