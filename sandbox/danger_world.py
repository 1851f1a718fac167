"""A world in which satellites may be hit: threats, warnings and burns beside all that a `World` has.

world = DangerWorld("crossing_12")
world.reset(seed=0)
world.fly(action)              # (B, N): burns, by number in `avoidance`
world.warnings                 # (B, N, W): what each satellite is told of the threats ahead
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.avoidance import (
    RETURN,
    WAIT,
    burn_worlds,
    pass_worlds,
    predict_worlds,
    warn_worlds,
)
from sandbox.errors import SandboxError
from sandbox.orbits.propagation import propagate
from sandbox.state import CHARGE
from sandbox.threats import (
    WARNING,
    begin_threats,
    make_rules,
    make_sweep,
    make_threats,
    population_passes,
    threat_room,
)
from sandbox.world import Snapshot, World

SHOWN_S = 1800.0
"""Seconds before it passes from which a recording shows an object."""


class DangerWorld(World):
    """B worlds of N satellites with threats. Arguments as `World`, and `warned`, W: the warnings shown.

    `threats` holds the truth, `warnings` what is told. Raises SandboxError for bad input, and for satellites
    that SGP4 flies: they cannot burn.
    """

    def __init__(self, scenario: Any, worlds: int = 1, *, warned: int = 3, **how: Any) -> None:
        super().__init__(scenario, worlds, **how)
        if self.fleet.sgp4:
            raise SandboxError(
                "Satellites that SGP4 flies cannot burn; set propagator: cowell in their group."
            )
        settings = self.scenario.threats
        self._passes = population_passes(self)
        room = threat_room(settings, self.horizon_s, self._passes, self.satellites)
        self.demand.add(
            f"{room:,} threats to each and their warnings",
            lambda: [
                *make_threats(0, self.satellites, room, settings),
                *make_sweep(0, self.satellites),
                np.zeros((0, self.satellites, warned), WARNING),
            ],
        )
        self.threats = make_threats(self.worlds, self.satellites, room, settings)
        self.rules = make_rules(settings)
        self._sweep = make_sweep(self.worlds, self.satellites)
        self.warnings = np.zeros((self.worlds, self.satellites, warned), WARNING)
        self._facing_sun = np.full((self.worlds, self.satellites), CHARGE, np.int32)
        self._waiting = np.full((self.worlds, self.satellites), WAIT, np.int32)

    def reset(self, seed: int | ArrayLike | None = None, worlds: ArrayLike | None = None) -> None:
        super().reset(seed, worlds)
        which = np.arange(self.worlds) if worlds is None else self._which(worlds)
        self._call([which], predict_worlds, self.threats)
        self._call([which], warn_worlds, self.threats, self.rules, self.warnings)

    def fly(self, action: ArrayLike, thinking: NDArray[np.void] | None = None) -> None:
        """One decision round in every world.

        action (B, N): a burn by number in `avoidance`, at the beginning of the round, or at its end where the
        order comes only in the course of it. thinking as in `World.step`; the panels face the Sun.
        """
        action = self._orders("action", action, RETURN + 1)
        if not self._all_ready:
            raise SandboxError("DangerWorld.fly before reset: call reset() first.")
        self.threats.passing["burned"] = 0.0
        late = np.zeros(action.shape, np.bool_) if thinking is None else thinking["delay"] > 0.0
        if thinking is not None:
            thinking = thinking.copy()
            thinking["command"] = CHARGE
        self.share(burn_worlds, self.threats, self.rules, np.where(late, self._waiting, action))
        self.step(self._facing_sun, np.zeros_like(self._facing_sun), thinking)
        self.share(pass_worlds, self.threats, self.rules, self._sweep)
        if late.any():
            self.share(burn_worlds, self.threats, self.rules, np.where(late, action, self._waiting))
        self.share(warn_worlds, self.threats, self.rules, self.warnings)

    def scene(self, b: int) -> dict[str, NDArray]:
        """Where the next object is that passes each satellite within `SHOWN_S`."""
        now, where = float(self.state.clock["time"][b]), np.zeros((self.satellites, 3))
        for n, rows in enumerate(self.threats.threat[b]):
            ahead = rows[(rows["passing"] >= now) & (rows["tca"] <= now + SHOWN_S)]
            if len(ahead) and self.state.body["alive"][b, n]:
                state = ahead[0]["state"]
                places, _ = propagate(state[:3], state[3:], [now - ahead[0]["tca"]])
                where[n] = places[0]
        return super().scene(b) | {"threat_position": where.astype(np.float32)}

    def restore(self, snapshot: Snapshot) -> None:
        super().restore(snapshot)
        self.threats.told_until[...] = -np.inf
        self.share(warn_worlds, self.threats, self.rules, self.warnings)

    def _parts(self) -> dict[str, tuple[NDArray, ...]]:
        return super()._parts() | {"threats": self.threats}

    def _begin_episode(self, b: int, seed: int | None) -> None:
        super()._begin_episode(b, seed)
        begin_threats(self.threats, self, self._passes, b, self._generators[b])
