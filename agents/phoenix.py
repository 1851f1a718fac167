"""Phoenix: work that takes energy goes where the Sun shines, or to the ground.

After W. Liu, Z. Lai, Q. Wu et al., "In-Orbit Processing or Not? Sunlight-Aware Task Scheduling for
Energy-Efficient Space Edge Computing Networks" (arXiv 2407.07337, INFOCOM 2024). Taken from it: the aim,
least use of batteries while tasks are done by their deadlines; and the order of choice, sunlit satellites
with energy to spare first, or the ground, where the deadline allows it, and batteries in shadow last.

Simplified: the paper assigns tasks to orbits, then to satellites, then in time, knowing every satellite's
sunlight; here each satellite decides alone on what it sees. Of a neighbour it knows the charge, not the
Sun, so one that is well charged stands for a sunlit one. In tasking_v0, where a request cannot be handed
over and is in daylight anyway, a satellite charges until sunlight carries it through the shadow ahead with
charge to spare, and leaves its images to those who have it meanwhile.
"""

import numpy as np
from numpy.typing import NDArray

from agents.offloading import OffloadingHeuristic
from agents.tasking import DeadlineGreedy

SUNLIT, CHARGED, BELOW, DARK = 4.0, 3.0, 2.0, 1.0
"""Classes of where a job may go, the better the higher: one's own boards in sunlight, a well charged
neighbour's or a training satellite's, the ground, one's own battery."""


class TaskingPhoenix(DeadlineGreedy):
    """`DeadlineGreedy` that leaves images to others while its own sunlight is not enough.

    It is enough where the shadow that lasts or comes leaves `kept` percent of the battery.
    """

    kept = 50.0

    def _score(self, seen: NDArray, mask: NDArray) -> NDArray:
        score = super()._score(seen, mask)
        short = self._own(seen, "battery") - (self._needed(seen) - self.reserve) < self.kept
        return np.where(short[..., None], 0.0, score)


class OffloadingPhoenix(OffloadingHeuristic):
    """The best class of place that answers in time, and in it what pays most."""

    charged = 60.0
    """Percent of battery from which a neighbour counts as one in sunlight."""

    def score(self, seen: NDArray[np.float64]) -> NDArray[np.float64]:
        worths, waits = self._worths(seen), self._waits(seen)
        # a job stays in the Sun that is answered before the shadow begins
        until = 60.0 * self._of(seen, "to_shadow")
        lit = self._of(seen, "sunlight") > 0.0
        top = float(self.layout.high[self.layout.index("job_value")])
        score = self._blank(seen)
        score[..., self._number["defer"]] = -1.0
        for name, worth in worths.items():
            if name in ("run_small", "run_large"):
                rank = np.where(lit & (waits[name] <= until), SUNLIT, DARK)
            elif name == "ground":
                rank = np.full(worth.shape, BELOW)
            elif name == "training":
                rank = np.full(worth.shape, CHARGED)
            else:
                rank = np.where(self._of(seen, f"{name}_battery") >= self.charged, CHARGED, DARK)
            score[..., self._number[name]] = np.where(worth > 0.0, rank + 0.5 * worth / top, -np.inf)
        hopeless = np.max(np.stack(list(worths.values())), axis=0) <= 0.0
        score[..., self._number["drop"]] = np.where(hopeless, 1.0, -np.inf)
        return score
