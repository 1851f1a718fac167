"""The fields of the fleet: groups of satellites, and the seven ways to say where they fly."""

from math import hypot
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from sandbox.bounds import FARTHEST_KM, FASTEST_KM_S, MOST_NAMED, Count, Index, Name
from sandbox.orbits.catalogue import Catalogue, read_catalogue
from sandbox.scenario.fields import Altitude, Angle, Inclination, Model

LOWEST_KM = 6_499.0
"""Lowest perigee, km from the geocentre: the air ends an orbit at 120 km (`flight.LOWEST_M`)."""


class Walker(Model):
    """Circular orbits i:T/P/F (Walker 1984), their nodes over 360 degrees (delta) or 180 (star)."""

    pattern: Literal["delta", "star"] = "delta"
    total: Count
    planes: Count
    phasing: Index = 0
    altitude_km: Altitude
    inclination_deg: Inclination
    raan_deg: Angle = 0.0


class SunSynchronous(Model):
    """Planes in sun-synchronous orbit with ascending nodes at these local times, hours."""

    total: Count
    altitude_km: Annotated[float, Field(ge=200, le=5_900)]
    local_time_h: tuple[Annotated[float, Field(ge=0, lt=24)], ...] = Field(
        min_length=1, max_length=MOST_NAMED
    )
    phasing: Index = 0


class Catalogued(Model):
    """A catalogue file (TLE, 3LE, OMM as JSON, CSV, XML or KVN) and, if not all of it, what to take.

    `select` lists names and catalogue numbers; of those, or of all, the `first` that fly at the epoch are
    taken. What cannot be used is left out with a warning, or refused if `strict`.
    """

    file: Path
    select: tuple[Name, ...] | None = Field(None, max_length=MOST_NAMED)
    first: Count | None = None
    strict: bool = False

    @field_validator("select", mode="before")
    @classmethod
    def _names(cls, names: Any) -> Any:
        """One name stands for a list of one, a number for its digits."""
        listed = [names] if isinstance(names, (str, int)) else names
        if not isinstance(listed, (list, tuple)):
            return listed
        return [str(each) if type(each) is int and abs(each) < 10**9 else each for each in listed]

    def read(self) -> Catalogue:
        """The catalogue, or what `select` takes of it. Raises SandboxError."""
        catalogue = read_catalogue(self.file, self.strict)
        return catalogue.select(self.select) if self.select else catalogue


class MeanElements(Model):
    """SGP4 mean elements of one object, as a line of a catalogue states them (TEME)."""

    name: Name
    norad_id: Annotated[int, Field(ge=0, le=999_999_999)] = 0
    cospar_id: Name = ""
    epoch: Name
    inclination_deg: Inclination
    raan_deg: Angle
    eccentricity: Annotated[float, Field(ge=0, lt=1)]
    argp_deg: Angle
    mean_anomaly_deg: Angle
    mean_motion_rev_day: Annotated[float, Field(gt=0, le=18)]
    ndot_rev_day2: Annotated[float, Field(ge=-1e3, le=1e3)] = 0.0
    bstar: Annotated[float, Field(ge=-1e3, le=1e3)] = 0.0


def _check_perigee(a_km: float, ecc: float) -> None:
    perigee = a_km * (1.0 - ecc)
    if perigee < LOWEST_KM:
        raise ValueError(
            f"the perigee lies at {perigee:.0f} km from the geocentre; {LOWEST_KM:.0f} is the least"
        )


class Keplerian(Model):
    """Mean (J2-averaged) classical elements of one satellite at the scenario's epoch."""

    name: Name
    semi_major_axis_km: Annotated[float, Field(ge=6_538, le=50_000)]
    eccentricity: Annotated[float, Field(ge=0, lt=0.9)] = 0.0
    inclination_deg: Inclination
    raan_deg: Angle = 0.0
    argp_deg: Angle = 0.0
    mean_anomaly_deg: Angle = 0.0

    @model_validator(mode="after")
    def _above_ground(self) -> Self:
        _check_perigee(self.semi_major_axis_km, self.eccentricity)
        return self


class Classical(Model):
    """Osculating classical elements of one satellite at the scenario's epoch, in GCRS about the Earth.

    Named as those of the poliastro family's `Orbit.from_classical`, whose state (`coe2rv` of boinor) the
    satellite has; `nu` is the true anomaly. Elements that J2 is averaged out of are `keplerian`.
    """

    name: str
    a_km: Annotated[float, Field(ge=6_538, le=50_000)]
    ecc: Annotated[float, Field(ge=0, lt=0.9)] = 0.0
    inc_deg: Inclination
    raan_deg: Angle = 0.0
    argp_deg: Angle = 0.0
    nu_deg: Angle = 0.0

    @model_validator(mode="after")
    def _above_ground(self) -> Self:
        _check_perigee(self.a_km, self.ecc)
        return self


class StateVector(Model):
    """GCRS state of one satellite at the scenario's epoch."""

    name: Name
    position_km: tuple[float, float, float]
    velocity_km_s: tuple[float, float, float]

    @field_validator("position_km")
    @classmethod
    def _above_ground(cls, position: tuple[float, float, float]) -> tuple[float, float, float]:
        if hypot(*position) < LOWEST_KM:
            raise ValueError(f"it must lie at least {LOWEST_KM:.0f} km from the geocentre")
        if hypot(*position) > FARTHEST_KM:
            raise ValueError(f"it must lie within {FARTHEST_KM:.0f} km of the geocentre")
        return position

    @field_validator("velocity_km_s")
    @classmethod
    def _no_faster(cls, velocity: tuple[float, float, float]) -> tuple[float, float, float]:
        if hypot(*velocity) > FASTEST_KM_S:
            raise ValueError(f"it must be no faster than {FASTEST_KM_S:g} km/s")
        return velocity

    @model_validator(mode="after")
    def _around(self) -> Self:
        (x, y, z), (u, v, w) = self.position_km, self.velocity_km_s
        if hypot(y * w - z * v, z * u - x * w, x * v - y * u) < 1.0:
            raise ValueError("velocity_km_s must not point straight up or down: that is no orbit")
        return self


SOURCES = ("walker", "sun_synchronous", "catalogue", "elements", "keplerian", "classical", "states")
"""The fields of a group of which one says where its satellites fly."""


class Group(Model):
    """Satellites of one kind; exactly one of the fields in `SOURCES` says where they fly.

    `mesh` is the pattern of the laser links of a Walker or sun-synchronous group (see `sandbox.lasers`); all
    others link to the nearest.
    """

    name: Name
    spacecraft: Name
    propagator: Literal["cowell", "sgp4"] = "cowell"
    mesh: Literal["grid", "honeycomb", "nearest"] = "grid"
    walker: Walker | None = None
    sun_synchronous: SunSynchronous | None = None
    catalogue: Catalogued | None = None
    elements: tuple[MeanElements, ...] | None = Field(None, min_length=1, max_length=MOST_NAMED)
    keplerian: tuple[Keplerian, ...] | None = Field(None, min_length=1, max_length=MOST_NAMED)
    classical: tuple[Classical, ...] | None = Field(None, min_length=1, max_length=MOST_NAMED)
    states: tuple[StateVector, ...] | None = Field(None, min_length=1, max_length=MOST_NAMED)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(SOURCES)} (now: {', '.join(given) or 'none'})")
        if self.propagator == "sgp4" and given[0] not in ("catalogue", "elements"):
            raise ValueError(f"propagator sgp4 needs catalogue or elements, not {given[0]}")
        return self

    @property
    def size(self) -> int:
        """Satellites of the group; 0 for a catalogue, which has still to be read."""
        pattern = self.walker or self.sun_synchronous
        return pattern.total if pattern else len(self.elements or self.keplerian or self.states or ())
