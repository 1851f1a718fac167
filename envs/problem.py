"""What a decision problem is: a list of blocks, what the world's state says, and a page of prose.

    class Relay(Problem):
        \"\"\"relay_v0: pass jobs over lasers, nothing else. ...\"\"\"

        name, scenario = "relay_v0", "relay_40"
        briefing = "You are ... Every {round_s:g} s you decide ..."

        @classmethod
        def declare(cls, loss_penalty: float = 50.0):
            return Declaration(blocks=(Body(), Job(), Decide(), Answers(), Loss(loss_penalty)))

The arguments of `declare` are the options of the problem. Everything else (loops, scaling, mask, team reward,
global state, faces, tables of the page) is made from that: see `envs.driver`, `envs.faces` and `envs.page`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.block import Block, Own
from envs.blocks.consult import Consult
from envs.blocks.state import ALIVE, BATTERY, ORBIT, SUN, TIME, Piece
from envs.blocks.terms import Fuel, Loss, OutOfSlot, Service
from envs.driver import Buffers, Outputs, Tables, decoding, reporting, state_writer
from envs.features import Layout
from envs.mail import Mail
from envs.prospects import Prospect, prices_of
from sandbox.consulting import NOTHING, consult, review
from sandbox.counted_random import uniform
from sandbox.errors import SandboxError
from sandbox.scenario import Scenario
from sandbox.structured import structured
from sandbox.views import view

__all__ = ["Declaration", "Deliberated", "Example", "Problem"]

ILLEGAL = "illegal"
CORRUPTED = 100
"""What is drawn, beyond what `sandbox.faults` draws."""


class Deliberated(NamedTuple):
    """How thinking delays the actions of a round: see `envs.deliberation`."""

    first: NDArray[np.int32]
    """(B, N) actions in force until the new ones take effect."""
    timing: NDArray[np.void]
    """(B, N) records of dtype `sandbox.state.THINKING`, without the orders."""


class Example(NamedTuple):
    """A situation in which it is clear what to do: numbers of some features, what is legal, what is right."""

    values: dict[str, float]
    legal: tuple[str, ...]
    action: str


@dataclass(frozen=True)
class Declaration:
    """The pieces of a problem. The first action of the first block that has any is the no-op."""

    blocks: Sequence[Block]
    state: Sequence[Piece] = (TIME, SUN)
    """Of the world, and then, of each satellite:"""
    satellite_state: Sequence[Piece] = (ORBIT, BATTERY, ALIVE)
    world: Any = None
    """Further arguments of the `World`, a dictionary."""
    robots: Any = None
    """Robots on the ground that ask the satellites, an `envs.robots.team.Team`, or None."""


class Problem:
    """A decision problem over a world. Every face (dictionary, batch, vector, words) reads this.

    Shapes: B worlds, N satellites, F features, A actions, I terms. Action 0 is the no-op and always legal.
    """

    name: ClassVar[str]
    scenario: ClassVar[str]
    """Name of the scenario that it is played on where none is given."""
    overrides: ClassVar[dict[str, Any]] = {}
    """Fields of any scenario that it sets."""
    policies: ClassVar[dict[str, str]] = {}
    """Policies made for it, beside those in `agents`: `module:Class` by name."""
    briefing_text: ClassVar[str] = ""
    """What a mind is told of the problem, with `{round_s}` where the length of a round stands."""
    advice: ClassVar[str] = ""
    """A rule of thumb for a mind, in a sentence or two."""
    examples: ClassVar[tuple[Example, ...]] = ()
    """Worked examples that a mind may be shown."""
    arguments: ClassVar[dict[str, str]] = {}
    """What each option of `declare` means, for the page."""

    @classmethod
    def declare(cls) -> Declaration:
        """The pieces of the problem; keyword arguments are its options.

        Raises SandboxError where a problem has none.
        """
        raise SandboxError(f"{cls.__qualname__} declares nothing; override its class method declare().")

    @classmethod
    def options(cls) -> dict[str, Any]:
        """The options of the problem and their defaults."""
        return {name: p.default for name, p in signature(cls.declare).parameters.items()}

    def __init__(self, world: Any, declaration: Declaration, *, team_reward: bool = False) -> None:
        self.world, self._declaration = world, declaration
        self.blocks, self.team_reward = tuple(declaration.blocks), bool(team_reward)
        acting = [block for block in self.blocks if block.apply is not None]
        self.labels = tuple(action for block in acting for action in block.actions(world))
        self.actions = tuple(action.name for action in self.labels)
        self.phrases = tuple(action.phrase for action in self.labels)
        self.terms = (*(term for block in self.blocks for term in block.terms), ILLEGAL)
        self.layout = Layout([feature for block in self.blocks for feature in block.told(world)])
        self._check_names()
        self.briefing = self.brief()
        self.families = tuple(told for block in acting for told in block.families(world))
        self.texts = tuple(text for block in self.blocks for text in block.texts(world))
        self.pays = tuple(paid for block in self.blocks if (paid := block.pays(world)))
        self.prospects, self.usual = self._prospects()
        self.orders_stand = world.orders is not None
        self.message_size = max((getattr(block, "message_size", 0) for block in self.blocks), default=0)
        self.mail = Mail(world, self.message_size)
        self._acting, self._sizes = acting, np.array([len(block.actions(world)) for block in acting])
        self._buffers, self._own = self._lay_out()
        self._own_acting = view(tuple(self._own[self.blocks.index(block)] for block in acting))
        self._tables = self._make_tables()
        self._held = view(self._own), view(self._tables), view(self._buffers)
        kernels = [
            tuple((i, getattr(block, verb)) for i, block in enumerate(self.blocks) if getattr(block, verb))
            for verb in ("observe", "allow", "score")
        ]
        self._report = reporting(*kernels)
        self._decode = decoding(tuple(block.apply for block in acting))
        self._commands, self._first = world.commands(), world.commands()
        if self.orders_stand:
            self._commands = self._commands._replace(before=world.orders.copy())
        self._pieces = tuple(declaration.state), tuple(declaration.satellite_state)
        self._consult = next((block for block in acting if isinstance(block, Consult)), None)
        self._chosen = np.zeros_like(self._buffers.illegal)
        self._seen_commands: tuple[Any, Any] = None, None

    @property
    def mission(self) -> Scenario:
        """The scenario as it is known on board: what is planned, not how it stands. Policies may read it."""
        return self.world.scenario

    def over(self, world: Any) -> "Problem":
        """The same problem, with the same options, over another world with the same parts and sizes."""
        return type(self)(world, self._declaration, team_reward=self.team_reward)

    def price(self, block: type[Block]) -> float:
        """The price of a term of the reward, by its block; 0 where the problem does not have it."""
        return next((own.price for own in self.blocks if isinstance(own, block)), 0.0)  # type: ignore[attr-defined]

    def _prospects(self) -> tuple[tuple[Prospect, ...], float]:
        """What each action is expected to pay, empty where nobody can say, and what is usual."""
        world, scenario = self.world, self.world.scenario
        told = [own for own in self.blocks if isinstance(own, Fuel | Loss | OutOfSlot | Service)]
        prices = prices_of(scenario, {type(own).__name__: own.price for own in told})
        found: list[Prospect] = []
        for block in self.blocks:
            if block.apply is not None:
                own = block.prospects(world, prices)
                if len(own) != len(block.actions(world)):
                    return (), prices.usual
                found += own
        return tuple(found), prices.usual

    def brief(self) -> str:
        """What the problem is about, in words, for one satellite: the same in every round."""
        return self.briefing_text.format(round_s=self.world.scenario.round_s)

    def advance(
        self, actions: NDArray[np.int32], mask: NDArray[np.int8], thinking: Deliberated | None = None
    ) -> None:
        """Play one round of `actions` (B, N) within the space.

        `mask` is what `report` wrote last; an action that it forbids is played as the no-op and counted.
        With `thinking` an action takes effect only when it was thought out.
        """
        self.advance_labels([actions], mask, thinking)

    def advance_labels(
        self, labels: list[NDArray[np.int32]], mask: NDArray[np.int8], thinking: Deliberated | None = None
    ) -> None:
        """As `advance`, for several actions of each satellite at once."""
        commands, first = self._commands, self._first
        if thinking is not None:
            self._order(first, [thinking.first], mask)
        if self.orders_stand and (thinking is not None or self._consult is not None):
            # they stand until the thought is done; what is decided changes the world's
            commands.before[...] = self.world.orders
        self._order(commands, labels, mask)
        if thinking is not None:
            self._delay(commands, first, thinking.timing)
        if self._consult is None:
            self.world.play(commands)
            return
        self._search(commands, labels, mask)
        self.world.play(commands)
        self.world.share(review)

    def _search(self, commands: Any, labels: list[NDArray[np.int32]], mask: NDArray[np.int8]) -> None:
        """Have the planners search that were asked to, and follow the plans that are to be followed."""
        assert self._consult is not None
        at = int(self._sizes[: self._acting.index(self._consult)].sum()) - 1  # the first choice is 1
        self._chosen[...] = NOTHING
        for actions in labels:
            legal = np.take_along_axis(mask, actions[..., None], -1)[..., 0] == 1
            mine = legal & (actions > at) & (actions <= at + self._consult.choices)
            self._chosen[mine] = actions[mine] - at
        if self._seen_commands[0] is not commands:
            self._seen_commands = commands, view(commands)
        given = self._chosen, self._seen_commands[1], self._consult.price, self._consult.truth
        self.world.share(consult, *given)

    def _order(self, commands: Any, labels: list[NDArray[np.int32]], mask: NDArray[np.int8]) -> None:
        """Write what actions ask of the world; where none says otherwise, panels face the Sun, jobs wait."""
        world = self.world
        given = world.state.opportunities, world.orders, self._own_acting, self._sizes
        for part, actions in enumerate(labels):
            world.call(self._decode, *given, commands, part == 0, actions, mask, self._buffers.illegal)

    @staticmethod
    def _delay(commands: Any, first: Any, timing: NDArray[np.void]) -> None:
        """The commands wait for the thought; until then the `first` ones are in force."""
        thinking, late = commands.thinking, timing["delay"] > 0.0
        thinking[...] = timing
        thinking["command"], thinking["choice"] = first.mode, first.place
        commands.late_burn[...] = np.where(late, commands.burn, 0)
        commands.burn[...] = np.where(late, first.burn, commands.burn)
        commands.reload[...] |= first.reload
        commands.thrust[...] = np.where(late, first.thrust, commands.thrust)

    def identities(self) -> NDArray[np.int64]:
        """What each action refers to now (B, N, A): a number of at least 0 that stays when places change.

        0 is the no-op's; -1 stands where there is nothing to refer to.
        """
        count = len(self.actions)
        named = np.broadcast_to(np.arange(count), (*self._buffers.illegal.shape, count)).copy()
        at = 0
        for block, size in zip(self._acting, self._sizes, strict=True):
            own = block.identities(self.world)
            if own is not None:
                named[..., at : at + size] = np.where(own < 0, -1, count * (1 + own) + at)
            at += size
        named[..., 0] = 0
        return named

    def groups(self) -> tuple[int, ...]:
        """How many actions order each of several things (`Block.group`), the no-op counted with each.

        Raises SandboxError where all actions order one thing.
        """
        sizes: dict[str, int] = {}
        group = next((block.group for block in self._acting if block.group), "")
        for block, size in zip(self._acting, self._sizes, strict=True):
            if block.group in sizes and block.group != group:
                raise SandboxError(
                    f"{self.name}: blocks that order {block.group} stand apart; let one follow the other."
                )
            group = block.group or group
            sizes[group] = sizes.get(group, 1) + int(size)
        if len(sizes) < 2:
            raise SandboxError(f"{self.name} has one order to change; multi_discrete needs several.")
        first, *others = sizes.values()
        return first - 1, *others  # the no-op is one of the first

    @property
    def stands(self) -> NDArray[np.bool_]:
        """Which actions (A,) go on until something else is ordered; impulses do not."""
        return np.repeat([block.stands for block in self._acting], self._sizes)

    def report(self, outputs: Outputs) -> bool:
        """Write what a step gives; whether the episode of some world is over: `ends` tells which."""
        return True in self.world.share(self._report, *self._held, outputs)

    @property
    def max_cycles(self) -> int:
        """Rounds in an episode."""
        return max(1, round(self.world.horizon_s / self.world.scenario.round_s))

    def ends(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which worlds (B, N) were terminated (no satellite is left) and which truncated, at `report`."""
        return self._buffers.terminated.copy(), self._buffers.truncated.copy()

    def interrupted(self) -> NDArray[np.bool_]:
        """Whose thought under way was lost (B, N) in the last round."""
        return self.world.state.safety["interrupted"]

    def boards_down(self) -> NDArray[np.bool_]:
        """Whose boards are down (B, N), so that there nothing can be thought."""
        if self.world.jobs is None:
            return self.world.state.safety["safe"]
        return self.world.jobs.state.servers["down"] > self.world.state.clock["time"][:, None]

    def corrupted_actions(self, mask: NDArray[np.int8]) -> NDArray[np.int64] | None:
        """What minds on corrupted weights come up with: legal actions (B, N), -1 for others; or None."""
        faults = self.world.faults
        if faults is None or not faults.state.body["corrupt"].any():
            return None
        drawn = np.full(mask.shape[:2], -1)
        for b, n in np.argwhere(faults.state.body["corrupt"]):
            legal = np.flatnonzero(mask[b, n])
            key, round_ = faults.state.key[b], self.world.state.clock["round"][b]
            drawn[b, n] = legal[int(uniform(key, CORRUPTED, round_, n, 0) * len(legal))]
        return drawn

    def global_state(self, b: int) -> NDArray[np.float32]:
        """True state of world b (S,) in [-1, 1], flat and compact, for a centralised critic."""
        out = np.zeros((1, self.state_size), np.float32)
        self.world.call(self._tell_state, self.world.seen, np.array([b]), *self._state_sizes, int(b), out)
        return out[0]

    def states(self, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """True states (B, S) of all worlds in [-1, 1], as `global_state` has them; in `out`, if it is given.

        Raises SandboxError for an `out` that does not fit.
        """
        shape = self.world.worlds, self.state_size
        if out is None:
            out = np.zeros(shape, np.float32)
        elif out.shape != shape or out.dtype != np.float32 or not out.flags.c_contiguous:
            raise SandboxError(f"out is {out.dtype} {out.shape}; give contiguous float32 {shape}.")
        self.world.share(self._tell_state, *self._state_sizes, 0, out)
        return out

    @property
    def _tell_state(self) -> Any:
        return state_writer(*self._pieces)

    @property
    def _state_sizes(self) -> tuple[Any, ...]:
        params = tuple(tuple(piece.params(self.world) for piece in pieces) for pieces in self._pieces)
        return params, self.world.horizon_s, sum(piece.size for piece in self._pieces[1])

    @property
    def state_size(self) -> int:
        """Length of `global_state`."""
        whole, each = (sum(piece.size for piece in pieces) for pieces in self._pieces)
        return whole + each * self.world.satellites

    def _check_names(self) -> None:
        """Raises SandboxError where there is nothing to decide, and for a name that is given twice."""
        if not self.labels:
            raise SandboxError(f"{self.name} has no action; declare a block that has some.")
        singles = tuple(f.name for block in self.blocks if not block.each for f in block.features)
        given = {"feature": singles, "action": self.actions, "term": self.terms}
        for kind, names in (*given.items(), ("feature", self.layout.names)):
            twice = [name for name in names if names.count(name) > 1]
            if twice:
                raise SandboxError(f"{self.name} has two {kind}s called {twice[0]}; give each its own name.")

    def __reduce__(self) -> tuple:
        """A copy is laid out anew over a copy of its world: what it remembers is in there."""
        made = type(self), self.world, self._declaration, self.team_reward
        return _remade, (*made, self._buffers.illegal)

    def _lay_out(self) -> tuple[Buffers, tuple[Own, ...]]:
        """Working memory, and what each block may write of it."""
        world = self.world
        single = [f.name for block in self.blocks if not block.each for f in block.features]
        sizes = [_room(block, world) for block in self.blocks]
        raw = np.zeros((world.worlds, len(single) + sum(sizes) + 1), np.float32)
        row = raw[..., : len(single) or 1].view(
            structured([(name, "f4") for name in single] or [("_", "f4")])
        )[..., 0]
        terms = np.zeros((world.worlds, len(self.terms)), np.float32)
        term = terms.view(structured([(name, "f4") for name in self.terms]))[..., 0]
        own, at = [], len(single)
        for block, size in zip(self.blocks, sizes, strict=True):
            own.append(_own(block, world, raw[..., at : at + size]))
            at += size
        team = world.worlds, world.satellites
        flags = np.zeros(team, np.int32), *(np.zeros(team, np.bool_) for _ in range(3))
        return Buffers(raw, row, terms, term, *flags), tuple(own)

    def _make_tables(self) -> Tables:
        scale = 2.0 / (self.layout.high - self.layout.low)
        shift = -self.layout.low * scale - 1.0
        paid = [i for i, term in enumerate(self.terms) if term.startswith("reward_")]
        return Tables(
            _runs(self._columns()), scale.astype("f4"), shift.astype("f4"), np.flatnonzero(self.layout.root),
            np.array(paid, np.int64),
            self._sizes, len(self.terms) - 1, float(self.world.horizon_s), self.max_cycles, self.team_reward,
        )  # fmt: skip

    def _columns(self) -> NDArray[np.int64]:
        """Where in `Buffers.raw` each number of the observation is."""
        singles = [f.name for block in self.blocks if not block.each for f in block.features]
        columns, at = [], len(singles)
        for block in self.blocks:
            if not block.each:
                columns += [singles.index(f.name) for f in block.features if f.name not in block.omit]
                continue
            names = [*(f.name for f in block.features), *(f.name for f in block.more(self.world))]
            for _ in range(block.count(self.world)):
                columns += [at + i for i, name in enumerate(names) if name not in block.omit]
                at += len(names)
        return np.array(columns, np.int64)


def _runs(columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """`Tables.runs` of the places (F,) in `raw` of an observation."""
    starts = np.flatnonzero(np.diff(columns, prepend=-2) != 1)
    return np.stack([starts, columns[starts], np.diff(starts, append=len(columns))], axis=1)


def _remade(
    kind: type[Problem], world: Any, declaration: Declaration, team_reward: bool, illegal: NDArray
) -> Problem:
    problem = kind(world, declaration, team_reward=team_reward)
    problem._buffers.illegal[...] = illegal
    return problem


def _room(block: Block, world: Any) -> int:
    """Numbers that a block that tells of several things needs."""
    if not block.each:
        return 0
    return block.count(world) * (len(block.features) + len(block.more(world)))


def _own(block: Block, world: Any, raw: NDArray[np.float32]) -> Own:
    if not block.each:
        return Own(None, None, block.params(world))
    count, width = block.count(world), len(block.features)
    whole = width + len(block.more(world))
    things = np.lib.stride_tricks.as_strided(raw, (len(raw), count, whole), (raw.strides[0], 4 * whole, 4))
    items = things[..., :width].view(structured([(feature.name, "f4") for feature in block.features]))[..., 0]
    return Own(items, things[..., width:], block.params(world))
