"""The network that is shipped for a tier of autonomy_v0, as a decoder of plans.

Where energy is short, what pays is known to who has played a million rounds, and to no rule. So plans may
begin as what was learned (`agents.trained`), and go on from there: a plan leans towards some actions
(`leaning`, added to the logits), and its keys, habits and wishes hold as they do for the heuristics. Burns
and skies are those of the decoder: the planner's are true.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import trained
from agents.network import Network
from agents.planner.autonomy_decoder import INSIST, STAY, AutonomyDecoder
from agents.planner.search import ALL, Edit, Plan
from agents.planner.tasking_decoder import REST, SEND, WATCH
from sandbox.jobs import DECISIONS
from sandbox.state import NONE

LEAN = 0.7
"""Deviation of what is added to a logit: odds are doubled or halved."""
MOST_LEANT = 4
"""Logits that are changed at once."""
LEAST_KEY = 1e-6
"""In the place of a key of 0: such a request is as good as masked."""


class LearnedDecoder:
    """A shipped network that follows `leaning` (W, N, A), and the keys, habit and wish of a decoder."""

    def __init__(self, network: Network, decoder: AutonomyDecoder) -> None:
        self._network, self._decoder = network, decoder
        actions = network.actions
        self.actions = len(actions)
        self._downlink = actions.index("downlink")
        self._observe = np.array([a for a, name in enumerate(actions) if name.startswith("observe_")])
        self._rules = np.array([actions.index(name) for name in DECISIONS])
        self.leaning: NDArray[np.float32] = np.zeros((1, 1, self.actions), np.float32)

    @staticmethod
    def shipped_for(env: Any, decoder: AutonomyDecoder) -> "LearnedDecoder | None":
        """That of the tier of `env`, None where none is shipped that fits and forgets."""
        network = trained.fitting(env)
        if network is None or network.weights.memory:  # what it remembers would have to be kept by copy
            return None
        return LearnedDecoder(network, decoder)

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        """Actions (W, N) for observations (W, N, F) and masks (W, N, A)."""
        allowed = mask.copy()
        allowed[..., self._decoder.burn_labels] = 0
        logits = self._network.logits(self._decoder.truly_seen(observation)) + self.leaning
        logits[..., self._observe] += self._favour()
        self._habits(logits, allowed)
        self._wishes(logits, allowed)
        chosen = np.argmax(np.where(allowed == 1, logits, -np.inf), axis=-1)
        burn = self._decoder.burned(observation, mask)
        return np.where(burn != 0, burn, chosen)

    def _favour(self) -> NDArray[np.float64] | float:
        """Logarithms (W, N, K) of the keys of the requests shown."""
        points = self._decoder.points
        if points.keys is None:
            return 0.0
        shown = points.world.state.opportunities["request"]
        keys = np.take_along_axis(points.keys, np.maximum(shown, 0), axis=-1)
        return np.where(shown == NONE, 0.0, np.log(np.maximum(keys, LEAST_KEY)))

    def _habits(self, logits: NDArray, allowed: NDArray[np.int8]) -> None:
        habit = self._decoder.points.habit
        if habit is None:
            return
        allowed[..., self._observe] *= (habit != REST)[..., None]
        allowed[..., self._downlink] *= habit != WATCH
        logits[..., self._downlink] += np.where(habit == SEND, INSIST, 0.0)

    def _wishes(self, logits: NDArray, allowed: NDArray[np.int8]) -> None:
        wish = self._decoder.rules.wish
        if wish is None:
            return
        allowed[..., self._rules] *= (wish != STAY)[..., None]
        wished = np.arange(len(DECISIONS)) == wish[..., None] - 1
        logits[..., self._rules] += np.where(wished, INSIST, 0.0)

    def leant(self, rng: np.random.Generator, plan: Plan, n: int) -> list[Edit]:
        """Some other leanings of a plan, for satellite n or for all."""
        who = slice(None) if n == ALL else n
        some = rng.choice(self.actions, int(rng.integers(1, MOST_LEANT + 1)), replace=False)
        steps = rng.normal(0.0, LEAN, len(some)).astype(np.float32)
        now = plan["leaning"]
        return [("leaning", (who, int(a)), now[who, a] + s) for a, s in zip(some, steps, strict=True)]
