"""What acts on a satellite: the Earth's gravity, drag, the Sun's and the Moon's pull.

Gravity is J2 to J4 about GCRS z, fast, or a `gravity.GravityField` about the Earth's true pole, zonals and
tesserals together. GCRS z is 0.15 degrees off the pole in 2026: in low orbit that alone is worth 0.4 to 4 km
a day, all that J2 to J4 leave out of the field 1.5 to 7.8 km (measured at 450 to 500 km against Orekit and
brahe).
"""

from math import sqrt
from typing import NamedTuple

from sandbox.compiled import kernel
from sandbox.orbits.atmosphere import density
from sandbox.orbits.bodies import (
    EARTH_FLATTENING,
    EARTH_ROTATION_RATE,
    J2,
    MU_EARTH,
    MU_MOON,
    MU_SUN,
    R_EARTH,
    R_WGS84,
)
from sandbox.orbits.gravity import NO_TURN, GravityField, field_acceleration

__all__ = ["Forces"]


class Forces(NamedTuple):
    """What acts beside the Earth's point mass. A zonal coefficient of zero is off.

    A `field` (`gravity_field(20, 20)`) takes the place of the point mass and of j2, j3 and j4, which then say
    only what bends a path between two known states within a minute or so. It needs an ephemeris, as the Sun
    and the Moon do: the Earth turns.
    """

    j2: float = J2
    j3: float = 0.0
    j4: float = 0.0
    drag: bool = False
    sun: bool = False
    moon: bool = False
    density_factor: float = 1.0
    field: GravityField | None = None

    @property
    def timed(self) -> bool:
        """Whether they depend on the time, so that an ephemeris is needed."""
        return bool(self.sun or self.moon or self.field is not None)


J2_ONLY = Forces()


@kernel
def acceleration(x, y, z, vx, vy, vz, forces, ballistic, sun, moon, turn=NO_TURN):
    """Acceleration (m/s2) in GCRS at a position (m) and velocity (m/s).

    `ballistic` is Cd A / m (m2/kg); `sun` and `moon` are geocentric positions (m), three numbers each; `turn`
    is the rotation GCRS -> ITRS, nine numbers, where the forces have a field.
    """
    ax, ay, az = _gravity(x, y, z, forces, forces.field, turn)
    if forces.drag:
        ax, ay, az = _add(ax, ay, az, drag(x, y, z, vx, vy, vz, ballistic * forces.density_factor))
    if forces.sun:
        ax, ay, az = _add(ax, ay, az, _third_body(x, y, z, sun, MU_SUN))
    if forces.moon:
        ax, ay, az = _add(ax, ay, az, _third_body(x, y, z, moon, MU_MOON))
    return ax, ay, az


@kernel
def _gravity(x, y, z, forces, field, turn):
    if field is None:
        return _zonal(x, y, z, forces)
    return field_acceleration(field, turn, x, y, z)


@kernel
def _zonal(x, y, z, forces):
    """The point mass and J2 to J4, about GCRS z."""
    inverse = 1 / sqrt(x * x + y * y + z * z)
    inverse2 = inverse * inverse
    gravity = -MU_EARTH * inverse2 * inverse
    j2 = 1.5 * forces.j2 * R_EARTH * R_EARTH * inverse2
    s2 = 5 * z * z * inverse2
    equatorial = gravity * (1 + j2 * (1 - s2))
    ax, ay, az = equatorial * x, equatorial * y, gravity * (1 + j2 * (3 - s2)) * z
    if forces.j3 != 0 or forces.j4 != 0:
        ax, ay, az = _add(ax, ay, az, _higher_zonals(x, y, z, inverse, forces.j3, forces.j4))
    return ax, ay, az


@kernel
def untimed(forces):
    """The same forces without those that depend on the time: Sun, Moon, and what turns with the Earth.

    They act all but alike on two objects near each other, and bend a path by centimetres in a minute.
    """
    return Forces(forces.j2, forces.j3, forces.j4, forces.drag, False, False, forces.density_factor, None)


@kernel
def _add(ax, ay, az, other):
    return ax + other[0], ay + other[1], az + other[2]


@kernel
def _higher_zonals(x, y, z, inverse, j3, j4):
    """J3 and J4 (Vallado, 4th ed., section 9.3; Curtis, problem 12.8)."""
    s = z * inverse
    s2 = s * s
    ratio = R_EARTH * inverse
    gravity = MU_EARTH * inverse * inverse
    third = 0.5 * j3 * ratio**3 * gravity
    fourth = 0.625 * j4 * ratio**4 * gravity
    equatorial = inverse * (third * 5 * s * (7 * s2 - 3) + fourth * 3 * (1 - 14 * s2 + 21 * s2 * s2))
    axial = third * (35 * s2 * s2 - 30 * s2 + 3) + fourth * s * (15 - 70 * s2 + 63 * s2 * s2)
    return equatorial * x, equatorial * y, axial


@kernel
def drag(x, y, z, vx, vy, vz, ballistic):
    """Drag in air that turns with the Earth, at the height above an ellipsoid whose pole is GCRS z."""
    r = sqrt(x * x + y * y + z * z)
    height = r - R_WGS84 * (1 - EARTH_FLATTENING * (z / r) ** 2)
    ux, uy = vx + EARTH_ROTATION_RATE * y, vy - EARTH_ROTATION_RATE * x
    k = -0.5 * density(height) * ballistic * sqrt(ux * ux + uy * uy + vz * vz)
    return k * ux, k * uy, k * vz


@kernel
def _third_body(x, y, z, body, mu):
    """Pull on the satellite less the pull on the Earth (Curtis, section 12.10)."""
    bx, by, bz = body
    dx, dy, dz = bx - x, by - y, bz - z
    near2, far2 = dx * dx + dy * dy + dz * dz, bx * bx + by * by + bz * bz
    near, far = mu / (near2 * sqrt(near2)), mu / (far2 * sqrt(far2))
    return near * dx - far * bx, near * dy - far * by, near * dz - far * bz
