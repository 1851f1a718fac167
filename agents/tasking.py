"""Heuristics for tasking_v0. They read the features by name, in their units."""

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.policy import Policy
from sandbox.errors import SandboxError


class TaskingHeuristic(Policy):
    """What the heuristics for tasking_v0 have in common: names of actions, features of the requests shown."""

    problems = ("tasking_v0",)
    dwell_s = 6.0
    """What an image is taken to take."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.round_s = float(env.problem.mission.round_s)
        self._idle, self._charge, self._downlink = (
            self._label(name) for name in ("idle", "charge", "downlink")
        )
        self._observe = np.array([i for i, name in enumerate(self.actions) if name.startswith("observe_")])
        shown = range(1, len(self._observe) + 1)
        names = [
            name.removeprefix("request_1_") for name in self.layout.names if name.startswith("request_1_")
        ]
        self._columns = {
            name: np.array([self.layout.index(f"request_{k}_{name}") for k in shown]) for name in names
        }

    def _label(self, name: str) -> int:
        if name not in self.actions:
            raise SandboxError(
                f"The environment has no action {name!r}; {type(self).__name__} needs tasking_v0."
            )
        return self.actions.index(name)

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        return self.choose(self.layout.physical(observation), mask)

    @abstractmethod
    def choose(self, seen: NDArray[np.float64], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        """Legal actions (B, N) for features (B, N, F) in their units and masks (B, N, A)."""

    def _own(self, seen: NDArray, name: str) -> NDArray:
        """Feature `name` of each satellite (B, N)."""
        return seen[..., self.layout.index(name)]

    def _requests(self, seen: NDArray, name: str) -> NDArray:
        """Feature `name` of each request shown (B, N, K)."""
        return seen[..., self._columns[name]]

    def _worth(self, seen: NDArray, mask: NDArray) -> NDArray:
        """Expected value of each request shown (B, N, K); -1 where it cannot be imaged."""
        clear = 1.0 - self._requests(seen, "cloud") / 100.0
        return np.where(mask[..., self._observe] == 1, self._value(seen) * clear, -1.0)

    def _value(self, seen: NDArray) -> NDArray:
        """Value of each request shown (B, N, K), with its share of what completing its order pays."""
        value = self._requests(seen, "value")
        if "completion" not in self._columns:
            return value
        missing = np.maximum(1.0, self._requests(seen, "missing"))
        return value + self._requests(seen, "completion") / missing

    def _dwell(self, seen: NDArray) -> NDArray | float:
        """Seconds for which the camera stays on each request shown (B, N, K)."""
        if "hold" not in self._columns:
            return self.dwell_s
        return np.maximum(self.dwell_s, self._requests(seen, "hold"))

    def _rest(self, seen: NDArray, mask: NDArray) -> NDArray:
        """What to do with nothing to do: charge in sunlight, idle in shadow or with a full battery."""
        useful = (self._own(seen, "sunlight") > 0.0) & (self._own(seen, "battery") < 99.0)
        return np.where(useful & (mask[..., self._charge] == 1), self._charge, self._idle)


class Greedy(TaskingHeuristic):
    """Send when a station is in view, else image what is worth most now, else charge.

    Below `reserve` percent of battery it only charges.
    """

    reserve = 30.0

    def choose(self, seen: NDArray[np.float64], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        worth = self._worth(seen, mask)
        action = self._rest(seen, mask)
        low = self._own(seen, "battery") < self.reserve
        best = worth.argmax(axis=-1)
        self.reasons = {
            "best expected value": np.maximum(worth.max(axis=-1), 0.0),
            "battery, %": self._own(seen, "battery"),
        }
        action = np.where(~low & (worth.max(axis=-1) > 0.0), self._observe[best], action)
        return np.where(~low & (mask[..., self._downlink] == 1), self._downlink, action)


class DeadlineGreedy(TaskingHeuristic):
    """Looks ahead over the windows: of requests, of the contact, of the eclipse.

    A request that will still be in reach next round can wait for one that will not; one that takes several
    rounds to turn to is worth a share of itself; one that another satellite would reach first is discounted.
    While the contact is longer than the store needs, imaging goes on. The battery must carry the satellite
    through the shadow ahead with `reserve` percent to spare, and the closer it is to that, the more a request
    must be worth.
    """

    reserve = 15.0
    drain = 0.75
    """Percent of the battery a minute in shadow (600 Wh, 250 to 280 W)."""
    eclipse_min = 36.0
    shadow_ahead_min = 20.0
    patience = 0.6
    """Worth of a request that can wait, relative to one that cannot."""
    rival_discount = 0.2
    comfort = 35.0
    """Percent of battery above what is needed at which any request is worth its energy."""

    def choose(self, seen: NDArray[np.float64], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        spare = self._own(seen, "battery") - self._needed(seen)
        score = self._score(seen, mask)
        best, price = score.argmax(axis=-1), self._price(spare)
        observe = score.max(axis=-1) > price
        self.reasons = {
            "worth of the best request": np.maximum(score.max(axis=-1), 0.0),
            "price of its energy": price,
            "battery to spare, %": spare,
        }
        can_send = (mask[..., self._downlink] == 1) & (self._own(seen, "battery") > self.reserve)
        send = can_send & ~(observe & self._contact_can_wait(seen))
        action = np.where(observe, self._observe[best], self._rest(seen, mask))
        return np.where(send, self._downlink, action)

    def _needed(self, seen: NDArray) -> NDArray:
        """Battery (%) that must be left now to come through the shadow that lasts or comes."""
        inside = self._own(seen, "to_sunlight")
        near = np.clip(1.0 - self._own(seen, "to_shadow") / self.shadow_ahead_min, 0.0, 1.0)
        shadow = np.where(inside > 0.0, inside, self.eclipse_min * near)
        return self.reserve + self.drain * shadow

    def _price(self, spare: NDArray) -> NDArray:
        """Score that a request must beat: nothing with energy to spare, the best request without."""
        top = self.layout.high[self.layout.index("request_1_value")]
        return np.where(spare > 0.0, top * 0.5 * np.clip(1.0 - spare / self.comfort, 0.0, 1.0), np.inf)

    def _score(self, seen: NDArray, mask: NDArray) -> NDArray:
        ready = self._requests(seen, "capture_in") + self._dwell(seen)
        rounds = np.maximum(1.0, np.ceil(ready / self.round_s))
        last = np.minimum(self._requests(seen, "window"), self._requests(seen, "deadline") * 60.0)
        can_wait = last - self._requests(seen, "slew") > 2 * self.round_s
        weight = np.where(can_wait, self.patience, 1.0) / rounds
        earlier = self._requests(seen, "earlier")
        return self._worth(seen, mask) * weight * self.rival_discount**earlier

    def _contact_can_wait(self, seen: NDArray) -> NDArray:
        """Whether the rest of the contact holds the whole store and two rounds more."""
        rate = np.maximum(self._own(seen, "station_rate"), 1e-3)
        needed = self._own(seen, "stored") * 1e3 / rate
        left = self._own(seen, "contact_length") * 60.0
        return (self._own(seen, "contact_in") <= 0.0) & (left > needed + 2 * self.round_s)
