"""The planner for offloading_v0: what becomes of every job, searched by simulation.

At the beginning two plans are tried: that of the heuristic that carries them out (`answering`), and what
`placing` does, which puts each job where it truly brings the fleet most when it comes up. The better one is
improved job by job.
"""

from collections.abc import Sequence
from typing import Any

from agents.planner.answering import Answers, played, wishes_of
from agents.planner.placing import Placing
from agents.planner.rollout import RolloutPlanner
from agents.planner.search import ALL, Base, Change
from agents.planner.simulator import Simulator


class OffloadingPlanner(RolloutPlanner):
    """See the module's page; `gap` is that of the placings to their relaxation."""

    problems = ("offloading_v0",)
    every, horizon, effort, copies, overlap = 6, 25, 600, 32, 2

    def __init__(self, env: Any, effort: int | None = None) -> None:
        super().__init__(env, effort)
        self._alone: Simulator | None = None

    def base(self, simulator: Simulator) -> Base:
        return Answers(simulator)

    def starts(self, b: int, done: int, rounds: int) -> Sequence[Change]:
        """What `placing` would do from now on."""
        if self._alone is None:
            self._alone = Simulator(self._problem, 1)
        placing = Placing(self._alone)
        trace = played(self._alone, placing, b, done, rounds)
        self.gaps += placing.gaps
        return [{ALL: wishes_of(trace)}]
