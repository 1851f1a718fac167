"""The teacher for tasking_v0: `DeadlineGreedy` with more to weigh."""

import numpy as np
from numpy.typing import NDArray

from agents.tasking import DeadlineGreedy


class Teacher(DeadlineGreedy):
    """Looks ahead like its parent; also weighs rivals for a request and for the station's antennas."""

    reserve = 10.5
    drain = 0.626
    shadow_ahead_min = 9.9
    patience = 0.483
    rival_discount = 0.123
    dwell_s = 4.0
    comfort = 27.0
    distance = 2.21
    """Power of the rounds that a request takes by which its worth is divided."""
    rarity = 0.5
    """Power of the worth: above 1, one great request is better than many small ones."""
    contest = 1.165
    """Share of a request's worth that is left per rival that is not ahead."""
    crowd = 0.41
    """How much each rival for the station lessens what can be counted on being sent."""
    margin_rounds = 4.69
    """Rounds of a contact that must be left over for imaging to go on meanwhile."""
    price_share = 0.162
    """Score, of the greatest value, that a request must beat when the battery is just enough."""
    stay_rounds = 2.99
    """Rounds that a request must stay in reach to be one that can wait."""

    def _price(self, spare: NDArray) -> NDArray:
        top = self.layout.high[self.layout.index("request_1_value")]
        short = np.clip(1.0 - spare / self.comfort, 0.0, 1.0)
        return np.where(spare > 0.0, top * self.price_share * short, np.inf)

    def _score(self, seen: NDArray, mask: NDArray) -> NDArray:
        ready = self._requests(seen, "capture_in") + self._dwell(seen)
        rounds = np.maximum(1.0, np.ceil(ready / self.round_s))
        last = np.minimum(self._requests(seen, "window"), self._requests(seen, "deadline") * 60.0)
        can_wait = last - self._requests(seen, "slew") > self.stay_rounds * self.round_s
        weight = np.where(can_wait, self.patience, 1.0) / rounds**self.distance
        earlier = self._requests(seen, "earlier")
        later = np.maximum(self._requests(seen, "rivals") - earlier, 0.0)
        worth = self._worth(seen, mask)
        worth = np.where(worth > 0.0, np.maximum(worth, 1e-9) ** self.rarity, worth)
        return worth * weight * self.rival_discount**earlier * self.contest**later

    def _contact_can_wait(self, seen: NDArray) -> NDArray:
        rate = np.maximum(self._own(seen, "station_rate"), 1e-3)
        needed = (
            self._own(seen, "stored") * 1e3 / rate * (1.0 + self.crowd * self._own(seen, "station_rivals"))
        )
        left = self._own(seen, "contact_length") * 60.0
        spare = self.margin_rounds * self.round_s
        return (self._own(seen, "contact_in") <= 0.0) & (left > needed + spare)
