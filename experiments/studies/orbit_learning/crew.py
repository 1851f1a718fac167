"""A fleet that learns while it flies: one world of `tasking_v0`, one rule, one seed.

In every round each satellite draws a decision from the network that it holds, keeps what it saw and got, and
its learning goes on: parcels move over the mesh, boards train, the rule brings together what has come. What
that takes is charged to the satellites in the next round.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.network import Weights
from experiments.studies.orbit_learning.charging import Workbench, charged
from experiments.studies.orbit_learning.compression import Sender, whole_bits
from experiments.studies.orbit_learning.experience import LEAST_ROUNDS, Rows, Store, joined
from experiments.studies.orbit_learning.local import Recipe, train
from experiments.studies.orbit_learning.mesh import Carrier, Mesh, Parcel
from experiments.studies.orbit_learning.networks import Scale, Shape, draw, scale_of
from experiments.studies.orbit_learning.planes import planes_of
from experiments.studies.orbit_learning.price import Boards, on_the_ground
from experiments.studies.orbit_learning.rules import Model, Update, rule_of
from experiments.studies.orbit_learning.uplinks import GroundSegment
from sandbox.errors import SandboxError

REHEARSED = 240
"""Rounds of a rehearsal before the launch, in which nobody knows what to do: the scale of observations."""
REHEARSAL_SEED = 90_000
"""Added to the seed for it, so that it is another world."""


@dataclass(frozen=True)
class Plan:
    """How a fleet learns; times in rounds. Raises SandboxError for numbers out of range."""

    rule: str = "fedavg"
    compression: str = "whole"
    period: int = 30
    beat: int = 10  # FedBuff's satellites train in turns so far apart
    buffer_share: float = 0.25  # of the learners, whose updates fill FedBuff's buffer
    merge: int = 4  # periods after which planes are brought together
    store_kbit: float = 150.0
    hidden: int = 32
    least_battery: float = 0.3
    size_factor: float = 1.0
    free: bool = False  # links and boards without end and without price
    everybody: bool = False  # learns, where there are training satellites, too
    until: int | None = None  # the round from which on nobody learns any more

    def __post_init__(self) -> None:
        for name, least in (("period", 4), ("beat", 1), ("merge", 2), ("hidden", 1)):
            if getattr(self, name) < least:
                raise SandboxError(f"{name} = {getattr(self, name)}; give {least} or more.")
        for name in ("size_factor", "store_kbit"):
            if not 0.0 < getattr(self, name) < float("inf"):
                raise SandboxError(f"{name} = {getattr(self, name):g}; give a number above 0.")
        for name in ("buffer_share", "least_battery"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise SandboxError(f"{name} = {getattr(self, name):g}; give a share from 0 to 1.")


class _Session(NamedTuple):
    base: int
    rows: Rows
    steps: int
    number: int
    seconds: float


class Crew:
    """The satellites of a world, what they hold and what they keep; see the module's page.

    `held` (N,) numbers the model that each satellite decides with, `learners` (N,) says who trains.
    """

    def __init__(self, batch: Any, plan: Plan, recipe: Recipe, seed: int) -> None:
        self.batch, self.plan, self.recipe, self.seed = charged(batch), plan, recipe, seed
        world = batch.world
        self.satellites = world.satellites
        self.shape = Shape(len(batch.layout), plan.hidden, len(batch.actions))
        self.boards = Boards(world.scenario, world.fleet, plan.size_factor, plan.free)
        self.learners = _learners(world, self.boards, plan)
        self.planes = planes_of(world.scenario, world.fleet)
        self.scale = self._rehearse()
        self.observation, self.info = self.batch.reset(seed)
        self.rng = np.random.default_rng([seed, 1])
        self._models: dict[int, Model] = {0: Model(self.shape.first(seed), 1.0)}
        self.held, self.newest, self.late, self.updates = np.zeros(self.satellites, np.int64), 0, 0, 0
        bits = plan.store_kbit * 1e3
        self._who = np.flatnonzero(self.learners)
        self._place = {int(n): i for i, n in enumerate(self._who)}
        self.store = Store(len(self._who), self.shape.features, self.shape.actions, bits)
        self.mesh = Mesh(world)
        self.mesh.follow()
        self.carrier = Carrier(self.mesh, self.satellites, plan.free)
        self.bench = Workbench(self.batch, self.boards, plan.least_battery)
        self._sessions: dict[int, _Session] = {}
        self._numbers = np.zeros(self.satellites, np.int64)
        self._senders = {int(n): Sender(plan.compression, self.shape.parameters) for n in self._who}
        self._radio = np.zeros(self.satellites)
        self.ground_model = 0
        self.ground = GroundSegment(self, on_the_ground())
        self.rule = rule_of(plan.rule)(self)
        self.round = 0

    def _rehearse(self) -> Scale:
        """The scale of what is seen, from a flight before the launch."""
        observation, info = self.batch.reset(self.seed + REHEARSAL_SEED)
        rng, seen = np.random.default_rng([self.seed, 2]), []
        for round_ in range(min(REHEARSED, self.batch.max_cycles - 1)):
            mask = info["action_mask"][0]
            action, _ = draw(np.zeros(mask.shape, np.float32), mask, rng)
            observation, *_, info = self.batch.step(action[None])
            if round_ % 4 == 0:
                seen.append(observation[0])
        return scale_of(np.concatenate(seen) if seen else observation[0])

    # --- flying
    def fly(self) -> NDArray[np.float32]:
        """One round; the rewards (N,)."""
        learns = self.learns
        mask = self.info["action_mask"][0]
        action, chance = self.decide(self.observation[0], mask)
        decides, alive = self.info["decides"][0], self.info["alive"][0]
        if learns:
            self.store.look(self.observation[0][self._who])
            self.ground.look()
        else:
            self._end()
        work = self.bench.work(self._radio) if learns else None
        self.observation, reward, _, _, self.info = self.batch.step(action[None], work)
        self.round += 1
        if learns:
            lost = self.info["lost"][0] | ~alive
            kept = mask, action, chance, reward[0], decides & alive, lost
            self.store.keep(*(each[self._who] for each in kept))
            self.store.look(self.observation[0][self._who])
            self._learn()
        return reward[0]

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Who is there (N,)."""
        return np.asarray(self.batch.world.state.body["alive"][0], np.bool_)

    def _end(self) -> None:
        """Nobody learns any more: what is under way is given up."""
        for n in self._sessions:
            self.bench.stop(n)
        self._sessions = {}
        self.carrier.drop(list(self.carrier.parcels))

    @property
    def learns(self) -> bool:
        """Whether anybody learns in the coming round."""
        return self.plan.rule != "none" and (self.plan.until is None or self.round < self.plan.until)

    def decide(self, observation: NDArray, mask: NDArray) -> tuple[NDArray, NDArray]:
        """Decisions (N,) of all, each drawn from what its own network says, and their chances."""
        seen = self.scale.normal(observation)
        logits = np.empty(mask.shape, np.float32)
        for held in np.unique(self.held):
            mine = self.held == held
            logits[mine] = self.shape.logits(self._models[int(held)].weights, seen[mine])
        return draw(logits, mask, self.rng)

    def _learn(self) -> None:
        self.bench.advance()
        alive = self.alive
        for n in [n for n in self._sessions if not alive[n]]:
            del self._sessions[n]
            self.bench.stop(n)
        arrived, self._radio = self.carrier.move(alive)
        for parcel in arrived:
            self.rule.arrived(parcel, self.round)
        self._finish([n for n in self._sessions if self.bench.remaining[n] == 0.0])
        self.rule.turn(self.round)
        self.mesh.follow()
        if self.round % self.plan.period == 0:
            self._forget()

    # --- models
    def model(self, number: int) -> Model:
        """The model of this number."""
        return self._models[int(number)]

    def publish(self, model: Model) -> int:
        """Give a model a number."""
        self.newest += 1
        self._models[self.newest] = model
        return self.newest

    def adopt(self, n: int, number: int) -> None:
        """Satellite n decides by this model from now on."""
        self.held[n] = number

    def everybody_adopts(self, number: int) -> None:
        """All satellites decide by this model from now on."""
        self.held[...] = number

    def policy(self, n: int, mode: str = "sample") -> Weights:
        """What satellite n decides by, as a policy that needs no torch (`agents.network.network_class`)."""
        problem, layers = self.batch.problem, self.shape.split(self.model(self.held[n]).weights)[:3]
        scales = self.scale.mean, self.scale.factor
        names = problem.name, tuple(self.batch.layout.names), tuple(self.batch.actions)
        return Weights(*names, mode, *scales, tuple((np.array(m), np.array(b)) for m, b in layers))

    def _forget(self) -> None:
        """Models that nobody can come back to any more."""
        kept = {0, self.newest, self.ground_model, *self.held.tolist()}
        kept |= {session.base for session in self._sessions.values()}
        kept |= {p.content if p.kind == "weights" else p.content.base for p in self.carrier.parcels}
        kept |= self.ground.models | self.rule.models()
        self._models = {number: model for number, model in self._models.items() if number in kept}

    def server_of(self, members: NDArray) -> int:
        """Who brings together what `members` learn: the first training satellite, else the first who learns,
        else the first."""
        training = self.batch.world.scenario.spacecraft
        kinds = self.batch.world.fleet.kinds
        for n in members:
            if training[kinds[n]].role == "training":
                return int(n)
        return int(next((n for n in members if self.learners[n]), members[0]))

    # --- training
    def train(self, n: int) -> None:
        """Satellite n begins to train on what it has kept, if it learns, has kept enough, and is not at
        it."""
        n = int(n)
        if not self.learners[n] or n in self._sessions or self.store.held < LEAST_ROUNDS:
            return
        if not self.alive[n]:
            return
        rows, steps = self.store.rows(np.array([self._place[n]])), self.recipe.steps(self.store.held)
        operations = self.recipe.operations(self.shape, self.store.held, steps)
        cost = self.boards.session(n, operations, steps, self.shape.parameters)
        self._numbers[n] += 1
        self._sessions[n] = _Session(int(self.held[n]), rows, steps, int(self._numbers[n]), cost.seconds)
        self.bench.begin(n, cost.seconds)

    def able(self, members: NDArray) -> int:
        """How many of `members` learn and live."""
        return int((self.learners & self.alive)[members].sum())

    def hurry(self, members: NDArray, round_: int) -> None:
        """Sessions of `members` end now, with the steps that they have come to; without one they go on."""
        steps = {}
        for n in members:
            session = self._sessions.get(int(n))
            if session is None:
                continue
            done = 1.0 - self.bench.remaining[n] / session.seconds if session.seconds else 1.0
            if int(done * session.steps) >= 1:
                steps[int(n)] = int(done * session.steps)
                self.bench.stop(n)
        self._finish(list(steps), steps)

    def _finish(self, who: Sequence[int], steps: dict[int, int] | None = None) -> None:
        """Sessions of satellites `who` are done: what they come to goes to the rule, in the satellites'
        order."""
        by_rounds: dict[int, list[int]] = {}
        for n in sorted(who):
            by_rounds.setdefault(self._sessions[n].rows.action.shape[1], []).append(n)
        found: dict[int, Update] = {}
        for group in by_rounds.values():
            for n, update in zip(group, self._outcomes(group, steps or {}), strict=True):
                found[n] = update
        for n in sorted(found):
            self.updates += 1
            self.rule.trained(found[n], self.round)

    def _outcomes(self, group: list[int], steps: dict[int, int]) -> list[Update]:
        """What sessions over as many rounds come to, side by side."""
        sessions = [self._sessions.pop(n) for n in group]
        models = [self.model(session.base) for session in sessions]
        rows = joined([session.rows for session in sessions])
        start = np.stack([model.weights for model in models])
        squares = np.array([model.square for model in models])
        seeds = [(self.seed, n, session.number) for n, session in zip(group, sessions, strict=True)]
        counts = np.array([steps.get(n, each.steps) for n, each in zip(group, sessions, strict=True)])
        done = train(self.shape, self.scale, self.recipe, start, rows, squares, seeds, counts)
        delta = done.weights.astype(np.float64) - start
        return [
            Update(n, session.base, delta[i], float(done.rounds[i]), float(done.square[i]))
            for i, (n, session) in enumerate(zip(group, sessions, strict=True))
        ]

    def train_pooled(self, rows: Rows, base: int, round_: int) -> int:
        """A session over all these rows in one place, from model `base`; the number of what comes of it."""
        if rows.action.shape[1] < LEAST_ROUNDS:
            return base
        model = self.model(base)
        start = model.weights[None]
        seeds = [(self.seed, self.satellites, round_)]
        done = train(
            self.shape, self.scale, self.recipe, start, rows, np.array([model.square]), seeds, pool=True
        )
        return self.publish(Model(done.weights[0].astype(model.weights.dtype), float(done.square[0])))

    # --- sending
    def send_model(self, server: int, n: int, number: int) -> None:
        """A model on its way from the server to satellite n, in the place of an older one."""
        bits = whole_bits(self.shape.parameters) * self.plan.size_factor
        self.carrier.send(Parcel("weights", int(server), int(n), False, bits, int(number)), replaces=True)

    def send_update(self, server: int, update: Update) -> None:
        """An update on its way to the server, under the plan's compression."""
        sender = self._senders.get(update.satellite)
        if sender is None:
            sender = self._senders[update.satellite] = Sender(self.plan.compression, self.shape.parameters)
        message = sender.message(update.delta)
        content, bits = update._replace(delta=message.update), message.bits * self.plan.size_factor
        self.carrier.send(Parcel("update", int(server), update.satellite, True, bits, content))


def _learners(world: Any, boards: Boards, plan: Plan) -> NDArray[np.bool_]:
    """Who learns: training satellites where there are some, unless everybody does; of them, who has a
    board."""
    kinds, known = world.fleet.kinds, world.scenario.spacecraft
    training = np.array([known[kind].role == "training" for kind in kinds])
    chosen = boards.has_board & (training if training.any() and not plan.everybody else True)
    if not chosen.any():
        raise SandboxError(
            f"No satellite of {world.scenario.name} has a board to train on; give one a `compute`."
        )
    return chosen
