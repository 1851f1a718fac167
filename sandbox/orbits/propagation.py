"""Cowell propagation: fixed steps of order eight under the forces of `forces`.

In low orbit steps of 60 s stay within 0.1 mm a day of the exact solution, those of 180 s within 2 mm, at
0.2 us a step. A gravity field of degree and order 4 takes 6 times that, of 8 12 times, of 20 44 times, and
keeps 5 mm a day at 60 s.
"""

import numpy as np

from sandbox.compiled import kernel, kernel_apart
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import R_EARTH
from sandbox.orbits.dop853 import A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, B, C, combine
from sandbox.orbits.ephemeris import NO_EPHEMERIS, Ephemeris, covers, moon_position, sun_position
from sandbox.orbits.forces import J2_ONLY, Forces, acceleration
from sandbox.orbits.gravity import NO_TURN, turn_at, turned
from sandbox.units import accepts_quantities

__all__ = ["propagate"]

MAX_STEP_S = 60.0
"""Longest propagation step of a world: order eight keeps 0.03 mm a day at this length (J2)."""


@kernel
def _slope(state, acting, seconds):
    """The slope of a state, so many seconds into the step."""
    x, y, z, vx, vy, vz = state
    forces, ballistic, sun, moon, turn = acting
    turn = turned(forces.field, turn, seconds)
    ax, ay, az = acceleration(x, y, z, vx, vy, vz, forces, ballistic, sun, moon, turn)
    return vx, vy, vz, ax, ay, az


@kernel_apart
def dop8_step(x, y, z, vx, vy, vz, h, forces, ballistic, sun, moon, turn=NO_TURN):
    """Position and velocity h seconds later (h of either sign): one step of order eight.

    The Sun and the Moon are held still over the step: give them at its middle. `turn` is `gravity.turn_at` at
    its start.
    """
    s, acting = (x, y, z, vx, vy, vz), (forces, ballistic, sun, moon, turn)
    k0 = _slope(s, acting, 0.0)
    k1 = _slope(combine(s, h, A1, (k0,)), acting, C[1] * h)
    k2 = _slope(combine(s, h, A2, (k0, k1)), acting, C[2] * h)
    k3 = _slope(combine(s, h, A3, (k0, k2)), acting, C[3] * h)
    k4 = _slope(combine(s, h, A4, (k0, k2, k3)), acting, C[4] * h)
    k5 = _slope(combine(s, h, A5, (k0, k3, k4)), acting, C[5] * h)
    k6 = _slope(combine(s, h, A6, (k0, k3, k4, k5)), acting, C[6] * h)
    k7 = _slope(combine(s, h, A7, (k0, k3, k4, k5, k6)), acting, C[7] * h)
    k8 = _slope(combine(s, h, A8, (k0, k3, k4, k5, k6, k7)), acting, C[8] * h)
    k9 = _slope(combine(s, h, A9, (k0, k3, k4, k5, k6, k7, k8)), acting, C[9] * h)
    k10 = _slope(combine(s, h, A10, (k0, k3, k4, k5, k6, k7, k8, k9)), acting, C[10] * h)
    k11 = _slope(combine(s, h, A11, (k0, k3, k4, k5, k6, k7, k8, k9, k10)), acting, C[11] * h)
    return combine(s, h, B, (k0, k5, k6, k7, k8, k9, k10, k11))


@kernel
def advance(position, velocity, t, dt, max_step, forces, ballistic, ephemeris):
    """Move position and velocity (B, N, 3), in place, from t (B,) to t + dt seconds (dt of either sign).

    dt is cut into equal steps of at most `max_step` seconds; ballistic is (N,), Cd A / m in m2/kg. The
    ephemeris is read only if the forces are `timed`, else `NO_EPHEMERIS` will do. t is left as it is.
    """
    steps = max(int(np.ceil(abs(dt) / max_step)), 1)
    h = dt / steps
    sun = moon = (0.0, 0.0, 0.0)
    for b in range(position.shape[0]):
        for step in range(steps):
            middle = t[b] + (step + 0.5) * h
            if forces.sun:
                sun = sun_position(ephemeris, middle)
            if forces.moon:
                moon = moon_position(ephemeris, middle)
            turn = turn_at(forces.field, ephemeris, t[b] + step * h)
            _step_all(position[b], velocity[b], h, forces, ballistic, sun, moon, turn)


@kernel
def _step_all(position, velocity, h, forces, ballistic, sun, moon, turn):
    for i in range(position.shape[0]):
        p, v = position[i], velocity[i]
        p[0], p[1], p[2], v[0], v[1], v[2] = dop8_step(
            p[0], p[1], p[2], v[0], v[1], v[2], h, forces, ballistic[i], sun, moon, turn
        )


@accepts_quantities(position="m", velocity="m/s", times_s="s", ballistic_m2_kg="m2/kg", max_step_s="s")
def propagate(
    position,
    velocity,
    times_s,
    forces: Forces = J2_ONLY,
    ballistic_m2_kg=0.0,
    ephemeris: Ephemeris | None = None,
    max_step_s: float = 60.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Positions (m) and velocities (m/s) in GCRS at `times_s` (T,) for states (..., 3) given at time 0.

    Times may be in any order and negative. `ballistic_m2_kg` (Cd A / m) broadcasts against the states'
    leading shape. `ephemeris` (seconds since the same time 0) is needed for Sun, Moon and field only. Returns
    two arrays (T, ..., 3); nothing stops a trajectory at the ground. Raises SandboxError for shapes that do
    not fit, values that are not finite, a start inside the Earth, or an ephemeris that is missing or too
    short.
    """
    position, velocity = check_states(position, velocity)
    times = _finite("times_s", times_s).reshape(-1)
    forces = normal_forces(forces)
    ephemeris = _ephemeris_for(forces, ephemeris, times)
    if not max_step_s > 0:
        raise SandboxError(
            f"max_step_s is {max_step_s}; it must be more than 0 seconds, 60 is good in low orbit."
        )
    ballistic = _ballistic(ballistic_m2_kg, position.shape[:-1])
    positions, velocities = (np.empty((len(times), *position.shape)) for _ in range(2))
    order = np.argsort(times)
    for sweep in (order[times[order] >= 0], order[times[order] < 0][::-1]):
        p, v, now = position.reshape(1, -1, 3).copy(), velocity.reshape(1, -1, 3).copy(), 0.0
        for i in sweep:
            advance(p, v, np.array([now]), times[i] - now, float(max_step_s), forces, ballistic, ephemeris)
            positions[i], velocities[i], now = p.reshape(position.shape), v.reshape(position.shape), times[i]
    return positions, velocities


def check_states(position, velocity) -> tuple[np.ndarray, np.ndarray]:
    position, velocity = _finite("position", position), _finite("velocity", velocity)
    if position.shape != velocity.shape or position.shape[-1:] != (3,):
        raise SandboxError(
            f"position has shape {position.shape}, velocity {velocity.shape}; both must be the same (..., 3)."
        )
    lowest = np.linalg.norm(position, axis=-1).min(initial=np.inf)
    if lowest < 0.99 * R_EARTH:
        raise SandboxError(
            f"A position lies {lowest:g} m from the Earth's centre, inside it; give metres, GCRS."
        )
    return position, velocity


def _finite(name: str, values) -> np.ndarray:
    try:
        values = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise SandboxError(f"{name} is {values!r:.60}; it must be numbers in one regular array.") from None
    if not np.isfinite(values).all():
        raise SandboxError(f"{name} holds a value that is not finite; every entry must be a number.")
    return values


def normal_forces(forces: Forces) -> Forces:
    """The same forces in the exact types of `Forces`, so that kernels are compiled once."""
    zonals = float(forces.j2), float(forces.j3), float(forces.j4)
    switches = bool(forces.drag), bool(forces.sun), bool(forces.moon)
    return Forces(*zonals, *switches, float(forces.density_factor), forces.field)


def _ephemeris_for(forces: Forces, ephemeris: Ephemeris | None, times: np.ndarray) -> Ephemeris:
    if not forces.timed:
        return NO_EPHEMERIS
    if ephemeris is None:
        raise SandboxError(
            "Forces with Sun, Moon or field need an ephemeris; pass make_ephemeris(epoch, duration_s)."
        )
    first, last = times.min(initial=0.0), times.max(initial=0.0)
    if not covers(ephemeris, first, last):
        raise SandboxError(f"The ephemeris does not cover {first:g} s to {last:g} s; make it for longer.")
    return ephemeris


def _ballistic(ballistic_m2_kg, shape: tuple[int, ...]) -> np.ndarray:
    ballistic = _finite("ballistic_m2_kg", ballistic_m2_kg)
    try:
        return np.broadcast_to(ballistic, shape).reshape(-1).copy()
    except ValueError:
        raise SandboxError(
            f"ballistic_m2_kg has shape {ballistic.shape}; it must broadcast against the states' {shape}."
        ) from None


@kernel
def hermite_coefficients(r0, v0, a0, r1, v1, a1, h):
    """The quintic in time that has these positions, velocities and accelerations (3,) at 0 and at h seconds.

    Six coefficients a coordinate, constant first, for `hermite_at`; within 0.1 mm over 60 s in low orbit.
    """
    return (
        _quintic(r0[0], v0[0], a0[0], r1[0], v1[0], a1[0], h),
        _quintic(r0[1], v0[1], a0[1], r1[1], v1[1], a1[1], h),
        _quintic(r0[2], v0[2], a0[2], r1[2], v1[2], a1[2], h),
    )


@kernel
def _quintic(r0, v0, a0, r1, v1, a1, h):
    # what is left at h after the first three terms, in position, velocity and acceleration
    dr = (r1 - r0 - h * (v0 + 0.5 * h * a0)) / h**3
    dv = (v1 - v0 - h * a0) / h**2
    da = (a1 - a0) / h
    return (
        r0,
        v0,
        0.5 * a0,
        10 * dr - 4 * dv + 0.5 * da,
        (-15 * dr + 7 * dv - da) / h,
        (6 * dr - 3 * dv + 0.5 * da) / h**2,
    )


@kernel
def hermite_at(coefficients, tau):
    """Position (m) at tau seconds on the curve of `hermite_coefficients`."""
    cx, cy, cz = coefficients
    return _polynomial(cx, tau), _polynomial(cy, tau), _polynomial(cz, tau)


@kernel
def _polynomial(c, t):
    return c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * (c[4] + t * c[5]))))
