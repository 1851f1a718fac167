"""The ground's part where training is done there: experience that comes down, weights that go up."""

from typing import Any

import numpy as np

from experiments.studies.orbit_learning.compression import whole_bits
from experiments.studies.orbit_learning.experience import Rows
from experiments.studies.orbit_learning.passes import Passes, Queue
from experiments.studies.orbit_learning.price import Board


class GroundSegment:
    """Experience of the crew that waits for a pass, and weights that wait for one.

    made = down + dropped + waiting for experience; `sent_up` counts bits of weights that went up, those of
    models that were replaced on their way included. `joules` are those of the ground's own board.
    """

    def __init__(self, crew: Any, board: Board) -> None:
        self._crew, self._board = crew, board
        self._active = crew.plan.rule == "ground"
        who = np.flatnonzero(crew.learners)
        self._who, self._place = who, {int(n): i for i, n in enumerate(who)}
        self._passes = Passes(crew.batch.world)
        room = crew.plan.store_kbit * 1e3 * crew.plan.size_factor
        self._queues = [Queue(room) for _ in who]
        self._come: list[Rows] = []
        self._wanted, self._number = np.zeros(crew.satellites), np.zeros(crew.satellites, np.int64)
        self.made = self.down = self.sent_up = self.joules = self.seconds = 0.0

    @property
    def models(self) -> set[int]:
        """Those that are on their way up."""
        return set(self._number[self._wanted > 0.0].tolist())

    @property
    def waiting(self) -> float:
        """Bits of experience on board that are not down whole."""
        return sum(queue.bits for queue in self._queues)

    @property
    def dropped(self) -> float:
        """Bits of experience that gave way to newer ones."""
        return sum(queue.dropped for queue in self._queues)

    def look(self) -> None:
        """Before a round."""
        if self._active:
            self._passes.look()

    def fly(self, round_: int) -> None:
        """A round was flown: what came down and went up in it."""
        spare = self._passes.down()
        for queue, n in zip(self._queues, self._who, strict=True):
            if spare[n] > 0.0:
                before = queue.bits
                _, whole = queue.send(float(spare[n]))
                self.down += before - queue.bits
                self._come += whole
        self._ask()
        sent = self._passes.up(self._wanted)
        self.sent_up += float(sent.sum())
        self._wanted = np.maximum(self._wanted - sent, 0.0)
        for n in np.flatnonzero((sent > 0.0) & (self._wanted == 0.0)):
            self._crew.adopt(int(n), int(self._number[n]))

    def _ask(self) -> None:
        """Everybody who does not hold the ground's newest model is to get it."""
        newest = self._crew.ground_model
        stale = (self._crew.held != newest) & (self._number != newest)
        if newest:
            self._wanted[stale] = whole_bits(self._crew.shape.parameters) * self._crew.plan.size_factor
            self._number[stale] = newest

    def note_experience(self) -> None:
        """The rounds of the last period join the queues for the ground, satellite by satellite."""
        store, last = self._crew.store, self._crew.plan.period
        alive = self._crew.alive
        for i, n in enumerate(self._who):
            if alive[n]:
                rows = store.rows(np.array([i]), last)
                bits = store.bits_each * rows.action.shape[1] * self._crew.plan.size_factor
                self._queues[i].add(bits, rows)
                self.made += bits

    def take(self) -> list[Rows]:
        """What has come down since it was last taken, as many rounds of each."""
        come, self._come = self._come, []
        longest = max((rows.action.shape[1] for rows in come), default=0)
        return [rows for rows in come if rows.action.shape[1] == longest]

    def charge(self, rows: Rows) -> None:
        """What a session over these rows takes on the ground's board."""
        crew, rounds = self._crew, rows.action.shape[1]
        steps = crew.recipe.steps(rounds)
        operations = crew.recipe.operations(crew.shape, rounds, steps) * len(rows.action)
        factor = crew.plan.size_factor
        cost = self._board.session(operations * factor, steps, crew.shape.parameters * factor)
        self.joules += cost.joules
        self.seconds += cost.seconds
