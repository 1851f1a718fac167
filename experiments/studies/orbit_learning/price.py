"""What a session of training costs on a satellite's board: operations to seconds, watts and joules.

Six operations for each weight and sample (two forward, four backward; Kaplan et al. 2020), at the board's
bf16 peak times the share of it that training reaches; three passes a step (forward, backward, update), each
with the board's overhead, which is what a network of thousands of weights mostly takes; and reading and
writing weights and the optimiser's two moments once a step.

The share is published for the H100 alone: 35 to 46 % for language models of 0.76 to 70 billion weights in
bf16 at sequences of 2,048 (LLM Foundry, training benchmarks, SXM cards). For the other boards none was found;
assumed is the share that reading a prompt reaches, as in `sandbox/data/boards.yaml`.

Training takes one board of the satellite: it draws the board's active power in the place of that board's part
of the standing load, which stands for the customers' work that has to wait meanwhile.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sandbox.compute import GIGA, MILLI, TERA, ComputeProfile, board
from sandbox.errors import SandboxError, unknown_name
from sandbox.fleet import Fleet
from sandbox.scenario import Scenario

PUBLISHED_SHARE = {"h100_pcie": 0.42}
"""Of the bf16 peak, in training. LLM Foundry, scripts/train/benchmarking: 41.8 % for 1.3 billion weights on
eight H100 80 GB SXM; assumed alike for the PCIe card."""
PASSES = 3
"""Of a step: forward, backward, update."""
MOVED_BYTES = 2 * 2 * 4.0
"""Of a weight in a step: it and its slope, 32 bits each, read and written."""


class Session(NamedTuple):
    """What one session costs."""

    seconds: float  # at full speed
    joules: float  # of the whole board


@dataclass(frozen=True)
class Board:
    """A board that trains. Raises SandboxError for one that the table does not know."""

    profile: ComputeProfile
    standing_w: float = 0.0  # of it alone, that customers' work draws

    @property
    def share(self) -> float:
        """Of its bf16 peak, in training."""
        return PUBLISHED_SHARE.get(self.profile.name, self.profile.utilisation.bf16)

    @property
    def extra_w(self) -> float:
        """What training draws beyond the standing load that it takes the place of, W."""
        return self.profile.active_w - self.standing_w

    def session(self, operations: float, steps: int, weights: float) -> Session:
        """Seconds and joules of `operations` in so many steps of a network with so many weights."""
        arithmetic = operations / (self.profile.peak_tera_s.bf16 * self.share * TERA)
        moved = steps * weights * MOVED_BYTES / (self.profile.bandwidth_gb_s * GIGA)
        seconds = max(arithmetic, moved) + steps * PASSES * self.profile.overhead_ms * MILLI
        return Session(seconds, seconds * self.profile.active_w)


class Boards:
    """The boards on which the satellites of a fleet train; `has_board` (N,) says who has one.

    `factor` charges as though the networks were so many times larger. Raises SandboxError for one that is not
    a number above 0.
    """

    def __init__(self, scenario: Scenario, fleet: Fleet, factor: float = 1.0, free: bool = False) -> None:
        if not 0.0 < factor < float("inf"):
            raise SandboxError(f"size_factor = {factor!r:.40}; give a number above 0.")
        self.factor, self.free, kinds = factor, free, np.array(fleet.kinds)
        self.has_board, self.extra_w = np.zeros(len(fleet), np.bool_), np.zeros(len(fleet))
        self.active_w = np.zeros(len(fleet))
        self._boards: dict[int, Board] = {}
        for kind, craft in scenario.spacecraft.items():
            if craft.compute is None:
                continue
            standing = craft.power.compute_w / craft.compute.boards
            own, mine = Board(board(craft.compute.board), standing), kinds == kind
            self.has_board |= mine
            self.extra_w[mine], self.active_w[mine] = own.extra_w, own.profile.active_w
            self._boards |= dict.fromkeys(np.flatnonzero(mine).tolist(), own)

    def session(self, n: int, operations: float, steps: int, weights: float) -> Session:
        """What a session costs satellite n; nothing where all is free. Raises SandboxError without a
        board."""
        if self.free:
            return Session(0.0, 0.0)
        if n not in self._boards:
            raise unknown_name("board of satellite", str(n), [str(known) for known in self._boards])
        return self._boards[n].session(operations * self.factor, steps, weights * self.factor)


def on_the_ground(name: str = "h100_pcie") -> Board:
    """The board of a data centre that trains on the ground."""
    return Board(replace(board(name)))
