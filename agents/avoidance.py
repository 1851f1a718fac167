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


class Never(Policy):
    """Never burns."""

    problems = ("avoidance_v0",)

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        return np.zeros(mask.shape[:-1], np.int64)
