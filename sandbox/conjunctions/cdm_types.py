"""A Conjunction Data Message in numbers: `Cdm` and its two `CdmObject`."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

__all__ = ["Cdm", "CdmObject"]

Array = NDArray[np.float64]
Details = dict[str, tuple[str, str | None]]


@dataclass(frozen=True, eq=False)
class CdmObject:
    """One of the two objects at TCA.

    `position` (3,) m and `velocity` (3,) m/s are in `reference_frame`; `covariance` (6, 6) is in the object's
    own RTN frame, in m2, m2/s and m2/s2, as stated: `assess` needs only the sum of the two position blocks to
    be positive definite. `details` holds every other keyword as written, with its unit.
    """

    designator: str
    name: str
    reference_frame: str
    position: Array
    velocity: Array
    covariance: Array
    details: Details = field(default_factory=dict)
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Cdm:
    """A conjunction as a message states it, in SI units.

    `hard_body_radius` is the sum of the radii of the two, where a comment "HBR = 10 [m]" states it or each
    object has its own in HBR. `relative_position` (3,) and `relative_velocity` (3,) are of object 2 in the
    RTN frame of object 1.
    """

    message_id: str
    originator: str
    creation_date: datetime
    tca: datetime
    miss_distance: float
    objects: tuple[CdmObject, CdmObject]
    relative_speed: float | None = None
    relative_position: Array | None = None
    relative_velocity: Array | None = None
    collision_probability: float | None = None
    hard_body_radius: float | None = None
    version: str = "1.0"
    details: Details = field(default_factory=dict)
    comments: tuple[str, ...] = ()
