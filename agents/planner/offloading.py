"""The planner for offloading_v0: what becomes of every job, searched by simulation.

At the beginning two plans are tried: that of the heuristic of `offloading_decoder`, and that of `insertion`,
which puts each job where it truly brings the fleet most when it comes up. The better one is improved job by
job.
"""

from collections.abc import Sequence
from typing import Any

from agents.planner.insertion import Insertion
from agents.planner.offloading_decoder import OffloadingDecoder, played, wishes_of
from agents.planner.rollout import RolloutPlanner
from agents.planner.search import ALL, Base, Change
from agents.planner.simulator import Simulator


class OffloadingPlanner(RolloutPlanner):
    """See the module's page; `gap` is that of the insertions to their relaxation."""

    problems = ("offloading_v0",)
    # jobs yet to come cannot be planned for, and most are answered within minutes: short plans, often
    every_s, horizon_s, overlap_s, effort, copies = 180.0, 750.0, 60.0, 520, 32

    def __init__(self, env: Any, effort: int | None = None) -> None:
        super().__init__(env, effort)
        self._alone: Simulator | None = None

    def base(self, simulator: Simulator) -> Base:
        return OffloadingDecoder(simulator)

    def starts(self, b: int, done: int, rounds: int) -> Sequence[Change]:
        """What `insertion` would do from now on."""
        if self._alone is None:
            self._alone = self.simulated(1)
        insertion = Insertion(self._alone)
        trace = played(self._alone, insertion, b, done, rounds)
        self.gaps += insertion.gaps
        return [{ALL: wishes_of(trace)}]
