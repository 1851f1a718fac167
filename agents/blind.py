"""A policy that cannot see one of its limits: what it then loses says how much that limit matters."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.policy import Policy
from envs.features import Layout
from sandbox.errors import SandboxError, unknown_name

HIGH, MIDDLE = "high", "middle"
"""The upper end, and the middle, of a feature's range."""

LIMITS: Mapping[str, Mapping[str, float | str]] = {
    "battery": {"battery": 80.0, "battery_left": HIGH, "battery_health": HIGH, "safe_mode": 0.0},
    "heat": {"temperature": 20.0, "board_temperature": 30.0, "full_power_left": HIGH},
    "link": {
        "station_seconds": MIDDLE, "station_elevation": MIDDLE, "station_rate": MIDDLE,
        "station_uplink": MIDDLE, "contact_in": 0.0, "contact_length": MIDDLE, "contact_rate": MIDDLE,
        "neighbour_*_delay": 0.0,
    },
    "fuel": {"fuel": 100.0},
    "neighbours": {
        "request_*_rivals": 0.0, "request_*_earlier": 0.0, "station_rivals": 0.0, "neighbour_*_backlog": 0.0,
        "neighbour_*_inbox": 0.0, "neighbour_*_battery": 80.0, "neighbour_*_age": 0.0, "training_delay": 0.0,
    },
    "boards": {
        "backlog": 0.0, "inbox": 1.0, "answers": 0.0, "raw": 0.0, "job_small_s": MIDDLE,
        "job_large_s": MIDDLE, "training_large_s": MIDDLE, "large_missing": 0.0, "board_reset": 0.0,
        "weights_fault": 0.0,
    },
    "time": {
        "request_*_window": HIGH, "request_*_deadline": HIGH, "request_*_capture_in": 0.0, "job_age": 0.0,
        "job_left": HIGH, "job_half_life": HIGH, "warning_*_time": MIDDLE, "time_left": MIDDLE,
    },
    "weather": {"request_*_cloud": MIDDLE, "station_fade": 0.0, "contact_rain": 0.0},
    "store": {"store": MIDDLE, "stored": MIDDLE, "images": MIDDLE, "oldest_image": 0.0},
    "uncertainty": {"warning_*_sigma": MIDDLE, "warning_*_miss": 0.0},
    "slot": {"offset": 0.0, "drift": 0.0},
    "orders": {"request_*_completion": 0.0, "request_*_missing": 0.0},
}  # fmt: skip
"""By limit, the features that tell of it (with * for a number) and what stands in their place: what they are
when all is well, in their unit, or the middle of their range where no number says so."""


class Blind(Policy):
    """`policy` with the features of a limit as if all were well there; everything else, the mask too, is as
    it is.

    Args:
        env: any face of the problem.
        policy: made for `env`.
        limit: one of `LIMITS`.

    Raises SandboxError for an unknown limit, and for one that the problem has no features of.
    """

    def __init__(self, env: Any, policy: Policy, limit: str) -> None:
        super().__init__(env)
        self.policy, self.limit = policy, limit
        hidden = hidden_features(self.layout, limit)
        if not hidden:
            raise SandboxError(f"{env.problem.name} has no features of {limit!r} to be blind to.")
        self._columns = [self.layout.index(name) for name in hidden]
        seen = self.layout.low.copy()
        seen[self._columns] = list(hidden.values())
        self._well = self.layout.scaled(seen)[self._columns]

    def reset(self, seed: int | None = None) -> None:
        super().reset(seed)
        self.policy.reset(seed)

    def close(self) -> None:
        self.policy.close()

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        seen = np.array(observation)
        seen[..., self._columns] = self._well
        chosen = self.policy.decide(seen, mask)
        self.reasons, self.odds = self.policy.reasons, self.policy.odds
        return chosen

    def explain(self, b: int, n: int) -> dict[str, float]:
        return self.policy.explain(b, n)


def hidden_features(layout: Layout, limit: str) -> dict[str, float]:
    """The features of a layout that tell of `limit`, and the number in their unit that hides it.

    Raises SandboxError for an unknown limit.
    """
    if limit not in LIMITS:
        raise unknown_name("limit", limit, LIMITS)
    found = {}
    for feature in layout.features:
        for pattern, value in LIMITS[limit].items():
            if fnmatchcase(feature.name, pattern):
                ends = {HIGH: feature.high, MIDDLE: 0.5 * (feature.low + feature.high)}
                found[feature.name] = ends[value] if isinstance(value, str) else value
    return found
