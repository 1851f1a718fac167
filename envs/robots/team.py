"""Robots on the ground of a world, in the loop with its satellites, whoever steps it.

    env = offloading_v0.batch_env("walker_120", robots=4)

A robot comes in at a disaster site near a city, asks the satellites where to go (every question a job of the
world), and is done when it has reached the victim or its battery is empty; after a pause the next comes in
somewhere else. What became of a mission is told when it is over, to the satellites that decided on its
answers, by their shares; where nobody answered, to all alike.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.robots.asking import KIND, SPREAD_M, TERMINAL_W, Placed, bring, kind_of, send
from envs.robots.mission import Decides, Mission
from envs.robots.model import mujoco_module
from envs.robots.robot import state_of
from envs.robots.site import draw_site
from sandbox.demand import LONGEST_BOOK
from sandbox.errors import SandboxError, printable, shown
from sandbox.geography import sample_cities
from sandbox.job_asking import Answer
from sandbox.scenario import Scenario, load_scenario
from sandbox.state import NONE
from sandbox.structured import structured

__all__ = ["MOST_PAUSE_S", "MOST_ROBOTS", "TALLY", "Robots", "tally_of"]

MOST_PAUSE_S = 120.0
"""Between two missions of a robot, s, drawn evenly from 0 on; assumed."""
MOST_ROBOTS = 1000
"""Of a world at a time."""
EVENT = "robot"
MINDS = "agents.robots:make_mind"
"""Where minds are known by name."""
TALLY = structured(
    [
        ("reached", "f8"),  # missions that reached the victim
        ("failed", "f8"),  # missions that ended without
        ("seconds", "f8"),  # of those that reached it
        ("wh", "f8"),  # out of the robots' batteries
        ("collisions", "f8"),
        ("answers", "f8"),  # brought to robots
        ("waited", "f8"),  # s, that the robots waited for them
    ]
)
"""What became of robots in a round, by satellite."""


class Slot:
    """A robot of a world: the number of its mission, when it comes in, and while it is there the mission and
    the satellites that answered it."""

    def __init__(self, number: int, begin: float) -> None:
        self.number, self.begin = number, begin
        self.placed: Placed | None = None
        self.by: list[int] = []


@dataclass(frozen=True)
class Team:
    """What is asked for: so many robots in each world, and what the model makes of their questions."""

    count: int
    mind: Any = "loudest"

    def prepared(self, scenario: Scenario) -> Scenario:
        """The scenario with a kind of job for the questions of robots; its own, where it has one so named."""
        kinds = [kind.name for kind in scenario.jobs.kinds]
        if KIND in kinds:
            return scenario
        more = [*(kind.model_dump(mode="json") for kind in scenario.jobs.kinds), kind_of()]
        return load_scenario(scenario, {"jobs.kinds": more})

    def room(self, rounds: int) -> int:
        """How many questions they can ask: one a round each. Raises SandboxError where that is too much."""
        room = self.count * rounds
        if room > LONGEST_BOOK:
            raise SandboxError(
                f"robots = {self.count}: in {rounds:,} rounds they could ask {room:,} questions, and a world "
                f"has room for {LONGEST_BOOK:,}; take fewer, or a shorter episode."
            )
        return room

    def over(self, world: Any) -> "Robots":
        """The robots of a world, which are to be given to it."""
        rounds = max(1, round(world.horizon_s / world.scenario.round_s))
        return Robots(self.count, self.mind, world.worlds, world.satellites, rounds)


class Robots:
    """`count` robots in every world of B with N satellites: a companion, see `sandbox.companions`.

    `mind` is what the model in orbit makes of a question: a name known to `agents.robots`, `module:Name`, or
    an object that decides. `tally` (B, N), records of dtype `TALLY`, is what became of robots in the last
    round. Everything is drawn from the world's seed: the same seed, the same missions, whatever B is. A world
    that has played its `rounds` asks nothing more.

    Raises SandboxError for bad arguments and where mujoco is not installed.
    """

    def __init__(self, count: int, mind: Any, worlds: int, satellites: int, rounds: int) -> None:
        mujoco_module()
        self.count, self.rounds, self.mind = count, rounds, mind_of(mind)
        self.tally = np.zeros((worlds, satellites), TALLY)
        self._keys = [0] * worlds
        self._slots: list[list[Slot]] = [[] for _ in range(worlds)]
        self._told: list[list[Any]] = [[] for _ in range(worlds)]

    def missions(self, b: int = 0) -> list[Placed]:
        """The missions under way in world `b`."""
        return [slot.placed for slot in self._slots[b] if slot.placed]

    def begin(self, world: Any, which: NDArray) -> None:
        """New missions in the worlds listed; what the world itself draws stays as it is."""
        for b in which.tolist():
            self._keys[b] = int(world.generator(b).integers(2**62))
            start = float(world.state.clock["time"][b])
            self.tally[b] = 0
            self._told[b] = []
            self._slots[b] = [Slot(0, start + self._pause(b, r, 0)) for r in range(self.count)]

    def play(self, world: Any) -> None:
        """Answers come, robots go on to where the world is now, and ask."""
        self.tally[...] = 0
        clock = world.state.clock
        for b, slots in enumerate(self._slots):
            self._told[b] = []
            if clock["round"][b] >= self.rounds:
                continue
            now = float(clock["time"][b])
            by_mission = {id(slot.placed): slot for slot in slots if slot.placed}
            for placed, answer in bring(world, self.missions(b)):
                self._credit(by_mission[id(placed)], answer)
            for r, slot in enumerate(slots):
                if slot.placed is None and slot.begin <= now:
                    slot.placed = self._placed(b, r, slot)
            send(world, self.missions(b))
            for r, slot in enumerate(slots):
                if slot.placed and slot.placed.mission.over:
                    self._close(b, r, slot, now, world.scenario.round_s)

    def events(self, b: int) -> list[Any]:
        """How missions of world `b` ended in the last round."""
        return self._told[b]

    def kept(self) -> Any:
        """Keys, slots and logs: a mission is led to where it is by what it was told."""
        slots = [[_slot_kept(slot) for slot in slots] for slots in self._slots]
        told = [[list(event) for event in events] for events in self._told]
        tally = [[list(row) for row in rows] for rows in self.tally.tolist()]
        return [list(self._keys), slots, told, tally]

    def restore(self, kept: Any) -> None:
        """Missions begin anew and are told again what they were told."""
        keys, slots, told, tally = kept
        self._keys, self._told = list(keys), [[tuple(event) for event in events] for events in told]
        self.tally[...] = [[tuple(row) for row in rows] for rows in tally]
        self._slots = [
            [self._slot_of(b, r, one) for r, one in enumerate(each)] for b, each in enumerate(slots)
        ]

    def __getstate__(self) -> dict[str, Any]:
        """What copying and pickling take: no engine of MuJoCo."""
        return self.__dict__ | {"_slots": [], "kept": self.kept()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept = state.pop("kept")
        self.__dict__ |= state
        self.restore(kept)

    def _rng(self, b: int, r: int, number: int) -> np.random.Generator:
        return np.random.default_rng([self._keys[b], r, number])

    def _pause(self, b: int, r: int, number: int) -> float:
        return float(self._rng(b, r, number).uniform(0.0, MOST_PAUSE_S))

    def _placed(self, b: int, r: int, slot: Slot) -> Placed:
        """The mission of a slot, as it begins."""
        rng = self._rng(b, r, slot.number)
        rng.uniform()  # the pause
        site = draw_site(int(rng.integers(2**31)))
        latitude, longitude = sample_cities(rng, 1, SPREAD_M)
        mission = Mission(site, self.mind, slot.begin, TERMINAL_W)
        return Placed(mission, float(latitude[0]), float(longitude[0]), b)

    def _slot_of(self, b: int, r: int, kept: Any) -> Slot:
        slot = Slot(kept["number"], kept["begin"])
        slot.by = list(kept["by"])
        if kept["log"] is not None:
            slot.placed = self._placed(b, r, slot)
            slot.placed.mission.replay(kept["log"])
            slot.placed.pending = kept["pending"]
        return slot

    def _credit(self, slot: Slot, answer: Answer) -> None:
        """An answer was brought, unless the robot's battery ran empty before it was there."""
        assert slot.placed is not None
        mission = slot.placed.mission
        if len(mission.latencies) == len(slot.by):
            return
        slot.by.append(answer.satellite)
        row = self.tally[slot.placed.b, answer.satellite]
        row["answers"] += 1.0
        row["waited"] += mission.latencies[-1]

    def _close(self, b: int, r: int, slot: Slot, now: float, round_s: float) -> None:
        """A mission is over: tell of it, and draw the next."""
        assert slot.placed is not None
        mission = slot.placed.mission
        told = state_of(mission.robot)
        reached, seconds = bool(told["reached"]), float(told["time_s"])
        by = slot.by or range(self.tally.shape[1])
        for n in by:
            row, share = self.tally[b, n], 1.0 / len(by)
            row["reached" if reached else "failed"] += share
            row["seconds"] += share * seconds * reached
            row["wh"] += share * float(told["energy_wh"])
            row["collisions"] += share * int(told["collisions"])
        ended = slot.begin + seconds
        at = min(now, max(now - round_s, ended))
        last = slot.by[-1] if slot.by else NONE
        self._told[b].append((at, last, EVENT, NONE, 0.0, _story(mission, told)))
        number = slot.number + 1
        slots = self._slots[b]
        slots[r] = Slot(number, max(ended, now) + self._pause(b, r, number))


def tally_of(world: Any) -> NDArray:
    """What became of the robots in the last round, (B, N) TALLY by satellite; zeros where there are none."""
    found = [each for each in world.companions if isinstance(each, Robots)]
    return found[0].tally if found else np.zeros((world.worlds, world.satellites), TALLY)


def mind_of(told: Any) -> Decides:
    """Who answers robots: a name, `module:Name`, or an object that decides. Raises SandboxError else."""
    found = told
    if isinstance(told, str):
        maker: Callable[..., Any] = _named(told) if ":" in told else _named(MINDS)
        found = maker() if ":" in told and isinstance(maker, type) else maker
        found = maker(told) if ":" not in told else found
    if not callable(getattr(found, "decide", None)):
        raise SandboxError(
            f"robot_mind = {shown(told)} decides nothing; give nearest, loudest, trained or module:Name."
        )
    return found


def _named(path: str) -> Any:
    module, _, attribute = path.partition(":")
    try:
        return attrgetter(attribute)(import_module(module))
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise SandboxError(
            f"robot_mind = {shown(path)} cannot be loaded ({printable(error)}); give module:Name."
        ) from None


def _slot_kept(slot: Slot) -> dict[str, Any]:
    placed = slot.placed
    return {
        "number": slot.number,
        "begin": slot.begin,
        "by": list(slot.by),
        "log": None if placed is None else [list(told) for told in placed.mission.log],
        "pending": None if placed is None else placed.pending,
    }


def _story(mission: Mission, told: dict[str, Any]) -> str:
    """What a recording says of a mission that is over, as JSON."""
    how = "reached its victim" if told["reached"] else "has an empty battery"
    if not (told["reached"] or told["battery_empty"]):
        how = "has asked too often"
    waited = sum(mission.latencies) / len(mission.latencies) if mission.latencies else math.nan
    why = f"a robot {how} after {told['time_s']:.0f} s, {told['energy_wh']:.1f} Wh"
    return json.dumps(
        {
            "why": why,
            "reached": bool(told["reached"]),
            "time_s": round(float(told["time_s"]), 2),
            "energy_wh": round(float(told["energy_wh"]), 3),
            "collisions": int(told["collisions"]),
            "answers": len(mission.latencies),
            "waited_s": None if math.isnan(waited) else round(waited, 3),
        }
    )
