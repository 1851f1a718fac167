"""The planner for autonomy_v0: the other problems' planners, each for its part, and who of them comes first."""

from agents.autonomy import Composite
from agents.planner.avoidance import AvoidancePlanner
from agents.planner.base import Planner
from agents.planner.offloading import OffloadingPlanner
from agents.planner.tasking import TaskingPlanner


class AutonomyPlanner(Composite):
    """Sees the truth, as its parts do; `gap` is the mean of theirs."""

    pointing, queue, burns = TaskingPlanner, OffloadingPlanner, AvoidancePlanner

    @property
    def gap(self) -> float:
        """Mean relative gap of the plans of its parts to their linear relaxations."""
        gaps = [g for part in (self._pointing, self._queue) if isinstance(part, Planner) for g in part.gaps]
        return sum(gaps) / len(gaps) if gaps else 0.0
