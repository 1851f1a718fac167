"""Electric propulsion: continuous low thrust along the track, what it draws and what it uses up.

Thrust is 2 x efficiency x power / (Isp g0) and mass flow thrust / (Isp g0), so that the jet carries
`efficiency` of the electrical power (Goebel and Katz 2008, chapter 2). A command for a round is one of
`THRUSTS`: along the velocity, against it, or none. The thruster stays off where a satellite is lost or in
safe mode, has no propellant, or has no more than `least_charge` in its battery when the round begins;
where propellant runs out, it stops within the round. A satellite that thrusts holds the camera to nadir
and the thruster along track: in such a round it flies IDLE, whatever else it was told to do. What it
draws counts in the round's load, spread evenly over the round, and ends as heat on board like all of that
load. Drag is that of the first mass.

An orbit is flown under thrust by impulses between steps of its propagator, at the two Gauss points of
each step of at most a minute: a rule of order four (Hairer, Norsett and Wanner 1993, section II.7). At
0.6 mm/s2 that is 0.4 mm after a day away from the same thrust without a break. Each impulse is what the
rocket equation says of the propellant used, so that they add up to it to round-off.

Shapes: B worlds, N satellites. SI units.
"""

from math import ceil, inf, log, sqrt
from typing import NamedTuple

import numpy as np

from sandbox.compiled import kernel
from sandbox.links import restart_search
from sandbox.maneuvers import SEEK_M_S, carried, leave_slot, predict
from sandbox.orbits.propagation import MAX_STEP_S
from sandbox.safety import is_safe
from sandbox.setting import Setting
from sandbox.state import IDLE, wipe
from sandbox.structured import structured

THRUSTS = ("off", "prograde", "retrograde")
OFF, PROGRADE, RETROGRADE = range(3)
STANDARD_GRAVITY = 9.80665
"""m/s2, by which a specific impulse in seconds is one in m/s (CGPM 1901)."""
FIRST_POINT = 0.5 - sqrt(3.0) / 6.0
"""The first of the two Gauss points of a step; the other is as far from its end."""

THRUSTER = structured(
    [
        ("power", "f8"),  # W drawn; 0 where there is no thruster
        ("force", "f8"),  # N
        ("exhaust", "f8"),  # m/s
        ("flow", "f8"),  # kg/s
        ("dry", "f8"),  # kg without propellant
        ("propellant", "f8"),  # kg when an episode begins
        ("least_charge", "f8"),  # share of the battery
    ]
)
"""The thruster of a satellite."""
TANK = structured(
    [
        ("propellant", "f8"),  # kg left
        ("thrust", "i4"),  # of the last round, number in `THRUSTS`
        ("seconds", "f8"),  # of it in which the thruster was on
        ("gained", "f8"),  # m/s that it gave, of either sign
        ("spent", "f8"),  # m/s given since the episode began, whichever way
        ("joules", "f8"),  # J drawn since then
        ("unsought", "f8"),  # m/s given since the search for contacts with the ground was begun anew
    ]
)
"""What changes with time."""


class Tanks(NamedTuple):
    """What of the propulsion changes with time."""

    tank: np.ndarray  # (B, N) TANK


class Propulsion(NamedTuple):
    """The part of a world that thrusts."""

    state: Tanks
    params: np.ndarray  # (N,) THRUSTER


def make_part(setting: Setting) -> Propulsion:
    """The thrusters of the scenario's spacecraft; those without one never thrust."""
    thrusters, kinds = np.zeros(len(setting.fleet), THRUSTER), np.array(setting.fleet.kinds)
    for name, craft in setting.scenario.spacecraft.items():
        given, mine = craft.propulsion, kinds == name
        if given is None:
            continue
        exhaust = given.isp_s * STANDARD_GRAVITY
        force = 2.0 * given.efficiency * given.thruster_w / exhaust
        dry = craft.body.mass_kg - given.propellant_kg
        thrusters[mine] = (
            given.thruster_w, force, exhaust, force / exhaust, dry, given.propellant_kg, given.least_charge,
        )  # fmt: skip
    return Propulsion(Tanks(np.zeros(setting.team, TANK)), thrusters)


def begin(propulsion: Propulsion, b: int) -> None:
    """Begin an episode in world `b`: the tanks are full."""
    wipe(propulsion.state.tank, b)
    propulsion.state.tank["propellant"][b] = propulsion.params["propellant"]


def most_delta_v(propulsion: Propulsion | None) -> float:
    """m/s that the satellite with the most has in its full tank (Tsiolkovsky); 0 without propulsion."""
    if propulsion is None:
        return 0.0
    own = propulsion.params[propulsion.params["power"] > 0.0]
    return float((own["exhaust"] * np.log1p(own["propellant"] / own["dry"])).max(initial=0.0))


@kernel
def delta_v_left(propulsion, b, n):
    """m/s that the propellant left would give (Tsiolkovsky); 0 without a thruster."""
    thruster = propulsion.params[n]
    if thruster.power == 0.0:
        return 0.0
    return thruster.exhaust * log(1.0 + propulsion.state.tank[b, n].propellant / thruster.dry)


@kernel
def can_thrust(state, propulsion, b, n):
    """Whether satellite n of world b would thrust if it were told to."""
    thruster, power = propulsion.params[n], state.power[b, n]
    able = state.body[b, n].alive and not is_safe(state, b, n)
    charged = power.energy > thruster.least_charge * power.capacity
    return able and charged and thruster.power > 0.0 and propulsion.state.tank[b, n].propellant > 0.0


@kernel
def fire(state, constants, propulsion, encounters, task, wanted, b):
    """Fly the satellites of world b that are told and able to thrust to the end of the round under thrust.

    `task` (N,) TASK and `wanted` (N,), number in `THRUSTS`, are of the coming round.
    """
    if propulsion is None:
        return
    for n in range(state.body.shape[1]):
        tank, thruster = propulsion.state.tank[b, n], propulsion.params[n]
        tank.thrust, tank.seconds, tank.gained = OFF, 0.0, 0.0
        if wanted[n] == OFF or not can_thrust(state, propulsion, b, n):
            continue
        _leave_slot(state, encounters, b, n)
        tank.thrust = wanted[n]
        tank.seconds = min(constants.round_s, tank.propellant / thruster.flow)
        _fly(state.orbit, constants, thruster, tank, state.clock[b].time, b, n)
        tank.spent += abs(tank.gained)
        tank.unsought += abs(tank.gained)
        tank.joules += thruster.power * tank.seconds
        state.load[b, n].joules += thruster.power * tank.seconds
        task[n].mode, task[n].first_mode, task[n].sends = IDLE, IDLE, False


@kernel
def _leave_slot(state, encounters, b, n):
    """From its first thrust on, as from its first burn, the slot of a satellite is another orbit."""
    if encounters is None:
        return
    if not encounters.state.burned[b, n]:
        leave_slot(encounters.state, state.orbit, state.clock[b].time, b, n)


@kernel
def _fly(orbit, constants, thruster, tank, now, b, n):
    """Carry satellite n of world b one round on, with its thruster on in the first `tank.seconds` of it."""
    p, v = orbit.position[b, n], orbit.velocity[b, n]
    s, seconds = (p[0], p[1], p[2], v[0], v[1], v[2]), tank.seconds
    steps = max(1, ceil(seconds / MAX_STEP_S))
    h = seconds / steps
    used = thruster.flow * h / 2.0
    sign = 1.0 if tank.thrust == PROGRADE else -1.0
    for step in range(steps):
        time = now + step * h
        s = carried(s, time, FIRST_POINT * h, MAX_STEP_S, constants, n)
        s = _kicked(s, sign, used, thruster, tank)
        s = carried(s, time + FIRST_POINT * h, (1.0 - 2.0 * FIRST_POINT) * h, MAX_STEP_S, constants, n)
        s = _kicked(s, sign, used, thruster, tank)
        s = carried(s, time + (1.0 - FIRST_POINT) * h, FIRST_POINT * h, MAX_STEP_S, constants, n)
    rest = constants.round_s - seconds
    if rest > 0.0:
        tank.propellant = 0.0
        s = carried(s, now + seconds, rest, MAX_STEP_S, constants, n)
    for i in range(3):
        orbit.next_position[b, n, i], orbit.next_velocity[b, n, i] = s[i], s[3 + i]


@kernel
def _kicked(s, sign, used, thruster, tank):
    """State s (six numbers) after `used` kg have left along the track or, where `sign` is -1, against it."""
    after = max(0.0, tank.propellant - used)
    gain = sign * thruster.exhaust * log((thruster.dry + tank.propellant) / (thruster.dry + after))
    tank.propellant = after
    tank.gained += gain
    factor = 1.0 + gain / sqrt(s[3] * s[3] + s[4] * s[4] + s[5] * s[5])
    return s[0], s[1], s[2], factor * s[3], factor * s[4], factor * s[5]


@kernel
def foresee(state, constants, propulsion, encounters, begins, b):
    """After a round: what lies ahead of the satellites of world b that have thrust is predicted anew."""
    if propulsion is None:
        return
    now = state.clock[b].time
    for n in range(state.body.shape[1]):
        tank = propulsion.state.tank[b, n]
        if begins or tank.seconds == 0.0:
            continue
        if tank.unsought > SEEK_M_S:
            tank.unsought = 0.0
            restart_search(state.contacts, b, n, now, state.orbit.position[b, n], state.orbit.velocity[b, n])
        _predict(state, constants, encounters, now, b, n)


@kernel
def _predict(state, constants, encounters, now, b, n):
    """As after a burn. What passes within the round itself is off by its share of a x t^2 / 2 at most."""
    if encounters is None:
        return
    encounters.state.warned_until[b, n] = -inf
    predict(encounters.state, state.orbit, constants, b, n, now)
