"""What a satellite of autonomy_v0 sees and may do, put together from the other problems' declarations."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from envs import avoidance_v0, offloading_v0, tasking_v0
from envs.features import Feature, Layout
from sandbox.jobs import DECISIONS
from sandbox.lasers import TERMINALS
from sandbox.maneuvers import FORWARD_SMALL, RETURN
from sandbox.scenario import Scenario

ORDERS, HEALTH, MOST = "Standing orders", "Health", 3600.0
POINTINGS = ("idle", "charge", "downlink")
KEEP, FIRST_OBSERVE = 0, 4
BURNS = avoidance_v0.ACTIONS[FORWARD_SMALL:]
POINTED = (
    "keep the camera to nadir",
    "turn the panel to the Sun",
    "send to the ground station in view: answers, raw questions, then images",
)
SERVED = (
    "let every job wait",
    "answer every job here with the small model",
    "answer every job here with the large model",
    *(f"hand every job to neighbour {k}" for k in range(1, TERMINALS + 1)),
    "hand every job to the training satellite",
    "send every job raw to the ground, to be answered there",
    "give every job up",
)
WORK_NAMES = ("inbox", "backlog", "answers", "raw", "large_missing")
SLOT_NAMES = ("fuel", "offset", "drift", "warnings")
ORDER_FEATURES = (
    *(
        Feature(f"order_{name}", "1", 0, 1, f"{phrase}", ORDERS, silent_at=0)
        for name, phrase in (*zip(POINTINGS, POINTED, strict=True), ("observe", "image a request"))
    ),
    *(
        Feature(f"order_{name}", "1", 0, 1, phrase, ORDERS, silent_at=0)
        for name, phrase in zip(DECISIONS, SERVED, strict=True)
    ),
)
HEALTH_FEATURES = (
    Feature("safe_mode", "1", 0, 1, "in safe mode", HEALTH, silent_at=0),
    Feature("board_reset", "s", 0, 600, "the boards are back in {:.0f} s", HEALTH, silent_at=0),
    Feature("weights_fault", "1", 0, 1, "the model's weights are corrupted", HEALTH, silent_at=0,
            warn_above=0.5),
)  # fmt: skip
AGE_FEATURE = Feature("age", "s", 0, MOST, "heard {:.0f} s ago")
NEIGHBOUR_SIZE = len(offloading_v0.NEIGHBOUR_FEATURES) + 1


class Places(NamedTuple):
    """Where each part of an observation begins."""

    work: int
    slot: int
    orders: int
    health: int
    requests: int
    job: int
    neighbours: int
    training: int
    warnings: int


def layout(scenario: Scenario, candidates: int, warned: int, message_size: int) -> tuple[Layout, Places]:
    """The features of an observation, ranged as in the scenario, and where its parts stand."""
    tasking = tasking_v0.layout(scenario, candidates).features
    jobs = _named(offloading_v0.layout(scenario).features)
    warnings = avoidance_v0.layout(scenario, warned).features
    parts = (
        tasking[: tasking_v0.OWN_SIZE],
        [jobs[name] for name in WORK_NAMES],
        [_named(warnings)[name] for name in SLOT_NAMES],
        ORDER_FEATURES,
        HEALTH_FEATURES,
        tasking[tasking_v0.OWN_SIZE :],
        [jobs[feature.name] for feature in offloading_v0.JOB_FEATURES],
        [f for k in range(1, TERMINALS + 1) for f in _neighbour(jobs, k, message_size)],
        offloading_v0.TRAINING_FEATURES,
        warnings[avoidance_v0.OWN_SIZE :],
    )
    begins = [sum(len(part) for part in parts[:i]) for i in range(1, len(parts))]
    return Layout([feature for part in parts for feature in part]), Places(*begins)


def _named(features: Iterable[Feature]) -> dict[str, Feature]:
    return {feature.name: feature for feature in features}


def _neighbour(jobs: dict[str, Feature], k: int, message_size: int) -> list[Feature]:
    known = [jobs[f"neighbour_{k}_{feature.name}"] for feature in offloading_v0.NEIGHBOUR_FEATURES]
    age = replace(AGE_FEATURE, name=f"neighbour_{k}_age", topic=known[0].topic)
    said = [
        Feature(
            f"neighbour_{k}_message_{i}", "1", -1, 1, f"message {i}: {{:.2f}}", known[0].topic, silent_at=0
        )
        for i in range(1, message_size + 1)
    ]
    return [*known, age, *said]


def actions(candidates: int) -> tuple[str, ...]:
    """The labels, by number."""
    asks = (f"observe_{k}" for k in range(1, candidates + 1))
    return ("keep", *POINTINGS, *asks, *DECISIONS, *BURNS, "reload")


def phrases(candidates: int, small_m_s: float, large_m_s: float) -> tuple[str, ...]:
    """What each action does, in words."""
    asks = (f"turn to request {k} and image it" for k in range(1, candidates + 1))
    burns = avoidance_v0.burn_phrases(small_m_s, large_m_s)[FORWARD_SMALL : RETURN + 1]
    return ("change nothing", *POINTED, *asks, *SERVED, *burns, "load the model's weights anew")
