"""What a decision is expected to pay, estimated on board from what the satellite sees, for a mind that reads.

The estimates are those of one decision by itself, in the unit of the reward, by the declared prices: small
models cannot multiply a value by a chance, and a number that stands beside a decision they can compare. What
is not seen reads as 0. Where orders stand, a decision is worth what it brings beyond the order that it
replaces.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from sandbox.jobs import DECISIONS
from sandbox.scenario import Scenario

RESERVE = 30.0
"""Percent of battery below which a satellite is taken to be in danger, in proportion; twice what safe mode
leaves in the shipped scenarios, and what our heuristics keep."""
FULL_BATTERY = 1.0
"""What the energy of a whole battery is taken to be worth while there is sunlight to fill it."""
PUT_OFF = ("defer", "drop")
"""Rules by which nobody answers."""
HOUR, DAY, MIN = 3600.0, 86_400.0, 60.0


class Seen(dict[str, float]):
    """Features by name, in their units; 0 for what is not seen."""

    def __missing__(self, name: str) -> float:
        return 0.0


Prospect = Callable[[Mapping[str, float]], float]
"""What an action is expected to pay, by what is `Seen`."""


class Prices(NamedTuple):
    """What estimates need to know of a problem beside what is seen."""

    image: float
    """Mean value of a request."""
    image_half_life: float  # min
    answer: float
    """Mean value of an answer."""
    loss: float
    """Of a satellite."""
    fuel: float  # per m/s
    slot: float
    """Of a day out of the slot."""
    slot_km: float
    job: Mapping[str, float]
    """A usual job: features of the one at hand, where there is none."""
    usual: float
    """What is usually paid for a thing done, by which others are called good or poor."""


def nothing(seen: Mapping[str, float]) -> float:
    """What changes nothing brings nothing."""
    return 0.0


def image(seen: Mapping[str, float], k: int) -> float:
    """The value of request `k` times the chance of a clear view; shared with those who would be first.

    To the value belongs a share of what completing its order pays, one for each image that is missing.
    """
    if seen[f"request_{k}_present"] < 0.5:
        return 0.0
    clear = 1.0 - seen[f"request_{k}_cloud"] / 100.0
    completion = seen[f"request_{k}_completion"] / max(1.0, seen[f"request_{k}_missing"])
    return (seen[f"request_{k}_value"] + completion) * clear / (1.0 + seen[f"request_{k}_earlier"])


def sending(seen: Mapping[str, float], prices: Prices) -> float:
    """What waits on board, at mean values, as far as it can be sent in the round to come."""
    gbit = 1e-3 * seen["station_rate"] * seen["station_seconds"]
    if gbit <= 0.0:
        return 0.0
    images = seen["images"] * prices.image * _halved(seen["oldest_image"], prices.image_half_life)
    waiting = seen["stored"] + seen["raw"]
    share = min(1.0, gbit / waiting) if waiting > 0.0 else 1.0
    return images * share + seen["answers"] * prices.answer


def charging(seen: Mapping[str, float], prices: Prices) -> float:
    """The energy that is missing, and of a low battery the share of a lost satellite."""
    danger = max(0.0, RESERVE - seen["battery"]) / RESERVE
    missing = (100.0 - seen["battery"]) / 100.0 if seen["sunlight"] > 0.0 else 0.0
    return FULL_BATTERY * missing + prices.loss * danger


def pointed(seen: Mapping[str, float], prices: Prices) -> float:
    """What the pointing is worth that stands; of one that images, the best of what is there to image."""
    if seen["order_charge"] > 0.5:
        return charging(seen, prices)
    if seen["order_downlink"] > 0.5:
        return sending(seen, prices)
    if seen["order_observe"] > 0.5:
        shown = (name.split("_")[1] for name in seen if name.startswith("request_"))
        return max((image(seen, int(k)) for k in sorted(set(shown))), default=0.0)
    return 0.0


def answer(seen: Mapping[str, float], rule: str) -> float:
    """What the first job is worth if it is dealt with by a rule: value, quality, and the time that takes."""
    if seen["job_present"] < 0.5 or rule in PUT_OFF:
        return 0.0
    quality, wait = _treatment(seen, rule)
    late = math.inf if wait >= seen["job_left"] else wait + seen["job_age"]
    return seen["job_value"] * quality * _halved(late, seen["job_half_life"])


def serving(seen: Mapping[str, float], prices: Prices, rule: str) -> float:
    """What a rule for all jobs brings beyond the one that stands: for the first job, or a usual one."""
    if seen["job_present"] < 0.5:
        seen = Seen(seen, **prices.job)
    standing = (answer(seen, other) for other in DECISIONS if seen[f"order_{other}"] > 0.5)
    return answer(seen, rule) - max(standing, default=0.0)


def burning(seen: Mapping[str, float], prices: Prices, delta_v: float) -> float:
    """Collisions that a burn of `delta_v` m/s avoids, less its fuel and that of the way back.

    A burn along the track moves a satellite by 3 delta_v t along it in the time t (the secular term of
    Clohessy and Wiltshire 1960); the chance falls as a normal distribution does with that distance.
    """
    avoided = 0.0
    warned = sorted({name.split("_")[1] for name in seen if name.startswith("warning_")})
    for k in warned:
        if seen[f"warning_{k}_present"] > 0.5:
            moved = 3.0 * delta_v * seen[f"warning_{k}_time"] * HOUR
            sigmas = moved / max(1.0, seen[f"warning_{k}_sigma"])
            avoided += 10.0 ** seen[f"warning_{k}_risk"] * (1.0 - math.exp(-0.5 * sigmas * sigmas))
    return prices.loss * min(1.0, avoided) - 2.0 * prices.fuel * delta_v


def returning(seen: Mapping[str, float], prices: Prices) -> float:
    """A day out of the slot, for who is or within a day will be there, less the fuel that stops the drift."""
    if seen["warnings"] > 0.5:
        return 0.0
    offset, drift = seen["offset"], seen["drift"]
    out = max(abs(offset), abs(offset + drift)) > prices.slot_km
    fuel = 1e3 * abs(drift) / DAY / 3.0
    return (prices.slot if out else 0.0) - prices.fuel * fuel


def reloading(seen: Mapping[str, float], prices: Prices) -> float:
    """An answer, gained where the model's weights are corrupted, else lost: the boards are busy meanwhile."""
    return prices.answer if seen["weights_fault"] > 0.5 else -prices.answer


def _treatment(seen: Mapping[str, float], rule: str) -> tuple[float, float]:
    """Quality of the answer to the first job by a rule, and the seconds until there is one."""
    small, large = seen["job_small_quality"], seen["job_large_quality"]
    if rule == "run_small":
        return small, seen["backlog"] + seen["job_small_s"]
    if rule == "run_large":
        return large, seen["backlog"] + seen["job_large_s"]
    if rule == "training":
        there = seen["training_present"] > 0.5
        return (large if there else 0.0), seen["training_delay"] + seen["training_large_s"]
    if rule == "ground":
        rate = seen["station_rate"] or seen["contact_rate"]
        wait = MIN * seen["contact_in"] + (seen["job_size"] / rate if rate > 0.0 else math.inf)
        return seen["job_ground_quality"], wait
    there = seen[f"{rule}_present"] > 0.5
    wait = 1e-3 * seen[f"{rule}_delay"] + seen[f"{rule}_backlog"] + seen["job_large_s"]
    return (large if there else 0.0), wait


def _halved(age: float, half_life: float) -> float:
    return 2.0 ** (-age / half_life) if half_life > 0.0 else 0.0


def prices_of(scenario: Scenario, priced: Mapping[str, float]) -> Prices:
    """What estimates need to know of a problem on `scenario` with these prices of `envs.blocks.terms`."""
    requests, kinds = scenario.requests, scenario.job_kinds
    image = sum(requests.value) / 2.0 if requests.initial or requests.per_hour or requests.sites else 0.0
    job = {
        "job_present": 1.0,
        "job_value": _mean([sum(kind.value) / 2.0 for kind in kinds]),
        "job_half_life": _mean([kind.half_life_s for kind in kinds]),
        "job_left": _mean([kind.deadline_s for kind in kinds]),
        "job_size": _mean([kind.raw_mbit for kind in kinds]),
        **{f"job_{who}_quality": _mean([kind.quality[i] for kind in kinds])
           for i, who in enumerate(("small", "large", "ground"))},
    }  # fmt: skip
    slot = max(priced.get("OutOfSlot", 0.0), priced.get("Service", 0.0))
    return Prices(
        image=image,
        image_half_life=60.0 * requests.half_life_h,
        answer=job["job_value"],
        loss=priced.get("Loss", 0.0),
        fuel=priced.get("Fuel", 0.0),
        slot=slot,
        slot_km=scenario.encounters.slot_km,
        job=job,
        usual=image or job["job_value"] or slot or 1.0,
    )


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0
