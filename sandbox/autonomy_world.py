"""A world in which everything pulls at once: requests, jobs, threats, faults, and messages over the mesh.

    world = AutonomyWorld("disaster_response")
    world.reset(seed=0)
    world.orders["command"][0, 3] = DOWNLINK     # standing orders: see `sandbox.orders`
    world.live()                                 # a round under the orders that stand

A satellite's thrusters are held along its velocity while the camera looks to nadir: in a round in which it
burns it neither images nor sends nor charges. Job data and images share the antennas of the stations, jobs
and thought the boards, and all of them the battery.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.avoidance import RETURN, WAIT, burn_worlds, pass_worlds, warn_worlds
from sandbox.beacons import begin_beacons, exchange, make_beacons, send_messages
from sandbox.compiled import kernel
from sandbox.danger_world import DangerWorld
from sandbox.errors import SandboxError
from sandbox.faults import begin_faults, make_faults, make_rules, reload_worlds, strike_worlds
from sandbox.flight import can_transmit
from sandbox.job_world import JobWorld
from sandbox.orders import ORDER, begin_orders, flown, lapse, turn_to_sun
from sandbox.service import DEFER, open_desks, serve, welcome_worlds
from sandbox.state import DOWNLINK, NONE, THINKING
from sandbox.world import FLY, LOOK, run_worlds


class Plan(NamedTuple):
    """Working memory of a round: what each satellite (B, N) is about to do."""

    mode: NDArray[np.int32]  # for `World.step`
    place: NDArray[np.int32]  # likewise
    queue: NDArray[np.int32]  # for `service.serve`
    claim: NDArray[np.int32]  # likewise: DOWNLINK where it turns to a station at some time
    taken: NDArray[np.int32]  # the station whose antenna has only its jobs, or -1
    early: NDArray[np.int32]  # burns at the beginning of the round
    late: NDArray[np.int32]  # and at its end
    mind: NDArray[np.void]  # THINKING: what thought does to the jobs
    load: NDArray[np.void]  # and, with the jobs, to the flight


class AutonomyWorld(DangerWorld, JobWorld):
    """B worlds of N satellites with requests, jobs, threats and faults. Arguments as `DangerWorld`, and
    `longest`: bytes of the longest message.

    `orders` (B, N), records of dtype `orders.ORDER`, are the standing orders: write them as you like between
    two rounds. `faults` holds the truth of what is broken, `beacons` what satellites know of each other.
    Raises SandboxError for bad input, and for satellites that SGP4 flies.
    """

    whole_inbox = True

    def __init__(self, scenario: Any, worlds: int = 1, *, longest: int = 0, **how: Any) -> None:
        super().__init__(scenario, worlds, **how)
        team = (self.worlds, self.satellites)
        self.demand.add(
            f"messages of {longest:,} bytes",
            lambda: [
                *make_beacons(0, self.satellites, longest),
                *make_faults(0, self.satellites, len(self.constants.stations)),
                np.zeros((0, self.satellites, longest), np.uint8),
            ],
        )
        self.orders = np.zeros(team, ORDER)
        self.beacons = make_beacons(self.worlds, self.satellites, longest)
        self.faults = make_faults(self.worlds, self.satellites, len(self.constants.stations))
        self.breaks = make_rules(self.scenario.faults, self.scenario, self.fleet)
        self._silence = np.zeros((*team, longest), np.uint8), np.zeros(team, np.int32)
        self._none = np.zeros(team, np.int32)
        kinds = (np.int32,) * 7 + (THINKING,) * 2
        self._plan = Plan(*(np.zeros(team, kind) for kind in kinds))

    def reset(self, seed: int | ArrayLike | None = None, worlds: ArrayLike | None = None) -> None:
        super().reset(seed, worlds)
        which = np.arange(self.worlds) if worlds is None else self._which(worlds)
        self._call([which], exchange_worlds, self.work, self.terms, self.beacons)

    def live(
        self,
        burn: ArrayLike | None = None,
        late_burn: ArrayLike | None = None,
        reload: ArrayLike | None = None,
        thinking: NDArray[np.void] | None = None,
        before: NDArray[np.void] | None = None,
        said: tuple[NDArray[np.uint8], NDArray[np.int32]] | None = None,
    ) -> None:
        """One decision round in every world, under the standing orders.

        burn, late_burn (B, N): burns by number in `avoidance`, at the beginning of the round and at its end;
        for a late one a satellite is aligned from the end of its thinking on. reload (B, N): 1 where weights
        are loaded anew. thinking as in `World.step`, without the orders; before (B, N): the standing orders
        until the thinking is done. said: content (B, N, longest) and length in bytes (B, N) of messages to
        all neighbours, 0 for none.
        """
        burn = self._none if burn is None else self._orders("burn", burn, RETURN + 1)
        late = self._none if late_burn is None else self._orders("late_burn", late_burn, RETURN + 1)
        reload = self._none if reload is None else self._orders("reload", reload, 2)
        mind = self._no_thought if thinking is None else self._checked(thinking)
        before = self.orders if before is None else before
        said = self._silence if said is None else self._letters(*said)
        if not self._all_ready:
            raise SandboxError("AutonomyWorld.live before reset: call reset() first.")
        failed = self.share(live_worlds, self._scratch, *self.desks, self.threats, self.rules, self._sweep,
                            self.warnings, self.beacons, self.faults, self.breaks, self.orders, before, burn,
                            late, reload, *said, mind, self._plan)  # fmt: skip
        self._check(failed)

    def _letters(
        self, content: NDArray[np.uint8], length: NDArray[np.int32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        silent = self._silence
        for name, array, like in (("content", content, silent[0]), ("length", length, silent[1])):
            if array.shape != like.shape or array.dtype != like.dtype:
                raise SandboxError(
                    f"said: {name} must be {like.dtype} {like.shape}, not {array.dtype} {array.shape}."
                )
        if length.size and not 0 <= length.min() <= length.max() <= content.shape[-1]:
            raise SandboxError(f"said: a length is not in [0, {content.shape[-1]}] bytes.")
        return np.ascontiguousarray(content), np.ascontiguousarray(length)

    def _parts(self) -> dict[str, tuple[NDArray, ...]]:
        return super()._parts() | {"orders": (self.orders,), "beacons": self.beacons, "faults": self.faults}

    def _begin_episode(self, b: int, seed: int | None) -> None:
        super()._begin_episode(b, seed)
        begin_faults(self.faults, b, self._generators[b])
        begin_orders(self.orders, b)
        begin_beacons(self.beacons, b)


@kernel
def exchange_worlds(state, constants, which, work, terms, beacons):
    """`exchange` in the worlds listed in `which`."""
    for b in which:
        exchange(state, work, terms, beacons, b)


@kernel
def live_worlds(
    state, constants, which, scratch, work, terms, sketch, threats, rules, sweep, warnings, beacons, faults,
    breaks, orders, before, burn, late, reload, content, length, thinking, plan,
):  # fmt: skip
    """A round of the worlds listed in `which`; the number of the first subsystem at fault, or 0."""
    _prepare(
        state, constants, which, work, terms, sketch, threats, rules, beacons, faults, breaks, orders, before,
        burn, late, reload, content, length, thinking, plan,
    )  # fmt: skip
    failed = run_worlds(state, constants, which, scratch, plan.mode, plan.place, plan.load, FLY | LOOK)
    if not failed:
        _conclude(
            state,
            constants,
            which,
            work,
            terms,
            sketch,
            threats,
            rules,
            sweep,
            warnings,
            beacons,
            orders,
            plan,
        )
    return failed


@kernel
def _prepare(
    state, constants, which, work, terms, sketch, threats, rules, beacons, faults, breaks, orders, before,
    burn, late, reload, content, length, thinking, plan,
):  # fmt: skip
    """What of a round comes before its flight: faults, burns, messages, jobs, and what is to be flown."""
    strike_worlds(state, constants, which, work, terms, sketch, faults, breaks)
    for b in which:
        for n in range(burn.shape[1]):
            threats.passing[b, n].burned = 0.0
            safe = faults.body[b, n].safe
            if safe:
                turn_to_sun(orders[b, n])
            lost = faults.body[b, n].interrupted and thinking[b, n].busy > 0.0
            if lost:
                _copy_order(before[b, n], orders[b, n])
            plan.early[b, n] = WAIT if safe else burn[b, n]
            plan.late[b, n] = WAIT if safe or lost else late[b, n]
            _set_out(state, orders[b, n], before[b, n], thinking[b, n], plan, safe, lost, b, n)
    burn_worlds(state, constants, which, threats, rules, plan.early)
    reload_worlds(state, constants, which, work, terms, sketch, faults, breaks, reload)
    for b in which:
        open_desks(work.desks[b])
        send_messages(
            work, terms, beacons, state.body[b], faults.body[b], content[b], length[b], thinking[b],
            state.clock[b].time, b,
        )  # fmt: skip
        serve(
            state, constants, work, terms, sketch, plan.queue[b], plan.claim[b], plan.mind[b], plan.load[b], b
        )
        _take_antennas(state, constants, work, plan, b)


@kernel
def _copy_order(one, other):
    other.command, other.request, other.queue = one.command, one.request, one.queue


@kernel
def _set_out(state, order, before, thinking, plan, safe, lost, b, n):
    """Write the rest of the plan of satellite n for the round that begins; a thought may just be `lost`."""
    opportunities, load, mind = state.opportunities[b, n], plan.load[b, n], plan.mind[b, n]
    early = plan.early[b, n] != WAIT
    plan.mode[b, n], plan.place[b, n] = flown(opportunities, order, early or plan.late[b, n] != WAIT, safe)
    load.command, load.choice = flown(opportunities, before, early, safe)
    load.delay = 0.0 if lost else thinking.delay
    turns = plan.mode[b, n] == DOWNLINK or (load.delay > 0.0 and load.command == DOWNLINK)
    plan.claim[b, n] = DOWNLINK if turns else plan.mode[b, n]
    plan.queue[b, n] = DEFER if safe else order.queue
    mind.busy, mind.power = 0.0 if lost else thinking.busy, thinking.power
    mind.delay = load.delay if before.queue != order.queue else 0.0


@kernel
def _take_antennas(state, constants, work, plan, b):
    """For the flight of world b, take out of service the antennas that serve jobs without images."""
    for n in range(plan.taken.shape[1]):
        plan.taken[b, n] = NONE
        outlook, temperature = state.outlook[b, n], state.body[b, n].temperature
        images = plan.claim[b, n] == DOWNLINK and can_transmit(
            outlook, state.store, constants.craft[n], temperature, b, n
        )
        if work.desks[b, n].served and not images:
            plan.taken[b, n] = outlook.station
            state.ground[b, outlook.station].antennas -= 1


@kernel
def _give_antennas_back(state, plan, b):
    """Undo `_take_antennas`."""
    for n in range(plan.taken.shape[1]):
        if plan.taken[b, n] != NONE:
            state.ground[b, plan.taken[b, n]].antennas += 1


@kernel
def _conclude(
    state, constants, which, work, terms, sketch, threats, rules, sweep, warnings, beacons, orders, plan
):
    """What of a round comes after its flight: encounters, late burns, new jobs, orders that lapse, news."""
    pass_worlds(state, constants, which, threats, rules, sweep)
    burn_worlds(state, constants, which, threats, rules, plan.late)
    welcome_worlds(state, constants, which, work, terms, sketch)
    for b in which:
        _give_antennas_back(state, plan, b)
        lapse(state, work, orders[b], b)
    warn_worlds(state, constants, which, threats, rules, warnings)
    exchange_worlds(state, constants, which, work, terms, beacons)
