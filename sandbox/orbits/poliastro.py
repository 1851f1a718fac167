"""The bridge to the poliastro family (boinor): its `Orbit` for set-up, manoeuvres, plots and cross-checks."""

from collections.abc import Iterable
from datetime import datetime

import numpy as np

from sandbox.errors import SandboxError
from sandbox.orbits.timescales import as_utc


def to_orbit(position, velocity, epoch: datetime | str):
    """A boinor `Orbit` around the Earth of one GCRS state (3,), (3,) in m and m/s at a UTC epoch."""
    from astropy import units as u
    from astropy.time import Time
    from boinor.bodies import Earth
    from boinor.twobody import Orbit

    position, velocity = np.asarray(position, dtype=float), np.asarray(velocity, dtype=float)
    if position.shape != (3,) or velocity.shape != (3,):
        raise SandboxError(f"One Orbit takes one state (3,); got {position.shape} and {velocity.shape}.")
    time = Time(as_utc(epoch).replace(tzinfo=None), scale="utc")
    return Orbit.from_vectors(Earth, position * u.m, velocity * u.m / u.s, epoch=time)


def from_orbits(orbits: Iterable) -> tuple[np.ndarray, np.ndarray]:
    """Positions (N, 3) in m and velocities (N, 3) in m/s of poliastro-family orbits, each at its own epoch.

    An orbit is anything with `attractor` and `rv()`. Raises SandboxError unless every attractor is the Earth.
    """
    states = [_state(orbit) for orbit in orbits]
    if not states:
        raise SandboxError("There is no orbit in the list; give one at least.")
    position, velocity = zip(*states, strict=True)
    return np.array(position), np.array(velocity)


def _state(orbit) -> tuple[np.ndarray, np.ndarray]:
    if not (hasattr(orbit, "rv") and hasattr(orbit, "attractor")):
        raise SandboxError(f"{type(orbit).__name__} is no Orbit; give objects with rv() and an attractor.")
    if orbit.attractor.name != "Earth":
        raise SandboxError(f"An orbit's attractor is {orbit.attractor.name}; give orbits around the Earth.")
    position, velocity = orbit.rv()
    return position.to_value("m"), velocity.to_value("m/s")
