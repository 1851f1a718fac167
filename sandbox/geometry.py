"""Small vector arithmetic on plain numbers, and a satellite's path through one decision round."""

import math

from sandbox.compiled import kernel
from sandbox.orbits.bodies import EARTH_ROTATION_RATE
from sandbox.orbits.forces import acceleration, untimed
from sandbox.orbits.gravity import NO_TURN
from sandbox.orbits.propagation import hermite_at, hermite_coefficients

_NOWHERE = (0.0, 0.0, 0.0)
BEYOND_S = 60.0
"""A round's path holds for so long after the round: the quintic is then some metres off in low orbit."""


@kernel
def unit(x, y, z):
    """The unit vector along x, y, z."""
    scale = 1.0 / math.sqrt(x * x + y * y + z * z)
    return x * scale, y * scale, z * scale


@kernel
def rotate(m, x, y, z):
    """m v for a matrix m given as nine numbers, row by row."""
    return (
        m[0] * x + m[1] * y + m[2] * z,
        m[3] * x + m[4] * y + m[5] * z,
        m[6] * x + m[7] * y + m[8] * z,
    )


@kernel
def rotate_back(m, x, y, z):
    """m^T v for a matrix m given as nine numbers, row by row."""
    return (
        m[0] * x + m[3] * y + m[6] * z,
        m[1] * x + m[4] * y + m[7] * z,
        m[2] * x + m[5] * y + m[8] * z,
    )


@kernel
def spin(x, y, z, seconds):
    """Coordinates, in axes that turn with the Earth, of a fixed vector after `seconds`."""
    c, s = math.cos(EARTH_ROTATION_RATE * seconds), math.sin(EARTH_ROTATION_RATE * seconds)
    return c * x + s * y, c * y - s * x, z


@kernel
def round_path(position, velocity, next_position, next_velocity, forces, ballistic, seconds):
    """Quintic through the states (GCRS) at both ends of a round of `seconds`. Read it with `hermite_at`.

    Its accelerations leave out Sun and Moon, which bend a path by less than a millimetre in five minutes, and
    all of a field but its J2 to J4: 3 cm in a minute, 20 cm in five.
    """
    f = untimed(forces)
    x, y, z = position[0], position[1], position[2]
    vx, vy, vz = velocity[0], velocity[1], velocity[2]
    X, Y, Z = next_position[0], next_position[1], next_position[2]
    VX, VY, VZ = next_velocity[0], next_velocity[1], next_velocity[2]
    a = acceleration(x, y, z, vx, vy, vz, f, ballistic, _NOWHERE, _NOWHERE, NO_TURN)
    A = acceleration(X, Y, Z, VX, VY, VZ, f, ballistic, _NOWHERE, _NOWHERE, NO_TURN)
    return hermite_coefficients((x, y, z), (vx, vy, vz), a, (X, Y, Z), (VX, VY, VZ), A, seconds)


@kernel
def ground_gcrs(rotation, at, x, y, z, tau):
    """GCRS position at offset `tau` of ITRS point x, y, z; `rotation` is GCRS -> ITRS at offset `at`."""
    x, y, z = spin(x, y, z, at - tau)
    return rotate_back(rotation, x, y, z)


@kernel
def line_of_sight(path, rotation, at, target, tau):
    """Unit vector (GCRS) from a satellite on its path to ITRS point `target` at offset `tau`."""
    x, y, z = hermite_at(path, tau)
    if target[0] == 0.0 and target[1] == 0.0 and target[2] == 0.0:
        return unit(-x, -y, -z)
    tx, ty, tz = ground_gcrs(rotation, at, target[0], target[1], target[2], tau)
    return unit(tx - x, ty - y, tz - z)


@kernel
def itrs_at(path, rotation, at, tau):
    """ITRS position at offset `tau` on a round's path; `rotation` is GCRS -> ITRS at offset `at`."""
    x, y, z = hermite_at(path, tau)
    x, y, z = rotate(rotation, x, y, z)
    return spin(x, y, z, tau - at)
