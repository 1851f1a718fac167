"""Whether a model decides by place and letter: made-up reports, each listed forwards and backwards."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agents.qwen.decisions import Request
from agents.qwen.on_demand import has_label
from agents.qwen.orders import (
    AUTO,
    BIASED,
    EACH,
    NONE,
    PROBE_OPTIONS,
    PROBES,
    SHIFTS,
    Orders,
    agreed,
    distance,
)
from envs.reports import Reporter

Ask = Callable[[Sequence[tuple[Request, NDArray[np.int64]]]], list[NDArray[np.float64] | None]]
"""Decides requests with their options listed in an order: probabilities (L,) by place, or None."""
Judge = Callable[[Sequence[Request]], list[NDArray[np.float64] | None]]
"""Decides requests with each option proposed by itself: probabilities (L,), or None."""
LEAST_LOG = -30.0
LEAST_APART = 1e-6
"""Distance below which two distributions are the same."""


class BiasTest:
    """What is done about bias for each reporter, once `ask` has shown how much there is.

    Where there is some and `judge` can propose options one by one, that is done which agrees better with what
    the problem says that decisions are expected to pay. The test is made before the mission, on the ground:
    nobody is charged for it.
    """

    def __init__(self, debias: str, think: str = "") -> None:
        self.debias, self._think = debias, think
        self._found: dict[int, tuple[Reporter, str, float]] = {}
        self._agreement: dict[str, float] = {}

    def way(self, reporter: Reporter, ask: Ask, judge: Judge | None = None) -> str:
        """The correction for reports of `reporter`: what was asked for, or with "auto" what is needed."""
        if self.debias != AUTO:
            return self.debias
        if id(reporter) not in self._found:
            bias = measured(reporter, ask, self._think)
            way = NONE if bias < BIASED else self._remedy(reporter, ask, judge)
            self._found[id(reporter)] = (reporter, way, bias)
        return self._found[id(reporter)][1]

    def _remedy(self, reporter: Reporter, ask: Ask, judge: Judge | None) -> str:
        """The correction that agrees better with what decisions are expected to pay."""
        if judge is None or not reporter.estimates:
            return SHIFTS
        requests = probes(reporter)
        found = judge(requests)
        if all(each is None for each in found):
            return SHIFTS
        self._agreement = {
            EACH: agreement(requests, found),
            SHIFTS: agreement(requests, _shifted(requests, ask)),
        }
        return max(self._agreement, key=lambda way: self._agreement[way])

    def told(self) -> dict[str, object]:
        """What was found, for the record of a run."""
        found = list(self._found.values())
        if not found:
            return {"debias": self.debias}
        told = {"debias": found[0][1], "bias": round(max(bias for *_, bias in found), 4)}
        agreed_with = {way: round(share, 4) for way, share in self._agreement.items()}
        return told | ({"agreement": agreed_with} if agreed_with else {})


def measured(reporter: Reporter, ask: Ask, think: str = "") -> float:
    """How far apart are what is decided of options listed forwards and backwards, from 0 to 1.

    The mean distance of the probabilities, or the share of requests whose likeliest option changes, whichever
    is more: of a model that hardly tells options apart the place decides all the same.
    """
    asked = []
    for request in probes(reporter, think):
        places = np.arange(len(request.options))
        asked += [(request, places), (request, places[::-1])]
    answers, apart, changed = ask(asked), [], []
    for forwards, backwards in zip(answers[::2], answers[1::2], strict=True):
        if forwards is not None and backwards is not None:
            apart.append(distance(forwards, backwards[::-1]))
            changed.append(forwards.argmax() != backwards[::-1].argmax() and apart[-1] > LEAST_APART)
    return float(max(np.mean(apart), np.mean(changed))) if apart else 0.0


def agreement(requests: Sequence[Request], found: Sequence[NDArray[np.float64] | None]) -> float:
    """What the likeliest of the options is expected to pay, from 0 (the least that any would) to 1."""
    shares = []
    for request, probabilities in zip(requests, found, strict=True):
        worths = np.array(request.reporter.worths(request.observation, request.legal))
        spread = float(np.ptp(worths))
        if probabilities is not None and spread > 0.0:
            shares.append(float(worths[int(probabilities.argmax())] - worths.min()) / spread)
        elif spread > 0.0:
            shares.append(0.0)
    return float(np.mean(shares)) if shares else 0.0


def _shifted(requests: Sequence[Request], ask: Ask) -> list[NDArray[np.float64] | None]:
    """What is decided in several orders."""
    orders = [Orders(0).of(len(request.legal)) for request in requests]
    answers = iter(ask([(r, order) for r, each in zip(requests, orders, strict=True) for order in each]))
    found: list[NDArray[np.float64] | None] = []
    for each in orders:
        rows = [next(answers) for _ in each]
        told = [(row, order) for row, order in zip(rows, each, strict=True) if row is not None]
        if not told:
            found.append(None)
            continue
        logs = [np.log(np.maximum(row, np.exp(LEAST_LOG))) for row, _ in told]
        found.append(agreed(logs, [order for _, order in told]))
    return found


def probes(reporter: Reporter, think: str = "") -> list[Request]:
    """Made-up requests, always the same for a problem. In every third all actions are legal: a model that
    chooses well among a few may be lost among many."""
    rng, count = np.random.default_rng(0), len(reporter.actions)
    requests = []
    for k in range(PROBES):
        mask = np.zeros(count, np.int8)
        mask[0] = 1
        options = count if k % 3 == 2 else PROBE_OPTIONS
        mask[1 + rng.permutation(count - 1)[: options - 1]] = 1
        observation = rng.uniform(-1.0, 1.0, len(reporter.layout)).astype(np.float32)
        request = Request(observation, mask, reporter, think=think)
        requests.append(request if has_label(request) else replace(request, think=""))
    return requests
