"""The jobs of a believed world: who asks, and who waits for a satellite to see them, drawn anew."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.job_arrivals import draw_jobs
from sandbox.jobs import EXPIRED, WAITING, Work
from sandbox.orbits.ephemeris import earth_rotation
from sandbox.state import NONE, State

STEP_S, LONGEST_S = 60.0, 3_600.0
"""How closely, and how far, it is looked back at where the satellites were."""


def believe_jobs(world: Any, state: State, work: Work, rng: np.random.Generator) -> None:
    """Put other users and questions in the place of those that no satellite has, in `work` of one world.

    They are drawn from the demand that the mission states, and from that of the disasters which have struck.
    """
    rows, released, clock = work.book[0], int(work.released[0]), state.clock[0]
    rows["status"] = np.where(rows["status"] == WAITING, EXPIRED, rows["status"])
    queue = work.waiting
    queue["head"] = queue["tail"] = NONE
    queue["count"], queue["soonest"] = 0, np.inf
    start, now = float(clock["start"]), float(clock["time"])
    scenario, struck = world.scenario, state.events[0] - start
    drawn = draw_jobs(
        rng, scenario.jobs, world.satellites, world.horizon_s, len(rows), scenario.events, struck
    )
    drawn["release"] += start
    drawn["deadline"] += start
    unseen = np.flatnonzero(waits(world, state, drawn, now))
    come = np.concatenate((drawn[unseen], drawn[drawn["release"] > now]))[: len(rows) - released]
    none = rows[released + len(come) :]
    none[...] = np.zeros((), none.dtype)
    none["release"] = np.inf
    rows[released : released + len(come)] = come


def waits(world: Any, state: State, jobs: NDArray, now: float) -> NDArray[np.bool_]:
    """Which jobs (m,) of cities have come up, and have been seen by no satellite since then.

    Satellites are traced back on circles, `STEP_S` at a time: what counts is the ground that they saw.
    """
    there = (jobs["release"] <= now) & (jobs["deadline"] > now) & (jobs["source"] == NONE)
    there &= jobs["release"] > now - LONGEST_S
    some = np.flatnonzero(there)
    if not len(some):
        return there
    users, up, release = jobs["position"][some], jobs["up"][some], jobs["release"][some]
    seen = np.zeros(len(some), np.bool_)
    for back in np.arange(0.0, now - release.min() + STEP_S, STEP_S):
        asked = np.flatnonzero(~seen & (release <= now - back + 0.5 * STEP_S))
        way = _itrs(world, state, now, back)[None] - users[asked, None]
        height = np.einsum("mnk,mk->mn", way, up[asked])
        high = height >= world.jobs.params.user_sine * np.linalg.norm(way, axis=-1)
        seen[asked] = high.any(axis=1)
    there[some] = ~seen
    return there


def _itrs(world: Any, state: State, now: float, back: float) -> NDArray[np.float64]:
    """Positions (n, 3) of the living satellites `back` seconds ago, m, ITRS."""
    living = state.body["alive"][0]
    position, velocity = state.orbit.position[0][living], state.orbit.velocity[0][living]
    rate = np.linalg.norm(velocity, axis=-1) / np.linalg.norm(position, axis=-1)
    turn = (rate * back)[:, None]
    then = position * np.cos(turn) - velocity / rate[:, None] * np.sin(turn)
    matrix = np.reshape(earth_rotation(world.constants.ephemeris, now - back), (3, 3))
    return then @ matrix.T
