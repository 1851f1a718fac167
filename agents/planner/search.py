"""Receding-horizon search by simulation: a plan is changed a little in many copies, and the best goes on.

This is rollout (Bertsekas, "Rollout, Policy Iteration, and Distributed Reinforcement Learning", 2020) with a
local search over the plan that the base policy carries out: every copy of the world follows the incumbent
plan with edits for some satellites to the end of the horizon. As satellites disturb each other little, an
edit is judged by what its own satellite earned; those that paid are joined and tried together, and a plan
becomes the incumbent only for what the fleet earned. The incumbent is always among those tried, so that no
step makes it worse.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from agents.planner.simulator import Simulator

Plan = dict[str, NDArray]
"""A plan by its parts: arrays (N, ...), or (W, N, ...) for every copy."""
Edit = tuple[str, tuple[Any, ...], float | NDArray]
"""A part of the plan, a place in it, and what stands there from now on."""
Change = dict[int, list[Edit]]
"""Edits by satellite, ALL for the fleet."""
ALL = -1
SHARES = (0.05, 0.15, 0.3)
"""Shares of the fleet changed in one copy: few satellites keep their gains apart, many find more of them."""
JOINED = 10
"""Copies in which edits that paid are tried together."""


class Trace(NamedTuple):
    """What one copy came to: H rounds of N satellites."""

    first: int
    """Round of the episode in which it began."""
    actions: NDArray[np.int64]  # (H, N)
    energy: NDArray[np.float64]  # (H, N) J, before each round: by this it is known again
    shown: NDArray[np.int32]  # (H, N, K) what there was to choose from, -1 for nothing


class Base(Protocol):
    """A policy that carries out plans in all copies."""

    def blank(self) -> Plan:
        """The plan that leaves everything to the policy."""

    def starts(self) -> Sequence[Change]:
        """Changes of the blank plan that compete with it when an episode begins."""

    def follow(self, plan: Plan) -> None:
        """Follow these plans (W, N, ...) from now on."""

    def act(self, round_: int) -> NDArray[np.int64]:
        """Actions (W, N) in a round of the episode."""

    def shown(self) -> NDArray[np.int32]:
        """Requests or jobs (W, N, K) that there are to choose from now, -1 for none."""

    def left(self) -> NDArray[np.float64]:
        """What is still to be earned (W, N) by what was done."""

    def change(self, rng: np.random.Generator, trace: Trace, rounds: int, n: int) -> Sequence[Edit]:
        """Something else for satellite n, or ALL, to try within the first rounds of a trace."""


class Search:
    """Improves plans for the world that `simulator` copies.

    `horizon` rounds are looked ahead, edits are made within the first `span`; `tries` times all copies run.
    """

    def __init__(self, simulator: Simulator, base: Base, horizon: int, span: int, tries: int) -> None:
        self.simulator, self.base = simulator, base
        self.horizon, self.span, self.tries = horizon, span, tries

    def begin(self, b: int, done: int, rounds: int, starts: Sequence[Change]) -> Plan:
        """Of the blank plan and its changes `starts`, what earns most in world b to the end of the episode.

        Only so far ahead is it seen what a plan does to the batteries; so whole plans compete only here.
        """
        tried = [{}, *starts]
        scores = []
        for k in range(0, len(tried), self.simulator.copies):
            some = tried[k : k + self.simulator.copies] + [{}] * self.simulator.copies
            found, _ = self._run(b, _edited(self.base.blank(), some[: self.simulator.copies]), done, rounds)
            scores += found.sum(axis=1).tolist()
        best = tried[int(np.argmax(scores[: len(tried)]))]
        return {name: part[0] for name, part in _edited(self.base.blank(), [best]).items()}

    def improve(
        self, b: int, plan: Plan, done: int, rounds: int, others: Sequence[Change] = ()
    ) -> tuple[Plan, Trace, float]:
        """The best plan found for world b with `rounds` to go after `done`: plan, trace, what it earns.

        `others` are changes of the plan to be tried first.
        """
        rng, copies = np.random.default_rng(done), self.simulator.copies
        rounds = min(rounds, self.horizon)
        best, trace = -np.inf, None
        queue: list[Change] = [{}, *others]
        for _ in range(self.tries):
            while trace is not None and len(queue) < copies:
                queue.append(self._some(rng, trace, rounds))
            tried = (queue + [{}] * copies)[:copies]
            scores, run = self._run(b, _edited(plan, tried), done, rounds)
            top = int(scores.sum(axis=1).argmax())
            if scores[top].sum() > best:
                best, trace = float(scores[top].sum()), _of(run, top)
            # the incumbent is run again beside its changes: a gain is the difference to the same future, and
            # the best of the copies, itself among them, is never worse
            queue = [{}, *_joined(rng, tried, scores, top)]
            plan = {name: part[0] for name, part in _edited(plan, [tried[top]]).items()}
        assert trace is not None
        return plan, trace, best

    def _some(self, rng: np.random.Generator, trace: Trace, rounds: int) -> Change:
        span, fleet = min(self.span, rounds), self.simulator.satellites
        if rng.random() < 0.05:  # a number that all are wrong about is not found one satellite at a time
            return {ALL: list(self.base.change(rng, trace, span, ALL))}
        who = rng.choice(fleet, max(1, round(float(rng.choice(SHARES)) * fleet)), replace=False)
        return {
            int(n): [
                e for _ in range(int(rng.integers(1, 3))) for e in self.base.change(rng, trace, span, int(n))
            ]
            for n in who
        }

    def _run(self, b: int, plan: Plan, done: int, rounds: int) -> tuple[NDArray[np.float64], Trace]:
        simulator, state = self.simulator, self.simulator.world.state
        simulator.load(b)
        self.base.follow(plan)
        team = rounds, simulator.copies, simulator.satellites
        actions, energy = np.zeros(team, np.int64), np.zeros(team)
        shown = np.zeros((*team, self.base.shown().shape[-1]), np.int32)
        score = np.zeros(team[1:])
        for t in range(rounds):
            energy[t], shown[t] = state.power["energy"], self.base.shown()
            actions[t] = self.base.act(done + t)
            simulator.step(actions[t])
            score += simulator.reward
        return score + self.base.left(), Trace(done, actions, energy, shown)


def _of(run: Trace, w: int) -> Trace:
    return Trace(run.first, run.actions[:, w].copy(), run.energy[:, w].copy(), run.shown[:, w].copy())


def _edited(plan: Plan, tried: Sequence[Change]) -> Plan:
    """The plan with its edits, once for every copy."""
    many = {name: np.repeat(part[None], len(tried), axis=0) for name, part in plan.items()}
    for w, change in enumerate(tried):
        for edits in change.values():
            for name, place, value in edits:
                many[name][(w, *place)] = value
    return many


def _joined(
    rng: np.random.Generator, tried: Sequence[Change], scores: NDArray[np.float64], top: int
) -> list[Change]:
    """The edits that paid, one of each satellite, joined: all of them, the better half, any half."""
    # copy 0 is the incumbent; a satellite's own gain is used, since those far from it hardly change
    gains = scores - scores[0]
    found: dict[int, tuple[float, list[Edit]]] = {}
    for w, change in enumerate(tried):
        for n, edits in change.items():
            gain = float(gains[w].sum() if n == ALL else gains[w, n])
            settled = w == top or (n in tried[top] and gains[top, n] > 0.0)
            if gain > max(1e-6, found.get(n, (0.0,))[0]) and not settled:
                found[n] = gain, edits
    order = sorted(found, key=lambda n: -found[n][0])
    # gains of one satellite can exclude each other (both want one request), so smaller unions are tried too
    sets = [order, order[: len(order) // 2], order[: len(order) // 4], order[:1]]
    sets += [[n for n in order if rng.random() < 0.5] for _ in range(JOINED - len(sets))]
    return [{n: found[n][1] for n in some} for some in sets if some]
