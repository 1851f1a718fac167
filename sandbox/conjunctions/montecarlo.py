"""Collision probability by simulation, for encounters that the short-encounter model does not fit."""

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.compiled import kernel
from sandbox.conjunctions.approach import minimum_between, moved, nearer
from sandbox.conjunctions.limits import LARGEST, array_of, number_of, shown, state_of
from sandbox.conjunctions.remediation import semidefinite
from sandbox.conjunctions.validity import encounter_validity
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import MU_EARTH
from sandbox.orbits.forces import Forces
from sandbox.orbits.propagation import check_states
from sandbox.units import STATE, accepts_quantities

__all__ = ["Simulated", "monte_carlo_probability"]

TWO_BODY = Forces(j2=0.0)
STEPS_IN_ORBIT = 100
"""Propagation steps in an orbit, at least: 57 s each in low orbit, 0.1 mm a day at order eight."""
CHUNK = 20_000
LONGEST_SPAN_S = 8.64e6


@dataclass(frozen=True)
class Simulated:
    """Collisions among samples; `low` and `high` bound the probability with 95 % confidence (Wilson 1927)."""

    hits: int
    samples: int

    @property
    def probability(self) -> float:
        """The share of the samples that collide."""
        return self.hits / self.samples

    @property
    def low(self) -> float:
        """The least probability that the samples leave, with 95 % confidence."""
        return self._wilson(-1.0)

    @property
    def high(self) -> float:
        """The greatest probability that the samples leave, with 95 % confidence."""
        return self._wilson(1.0)

    def _wilson(self, sign: float) -> float:
        z, n, p = 1.959964, self.samples, self.probability
        spread = z * sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n))
        return (p + z * z / (2.0 * n) + sign * spread) / (1.0 + z * z / n)


@accepts_quantities(state1=STATE, cov1="m2", state2=STATE, cov2="m2", hard_body_radius="m", span_s="s")
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
    there, by default for as long as a collision can happen, but half an orbit either way, and as long as that
    where the two have one velocity. The errors are Gaussian in position and velocity, so a covariance that is
    long enough to bend (`Validity.bend`) should first be propagated in orbital elements. Negative eigenvalues
    of a covariance are clipped to 0, with a CovarianceRemediated warning beyond rounding. Some 20 us a pair
    and minute.

    Raises SandboxError for arguments of other shapes, values that are not finite, a state inside the Earth, a
    covariance that is not symmetric or has a negative variance, a radius, a span or a sample size that is not
    positive, and a span above 100 days.
    """
    if not (isinstance(samples, int | np.integer) and samples >= 1):
        raise SandboxError(f"samples = {shown(samples)}; give a whole number of at least 1.")
    radius = number_of("hard_body_radius", hard_body_radius, 0.0)
    span = None if span_s is None else number_of("span_s", span_s, 0.0, LONGEST_SPAN_S)
    states = [state_of(name, state) for name, state in (("state1", state1), ("state2", state2))]
    for state in states:
        check_states(state[:3], state[3:])
    first_covariance = semidefinite("cov1", _square("cov1", cov1), stacklevel=3)
    second_covariance = semidefinite("cov2", _square("cov2", cov2), stacklevel=3)
    covariances = [first_covariance, second_covariance]
    period = 2.0 * pi * sqrt(np.linalg.norm(states[0][:3]) ** 3 / MU_EARTH)
    start, end = (-span, span) if span is not None else _span(states, covariances, radius, 0.5 * period)
    steps = int((end - start) / period * STEPS_IN_ORBIT) + 1
    rng, roots = np.random.default_rng(seed), [_root(covariance) for covariance in covariances]
    hits = 0
    for size in _chunks(samples):
        first, second = (
            state + rng.standard_normal((size, 6)) @ root.T for state, root in zip(states, roots, strict=True)
        )
        hits += count_hits(first, second, radius, start, (end - start) / steps, steps, forces)
    return Simulated(int(hits), int(samples))


def _span(states: list, covariances: list, radius: float, half_orbit: float) -> tuple[float, float]:
    """From when to when collisions are looked for: as the model tells, or half an orbit either way."""
    whole = -half_orbit, half_orbit
    try:
        validity = encounter_validity(states[0], covariances[0], states[1], covariances[1], radius)
    except SandboxError:  # one velocity, or no spread across it
        return whole
    if not validity.short:
        return whole
    return max(-half_orbit, float(validity.start_s)), min(half_orbit, float(validity.end_s))


def _square(name: str, covariance: ArrayLike) -> NDArray:
    array = array_of(name, covariance, LARGEST**2)
    if array.size != 36:
        raise SandboxError(f"{name} has shape {array.shape}; give a covariance (6, 6).")
    return array.reshape(6, 6)


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
