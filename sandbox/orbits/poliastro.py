"""The way in and out to the poliastro family (boinor): its `Orbit` for fleets, manoeuvres, plots and checks.

boinor and astropy are imported by the first call (0.7 s).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.errors import SandboxError
from sandbox.orbits.ephemeris import Ephemeris, make_ephemeris
from sandbox.orbits.forces import J2_ONLY, Forces
from sandbox.orbits.propagation import propagate
from sandbox.orbits.timescales import Epoch, as_time
from sandbox.units import DAY, accepts_quantities

if TYPE_CHECKING:
    from boinor.twobody import Orbit

__all__ = ["from_orbits", "to_orbit"]

LONGEST_FLIGHT_S = 30 * DAY
"""Orbits are carried no further than this to the epoch of a scenario: most likely they have none of their own
(boinor's default is the year 2000), and nothing is known of them so long before or after."""


@accepts_quantities(position="m", velocity="m/s", seconds="s")
def to_orbit(position, velocity, epoch: Epoch, seconds: float = 0.0) -> Orbit:
    """A boinor `Orbit` about the Earth of one GCRS state (3,), (3,) in m and m/s, `seconds` after an epoch.

    Raises SandboxError for other shapes, numbers that are not finite, and what is no epoch.
    """
    position, velocity = np.asarray(position, dtype=float), np.asarray(velocity, dtype=float)
    if position.shape != (3,) or velocity.shape != (3,):
        raise SandboxError(f"One Orbit takes one state (3,); got {position.shape} and {velocity.shape}.")
    if not (np.isfinite(position).all() and np.isfinite(velocity).all() and position.any()):
        raise SandboxError(f"No Orbit has the position {position} and velocity {velocity}; give finite ones.")
    time = as_time(epoch)
    from astropy import units as u
    from boinor.bodies import Earth
    from boinor.twobody import Orbit

    if seconds:
        time = time + seconds * u.s
    return Orbit.from_vectors(Earth, position * u.m, velocity * u.m / u.s, epoch=time)


@accepts_quantities(ballistic_m2_kg="m2/kg")
def from_orbits(
    orbits: Iterable[Orbit],
    epoch: Epoch | None = None,
    forces: Forces = J2_ONLY,
    ballistic_m2_kg: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """GCRS positions (N, 3) in m and velocities (N, 3) in m/s of poliastro-family orbits.

    Each is at its own epoch, or, where `epoch` is given, flown from its own to that one under `forces` and
    with `ballistic_m2_kg` (Cd A / m). An orbit is anything with `attractor`, `epoch` and `rv()`; one in the
    plane of the ecliptic is turned. Raises SandboxError unless every attractor is the Earth, and for an orbit
    whose epoch is more than 30 days from `epoch`.
    """
    orbits = listed(orbits)
    if not orbits:
        raise SandboxError("There is no orbit in the list; give one at least.")
    states = [_state(orbit, i) for i, orbit in enumerate(orbits)]
    if epoch is not None:
        time = as_time(epoch)
        for i, orbit in enumerate(orbits):
            ahead = float((time - orbit.epoch).to_value("s"))
            states[i] = _flown(states[i], ahead, i, orbit, time, forces, ballistic_m2_kg)
    position, velocity = zip(*states, strict=True)
    return np.array(position), np.array(velocity)


def listed(orbits: Iterable[Orbit]) -> list[Orbit]:
    """The orbits as a list. Raises SandboxError for a single one, and for what cannot be listed."""
    if hasattr(orbits, "rv") or not isinstance(orbits, Iterable):
        raise SandboxError(f"orbits is {type(orbits).__name__}; give a list of Orbit.")
    return list(orbits)


def _state(orbit: Any, i: int) -> tuple[np.ndarray, np.ndarray]:
    if not (hasattr(orbit, "rv") and hasattr(orbit, "attractor")):
        raise SandboxError(
            f"Orbit {i} is a {type(orbit).__name__}, no Orbit; give objects with rv() and an attractor."
        )
    if orbit.attractor.name != "Earth":
        raise SandboxError(
            f"The attractor of orbit {i} is {orbit.attractor.name}; give orbits around the Earth."
        )
    plane = getattr(orbit, "plane", None)
    if plane is not None and plane.name == "BODY_FIXED":
        raise SandboxError(f"Orbit {i} is in axes that turn with the Earth; give it in Planes.EARTH_EQUATOR.")
    if plane is not None and plane.name != "EARTH_EQUATOR":
        orbit = orbit.change_plane(type(plane).EARTH_EQUATOR)
    position, velocity = orbit.rv()
    return position.to_value("m"), velocity.to_value("m/s")


def _flown(
    state: tuple[np.ndarray, np.ndarray],
    ahead: float,
    i: int,
    orbit: Any,
    time: Any,
    forces: Forces,
    ballistic: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The state `ahead` seconds (of either sign) after the orbit's epoch, which is `time`."""
    if not abs(ahead) <= LONGEST_FLIGHT_S:
        raise SandboxError(
            f"The epoch of orbit {i} is {orbit.epoch.utc.isot}, {abs(ahead) / DAY:.0f} days from "
            f"{time.utc.isot}; make it with epoch=Time(...) within {LONGEST_FLIGHT_S / DAY:.0f} days, "
            "or choose another epoch."
        )
    if ahead == 0.0:
        return state
    tables: Ephemeris | None = None
    if forces.timed:  # whose times count from the earlier of the two
        tables = make_ephemeris(min(orbit.epoch, time), abs(ahead))
        tables = tables._replace(start_s=tables.start_s + min(ahead, 0.0))
    position, velocity = propagate(*state, [ahead], forces, ballistic, tables)
    return position[0], velocity[0]
