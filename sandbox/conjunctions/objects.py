"""Sets of objects carried through time together: propagated numerically, or by SGP4."""

from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.errors import SandboxError
from sandbox.orbits.bodies import MU_EARTH
from sandbox.orbits.catalogue import Catalogue
from sandbox.orbits.ephemeris import NO_EPHEMERIS, Ephemeris, covers
from sandbox.orbits.forces import J2_ONLY, Forces
from sandbox.orbits.propagation import advance, check_states, normal_forces
from sandbox.orbits.timescales import julian_date, utc_after
from sandbox.units import accepts_quantities

__all__ = ["CataloguedObjects", "Objects"]

Array = NDArray[np.float64]


class Objects:
    """N objects under `forces`: GCRS position (N, 3) m and velocity (N, 3) m/s at time 0.

    `ballistic_m2_kg` (Cd A / m) broadcasts against (N,). `ephemeris`, in seconds since the same time 0, is
    needed for the Sun, the Moon and a field only. `carry` moves `position` and `velocity`, (N, 3), to another
    time.
    """

    @accepts_quantities(position="m", velocity="m/s", ballistic_m2_kg="m2/kg")
    def __init__(
        self,
        position: ArrayLike,
        velocity: ArrayLike,
        forces: Forces = J2_ONLY,
        ballistic_m2_kg: ArrayLike = 0.0,
        ephemeris: Ephemeris | None = None,
    ) -> None:
        start = check_states(np.atleast_2d(position), np.atleast_2d(velocity))
        self._start: tuple[Array, Array] = start[0].copy(), start[1].copy()
        self.position, self.velocity, self.time = start[0].copy(), start[1].copy(), 0.0
        self.forces = normal_forces(forces)
        self.ballistic = np.broadcast_to(np.asarray(ballistic_m2_kg, float), len(self.position)).copy()
        if ephemeris is None and self.forces.timed:
            raise SandboxError(
                "Forces with Sun, Moon or field need an ephemeris; pass make_ephemeris(epoch, duration_s)."
            )
        self._ephemeris = NO_EPHEMERIS if ephemeris is None else ephemeris

    def __len__(self) -> int:
        return len(self.position)

    @accepts_quantities(time_s="s")
    def carry(self, time_s: float) -> None:
        """Move everything to `time_s`, in steps of at most a minute.

        Raises SandboxError beyond the ephemeris.
        """
        if self.forces.timed and not covers(self._ephemeris, self.time, time_s):
            raise SandboxError(f"The ephemeris does not reach to {time_s:g} s; make it for longer.")
        if time_s == 0.0:
            self.position[...], self.velocity[...] = self._start
        else:
            position, velocity = self.position[None], self.velocity[None]
            now, step = np.array([self.time]), time_s - self.time
            advance(position, velocity, now, step, 60.0, self.forces, self.ballistic, self._ephemeris)
        self.time = time_s

    def select(self, which: NDArray) -> "Objects":
        """Those numbered `which`, at time 0."""
        start = self._start[0][which], self._start[1][which]
        return Objects(*start, self.forces, self.ballistic[which], self._ephemeris)

    def radii(self) -> tuple[Array, Array]:
        """Perigee and apogee radius (N,), m, of the orbits at time 0; a path that escapes has no apogee."""
        return radii(*self._start)


class CataloguedObjects:
    """The N objects of a catalogue, flown by SGP4; time 0 is `epoch` (UTC).

    An object that SGP4 gives up on, such as one that has decayed, is NaN from then on and meets nobody.
    """

    forces = J2_ONLY
    """What moves them from one moment that SGP4 gave to the closest approach, half a minute away at most."""

    def __init__(self, catalogue: Catalogue, epoch: datetime | str) -> None:
        self.catalogue, self.epoch = catalogue, epoch
        self._julian = julian_date(epoch)
        self.ballistic = np.zeros(len(catalogue))
        self.position, self.velocity = np.empty((len(catalogue), 3)), np.empty((len(catalogue), 3))
        self.carry(0.0)

    def __len__(self) -> int:
        return len(self.catalogue)

    @accepts_quantities(time_s="s")
    def carry(self, time_s: float) -> None:
        """Ask SGP4 for everything at `time_s`."""
        day, fraction = utc_after(*self._julian, np.array([time_s]))
        codes, position, velocity = self.catalogue.propagate(day, fraction)
        good = codes[:, :1] == 0
        self.position[...] = np.where(good, position[:, 0], np.nan)
        self.velocity[...] = np.where(good, velocity[:, 0], np.nan)
        self.time = time_s

    def select(self, which: NDArray) -> "CataloguedObjects":
        """Those numbered `which`."""
        sets = self.catalogue.sets
        return CataloguedObjects(Catalogue(tuple(sets[i] for i in which)), self.epoch)

    def radii(self) -> tuple[Array, Array]:
        """Perigee and apogee radius (N,), m, of the orbits at time 0."""
        self.carry(0.0)
        return radii(self.position, self.velocity)


AnyObjects = Objects | CataloguedObjects


def radii(position: Array, velocity: Array) -> tuple[Array, Array]:
    """Perigee and apogee radius (N,) of osculating orbits; an escaping path has an infinite apogee."""
    distance = np.linalg.norm(position, axis=-1)
    inverse = 2.0 / distance - (velocity * velocity).sum(axis=-1) / MU_EARTH
    momentum2 = (np.cross(position, velocity) ** 2).sum(axis=-1)
    eccentricity = np.sqrt(np.maximum(0.0, 1.0 - momentum2 / MU_EARTH * inverse))
    perigee = momentum2 / MU_EARTH / (1.0 + eccentricity)
    with np.errstate(divide="ignore", invalid="ignore"):
        return perigee, np.where(inverse > 0.0, (1.0 + eccentricity) / inverse, np.inf)
