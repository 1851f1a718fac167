"""The planner for avoidance_v0: it burns against true hits only, least fuel, and not into another's way.

What a burn leads to is flown, not estimated: the world's own prediction is run on copies, for every burn
that a satellite could make now, over all that passes it until the end of the episode. A burn is due when a
true hit is a few revolutions ahead, or when the satellite is about to leave its slot. Of the burns that keep
clear of everything ahead the cheapest is taken, and of those the one that leaves the least drift: so a burn
against the next hit also ends the drift that the last one began.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.planner.base import Planner
from sandbox.maneuvers import (
    BACKWARD_LARGE,
    BACKWARD_SMALL,
    FORWARD_LARGE,
    FORWARD_SMALL,
    RETURN,
    WAIT,
    along_track,
    predict,
    wanted_burn,
)

LEAD_S = 3.0 * 5_700.0
"""How long before a hit a burn is due: in three revolutions a small burn moves a satellite by a kilometre."""
CLEAR_M = 30.0
"""Kept beyond the hard-body radius of whatever passes."""
URGENT_S = 1_800.0
"""From here on a burn that only makes a hit a nearer miss will do."""
SLOT_SHARE = 0.95
"""Share of the slot beyond which a satellite counts as leaving it: a margin for what is flown until then."""
WEIGHED = (
    "clearance of the first that comes near, m", "hours to it", "wrong ahead without a burn",
    "wrong ahead as decided", "m/s spent", "drift left, m/s",
)  # fmt: skip
"""What a decision was weighed by. What is wrong ahead counts as `AvoidancePlanner._price` has it."""
BURNS = (FORWARD_SMALL, BACKWARD_SMALL, FORWARD_LARGE, BACKWARD_LARGE, RETURN)


class AvoidancePlanner(Planner):
    """See the module's page."""

    problems = ("avoidance_v0",)

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._slot_m = 1e3 * self.world.scenario.encounters.slot_km
        self.forget()

    def forget(self) -> None:
        self._weighed: dict[int, NDArray[np.float64]] = {}

    def act_in(self, b: int, mask: NDArray[np.int8]) -> NDArray[np.int64]:
        self._weighed[b] = np.full((len(WEIGHED), len(mask)), np.nan)
        return np.array([self._burn(b, n, mask[n]) for n in range(len(mask))], np.int64)

    def told(self, chosen: NDArray[np.int64]) -> Mapping[str, NDArray]:
        """What was weighed, `WEIGHED`; NaN where nothing is near and nobody burns."""
        weighed = np.stack([self._weighed[b] for b in range(len(chosen))], axis=1)
        return dict(zip(WEIGHED, weighed, strict=True))

    def _burn(self, b: int, n: int, mask: NDArray[np.int8]) -> int:
        records, now = self.world.encounters.state, float(self.world.state.clock["time"][b])
        gap, wait = clearance(records.encounter[b, n], now)
        leaving = self._leaves(b, n)
        weighed = self._weighed[b][:, n]
        weighed[:2] = gap, wait / 3600.0
        if not self.world.state.body["alive"][b, n] or not (leaving or (gap < CLEAR_M and wait <= LEAD_S)):
            return WAIT
        # in order: whatever is wrong ahead, then fuel, then drift, which only later burns would have to end
        best, choice = (self._price(gap, wait, leaving), 0.0, 0.0), WAIT
        for burn in BURNS:
            if not mask[burn]:
                continue
            found = self._try(b, n, burn, now)
            if found < best:
                best, choice = found, burn
        weighed[2], weighed[3:] = self._price(gap, wait, leaving), best
        return choice

    def _leaves(self, b: int, n: int) -> bool:
        """Whether the satellite will be out of its slot in two rounds, and is not on its way back."""
        passing, step = self.world.encounters.state.passing[b, n], self.world.constants.round_s
        left = self._left(b)
        ahead = passing["offset"] + passing["drift"] * min(2.0 * step, left)
        return abs(ahead) > SLOT_SHARE * self._slot_m and passing["offset"] * passing["drift"] > 0.0

    def _left(self, b: int) -> float:
        """Seconds to the end of the episode."""
        clock = self.world.state.clock[b]
        return self.world.horizon_s - float(clock["time"] - clock["start"])

    def _price(self, gap: float, wait: float, leaving: bool) -> float:
        """What is wrong with the way ahead: the more, the sooner and the nearer something passes."""
        excess = 0.0 if gap >= CLEAR_M else 2.0 + (wait < URGENT_S) * (2.0 - gap / CLEAR_M)
        return excess + leaving

    def _try(self, b: int, n: int, burn: int, now: float) -> tuple[float, float, float]:
        """(what is wrong, m/s, drift left) after a burn, on copies of the world."""
        world, now_ahead = self.world, self.world.encounters.state
        records = type(now_ahead)(*(part[b : b + 1, n : n + 1].copy() for part in now_ahead))
        orbit = type(world.state.orbit)(*(part[b : b + 1, n : n + 1].copy() for part in world.state.orbit))
        passing, velocity = records.passing[0, 0], orbit.velocity[0, 0]
        wanted = wanted_burn(burn, passing["offset"], passing["drift"], world.encounters.params)
        size = min(abs(wanted), float(records.fuel[0, 0]))
        velocity *= 1.0 + np.copysign(size, wanted) / np.linalg.norm(velocity)
        constants = world.constants._replace(ballistic=world.constants.ballistic[n : n + 1])
        predict(records, orbit, constants, 0, 0, now)
        offset, drift = along_track(
            orbit.position[0, 0], velocity, records.slot_position[0, 0], records.slot_velocity[0, 0],
            world.constants.forces.j2,
        )  # fmt: skip
        gap, wait = clearance(records.encounter[0, 0], now)
        soon = abs(offset + drift * 2.0 * world.constants.round_s) > SLOT_SHARE * self._slot_m
        return self._price(gap, wait, soon and offset * drift > 0.0), size, abs(drift)


def clearance(rows: NDArray[np.void], now: float) -> tuple[float, float]:
    """(m beyond the hard-body radius, s ahead) of the first that passes within CLEAR_M; inf if none does."""
    ahead = np.isfinite(rows["tca"]) & (rows["passing"] > now)
    gap = np.linalg.norm(rows["relative"][:, :3], axis=-1) - rows["radius"]
    near = np.flatnonzero(ahead & (gap < CLEAR_M))
    if not len(near):
        return np.inf, np.inf
    first = near[rows["passing"][near].argmin()]
    return float(gap[first]), float(rows["passing"][first] - now)
