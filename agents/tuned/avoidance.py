"""The teacher for avoidance_v0: burns late and little, and lets the satellite drift within its slot."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.avoidance import Thrifty


class Teacher(Thrifty):
    """As `thrifty`, with numbers found for `crossing_12`: later burns, and a slot in kilometres."""

    log_threshold = -3.8
    thrift = 0.0
    decide_h = 2.0
    clearance = 2.0
    spare_m = 8.4
    log_return_below = -7.0
    calm_h = 9.6

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.out_km, self.home_km, self.still_km_d = 1.43, 0.53, 0.96

    def _worst(self, warning: dict[str, NDArray], grave: NDArray) -> NDArray[np.int64]:
        """The place of the first warning that is grave."""
        return grave.argmax(axis=-1)


class InAnySlot(Thrifty):
    """`thrifty` as in a slot of `assumed_km`, for whoever is not told how wide its slot is, such as the nano.

    In the three tiers of `crossing_12`, with slots of 2, 0.5 and 0.4 km, it earns as much as `thrifty`.
    """

    assumed_km = 0.7

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.out_km, self.home_km, self.still_km_d = (
            share * self.assumed_km for share in (self.out, self.home, self.still)
        )
