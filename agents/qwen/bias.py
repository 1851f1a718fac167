"""Whether a model decides by place and letter: made-up reports, each listed forwards and backwards."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from agents.qwen.decisions import Request
from agents.qwen.orders import AUTO, BIASED, NONE, PROBE_OPTIONS, PROBES, SHIFTS, distance
from envs.reports import Reporter

Ask = Callable[[Sequence[tuple[Request, NDArray[np.int64]]]], list[NDArray[np.float64] | None]]
"""Decides requests with their options listed in an order: probabilities (L,) by place, or None."""


class BiasTest:
    """What is done about bias for each reporter, once `ask` has shown how much there is.

    The test is made before the mission, on the ground: nobody is charged for it.
    """

    def __init__(self, debias: str) -> None:
        self.debias = debias
        self._found: dict[int, tuple[Reporter, str, float]] = {}

    def way(self, reporter: Reporter, ask: Ask) -> str:
        """The correction for reports of `reporter`: what was asked for, or with "auto" what is needed."""
        if self.debias != AUTO:
            return self.debias
        if id(reporter) not in self._found:
            bias = measured(reporter, ask)
            self._found[id(reporter)] = (reporter, SHIFTS if bias >= BIASED else NONE, bias)
        return self._found[id(reporter)][1]

    def told(self) -> dict[str, object]:
        """What was found, for the record of a run."""
        found = list(self._found.values())
        if not found:
            return {"debias": self.debias}
        return {"debias": found[0][1], "bias": round(max(bias for *_, bias in found), 4)}


def measured(reporter: Reporter, ask: Ask) -> float:
    """Mean distance between what is decided of options listed forwards and backwards, from 0 to 1."""
    asked = []
    for request in probes(reporter):
        places = np.arange(len(request.legal))
        asked += [(request, places), (request, places[::-1])]
    answers, apart = ask(asked), []
    for forwards, backwards in zip(answers[::2], answers[1::2], strict=True):
        if forwards is not None and backwards is not None:
            apart.append(distance(forwards, backwards[::-1]))
    return float(np.mean(apart)) if apart else 0.0


def probes(reporter: Reporter) -> list[Request]:
    """Made-up requests, always the same for a problem."""
    rng, count = np.random.default_rng(0), len(reporter.actions)
    requests = []
    for _ in range(PROBES):
        mask = np.zeros(count, np.int8)
        mask[0] = 1
        mask[1 + rng.permutation(count - 1)[: PROBE_OPTIONS - 1]] = 1
        observation = rng.uniform(-1.0, 1.0, len(reporter.layout)).astype(np.float32)
        requests.append(Request(observation, mask, reporter))
    return requests
