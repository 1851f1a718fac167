"""Who decides for a search robot: the interface, two rules, and minds by name."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from envs.robots.words import BACK, COUNT, FIRST_SECTOR, GLOBALS, PER_SECTOR, TO_VICTIM, WAIT, make_layout
from sandbox.errors import unknown_name


class Mind(ABC):
    """Decides for one robot."""

    @abstractmethod
    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> int:
        """A legal decision for an observation (F,) in [-1, 1] and its mask (A,)."""


class Rule(Mind):
    """Goes to the victim once that is seen, else to the sector of the best score, else back."""

    def __init__(self) -> None:
        self._layout = make_layout()

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> int:
        if mask[TO_VICTIM]:
            return TO_VICTIM
        legal = mask[FIRST_SECTOR:] == 1
        if not legal.any():
            return BACK if mask[BACK] else WAIT
        seen = self._layout.physical(observation)[GLOBALS:].reshape(COUNT, PER_SECTOR)
        return FIRST_SECTOR + int(np.where(legal, self.score(seen), -np.inf).argmax())

    @abstractmethod
    def score(self, seen: NDArray[np.float64]) -> NDArray[np.float64]:
        """How good each sector (COUNT,) is, by its features (COUNT, PER_SECTOR) in their units."""


class Nearest(Rule):
    """The nearest place beside which something is unknown (Yamauchi, "A frontier-based approach for
    autonomous exploration", 1997)."""

    def score(self, seen: NDArray[np.float64]) -> NDArray[np.float64]:
        return -seen[:, 1]


class Loudest(Rule):
    """Where the victim is likeliest by what was heard, a per cent for a metre of the way."""

    def score(self, seen: NDArray[np.float64]) -> NDArray[np.float64]:
        return seen[:, 3] - seen[:, 1]


RULES = {"nearest": Nearest, "loudest": Loudest}


def mind_names() -> list[str]:
    """The shipped minds."""
    return [*RULES, "trained"]


def make_mind(name: str) -> Mind:
    """The mind called `name`, or with a path (a name that has a slash) the Qwen3 checkpoint that lies there.

    Raises SandboxError for an unknown name, and for a checkpoint that cannot be loaded.
    """
    if "/" in name:
        from agents.qwen.engines import make_engine
        from agents.robots.qwen import QwenMind

        return QwenMind(make_engine(name))
    if name == "trained":
        from agents.robots.network import Trained

        return Trained()
    if name not in RULES:
        raise unknown_name("mind of a robot", name, mind_names())
    return RULES[name]()
