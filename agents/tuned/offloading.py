"""The teacher for offloading_v0: the greedy heuristic with better estimates of when an answer arrives."""

import numpy as np
from numpy.typing import NDArray

from agents.offloading import NEIGHBOURS, TYPICAL_MBIT_S, OffloadingHeuristic


class Teacher(OffloadingHeuristic):
    """Whatever would pay most for the job; waits are weighted, and a low battery makes own work dear."""

    reserve = 14.0
    queue_here = 1.0
    """Share of the own backlog that a job really waits: like jobs run together."""
    queue_training = 1.7
    """The same of the training satellite's."""
    large_s = 0.0
    """Seconds more than told that an answer of the large model takes."""
    training_s = -3.0
    """Seconds more than told that the way over the mesh takes."""
    ground_s = 0.2
    """Seconds more than the air time that an answer from the ground takes."""
    crowd = 0.5
    """How many times the air time a raw question takes, as others share the antennas."""
    neighbour_s = 28.0
    """Seconds until a neighbour has decided, with rounds of `tuned_round_s`; as much longer as they are."""
    queue_neighbour_s = 35.0
    """Seconds more per job that the neighbour has to decide on, likewise."""
    tuned_round_s = 30.0
    """Length of a round with which the numbers were found."""
    unseen_s = 50.0
    """Seconds more for the way to a user who is out of own sight."""
    margin = 1.08
    """Share of the time to the deadline that an answer may take."""
    loaded_keep = 0.98
    """Share of the worth that is left of own work when the battery is at the reserve."""
    comfort = 40.0
    """Percent of battery above the reserve from which own work costs nothing."""

    def score(self, seen: NDArray[np.float64]) -> NDArray[np.float64]:
        worths = self._worths(seen)
        spare = np.clip((self._of(seen, "battery") - self.reserve) / self.comfort, 0.0, 1.0)
        dear = self.loaded_keep + (1.0 - self.loaded_keep) * spare
        for name in ("run_small", "run_large"):
            worths[name] = worths[name] * dear
        score = self._place(self._blank(seen), worths)
        hopeless = np.max(np.stack(list(worths.values())), axis=0) <= 0.0
        score[..., self._number["drop"]] = np.where(hopeless, 1.0, -np.inf)
        return score

    def _waits(self, seen: NDArray) -> dict[str, NDArray]:
        here, large = self.queue_here * self._of(seen, "backlog"), self._of(seen, "job_large_s")
        unseen = np.where(self._of(seen, "job_user_elevation") > -90.0, 0.0, self.unseen_s)
        unseen = np.where(self._of(seen, "job_camera") > 0.5, 0.0, unseen)
        there = np.maximum(self.queue_training * self._of(seen, "training_delay") + self.training_s, 0.0)
        longer = self.round_s / self.tuned_round_s  # a neighbour decides once a round
        waits = {
            "run_small": here + self._of(seen, "job_small_s") + unseen,
            "run_large": here + large + self.large_s + unseen,
            "training": there + self._of(seen, "training_large_s") + unseen,
            "ground": self._down(seen),
        }
        for k in NEIGHBOURS:
            queue = self.queue_here * self._of(seen, f"neighbour_{k}_backlog")
            undecided = self.queue_neighbour_s * self._of(seen, f"neighbour_{k}_inbox")
            way = self._of(seen, f"neighbour_{k}_delay") / 1e3 + longer * self.neighbour_s
            waits[f"neighbour_{k}"] = queue + (way + longer * undecided) + large + self.large_s
        return waits

    def _down(self, seen: NDArray) -> NDArray:
        rate = self._of(seen, "station_rate")
        rate = np.where(rate > 0.0, rate, TYPICAL_MBIT_S)
        ahead = self._of(seen, "raw") * 1e3 + self._of(seen, "job_size")
        contact = np.where(self._of(seen, "station_seconds") > 0.0, 0.0, self._of(seen, "contact_in") * 60.0)
        return contact + self.crowd * ahead / rate + self.ground_s

    def _worths(self, seen: NDArray) -> dict[str, NDArray]:
        worths = super()._worths(seen)
        left = self.margin * self._of(seen, "job_left")
        waits = self._waits(seen)
        return {name: np.where(waits[name] <= left, worth, 0.0) for name, worth in worths.items()}
