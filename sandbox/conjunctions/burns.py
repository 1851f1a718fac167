"""Getting out of the way and back: the smallest impulse along track that opens an encounter, and the return.

An impulse along the velocity changes the period, so its effect grows with time: -3 dv t along track, and 4 dv
/ n in radius after half a revolution, where an impulse across the orbit never does more than 2 dv / n
(Bombardelli 2014, Celestial Mechanics 119). So: along track, half an odd number of revolutions before the
encounter, the earlier the cheaper. All results are from exact propagation; the linear laws only start the
search.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, isfinite, log, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.conjunctions.approach import ClosestApproach, closest_approach
from sandbox.conjunctions.encounter import plane_axes, position_covariance
from sandbox.conjunctions.limits import number_of, state_of
from sandbox.conjunctions.probability import collision_probability
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import MU_EARTH
from sandbox.orbits.forces import J2_ONLY, Forces
from sandbox.orbits.propagation import propagate
from sandbox.units import STATE, accepts_quantities

__all__ = ["Avoidance", "Burn", "avoidance_burn", "return_to_slot"]

PROBE_M_S = 1e-3
AGREED = 1e-6
MOST_M_S = 100.0
TINIEST = 1e-300
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Burn:
    """An impulse of `along_track` m/s in the direction of flight (against it if negative) at `time_s`."""

    time_s: float
    along_track: float


@dataclass(frozen=True, eq=False)
class Avoidance:
    """A burn and the encounter that is left after it; `probability` is None where no covariance was given."""

    burn: Burn
    approach: ClosestApproach
    probability: float | None


@accepts_quantities(
    state1=STATE,
    state2=STATE,
    tca_s="s",
    miss_distance="m",
    probability="",
    covariance="m2",
    hard_body_radius="m",
    burn_time_s="s",
    earliest_s="s",
    ballistic_m2_kg="m2/kg",
)
def avoidance_burn(
    state1: ArrayLike,
    state2: ArrayLike,
    tca_s: float,
    *,
    miss_distance: float | None = None,
    probability: float | None = None,
    covariance: ArrayLike | None = None,
    hard_body_radius: float | None = None,
    burn_time_s: float | None = None,
    earliest_s: float = 0.0,
    forces: Forces = J2_ONLY,
    ballistic_m2_kg: tuple[float, float] = (0.0, 0.0),
) -> Avoidance:
    """The smallest impulse of object 1 along its track that makes the encounter at `tca_s` safe.

    Safe is a closest approach of at least `miss_distance` m, or a collision probability of at most
    `probability`; give one of the two. The latter needs the combined `covariance` (6, 6) or (3, 3) at TCA,
    GCRS, and `hard_body_radius` (m). The states (6,), GCRS in m and m/s, are those at time 0. The impulse
    comes at `burn_time_s`, or at the cheapest of the half odd revolutions before the encounter that are not
    before `earliest_s`. A burn of 0 is returned where the encounter is safe already.

    Raises SandboxError for arguments that do not fit together, a burn not between time 0 and the encounter,
    no closest approach near `tca_s`, and an encounter that 100 m/s do not make safe.
    """
    first, second = state_of("state1", state1), state_of("state2", state2)
    tca_s, earliest_s = number_of("tca_s", tca_s), number_of("earliest_s", earliest_s)
    wanted = _wanted(miss_distance, probability, covariance, hard_body_radius)
    times = _burn_times(first, tca_s, burn_time_s, earliest_s)
    encounter = _Encounter(first, second, tca_s, forces, ballistic_m2_kg)
    found = [_smallest(encounter, time, wanted) for time in times]
    burn, approach = min(found, key=lambda pair: abs(pair[0].along_track))
    left = None
    if covariance is not None and hard_body_radius is not None:
        left = _probability(approach, position_covariance("covariance", covariance), hard_body_radius)
    return Avoidance(burn, approach, left)


@accepts_quantities(state1=STATE, after_s="s", ballistic_m2_kg="m2/kg")
def return_to_slot(
    state1: ArrayLike,
    burn: Burn,
    after_s: float,
    revolutions: int = 1,
    *,
    forces: Forces = J2_ONLY,
    ballistic_m2_kg: float = 0.0,
) -> tuple[Burn, Burn]:
    """Two burns that take object 1 back to where it would be had it never made `burn`.

    Both come whole revolutions after `burn`, so that the eccentricity is undone with the period: the first
    not before `after_s`, the second so many `revolutions` later. The fewer, the sooner it is back and the
    more it costs: 2 |dv| (1 + a / b) for an absence of a and a return of b revolutions. `state1` is at time
    0, before the burn. Raises SandboxError for a return that does not lie after the burn or takes less than
    one revolution.
    """
    if not (isinstance(revolutions, int | np.integer) and revolutions >= 1):
        raise SandboxError(f"revolutions = {revolutions!r}; give a whole number of at least 1.")
    if not after_s > burn.time_s:
        raise SandboxError(
            f"after_s = {after_s:g} is not after the burn at {burn.time_s:g} s; give a later time."
        )
    first = state_of("state1", state1)
    period = _period(first)
    away = ceil((after_s - burn.time_s) / period)
    times = burn.time_s + away * period, burn.time_s + (away + revolutions) * period
    slot = _flown(first, (), times[1], forces, ballistic_m2_kg)

    def missed(impulses: Array) -> Array:
        """Metres along track from the slot at the end, and J/kg of energy too many."""
        burns = burn, Burn(times[0], impulses[0]), Burn(times[1], impulses[1])
        state = _flown(first, burns, times[1], forces, ballistic_m2_kg)
        along = slot[3:] / np.linalg.norm(slot[3:])
        return np.array([(state[:3] - slot[:3]) @ along, _energy(state) - _energy(slot)])

    share = away / revolutions
    impulses = burn.along_track * np.array([-1.0 - share, share])
    for _ in range(8):
        error = missed(impulses)
        slope = np.stack(
            [(missed(impulses + step) - error) / PROBE_M_S for step in PROBE_M_S * np.eye(2)], axis=1
        )
        change = np.linalg.solve(slope, error)
        impulses = impulses - change
        if np.abs(change).max() < 1e-9:
            break
    return Burn(times[0], float(impulses[0])), Burn(times[1], float(impulses[1]))


Wanted = Callable[[ClosestApproach], float]
"""Negative where an encounter is safe, 0 at the edge, positive where it is not."""


def _wanted(miss_distance, probability, covariance, hard_body_radius) -> Wanted:
    if (miss_distance is None) == (probability is None):
        raise SandboxError("Give either miss_distance (m) or probability, as what the burn must reach.")
    if miss_distance is not None:
        if not (isfinite(miss_distance) and miss_distance > 0.0):
            raise SandboxError(f"miss_distance = {miss_distance!r}; give metres, more than 0.")
        return lambda approach: miss_distance - approach.distance
    if not 0.0 < probability < 1.0:
        raise SandboxError(f"probability = {probability!r}; give a number between 0 and 1.")
    if covariance is None or hard_body_radius is None:
        raise SandboxError("A probability needs covariance (at TCA, GCRS) and hard_body_radius (m) as well.")
    block = position_covariance("covariance", covariance)
    target = log(probability)
    return lambda approach: log(max(TINIEST, _probability(approach, block, hard_body_radius))) - target


def _probability(approach: ClosestApproach, block: Array, hard_body_radius: float) -> float:
    axes = plane_axes(approach.state2 - approach.state1)
    return float(collision_probability(axes @ approach.miss, axes @ block @ axes.T, hard_body_radius))


def _burn_times(state: Array, tca: float, burn_time: float | None, earliest: float) -> list[float]:
    if burn_time is not None:
        if not 0.0 <= burn_time < tca:
            raise SandboxError(f"burn_time_s = {burn_time:g}; it must lie from 0 to before tca_s = {tca:g}.")
        return [float(burn_time)]
    if not 0.0 <= earliest < tca:
        raise SandboxError(f"earliest_s = {earliest:g}; it must lie from 0 to before tca_s = {tca:g}.")
    period = _period(state)
    halves = np.arange(0.5, (tca - earliest) / period, 1.0)
    if len(halves) == 0:
        return [float(earliest)]
    # the effect grows with the lead: only the two earliest can be the cheapest
    return [float(tca - half * period) for half in halves[-2:]]


class _Encounter:
    """The encounter near `tca` as a function of an impulse of object 1."""

    def __init__(self, first: Array, second: Array, tca: float, forces: Forces, ballistic) -> None:
        self.first, self.second, self.tca = first, second, float(tca)
        self.forces, self.ballistic = forces, (float(ballistic[0]), float(ballistic[1]))
        self.window = 0.125 * _period(first)

    def after(self, burn: Burn) -> ClosestApproach:
        """The closest approach within an eighth of a revolution of `tca`, after `burn`."""
        start = max(burn.time_s, self.tca - self.window)
        first = _flown(self.first, (burn,), start, self.forces, self.ballistic[0])
        second = _flown(self.second, (), start, self.forces, self.ballistic[1])
        end = self.tca + self.window - start
        found = closest_approach(first, second, end, forces=self.forces, ballistic_m2_kg=self.ballistic)
        return ClosestApproach(found.time_s + start, found.state1, found.state2)


def _smallest(encounter: _Encounter, time: float, wanted: Wanted) -> tuple[Burn, ClosestApproach]:
    """The lesser of the two impulses, forward and backward, that just reach what is wanted."""
    still = encounter.after(Burn(time, 0.0))
    if wanted(still) <= 0.0:
        return Burn(time, 0.0), still
    found = [_edge(encounter, time, wanted, sign) for sign in (1.0, -1.0)]
    reached = [pair for pair in found if pair is not None]
    if not reached:
        raise SandboxError(
            f"{MOST_M_S:g} m/s along track at {time:g} s do not make the encounter at {encounter.tca:g} s "
            "safe; burn earlier or ask for less."
        )
    return min(reached, key=lambda pair: abs(pair[0].along_track))


def _edge(encounter: _Encounter, time: float, wanted: Wanted, sign: float):
    """The least impulse of this sign that is safe: doubled until it is, then by secants and halves."""
    low, high = 0.0, PROBE_M_S
    at_low = wanted(encounter.after(Burn(time, 0.0)))
    approach = encounter.after(Burn(time, sign * high))
    at_high = wanted(approach)
    while at_high > 0.0:
        if high > MOST_M_S:
            return None
        low, at_low, high = high, at_high, 2.0 * high
        approach = encounter.after(Burn(time, sign * high))
        at_high = wanted(approach)
    for k in range(60):
        if high - low <= AGREED * high or at_high == 0.0:
            break
        secant = high - (high - low) * at_high / (at_high - at_low)
        middle = 0.5 * (low + high) if k % 3 == 2 else min(max(secant, low + 1e-3 * (high - low)), high)
        trial = encounter.after(Burn(time, sign * middle))
        at_middle = wanted(trial)
        if at_middle > 0.0:
            low, at_low = middle, at_middle
        else:
            high, at_high, approach = middle, at_middle, trial
    return Burn(time, sign * high), approach


def _flown(state: Array, burns: tuple[Burn, ...], time: float, forces: Forces, ballistic: float) -> Array:
    """The state at `time` of one that is given at time 0 and makes `burns` on its way."""
    now = 0.0
    for burn in burns:
        state = _carried(state, burn.time_s - now, forces, ballistic)
        along = state[3:] / np.linalg.norm(state[3:])
        state, now = np.concatenate((state[:3], state[3:] + burn.along_track * along)), burn.time_s
    return _carried(state, time - now, forces, ballistic)


def _carried(state: Array, seconds: float, forces: Forces, ballistic: float) -> Array:
    position, velocity = propagate(state[:3], state[3:], [seconds], forces, ballistic)
    return np.concatenate((position[0], velocity[0]))


def _energy(state: Array) -> float:
    return float(0.5 * state[3:] @ state[3:] - MU_EARTH / np.linalg.norm(state[:3]))


def _period(state: Array) -> float:
    energy = _energy(state)
    if energy >= 0.0:
        raise SandboxError("Object 1 is on an escape path; give the state of a satellite of the Earth.")
    return 2.0 * pi * sqrt((-0.5 * MU_EARTH / energy) ** 3 / MU_EARTH)
