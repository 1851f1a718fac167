"""Receding-horizon search by simulation: a plan is changed a little in many copies, and the best goes on.

This is rollout (Bertsekas, "Rollout, Policy Iteration, and Distributed Reinforcement Learning", 2020) with a
local search over the plan that the base policy carries out: every copy of the world follows the incumbent
plan with a few edits to the end of the horizon; edits that pay are joined and tried together. The incumbent
is always among those tried, so that no step makes it worse.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from agents.planner.simulator import Simulator

Genes = dict[str, NDArray]
"""A plan by its parts: arrays (N, ...), or (W, N, ...) for every copy."""
Edit = tuple[str, tuple[Any, ...], float]
"""A part of the plan, a place in it, and what stands there from now on."""


class Trace(NamedTuple):
    """What one copy came to: H rounds of N satellites."""

    first: int
    """Round of the episode in which it began."""
    actions: NDArray[np.int64]  # (H, N)
    energy: NDArray[np.float64]  # (H, N) J, before each round: by this it is known again
    shown: NDArray[np.int32]  # (H, N, K) requests, -1 for none


class Base(Protocol):
    """A policy that carries out plans in all copies."""

    def blank(self) -> Genes:
        """The plan that leaves everything to the policy."""

    def heed(self, genes: Genes) -> None:
        """Follow these plans (W, N, ...) from now on."""

    def act(self, round_: int) -> NDArray[np.int64]:
        """Actions (W, N) in a round of the episode."""

    def left(self) -> NDArray[np.float64]:
        """What is still to be earned (W,) by what was done."""

    def change(self, rng: np.random.Generator, trace: Trace, rounds: int) -> Sequence[Edit]:
        """Something else to try within the first rounds of a trace."""


class Search:
    """Improves plans for the world that `simulator` copies.

    `horizon` rounds are looked ahead, edits are made within the first `span`; `tries` times all copies run.
    """

    def __init__(self, simulator: Simulator, base: Base, horizon: int, span: int, tries: int) -> None:
        self.simulator, self.base = simulator, base
        self.horizon, self.span, self.tries = horizon, span, tries

    def improve(
        self, b: int, genes: Genes, done: int, rounds: int, others: Sequence[Sequence[Edit]] = ()
    ) -> tuple[Genes, Trace, float]:
        """The best plan found for world b with `rounds` to go after `done`: plan, trace, what it earns.

        `others` are changes of the plan to be tried first.
        """
        rng, copies = np.random.default_rng(done), self.simulator.copies
        rounds = min(rounds, self.horizon)
        best, trace = -np.inf, None
        queue: list[Sequence[Edit]] = [(), *others]
        for _ in range(self.tries):
            while trace is not None and len(queue) < copies:
                queue.append(self._some(rng, trace, rounds))
            tried = (queue + [()] * copies)[:copies]
            scores, run = self._run(b, _edited(genes, tried, copies), done, rounds)
            top = int(scores.argmax())
            before = scores[0]
            if scores[top] > best:
                best, trace = float(scores[top]), _of(run, top)
            queue = [(), *_joined(tried, scores, before, top)]
            genes = _edited(genes, [tried[top]], 1, squeeze=True)
        assert trace is not None
        return genes, trace, best

    def _some(self, rng: np.random.Generator, trace: Trace, rounds: int) -> list[Edit]:
        span = min(self.span, rounds)
        return [e for _ in range(int(rng.integers(1, 4))) for e in self.base.change(rng, trace, span)]

    def _run(self, b: int, genes: Genes, done: int, rounds: int) -> tuple[NDArray[np.float64], Trace]:
        simulator, state = self.simulator, self.simulator.world.state
        simulator.load(b)
        self.base.heed(genes)
        team = rounds, simulator.copies, simulator.satellites
        actions, energy = np.zeros(team, np.int64), np.zeros(team)
        shown = np.zeros((*team, simulator.world.shown), np.int32)
        score = np.zeros(simulator.copies)
        for t in range(rounds):
            energy[t], shown[t] = state.power["energy"], state.opportunities["request"]
            actions[t] = self.base.act(done + t)
            score += simulator.step(actions[t])
        return score + self.base.left(), Trace(done, actions, energy, shown)


def _of(run: Trace, w: int) -> Trace:
    return Trace(run.first, *(part[:, w].copy() for part in run[1:]))


def _edited(genes: Genes, tried: Sequence[Sequence[Edit]], copies: int, squeeze: bool = False) -> Genes:
    """The plan with its edits, once for every copy."""
    if squeeze:
        for name, place, value in tried[0]:
            genes[name][place] = value
        return genes
    many = {name: np.repeat(part[None], copies, axis=0) for name, part in genes.items()}
    for w, edits in enumerate(tried):
        for name, place, value in edits:
            many[name][(w, *place)] = value
    return many


def _joined(
    tried: Sequence[Sequence[Edit]], scores: NDArray, before: float, top: int
) -> list[list[Edit]]:
    """The changes that paid beside the best, joined: the next best, the next two, and so on."""
    order = [int(w) for w in np.argsort(-scores) if scores[w] > before + 1e-6 and w != top]
    joined: list[list[Edit]] = []
    for w in order[:8]:
        joined.append([*(joined[-1] if joined else ()), *tried[w]])
    return joined
