"""Where the mind of a robot can be: nowhere far (an answer takes no time), on a board of its own, in orbit,
or in a data centre on the ground that a satellite passes it on to.

What a place needs of a world it reads from that world alone: who sees whom, links, queues, boards.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from envs.robots.asking import TERMINAL_W, Placed, bring, send
from envs.robots.mission import PARTS, Mission
from sandbox.compute import board, inference, model
from sandbox.jobs import user_link_share
from sandbox.lasers import light_time
from sandbox.routing import routes

DATA_CENTRE, NETWORK_S = "h100_pcie", 0.02
"""The board of a data centre; from a station to there, each way, s (assumed)."""
NOTHING = dict.fromkeys(PARTS, 0.0)


def place_parts(**given: float) -> dict[str, float]:
    """The parts of a latency, 0 but for those given."""
    return NOTHING | given


class OnBoard:
    """The model runs on the robot: on a board of `boards.yaml`, out of the robot's battery."""

    def __init__(self, board_name: str, model_name: str, precision: str, prompt: int, output: int) -> None:
        profile = board(board_name)
        cost = inference(profile, model(model_name), precision, prompt, output)
        self.extra_w = profile.idle_w
        self._parts = place_parts(prefill=float(cost.prefill_s), decode=float(cost.decode_s))
        self._joules = (profile.active_w - profile.idle_w) * float(cost.seconds)

    def play(self, mission: Mission) -> None:
        """The whole mission: it needs no world."""
        while not mission.over:
            at = mission.next_question()
            if at is not None:
                mission.answer(at + sum(self._parts.values()), self._parts, self._joules)


class AtOnce:
    """A mind that takes no time and nothing else: the environment alone."""

    extra_w = 0.0

    def play(self, mission: Mission) -> None:
        """The whole mission."""
        while not mission.over:
            at = mission.next_question()
            if at is not None:
                mission.answer(at, NOTHING)


class Afar(ABC):
    """A mind that is reached through the satellites of a world. `look` between two rounds, then `settle`."""

    extra_w = TERMINAL_W

    @abstractmethod
    def look(self, world: Any, missions: Sequence[Placed]) -> bool:
        """Send what is asked by now; whether the world has changed by it."""

    @abstractmethod
    def settle(self, world: Any, missions: Sequence[Placed]) -> None:
        """Bring the answers that came in the round that was played."""


class InOrbit(Afar):
    """The satellites answer: every question is a job of the world. One that they send down to the ground is
    lost to the robot."""

    def look(self, world: Any, missions: Sequence[Placed]) -> bool:
        return send(world, missions)

    def settle(self, world: Any, missions: Sequence[Placed]) -> None:
        bring(world, missions)


class BentPipe(Afar):
    """A data centre answers, which a satellite passes the question on to: one that sees the robot and a
    station, or with `lasers` one from which the mesh leads to such a one.

    Where nobody does the question waits. The data centre is free at once (it has as many boards as it needs),
    and the links carry nothing else.
    """

    def __init__(self, model_name: str, precision: str, prompt: int, output: int, lasers: bool) -> None:
        cost = inference(board(DATA_CENTRE), model(model_name), precision, prompt, output)
        self._prefill, self._decode = float(cost.prefill_s), float(cost.decode_s)
        self.lasers = lasers

    def look(self, world: Any, missions: Sequence[Placed]) -> bool:
        for placed in missions:
            now, mission = float(world.state.clock["time"][placed.b]), placed.mission
            at = mission.asks_at(now)
            if at is None:
                continue
            if placed.pending is None and at <= now + 1e-9:
                placed.pending = {"asked": at}
            if placed.pending is not None:
                self._follow(world, placed, now)
        return False

    def settle(self, world: Any, missions: Sequence[Placed]) -> None:
        for placed in missions:
            if placed.pending and "there" in placed.pending and not placed.mission.over:
                found = placed.pending
                placed.pending = None
                placed.mission.answer(found["there"], found["parts"])

    def _follow(self, world: Any, placed: Placed, now: float) -> None:
        """Take the question up, or bring the answer down, where there is a way now."""
        found, kind = placed.pending, world.jobs.params.kinds[0]
        round_s = world.scenario.round_s
        if "ready" not in found:
            way = self._way(world, placed, now, float(kind["raw"]), up=True)
            if way is not None:
                user, mesh, feeder = way
                up = user + feeder + NETWORK_S
                found["parts"] = place_parts(
                    wait=now - found["asked"], up=up, lasers=mesh, prefill=self._prefill, decode=self._decode
                )
                found["ready"] = now + up + mesh + self._prefill + self._decode
        if "ready" in found and "there" not in found and found["ready"] <= now + round_s:
            way = self._way(world, placed, now, float(kind["answer"]), up=False)
            if way is not None:
                user, mesh, feeder = way
                begin = max(now, found["ready"])
                found["parts"]["down"] = begin - found["ready"] + NETWORK_S + feeder + user
                found["parts"]["lasers"] += mesh
                found["there"] = begin + NETWORK_S + feeder + mesh + user

    def _way(
        self, world: Any, placed: Placed, now: float, bits: float, up: bool
    ) -> tuple[float, float, float] | None:
        """Seconds over the user's link, the mesh and a station's link; None where there is no way now."""
        b, params = placed.b, world.jobs.params
        outlook, alive = world.state.outlook[b], world.state.body["alive"][b]
        seen, distance = placed.sees(world.jobs.scratch.itrs[b], params.user_sine)
        rates = outlook["rate"] if up else outlook["uplink"]
        gates = np.flatnonzero(
            (outlook["station"] >= 0) & (outlook["visible_from"] <= 0.0) & (rates > 0.0) & alive
        )
        seen = seen[alive[seen]]
        if not len(seen) or not len(gates):
            return None
        feeder = bits / rates[gates] + 2e6 / 299_792_458.0  # of the way to a station 2,000 km at most
        if self.lasers:
            ways = routes(
                world.lasers.state.links[b], world.lasers.params.terminals, gates, now, bits, feeder
            )
            joined = seen[np.isfinite(ways.seconds[seen])]
            if not len(joined):
                return None
            n = int(joined[0])
            own = float(feeder[np.flatnonzero(gates == ways.goal[n])[0]])
            mesh = max(0.0, float(ways.seconds[n]) - own)
        else:
            both = seen[np.isin(seen, gates)]
            if not len(both):
                return None
            n, mesh = int(both[0]), 0.0
            own = float(feeder[np.flatnonzero(gates == n)[0]])
        rate = params.user_up if up else params.user_down
        user = bits / (rate * user_link_share(params, distance[n])) + light_time(distance[n])
        return user, mesh, own
