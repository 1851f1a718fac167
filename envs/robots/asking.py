"""Robots that ask the satellites of a world: questions go out between two rounds, answers come back."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from envs.robots.mission import Mission
from sandbox.fleet import zenith
from sandbox.job_asking import Answer, Question, ask, outcome
from sandbox.orbits.frames import geodetic_to_itrs

KIND = "search_robot"
"""The kind of job that a robot's question is. Of its own: other kinds may be answered on the ground, from
where no answer comes back to a robot."""
TERMINAL_W = 30.0
"""Of a portable satellite terminal, all the time; assumed, in the range that makers state (25 to 40 W)."""
OBSERVATION_BITS = 72 * 16 + 40 * 40 * 2 + 64 * 48 * (8 + 24)
"""A turn of the lidar, the map, and pictures of 64 x 48 in depth and colour, as they are: 103 kbit."""
ANSWER_BITS = 10_000
SPREAD_M = 20_000.0
"""Missions are about that far from the middle of a city."""


def kind_of(prompt_tokens: int = 500, output_tokens: int = 60) -> dict[str, Any]:
    """What the question of a robot is to the satellites, as scenarios have it. None comes by itself."""
    return {
        "name": KIND, "source": "cities", "per_hour": 0, "raw_mbit": OBSERVATION_BITS / 1e6,
        "answer_kbit": ANSWER_BITS / 1e3, "prompt_tokens": prompt_tokens,
        "output_tokens": output_tokens, "value": (4, 4), "deadline_s": 60, "half_life_s": 20,
        "quality": (0.9, 0.9, 0.0),  # of the ground no answer comes back
    }  # fmt: skip


class Placed:
    """A mission at a place on the Earth (rad), in world `b`."""

    def __init__(self, mission: Mission, latitude: float, longitude: float, b: int) -> None:
        self.mission, self.latitude, self.longitude, self.b = mission, latitude, longitude, b
        where = np.array([latitude]), np.array([longitude])
        self.position = geodetic_to_itrs(*where, np.zeros(1))[0]
        self.up = zenith(*where)[0]
        self.pending: Any = None
        """What whoever answers knows of the question under way."""

    def sees(self, itrs: np.ndarray, least_sine: float) -> tuple[np.ndarray, np.ndarray]:
        """The satellites (M,) of those at `itrs` (N, 3) that it sees, the highest first; distances (N,)."""
        line = itrs - self.position
        distance = np.linalg.norm(line, axis=1)
        sine = line @ self.up / distance
        seen = np.flatnonzero(sine >= least_sine)
        return seen[np.argsort(-sine[seen], kind="stable")], distance


def send(world: Any, missions: Sequence[Placed]) -> bool:
    """Let robots go on to where the world is, and send what is asked by now; whether something was."""
    new, now = [], world.state.clock["time"]
    for placed in missions:
        at = placed.mission.asks_at(float(now[placed.b]))
        if at is not None and placed.pending is None and at <= now[placed.b] + 1e-9:
            new.append((placed, min(at, float(now[placed.b]))))
    asked = [Question(KIND, p.latitude, p.longitude, at, p.b) for p, at in new]
    for (placed, _), number in zip(new, ask(world, asked), strict=True):
        placed.pending = number
    return bool(new)


def bring(world: Any, missions: Sequence[Placed]) -> list[tuple[Placed, Answer]]:
    """Bring the answers that came in the round that was played, and say so where none will come.

    One that the satellites sent down to the ground is lost to the robot. Returns the answers brought.
    """
    brought = []
    for placed in missions:
        if placed.pending is None or placed.mission.over:
            continue
        answer = outcome(world, placed.pending, placed.b)
        if not answer.over:
            continue
        placed.pending = None
        if answer.status == "delivered" and not answer.on_ground:
            placed.mission.answer(answer.delivered_at, answer.times)
            brought.append((placed, answer))
        else:
            placed.mission.no_answer(float(world.state.clock["time"][placed.b]))
    return brought
