"""The world: B copies of a scenario, stepped together. The only file that knows the order of things."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.checks import as_array, bounded_numbers, shown
from sandbox.compiled import entry_point, kernel
from sandbox.errors import SandboxError
from sandbox.events import draw_times
from sandbox.fleet import force_model, make_fleet, sgp4_states, station_records
from sandbox.flight import LOWEST_M, fly
from sandbox.links import SEARCH_HORIZON_S, restart_search
from sandbox.orbits.ephemeris import Ephemeris, make_ephemeris
from sandbox.orbits.propagation import Forces, advance
from sandbox.outlook import look
from sandbox.requests import book_size, draw_book, sky_intervals, write_book
from sandbox.scenario import Scenario, load_scenario
from sandbox.sensing import update_requests
from sandbox.state import (
    MODE_NAMES,
    NONE,
    THINKING,
    State,
    arrays,
    copy_state,
    make_scratch,
    make_state,
    wipe,
)

HOUR = 3600.0
MAX_STEP_S = 60.0
"""Longest propagation step: order eight keeps 0.03 mm a day at this length (shared measurements, J2)."""
BEGIN, FLY, LOOK = 1, 2, 4
_INT32 = np.dtype(np.int32)
_SUBSYSTEMS = ("orbit", "attitude", "power", "thermal")


class Constants(NamedTuple):
    """What a kernel needs to know of a scenario and does not change during an episode."""

    craft: np.ndarray  # (N,) records of dtype fleet.CRAFT
    stations: np.ndarray  # (G,) records of dtype fleet.STATION
    ballistic: np.ndarray  # (N,) m2/kg
    ephemeris: Ephemeris
    forces: Forces
    round_s: float
    substeps: int
    half_life: float
    sky_s: float


@dataclass(frozen=True)
class Snapshot:
    """A world at one moment: its arrays and the states of its random generators."""

    scenario: Scenario
    state: State
    more: Mapping[str, tuple[NDArray, ...]]
    """Arrays of the subsystems beyond `state`, by subsystem."""
    ready: NDArray[np.bool_]
    generators: tuple[Mapping[str, Any], ...]
    seeds: tuple[int | None, ...]


class World:
    """B worlds of the N satellites of a scenario.

    Args:
        scenario: a name, a YAML file, a dictionary or a Scenario.
        worlds: B.
        shown: K, the observation opportunities in each satellite's outlook.
        horizon_s: length of an episode; by default the scenario's.
        threads: worlds are shared out over this many threads. The result does not depend on it.

    `state` holds every array; `reset` must come before the first `step`. Raises SandboxError for bad input.
    """

    def __init__(
        self,
        scenario: str | Scenario | Any,
        worlds: int = 1,
        *,
        shown: int = 4,
        horizon_s: float | None = None,
        threads: int = 1,
    ) -> None:
        for name, value in (("worlds", worlds), ("shown", shown), ("threads", threads)):
            if not (isinstance(value, (int, np.integer)) and value >= 1):
                raise SandboxError(f"{name} = {value!r}; give a whole number of at least 1.")
        if horizon_s is not None and not (isinstance(horizon_s, Real) and 0.0 < horizon_s < float("inf")):
            raise SandboxError(
                f"horizon_s = {horizon_s!r}; give a number of seconds greater than 0, or None."
            )
        self.scenario = load_scenario(scenario)
        self.fleet = make_fleet(self.scenario)
        self.worlds, self.satellites, self.shown = int(worlds), len(self.fleet), int(shown)
        self.horizon_s = self.scenario.horizon_h * HOUR if horizon_s is None else float(horizon_s)
        requests, events = self.scenario.requests, self.scenario.events
        reach = self.scenario.start_within_h * HOUR + self.horizon_s + SEARCH_HORIZON_S
        self.constants = Constants(
            craft=self.fleet.craft,
            stations=station_records(self.scenario.stations),
            ballistic=np.ascontiguousarray(self.fleet.craft["ballistic"]),
            ephemeris=make_ephemeris(self.scenario.epoch, reach),
            forces=force_model(self.scenario),
            round_s=self.scenario.round_s,
            substeps=ceil(self.scenario.round_s / self.scenario.substep_s),
            half_life=requests.half_life_h * HOUR,
            sky_s=requests.sky_h * HOUR,
        )
        book = book_size(requests, self.horizon_s, events)
        places = int((self.fleet.craft["store_bits"] // self.fleet.craft["image_bits"]).max()) + 1
        self.state = make_state(
            self.worlds,
            self.satellites,
            max(1, min(places, book)),
            book,
            sky_intervals(requests, events),
            self.shown,
            len(self.constants.stations),
            len(events),
        )
        self.state.minds["pending"] = NONE
        self._scratch = make_scratch(
            self.worlds, self.satellites, len(self.constants.stations), book, self.shown
        )
        self._no_thought = np.zeros((self.worlds, self.satellites), THINKING)
        self._generators = [np.random.default_rng(0) for _ in range(self.worlds)]
        self._seeds: list[int | None] = [None] * self.worlds
        self._ready = np.zeros(self.worlds, np.bool_)
        self._all_ready = False
        self._restores = 0
        self._compiled: dict[Callable, Callable] = {}
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self._shares = _shares(self.worlds, threads)

    def reset(self, seed: int | ArrayLike | None = None, worlds: ArrayLike | None = None) -> None:
        """Begin an episode in every world, or in those listed in `worlds`.

        With an integer seed, world b is seeded with seed + b; with one seed per world, with its own; with
        None each world draws on from where its generator stands (from fresh entropy the first time).
        """
        which = np.arange(self.worlds) if worlds is None else self._which(worlds)
        for b, own in zip(which, self._seeds_for(seed, which), strict=True):
            self._begin_episode(int(b), own)
        self._ready[which] = True
        self._all_ready = bool(self._ready.all())
        nothing = np.zeros((self.worlds, self.satellites), np.int32)
        self._run(BEGIN, nothing, nothing, self._no_thought, [which])

    def step(self, command: ArrayLike, choice: ArrayLike, thinking: NDArray[np.void] | None = None) -> None:
        """One decision round in every world.

        command (B, N): a mode of `state.MODE_NAMES` by number; choice (B, N): for OBSERVE, the place of
        the request in the outlook. An order that cannot be carried out, whatever its number, is flown as
        IDLE. Raises SandboxError, and changes nothing, for what is no whole number.
        thinking (B, N), records of dtype `state.THINKING`: how long after the beginning of the round the
        order takes effect, what the satellite does until then, and what its board draws for it.
        """
        command = self._orders("command", command, len(MODE_NAMES))
        choice = self._orders("choice", choice, self.shown)
        thinking = self._no_thought if thinking is None else self._checked(thinking)
        if not self._all_ready:
            raise SandboxError("World.step before reset: call reset() first.")
        self._run(FLY, command, choice, thinking, self._shares)

    @property
    def ready(self) -> bool:
        """Whether an episode has begun in every world."""
        return self._all_ready

    @property
    def restores(self) -> int:
        """How many snapshots were restored: whoever remembers what it saw has to look again after one."""
        return self._restores

    def share(self, function: Callable, *arguments: Any) -> list[Any]:
        """Call kernel function(state, constants, which, *arguments) on all worlds that were reset,
        shared out over threads.

        `which` lists the worlds of a share. The types of the arguments are looked up at the first call only
        (see `compiled.entry_point`): give the same types, and contiguous arrays, at every call.
        """
        shares = self._shares if self._all_ready else [np.flatnonzero(self._ready)]
        return self._call(shares, function, *arguments)

    def call(self, function: Callable, *arguments: Any) -> Any:
        """Call kernel function(*arguments), whose argument types are looked up at the first call only."""
        run = self._compiled.get(function)
        if run is None:
            run = self._compiled[function] = entry_point(function, *arguments)
        return run(*arguments)

    def _call(self, shares: list[NDArray], function: Callable, *arguments: Any) -> list[Any]:
        state, constants = self.state, self.constants
        run = self._compiled.get(function)
        if run is None:
            run = self._compiled[function] = entry_point(function, state, constants, shares[0], *arguments)
        if self._pool is None or len(shares) == 1:
            return [run(state, constants, which, *arguments) for which in shares]
        jobs = [self._pool.submit(run, state, constants, which, *arguments) for which in shares]
        return [job.result() for job in jobs]

    def __getstate__(self) -> dict[str, Any]:
        """What pickling takes: neither machine code nor threads."""
        return self.__dict__ | {"_compiled": {}, "_pool": None, "_shares": _shares(self.worlds, 1)}

    def _run(
        self, begin_or_fly: int, command: NDArray, choice: NDArray, thinking: NDArray, shares: list[NDArray]
    ) -> None:
        phases = begin_or_fly if self.fleet.sgp4 else begin_or_fly | LOOK
        faults = self._call(shares, run_worlds, self._scratch, command, choice, thinking, phases)
        if self.fleet.sgp4:
            for which in shares:
                self._propagate_sgp4(which)
            faults = self._call(shares, run_worlds, self._scratch, command, choice, thinking, LOOK)
        self._check(faults)

    @staticmethod
    def _check(faults: list[int]) -> None:
        """Raises SandboxError where a run, by number, has found a subsystem at fault."""
        if max(faults):
            subsystem = _SUBSYSTEMS[max(faults) - 1]
            raise SandboxError(
                f"The {subsystem} of a satellite is no longer a finite number; "
                f"check the scenario's {subsystem} parameters and first states."
            )

    def snapshot(self) -> Snapshot:
        """Everything that the future depends on."""
        states = tuple(generator.bit_generator.state for generator in self._generators)
        more = {name: tuple(array.copy() for array in part) for name, part in self._parts().items()}
        return Snapshot(
            self.scenario, copy_state(self.state), more, self._ready.copy(), states, tuple(self._seeds)
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to `snapshot`: from there the same orders lead to exactly the same future."""
        parts = self._parts()
        if snapshot.more.keys() != parts.keys():
            raise SandboxError(
                f"This snapshot holds {', '.join(snapshot.more) or 'nothing'} beside the state, the world "
                f"{', '.join(parts) or 'nothing'}; restore it where it was taken."
            )
        theirs, ours = arrays(snapshot.state), arrays(self.state)
        theirs += [array for name in parts for array in snapshot.more[name]]
        ours += [array for part in parts.values() for array in part]
        if any(a.shape != b.shape for a, b in zip(theirs, ours, strict=True)):
            raise SandboxError(
                f"This snapshot is of {snapshot.state.power.shape} worlds and satellites, the world of "
                f"{self.state.power.shape}, or other sizes differ; restore it where it was taken."
            )
        if snapshot.scenario is not self.scenario and snapshot.scenario != self.scenario:
            raise SandboxError(
                f"This snapshot is of {snapshot.scenario.name}, the world of {self.scenario.name} or "
                "of one with other fields; restore it where it was taken."
            )
        for old, new in zip(ours, theirs, strict=True):
            old[...] = new
        for generator, state in zip(self._generators, snapshot.generators, strict=True):
            generator.bit_generator.state = state
        self._seeds = list(snapshot.seeds)
        self._ready[:] = snapshot.ready
        self._all_ready = bool(self._ready.all())
        self._restores += 1

    def _parts(self) -> dict[str, tuple[NDArray, ...]]:
        """What changes with time beyond `state`: arrays by subsystem."""
        return {}

    def scene(self, b: int) -> dict[str, NDArray]:
        """What world b shows in a recording beyond what every world has, by variable."""
        return {}

    def close(self) -> None:
        """Let the threads go. Safe to call twice."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
            self._shares = _shares(self.worlds, 1)

    def _which(self, worlds: ArrayLike) -> NDArray[np.int64]:
        which = np.atleast_1d(as_array("worlds", worlds))
        if which.size == 0:
            return np.zeros(0, np.int64)
        distinct = which.dtype.kind in "iu" and which.ndim == 1 and len(np.unique(which)) == len(which)
        if not (distinct and which.min() >= 0 and which.max() < self.worlds):
            raise SandboxError(
                f"worlds = {shown(worlds)}; give different whole numbers from 0 to {self.worlds - 1}."
            )
        return np.array(which, np.int64)

    def _seeds_for(self, seed: Any, which: NDArray) -> list[int | None]:
        if seed is None:
            return [None] * len(which)
        seeds = as_array("seed", seed)
        if seeds.dtype.kind not in "iu" or (seeds.size and seeds.min() < 0):
            raise SandboxError(f"seed = {shown(seed)}; give a whole number of at least 0, or one per world.")
        if seeds.ndim == 0:
            return [int(seeds) + int(b) for b in which]
        if seeds.shape != which.shape:
            raise SandboxError(f"{seeds.size} seeds for {which.size} worlds; give one seed or one per world.")
        return [int(own) for own in seeds]

    def _orders(self, name: str, values: ArrayLike, count: int) -> NDArray[np.int32]:
        team = self.worlds, self.satellites
        if isinstance(values, np.ndarray) and (values.dtype, values.shape) == (_INT32, team):
            return np.require(values, np.int32, ["C", "A", "W"])  # what the machine code takes
        return bounded_numbers(name, values, team, count - 1)

    def _checked(self, thinking: Any) -> NDArray[np.void]:
        team = (self.worlds, self.satellites)
        if getattr(thinking, "dtype", None) != THINKING or thinking.shape != team:
            raise SandboxError(
                f"thinking must be records of dtype state.THINKING and shape {team}, not {thinking!r:.80}."
            )
        for name in ("delay", "busy"):
            most = self.scenario.round_s
            if not ((thinking[name] >= 0.0) & (thinking[name] <= most)).all():
                raise SandboxError(f"thinking: {name} must be finite, at least 0 and at most {most:g}.")
        power = thinking["power"]
        if not (np.isfinite(power) & (power >= -self.fleet.craft["base_load"])).all():
            raise SandboxError("thinking: power must be finite, and save no more than the standing load.")
        return np.ascontiguousarray(thinking)

    def _begin_episode(self, b: int, seed: int | None) -> None:
        if seed is not None or not self._ready[b]:
            self._generators[b] = np.random.default_rng(seed)
            self._seeds[b] = seed
        rng, state, scenario = self._generators[b], self.state, self.scenario
        for array in arrays(state):
            wipe(array, b)
        start, times = self._draw_start(rng), draw_times(rng, scenario.events)
        state.events[b] = start + times
        state.clock[b] = (start, start, 0)
        self._place(b, start)
        distance = np.linalg.norm(state.orbit.position[b], axis=-1, keepdims=True)
        state.pointing[b] = -state.orbit.position[b] / distance
        craft = self.fleet.craft
        charge = rng.uniform(craft["charge_low"], craft["charge_high"])
        for name in ("request", "cloudy_request", "duplicate_request", "station"):
            state.activity[name][b] = NONE
        state.ground["antennas"][b] = self.constants.stations["antennas"]
        state.minds["pending"][b] = NONE
        state.power["capacity"][b] = craft["battery"]
        state.power["energy"][b] = charge * craft["battery"]
        state.body["temperature"][b] = craft["initial_temperature"]
        state.body["alive"][b] = True
        book = draw_book(rng, scenario.requests, self.horizon_s, scenario.events, times)
        write_book(state.requests, b, book, start)

    def _draw_start(self, rng: np.random.Generator) -> float:
        rounds = int(self.scenario.start_within_h * HOUR / self.scenario.round_s)
        return float(rng.integers(rounds + 1)) * self.scenario.round_s if rounds else 0.0

    def _place(self, b: int, start: float) -> None:
        position, velocity = self.state.orbit.position[b], self.state.orbit.velocity[b]
        position[...], velocity[...] = self.fleet.position, self.fleet.velocity
        if start:
            c = self.constants
            advance(
                position[None],
                velocity[None],
                np.zeros(1),
                start,
                MAX_STEP_S,
                c.forces,
                c.ballistic,
                c.ephemeris,
            )
        if self.fleet.sgp4:
            sgp4_states(self.fleet, self.scenario.epoch, start, position, velocity)

    def _propagate_sgp4(self, which: NDArray) -> None:
        orbit = self.state.orbit
        for b in which:
            ahead = self.state.clock["time"][b] + self.scenario.round_s
            sgp4_states(
                self.fleet, self.scenario.epoch, ahead, orbit.next_position[b], orbit.next_velocity[b]
            )


@kernel
def run_worlds(state, constants, which, scratch, command, choice, thinking, phases):
    """Take the worlds listed in `which` through `phases`; the number of the first subsystem at fault, or 0.

    One kernel for every use, because whatever calls the phases compiles them anew. BEGIN or FLY, then LOOK;
    where SGP4 has still to say where some satellites will be, LOOK comes in a call of its own.
    """
    for b in which:
        if phases & BEGIN:
            update_requests(state.requests, b, state.clock[b].time)
            for n in range(state.body.shape[1]):
                restart_search(
                    state.contacts,
                    b,
                    n,
                    state.clock[b].time,
                    state.orbit.position[b, n],
                    state.orbit.velocity[b, n],
                )
        if phases & FLY:
            fly(state, constants, scratch, command[b], choice[b], thinking[b], b)
        if phases & (BEGIN | FLY):
            _propagate(state.orbit, constants, state.clock[b : b + 1].time, b)
        if phases & LOOK:
            fault = _fault(state.orbit.next_position[b], state.pointing[b], state.power[b], state.body[b])
            if fault:
                return fault
            look(state, constants, scratch, b)
    return 0


@kernel
def _propagate(orbit, constants, time, b):
    """Carry the orbits of world b one round beyond its clock; `time` (1,)."""
    for n in range(orbit.position.shape[1]):
        for i in range(3):
            orbit.next_position[b, n, i] = orbit.position[b, n, i]
            orbit.next_velocity[b, n, i] = orbit.velocity[b, n, i]
    advance(
        orbit.next_position[b : b + 1],
        orbit.next_velocity[b : b + 1],
        time,
        constants.round_s,
        MAX_STEP_S,
        constants.forces,
        constants.ballistic,
        constants.ephemeris,
    )
    for n in range(orbit.position.shape[1]):
        x, y, z = orbit.position[b, n, 0], orbit.position[b, n, 1], orbit.position[b, n, 2]
        if x * x + y * y + z * z < LOWEST_M**2:  # burnt up: it rests where it ended
            for i in range(3):
                orbit.next_position[b, n, i] = orbit.position[b, n, i]
                orbit.next_velocity[b, n, i] = orbit.velocity[b, n, i]


@kernel
def _fault(position, pointing, power, body):
    """Number, from 1, of the first of `_SUBSYSTEMS` that holds a number that is not finite; else 0."""
    for n in range(position.shape[0]):
        p, a = position[n], pointing[n]
        if not np.isfinite(p[0] + p[1] + p[2]):
            return 1
        if not np.isfinite(a[0] + a[1] + a[2]):
            return 2
        if not np.isfinite(power[n].energy):
            return 3
        if not np.isfinite(body[n].temperature):
            return 4
    return 0


def _shares(worlds: int, threads: int) -> list[NDArray]:
    """World numbers cut into at most `threads` runs of nearly the same length."""
    return np.array_split(np.arange(worlds), min(threads, worlds))
