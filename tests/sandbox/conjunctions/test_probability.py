"""Collision probability in the encounter plane: published values, closed forms, invariants."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published_cases import alfano_cases
from scipy.integrate import dblquad
from scipy.stats import ncx2, norm

from sandbox.conjunctions import (
    OutsideValidity,
    chan_error,
    collision_probability,
    dilution,
    encounter_plane,
    max_probability,
)
from sandbox.conjunctions.probability import CHAN_LIMIT
from sandbox.errors import SandboxError

# miss x, y, sigma x, y, radius (m); exact value; Alfano's and Chan's methods: R. Serra et al., JGCD 39 (2016)
# and the values published with it. Where a method's published value carries its rounding errors, None stands.
PLANE_CASES = [
    (0, 10, 25, 50, 5, 9.742e-3, 9.742e-3, 9.754e-3),
    (10, 0, 25, 50, 5, 9.181e-3, 9.181e-3, 9.189e-3),
    (0, 10, 25, 75, 5, 6.571e-3, 6.571e-3, 6.586e-3),
    (10, 0, 25, 75, 5, 6.125e-3, 6.125e-3, 6.135e-3),
    (0, 1000, 1000, 3000, 10, 1.577e-5, 1.577e-5, 1.577e-5),
    (1000, 0, 1000, 3000, 10, 1.011e-5, 1.011e-5, 1.011e-5),
    (0, 10000, 1000, 3000, 10, 6.443e-8, 6.443e-8, 6.443e-8),
    (10000, 0, 1000, 3000, 10, 3.219e-27, 3.219e-27, 3.216e-27),
    (0, 10000, 1000, 10000, 10, 3.033e-6, 3.033e-6, 3.033e-6),
    (10000, 0, 1000, 10000, 10, 9.656e-28, 9.656e-28, 9.645e-28),
    (0, 5000, 1000, 3000, 50, 1.039e-4, 1.039e-4, 1.039e-4),
    (5000, 0, 1000, 3000, 50, 1.564e-9, 1.564e-9, 1.556e-9),
    (84.875546, 60.583685, 57.918666, 152.8814468, 10.3, 1.9002e-3, 1.9002e-3, 1.8934e-3),
    (-81.618369, 115.055899, 15.988242, 5756.840725, 1.3, 2.0553e-11, 2.0553e-11, 2.0135e-11),
    (102.177247, 693.405893, 94.230921, 643.409272, 5.3, 7.2003e-5, 7.2004e-5, 7.2000e-5),
    (-752.672701, 644.939441, 445.859950, 6095.858688, 3.5, 5.3904e-7, 5.3904e-7, 5.3903e-7),
    (-692.362272, 4475.456261, 193.454603, 562.027293, 13.2, 2.2796e-20, None, 2.2880e-20),
    (-3.8872073, 0.1591646, 1.4101830, 114.2585190, 15, 1.0038e-1, 1.0038e-1, 3.1264e-2),
    (-1.2217895, 2.1230067, 0.0373279, 177.8109003, 10, 4.4509e-2, 4.4510e-2, None),
]
METHODS = ("foster", "alfano", "chan")
metres = st.floats(-300.0, 300.0)
sigmas = st.floats(1.0, 300.0)
angles = st.floats(0.0, 2 * np.pi)


def covariance(sx, sy, angle=0.0):
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    return turn @ np.diag([sx**2, sy**2]) @ turn.T


def last_digit(value):
    """Half a unit of the last digit of a number printed with four or five digits, and a little."""
    digits = len(f"{value:.12e}".split("e")[0].rstrip("0").replace(".", ""))
    return 1.01 * 10.0 ** (np.floor(np.log10(value)) - max(digits, 4) + 1)


@pytest.mark.parametrize("case", PLANE_CASES)
def test_published_values_to_the_digits_printed(case):
    mx, my, sx, sy, radius, *published = case
    for method, value in zip(METHODS, published, strict=True):
        if value is None:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OutsideValidity)
            found = collision_probability([mx, my], covariance(sx, sy), radius, method)
        assert found == pytest.approx(value, abs=last_digit(value)), method


@pytest.mark.parametrize("case", alfano_cases(), ids=lambda case: f"case {case.number}")
def test_alfanos_cases(case):
    """Sums of 100 terms (case 5 is 1.2e-4 off); velocities to 1 um/s, of 3 mm/s in case 8."""
    found = collision_probability(*encounter_plane(*case.encounter), case.hard_body_radius)
    assert found == pytest.approx(case.linear, rel=3e-4 if case.number == 8 else 1.2e-4)


def test_published_probability_of_a_mission_case():
    """NASA CARA's analysis tools (2025), unit test of the circle integral, states in km: 2.70602347657e-5."""
    state1 = 1e3 * np.array([378.39559, 4305.721887, 5752.767554, 2.360800244, 5.580331936, -4.322349039])
    state2 = 1e3 * np.array([374.5180598, 4307.560983, 5751.130418, -5.388125081, -3.946827739, 3.322820358])
    cov1 = [
        [44.5757544811362, 81.6751751052616, -67.8687662707124],
        [81.6751751052616, 158.453402956163, -128.616921644857],
        [-67.8687662707124, -128.616921644857, 105.490542562701],
    ]
    cov2 = [
        [2.31067077720423, 1.69905293875632, -1.4170164577661],
        [1.69905293875632, 1.24957388457206, -1.04174164279599],
        [-1.4170164577661, -1.04174164279599, 0.869260558223714],
    ]
    miss, plane = encounter_plane(state1, 1e6 * np.array(cov1), state2, 1e6 * np.array(cov2))
    assert collision_probability(miss, plane, 20.0) == pytest.approx(2.706023476569787e-05, rel=1e-10)


@given(st.floats(0.0, 8.0), st.floats(0.05, 5.0), angles)
def test_isotropic_errors_are_a_noncentral_chi_square(miss, radius, angle):
    """With one deviation the squared miss is non-central chi-square (Rice); Chan's series is then exact."""
    expected = ncx2.cdf(radius**2, 2, miss**2)
    where = [miss * np.cos(angle), miss * np.sin(angle)]
    for method, tolerance in (("foster", 1e-10), ("chan", 1e-9), ("alfano", 1e-3)):
        assert collision_probability(where, np.eye(2), radius, method) == pytest.approx(
            expected, rel=tolerance
        )


def test_centred_isotropic_errors_are_rayleigh():
    radius = np.array([0.01, 1.0, 3.0])
    expected = -np.expm1(-0.5 * radius**2)
    np.testing.assert_allclose(collision_probability([0, 0], np.eye(2), radius), expected, rtol=1e-12)


@given(metres, metres, sigmas, sigmas, st.floats(1.0, 100.0))
def test_small_radius_is_density_times_area(mx, my, sx, sy, share):
    radius = min(sx, sy) * 1e-5 * share
    density = np.exp(-0.5 * ((mx / sx) ** 2 + (my / sy) ** 2)) / (2 * np.pi * sx * sy)
    found = collision_probability([mx, my], covariance(sx, sy), radius)
    curvature = (radius / min(sx, sy)) ** 2 * (1 + (mx / sx) ** 2 + (my / sy) ** 2)
    assert found == pytest.approx(np.pi * radius**2 * density, rel=1e-10 + curvature, abs=1e-300)


@pytest.mark.parametrize(
    "case", [(3.0, 4.0, 2.0, 5.0, 3.0), (0.5, 0.2, 0.4, 6.0, 2.0), (9.0, 1.0, 2.0, 3.0, 4.0)]
)
def test_agrees_with_two_dimensional_quadrature(case):
    mx, my, sx, sy, radius = case

    def integrand(r, angle):
        x, y = r * np.cos(angle) - mx, r * np.sin(angle) - my
        return r * np.exp(-0.5 * ((x / sx) ** 2 + (y / sy) ** 2)) / (2 * np.pi * sx * sy)

    expected, _ = dblquad(integrand, 0.0, 2 * np.pi, 0.0, radius, epsabs=1e-13, epsrel=1e-11)
    assert collision_probability([mx, my], covariance(sx, sy), radius) == pytest.approx(expected, rel=1e-9)


@given(metres, metres, sigmas, sigmas, angles, st.floats(0.5, 50.0), st.sampled_from(METHODS))
@pytest.mark.filterwarnings("ignore::sandbox.conjunctions.probability.OutsideValidity")
def test_rotation_and_mirror_change_nothing(mx, my, sx, sy, angle, radius, method):
    c, s = np.cos(angle), np.sin(angle)
    turned = [c * mx - s * my, s * mx + c * my]
    here = collision_probability([mx, my], covariance(sx, sy), radius, method)
    there = collision_probability(turned, covariance(sx, sy, angle), radius, method)
    assert there == pytest.approx(here, rel=1e-6, abs=1e-290)
    assert collision_probability([-mx, -my], covariance(sx, sy), radius, method) == pytest.approx(
        here, rel=1e-12
    )


@given(metres, metres, sigmas, sigmas, angles, st.floats(0.5, 50.0), st.floats(1.001, 3.0))
def test_grows_with_the_radius_and_stays_a_probability(mx, my, sx, sy, angle, radius, more):
    small, large = collision_probability([mx, my], covariance(sx, sy, angle), [radius, radius * more])
    assert 0.0 <= small <= large <= 1.0
    assert small < large or large in (0.0, 1.0)


@given(metres, metres, sigmas, st.floats(1.0, 30.0), st.floats(0.1, 30.0))
def test_alfano_is_close_everywhere(mx, my, sx, ratio, radius):
    pair = [
        collision_probability([mx, my], covariance(sx, sx * ratio), radius, m) for m in ("foster", "alfano")
    ]
    assert pair[1] == pytest.approx(pair[0], rel=1e-3, abs=1e-290)


@given(metres, metres, sigmas, st.floats(1.0, 1e4), st.floats(0.1, 30.0))
def test_chan_is_good_where_its_error_bound_says_so_and_warns_elsewhere(mx, my, sx, ratio, radius):
    where = [mx, my], covariance(sx, sx * ratio), radius
    if chan_error(*where) <= CHAN_LIMIT:
        found = collision_probability(*where, "chan")
        assert found == pytest.approx(collision_probability(*where), rel=1.05 * CHAN_LIMIT, abs=1e-290)
    else:
        with pytest.warns(OutsideValidity, match="use method='foster'"):
            collision_probability(*where, "chan")


def test_chan_warns_at_the_published_failures():
    for mx, my, sx, sy, radius, exact, _, chan in PLANE_CASES[-2:]:
        with pytest.warns(OutsideValidity, match="1 of 1 cases"):
            found = collision_probability([mx, my], covariance(sx, sy), radius, "chan")
        assert found < 0.5 * exact
        assert chan is None or found == pytest.approx(chan, rel=1e-4)


def test_extremes_keep_their_digits():
    """Far out and far apart: against numbers of 30 digits (mpmath)."""
    assert collision_probability([200.0, 0.0], np.eye(2), 1.0) == 0.0
    assert collision_probability([0.0, 0.0], 1e-8 * np.eye(2), 10.0) == 1.0
    sliver = collision_probability([1e3, 0.0], covariance(1e-3, 1e6), 1001.0)
    # the disc is a strip as wide as its chord at the miss
    from math import erf, sqrt

    assert sliver == pytest.approx(erf(sqrt(1001.0**2 - 1e6) / sqrt(2) / 1e6), rel=1e-6)


def test_arguments_broadcast():
    miss = np.array([[10.0, 0.0], [20.0, 5.0], [0.0, 0.0]])
    table = collision_probability(miss[:, None], covariance(50, 20), [5.0, 10.0])
    assert table.shape == (3, 2)
    assert table[1, 1] == collision_probability(miss[1], covariance(50, 20), 10.0)
    assert isinstance(table[1, 1], float)


@given(metres, metres, sigmas, sigmas, st.floats(0.1, 20.0), st.floats(-3.0, 3.0))
def test_maximum_is_one(mx, my, sx, sy, radius, log_scale):
    where = [mx, my], covariance(sx, sy)
    most = max_probability(*where, radius)
    at = collision_probability(where[0], where[1] * np.exp(2 * log_scale), radius)
    assert at <= most * (1 + 1e-9)
    if np.hypot(mx, my) > 1.001 * radius:  # nearer, the best scale is beyond all bounds
        best = where[1] / dilution(*where, radius) ** 2
        assert collision_probability(where[0], best, radius) == pytest.approx(most, rel=1e-6)


def test_maximum_of_a_small_object_is_alfanos_closed_form():
    """P = r^2 / (e sigma_x sigma_y d^2), d the miss in deviations, at the scale d / sqrt(2) (Alfano 2005)."""
    miss, plane, radius = np.array([300.0, 200.0]), covariance(50, 200, 0.3), 1.0
    d2 = miss @ np.linalg.solve(plane, miss)
    expected = radius**2 / (np.e * np.sqrt(np.linalg.det(plane)) * d2)
    assert max_probability(miss, plane, radius) == pytest.approx(expected, rel=1e-3)
    assert dilution(miss, plane, radius) == pytest.approx(1 / np.sqrt(d2 / 2), rel=1e-3)


def test_a_miss_within_the_radius_is_certain_at_best():
    assert max_probability([3.0, 0.0], np.eye(2), 5.0) == 1.0
    assert dilution([3.0, 0.0], np.eye(2), 5.0) == np.inf


def test_diluted_or_not():
    assert dilution([100.0, 0.0], covariance(1e3, 1e3), 1.0) > 1.0
    assert dilution([100.0, 0.0], covariance(20, 20), 1.0) < 1.0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([1, 0], np.eye(2), 1.0, "fosster"), "Unknown method 'fosster'; did you mean foster"),
        (([1, 0, 0], np.eye(2), 1.0), r"give \(\.\.\., 2\)"),
        (([1, 0], np.eye(3), 1.0), r"give \(\.\.\., 2\)"),
        (([1, np.nan], np.eye(2), 1.0), "finite"),
        (([1, 0], np.eye(2), 0.0), "above 0"),
        (([1, 0], np.eye(2), -2.0), "above 0"),
        (([1, 0], [[1, 2], [2, 1]], 1.0), "not positive definite"),
        (([1, 0], [[1, 0.5], [0, 1]], 1.0), "not symmetric"),
        (([1, 0], [[1, 0], [0, 0]], 1.0), "not positive definite"),
        (([1, 0], [[-1, 0], [0, 1]], 1.0), "variances cannot be negative"),
        ((np.zeros((2, 2)), np.zeros((3, 2, 2)) + np.eye(2), 1.0), "do not broadcast"),
    ],
)
def test_errors_are_one_sentence(arguments, sentence):
    with pytest.raises(SandboxError, match=sentence):
        collision_probability(*arguments)


@pytest.mark.parametrize("ratio", [10.0, 1e3, 1e6, 1e12, 1e20])
def test_radii_of_many_deviations(ratio):
    """The disc's edge is then a straight line, with half of it within. Chan's series is the same."""
    expected = ncx2.cdf(ratio**2, 2, ratio**2) if ratio < 1e3 else 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutsideValidity)
        for method in ("foster", "chan"):
            found = collision_probability([ratio, 0.0], np.eye(2), ratio, method)
            assert found == pytest.approx(expected, abs=0.5 / ratio + 1e-6)
    assert collision_probability([0.5 * ratio, 0.0], np.eye(2), ratio) == pytest.approx(
        1.0 if ratio > 10.0 else ncx2.cdf(ratio**2, 2, 0.25 * ratio**2), rel=1e-9
    )
    # a needle across the disc, as long as the disc is wide
    chord = np.sqrt(0.75)
    assert collision_probability([0.5, 0.0], covariance(1.0 / ratio, 1.0), 1.0) == pytest.approx(
        norm.cdf(chord) - norm.cdf(-chord), abs=1.0 / ratio**2 + 1e-6
    )


@given(st.lists(st.floats(-25.0, 25.0), min_size=5, max_size=5), st.sampled_from(METHODS))
@settings(max_examples=40)
@pytest.mark.filterwarnings("ignore::sandbox.conjunctions.probability.OutsideValidity")
def test_numbers_of_any_size_give_a_probability(powers, method):
    mx, my, sx, sy, radius = 10.0 ** np.array(powers)
    found = collision_probability([mx, my], np.diag([sx**2, sy**2]), radius, method)
    assert 0.0 <= found <= 1.0
    assert 0.0 <= max_probability([mx, my], np.diag([sx**2, sy**2]), radius) <= 1.0


@pytest.mark.parametrize("huge", [1e308, -1e308, np.inf, np.nan])
def test_huge_numbers_are_one_sentence(huge):
    for arguments in (
        ([huge, 0.0], np.eye(2), 1.0),
        ([1.0, 0.0], np.diag([huge, 1.0]), 1.0),
        ([1.0, 0.0], [[1.0, huge], [huge, 1.0]], 1.0),
        ([1.0, 0.0], np.eye(2), huge),
        ([1.0, 0.0], np.eye(2), "one"),
    ):
        for function in (collision_probability, max_probability, dilution, chan_error):
            with pytest.raises(SandboxError):
                function(*arguments)
