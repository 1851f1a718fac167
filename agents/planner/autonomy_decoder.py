"""The decoder of plans for autonomy_v0: numbers become pointing, rules of the inboxes, and burns.

As in `tasking_decoder`, a heuristic carries out the plan: the nano's teacher, which sees the truth here, and
follows `wishes` for the rule of an inbox. Burns are those of `avoidance`, against true hits only; they are
the same in every copy, since what is imaged and answered moves no satellite.
"""

import re
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from agents.autonomy import Composite
from agents.offloading import Greedy
from agents.phoenix import OffloadingPhoenix
from agents.planner.avoidance import AvoidancePlanner
from agents.planner.tasking_decoder import TaskingDecoder
from agents.policy import Policy
from agents.tuned import autonomy

USUAL, STAY = 0, -1
"""Wishes: as the heuristic has it; the rule that stands goes on. Others are a rule's number and one."""
INSIST = 1e6
"""Worth of a rule that is wished for: above any that the heuristic finds."""
NUMBERS = (
    "reserve", "large_s", "queue_here", "queue_training", "ground_s", "crowd", "neighbour_s",
    "queue_neighbour_s", "margin", "together_training", "together_ground",
)  # fmt: skip
"""Numbers of the rules by satellite."""


class QueueDecoder(autonomy.Rules):
    """Values the rules; one that is wished for (W, N) is worth more than any other."""

    wish: NDArray[np.int8] | None = None

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._usual = {name: float(getattr(self, name)) for name in NUMBERS}

    def follow(self, numbers: NDArray[np.float32]) -> None:
        for p, name in enumerate(NUMBERS):
            setattr(self, name, self._usual[name] * numbers[..., p].astype(float))

    def worth(self, seen: NDArray[np.float64], mask: NDArray[np.int8]) -> NDArray[np.float64]:
        worth = super().worth(seen, mask)
        if self.wish is not None:
            wished = np.arange(worth.shape[-1]) == self.wish[..., None] - 1
            worth = np.where(wished & (mask == 1), INSIST, worth)
        return worth


class Burns(AvoidancePlanner):
    """The burns of the first copy, for all."""

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        burns = np.broadcast_to(self.act_in(0, mask[0]), mask.shape[:2])
        legal = np.take_along_axis(mask, burns[..., None], axis=-1)[..., 0] == 1
        return np.where(legal, burns, 0)


class Plain(Composite):
    """`DeadlineGreedy` of autonomy_v0 that sees the truth, and points as the plan has it."""

    pointing = TaskingDecoder
    queue: ClassVar[type[Policy]] = Greedy
    burns = Burns

    def share(self, points: TaskingDecoder) -> None:
        """Point with `points`."""
        self._pointing = points


class PlainPhoenix(Plain):
    """`Plain` with the inbox of `Phoenix`."""

    queue = OffloadingPhoenix


class AutonomyDecoder(autonomy.Teacher):
    """`tuned.autonomy.Teacher` that sees the truth and follows a plan."""

    pointing, queue = TaskingDecoder, QueueDecoder
    burns: ClassVar[type[Policy]] = Burns  # type: ignore[assignment]
    _pointing: TaskingDecoder
    _queue: QueueDecoder

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        clouds = [name for name in self.layout.names if re.fullmatch(r"request_\d+_cloud", name)]
        self._clouds = np.array([self.layout.index(name) for name in clouds])

    @property
    def points(self) -> TaskingDecoder:
        """What decides on the pointing."""
        return self._pointing

    @property
    def rules(self) -> QueueDecoder:
        return self._queue

    @property
    def burn_labels(self) -> NDArray[np.int64]:
        """The labels of all burns."""
        return self._burns.labels[1:]

    def truly_seen(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Observations (W, N, F) with the true sky over each request, closed or open, for its forecast."""
        seen = observation.copy()
        seen[..., self._clouds] = np.where(self._pointing.closed(), 1.0, -1.0)
        return seen

    def _better_rule(self, observation: NDArray, mask: NDArray) -> tuple[NDArray[np.int64], NDArray]:
        label, gain = super()._better_rule(observation, mask)
        wish = self._queue.wish
        return (label if wish is None else np.where(wish == STAY, 0, label)), gain
