"""Policies for avoidance_v0, as operators have them: by the probability of a warning and the time left."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.policy import Policy


class Threshold(Policy):
    """Burns when a warning's probability exceeds `threshold` within `decide_h` of the encounter.

    It burns against the direction of flight, so that it passes below and ahead, by the smallest of the two
    sizes that should open `clearance` deviations of the estimate by then (three times dv times the time left,
    or the radial part of a half revolution where that is more). When no warning is grave any more, it returns
    to its slot. The defaults are what operators do: NASA's handbook acts on 1e-4 (SP-20205011318, 2020),
    about a day before.
    """

    problems = ("avoidance_v0",)
    threshold = 1e-4
    decide_h = 24.0
    clearance = 3.0
    return_below = 1e-6
    half_orbit_radial = 3_600.0
    """Metres of radius that a metre per second brings half a revolution on, 4 / n in low orbit."""

    def __init__(self, env: Any, threshold: float | None = None, decide_h: float | None = None) -> None:
        super().__init__(env)
        self.threshold = self.threshold if threshold is None else float(threshold)
        self.decide_h = self.decide_h if decide_h is None else float(decide_h)
        shown = sum(name.endswith("_risk") for name in self.layout.names)
        self._columns = {
            name: np.array([self.layout.index(f"warning_{k + 1}_{name}") for k in range(shown)])
            for name in ("present", "time", "miss", "sigma", "risk")
        }
        settings = env.problem.mission.encounters
        self._sizes = np.array([settings.small_m_s, settings.large_m_s])

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        seen = self.layout.physical(observation)
        warning = {name: seen[..., columns] for name, columns in self._columns.items()}
        here = warning["present"] > 0.5
        grave = (
            here & (warning["risk"] >= np.log10(self.threshold) - 1e-6) & (warning["time"] <= self.decide_h)
        )
        worst = grave.argmax(axis=-1)[..., None]
        self.reasons = _gravest(here, warning) | {"it has to exceed": np.full(here.shape[:2], self.threshold)}
        time, miss, sigma = (
            np.take_along_axis(warning[name], worst, -1)[..., 0] for name in ("time", "miss", "sigma")
        )
        per_m_s = np.maximum(3.0 * 3600.0 * time, self.half_orbit_radial)
        wanted = np.maximum(self.clearance * sigma - miss, 0.0) + 200.0
        small = self._sizes[0] * per_m_s >= wanted
        burn = np.where(small, self._label("backward_small"), self._label("backward_large"))
        burn = np.where(self._legal(mask, burn), burn, self._label("backward_small"))
        burn = np.where(self._legal(mask, burn), burn, 0)
        calm = ~(here & (warning["risk"] >= np.log10(self.return_below))).any(axis=-1)
        home = np.where(calm & (mask[..., self._label("return")] == 1), self._label("return"), 0)
        return np.where(grave.any(axis=-1), burn, home)

    def _label(self, name: str) -> int:
        return self.actions.index(name)

    @staticmethod
    def _legal(mask: NDArray[np.int8], action: NDArray) -> NDArray[np.bool_]:
        return np.take_along_axis(mask, action[..., None], -1)[..., 0] == 1


class LateThreshold(Threshold):
    """As `threshold`, but decides in the last six hours only, when the estimate is as good as it gets."""

    decide_h = 6.0


class Thrifty(Threshold):
    """A threshold that spares fuel and keeps the slot.

    It burns when the probability of a warning is above a threshold within `decide_h` of the encounter, and
    the emptier the tank, the graver it has to be. It burns so that it drifts on as it does already, or else
    towards its slot. It returns when it is some way out of the slot and not on its way back, and stops when
    it has come near the middle; not while an encounter is near, which a burn may have been for. The numbers
    were found by a random search on the three tiers of `crossing_12`, on seeds that are for training.
    """

    log_threshold = -4.2
    thrift = 0.23
    """By how many powers of ten the threshold has risen when the tank is empty."""
    decide_h = 4.0
    clearance = 1.6
    spare_m = 134.0
    """Metres of miss that are wanted beyond so many deviations."""
    log_return_below = -3.73
    """Decimal logarithm of the probability from which a warning within `calm_h` forbids a return."""
    calm_h = 5.65
    out, home, still = 0.463, 0.333, 0.934
    """Shares of the slot: where it turns back, where it stops, and of a drift, a day, that counts as none."""

    def __init__(self, env: Any, threshold: float | None = None, decide_h: float | None = None) -> None:
        super().__init__(env, threshold, decide_h)
        if threshold is not None:
            self.log_threshold = float(np.log10(self.threshold))
        slot = env.problem.mission.encounters.slot_km
        self.out_km, self.home_km, self.still_km_d = self.out * slot, self.home * slot, self.still * slot

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        seen = self.layout.physical(observation)
        warning = {name: seen[..., columns] for name, columns in self._columns.items()}
        here = warning["present"] > 0.5
        fuel = seen[..., self.layout.index("fuel")] / 100.0
        bar = self.log_threshold + (self.thrift * (1.0 - fuel))[..., None]
        grave = here & (warning["risk"] >= bar) & (warning["time"] <= self.decide_h)
        offset, drift = seen[..., self.layout.index("offset")], seen[..., self.layout.index("drift")]
        self.reasons = _gravest(here, warning) | {
            "it has to exceed": 10.0 ** bar[..., 0],
            "from its slot, km": offset,
            "drift, km a day": drift,
        }
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
        worst = self._worst(warning, grave)[..., None]
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

    def _worst(self, warning: dict[str, NDArray], grave: NDArray) -> NDArray[np.int64]:
        """The place of the gravest warning of those that are grave."""
        return np.where(grave, warning["risk"], -np.inf).argmax(axis=-1)

    def _must_return(self, offset: NDArray, drift: NDArray) -> NDArray[np.bool_]:
        moving = np.abs(drift) > self.still_km_d
        homeward = moving & (drift * offset < 0.0)
        leaving = (np.abs(offset) > self.out_km) & ~homeward
        arrived = (np.abs(offset) < self.home_km) & moving
        return leaving | arrived


def _gravest(here: NDArray, warning: dict[str, NDArray]) -> dict[str, NDArray]:
    """Of the gravest warning: its probability, and hours to the closest approach; NaN without any."""
    risk = np.where(here, warning["risk"], -np.inf)
    worst = risk.argmax(axis=-1)[..., None]
    there = here.any(axis=-1)
    probability, hours = (
        np.where(there, np.take_along_axis(values, worst, -1)[..., 0], np.nan)
        for values in (10.0 ** warning["risk"], warning["time"])
    )
    return {"gravest probability": probability, "hours to it": hours}


class Never(Policy):
    """Never burns."""

    problems = ("avoidance_v0",)

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        return np.zeros(mask.shape[:-1], np.int64)
