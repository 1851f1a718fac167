"""The policy in which a nano on board reads the orders; the controller of all readers does what it read."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.operations import Obedient, Reading, word_places
from agents.order_reader import KEEP_S
from agents.reading.gist import Gist
from agents.reading.nano import NanoReader
from agents.reading.nano import Read as ReadOrder
from agents.reading.sense import DAY_S, Chart, senses
from envs.deliberation import Thought, who_thinks
from sandbox.directives import revolutions
from sandbox.fleet import make_fleet
from sandbox.order_meaning import DIRECTIVE

Orders = frozenset[bytes]
"""Orders by the numbers of their words, as 16-bit integers."""


class Nano(Obedient):
    """Reads orders with a language model of half a million parameters (`agents.reading`).

    Each satellite reads an order once, when it has heard it. Over a `DeliberatingBatch` it pays for the
    tokens that its nano reads and writes, at the price of the model that the scenario puts on board; until it
    has read it goes on by the orders that it had read before. Where its board is down or too hot it reads
    later. Deciding by what was read is the controller's, and free, as with the other readers.

    Args:
        env: any face of the problem.
        reader: who reads; None: the shipped nano.
    """

    thinks = True

    def __init__(self, env: Any, reader: NanoReader | None = None) -> None:
        super().__init__(env)
        self.reader = NanoReader() if reader is None else reader
        self._words = word_places(self.layout)
        mission = env.problem.mission
        fleet = make_fleet(mission)
        self._period = revolutions(fleet.position, fleet.velocity)
        self._chart = Chart([station.name for station in mission.stations], self._stations, KEEP_S)
        self._read: dict[bytes, ReadOrder] = {}  # what is written in an order does not depend on who reads it
        self._sense: dict[Orders, Any] = {}
        self._thinking: NDArray[np.bool_] | None = None
        self._able: NDArray[np.bool_] | None = None
        self._forget()

    def _forget(self) -> None:
        self._told: dict[tuple[int, int], Orders] = {}
        self._knows: dict[tuple[int, int], Orders] = {}
        self._now_reads: dict[tuple[int, int], Orders] = {}
        self._latest: NDArray[np.int16] | None = None

    def reset(self, seed: int | None = None) -> None:
        super().reset(seed)
        self._forget()

    def act(self, observations: Any, infos: Any) -> Any:
        """Actions for what the environment's face returned; `thought` is what reading took."""
        self._thinking = who_thinks(infos)
        share = infos.get("board_share")
        self._able = None if share is None else np.asarray(share) > 0.0
        ended = infos.get("ended")
        if isinstance(ended, np.ndarray) and ended.any():
            for places in (self._told, self._knows, self._now_reads):
                for b, n in [place for place in places if ended[place[0]]]:
                    del places[b, n]
            if self._latest is not None:
                self._latest[ended] = -1
        return super().act(observations, infos)

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        team = mask.shape[:2]
        words = np.rint(self.layout.physical(observation)[..., self._words]).astype(np.int16)
        self._listen(words)
        fresh = {place: new for place in self._told if (new := self._to_read(place, team))}
        self._have_read(set().union(*fresh.values()))
        prompt, output = np.zeros(team, np.int64), np.zeros(team, np.int64)
        for place, new in fresh.items():
            reads = [self._read[order] for order in new]
            prompt[place] = sum(read.prompt_tokens for read in reads)
            output[place] = sum(read.output_tokens for read in reads)
            self._now_reads[place] = new
        self.thought = Thought(prompt, output, None)
        return super().decide(observation, mask)

    def _listen(self, words: NDArray[np.int16]) -> None:
        """Note which orders every satellite is told: words (B, N, K, W)."""
        if self._latest is None or self._latest.shape != words.shape:
            self._latest = np.full(words.shape, -1, np.int16)
        for b, n in np.argwhere((words != self._latest).any((2, 3))).tolist():
            told = words[b, n][words[b, n, :, 0] != 0]
            self._told[b, n] = frozenset(order.tobytes() for order in told)
        self._latest = words

    def _to_read(self, place: tuple[int, int], team: tuple[int, int]) -> Orders:
        """The orders that a satellite begins to read in this round; what it had begun it now knows."""
        nothing: Orders = frozenset()
        if self._thinking is not None and self._thinking[place]:
            return nothing
        knows = self._knows.get(place, nothing) | self._now_reads.pop(place, nothing)
        self._knows[place] = knows & self._told[place]
        if self._able is not None and not self._able.reshape(team)[place]:
            return nothing
        return self._told[place] - knows

    def _have_read(self, orders: set[bytes]) -> None:
        new = [order for order in orders if order not in self._read]
        if new:
            numbers = [
                [number for number in np.frombuffer(order, np.int16).tolist() if number] for order in new
            ]
            self._read |= zip(new, self.reader.read(numbers), strict=True)

    def readings(self, b: int, physical: NDArray[np.float64]) -> tuple[float, NDArray, Sequence[Reading]]:
        now = 3600.0 * float(physical[0, self.layout.index("utc")])
        groups: dict[Orders, NDArray[np.bool_]] = {}
        for n in range(len(physical)):
            place = b, n
            knows = self._knows.get(place, frozenset())
            if self._thinking is None or not self._thinking[place]:  # else what it reads is not read yet
                knows = knows | self._now_reads.get(place, frozenset())
            if knows:
                groups.setdefault(knows, np.zeros(len(physical), np.bool_))[n] = True
        found = []
        for knows, who in groups.items():
            found += [Reading(order, who) for order in self._held(knows, now)]
        return now, self._period, found

    def _held(self, knows: Orders, now: float) -> Any:
        """The orders that hold for who knows these, records (D,), on the axis of `now`, s of the day."""
        if knows not in self._sense:
            gists = [gist for order in knows if (gist := self._read[order].gist) is not None]
            self._sense[knows] = _stacked(gists, self._chart)
        orders = self._sense[knows].copy()
        if len(orders):
            first = orders["issued"][0]
            shift = now - (now - first) % DAY_S - first
            for name in ("issued", "begins", "ends", "until"):
                orders[name] += shift
        return orders

    def close(self) -> None:
        """Let the model go."""
        self._read, self._sense = {}, {}


def _stacked(gists: Sequence[Gist], chart: Chart) -> Any:
    found = senses(gists, chart)
    return np.array(found) if found else np.zeros(0, DIRECTIVE)
