"""What a run came to: numbers from the book of requests and from the sums of its rounds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.directives import CLASSES
from sandbox.jobs import DELIVERED as ANSWER_DELIVERED
from sandbox.recording.frames import book_of
from sandbox.state import DELIVERED, MODE_NAMES, NONE, PENDING, REQUEST_KINDS, TIP
from sandbox.world import World

GIGA, JOULES_PER_WH = 1e9, 3600.0


class Metric(NamedTuple):
    """A number of a run: its unit ("1" for none) and what it is."""

    unit: str
    meaning: str


IMAGE_METRICS = {
    "value_delivered": Metric("1", "value on the ground, aged on board"),
    "value_offered": Metric("1", "value of all requests of the episode"),
    "requests": Metric("1", "of the episode, taken or not"),
    "captures": Metric("1", "images taken and kept"),
    "images_delivered": Metric("1", "images on the ground, whole"),
    "downlinked_gbit": Metric("Gbit", "data sent to the ground"),
    "latency_median_min": Metric("min", "from capture to arrival, median"),
    "latency_p90_min": Metric("min", "the same, 90th percentile"),
    "cloudy": Metric("1", "images discarded for cloud"),
    "duplicate": Metric("1", "images that others took first"),
    "denied": Metric("1", "rounds without a free antenna"),
}
"""Reported where the problem is about images."""

ORDER_METRICS = {
    **{f"{kind}_asked": Metric("1", f"orders of kind {kind}") for kind in REQUEST_KINDS},
    **{f"{kind}_completed": Metric("1", "of them on the ground, in time") for kind in REQUEST_KINDS},
    "completion_value": Metric("1", "paid for completed orders"),
}
"""Reported where requests are of several kinds. An order is a single image, a video, a cue, a tip, or all
scenes or looks of an area, a stereo pair or a series, which are whole when all arrived in time."""

DIRECTIVE_METRICS = {
    "priority_value": Metric("1", "paid for images that orders asked for"),
    "breach_cost": Metric("1", "of what orders forbade"),
    "orders_heard": Metric("1", "orders in words heard, each by each satellite"),
    "orders_followed": Metric("1", "share of what known orders asked; none where none did"),
    **{
        f"followed_{name}": Metric("1", f"the same, of orders that are {name}; none without")
        for name in CLASSES
    },
}
"""Reported where the ground writes orders in words. Classes are kinds of orders, those with a condition,
those that correct others, and those that take so many steps of reasoning; NaN where none was tried."""

JOB_METRICS = {
    "value_answered": Metric("1", "value of the answers that arrived, aged"),
    "jobs": Metric("1", "that came into being"),
    "answers": Metric("1", "that arrived in time"),
    "latency_median_s": Metric("s", "from a job's birth to its answer, median"),
    "latency_p90_s": Metric("s", "the same, 90th percentile"),
    "handed": Metric("1", "given to other satellites"),
    "dropped": Metric("1", "jobs given up, or without room"),
    "expired": Metric("1", "jobs not answered in time"),
    "jobs_lost": Metric("1", "jobs lost with their satellite"),
}
"""Reported where jobs are served."""

ROBOT_METRICS = {
    "robots_reached": Metric("1", "missions of robots that reached their victim"),
    "robots_failed": Metric("1", "missions that ended without"),
    "robot_time_s": Metric("s", "of those that reached it, mean"),
    "robot_wh": Metric("Wh", "out of a robot's battery in a mission, mean"),
    "robot_collisions": Metric("1", "in a mission, mean"),
    "robot_answers": Metric("1", "answers brought to robots"),
    "robot_latency_s": Metric("s", "that a robot waited for one, mean"),
}
"""Reported where robots on the ground ask; of missions that were over before the end."""

AVOIDANCE_METRICS = {
    "collisions": Metric("1", "satellites that were hit"),
    "burned_m_s": Metric("m/s", "by all satellites"),
    "share_out_of_slot": Metric("1", "share of the rounds out of the slot"),
    "closest_m": Metric("m", "least distance to what passed"),
    "service": Metric("1", "worth of the time in the slots"),
}
"""Reported where satellites may be hit; `service` only where the problem pays for it."""

BODY_METRICS = {
    "reward": Metric("1", "sum over rounds and satellites"),
    "illegal": Metric("1", "masked decisions, played as no-op"),
    "battery_lowest": Metric("1", "lowest charge in the fleet"),
    "battery_lowest_median": Metric("1", "the same, median of the satellites"),
    "energy_kwh": Metric("kWh", "used by all satellites"),
    "lost_satellites": Metric("1", "with an empty battery, or hit"),
    "satellites": Metric("1", "at the start"),
    "rounds": Metric("1", "decision rounds played"),
    **{f"share_{mode}": Metric("1", f"share of the rounds in mode {mode}") for mode in MODE_NAMES},
}
"""Reported of satellites whatever they are for."""

THOUGHT_METRICS = {
    "decisions": Metric("1", "that were thought about"),
    "thought_s": Metric("s", "per decision, on its own board"),
    "thought_j": Metric("J", "per decision, drawn by its board"),
    "thought_share": Metric("1", "of all the energy used"),
    "prompt_tokens": Metric("1", "read per decision"),
    "output_tokens": Metric("1", "written per decision"),
    "late": Metric("1", "too late to be carried out"),
    "late_share": Metric("1", "of the decisions"),
    "too_hot": Metric("1", "refused by a hot board"),
    "share_thinking": Metric("1", "of the rounds end in thought"),
    "fallbacks": Metric("1", "not taken by the mind itself"),
}
"""Reported where thought was charged."""

ASKED_METRICS = {
    "thoughts_asked": Metric("1", "decisions before which it asked to think"),
    "thoughts_asked_share": Metric("1", "of the decisions of a mind"),
    "thought_changed": Metric("1", "decisions that those thoughts changed"),
    "asked_thought_s": Metric("s", "per decision thought about so, both passes"),
    "asked_thought_j": Metric("J", "per decision thought about so, both passes"),
}
"""Reported where thought was charged and a mind chose when to think."""

CONSULT_METRICS = {
    "consultations": Metric("1", "searches of the onboard planner, asked for"),
    "consult_s": Metric("s", "of boards, for all of them"),
    "consult_j": Metric("J", "drawn by boards, for all of them"),
    "consult_share": Metric("1", "of all the energy used"),
    "plans_followed": Metric("1", "decisions to do what the plan says"),
    "plan_changed": Metric("1", "of them, those that a reflex would not have taken"),
    "plans_void": Metric("1", "plans and searches that ended before their time"),
}
"""Reported where satellites may consult their planner. What that brings shows beside the same episode
without: `python -m experiments value_of_thought`."""

GROUPS = (
    IMAGE_METRICS, ORDER_METRICS, DIRECTIVE_METRICS, JOB_METRICS, ROBOT_METRICS, AVOIDANCE_METRICS,
    BODY_METRICS, THOUGHT_METRICS, ASKED_METRICS, CONSULT_METRICS,
)  # fmt: skip
"""Every metric, in the order in which they are shown."""


@dataclass(frozen=True)
class AskedTotals:
    """Thoughts that minds asked for: arrays (N,)."""

    decisions: NDArray  # of minds that might ask
    asked: NDArray
    changed: NDArray  # decisions that came out otherwise than without the thought
    seconds: NDArray
    joules: NDArray


@dataclass(frozen=True)
class Totals:
    """Sums over the rounds of one run. Arrays are (N,), of M modes (N, M).

    `terms` holds the sum of every number that the problem reports, by name.
    """

    rounds: int
    reward: NDArray
    terms: Mapping[str, NDArray]
    downlinked: NDArray  # bit
    modes: NDArray  # rounds spent in each mode
    lowest_battery: NDArray  # share of the capacity
    alive: NDArray
    energy: NDArray  # J
    closest: NDArray | None = None  # m, least distance to anything that passed; None where nothing may
    thoughts: NDArray | None = None  # decisions that were thought about; None where thought was not charged
    fallbacks: NDArray | None = None  # of those, the ones that the mind itself did not take
    asked: "AskedTotals | None" = None  # of a mind that chose when to think

    def sum(self, term: str) -> float:
        """What `term` came to, over all satellites."""
        return float(self.terms[term].sum())


def metrics_in(world: World, totals: Totals, b: int = 0) -> dict[str, float]:
    """The metrics of the episode that has been played in world `b`, NaN where one has no value.

    Which groups of `GROUPS` there are, and what of them, depends on what the world has and on what its
    problem reports.
    """
    found: dict[str, float] = {}
    if "reward_delivery" in totals.terms:
        found |= image_metrics(book_of(world, b), totals)
        if world.state.requests.part.shape[1]:
            found |= order_metrics(world, b)
    if "reward_breaches" in totals.terms:
        found |= directive_metrics(totals)
    if world.jobs is not None:
        found |= job_metrics(world.jobs.state.book[b], world.jobs.state.ledger[b], totals)
    if "robots_reached" in totals.terms:
        found |= robot_metrics(totals)
    if world.encounters is not None:
        found |= avoidance_metrics(totals)
    found |= body_metrics(totals) | _thought_metrics(totals) | _asked_metrics(totals.asked)
    return found | _consult_metrics(totals)


def image_metrics(book: NDArray, totals: Totals) -> dict[str, float]:
    """The metrics of `IMAGE_METRICS`, without those that the problem does not report.

    Args:
        book: the requests of the episode, records (M,) of dtype `sandbox.state.REQUEST` without padding.
        totals: the sums of its rounds.
    """
    latency = latencies(book) / 60.0
    return {
        **_sums(totals, value_delivered="reward_delivery"),
        "value_offered": float(book["value"].sum()),
        "requests": len(book),
        **_counts(totals, captures="captured", images_delivered="delivered"),
        "downlinked_gbit": float(totals.downlinked.sum()) / GIGA,
        "latency_median_min": _percentile(latency, 50),
        "latency_p90_min": _percentile(latency, 90),
        **_counts(totals, cloudy="cloudy", duplicate="duplicate", denied="denied"),
    }


def order_metrics(world: World, b: int = 0) -> dict[str, float]:
    """The metrics of `ORDER_METRICS` of the episode in world `b`, where requests are of several kinds.

    Also those of all requests, without what never was one: tips that nobody found, and looks of series that
    were still to come.
    """
    requests, now = world.state.requests, float(world.state.clock["time"][b])
    book, part = requests.book[b], requests.part[b]
    campaign = requests.campaign[b][requests.campaign["parts"][b] > 0]
    hidden = (part["kind"] == TIP) & (book["status"] == PENDING)
    offered = (book["release"] <= now) & ~hidden
    alone, arrived = part["campaign"] == NONE, book["status"] == DELIVERED
    begun, done = offered[campaign["first"]], np.isfinite(campaign["completed_at"])
    late = np.unique(part["campaign"][~offered & ~alone])
    whole = np.setdiff1d(np.arange(len(campaign)), late)
    asked = [(alone & offered & (part["kind"] == k)).sum() + (begun & (campaign["kind"] == k)).sum()
             for k in range(len(REQUEST_KINDS))]  # fmt: skip
    completed = [(alone & arrived & (part["kind"] == k)).sum() + (done & (campaign["kind"] == k)).sum()
                 for k in range(len(REQUEST_KINDS))]  # fmt: skip
    return {
        "value_offered": float(book["value"][offered].sum() + campaign["bonus"][whole].sum()),
        "requests": int(offered.sum()),
        **{f"{kind}_asked": int(count) for kind, count in zip(REQUEST_KINDS, asked, strict=True)},
        **{f"{kind}_completed": int(count) for kind, count in zip(REQUEST_KINDS, completed, strict=True)},
        "completion_value": float(campaign["bonus"][done].sum()),
    }


def directive_metrics(totals: Totals) -> dict[str, float]:
    """The metrics of `DIRECTIVE_METRICS`."""
    kept = {name: totals.sum(f"kept_{name}") for name in CLASSES}
    broken = {name: totals.sum(f"broken_{name}") for name in CLASSES}
    steps = [name for name in CLASSES if name.startswith("steps_")]  # each order is in one of these
    followed, asked = sum(kept[name] for name in steps), sum(kept[name] + broken[name] for name in steps)
    return {
        "priority_value": totals.sum("reward_priority"),
        "breach_cost": -totals.sum("reward_breaches"),
        "orders_heard": int(totals.sum("orders_heard")),
        "orders_followed": followed / asked if asked else math.nan,
        **{f"followed_{name}": _share(kept[name], broken[name]) for name in CLASSES},
    }


def _share(part: float, others: float) -> float:
    return part / (part + others) if part + others else math.nan


def job_metrics(book: NDArray, ledger: Any, totals: Totals) -> dict[str, float]:
    """The metrics of `JOB_METRICS`, without those that the problem does not report.

    Args:
        book: the jobs of the episode, records (J,) of dtype `sandbox.jobs.JOB`.
        ledger: what became of them, a record of dtype `sandbox.jobs.LEDGER`.
        totals: the sums of its rounds.
    """
    arrived = book["status"] == ANSWER_DELIVERED
    latency = book["delivered_at"][arrived] - book["release"][arrived]
    return {
        **_sums(totals, value_answered="reward_answers"),
        "jobs": int(ledger["jobs_created"]),
        "answers": int(ledger["jobs_delivered"]),
        "latency_median_s": _percentile(latency, 50),
        "latency_p90_s": _percentile(latency, 90),
        **_counts(totals, handed="handed"),
        **{name: int(ledger[f"jobs_{name}"]) for name in ("dropped", "expired")},
        "jobs_lost": int(ledger["jobs_lost"]),
    }


def robot_metrics(totals: Totals) -> dict[str, float]:
    """The metrics of `ROBOT_METRICS`."""
    names = "robots_reached", "robots_failed", "robot_answers"
    reached, failed, answers = (totals.sum(name) for name in names)

    def mean(name: str, count: float) -> float:
        return totals.sum(name) / count if count else math.nan

    return {
        "robots_reached": round(reached),  # shares of satellites add up to whole missions
        "robots_failed": round(failed),
        "robot_time_s": mean("robot_s", reached),
        "robot_wh": mean("robot_wh", reached + failed),
        "robot_collisions": mean("robot_collisions", reached + failed),
        "robot_answers": round(answers),
        "robot_latency_s": mean("robot_waited_s", answers),
    }


def avoidance_metrics(totals: Totals) -> dict[str, float]:
    """The metrics of `AVOIDANCE_METRICS`, without those that the problem does not report."""
    closest = np.inf if totals.closest is None else float(totals.closest.min())
    rounds = len(totals.reward) * totals.rounds
    outside = _sums(totals, share_out_of_slot="out_of_slot")
    return {
        **_counts(totals, collisions="collided"),
        **_sums(totals, burned_m_s="burned_m_s"),
        **{name: value / rounds for name, value in outside.items()},
        "closest_m": closest if math.isfinite(closest) else math.nan,
        **_sums(totals, service="reward_service"),
    }


def _sums(totals: Totals, **terms: str) -> dict[str, float]:
    """Of terms by the name of their metric, the sums of those that the problem reports."""
    return {name: totals.sum(term) for name, term in terms.items() if term in totals.terms}


def _counts(totals: Totals, **terms: str) -> dict[str, float]:
    """As `_sums`, of what is counted."""
    return {name: int(value) for name, value in _sums(totals, **terms).items()}


def body_metrics(totals: Totals) -> dict[str, float]:
    """Every metric of `BODY_METRICS`."""
    satellites = len(totals.reward)
    shares = totals.modes.sum(axis=0) / (satellites * totals.rounds)
    return {
        "reward": float(totals.reward.sum()),
        "illegal": int(totals.sum("illegal")),
        "battery_lowest": float(totals.lowest_battery.min()),
        "battery_lowest_median": float(np.median(totals.lowest_battery)),
        "energy_kwh": float(totals.energy.sum()) / JOULES_PER_WH / 1e3,
        "lost_satellites": int(satellites - totals.alive.sum()),
        "satellites": satellites,
        "rounds": totals.rounds,
        **{f"share_{mode}": float(share) for mode, share in zip(MODE_NAMES, shares, strict=True)},
    }


def _thought_metrics(totals: Totals) -> dict[str, float]:
    """Every metric of `THOUGHT_METRICS`, or none where thought was not charged."""
    if totals.thoughts is None:
        return {}
    count, joules = int(totals.thoughts.sum()), float(totals.energy.sum())

    def share(name: str) -> float:
        return totals.sum(name) / count if count else math.nan

    return {
        "decisions": count,
        **{name: share(name) for name in ("thought_s", "thought_j", "prompt_tokens", "output_tokens")},
        "thought_share": totals.sum("thought_j") / joules if joules else math.nan,
        "late": int(totals.sum("late")),
        "late_share": share("late"),
        "too_hot": int(totals.sum("too_hot")),
        "share_thinking": totals.sum("thinking") / (len(totals.reward) * totals.rounds),
        "fallbacks": 0 if totals.fallbacks is None else int(totals.fallbacks.sum()),
    }


def _asked_metrics(told: AskedTotals | None) -> dict[str, float]:
    """Every metric of `ASKED_METRICS`, or none where no mind chose when to think."""
    if told is None:
        return {}
    decisions, asked = int(told.decisions.sum()), int(told.asked.sum())
    return {
        "thoughts_asked": asked,
        "thoughts_asked_share": asked / decisions if decisions else math.nan,
        "thought_changed": int(told.changed.sum()),
        "asked_thought_s": float(told.seconds.sum()) / asked if asked else math.nan,
        "asked_thought_j": float(told.joules.sum()) / asked if asked else math.nan,
    }


def _consult_metrics(totals: Totals) -> dict[str, float]:
    """Every metric of `CONSULT_METRICS`, or none where nobody may consult a planner."""
    if "consulted" not in totals.terms:
        return {}
    joules = float(totals.energy.sum())
    return {
        **_counts(totals, consultations="consulted"),
        **_sums(totals, consult_s="consult_s", consult_j="consult_j"),
        "consult_share": totals.sum("consult_j") / joules if joules else math.nan,
        **_counts(totals, plans_followed="followed", plan_changed="plan_changed", plans_void="plan_void"),
    }


def latencies(book: NDArray) -> NDArray[np.float64]:
    """Seconds from capture to arrival of every image of `book` that reached the ground."""
    taken = book["delivered_at"] - book["captured_at"]
    return taken[np.isfinite(taken)]


def _percentile(values: NDArray, share: float) -> float:
    return float(np.percentile(values, share)) if len(values) else math.nan
