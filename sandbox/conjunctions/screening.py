"""All against all: which objects come near each other within a horizon, and when.

1. Objects whose perigee to apogee, widened by `RADIAL_MARGIN_M`, meets nobody's on the other side are left
out. 2. Everything is propagated to nodes `step_s` apart. At each, the primaries are hashed into cubes whose
edge is the
   furthest from which two objects can come within the threshold until half a step away; each secondary looks
   at the 27 cubes around it.
3. A pair is kept if a straight line from the node brings it within the threshold plus the bound on what
gravity
   adds (`approach.nearer`); every bound is on the safe side, so nothing is lost.
4. The closest approach is then found on the exact paths (`approach.minimum_between`).

Memory: the states of one node and the encounters found, some 200 bytes an object and an encounter.
"""

import sys
from collections.abc import Callable
from math import ceil, floor, isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import kernel
from sandbox.conjunctions.approach import may_meet, minimum_between, moved, nearer
from sandbox.conjunctions.limits import LARGEST
from sandbox.conjunctions.objects import AnyObjects
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import R_EARTH
from sandbox.structured import structured
from sandbox.units import accepts_quantities

__all__ = ["ENCOUNTER", "screen"]

ENCOUNTER = structured(
    [
        ("primary", "i4"),
        ("secondary", "i4"),
        ("tca", "f8"),  # s
        ("distance", "f8"),  # m
        ("relative_speed", "f8"),  # m/s
        ("state1", "f8", (6,)),  # GCRS at TCA, m and m/s
        ("state2", "f8", (6,)),
    ]
)
"""The record of an approach: who, when (s), how near (m), how fast (m/s), and both states (6,) in GCRS."""
RADIAL_MARGIN_M = 50e3
"""J2 moves the apsides of an osculating orbit by up to 20 km; the rest is for a day of drag, Sun and Moon."""
SINKING_M = R_EARTH + 300e3
"""An orbit that comes lower may sink by more than the margin: its perigee leaves nobody out."""
OVERLAP_S = 1e-3
"""How far the times around two nodes overlap, so that rounding loses no minimum between them."""
MANY = 4096
MOST_STEPS = 10_000_000


@accepts_quantities(horizon_s="s", threshold_m="m", step_s="s")
def screen(
    primaries: AnyObjects,
    secondaries: AnyObjects | None,
    horizon_s: float,
    threshold_m: float,
    *,
    step_s: float = 60.0,
    progress: bool | Callable[[float], None] = False,
) -> NDArray:
    """Every approach of a primary and a secondary to within `threshold_m` during [0, horizon_s].

    With `secondaries` None the primaries are screened among themselves, each pair once. An approach is a
    local minimum of the distance; at the ends of the horizon the distance there counts as one. Returns
    records of dtype `ENCOUNTER` by time, their numbers those of the two sets. `progress` shows a bar on
    standard error, or is called with the share done.

    Raises SandboxError for a horizon, threshold or step that is not a positive number,
    and for more than ten million steps.
    """
    for name, value in (("horizon_s", horizon_s), ("threshold_m", threshold_m), ("step_s", step_s)):
        if not (isfinite(value) and value > 0.0):
            raise SandboxError(f"{name} = {value!r}; give a number greater than 0.")
    if horizon_s / step_s > MOST_STEPS:
        raise SandboxError(
            f"horizon_s = {horizon_s:g} takes more than {MOST_STEPS:,} steps of {step_s:g} s; screen less."
        )
    if threshold_m > LARGEST:
        raise SandboxError(f"threshold_m = {threshold_m:g}; give metres, at most {LARGEST:g}.")
    rows, columns = _orbits_that_meet(primaries, secondaries, threshold_m)
    first = primaries.select(rows)
    second = None if secondaries is None else secondaries.select(columns)
    tell = _bar if progress is True else progress or (lambda share: None)
    found = [np.zeros(0, ENCOUNTER)]
    steps = ceil(horizon_s / step_s)
    nodes = _Nodes(first, second, horizon_s / steps, threshold_m)
    for k in range(steps + 1) if len(rows) and len(columns) else ():
        found.append(nodes.look(k * horizon_s / steps, k == 0, k == steps))
        tell(k / steps)
    encounters = np.concatenate(found)
    encounters["primary"] = rows[encounters["primary"]]
    encounters["secondary"] = columns[encounters["secondary"]]
    return _once(encounters)


def _orbits_that_meet(primaries, secondaries, threshold: float) -> tuple[NDArray, NDArray]:
    """Numbers of the primaries and of the secondaries whose range of radii meets one of the other side's."""
    ranges = []
    for each in (primaries, primaries if secondaries is None else secondaries):
        low, high = each.radii()
        low = np.where(low < SINKING_M, 0.0, low - RADIAL_MARGIN_M)
        ranges.append((low, high + RADIAL_MARGIN_M + threshold))
    if secondaries is None:
        everyone = np.arange(len(primaries))
        return everyone, everyone
    return _meeting(ranges[0], ranges[1]), _meeting(ranges[1], ranges[0])


def _meeting(mine: tuple[NDArray, NDArray], theirs: tuple[NDArray, NDArray]) -> NDArray:
    """Numbers of the intervals that meet one of the others: if none, as many have begun as ended."""
    begun = np.searchsorted(np.sort(theirs[0]), mine[1], side="right")
    ended = np.searchsorted(np.sort(theirs[1]), mine[0], side="left")
    return np.flatnonzero((begun > ended) | ~np.isfinite(mine[0]))


def _once(encounters: NDArray) -> NDArray:
    """By time, each approach once: one that lies where two nodes meet was found from both."""
    order = np.lexsort((encounters["tca"], encounters["secondary"], encounters["primary"]))
    encounters = encounters[order]
    same = (np.diff(encounters["primary"]) == 0) & (np.diff(encounters["secondary"]) == 0)
    again = same & (np.diff(encounters["tca"]) < 3.0 * OVERLAP_S)
    encounters = encounters[np.concatenate(([True], ~again))] if len(encounters) else encounters
    return encounters[np.argsort(encounters["tca"], kind="stable")]


def _bar(share: float) -> None:
    done = round(40 * share)
    sys.stderr.write(f"\rscreening [{'#' * done}{'.' * (40 - done)}] {share:4.0%}" + "\n" * (share >= 1.0))
    sys.stderr.flush()


class _Nodes:
    """The two sets at one moment after another, with the room that the kernels work in."""

    def __init__(self, first: AnyObjects, second: AnyObjects | None, step: float, threshold: float) -> None:
        self.first, self.second, self.step, self.threshold = first, second, step, threshold
        self.heads = np.empty(1 << max(4, len(first)).bit_length(), np.int64)
        self.following, self.cubes = np.empty(len(first), np.int64), np.empty((len(first), 3), np.int64)
        self.pairs = np.empty((MANY, 2), np.int64)

    def look(self, time: float, at_start: bool, at_end: bool) -> NDArray:
        """The approaches within half a step of `time`."""
        first, second = self.first, self.first if self.second is None else self.second
        first.carry(time)
        if self.second is not None:
            second.carry(time)
        reach = self.threshold + _reach(first, second, 0.5 * self.step, self.threshold)
        count = self._pairs(first, second, reach)
        while count > len(self.pairs):
            self.pairs = np.empty((2 * count, 2), np.int64)
            count = self._pairs(first, second, reach)
        out, low = np.zeros(count, ENCOUNTER), 0.0 if at_start else -0.5 * self.step - OVERLAP_S
        high = 0.0 if at_end else 0.5 * self.step + OVERLAP_S
        kept = refine_pairs(
            self.pairs[:count],
            (first.position, first.velocity, first.ballistic),
            (second.position, second.velocity, second.ballistic),
            first.forces,
            (low, high, at_start, at_end),
            self.threshold,
            out,
        )
        out["tca"] += time
        return out[:kept]

    def _pairs(self, first: AnyObjects, second: AnyObjects, reach: float) -> int:
        return near_pairs(
            first.position, first.velocity, second.position, second.velocity, self.second is None,
            self.threshold, 0.5 * self.step + OVERLAP_S, reach, self.heads, self.following, self.cubes,
            self.pairs,
        )  # fmt: skip


def _reach(first: AnyObjects, second: AnyObjects, seconds: float, threshold: float) -> float:
    """How much nearer (m) any two of the objects can come in so many seconds to end within the threshold."""
    speed = sum(float(np.nanmax(np.linalg.norm(each.velocity, axis=-1))) for each in (first, second))
    lowest = min(float(np.nanmin(np.linalg.norm(each.position, axis=-1))) for each in (first, second))
    # `nearer` grows with the distance itself, by under a thousandth: twice round is past the fixed point
    straight = nearer(threshold, speed, lowest, seconds + OVERLAP_S)
    return 1.001 * nearer(threshold + 1.01 * straight, speed, lowest, seconds + OVERLAP_S)


@kernel
def near_pairs(
    position1,
    velocity1,
    position2,
    velocity2,
    same,
    threshold,
    seconds,
    reach,
    heads,
    following,
    cubes,
    pairs,
):
    """Write the pairs that may come within `threshold` in `seconds` either way; how many there are.

    Only those for which there is room are written. `heads` (a power of two), `following` (N,) and `cubes` (N,
    3) are working memory; `reach` is the edge of a cube.
    """
    mask = heads.shape[0] - 1
    for h in range(heads.shape[0]):
        heads[h] = -1
    for i in range(position1.shape[0]):
        if not isfinite(position1[i, 0]):
            continue
        for k in range(3):
            cubes[i, k] = floor(position1[i, k] / reach)
        h = _hash(cubes[i, 0], cubes[i, 1], cubes[i, 2]) & mask
        following[i] = heads[h]
        heads[h] = i
    count = 0
    for j in range(position2.shape[0]):
        p, v = position2[j], velocity2[j]
        if not isfinite(p[0]):
            continue
        cx, cy, cz = floor(p[0] / reach), floor(p[1] / reach), floor(p[2] / reach)
        for x in range(cx - 1, cx + 2):
            for y in range(cy - 1, cy + 2):
                for z in range(cz - 1, cz + 2):
                    i = heads[_hash(x, y, z) & mask]
                    while i >= 0:
                        here = cubes[i, 0] == x and cubes[i, 1] == y and cubes[i, 2] == z
                        wanted = here and not (same and i >= j)
                        if wanted and may_meet(position1[i], velocity1[i], p, v, threshold, seconds):
                            if count < pairs.shape[0]:
                                pairs[count, 0], pairs[count, 1] = i, j
                            count += 1
                        i = following[i]
    return count


@kernel
def _hash(x, y, z):
    return (x * 73856093) ^ (y * 19349663) ^ (z * 83492791)


@kernel
def refine_pairs(pairs, first, second, forces, span, threshold, out):
    """Write the approaches within the threshold of the pairs (n, 2); how many there are.

    first and second are the positions, velocities and ballistic coefficients of the objects; the span is
    (low, high, at_start, at_end): an approach at an end of the interval [low, high] s counts only where the
    horizon ends there. `forces` move both objects for that half minute.
    """
    position1, velocity1, ballistic1 = first
    position2, velocity2, ballistic2 = second
    low, high, at_start, at_end = span
    kept = 0
    for n in range(pairs.shape[0]):
        i, j = pairs[n, 0], pairs[n, 1]
        p, v, q, w = position1[i], velocity1[i], position2[j], velocity2[j]
        a, b = (p[0], p[1], p[2], v[0], v[1], v[2]), (q[0], q[1], q[2], w[0], w[1], w[2])
        tau, distance = minimum_between(a, b, low, high, forces, ballistic1[i], ballistic2[j])
        within = (at_start or tau > low) and (at_end or tau < high)
        if distance <= threshold and within:
            a, b = moved(a, tau, forces, ballistic1[i]), moved(b, tau, forces, ballistic2[j])
            row = out[kept]
            row.primary, row.secondary, row.tca, row.distance = i, j, tau, distance
            speed2 = 0.0
            for k in range(6):
                row.state1[k], row.state2[k] = a[k], b[k]
                speed2 += (b[k] - a[k]) ** 2 if k >= 3 else 0.0
            row.relative_speed = sqrt(speed2)
            kept += 1
    return kept
