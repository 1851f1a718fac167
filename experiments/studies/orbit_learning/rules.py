"""How what satellites have learned is brought together: who sends what to whom, and when it counts.

A rule is told of every round (`turn`), of every parcel that has arrived (`arrived`) and of every session of
training that is done (`trained`); it asks the crew to train, to send and to adopt. Sources: FedAvg (McMahan
et al. 2017), FedProx (Li et al. 2020), FedBuff (Nguyen et al. 2022). Rules by planes are after what is
proposed for constellations (FedHAP, Elmahallawy and Luo 2022; AutoFLSat, Kim et al. 2025).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.studies.orbit_learning.experience import joined
from sandbox.errors import unknown_name


class Model(NamedTuple):
    """Weights, and what travels with them."""

    weights: NDArray[np.float32]  # (P,)
    square: float  # mean square of the advantages that they were last trained on


class Update(NamedTuple):
    """What one satellite has learned since it had model `base`."""

    satellite: int
    base: int
    delta: NDArray  # (P,)
    rounds: float  # that it learned from
    square: float


def average(model: Model, updates: Sequence[Update], shares: Sequence[float] | None = None) -> Model:
    """`model` moved by the mean of the updates, weighed by their rounds and, if given, by `shares` of 1."""
    counts = np.array([update.rounds for update in updates], float)
    if not counts.sum():
        return model
    moved = np.asarray(model.weights, np.float64)
    scaled = counts if shares is None else counts * np.asarray(shares)
    moved = moved + np.tensordot(scaled / counts.sum(), np.stack([u.delta for u in updates]), 1)
    square = float(counts @ [update.square for update in updates] / counts.sum())
    return Model(moved.astype(model.weights.dtype), square)


class Rule:
    """Nobody learns."""

    def __init__(self, crew: Any) -> None:
        self.crew = crew

    def turn(self, round_: int) -> None:
        """A round was flown."""

    def arrived(self, parcel: Any, round_: int) -> None:
        """A parcel is at its goal."""

    def trained(self, update: Update, round_: int) -> None:
        """A session is done."""

    def models(self) -> set[int]:
        """The numbers of models that the rule may come back to."""
        return set()


class Central(Rule):
    """All experience in one place at once, and the weights back at once: links and boards without end."""

    def turn(self, round_: int) -> None:
        crew = self.crew
        if round_ % crew.plan.period:
            return
        rows = crew.store.rows(np.arange(len(crew.learners)))
        crew.everybody_adopts(crew.train_pooled(rows, crew.newest, round_))


class Averaging(Rule):
    """FedAvg among `members` with a satellite of theirs as server; with partial work also FedProx.

    Every `period` rounds all who hold the server's present model begin to train on it, and others as soon as
    it has come. The server averages their updates once all are there, or else at the end of the period those
    that are, and sends the new model out. What comes later is of an old model, and counted as late.
    """

    def __init__(
        self, crew: Any, members: NDArray | None = None, server: int | None = None, partial: bool = False
    ) -> None:
        super().__init__(crew)
        self.members = np.arange(crew.satellites) if members is None else members
        self.server = crew.server_of(self.members) if server is None else server
        self.partial, self.current, self.learned, self._is_open = partial, 0, 0.0, False
        self.inbox: list[Update] = []

    def turn(self, round_: int) -> None:
        period = self.crew.plan.period
        if self.partial and round_ % period == period - 2:
            self.crew.hurry(self.members, round_)
        if round_ % period == 0:
            self.succeed()
            self.close()
            self.open()

    def succeed(self) -> None:
        """Where the server is lost, another one goes on from the model that it holds."""
        if not self.crew.alive[self.server] and self.crew.alive[self.members].any():
            self.server = self.crew.server_of(self.members[self.crew.alive[self.members]])
            self.current, self.inbox = int(self.crew.held[self.server]), []

    def close(self) -> None:
        """Make the next model of what has come, and send it out."""
        self._is_open = False
        learned = sum(update.rounds for update in self.inbox)
        if learned:
            self.current = self.crew.publish(average(self.crew.model(self.current), self.inbox))
            self.learned += learned
            self.hand_out()
        self.inbox = []

    def models(self) -> set[int]:
        return {self.current, *(update.base for update in self.inbox)}

    def hand_out(self) -> None:
        """Send the present model to all who do not hold it."""
        self.crew.adopt(self.server, self.current)
        for n in self.members:
            if self.crew.held[n] != self.current:
                self.crew.send_model(self.server, int(n), self.current)

    def open(self) -> None:
        """Who holds the present model trains on it."""
        self._is_open = True
        for n in self.members:
            if self.crew.held[n] == self.current:
                self.crew.train(int(n))

    def arrived(self, parcel: Any, round_: int) -> None:
        if parcel.kind != "weights":
            self.take(parcel.content)
            return
        self.crew.adopt(parcel.goal, parcel.content)
        if self._is_open and parcel.content == self.current:
            self.crew.train(parcel.goal)

    def take(self, update: Update) -> None:
        """An update has reached the server."""
        if update.base != self.current:
            self.crew.late += 1
            return
        self.inbox.append(update)
        if len(self.inbox) >= self.crew.able(self.members):
            self.close()

    def trained(self, update: Update, round_: int) -> None:
        if update.satellite == self.server:
            self.take(update)
        else:
            self.crew.send_update(self.server, update)


class Buffered(Rule):
    """FedBuff: no rounds; the server moves its model whenever it has a buffer full of updates.

    Everybody trains every `period` rounds, not all at once, from what it holds, and gets the newest model
    once its update has been used. An update that is t models old counts 1 / sqrt(1 + t).
    """

    def __init__(self, crew: Any) -> None:
        super().__init__(crew)
        self.server, self.current = crew.server_of(np.arange(crew.satellites)), 0
        self.number = {0: 0}
        self.buffer: list[Update] = []
        learners, period = np.flatnonzero(crew.learners), crew.plan.period
        turns = max(1, period // crew.plan.beat)
        self.offset = {int(n): int(i % turns) * crew.plan.beat for i, n in enumerate(learners)}
        self.size = max(1, round(crew.plan.buffer_share * len(learners)))

    def turn(self, round_: int) -> None:
        period, alive = self.crew.plan.period, self.crew.alive
        if not alive[self.server] and alive.any():
            self.server = self.crew.server_of(np.flatnonzero(alive))
            self.current, self.buffer = int(self.crew.held[self.server]), []
        for n, offset in self.offset.items():
            if round_ >= period and round_ % period == offset:
                self.crew.train(n)
        if round_ and round_ % period == 0:
            for other in np.flatnonzero(~self.crew.learners):
                self._hand_out(int(other))

    def models(self) -> set[int]:
        return {self.current, *(update.base for update in self.buffer)}

    def _hand_out(self, n: int) -> None:
        if n == self.server:
            self.crew.adopt(n, self.current)
        elif self.crew.held[n] != self.current:
            self.crew.send_model(self.server, n, self.current)

    def arrived(self, parcel: Any, round_: int) -> None:
        if parcel.kind == "weights":
            if self.number[parcel.content] > self.number[self.crew.held[parcel.goal]]:
                self.crew.adopt(parcel.goal, parcel.content)
        else:
            self.take(parcel.content)

    def trained(self, update: Update, round_: int) -> None:
        if update.satellite == self.server:
            self.take(update)
        else:
            self.crew.send_update(self.server, update)

    def take(self, update: Update) -> None:
        """An update has reached the server."""
        self.buffer.append(update)
        if len(self.buffer) < self.size:
            return
        now = self.number[self.current]
        ages = [max(0, now - self.number[each.base]) for each in self.buffer]
        self.crew.late += sum(age > 0 for age in ages)
        shares = [1.0 / math.sqrt(1.0 + age) for age in ages]
        model = average(self.crew.model(self.current), self.buffer, shares)
        self.current = self.crew.publish(model)
        self.number[self.current] = now + 1
        for n in sorted({each.satellite for each in self.buffer} | {self.server}):
            self._hand_out(n)
        self.buffer = []


@dataclass
class _Head:
    """A plane, and what it last told the root."""

    rule: Averaging
    base: int = 0  # the model of all planes that it goes by
    told: NDArray | None = None  # its weights when it told
    fresh: int | None = None  # a model of all planes that has come


class Planes(Rule):
    """FedAvg within each plane, whose server is a training satellite where the plane has one; every `merge`
    periods the servers send what their planes have learned to the first that learns, and it averages a period
    later what has come. A plane goes on from the result, and keeps what it has learned since it told."""

    def __init__(self, crew: Any) -> None:
        super().__init__(crew)
        self.heads = [_Head(Averaging(crew, members)) for members in crew.planes]
        self.of = {int(n): head for head in self.heads for n in head.rule.members}
        learns = [head for head in self.heads if crew.learners[head.rule.server]]
        self.root, self.current = learns[0], 0
        self.inbox: list[Update] = []

    def turn(self, round_: int) -> None:
        period, merge = self.crew.plan.period, self.crew.plan.merge
        if round_ % period:
            return
        for head in self.heads:
            head.rule.succeed()
            head.rule.close()
        if round_ // period % merge == 0:
            for head in self.heads:
                self._tell(head)
        if round_ // period % merge == 1:
            self._bring_together()
        for head in self.heads:
            self._renew(head)
            head.rule.open()

    def models(self) -> set[int]:
        found = {self.current, *(update.base for update in self.inbox)}
        for head in self.heads:
            found |= {head.base, *head.rule.models()} | (set() if head.fresh is None else {head.fresh})
        return found

    def _tell(self, head: _Head) -> None:
        if not head.rule.learned:
            return
        model = self.crew.model(head.rule.current)
        head.told = model.weights.astype(np.float64)
        delta = head.told - self.crew.model(head.base).weights
        update = Update(head.rule.server, head.base, delta, head.rule.learned, model.square)
        head.rule.learned = 0.0
        if head is self.root:
            self._take(update)
        else:
            self.crew.send_update(self.root.rule.server, update)

    def _take(self, update: Update) -> None:
        if update.base == self.current:
            self.inbox.append(update)
        else:
            self.crew.late += 1

    def _bring_together(self) -> None:
        """The root averages the planes that have come, and sends every server the result."""
        if not self.inbox:
            return
        self.current = self.crew.publish(average(self.crew.model(self.current), self.inbox))
        self.inbox = []
        self.root.fresh = self.current
        for head in self.heads:
            if head is not self.root:
                self.crew.send_model(self.root.rule.server, head.rule.server, self.current)

    def _renew(self, head: _Head) -> None:
        """A plane goes by the model of all planes that has come."""
        if head.fresh is None:
            return
        model, own = self.crew.model(head.fresh), self.crew.model(head.rule.current)
        since = 0.0 if head.told is None else own.weights - head.told
        moved = (model.weights + since).astype(model.weights.dtype)
        head.rule.current = self.crew.publish(Model(moved, own.square))
        head.base, head.fresh, head.told = head.fresh, None, None
        head.rule.hand_out()

    def arrived(self, parcel: Any, round_: int) -> None:
        servers = {head.rule.server for head in self.heads}
        if not (parcel.goal in servers and parcel.origin in servers):
            self.of[parcel.other].rule.arrived(parcel, round_)
        elif parcel.kind == "weights":
            self.of[parcel.goal].fresh = parcel.content
        else:
            self._take(parcel.content)

    def trained(self, update: Update, round_: int) -> None:
        self.of[update.satellite].rule.trained(update, round_)


class Ground(Rule):
    """Raw experience down by passes, training on the ground, weights up by passes, satellite by satellite."""

    def turn(self, round_: int) -> None:
        crew = self.crew
        crew.ground.fly(round_)
        if round_ % crew.plan.period or not round_:
            return
        crew.ground.note_experience()
        come = crew.ground.take()
        if come:
            crew.ground_model = crew.train_pooled(joined(come), crew.ground_model, round_)
            crew.ground.charge(joined(come))


RULES: dict[str, Callable[[Any], Rule]] = {
    "none": Rule,
    "central": Central,
    "ground": Ground,
    "fedavg": Averaging,
    "fedprox": lambda crew: Averaging(crew, partial=True),
    "fedbuff": Buffered,
    "planes": Planes,
}


def rule_of(name: str) -> Callable[[Any], Rule]:
    """The rule called `name`. Raises SandboxError for an unknown one."""
    if name not in RULES:
        raise unknown_name("rule", name, list(RULES))
    return RULES[name]
