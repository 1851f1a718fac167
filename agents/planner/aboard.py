"""The onboard planner: the planner's search, in copies of what is known on board.

It is made to show which part of the gap to the planner a mind could close: it searches as hard, but its
copies hold beliefs (`belief`, which says what is assumed and what the fleet is assumed to share), and what
comes of a plan is not what was foreseen. So a plan is carried out by its decoder, round by round on what is
truly seen, until the next one; what a plan says of requests and jobs that were only believed in is dropped.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.planner.autonomy import AutonomyNeighbourhood, AutonomyPlanner
from agents.planner.autonomy_decoder import AutonomyDecoder, Plain, PlainPhoenix
from agents.planner.belief import BeliefSimulator
from agents.planner.neighbourhood import TaskingNeighbourhood
from agents.planner.offloading import OffloadingPlanner
from agents.planner.rollout import RolloutPlanner
from agents.planner.search import Base, Plan
from agents.planner.simulator import Simulator
from agents.planner.tasking import TaskingPlanner
from agents.planner.tasking_decoder import TaskingDecoder
from agents.tuned import avoidance


class Aboard:
    """The environment itself where a decoder expects a simulator: `seen` and `mask` are what it shows."""

    def __init__(self, env: Any) -> None:
        self.layout, self.actions, self.problem = env.layout, env.actions, env.problem
        self.world: Any = env.world
        self.copies, self.satellites = self.world.worlds, self.world.satellites
        self.seen = np.zeros((self.copies, self.satellites, len(self.layout)), np.float32)
        self.mask = np.zeros((self.copies, self.satellites, len(self.actions)), np.int8)


class OnboardPlanner(RolloutPlanner):
    """Plans every `every_s` seconds in believed copies, and lets the decoder carry the plan out.

    Args:
        env: any face of a problem.
        effort: as of `RolloutPlanner`.
    """

    def __init__(self, env: Any, effort: int | None = None) -> None:
        super().__init__(env, effort)
        self._aboard = Aboard(env)
        self._carrier: Base | None = None

    def forget(self) -> None:
        super().forget()
        self._planned: dict[int, int] = {}

    def simulated(self, copies: int) -> Simulator:
        return BeliefSimulator(self._problem, copies)

    def source(self, b: int) -> tuple[Any, int]:
        """The believed world: its first copy."""
        self.searching.simulator.load(b)
        return self.searching.simulator.world, 0

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        rounds = self.world.state.clock["round"].astype(np.int64)
        fresh = [self._renew(b, int(rounds[b])) for b in range(len(mask))]
        self._aboard.seen, self._aboard.mask = observation, mask
        if self._carrier is None:
            self._carrier = self.base(self._aboard)  # type: ignore[arg-type]
        if any(fresh):
            plans = [self._plans[b] for b in range(len(mask))]
            self._carrier.follow({name: np.stack([plan[name] for plan in plans]) for name in plans[0]})
        wanted = self._carrier.act(rounds)
        legal = np.take_along_axis(mask, wanted[..., None], axis=-1)[..., 0] == 1
        chosen = np.where(legal, wanted, 0)
        self._last = dict(enumerate(rounds.tolist()))
        self.reasons = self.told(chosen)
        return chosen

    def _renew(self, b: int, done: int) -> bool:
        """Plan for world b where it is due; whether it was."""
        if done < self._planned.get(b, 0):  # another episode has begun
            self._plans.pop(b, None)
        since = done - self._planned.get(b, done)
        if b in self._plans and 0 <= since < self.rounds_in(self.every_s):
            return False
        self._plan(b, done)
        self._plans[b] = self.known(b, self._plans[b])
        self._planned[b] = done
        return True

    def known(self, b: int, plan: Plan) -> Plan:
        """The plan of world b without what it says of requests and jobs that are only believed in."""
        plan = dict(plan)
        if "keys" in plan:
            plan["keys"] = plan["keys"].copy()
            plan["keys"][:, int(self.world.state.requests.released[b]) :] = 1.0
        if "wishes" in plan and self.world.jobs is not None and "habits" not in plan:
            plan["wishes"] = plan["wishes"].copy()
            plan["wishes"][:, int(self.world.jobs.state.released[b]) :] = 0
        return plan


class BelievingDecoder(TaskingDecoder):
    """`TaskingDecoder` that goes by what is shown: forecasts, and stations that should be there."""

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        return self.choose(self.layout.physical(observation), mask)

    def _rating(self, seen: NDArray) -> NDArray:
        return self._requests(seen, "value") * (1.0 - self._requests(seen, "cloud") / 100.0)


class OnboardTasking(OnboardPlanner, TaskingPlanner):
    """See the module's page."""

    def base(self, simulator: Simulator) -> Base:
        return TaskingNeighbourhood(simulator, BelievingDecoder(simulator))


class OnboardOffloading(OnboardPlanner, OffloadingPlanner):
    """See the module's page."""


class PlainAboard(Plain):
    """`Plain` that burns by its warnings."""

    pointing, burns = BelievingDecoder, avoidance.Teacher  # type: ignore[assignment]


class PhoenixAboard(PlainPhoenix):
    """`PlainPhoenix` that burns by its warnings."""

    pointing, burns = BelievingDecoder, avoidance.Teacher  # type: ignore[assignment]


class AutonomyAboard(AutonomyDecoder):
    """`AutonomyDecoder` that points by forecasts and burns by its warnings."""

    pointing, burns = BelievingDecoder, avoidance.Teacher

    def truly_seen(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        return observation


class OnboardAutonomy(OnboardPlanner, AutonomyPlanner):
    """See the module's page."""

    def base(self, simulator: Simulator) -> Base:
        return AutonomyNeighbourhood(simulator, AutonomyAboard, (PlainAboard, PhoenixAboard))
