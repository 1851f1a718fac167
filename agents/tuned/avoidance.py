"""The teacher for avoidance_v0: burns late and little, and lets the satellite drift within its slot."""

import numpy as np
from numpy.typing import NDArray

from agents.avoidance import Threshold


class Teacher(Threshold):
    """A threshold policy that also chooses the direction, and lets small offsets be.

    It burns when the probability of a warning is above a threshold within `decide_h` of the encounter: so
    that it drifts on as it does already, or else towards its slot. It returns when it is `out_km` from the
    slot and not on its way back, and stops when it has come within `home_km`; not while an encounter is near,
    which a burn may have been for.
    """

    log_threshold = -3.8
    decide_h = 2.0
    clearance = 2.0
    spare_m = 8.4
    """Metres of miss that are wanted beyond so many deviations."""
    log_return_below = -7.0
    """Decimal logarithm of the probability from which a warning within `calm_h` forbids a return."""
    calm_h = 9.6
    out_km = 1.43
    home_km = 0.53
    still_km_d = 0.96
    """Drift, km a day, that counts as standing."""

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        seen = self.layout.physical(observation)
        warning = {name: seen[..., columns] for name, columns in self._columns.items()}
        here = warning["present"] > 0.5
        grave = here & (warning["risk"] >= self.log_threshold) & (warning["time"] <= self.decide_h)
        offset, drift = seen[..., self.layout.index("offset")], seen[..., self.layout.index("drift")]
        burn = self._burn(warning, grave, offset, drift, mask)
        soon = here & (warning["risk"] >= self.log_return_below) & (warning["time"] <= self.calm_h)
        soon |= here & (warning["time"] <= self.decide_h)  # it may be slight because of the burn
        back = self._must_return(offset, drift) & ~soon.any(axis=-1)
        home = self._label("return")
        rest = np.where(back & (mask[..., home] == 1), home, 0)
        return np.where(grave.any(axis=-1), burn, rest)

    def _burn(
        self, warning: dict[str, NDArray], grave: NDArray, offset: NDArray, drift: NDArray, mask: NDArray
    ) -> NDArray[np.int64]:
        worst = grave.argmax(axis=-1)[..., None]
        time, miss, sigma = (
            np.take_along_axis(warning[name], worst, -1)[..., 0] for name in ("time", "miss", "sigma")
        )
        per_m_s = np.maximum(3.0 * 3600.0 * time, self.half_orbit_radial)
        wanted = np.maximum(self.clearance * sigma - miss, 0.0) + self.spare_m
        small = self._sizes[0] * per_m_s >= wanted
        drifting = np.abs(drift) > self.still_km_d
        ahead = np.where(drifting, drift < 0.0, offset > 0.0)  # a burn ahead makes it fall behind
        forward = np.where(small, self._label("forward_small"), self._label("forward_large"))
        backward = np.where(small, self._label("backward_small"), self._label("backward_large"))
        burn = np.where(ahead, forward, backward)
        least = np.where(ahead, self._label("forward_small"), self._label("backward_small"))
        burn = np.where(self._legal(mask, burn), burn, least)
        return np.where(self._legal(mask, burn), burn, 0)

    def _must_return(self, offset: NDArray, drift: NDArray) -> NDArray[np.bool_]:
        moving = np.abs(drift) > self.still_km_d
        homeward = moving & (drift * offset < 0.0)
        leaving = (np.abs(offset) > self.out_km) & ~homeward
        arrived = (np.abs(offset) < self.home_km) & moving
        return leaving | arrived
