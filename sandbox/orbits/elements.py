"""Classical orbital elements: boinor's conversions, J2's secular rates, mean to osculating elements.

What converts is boinor's (`boinor.core`), under its names; here its machine code is kept on disk, which
boinor does not do (2 s of compiling for each function in every process). Lengths in m, angles in rad, mu in
m3/s2; p is the semi-latus rectum, nu, E and M the true, eccentric and mean anomalies of an ellipse.
"""

from math import atan2, cos, hypot, pi, sin, sqrt

import numpy as np
from boinor.core.angles import E_to_nu, M_to_E
from boinor.core.elements import coe2rv as _coe2rv
from boinor.core.elements import rv2coe as _rv2coe

from sandbox.compiled import kernel, setup_kernel
from sandbox.orbits.bodies import J2, MU_EARTH, R_EARTH

__all__ = ["coe2rv", "j2_rates", "mean_to_osculating", "rv2coe"]


@setup_kernel
def coe2rv(mu, p, ecc, inc, raan, argp, nu):
    """Position (3,) in m and velocity (3,) in m/s of classical elements: boinor's `coe2rv`."""
    return _coe2rv(mu, p, ecc, inc, raan, argp, nu)


@setup_kernel
def rv2coe(mu, position, velocity):
    """Classical elements (p, ecc, inc, raan, argp, nu) of a state (3,), (3,) in m, m/s: boinor's `rv2coe`.

    An eccentricity or inclination below 1e-8 counts as 0; argp is then 0, raan too on an equatorial orbit.
    """
    return _rv2coe(mu, position, velocity)


@setup_kernel
def M_to_nu(M, ecc):
    """True from mean anomaly, by boinor's `M_to_E` and `E_to_nu`; within -pi and pi, as theirs."""
    return E_to_nu(M_to_E((M + pi) % (2 * pi) - pi, ecc), ecc)


@kernel
def mean_motion(mu, a):
    """Mean motion (rad/s) on a semi-major axis."""
    return sqrt(mu / a) / a


@kernel
def j2_rates(a, e, i):
    """Secular rates (rad/s) of raan, argp and M under J2, first order (Curtis, section 4.7; Brouwer 1959).

    The rate of M has the two-body mean motion in it.
    """
    n, eta2 = mean_motion(MU_EARTH, a), 1 - e * e
    k = 0.75 * J2 * (R_EARTH / (a * eta2)) ** 2 * n
    c = cos(i)
    return -2 * k * c, k * (5 * c * c - 1), n + k * sqrt(eta2) * (3 * c * c - 1)


@setup_kernel
def mean_to_osculating(a, e, i, raan, argp, M):
    """Osculating (a, e, i, raan, argp, M) of mean elements: Brouwer's (1959) J2 short-period terms.

    First order in J2, closed in the eccentricity, in Lyddane's (1963) combinations, so that circular and
    equatorial orbits are ordinary. Long-period terms stay in the mean elements: no critical inclination.
    Designed elements (a Walker shell) are mean; taking them as osculating costs 50 to 1,300 km a day.
    """
    eta2 = 1 - e * e
    eta = sqrt(eta2)
    M = (M + pi) % (2 * pi) - pi  # the revolution of f
    f = M_to_nu(M, e)
    c = cos(i)
    c2, s2 = c * c, 1 - c * c
    g2 = 0.5 * J2 * (R_EARTH / a) ** 2
    g2p = g2 / eta2**2
    ecf = e * cos(f)
    q = (1 + ecf) / eta2  # a / r
    q3 = q**3
    centre = f - M + e * sin(f)
    u2 = 2 * (argp + f)
    sum_cos = 3 * cos(u2) + 3 * e * cos(u2 - f) + e * cos(u2 + f)
    sum_sin = 3 * sin(u2) + 3 * e * sin(u2 - f) + e * sin(u2 + f)

    da = a * g2 * ((3 * c2 - 1) * (q3 - 1 / eta**3) + 3 * s2 * q3 * cos(u2))
    # ((a/r)^3 - eta^-3) / e and ((a/r)^3 - eta^-4) / e, with the e divided out
    cubic = cos(f) * (3 + 3 * ecf + ecf * ecf)
    zonal = (cubic + e * (eta + 1 / (1 + eta))) / eta2**3
    sectoral = (cubic + e) / eta2**3
    de = (
        0.5
        * eta2
        * (
            g2 * ((3 * c2 - 1) * zonal + 3 * s2 * sectoral * cos(u2))
            - g2p * s2 * (3 * cos(u2 - f) + cos(u2 + f))
        )
    )
    w = q * q * eta2 + q
    bracket = 2 * (3 * c2 - 1) * (w + 1) * sin(f) + 3 * s2 * (
        (1 - w) * sin(u2 - f) + (w + 1 / 3) * sin(u2 + f)
    )
    e_dM = -0.25 * eta**3 * g2p * bracket
    di = 0.5 * g2p * c * sqrt(s2) * sum_cos
    draan = -0.5 * g2p * c * (6 * centre - sum_sin)
    d_sum = (  # of M + argp + raan
        0.25 * g2p * eta2 * e / (1 + eta) * bracket
        + 0.25 * g2p * (6 * (5 * c2 - 1) * centre + (3 - 5 * c2) * sum_sin)
        + draan
    )

    x = (e + de) * cos(M) - e_dM * sin(M)
    y = (e + de) * sin(M) + e_dM * cos(M)
    M_new = atan2(y, x)
    raan_new = raan + draan
    argp_new = M + argp + raan + d_sum - M_new - raan_new
    e_new, i_new = hypot(x, y), i + di
    a_new = _with_mean_energy(a, eta, c2, a + da, e_new, i_new, argp_new, M_new)
    return a_new, e_new, i_new, raan_new % (2 * pi), argp_new % (2 * pi), M_new % (2 * pi)


@setup_kernel
def _with_mean_energy(mean_a, mean_eta, c2, a, e, i, argp, M):
    """The osculating a at which the energy, J2's share included, is that of the mean orbit.

    It equals `a` to first order; the second order, 10 m in a, would pull a ring apart by 4 km a day.
    """
    nu = M_to_nu(M, e)
    r = a * (1 - e * e) / (1 + e * cos(nu))
    sine = sin(i) * sin(argp + nu)  # of the latitude
    here = (3 * sine * sine - 1) / r**3
    mean = -0.5 * (3 * c2 - 1) / (mean_a * mean_eta) ** 3
    return 1 / (1 / mean_a + J2 * R_EARTH**2 * (here - mean))


@setup_kernel
def mean_states(rows):
    """Positions and velocities (N, 3), m and m/s, of mean elements (N, 6): a, e, i, raan, argp, M."""
    position, velocity = np.empty((len(rows), 3)), np.empty((len(rows), 3))
    for k in range(len(rows)):
        a, e, i, raan, argp, M = mean_to_osculating(
            rows[k, 0], rows[k, 1], rows[k, 2], rows[k, 3], rows[k, 4], rows[k, 5]
        )
        position[k], velocity[k] = _coe2rv(MU_EARTH, a * (1 - e * e), e, i, raan, argp, M_to_nu(M, e))
    return position, velocity
