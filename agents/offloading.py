"""Heuristics for offloading_v0. They read the features by name, in their units."""

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.policy import Policy

TYPICAL_MBIT_S = 300.0
"""Rate of a contact that has not begun."""
GROUND_S = 2.0
NEIGHBOURS = (1, 2, 3, 4)


class OffloadingHeuristic(Policy):
    """What the heuristics for offloading_v0 have in common: when an answer could be there, and its worth
    then.

    Below `reserve` percent of battery the own boards take nothing on.
    """

    problems = ("offloading_v0",)
    reserve = 20.0

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.round_s = float(env.problem.mission.round_s)
        self._number = {name: i for i, name in enumerate(self.actions)}

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        seen = self.layout.physical(observation)
        score = np.where(mask == 1, self.score(seen), -np.inf)
        low = self._of(seen, "battery") < self.reserve
        for name in ("run_small", "run_large"):
            score[..., self._number[name]][low] = -np.inf
        self.reasons = {f"score of {name}": score[..., i] for i, name in enumerate(self.actions)}
        return score.argmax(axis=-1)

    @abstractmethod
    def score(self, seen: NDArray[np.float64]) -> NDArray[np.float64]:
        """How good each action is (B, N, A) for features (B, N, F) in their units; the mask is applied
        after."""

    def _of(self, seen: NDArray, name: str) -> NDArray:
        """Feature `name` of each satellite (B, N)."""
        return seen[..., self.layout.index(name)]

    def _blank(self, seen: NDArray) -> NDArray:
        """Scores (B, N, A) of actions that are not considered, but for the no-op."""
        score = np.full((*seen.shape[:-1], len(self.actions)), -np.inf)
        score[..., self._number["defer"]] = 0.0
        return score

    def _waits(self, seen: NDArray) -> dict[str, NDArray]:
        """Seconds (B, N) until the answer of each action could be there."""
        here, large = self._of(seen, "backlog"), self._of(seen, "job_large_s")
        waits = {
            "run_small": here + self._of(seen, "job_small_s"),
            "run_large": here + large,
            "training": self._of(seen, "training_delay") + self._of(seen, "training_large_s"),
            "ground": self._down(seen),
        }
        for k in NEIGHBOURS:
            there = self._of(seen, f"neighbour_{k}_backlog") + self._of(seen, f"neighbour_{k}_delay") / 1e3
            waits[f"neighbour_{k}"] = self.round_s + there + large  # it decides a round later
        return waits

    def _down(self, seen: NDArray) -> NDArray:
        rate = self._of(seen, "station_rate")
        rate = np.where(rate > 0.0, rate, TYPICAL_MBIT_S)
        ahead = self._of(seen, "raw") * 1e3 + self._of(seen, "job_size")
        contact = np.where(self._of(seen, "station_seconds") > 0.0, 0.0, self._of(seen, "contact_in") * 60.0)
        return contact + ahead / rate + GROUND_S

    def _worths(self, seen: NDArray) -> dict[str, NDArray]:
        """What the answer of each action would pay (B, N), 0 beyond the deadline."""
        qualities = {"run_small": "small", "ground": "ground"}
        worths = {}
        for name, wait in self._waits(seen).items():
            quality = self._of(seen, f"job_{qualities.get(name, 'large')}_quality")
            age = self._of(seen, "job_age") + wait
            fresh = 2.0 ** (-age / np.maximum(self._of(seen, "job_half_life"), 1e-3))
            in_time = wait <= self._of(seen, "job_left")
            worths[name] = np.where(in_time, self._of(seen, "job_value") * quality * fresh, 0.0)
        return worths

    def _place(self, score: NDArray, values: dict[str, NDArray]) -> NDArray:
        for name, value in values.items():
            score[..., self._number[name]] = value
        return score


class Local(OffloadingHeuristic):
    """Everything is answered where it came up, by the model whose answer would pay more; hopeless jobs go."""

    def score(self, seen: NDArray[np.float64]) -> NDArray[np.float64]:
        worths = self._worths(seen)
        score = self._place(self._blank(seen), {name: worths[name] for name in ("run_small", "run_large")})
        hopeless = np.maximum(worths["run_small"], worths["run_large"]) <= 0.0
        score[..., self._number["drop"]] = np.where(hopeless, 1.0, -np.inf)
        return score


class Ground(OffloadingHeuristic):
    """A bent pipe: everything goes down raw."""

    def score(self, seen: NDArray[np.float64]) -> NDArray[np.float64]:
        score = self._blank(seen)
        score[..., self._number["ground"]] = 1.0
        return score


class Greedy(OffloadingHeuristic):
    """Whatever would pay most for this job: a model here, a neighbour, a training satellite, the ground."""

    def score(self, seen: NDArray[np.float64]) -> NDArray[np.float64]:
        worths = self._worths(seen)
        score = self._place(self._blank(seen), worths)
        hopeless = np.max(np.stack(list(worths.values())), axis=0) <= 0.0
        score[..., self._number["drop"]] = np.where(hopeless, 1.0, -np.inf)
        return score


class LeastLoaded(OffloadingHeuristic):
    """The large model, wherever its boards are free first."""

    def score(self, seen: NDArray[np.float64]) -> NDArray[np.float64]:
        waits = self._waits(seen)
        names = ("run_large", "training", *(f"neighbour_{k}" for k in NEIGHBOURS))
        score = self._place(self._blank(seen), {name: -waits[name] for name in names})
        score[..., self._number["defer"]] = -1e9
        return score
