"""What runs come to: values as shares of the reference's in the same worlds, and times until they are
reached."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.running.statistics import Estimate, mean, per_unit
from experiments.studies.orbit_learning.flight import REFERENCE, SPENT

END_H = 12.0
"""Hours at the end of the flight, or before the world changes, over which a method's level is taken."""
AFTER_H = 6.0
"""Hours after the change over which it is taken then."""
TRAILING_H = 6.0
"""Hours over which a share is taken when it is asked whether a target is reached: nights and days differ."""


def shares(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with `reference`, the value of the reference in that window of that world, and the `share` of
    it."""
    known = {(row["seed"], row["hour"]): row["value"] for row in rows if row["method"] == REFERENCE}
    found = []
    for row in rows:
        reference = known[row["seed"], row["hour"]]
        found.append(row | {"reference": reference, "share": row["value"] / reference if reference else None})
    return found


def summarise(
    rows: Sequence[dict[str, Any]], methods: Sequence[str], change_h: float | None, target: float
) -> list[dict[str, Any]]:
    """A row for each method: shares with 95 % intervals over seeds, hours to `target`, what it took.

    `share` is over the whole flight, `share_end` over its last 12 h, or over those before the change;
    `share_changed` over the 6 h after that and `share_recovered` over the last 12 h of the flight. `kwh` is
    that of boards in orbit and lasers. None stands for what is not there.
    """
    told, last = shares(rows), max(row["hour"] for row in rows)
    end = last if change_h is None else change_h
    spans = {"share": (0.0, last), "share_end": (max(0.0, end - END_H), end)}
    if change_h is not None:
        spans |= {"share_changed": (change_h, min(last, change_h + AFTER_H))}
        spans |= {"share_recovered": (max(change_h, last - END_H), last)}
    table = []
    for method in methods:
        mine = [row for row in told if row["method"] == method]
        seeds = sorted({row["seed"] for row in mine})
        found: dict[str, Any] = {"method": method, "runs": len(seeds)}
        for name in ("share", "share_end", "share_changed", "share_recovered"):
            found |= _with_bounds(name, _share(mine, seeds, *spans[name]) if name in spans else None)
        times = [time for seed in seeds if (time := hours_to(mine, seed, target)) is not None]
        found |= {"reached": len(times), "hours_to_target": float(np.median(times)) if times else None}
        final = [max((r for r in mine if r["seed"] == seed), key=lambda r: r["hour"]) for seed in seeds]
        found |= {name: float(np.mean([row[name] for row in final])) for name in (*SPENT, "alive")}
        found["kwh"] = found["board_kwh"] + found["laser_kwh"]
        table.append(found)
    return table


def _share(
    rows: Sequence[dict[str, Any]], seeds: Sequence[int], first_h: float, last_h: float
) -> Estimate | None:
    """Value over the reference's between two hours, over seeds; None where the reference got nothing."""
    own, other = (_sums(rows, seeds, name, first_h, last_h) for name in ("value", "reference"))
    return per_unit(own, other) if (other > 0.0).all() else None


def _sums(
    rows: Sequence[dict[str, Any]], seeds: Sequence[int], name: str, first_h: float, last_h: float
) -> NDArray:
    within = [row for row in rows if first_h < row["hour"] <= last_h + 1e-9]
    return np.array([sum(row[name] for row in within if row["seed"] == seed) for seed in seeds], float)


def _with_bounds(name: str, found: Estimate | None) -> dict[str, float | None]:
    value, low, high = (None, None, None) if found is None else found
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def hours_to(rows: Sequence[dict[str, Any]], seed: int, target: float) -> float | None:
    """The hour at which the share over the six before it first reached `target`; None if it never did."""
    mine = sorted((row for row in rows if row["seed"] == seed), key=lambda row: row["hour"])
    for row in mine:
        within = [r for r in mine if row["hour"] - TRAILING_H < r["hour"] <= row["hour"]]
        other = sum(r["reference"] for r in within)
        if row["hour"] >= TRAILING_H and other > 0.0 and sum(r["value"] for r in within) >= target * other:
            return float(row["hour"])
    return None


def course(rows: Sequence[dict[str, Any]], method: str) -> tuple[list[float], list[Estimate]]:
    """Hours, and the mean share over seeds in the six before each."""
    mine = [row for row in rows if row["method"] == method]
    hours = sorted({row["hour"] for row in mine})
    found: list[Estimate] = []
    for hour in hours:
        each = []
        for seed in sorted({row["seed"] for row in mine}):
            own = [r for r in mine if r["seed"] == seed and hour - TRAILING_H < r["hour"] <= hour]
            other = sum(r["reference"] for r in own)
            if other > 0.0:
                each.append(sum(r["value"] for r in own) / other)
        found.append(mean(each))
    return hours, found
