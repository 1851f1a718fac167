"""Receding-horizon search by simulation: a plan is changed a little in many copies, and the best goes on.

This is rollout (Bertsekas, "Rollout, Policy Iteration, and Distributed Reinforcement Learning", 2020) with a
local search over the plan that the base policy carries out: every copy of the world follows the incumbent
plan with edits for some satellites to the end of the horizon. As satellites disturb each other little, an
edit is judged by what its own satellite earned; those that paid are joined and tried together, and a plan
becomes the incumbent only for what the fleet earned. The incumbent is always among those tried, so that no
step makes it worse.

What a horizon does not see is what batteries, safe modes and the way to the ground do later. So whole plans
are played to the end of the episode too: when it begins, plans of other kinds and with other numbers
(`begin`), and whenever a plan was improved, what was there before beside it (`settle`). As a copy's future is
the world's, the plan that is followed never promises less than the best one found so far.
"""

from collections.abc import Callable, Sequence
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
SHARED = 0.5
"""Share of the copies in which the whole fleet has other numbers."""
Proposal = Callable[[np.random.Generator, Plan, "Trace | None", int], Change]
"""One change more to try, from a plan, what came of it last, and the rounds that are looked at."""


class Trace(NamedTuple):
    """What one copy came to: H rounds of N satellites."""

    first: int
    """Round of the episode in which it began."""
    actions: NDArray[np.int64]  # (H, N)
    energy: NDArray[np.float64]  # (H, N) J, before each round: by this it is known again
    shown: NDArray[np.int32]  # (H, N, K) what there was to choose from, -1 for nothing


class Tried:
    """What the plans that were tried for one world came to, by what each satellite does in each round.

    `worth` (T, N, A) is the most that a satellite earned in a plan in which it takes a decision in a round,
    -inf where it does so in none; `own` (N,) what each earns in the best plan; `fleet` what all earn in it,
    and `before` in the plan that was there first.
    """

    def __init__(self, rounds: int, satellites: int, actions: int) -> None:
        self.worth = np.full((rounds, satellites, actions), -np.inf, np.float32)
        self.own, self.fleet, self.before = np.zeros(satellites), -np.inf, -np.inf

    def note(self, actions: NDArray[np.int64], scores: NDArray[np.float64]) -> None:
        """Copies that played `actions` (H, W, N), and earned `scores` (W, N)."""
        rounds, satellites, _ = self.worth.shape
        place = np.arange(rounds)[:, None], np.arange(satellites)
        for w, score in enumerate(scores):
            did = (*place, actions[:rounds, w])
            self.worth[did] = np.maximum(self.worth[did], score)

    def settled(self, scores: NDArray[np.float64]) -> None:
        """The best plan so far earns `scores` (N,)."""
        self.own, self.fleet = scores.copy(), float(scores.sum())


class Base(Protocol):
    """A policy that carries out plans in all copies."""

    def blank(self) -> Plan:
        """The plan that leaves everything to the policy."""

    def starts(self) -> Sequence[Change]:
        """Changes of the blank plan that compete with it when an episode begins."""

    def follow(self, plan: Plan) -> None:
        """Follow these plans (W, N, ...) from now on."""

    def act(self, round_: int | NDArray[np.int64]) -> NDArray[np.int64]:
        """Actions (W, N) in a round of the episode, or in that of each copy (W,)."""

    def shown(self) -> NDArray[np.int32]:
        """Requests or jobs (W, N, K) that there are to choose from now, -1 for none."""

    def left(self) -> NDArray[np.float64]:
        """What is still to be earned (W, N) by what was done."""

    def change(self, rng: np.random.Generator, trace: Trace, rounds: int, n: int) -> Sequence[Edit]:
        """Something else for satellite n, or ALL, to try within the first rounds of a trace."""

    def vary(self, rng: np.random.Generator, plan: Plan, n: int) -> Sequence[Edit]:
        """Other numbers of a plan (N, ...) for satellite n, or ALL: what tells in the long run."""


class Search:
    """Improves plans for the world that `simulator` copies.

    `horizon` rounds are looked ahead, edits are made within the first `span`; `tries` times all copies run.
    To the end of the episode they run `first` times when it begins, and `again` times for every plan.
    """

    def __init__(
        self, simulator: Simulator, base: Base, horizon: int, span: int, tries: int, first: int, again: int
    ) -> None:
        self.simulator, self.base = simulator, base
        self.horizon, self.span, self.tries = horizon, span, tries
        self.first, self.again = first, again
        self.tried: Tried | None = None
        """What the last step of the search compared."""

    def begin(self, b: int, done: int, rounds: int, starts: Sequence[Change]) -> Plan:
        """Of the blank plan, its changes `starts` and what else comes of their numbers, what earns most in
        world b to the end of the episode."""
        tried = [{}, *starts]
        scores = []
        for k in range(0, len(tried), self.simulator.copies):
            some = tried[k : k + self.simulator.copies] + [{}] * self.simulator.copies
            found, _ = self._run(b, _edited(self.base.blank(), some[: self.simulator.copies]), done, rounds)
            scores += found.sum(axis=1).tolist()
        best = _changed(self.base.blank(), tried[int(np.argmax(scores[: len(tried)]))])
        return self._climb(b, best, done, rounds, self.first, [], self._other)[0]

    def improve(
        self, b: int, plan: Plan, done: int, rounds: int, others: Sequence[Change] = ()
    ) -> tuple[Plan, Trace, float]:
        """The best plan found for world b with `rounds` to go after `done`: plan, trace, what it earns.

        `others` are changes of the plan to be tried first. No more than the horizon is looked at.
        """
        return self._climb(b, plan, done, min(rounds, self.horizon), self.tries, others, self._some)

    def settle(self, b: int, plan: Plan, better: Plan, done: int, rounds: int) -> tuple[Plan, Trace, float]:
        """What earns most in world b in all `rounds` to go: `plan`, one that is `better` within the horizon,
        what some satellites do in the one and some in the other, or what other numbers make of that."""
        rng = np.random.default_rng((done, 1))
        change = _difference(plan, better)
        mixed = [{n: change[n] for n in change if rng.random() < 0.5} for _ in range(JOINED // 2)]
        queue = [each for each in (change, *mixed) if each]
        return self._climb(b, plan, done, rounds, self.again, queue, self._other)

    def _climb(
        self, b: int, plan: Plan, done: int, rounds: int, tries: int, others: Sequence[Change], more: Proposal
    ) -> tuple[Plan, Trace, float]:
        """Run all copies `tries` times over `rounds`: with `others`, with what paid, and with `more`."""
        rng, copies = np.random.default_rng(done), self.simulator.copies
        best, trace = -np.inf, None
        noted = Tried(min(self.span, rounds), self.simulator.satellites, len(self.simulator.actions))
        queue: list[Change] = [{}, *others]
        for _ in range(tries):
            while len(queue) < copies:
                queue.append(more(rng, plan, trace, rounds))
            tried = queue[:copies]
            scores, run = self._run(b, _edited(plan, tried), done, rounds)
            top = int(scores.sum(axis=1).argmax())
            noted.note(run.actions, scores)
            if trace is None:
                noted.before = float(scores[0].sum())
            if scores[top].sum() > best:
                best, trace = float(scores[top].sum()), _of(run, top)
                noted.settled(scores[top])
            # the incumbent is run again beside its changes: a gain is the difference to the same future, and
            # the best of the copies, itself among them, is never worse
            queue = [{}, *_joined(rng, tried, scores, top)]
            plan = _changed(plan, tried[top])
        assert trace is not None
        self.tried = noted
        return plan, trace, best

    def _other(self, rng: np.random.Generator, plan: Plan, trace: Trace | None, rounds: int) -> Change:
        """Other numbers, for the whole fleet or for some of it."""
        if rng.random() < SHARED:
            return {ALL: list(self.base.vary(rng, plan, ALL))}
        return {n: list(self.base.vary(rng, plan, n)) for n in self._chosen(rng)}

    def _chosen(self, rng: np.random.Generator) -> list[int]:
        fleet = self.simulator.satellites
        return rng.choice(fleet, max(1, round(float(rng.choice(SHARES)) * fleet)), replace=False).tolist()

    def _some(self, rng: np.random.Generator, plan: Plan, trace: Trace | None, rounds: int) -> Change:
        """Other actions within the span, where there is a trace that says what there is to do."""
        span = min(self.span, rounds)
        if trace is None:
            return {}
        if rng.random() < 0.05:  # a number that all are wrong about is not found one satellite at a time
            return {ALL: list(self.base.change(rng, trace, span, ALL))}
        return {
            n: [e for _ in range(int(rng.integers(1, 3))) for e in self.base.change(rng, trace, span, n)]
            for n in self._chosen(rng)
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


def _changed(plan: Plan, change: Change) -> Plan:
    """The plan (N, ...) with a change."""
    return {name: part[0] for name, part in _edited(plan, [change]).items()}


def _difference(plan: Plan, other: Plan) -> Change:
    """The edits by satellite that make of a plan the other one."""
    change: Change = {}
    for name, part in other.items():
        differs = (part != plan[name]).reshape(len(part), -1).any(axis=1)
        for n in np.flatnonzero(differs).tolist():
            change.setdefault(n, []).append((name, (n,), part[n]))
    return change


def _joined(
    rng: np.random.Generator, tried: Sequence[Change], scores: NDArray[np.float64], top: int
) -> list[Change]:
    """The edits that paid, one of each satellite, joined: all of them, the better half, any half."""
    # copy 0 is the incumbent; a satellite's own gain is used, since those far from it hardly change
    gains = scores - scores[0]
    found: dict[int, tuple[float, list[Edit]]] = {}
    for w, change in enumerate(tried):
        for n, edits in change.items():
            gain = _gain(gains[w], n)
            settled = w == top or (n in tried[top] and _gain(gains[top], n) > 0.0)
            if gain > max(1e-6, found.get(n, (0.0,))[0]) and not settled:
                found[n] = gain, edits
    order = sorted(found, key=lambda n: -found[n][0])
    # gains of one satellite can exclude each other (both want one request), so smaller unions are tried too
    sets = [order, order[: len(order) // 2], order[: len(order) // 4], order[:1]]
    sets += [[n for n in order if rng.random() < 0.5] for _ in range(JOINED - len(sets))]
    return [{n: found[n][1] for n in some} for some in sets if some]


def _gain(gains: NDArray[np.float64], n: int) -> float:
    """Of the gains (N,) in a copy that of satellite n, or of ALL."""
    return float(gains.sum() if n == ALL else gains[n])
