"""The mind that was trained in the site: a network of a few hundred weights that scores every legal decision.

It is the same for all decisions: each is a row of features, its score how much nearer than others it is
expected to bring the robot. `python -m experiments train_robot` trains it; its card is beside it.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.network import Forward, read_weights
from agents.robots.minds import Mind
from envs.robots.words import (
    ACTIONS,
    BACK,
    COUNT,
    FIRST_SECTOR,
    GLOBALS,
    PER_SECTOR,
    TO_VICTIM,
    WAIT,
    SearchProblem,
    make_layout,
)
from sandbox.errors import SandboxError

FILE = Path(__file__).parent / "mind.npz"
ROW = (
    "wait", "back", "victim", "way", "unseen", "chance", "log_chance", "share_of_best", "danger", "visits",
    "battery", "blocked", "hazard",
)  # fmt: skip
"""Features of a decision."""


def rows_of(seen: NDArray[np.float64]) -> NDArray[np.float32]:
    """The features (A, K) of every decision, of an observation (F,) in its units."""
    own, sectors = seen[:GLOBALS], seen[GLOBALS:].reshape(COUNT, PER_SECTOR)
    rows = np.zeros((len(ACTIONS), len(ROW)))
    for i in (WAIT, BACK, TO_VICTIM):
        rows[i, i] = 1.0
    part, chance = rows[FIRST_SECTOR:], sectors[:, 3] / 100.0
    part[:, 3], part[:, 4], part[:, 5] = sectors[:, 1] / 20.0, sectors[:, 2] / 100.0, chance
    part[:, 6] = np.log10(chance + 1e-3) / 3.0
    part[:, 7] = chance / max(float((chance * sectors[:, 0]).max()), 1e-6)
    part[:, 8], part[:, 9] = sectors[:, 4] / 12.0, np.minimum(sectors[:, 5], 5.0) / 5.0
    rows[TO_VICTIM, 3] = own[8] / 20.0
    rows[:, 10], rows[:, 11], rows[:, 12] = own[0] / 15.0, own[3], own[5] / 12.0
    return rows.astype(np.float32)


class Trained(Mind):
    """Decides by the network in `path`. Raises SandboxError for one that cannot be read or is of others."""

    def __init__(self, path: Path = FILE) -> None:
        weights = read_weights(path)
        if (weights.problem, weights.features) != (SearchProblem.name, ROW) or len(weights.actions) != 1:
            raise SandboxError(
                f"{path} is no mind of a search robot; train one with: python -m experiments train_robot"
            )
        self._forward, self._layout = Forward(weights), make_layout()

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> int:
        scores, _ = self._forward(
            rows_of(self._layout.physical(observation)), np.zeros((len(ACTIONS), 0), np.float32)
        )
        return int(np.where(mask == 1, scores[:, 0], -np.inf).argmax())
