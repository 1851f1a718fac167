"""How the satellites of one launch get to their slots: raise, phase, trim, each at what price.

    plan = plan_deployment(orbits, slots, revolutions=15)
    plan.delta_v, plan.time_s, plan.transfers[0].burns

The laws, in the order in which a satellite flies them:

- coast, if `node_drift`: wait in the parking orbit until J2 has turned its plane to the slot's;
- hohmann (or bielliptic, where that is cheaper): to the slot's radius, by boinor's `Maneuver`;
- phasing: two impulses along track, some revolutions apart, between which the slot is caught up with
  (Vallado, 4th ed., section 6.6.1);
- lambert: where the forces leave a rest, the last impulse of these aims at the slot's place some part of a
  revolution ahead, and one more takes its velocity there; boinor's `Maneuver.lambert` starts the search.

Two-body laws give the first guess; the impulses that a plan holds reach the slot under its forces.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from math import pi, sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sandbox.errors import SandboxError
from sandbox.orbits.bodies import MU_EARTH, R_EARTH
from sandbox.orbits.constellations import MIN_ALTITUDE_M
from sandbox.orbits.elements import j2_rates
from sandbox.orbits.forces import J2_ONLY, Forces
from sandbox.orbits.poliastro import from_orbits, listed, to_orbit
from sandbox.orbits.propagation import propagate
from sandbox.orbits.timescales import as_utc
from sandbox.units import DAY, accepts_quantities

if TYPE_CHECKING:
    from boinor.maneuver import Maneuver
    from boinor.twobody import Orbit

Array = NDArray[np.float64]
CLOSE_M, CLOSE_M_S = 1.0, 1e-3
"""A satellite is in its slot when it is no further off than this."""
SAME_SHAPE_M = 5e3
"""Orbits whose lowest and highest radii differ by less need no transfer: phasing makes up for it."""
PARTS = (0.2, 0.3, 0.4, 0.6, 0.7, 0.8)
"""Of a revolution, in which a rest is trimmed. At a half, nothing across the orbit can be reached."""
PROBE_M_S = 1e-3
LONGEST_COAST_S = 3 * 365 * DAY
SAME_RATE = 1e-9
"""rad/s, two degrees a year, as of 10 km in altitude: planes that turn so nearly alike do not meet."""


@dataclass(frozen=True, eq=False)
class Impulse:
    """An impulse of `delta_v` (3,), m/s, GCRS, `time_s` after the plan's epoch, and the law it follows."""

    time_s: float
    delta_v: Array
    law: str


@dataclass(frozen=True, eq=False)
class Transfer:
    """How one satellite, by its place in the list of orbits, gets to one slot, by its place in that list."""

    satellite: int
    slot: int
    burns: tuple[Impulse, ...]

    @property
    def delta_v(self) -> float:
        """The sum of the impulses, m/s."""
        return float(sum(np.linalg.norm(burn.delta_v) for burn in self.burns))

    @property
    def time_s(self) -> float:
        """Seconds after the plan's epoch at which the satellite is in its slot."""
        return self.burns[-1].time_s if self.burns else 0.0

    def maneuver(self) -> Maneuver:
        """The same as a boinor `Maneuver`, whose impulses count the time from one to the next."""
        from astropy import units as u
        from boinor.maneuver import Maneuver

        if not self.burns:
            return Maneuver((0 * u.s, np.zeros(3) * u.m / u.s))
        times = np.diff([0.0, *(burn.time_s for burn in self.burns)])
        impulses = zip(times, self.burns, strict=True)
        return Maneuver(*((wait * u.s, burn.delta_v * u.m / u.s) for wait, burn in impulses))


@dataclass(frozen=True, eq=False)
class Deployment:
    """A plan from `epoch` on: states (N, 6) of the satellites then, those of the slots, the transfers."""

    epoch: datetime
    satellites: Array
    slots: Array
    forces: Forces
    transfers: tuple[Transfer, ...]

    @property
    def delta_v(self) -> float:
        """Of all satellites together, m/s."""
        return sum(transfer.delta_v for transfer in self.transfers)

    @property
    def time_s(self) -> float:
        """Seconds after the epoch at which the last satellite is in its slot."""
        return max(transfer.time_s for transfer in self.transfers)

    @cached_property
    def misses(self) -> Array:
        """(N, 2): how far (m) and how fast (m/s) each satellite is from its slot after its last burn.

        By our propagator, under the plan's forces.
        """
        rows = [self._miss(transfer) for transfer in self.transfers]
        return np.array([[np.linalg.norm(off[:3]), np.linalg.norm(off[3:])] for off in rows])

    def _miss(self, transfer: Transfer) -> Array:
        end = fly(self.satellites[transfer.satellite], transfer.burns, transfer.time_s, self.forces)
        return end - fly(self.slots[transfer.slot], (), transfer.time_s, self.forces)

    def orbit(self, transfer: Transfer) -> Orbit:
        """The first orbit of a transfer's satellite, as boinor's `Orbit`, for `apply_maneuver`."""
        state = self.satellites[transfer.satellite]
        return to_orbit(state[:3], state[3:], self.epoch)


@dataclass(frozen=True)
class _Wishes:
    forces: Forces
    revolutions: int
    node_drift: bool
    intermediate: float | None


@accepts_quantities(intermediate_radius_m="m")
def plan_deployment(
    orbits: Iterable[Orbit],
    slots: Iterable[Orbit],
    *,
    revolutions: int = 15,
    forces: Forces = J2_ONLY,
    assign: bool = True,
    node_drift: bool = False,
    intermediate_radius_m: float | None = None,
) -> Deployment:
    """Impulses that bring every satellite to a slot.

    orbits, slots: of boinor's `Orbit` about the Earth, nearly circular slots; those of other epochs are flown
        to the latest, where the plan begins.
    revolutions: of a phasing. The more, the cheaper and the longer it takes.
    forces: zonal harmonics at most; `Forces(j2=0.0)` is the two-body problem, as boinor's `apply_maneuver`.
    assign: each satellite takes the slot that makes the sum of the phase angles least; else the one at its
        own place in the list. There may then be more slots than orbits.
    node_drift: coast in the parking orbit until its plane is the slot's. It needs J2 and another altitude.
    intermediate_radius_m: of a bi-elliptic transfer, taken where that is cheaper than Hohmann's.

    Raises SandboxError for orbits that do not fit these, drag, Sun, Moon or field in the forces, and a slot
    that cannot be reached.
    """
    if not (isinstance(revolutions, int | np.integer) and revolutions >= 1):
        raise SandboxError(f"revolutions = {revolutions!r:.60}; give a whole number of at least 1.")
    if forces.drag or forces.timed:
        raise SandboxError(
            "forces has drag, Sun, Moon or field; plan with zonal harmonics only, such as Forces()."
        )
    if node_drift and forces.j2 == 0.0:
        raise SandboxError("node_drift needs J2, which turns the planes; set forces.j2 or leave it out.")
    if intermediate_radius_m is not None and not intermediate_radius_m > R_EARTH + MIN_ALTITUDE_M:
        raise SandboxError(
            f"intermediate_radius_m = {intermediate_radius_m!r}; give metres from the Earth's centre, above "
            f"{R_EARTH + MIN_ALTITUDE_M:.0f}."
        )
    orbits, slots = listed(orbits), listed(slots)
    if not len(orbits) <= len(slots) or not orbits or (not assign and len(orbits) != len(slots)):
        raise SandboxError(f"{len(orbits)} orbits and {len(slots)} slots; give a slot for every orbit.")
    from_orbits([*orbits, *slots])  # what is no orbit about the Earth is said before epochs are compared
    epoch = max(orbit.epoch for orbit in [*orbits, *slots])
    first = np.hstack(from_orbits(orbits, epoch, forces))
    targets = np.hstack(from_orbits(slots, epoch, forces))
    start = as_utc(epoch)
    wishes = _Wishes(forces, int(revolutions), node_drift, intermediate_radius_m)
    chosen = _assigned(first, targets, wishes, start) if assign else np.arange(len(first))
    transfers = tuple(
        Transfer(i, int(j), _transfer(first[i], targets[j], wishes, start)) for i, j in enumerate(chosen)
    )
    return Deployment(start, first, targets, forces, transfers)


def fly(state: Array, burns: Iterable[Impulse], time_s: float, forces: Forces = J2_ONLY) -> Array:
    """The state (6,) at `time_s` of one that is (6,) at time 0 and makes these burns on its way."""
    now = 0.0
    for burn in burns:
        state = _carried(state, burn.time_s - now, forces)
        state, now = _burned(state, burn.delta_v), burn.time_s
    return _carried(state, time_s - now, forces)


def _carried(state: Array, seconds: float, forces: Forces) -> Array:
    position, velocity = propagate(state[:3], state[3:], [seconds], forces, max_step_s=120.0)
    return np.concatenate((position[0], velocity[0]))


def _burned(state: Array, delta_v: Array) -> Array:
    return np.concatenate((state[:3], state[3:] + delta_v))


def _assigned(first: Array, targets: Array, wishes: _Wishes, start: datetime) -> NDArray[np.int64]:
    """The slot of each satellite: the least sum of phase angles once all are at the slots' radius."""
    from scipy.optimize import linear_sum_assignment

    angles = np.empty((len(first), len(targets)))
    for i, state in enumerate(first):
        now, raised, _ = _raised(state, 0.0, targets[0], wishes, start)
        for j, target in enumerate(targets):
            angles[i, j] = abs(_phase(raised, _carried(target, now, wishes.forces)))
    return linear_sum_assignment(angles)[1]


def _transfer(state: Array, slot: Array, wishes: _Wishes, start: datetime) -> tuple[Impulse, ...]:
    if not wishes.node_drift:
        return _from(0.0, state, slot, wishes, start)[0]
    rate, coast = _drift(state, slot, wishes.forces)
    best: tuple[Impulse, ...] = ()
    for _ in range(4):  # the raise and the phasing turn the planes a little too
        if not 0.0 <= coast <= LONGEST_COAST_S:
            break
        burns, left = _from(coast, state, slot, wishes, start)
        if not best or _sum(burns) < _sum(best):
            best = burns
        coast += left / rate
    if not best:
        raise SandboxError(
            f"The planes of an orbit and its slot meet only after {coast / DAY:.0f} days of drift; "
            "park at another altitude, or plan without node_drift."
        )
    return best


def _sum(burns: Iterable[Impulse]) -> float:
    return float(sum(np.linalg.norm(burn.delta_v) for burn in burns))


def _from(
    coast: float, state: Array, slot: Array, wishes: _Wishes, start: datetime
) -> tuple[tuple[Impulse, ...], float]:
    """The burns after so long a coast, and by what angle (rad) the slot's node is ahead after phasing."""
    now, raised, burns = _raised(_carried(state, coast, wishes.forces), coast, slot, wishes, start)
    target = _carried(slot, now, wishes.forces)
    if _close(raised - target):
        return burns, 0.0
    phased, leave, enter = _phased(raised, target, now, wishes)
    target = _carried(slot, leave.time_s, wishes.forces)
    ahead = _wrapped(_node(target) - _node(phased))
    if _close(_burned(phased, leave.delta_v) - target):
        return (*burns, *enter, leave), ahead
    return (*burns, *enter, *_trimmed(phased, target, leave, wishes, start)), ahead


def _close(off: Array) -> bool:
    return bool(np.linalg.norm(off[:3]) <= CLOSE_M and np.linalg.norm(off[3:]) <= CLOSE_M_S)


def _radii(state: Array, forces: Forces) -> tuple[float, float]:
    """The lowest and highest radius (m) over the next revolution."""
    times = np.linspace(0.0, _period(state), 65)
    position, _ = propagate(state[:3], state[3:], times, forces, max_step_s=120.0)
    radius = np.linalg.norm(position, axis=1)
    return float(radius.min()), float(radius.max())


def _energy(state: Array) -> float:
    return float(0.5 * state[3:] @ state[3:] - MU_EARTH / np.linalg.norm(state[:3]))


def _period(state: Array) -> float:
    energy = _energy(state)
    if energy >= 0.0:
        raise SandboxError("An orbit is not bound to the Earth; give those of satellites of the Earth.")
    return 2 * pi * sqrt((-0.5 * MU_EARTH / energy) ** 3 / MU_EARTH)


def _raised(
    state: Array, now: float, slot: Array, wishes: _Wishes, start: datetime
) -> tuple[float, Array, tuple[Impulse, ...]]:
    """Time, state and burns after the transfer to the slot's radius; none if it is there already."""
    own, its = _radii(state, wishes.forces), _radii(slot, wishes.forces)
    if np.abs(np.subtract(own, its)).max() < SAME_SHAPE_M:
        return now, state, ()
    from astropy import units as u
    from boinor.maneuver import Maneuver

    radius = 0.5 * (its[0] + its[1])
    orbit = to_orbit(state[:3], state[3:], start, now)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba tells of slow products in boinor's code
        law, chosen = "hohmann", Maneuver.hohmann(orbit, radius * u.m)
        other = chosen
        if wishes.intermediate is not None:
            other = Maneuver.bielliptic(orbit, wishes.intermediate * u.m, radius * u.m)
    if other.get_total_cost() < chosen.get_total_cost():
        law, chosen = "bielliptic", other
    burns = []
    for k, (wait, delta_v) in enumerate(chosen.impulses):
        seconds = wait.to_value("s")
        if k == 0:  # boinor counts back to the last pericentre in the second half of a revolution
            seconds %= _period(state)
        state = _burned(_carried(state, seconds, wishes.forces), delta_v.to_value("m/s"))
        now += seconds
        burns.append(Impulse(now, delta_v.to_value("m/s"), law))
    return now, state, tuple(burns)


def _phase(state: Array, slot: Array) -> float:
    """The angle (rad, within a half turn) by which the slot is ahead, in its plane."""
    momentum = np.cross(slot[:3], slot[3:])
    ahead = np.cross(momentum / np.linalg.norm(momentum), state[:3])
    return float(np.arctan2(slot[:3] @ ahead, slot[:3] @ state[:3]))


def _along(state: Array) -> Array:
    return state[3:] / np.linalg.norm(state[3:])


def _phased(
    state: Array, slot: Array, now: float, wishes: _Wishes
) -> tuple[Array, Impulse, tuple[Impulse, ...]]:
    """The state before the last impulse of a phasing, that impulse, and the first one.

    The slot, `angle` ahead, passes the place of the first impulse when it has flown the rest of a whole
    number of revolutions; a satellite with the period for that is back there then too.
    """
    radius, angle = float(np.linalg.norm(state[:3])), _phase(state, slot)
    if not _safe(angle, radius, _period(slot), wishes.revolutions):
        angle -= 2 * pi  # falls back a revolution rather than dip into the air
    place, nodal = _latitude(state), _nodal_period(slot, wishes.forces)
    time = (wishes.revolutions - angle / (2 * pi)) * nodal
    for _ in range(3):
        target = _carried(slot, time, wishes.forces)
        time += nodal * _wrapped(place - _latitude(target)) / (2 * pi)
    target = _carried(slot, time, wishes.forces)
    ratio = time / (wishes.revolutions * nodal)
    first = _phasing_speed(radius, _period(target) * ratio) - float(np.linalg.norm(state[3:]))
    impulses = np.array([first, -first])

    def flown(impulses: Array) -> Array:
        return _carried(_burned(state, impulses[0] * _along(state)), time, wishes.forces)

    def missed(impulses: Array) -> Array:
        """Metres along track from the slot at the end, and m/s of speed too many for its energy."""
        end = flown(impulses)
        end = _burned(end, impulses[1] * _along(end))
        faster = (_energy(end) - _energy(target)) / np.linalg.norm(target[3:])
        return np.array([-radius * _phase(end, target), faster])

    for _ in range(10):
        error = missed(impulses)
        if abs(error[0]) < 1e-3 and abs(error[1]) < 1e-7:
            break
        slope = np.stack(
            [(missed(impulses + step) - error) / PROBE_M_S for step in PROBE_M_S * np.eye(2)], axis=1
        )
        impulses = impulses - np.linalg.solve(slope, error)
    end = flown(impulses)
    enter = Impulse(now, impulses[0] * _along(state), "phasing")
    return end, Impulse(now + time, impulses[1] * _along(end), "phasing"), (enter,)


def _latitude(state: Array) -> float:
    """Argument of latitude (rad): from the node, or from the x axis on an equatorial orbit."""
    momentum = np.cross(state[:3], state[3:])
    inclined = np.hypot(momentum[0], momentum[1]) > 1e-6 * np.linalg.norm(momentum)
    node = np.arctan2(momentum[0], -momentum[1]) if inclined else 0.0
    axis = np.array([np.cos(node), np.sin(node), 0.0])
    return float(
        np.arctan2(state[:3] @ np.cross(momentum / np.linalg.norm(momentum), axis), state[:3] @ axis)
    )


def _nodal_period(state: Array, forces: Forces) -> float:
    """Seconds from one passage of a place of the orbit, counted from the node, to the next."""
    period = _period(state)
    for _ in range(2):
        period += period * _wrapped(_latitude(state) - _latitude(_carried(state, period, forces))) / (2 * pi)
    return period


def _wrapped(angle: float) -> float:
    return (angle + pi) % (2 * pi) - pi


def _phasing_speed(radius: float, period: float) -> float:
    a = (MU_EARTH * (period / (2 * pi)) ** 2) ** (1 / 3)
    return sqrt(max(MU_EARTH * (2 / radius - 1 / a), 0.0))


def _safe(angle: float, radius: float, period: float, revolutions: int) -> bool:
    """Whether the phasing orbit stays above the air."""
    a = (MU_EARTH * (period * (1 - angle / (2 * pi * revolutions)) / (2 * pi)) ** 2) ** (1 / 3)
    return 2 * a - radius >= R_EARTH + MIN_ALTITUDE_M


def _trimmed(
    state: Array, slot: Array, leave: Impulse, wishes: _Wishes, start: datetime
) -> tuple[Impulse, ...]:
    """The last impulse of a phasing aimed anew, and one more some part of a revolution later."""
    found = [_rendezvous(state, slot, leave, part, wishes, start) for part in PARTS]
    reached = [burns for burns in found if burns is not None]
    if not reached:
        raise SandboxError(
            "A slot cannot be reached after phasing; take slots in its plane, or more revolutions."
        )
    return min(reached, key=_sum)


def _rendezvous(
    state: Array, slot: Array, leave: Impulse, part: float, wishes: _Wishes, start: datetime
) -> tuple[Impulse, Impulse] | None:
    """Two impulses, `part` of a revolution apart, from a state to the slot's; None where the search fails."""
    from boinor.maneuver import Maneuver

    time = part * _period(slot)
    target = _carried(slot, time, wishes.forces)
    orbit = to_orbit(state[:3], state[3:], start, leave.time_s)
    end = to_orbit(target[:3], target[3:], start, leave.time_s + time)
    guess = Maneuver.lambert(orbit, end, prograde=bool(np.cross(state[:3], state[3:])[2] > 0.0))
    impulse = guess.impulses[0][1].to_value("m/s")
    for _ in range(12):
        arrived = _carried(_burned(state, impulse), time, wishes.forces)
        off = arrived[:3] - target[:3]
        if np.linalg.norm(off) < 1e-3:
            last = Impulse(leave.time_s + time, target[3:] - arrived[3:], "lambert")
            return Impulse(leave.time_s, impulse, "lambert"), last
        slope = np.stack(
            [
                (_carried(_burned(state, impulse + step), time, wishes.forces)[:3] - arrived[:3]) / PROBE_M_S
                for step in PROBE_M_S * np.eye(3)
            ],
            axis=1,
        )
        impulse = impulse - np.linalg.solve(slope, off)
        if not np.linalg.norm(impulse) < 1e4:
            return None
    return None


def _node(state: Array) -> float:
    momentum = np.cross(state[:3], state[3:])
    return float(np.arctan2(momentum[0], -momentum[1]))


def _drift(state: Array, slot: Array, forces: Forces) -> tuple[float, float]:
    """How fast the node of a parking orbit gains on the slot's (rad/s), and when it is there (s)."""
    rates = []
    for each in (state, slot):
        momentum = np.cross(each[:3], each[3:])
        inclination = np.arccos(momentum[2] / np.linalg.norm(momentum))
        rates.append(j2_rates(0.5 * sum(_radii(each, forces)), 0.0, float(inclination))[0])
    rate = rates[0] - rates[1]
    ahead = _wrapped(_node(slot) - _node(state))
    if abs(ahead) < 1e-6:
        return rate or 1.0, 0.0
    if abs(rate) < SAME_RATE:
        raise SandboxError(
            "node_drift: a parking orbit turns as fast as its slot's; park at another altitude."
        )
    coast = ahead / rate
    return rate, coast if coast >= 0.0 else coast + 2 * pi / abs(rate)


__all__ = ["Deployment", "Impulse", "Transfer", "fly", "plan_deployment"]
