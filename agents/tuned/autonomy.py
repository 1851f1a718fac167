"""The teacher for autonomy_v0: the other problems' teachers, each for its part, and who comes first."""

import numpy as np
from numpy.typing import NDArray

from agents.autonomy import Composite
from agents.tuned import avoidance, offloading, tasking


class Rules(offloading.Teacher):
    """As for single jobs, with numbers of its own: a rule is for every job of the inbox."""

    reserve = 20.0
    large_s = 4.1
    queue_here = 2.0
    queue_training = 0.16
    training_s = 0.23
    ground_s = 30.1
    crowd = 1.54
    neighbour_s = 75.5
    queue_neighbour_s = 11.4
    unseen_s = 0.0
    margin = 1.1
    loaded_keep = 1.0
    together_here = 0.0
    """Share of the other jobs of the inbox that a job waits for on the own boards."""
    together_training = 0.53
    """The same on the training satellite's."""
    together_ground = 0.91
    """The same for the air time."""

    def _waits(self, seen: NDArray) -> dict[str, NDArray]:
        waits, others = super()._waits(seen), np.maximum(self._of(seen, "inbox") - 1.0, 0.0)
        air = self._of(seen, "job_size") / np.maximum(self._of(seen, "station_rate"), 100.0)
        more = {
            "run_small": self.together_here * self._of(seen, "job_small_s"),
            "run_large": self.together_here * self._of(seen, "job_large_s"),
            "training": self.together_training * self._of(seen, "training_large_s"),
            "ground": self.together_ground * air,
        }
        return {name: wait + others * more.get(name, 0.0) for name, wait in waits.items()}

    def worth(self, seen: NDArray[np.float64], mask: NDArray[np.int8]) -> NDArray[np.float64]:
        """What each legal rule would have the job at the head pay (B, N, A); none drops every job."""
        score = np.where(mask == 1, self.score(seen), -np.inf)
        score[..., self._number["drop"]] = -np.inf
        return score


class Teacher(Composite):
    """As the shipped composite policies, of better parts.

    The rule of the queue is changed only where another would pay a share of `hold` more. It comes before the
    pointing where the jobs of the inbox would pay `urgency` more, or there is only rest to turn to. A
    satellite that idles with more than `full` percent of battery need not turn to the Sun.
    """

    pointing, queue, burns = tasking.Teacher, Rules, avoidance.Teacher
    hold = 0.25
    urgency = 0.0
    full = 92.0
    _queue: Rules

    @property
    def rules(self) -> Rules:
        """What decides on the jobs."""
        return self._queue

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        idle, charge = (self.actions.index(name) for name in ("idle", "charge"))
        point = self._pointed(observation, mask)
        enough = self._says(observation, "order_idle") & (self._of(observation, "battery") > self.full)
        point = np.where(enough & (point == charge), 0, point)
        rule, gain = self._better_rule(observation, mask)
        burn = self.burned(observation, mask)
        self.reasons = {**self._pointing.reasons, **self._avoid.reasons, "gain of another rule": gain}
        resting = np.isin(point, (0, idle, charge))
        action = np.where((rule != 0) & (resting | (gain > self.urgency)), rule, point)
        action = np.where(burn != 0, burn, action)
        mend = self._says(observation, "weights_fault") & (mask[..., self._reload] == 1)
        return np.where(mend, self._reload, action)

    def _better_rule(self, observation: NDArray, mask: NDArray) -> tuple[NDArray[np.int64], NDArray]:
        """The label (B, N) that changes the rule, 0 where it may stand; and what the inbox gains by it."""
        standing = observation[..., self._rules] > 0.0
        seen = self._serves.layout.physical(observation[..., self._serves.columns])
        worth = self._queue.worth(seen, self._serves.mask(mask, standing))
        best, top = worth.argmax(axis=-1), worth.max(axis=-1)
        now = np.where(standing, worth, -np.inf).max(axis=-1)
        now = np.where(np.isfinite(now), now, 0.0)
        label = self._serves.labels[best]
        legal = np.take_along_axis(mask, label[..., None], -1)[..., 0] == 1
        wanted = legal & (top * (1.0 - self.hold) > now) & self._says(observation, "job_present")
        gain = np.where(np.isfinite(top), top, now) - now  # nothing is to be had where no rule is legal
        return np.where(wanted, label, 0), gain * self._of(observation, "inbox")
