"""Time and place of closest approach of two propagated objects."""

from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.compiled import kernel, kernel_apart
from sandbox.conjunctions.limits import state_of
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import MU_EARTH
from sandbox.orbits.ephemeris import Ephemeris
from sandbox.orbits.forces import J2_ONLY, Forces, untimed
from sandbox.orbits.gravity import NO_TURN
from sandbox.orbits.propagation import dop8_step, normal_forces, propagate
from sandbox.units import STATE, accepts_quantities

__all__ = ["ClosestApproach", "closest_approach"]

NODE_S = 30.0
"""Seconds between the moments at which the search looks whether two objects come nearer or part."""
SETTLED_S = 1e-7
EDGE_S = 1e-3
"""How far outside its window a minimum may lie and still be the one at the edge: what is meant by it."""
LONGEST_WINDOW_S = 3.2e8
_NOWHERE = (0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class ClosestApproach:
    """The states (6,) of two objects at the moment `time_s` of their closest approach, in m and m/s."""

    time_s: float
    state1: NDArray[np.float64]
    state2: NDArray[np.float64]

    @property
    def miss(self) -> NDArray[np.float64]:
        """Position (3,) of object 2 from object 1, m."""
        return self.state2[:3] - self.state1[:3]

    @property
    def relative_velocity(self) -> NDArray[np.float64]:
        """Velocity (3,) of object 2 past object 1, m/s."""
        return self.state2[3:] - self.state1[3:]

    @property
    def distance(self) -> float:
        """Of the two objects, m."""
        return float(np.linalg.norm(self.miss))


@accepts_quantities(state1=STATE, state2=STATE, end_s="s", start_s="s", ballistic_m2_kg="m2/kg")
def closest_approach(
    state1: ArrayLike,
    state2: ArrayLike,
    end_s: float,
    start_s: float = 0.0,
    *,
    forces: Forces = J2_ONLY,
    ballistic_m2_kg: tuple[float, float] = (0.0, 0.0),
    ephemeris: Ephemeris | None = None,
) -> ClosestApproach:
    """The closest of the approaches of two objects within [start_s, end_s], well below 1 ms and 1 m.

    The states (6,), GCRS in m and m/s, are those at time 0; the window may lie on either side of it. A
    minimum at either end of the window, to a millisecond, counts. Forces, ballistic coefficients and
    ephemeris are as for `propagation.propagate`.

    Raises SandboxError for states that are no such, an empty window or one of more than ten years, and a
    window in which the distance has no minimum: the closest approach lies outside it.
    """
    first, second = state_of("state1", state1), state_of("state2", state2)
    if not (isfinite(start_s) and isfinite(end_s) and start_s < end_s):
        raise SandboxError(f"The window is [{start_s}, {end_s}] s; its start must lie before its end.")
    if end_s - start_s > LONGEST_WINDOW_S:
        raise SandboxError(f"The window is [{start_s:g}, {end_s:g}] s; give one of at most ten years.")
    times = np.linspace(start_s, end_s, int((end_s - start_s) / NODE_S) + 2)
    position, velocity = propagate(
        np.stack((first[:3], second[:3])),
        np.stack((first[3:], second[3:])),
        times,
        forces,
        np.array(ballistic_m2_kg, float),
        ephemeris,
    )
    rates = _rates(position, velocity)
    turns = np.flatnonzero((rates[:-1] < 0.0) & (rates[1:] >= 0.0))
    found = [_refined(times, position, velocity, i, forces, ballistic_m2_kg, ephemeris) for i in turns]
    found += [
        ClosestApproach(float(times[i]), *np.concatenate((position[i], velocity[i]), axis=-1))
        for i in _minima_at_the_edges(times, rates)
    ]
    if not found:
        word = "falling at its end" if rates[-1] < 0.0 else "growing from its start on"
        raise SandboxError(
            f"The distance is {word}: no closest approach in [{start_s:g}, {end_s:g}] s; widen the window."
        )
    return min(found, key=lambda approach: approach.distance)


def _rates(position: NDArray, velocity: NDArray) -> NDArray[np.float64]:
    """Half the rate of change of the squared distance, at each of the times."""
    return ((position[:, 1] - position[:, 0]) * (velocity[:, 1] - velocity[:, 0])).sum(axis=-1)


def _minima_at_the_edges(times: NDArray, rates: NDArray) -> list[int]:
    """0, -1 or both: the ends of the window from which a minimum is at most `EDGE_S` away, outside it."""
    slopes = np.diff(rates)[[0, -1]] / np.diff(times)[[0, -1]]
    found = []
    if slopes[0] > 0.0 and 0.0 <= rates[0] <= EDGE_S * slopes[0]:
        found.append(0)
    if slopes[1] > 0.0 and 0.0 <= -rates[-1] <= EDGE_S * slopes[1]:
        found.append(-1)
    return found


def _refined(times, position, velocity, i, forces, ballistic, ephemeris) -> ClosestApproach:
    """The minimum between nodes i and i + 1, and the exact states there."""
    first, second = (tuple(np.concatenate((position[i, k], velocity[i, k]))) for k in range(2))
    forces = normal_forces(forces)
    tau, _ = minimum_between(first, second, 0.0, times[i + 1] - times[i], forces, *map(float, ballistic))
    shifted = None if ephemeris is None else ephemeris._replace(start_s=ephemeris.start_s - times[i])
    r, v = propagate(position[i], velocity[i], [tau], forces, np.array(ballistic, float), shifted)
    return ClosestApproach(float(times[i] + tau), *np.concatenate((r[0], v[0]), axis=-1))


@kernel
def relative_at(first, second, tau, forces, ballistic1, ballistic2):
    """Relative position and velocity, six numbers, tau seconds after two states of six numbers.

    One step of order eight for each: exact to micrometres over half a minute in low orbit, and held to J2 to
    J4 and drag (the Sun, the Moon and the rest of a field act alike on two objects that are near each other).
    """
    a = moved(first, tau, forces, ballistic1)
    b = moved(second, tau, forces, ballistic2)
    return b[0] - a[0], b[1] - a[1], b[2] - a[2], b[3] - a[3], b[4] - a[4], b[5] - a[5]


@kernel
def moved(s, tau, forces, ballistic):
    """State s of six numbers, tau seconds on: one step, without what depends on the time."""
    f = untimed(forces)
    return dop8_step(s[0], s[1], s[2], s[3], s[4], s[5], tau, f, ballistic, _NOWHERE, _NOWHERE, NO_TURN)


@kernel
def nearer(distance, speed, radius, seconds):
    """How much nearer (m), at the very most, two objects can come in `seconds`.

    They are `distance` apart, at a relative `speed`, the lower of them `radius` from the geocentre. Gravity
    differs between them by at most 2 mu / r^3 times their separation; half as much again covers J2 and the
    loss of height.
    """
    straight = speed * seconds
    return straight + 1.5 * MU_EARTH / radius**3 * (distance + straight) * seconds * seconds


@kernel
def may_meet(p1, v1, p2, v2, threshold, seconds):
    """Whether a straight line, and what gravity may add to it, brings two objects within the threshold.

    Positions and velocities (3,); `seconds` either way.
    """
    x, y, z = p2[0] - p1[0], p2[1] - p1[1], p2[2] - p1[2]
    vx, vy, vz = v2[0] - v1[0], v2[1] - v1[1], v2[2] - v1[2]
    distance, speed = sqrt(x * x + y * y + z * z), sqrt(vx * vx + vy * vy + vz * vz)
    height = sqrt(min(p1[0] ** 2 + p1[1] ** 2 + p1[2] ** 2, p2[0] ** 2 + p2[1] ** 2 + p2[2] ** 2))
    bent = nearer(distance, speed, height, seconds) - speed * seconds
    tau = 0.0
    if speed > 0.0:
        tau = min(seconds, max(-seconds, -(x * vx + y * vy + z * vz) / (speed * speed)))
    x, y, z = x + tau * vx, y + tau * vy, z + tau * vz
    return sqrt(x * x + y * y + z * z) <= threshold + bent


@kernel_apart
def minimum_between(first, second, low, high, forces, ballistic1, ballistic2):
    """(offset, distance) of the least distance of two objects over [low, high] seconds from their states.

    One minimum at most lies within a minute: objects that pass slowly follow each other's orbit.
    """
    at_low = _rate(relative_at(first, second, low, forces, ballistic1, ballistic2))
    at_high = _rate(relative_at(first, second, high, forces, ballistic1, ballistic2))
    if at_low >= 0.0 or at_high <= 0.0:
        tau = low if at_low >= 0.0 else high
        return tau, _length(relative_at(first, second, tau, forces, ballistic1, ballistic2))
    tau, last = low, 0.0
    for _ in range(100):  # the secant with the Illinois rule: the rate is all but linear in time
        tau = high - (high - low) * at_high / (at_high - at_low)
        rate = _rate(relative_at(first, second, tau, forces, ballistic1, ballistic2))
        if rate < 0.0:
            settled, at_high = tau - low, 0.5 * at_high if last < 0.0 else at_high
            low, at_low = tau, rate
        else:
            settled, at_low = high - tau, 0.5 * at_low if last > 0.0 else at_low
            high, at_high = tau, rate
        last = rate
        if settled < SETTLED_S or high - low < SETTLED_S or rate == 0.0:
            break
    return tau, _length(relative_at(first, second, tau, forces, ballistic1, ballistic2))


@kernel
def _rate(r):
    return r[0] * r[3] + r[1] * r[4] + r[2] * r[5]


@kernel
def _length(r):
    return sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2])
