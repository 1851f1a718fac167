"""What a satellite is told of thinking first: what it costs at most on its board, or that it is no choice."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.qwen.choice import Thinking
from agents.qwen.on_demand import offer_of, priced_offer


class Offers:
    """For the fleet of `env`, any face, whose minds may think as `thinking` says.

    The price is that of the whole budget at full speed, by the board and the model that the scenario puts on
    each satellite. Where thought is not charged there is no price, and nothing that forbids it.
    """

    def __init__(self, env: Any, thinking: Thinking) -> None:
        self._offer = offer_of(thinking)
        self._cycles, self._round_s = int(env.max_cycles), float(env.problem.mission.round_s)
        self._seconds, self._said = None, [self._offer]
        onboard = getattr(getattr(env, "batch", env), "onboard", None)
        if onboard is not None and np.isfinite(thinking.budget):
            full = np.ones((1, len(onboard.has_board)))
            cost = onboard.cost(0, int(thinking.budget), full)
            self._seconds = cost.seconds[0]
            self._said = [
                priced_offer(self._offer, *each)
                for each in zip(cost.seconds[0].tolist(), cost.joules[0].tolist(), strict=True)
            ]

    def now(self, team: tuple[int, ...], played: int, share: NDArray[np.float64] | None) -> list[list[str]]:
        """What each satellite (B, N) is told after so many rounds, empty where thinking is no choice; `share`
        (B, N) is what its board has of its full speed."""
        speed = np.ones(team) if share is None else np.broadcast_to(share, team)
        legal = speed > 0.0
        if self._seconds is not None:
            left_s = (self._cycles - played % self._cycles) * self._round_s
            legal &= self._seconds < left_s * speed
        said = np.broadcast_to(np.array(self._said, object), team)
        return np.where(legal, said, "").tolist()
