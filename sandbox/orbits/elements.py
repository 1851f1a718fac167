"""Classical orbital elements: to and from states, anomalies, J2's secular rates, mean to osculating.

Scalar kernels that carry poliastro's names. Lengths in m, angles in rad, mu in m3/s2; p is the semi-latus
rectum, nu, E and M the true, eccentric and mean anomalies of an ellipse (eccentricity below 1).
"""

from math import atan, atan2, cos, hypot, pi, sin, sqrt

from sandbox.compiled import kernel
from sandbox.orbits.bodies import J2, MU_EARTH, R_EARTH


@kernel
def mean_motion(mu, a):
    """Mean motion (rad/s) on a semi-major axis."""
    return sqrt(mu / a) / a


@kernel
def coe2rv(mu, p, ecc, inc, raan, argp, nu):
    """Position (m) and velocity (m/s), six numbers, of classical elements (Curtis, section 4.6)."""
    radial, speed = p / (1 + ecc * cos(nu)), sqrt(mu / p)
    ci, si, cn, sn = cos(inc), sin(inc), cos(raan), sin(raan)
    cu, su = cos(argp + nu), sin(argp + nu)
    # velocity in the plane, along the node and at a right angle to it
    along, ahead = -speed * (su + ecc * sin(argp)), speed * (cu + ecc * cos(argp))
    return (
        radial * (cu * cn - su * ci * sn),
        radial * (cu * sn + su * ci * cn),
        radial * su * si,
        along * cn - ahead * ci * sn,
        along * sn + ahead * ci * cn,
        ahead * si,
    )


@kernel
def rv2coe(mu, x, y, z, vx, vy, vz):
    """Classical elements (p, ecc, inc, raan, argp, nu) of a state (m, m/s), for any eccentricity.

    On an equatorial orbit raan is 0. On a circular one argp and nu are arbitrary, their sum is right: nothing
    is rounded to a special case, so `coe2rv` gives the same state back.
    """
    hx, hy, hz = y * vz - z * vy, z * vx - x * vz, x * vy - y * vx
    node = hypot(hx, hy)
    inc = atan2(node, hz)
    raan = atan2(hx, -hy) if node > 0 else 0.0
    cn, sn = cos(raan), sin(raan)
    latitude = atan2((y * cn - x * sn) * cos(inc) + z * sin(inc), x * cn + y * sn)
    p = (hx * hx + hy * hy + hz * hz) / mu
    r = sqrt(x * x + y * y + z * z)
    e_cos, e_sin = p / r - 1, sqrt(p / mu) * (x * vx + y * vy + z * vz) / r
    nu = atan2(e_sin, e_cos)
    return p, hypot(e_cos, e_sin), inc, raan % (2 * pi), (latitude - nu) % (2 * pi), nu


@kernel
def M_to_E(M, ecc):
    """Eccentric from mean anomaly: Kepler's equation by Danby's iteration. Keeps the revolution."""
    m = (M + pi) % (2 * pi) - pi
    E = m + (0.85 * ecc if m > 0 else -0.85 * ecc)
    for _ in range(20):
        es, ec = ecc * sin(E), ecc * cos(E)
        f, f1 = E - es - m, 1 - ec
        newton = -f / f1
        halley = -f / (f1 + 0.5 * newton * es)
        step = -f / (f1 + 0.5 * halley * es + halley * halley * ec / 6)
        E += step
        if abs(step) < 1e-13:
            break
    return M + (E - m)


@kernel
def E_to_M(E, ecc):
    """Mean from eccentric anomaly."""
    return E - ecc * sin(E)


@kernel
def E_to_nu(E, ecc):
    """True from eccentric anomaly, in the same revolution (Broucke and Cefola 1973)."""
    beta = ecc / (1 + sqrt(1 - ecc * ecc))
    return E + 2 * atan(beta * sin(E) / (1 - beta * cos(E)))


@kernel
def nu_to_E(nu, ecc):
    """Eccentric from true anomaly, in the same revolution."""
    beta = ecc / (1 + sqrt(1 - ecc * ecc))
    return nu - 2 * atan(beta * sin(nu) / (1 + beta * cos(nu)))


@kernel
def M_to_nu(M, ecc):
    """True from mean anomaly, in the same revolution."""
    return E_to_nu(M_to_E(M, ecc), ecc)


@kernel
def nu_to_M(nu, ecc):
    """Mean from true anomaly, in the same revolution."""
    return E_to_M(nu_to_E(nu, ecc), ecc)


@kernel
def j2_rates(a, e, i):
    """Secular rates (rad/s) of raan, argp and M under J2, first order (Curtis, section 4.7; Brouwer 1959).

    The rate of M has the two-body mean motion in it.
    """
    n, eta2 = mean_motion(MU_EARTH, a), 1 - e * e
    k = 0.75 * J2 * (R_EARTH / (a * eta2)) ** 2 * n
    c = cos(i)
    return -2 * k * c, k * (5 * c * c - 1), n + k * sqrt(eta2) * (3 * c * c - 1)


@kernel
def mean_to_osculating(a, e, i, raan, argp, M):
    """Osculating (a, e, i, raan, argp, M) of mean elements: Brouwer's (1959) J2 short-period terms.

    First order in J2, closed in the eccentricity, in Lyddane's (1963) combinations, so that circular and
    equatorial orbits are ordinary. Long-period terms stay in the mean elements: no critical inclination.
    Designed elements (a Walker shell) are mean; taking them as osculating costs 50 to 1,300 km a day.
    """
    eta2 = 1 - e * e
    eta = sqrt(eta2)
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


@kernel
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
