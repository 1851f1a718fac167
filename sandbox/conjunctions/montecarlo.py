"""Collision probability by simulation, for encounters that the short-encounter model does not fit."""

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.compiled import kernel
from sandbox.conjunctions.approach import minimum_between, moved, nearer
from sandbox.conjunctions.encounter import check_covariance
from sandbox.conjunctions.validity import Validity, encounter_validity
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import MU_EARTH
from sandbox.orbits.forces import Forces

TWO_BODY = Forces(j2=0.0)
STEPS_IN_ORBIT = 100
"""Propagation steps in an orbit, at least: 57 s each in low orbit, 0.1 mm a day at order eight."""
CHUNK = 20_000


@dataclass(frozen=True)
class Simulated:
    """Collisions among samples; `low` and `high` bound the probability with 95 % confidence (Wilson 1927)."""

    hits: int
    samples: int

    @property
    def probability(self) -> float:
        return self.hits / self.samples

    @property
    def low(self) -> float:
        return self._wilson(-1.0)

    @property
    def high(self) -> float:
        return self._wilson(1.0)

    def _wilson(self, sign: float) -> float:
        z, n, p = 1.959964, self.samples, self.probability
        spread = z * sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n))
        return (p + z * z / (2.0 * n) + sign * spread) / (1.0 + z * z / n)


def monte_carlo_probability(
    state1: ArrayLike,
    cov1: ArrayLike,
    state2: ArrayLike,
    cov2: ArrayLike,
    hard_body_radius: float,
    samples: int = 100_000,
    seed: int = 0,
    *,
    span_s: float | None = None,
    forces: Forces = TWO_BODY,
) -> Simulated:
    """Share of `samples` pairs of states, drawn from both covariances, that collide.

    States (6,) and covariances (6, 6) at the closest approach, in one inertial frame, m and m/s; each pair is
    propagated under `forces` and collides if the two come within `hard_body_radius` (m) at most `span_s` from
    there, by default for as long as a collision can happen, but half an orbit either way. The errors are
    Gaussian in position and velocity, so a covariance that is long enough to bend (`Validity.bend`) should
    first be propagated in orbital elements. Some 20 us a pair and minute. Raises SandboxError as
    `encounter_plane`, and for a sample size that is not positive.
    """
    if not (isinstance(samples, int | np.integer) and samples >= 1):
        raise SandboxError(f"samples = {samples!r}; give a whole number of at least 1.")
    states = [np.asarray(state, float).reshape(6) for state in (state1, state2)]
    covariances = [np.asarray(covariance, float).reshape(6, 6) for covariance in (cov1, cov2)]
    for name, covariance in zip(("cov1", "cov2"), covariances, strict=True):
        check_covariance(name, covariance)
    period = 2.0 * pi * sqrt(np.linalg.norm(states[0][:3]) ** 3 / MU_EARTH)
    validity = encounter_validity(states[0], covariances[0], states[1], covariances[1], hard_body_radius)
    start, end = _span(validity, 0.5 * period) if span_s is None else (-float(span_s), float(span_s))
    steps = int((end - start) / period * STEPS_IN_ORBIT) + 1
    rng, roots = np.random.default_rng(seed), [_root(covariance) for covariance in covariances]
    hits = 0
    for size in _chunks(samples):
        first, second = (
            state + rng.standard_normal((size, 6)) @ root.T for state, root in zip(states, roots, strict=True)
        )
        hits += count_hits(
            first, second, float(hard_body_radius), start, (end - start) / steps, steps, forces
        )
    return Simulated(int(hits), int(samples))


def _span(validity: Validity, half_orbit: float) -> tuple[float, float]:
    if not validity.short:
        return -half_orbit, half_orbit
    return max(-half_orbit, float(validity.start_s)), min(half_orbit, float(validity.end_s))


def _root(covariance: NDArray) -> NDArray:
    """A matrix whose product with its transpose is the covariance; zero variances are allowed."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def _chunks(samples: int) -> list[int]:
    whole, rest = divmod(int(samples), CHUNK)
    return [CHUNK] * whole + ([rest] if rest else [])


@kernel
def count_hits(first, second, radius, start, step, steps, forces):
    """How many pairs of states (n, 6) come within `radius` over `steps` steps from `start` seconds on."""
    hits = 0
    for i in range(first.shape[0]):
        a = (first[i, 0], first[i, 1], first[i, 2], first[i, 3], first[i, 4], first[i, 5])
        b = (second[i, 0], second[i, 1], second[i, 2], second[i, 3], second[i, 4], second[i, 5])
        hits += _collide(a, b, radius, start, step, steps, forces)
    return hits


@kernel
def _collide(a, b, radius, start, step, steps, forces):
    a, b = _carried(a, start, step, forces), _carried(b, start, step, forces)
    for _ in range(steps):
        x, y, z, vx, vy, vz = b[0] - a[0], b[1] - a[1], b[2] - a[2], b[3] - a[3], b[4] - a[4], b[5] - a[5]
        distance, speed = sqrt(x * x + y * y + z * z), sqrt(vx * vx + vy * vy + vz * vz)
        height = sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2])
        near = distance - radius < nearer(distance, speed, height, step)
        if near and minimum_between(a, b, 0.0, step, forces, 0.0, 0.0)[1] < radius:
            return 1
        a, b = moved(a, step, forces, 0.0), moved(b, step, forces, 0.0)
    return 0


@kernel
def _carried(s, seconds, step, forces):
    """State s moved by `seconds` of either sign, in steps of at most `step`."""
    count = max(1, int(abs(seconds) / step) + 1)
    for _ in range(count):
        s = moved(s, seconds / count, forces, 0.0)
    return s
