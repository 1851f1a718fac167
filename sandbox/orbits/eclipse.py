"""The Earth's shadow: how much of the Sun is seen, when the shadow begins or ends, the beta angle.

The Earth is a sphere of `R_EARTH`; its flattening would move the shadow's edge by up to 6 s in low orbit.
Kernels take positions (m) and velocities (m/s) in one inertial frame, number by number.
"""

from math import acos, asin, atan2, inf, pi, sqrt

from sandbox.compiled import kernel
from sandbox.orbits.bodies import R_EARTH, R_SUN

__all__ = ["beta_angle", "illumination", "shadow_transition"]


@kernel
def illumination(x, y, z, sx, sy, sz):
    """Fraction of the solar disc seen from (x, y, z), the Sun's centre at (sx, sy, sz); 0 is umbra.

    Overlap of two discs (Montenbruck and Gill, Satellite Orbits, section 3.4.2). Only the penumbra costs
    trigonometry: the cones that touch Sun and Earth tell it from light and umbra.
    """
    along = -(x * sx + y * sy + z * sz)
    if along <= 0:
        return 1.0
    r2, s2 = x * x + y * y + z * z, sx * sx + sy * sy + sz * sz
    distance = sqrt(s2)
    along /= distance
    across = sqrt(max(r2 - along * along, 0.0))
    if across >= _cone_radius(along, (R_SUN + R_EARTH) / distance):
        return 1.0
    if across <= _cone_radius(along, (R_EARTH - R_SUN) / distance):
        return 0.0
    return _disc_visible(along, across, sqrt(r2), distance)


@kernel
def _cone_radius(along, sine):
    """Radius of a shadow cone, touching the Earth, that opens by asin(sine), `along` behind its centre."""
    return (R_EARTH + along * sine) / sqrt(1 - sine * sine)


@kernel
def _disc_visible(along, across, r, distance):
    """Share of the Sun's disc that the Earth's leaves free, `along` behind it and `across` from the axis."""
    to_sun = sqrt((distance + along) ** 2 + across * across)
    a, b = asin(R_SUN / to_sun), asin(min(R_EARTH / r, 1.0))
    c = atan2(across, along) - atan2(across, distance + along)  # between the two centres
    if c >= a + b:
        return 1.0
    if c <= b - a:
        return 0.0
    if c <= a - b:  # beyond the tip of the umbra: a ring is left
        return 1 - (b / a) ** 2
    u = (c * c + a * a - b * b) / (2 * c)
    v = sqrt(max(a * a - u * u, 0.0))
    hidden = a * a * acos(_unit(u / a)) + b * b * acos(_unit((c - u) / b)) - c * v
    return 1 - hidden / (pi * a * a)


@kernel
def _unit(cosine):
    return min(max(cosine, -1.0), 1.0)


@kernel
def shadow_transition(x, y, z, vx, vy, vz, sx, sy, sz):
    """Whether a position is in shadow, and the seconds until that changes (inf if never): (bool, float).

    The shadow's edge is where the Sun's centre sets, half-way through the penumbra. Closed form for a
    circular orbit of the present radius and angular rate; the Sun rests. Under J2 and below a beta of 50
    degrees it is within 3 s for a circular shell, 0.1 s when 20 s away, 20 s at e = 0.001.
    """
    r2, s2 = x * x + y * y + z * z, sx * sx + sy * sy + sz * sz
    r, distance = sqrt(r2), sqrt(s2)
    hx, hy, hz = y * vz - z * vy, z * vx - x * vz, x * vy - y * vx
    h = sqrt(hx * hx + hy * hy + hz * hz)
    # components of the anti-solar direction along the position and, in the orbit's plane, ahead of it
    outward = -(x * sx + y * sy + z * sz) / (r * distance)
    tx, ty, tz = hy * z - hz * y, hz * x - hx * z, hx * y - hy * x
    ahead = -(tx * sx + ty * sy + tz * sz) / (h * r * distance)
    in_plane = sqrt(outward * outward + ahead * ahead)
    edge = _edge_cosine(r, distance)
    in_shadow = outward > edge
    if in_plane <= edge:
        return in_shadow, inf
    half = acos(edge / in_plane)
    to_centre = atan2(ahead, outward)
    turn = to_centre + half if in_shadow else (to_centre - half) % (2 * pi)
    return in_shadow, max(turn, 0.0) * r2 / h


@kernel
def _edge_cosine(r, distance):
    """Cosine of the angle from the anti-solar direction at which the Sun's centre sets, at radius r."""
    sine = R_EARTH / distance
    return (sqrt(max(r * r - R_EARTH * R_EARTH, 0.0)) * sqrt(1 - sine * sine) - R_EARTH * sine) / r


@kernel
def beta_angle(x, y, z, vx, vy, vz, sx, sy, sz):
    """Angle (rad) of the Sun above the orbit's plane, positive on the side of the angular momentum."""
    hx, hy, hz = y * vz - z * vy, z * vx - x * vz, x * vy - y * vx
    h2, s2 = hx * hx + hy * hy + hz * hz, sx * sx + sy * sy + sz * sz
    return asin(_unit((hx * sx + hy * sy + hz * sz) / sqrt(h2 * s2)))
