"""The world: B copies of a scenario, stepped together.

    world = World("scs01", worlds=64, parts=("jobs",))
    world.reset(seed=0)
    world.step(queue=decisions)     # (B, N): what becomes of the job at the head of each inbox
    world.jobs.state.ledger         # jobs and bits created, delivered, dropped, expired, lost

What a world has beside its satellites are its parts, see `sandbox.parts`; what a round is, `sandbox.round`
says. Where jobs are served, boards idle instead of drawing the standing load `power.compute_w`. To burn, a
satellite under standing orders is held along its velocity: in such a round it neither images nor sends nor
charges.
"""

import copy
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.bounds import MOST_MESSAGE_BYTES, MOST_SHOWN, MOST_THREADS, MOST_WORLDS
from sandbox.checks import as_array, check_horizon, check_size, counted
from sandbox.cloud_field import BLOCK_BYTES
from sandbox.commands import Commands, blank_commands, checked
from sandbox.companions import Companion
from sandbox.compiled import entry_point
from sandbox.compiling import announce_compiling, in_a_notebook
from sandbox.demand import LONGEST_BOOK, Demand, check_book, check_round
from sandbox.errors import SandboxError, printable, shown, unknown_name
from sandbox.fleet import orbit_scales, sgp4_states
from sandbox.jobs import idle_boards
from sandbox.orbits.poliastro import to_orbit
from sandbox.parts import Sim, chosen_parts, make_parts
from sandbox.propulsion import most_delta_v
from sandbox.requests import book_size, campaign_room, sky_intervals
from sandbox.round import FIRST, SECOND, begin_episode, recall, run
from sandbox.scenario import Scenario, load_scenario
from sandbox.setting import Constants, Setting, make_setting
from sandbox.state import NONE, State, arrays, copy_arrays, leaves, make_scratch, make_state
from sandbox.units import accepts_quantities
from sandbox.views import view

if TYPE_CHECKING:
    from boinor.twobody import Orbit

SUBSYSTEMS = ("orbit", "attitude", "power", "thermal")


@dataclass(frozen=True)
class Snapshot:
    """A world at one moment: its arrays and the states of its random generators."""

    scenario: Scenario
    state: State
    more: Mapping[str, tuple[NDArray, ...]]
    """Arrays of the states of the parts, by part."""
    ready: NDArray[np.bool_]
    generators: tuple[Mapping[str, Any], ...]
    seeds: tuple[int | None, ...]
    companions: tuple[Any, ...] = ()
    """What each companion keeps, as JSON has it."""


class World:
    """B worlds of the N satellites of a scenario.

    Args:
        scenario: a name, a YAML file, a dictionary or a Scenario.
        worlds: B.
        parts: names out of `parts.PARTS`; what they require is added. None: those that the scenario has
            something for, by the rule in `sandbox.parts`.
        shown: K, the observation opportunities in each satellite's outlook.
        warned: W, the warnings shown to each satellite.
        message_bytes: L, the longest message.
        whole_inbox: whether a decision about jobs is about all in an inbox instead of the first; by default
            where there are standing orders.
        questions: how many can be asked from outside in an episode, see `sandbox.job_asking`.
        horizon_s: length of an episode (seconds or a Quantity); by default the scenario's.
        threads: worlds are shared out over this many threads. The result does not depend on it.

    `companions` are those that go on with it round by round (`attach`).

    `state`, `constants` and the parts `lasers`, `jobs`, `encounters`, `faults`, `messages`, `propulsion`,
    `weather`, `ahead`, `orders`, `directives` and `consulting` (None where there is none) hold every array;
    kernels see
    them together as `sim`.
    `orders` (B, N), records of dtype `orders.ORDER`, are the standing orders: write them as you like between
    two rounds. `reset` must come before the first `step`. `scales` are the length (m) and the speed (m/s)
    that no satellite exceeds (`fleet.orbit_scales`).

    Raises SandboxError for bad input, for models that do not fit the boards, for encounters of satellites
    that SGP4 flies, and, before any is taken, where a world as large would need more memory than the machine
    has or minutes for a round.
    """

    @accepts_quantities(horizon_s="s")
    def __init__(
        self,
        scenario: str | Scenario | Any,
        worlds: int = 1,
        *,
        parts: Iterable[str] | None = None,
        shown: int = 4,
        warned: int = 3,
        message_bytes: int = 0,
        whole_inbox: bool | None = None,
        questions: int = 0,
        horizon_s: float | None = None,
        threads: int = 1,
    ) -> None:
        check_size("worlds", worlds, 1, MOST_WORLDS)
        check_size("shown", shown, 1, MOST_SHOWN)
        check_size("warned", warned, 1, MOST_SHOWN)
        check_size("message_bytes", message_bytes, 0, MOST_MESSAGE_BYTES)
        check_size("threads", threads, 1, MOST_THREADS)
        check_size("questions", questions, 0, LONGEST_BOOK)
        check_horizon(horizon_s)
        if in_a_notebook():
            announce_compiling()
        loaded = load_scenario(scenario)
        self.parts = chosen_parts(parts, loaded, int(message_bytes))
        self.scenario = idle_boards(loaded) if "jobs" in self.parts else loaded
        self._setting = make_setting(self.scenario, int(worlds), horizon_s)
        self.fleet, self.horizon_s = self._setting.fleet, self._setting.horizon_s
        self.worlds, self.satellites = self._setting.team
        self.shown, self.warned, self.message_bytes = int(shown), int(warned), int(message_bytes)
        self.whole_inbox = "orders" in self.parts if whole_inbox is None else bool(whole_inbox)
        self.questions = int(questions)
        self.companions: tuple[Companion, ...] = ()
        self.demand = self._estimate()
        self.sim = self._make_sim(self._setting, self.demand.passes)
        most_m_s = self.scenario.encounters.fuel_m_s + most_delta_v(self.sim.propulsion)
        self.scales = orbit_scales(self.fleet, most_m_s, self._setting.reach_s)
        self.sim.state.minds["pending"] = NONE
        self._name_parts()
        self._blank = self.commands()
        self._generators = [np.random.default_rng(0) for _ in range(self.worlds)]
        self._seeds: list[int | None] = [None] * self.worlds
        self._ready = np.zeros(self.worlds, np.bool_)
        self._all_ready = False
        self._restores = 0
        self._compiled: dict[Callable, Callable] = {}
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self._shares = _shares(self.worlds, threads)
        self._seen = self.sim, view(self.sim)
        self._last: tuple[Commands, Any] = self._blank, view(self._blank)

    def _estimate(self) -> Demand:
        """What the arrays will take, from those of no world. Raises SandboxError where that is too much."""
        scenario, setting = self.scenario, self._setting
        book = book_size(scenario.requests, self.horizon_s, scenario.events)
        check_book("requests", book)
        places = book + len(scenario.stations)
        check_round(self.worlds * self.satellites, setting.constants.substeps, places)
        many = "worlds" if self.worlds > 1 else "world"
        what = f"{self.worlds:,} {many} of {self.satellites:,} satellites ({printable(scenario.name, 60)})"
        demand = Demand(self.worlds, what)
        none = self._make_sim(replace(setting, worlds=0))
        drawn = 16 * book * (sky_intervals(scenario.requests, scenario.events) + 7)  # and then sorted
        drawn += BLOCK_BYTES if scenario.requests.clouds else 0
        demand.add(f"{book:,} requests", lambda: leaves((none.state, none.scratch)), once=drawn)
        for name in self.parts:
            demand.add(name, partial(leaves, getattr(none, name)))
        if none.encounters is not None:
            demand.passes = none.encounters.passes
        return demand

    def _make_sim(self, setting: Setting, passes: NDArray | None = None) -> Sim:
        """New arrays; `passes` are those of the encounters' population, where they are known already."""
        requests, events = self.scenario.requests, self.scenario.events
        book, craft = book_size(requests, self.horizon_s, events), self.fleet.craft
        places = int((craft["store_bits"] // craft["image_bits"]).max()) + 1
        stations = len(setting.constants.stations)
        return Sim(
            make_state(
                *setting.team,
                max(1, min(places, book)),
                book,
                sky_intervals(requests, events),
                self.shown,
                stations,
                len(events),
                campaign_room(requests, self.horizon_s),
                requests.clouds is not None,
            ),
            setting.constants,
            make_scratch(*setting.team, stations, book, self.shown),
            **make_parts(
                self.parts, setting, self.warned, self.message_bytes, self.whole_inbox, passes, self.questions
            ),
        )

    state: State
    constants: Constants
    lasers: Any
    jobs: Any
    encounters: Any
    faults: Any
    messages: Any
    propulsion: Any
    weather: Any
    ahead: Any
    orders: Any
    directives: Any
    consulting: Any

    def _name_parts(self) -> None:
        """`state`, `constants` and the parts are those of `sim`."""
        for name in Sim._fields:
            setattr(self, name, getattr(self.sim, name))

    def attach(self, companion: Companion) -> None:
        """Let a companion go on with this world, and be part of its snapshots. Raises SandboxError once an
        episode has begun."""
        if self._ready.any():
            raise SandboxError("attach after reset: give a world its companions before its first episode.")
        self.companions = (*self.companions, companion)

    def generator(self, b: int) -> np.random.Generator:
        """A copy of the generator of world `b`, as it stands: what is drawn of it the world does not miss."""
        return copy.deepcopy(self._generators[b])

    def alike(self, worlds: int, changes: Mapping[str, Any] | None = None) -> "World":
        """So many new worlds of the same scenario, but for `changes` of its fields, with the same parts and
        sizes, and without companions."""
        return World(
            load_scenario(self.scenario, changes) if changes else self.scenario,
            worlds,
            parts=self.parts,
            shown=self.shown,
            warned=self.warned,
            message_bytes=self.message_bytes,
            whole_inbox=self.whole_inbox,
            questions=self.questions,
            horizon_s=self.horizon_s,
        )

    def reset(self, seed: int | ArrayLike | None = None, worlds: ArrayLike | None = None) -> None:
        """Begin an episode in every world, or in those listed in `worlds`.

        With an integer seed, world b is seeded with seed + b; with one seed per world, with its own; with
        None each world draws on from where its generator stands (from fresh entropy the first time).
        """
        which = np.arange(self.worlds) if worlds is None else self._which(worlds)
        for b, own in zip(which, self._seeds_for(seed, which), strict=True):
            if own is not None or not self._ready[b]:
                self._generators[b], self._seeds[b] = np.random.default_rng(own), own
            begin_episode(self._setting, self.sim, int(b), self._generators[b])
        self._ready[which] = True
        self._all_ready = bool(self._ready.all())
        self._run(self._blank, True, [which])
        for companion in self.companions:
            companion.begin(self, which)

    def commands(self) -> Commands:
        """New commands that you may write into: to face the Sun and let jobs wait, or, where there are
        standing orders, to follow them; no burns, thrust, thought or messages."""
        blank = blank_commands((self.worlds, self.satellites), self.message_bytes, self.sim.orders)
        return self._outgoing(blank)

    def _outgoing(self, commands: Commands) -> Commands:
        """`commands` with the messages of the outbox, if there is one."""
        if self.sim.messages is None:
            return commands
        outbox = self.sim.messages.outbox
        return commands._replace(content=outbox.content, length=outbox.length)

    def step(self, commands: Commands | None = None, /, **fields: Any) -> None:
        """One decision round in every world, under `commands`, by default new ones with some `fields` set.

        An order that cannot be carried out is flown as IDLE; a job whose decision cannot be carried out stays
        in the inbox. Raises SandboxError for fields of another shape or kind, and before the first reset.
        """
        given = self._blank if commands is None else commands
        if fields:
            self._know(fields)
            given = given._replace(**fields)
        if given is not self._blank:
            spare = self.fleet.craft["base_load"]
            given = checked(given, self._blank, self.shown, self.scenario.round_s, spare)
        self.play(given)

    def play(self, commands: Commands) -> None:
        """As `step`, for commands that come from `commands()` and whose numbers the caller has seen to."""
        if not self._all_ready:
            raise SandboxError("World.step before reset: call reset() first.")
        self._run(commands, False, self._shares)
        if commands.length is self._blank.length:
            commands.length.fill(0)
        for companion in self.companions:
            companion.play(self)

    def _know(self, fields: Mapping[str, Any]) -> None:
        for name in fields:
            if name not in Commands._fields:
                raise unknown_name("command", name, Commands._fields)
            if self.sim.orders is not None and name in ("mode", "place", "queue"):
                raise SandboxError(f"{name}: in this world standing orders say that; change world.orders.")

    @property
    def seen(self) -> Any:
        """`sim` as kernels take it that are called by `share` and `call`."""
        if self._seen[0] is not self.sim:
            self._seen = self.sim, view(self.sim)
        return self._seen[1]

    @property
    def ready(self) -> bool:
        """Whether an episode has begun in every world."""
        return self._all_ready

    @property
    def restores(self) -> int:
        """How many snapshots were restored: whoever remembers what it saw has to look again after one."""
        return self._restores

    def share(self, function: Callable, *arguments: Any) -> list[Any]:
        """Call kernel function(sim, which, *arguments) on the worlds that were reset, shared over threads.

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
        sim = self.seen
        call = self._compiled.get(function)
        if call is None:
            call = self._compiled[function] = entry_point(function, sim, shares[0], *arguments)
        if len(shares) == 1:
            return [call(sim, shares[0], *arguments)]
        if self._pool is None:
            return [call(sim, which, *arguments) for which in shares]
        jobs = [self._pool.submit(call, sim, which, *arguments) for which in shares]
        return [job.result() for job in jobs]

    def __getstate__(self) -> dict[str, Any]:
        """What pickling takes: neither machine code nor threads."""
        return self.__dict__ | {"_compiled": {}, "_pool": None, "_shares": _shares(self.worlds, 1)}

    def _run(self, commands: Commands, begins: bool, shares: list[NDArray]) -> None:
        if commands is not self._last[0]:
            self._last = commands, view(commands, self._last[1])
        given = self._last[1]
        if not self.fleet.sgp4:
            self._check(self._call(shares, run, given, begins, FIRST | SECOND))
            return
        self._call(shares, run, given, begins, FIRST)
        for which in shares:
            self._propagate_sgp4(which)
        self._check(self._call(shares, run, given, begins, SECOND))

    @staticmethod
    def _check(faults: list[int]) -> None:
        """Raises SandboxError where a run, by number, has found a subsystem at fault."""
        if max(faults):
            subsystem = SUBSYSTEMS[max(faults) - 1]
            raise SandboxError(
                f"The {subsystem} of a satellite is no longer a finite number; "
                f"check the scenario's {subsystem} parameters and first states."
            )

    def _propagate_sgp4(self, which: NDArray) -> None:
        orbit = self.state.orbit
        for b in which:
            ahead = self.state.clock["time"][b] + self.scenario.round_s
            sgp4_states(
                self.fleet,
                self.scenario.epoch,
                ahead,
                orbit.next_position[b],
                orbit.next_velocity[b],
                orbit.position[b],
            )

    def snapshot(self) -> Snapshot:
        """Everything that the future depends on."""
        states = tuple(generator.bit_generator.state for generator in self._generators)
        more = {name: tuple(array.copy() for array in part) for name, part in self._part_states().items()}
        return Snapshot(
            self.scenario, copy_arrays(self.state), more, self._ready.copy(), states, tuple(self._seeds),
            tuple(companion.kept() for companion in self.companions),
        )  # fmt: skip

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to `snapshot`: from there the same orders lead to exactly the same future."""
        parts = self._part_states()
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
        if len(snapshot.companions) != len(self.companions):
            raise SandboxError(
                f"This snapshot has {len(snapshot.companions)} companions (robots, say), the world "
                f"{len(self.companions)}; restore it where it was taken."
            )
        for old, new in zip(ours, theirs, strict=True):
            old[...] = new
        for companion, kept in zip(self.companions, snapshot.companions, strict=True):
            companion.restore(kept)
        for generator, state in zip(self._generators, snapshot.generators, strict=True):
            generator.bit_generator.state = state
        self._seeds = list(snapshot.seeds)
        self._ready[:] = snapshot.ready
        self._all_ready = bool(self._ready.all())
        self._restores += 1
        self._call([np.arange(self.worlds)], recall)

    def _part_states(self) -> dict[str, tuple[NDArray, ...]]:
        """The arrays of the parts that change with time, by part."""
        held = {name: getattr(self.sim, name) for name in self.parts}
        return {name: _arrays_of(part) for name, part in held.items()}

    def orbit(self, n: int | str, world: int = 0) -> "Orbit":
        """The osculating orbit of satellite n, a number or a name, at the present time of a world.

        A `boinor.twobody.Orbit` about the Earth in GCRS; its epoch is the scenario's plus the world's time.
        It is a copy: what is done to it does not move the satellite. Raises SandboxError before `reset`, and
        for a satellite or world that there is not.
        """
        names = self.fleet.names
        if isinstance(n, str) and n not in names:
            raise unknown_name("satellite", n, names)
        number = names.index(n) if isinstance(n, str) else counted("satellite", n, self.satellites)
        b = counted("world", world, self.worlds)
        if not self._ready[b]:
            raise SandboxError("World.orbit before reset: call reset() first.")
        orbit, now = self.state.orbit, float(self.state.clock["time"][b])
        return to_orbit(
            orbit.position[b, number].copy(), orbit.velocity[b, number].copy(), self.scenario.epoch, now
        )

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


def _arrays_of(part: Any) -> tuple[NDArray, ...]:
    """The arrays of a part that change with time."""
    if isinstance(part, np.ndarray):
        return (part,)
    return (*part.state, *getattr(part, "outbox", ()))


def _shares(worlds: int, threads: int) -> list[NDArray]:
    """World numbers cut into at most `threads` runs of nearly the same length."""
    return np.array_split(np.arange(worlds), min(threads, worlds))
