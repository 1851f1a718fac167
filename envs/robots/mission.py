"""A robot on its mission, in the time of a world: when it asks, and what it does until it is answered.

While it waits the robot stands, as its reflex has it. What is decided is decided by what it saw as it asked;
it takes effect at the moment at which the answer is there.
"""

import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from envs.robots.env import decide
from envs.robots.robot import Robot, state_of
from envs.robots.site import Site
from envs.robots.words import SearchProblem, Seen

PARTS = ("wait", "up", "lasers", "queue", "prefill", "decode", "down")
"""Of a latency, s: those of `sandbox.jobs.TIMES`."""
MOST_DECISIONS = 400


class Decides(Protocol):
    """Who answers a robot: what the model makes of a question. Minds are in `agents.robots`."""

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> int:
        """A legal decision for an observation (F,) in [-1, 1] and its mask (A,)."""
        ...


class Mission:
    """A robot in `site`, which comes in at `begin`, s in the time of whoever answers.

    `mind` decides, `extra_w` is what radio or board draw all the time. `latencies` holds for every decision
    the seconds that the robot itself has waited, `parts` what whoever answered says they were.

    `log` is all that the mission was told, and what its mind decided: `replay` leads another mission in the
    same site to the same moment, to the bit, without asking a mind.
    """

    def __init__(self, site: Site, mind: Decides, begin: float = 0.0, extra_w: float = 0.0) -> None:
        self.robot, self.mind, self.begin = Robot(site), mind, begin
        self.robot.extra_w = extra_w
        self.problem = SearchProblem()
        self.latencies: list[float] = []
        self.parts: list[Mapping[str, float]] = []
        self.unanswered = 0
        self.track: list[tuple[float, float, float]] = [(0.0, *self.robot.position)]
        self.log: list[list[Any]] = []
        self._asked: tuple[float, Seen, int] | None = None
        self._known: list[int] = []
        """What a mind has decided already, of the decisions that are to come; in a replay."""

    @property
    def over(self) -> bool:
        """Whether the robot has reached the victim, has no energy left, or has asked too often."""
        return self.robot.over or len(self.latencies) >= MOST_DECISIONS

    @property
    def waits(self) -> bool:
        """Whether the robot waits for an answer."""
        return self._asked is not None

    def next_question(self) -> float | None:
        """Go on until it asks; the world's time of that, None where the mission is over before."""
        self.robot.run()
        if self.over:
            return None
        if self._asked is None:
            self._ask()
        assert self._asked is not None
        return self.begin + self._asked[0]

    def asks_at(self, until: float) -> float | None:
        """Go on until the world's time `until`; the time of the question that is not answered, if any."""
        self.log.append(["asks_at", until])
        if self._asked is None and not self.over:
            self.robot.advance(until - self.begin)
            self.track.append((self.robot.clock, *self.robot.position))
            if self.robot.asks and not self.robot.over:
                self._ask()
        elif not self.over:
            self.robot.advance(until - self.begin)
        return None if self._asked is None or self.over else self.begin + self._asked[0]

    def answer(self, at: float, parts: Mapping[str, float], joules: float = 0.0) -> None:
        """The answer is there at the world's time `at`; `joules` is what it took of the robot's battery."""
        assert self._asked is not None
        self.log.append(["answer", at, dict(parts), joules])
        asked, seen, action = self._asked
        self.robot.advance_exactly(at - self.begin)
        self.robot.draw(joules)
        self._asked = None
        if self.robot.over:
            return
        self.latencies.append(self.robot.clock - asked)
        self.parts.append(parts)
        decide(self.robot, seen, action)

    def no_answer(self, at: float) -> None:
        """Nothing will come of the question; the robot asks anew, by what it sees then."""
        self.log.append(["no_answer", at])
        self.robot.advance(at - self.begin)
        self.unanswered += 1
        self._asked = None
        if not self.over:
            self.robot.asked_at = self.robot.clock
            self._ask()

    def replay(self, log: list[list[Any]]) -> None:
        """Go through all that another mission was told, from `log` on; this one has just begun.

        `next_question` is in no log, so that what was played by it cannot be replayed.
        """
        self._known = [told[1] for told in log if told[0] == "decided"]
        for name, *given in log:
            if name != "decided":
                getattr(self, name)(*given)

    def _ask(self) -> None:
        seen = Seen(self.robot)
        if self._known:
            action = self._known.pop(0)
        else:
            action = int(self.mind.decide(self.problem.layout.scaled(seen.values), seen.mask))
        self.log.append(["decided", action])
        self._asked = self.robot.asked_at, seen, action

    def row(self) -> dict[str, Any]:
        """What became of it: of the robot, and of its questions the means of every part."""
        told = state_of(self.robot) | {"decisions": len(self.latencies), "unanswered": self.unanswered}
        told["latency_s"] = _mean(self.latencies)
        for name in PARTS:
            told[f"{name}_s"] = _mean([parts[name] for parts in self.parts])
        return told


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan
