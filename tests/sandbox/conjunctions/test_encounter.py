"""The encounter plane, the local frame, and where the short-encounter model holds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from published_cases import alfano_cases
from scipy.spatial.transform import Rotation
from scipy.special import erfcinv
from scipy.stats import norm

from sandbox.conjunctions import (
    CovarianceRemediated,
    collision_probability,
    covariance_from_rtn,
    covariance_to_rtn,
    encounter_plane,
    encounter_validity,
    monte_carlo_probability,
    remediate_covariance,
    rtn_axes,
)
from sandbox.conjunctions.validity import TAIL
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import MU_EARTH

CASES = {case.number: case for case in alfano_cases()}
SHORT = (3, 5)
"""Alfano's cases of linear motion; 6 is near-linear, all others are not, in his own words."""
seeds = st.integers(0, 2**32 - 1)


def draw(seed):
    """Two states near each other in low orbit, with covariances."""
    rng = np.random.default_rng(seed)
    state1 = np.concatenate((rng.normal(size=3), rng.normal(size=3)))
    state1[:3] *= 7e6 / np.linalg.norm(state1[:3])
    state1[3:] *= 7.5e3 / np.linalg.norm(state1[3:])
    state2 = np.concatenate((state1[:3] + rng.normal(size=3) * 200, rng.normal(size=3) * 4e3))
    roots = rng.normal(size=(2, 6, 6)) * np.array([100.0] * 3 + [0.1] * 3)[:, None]
    return state1, roots[0] @ roots[0].T, state2, roots[1] @ roots[1].T


@given(seeds)
def test_swapping_the_objects_changes_nothing(seed):
    state1, cov1, state2, cov2 = draw(seed)
    one = collision_probability(*encounter_plane(state1, cov1, state2, cov2), 20.0)
    other = collision_probability(*encounter_plane(state2, cov2, state1, cov1), 20.0)
    assert other == pytest.approx(one, rel=1e-9, abs=1e-290)


@given(seeds)
def test_rotating_space_changes_nothing(seed):
    state1, cov1, state2, cov2 = draw(seed)
    turn = Rotation.random(random_state=seed % 1000).as_matrix()
    both = np.kron(np.eye(2), turn)
    here = collision_probability(*encounter_plane(state1, cov1, state2, cov2), 20.0)
    turned = both @ state1, both @ cov1 @ both.T, both @ state2, both @ cov2 @ both.T
    there = collision_probability(*encounter_plane(*turned), 20.0)
    assert there == pytest.approx(here, rel=1e-7, abs=1e-290)


@given(seeds, st.floats(-3.0, 3.0))
def test_sliding_along_the_relative_velocity_changes_nothing(seed, seconds):
    state1, cov1, state2, cov2 = draw(seed)
    moved = state2.copy()
    moved[:3] += seconds * (state2[3:] - state1[3:])
    miss, plane = encounter_plane(state1, cov1, state2, cov2)
    again, same = encounter_plane(state1, cov1, moved, cov2)
    np.testing.assert_allclose(again, miss, atol=1e-6)
    np.testing.assert_allclose(same, plane, rtol=1e-6, atol=1e-3)


@given(seeds)
def test_plane_holds_the_miss_and_the_variances_across_the_velocity(seed):
    state1, cov1, state2, cov2 = draw(seed)
    miss, plane = encounter_plane(state1, cov1, state2, cov2)
    velocity, position = (state2 - state1)[3:], (state2 - state1)[:3]
    along = velocity / np.linalg.norm(velocity)
    across = position - (position @ along) * along
    assert miss == pytest.approx([np.linalg.norm(across), 0.0], abs=1e-6)
    total = (cov1 + cov2)[:3, :3]
    assert np.trace(plane) == pytest.approx(np.trace(total) - along @ total @ along)
    inverse = np.linalg.inv(total)  # det of the block across = det * (inverse along)
    assert np.linalg.det(plane) == pytest.approx(np.linalg.det(total) * (along @ inverse @ along))


def test_leading_shapes_broadcast():
    state1, cov1, state2, cov2 = draw(1)
    others = state2 + np.array([[0.0] * 6, [50.0, 0, 0, 0, 0, 0]])
    miss, plane = encounter_plane(state1, cov1, others, cov2)
    assert miss.shape == (2, 2)
    assert plane.shape == (2, 2, 2)
    np.testing.assert_array_equal(miss[0], encounter_plane(state1, cov1, state2, cov2)[0])
    np.testing.assert_array_equal(plane[1], encounter_plane(state1, cov1, others[1], cov2)[1])
    validity = encounter_validity(state1, cov1, others, cov2, 10.0)
    assert validity.short.shape == (2,)
    assert validity.bend[1] == pytest.approx(encounter_validity(state1, cov1, others[1], cov2, 10.0).bend)


def test_a_head_on_hit_has_a_plane_too():
    state1, cov1, state2, cov2 = draw(2)
    state2[:3] = state1[:3]
    miss, plane = encounter_plane(state1, cov1, state2, cov2)
    np.testing.assert_array_equal(miss, 0.0)
    assert (np.linalg.eigvalsh(plane) > 0.0).all()


def test_position_covariances_alone_will_do():
    state1, cov1, state2, cov2 = draw(3)
    whole, block = (
        encounter_plane(state1, cov1, state2, cov2),
        encounter_plane(state1, cov1[:3, :3], state2, cov2),
    )
    np.testing.assert_array_equal(whole[1], block[1])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda e: (e[0][:3], *e[1:]), r"state1 has shape \(3,\)"),
        (lambda e: (e[0], e[1], e[2] * np.nan, e[3]), "state2 .*finite"),
        (lambda e: (e[0], e[1][:4, :4], *e[2:]), "cov1 has shape"),
        (lambda e: (e[0], -e[1], *e[2:]), "cov1 has the variance"),
        (lambda e: (*e[:3], e[3] + np.triu(e[3], 1)), "cov2 is not symmetric"),
        (lambda e: (e[0], e[1], e[0], e[3]), "no encounter plane"),
    ],
)
def test_errors_are_one_sentence(change, sentence):
    with pytest.raises(SandboxError, match=sentence):
        encounter_plane(*change(draw(4)))


def test_local_frame():
    """At the node of an inclined circular orbit: R outwards, N along the momentum, T along the velocity."""
    axes = rtn_axes([7e6, 0, 0], [0, 5e3, 5e3])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(axes, [[1, 0, 0], [0, half, half], [0, -half, half]], atol=1e-15)


@given(seeds)
def test_covariances_turn_there_and_back(seed):
    state, cov, *_ = draw(seed)
    local = covariance_to_rtn(cov, state[:3], state[3:])
    np.testing.assert_allclose(covariance_from_rtn(local, state[:3], state[3:]), cov, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(np.linalg.eigvalsh(local), np.linalg.eigvalsh(cov), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("number", sorted(CASES))
def test_flag_tells_alfanos_linear_cases_from_the_others(number):
    """Within the limits the linear value is within 0.1 % of the truth; those beyond are flagged."""
    case = CASES[number]
    short = bool(encounter_validity(*case.encounter, case.hard_body_radius).short)
    if number == 6:
        return
    assert short == (number in SHORT)
    if short:
        assert case.linear == pytest.approx(case.simulated, rel=1e-3)


def test_interval_is_when_straight_pairs_collide():
    """Pairs drawn from the covariances that move straight all collide within the interval."""
    case, rng = CASES[3], np.random.default_rng(0)
    drawn = [
        rng.multivariate_normal(state[:3], cov[:3, :3], 20_000)
        for state, cov in ((case.state1, case.cov1), (case.state2, case.cov2))
    ]
    r, v = drawn[1] - drawn[0], (case.state2 - case.state1)[3:]
    when = -(r @ v) / (v @ v)
    closest = np.linalg.norm(r + when[:, None] * v, axis=-1)
    hits = when[closest < case.hard_body_radius]
    validity = encounter_validity(*case.encounter, case.hard_body_radius)
    assert len(hits) > 1000
    assert validity.start_s < hits.min()
    assert hits.max() < validity.end_s
    spread = hits.max() - hits.min()
    assert spread > 0.2 * (validity.end_s - validity.start_s)  # and not for much longer


@pytest.mark.parametrize("number", [3, 5])
def test_simulation_agrees_with_the_integral_for_short_encounters(number):
    case = CASES[number]
    found = monte_carlo_probability(*case.encounter, case.hard_body_radius, samples=40_000)
    assert found.low < case.linear < found.high
    assert found.samples == 40_000


def test_simulation_finds_the_truth_of_a_slow_encounter():
    """Case 1: 0.2169 simulated by NASA CARA (1e8 samples), 0.1467 by the short-encounter model."""
    case = CASES[1]
    found = monte_carlo_probability(*case.encounter, case.hard_body_radius, samples=6_000)
    assert found.low < case.simulated < found.high
    assert found.low > 1.3 * case.linear


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 3, 4, 5, 8])
def test_simulation_agrees_with_published_simulations(number):
    case = CASES[number]
    found = monte_carlo_probability(*case.encounter, case.hard_body_radius, samples=200_000, seed=5)
    spread = found.high - found.low
    assert abs(found.probability - case.simulated) < spread


def test_simulation_is_seeded_and_checked():
    case = CASES[3]
    first, again, other = (
        monte_carlo_probability(*case.encounter, 15.0, samples=2_000, seed=seed) for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other
    with pytest.raises(SandboxError, match="samples = 0"):
        monte_carlo_probability(*case.encounter, 15.0, samples=0)


@given(seeds)
def test_position_covariances_turn_as_the_block_of_the_whole(seed):
    state, cov, *_ = draw(seed)
    for turn in (covariance_to_rtn, covariance_from_rtn):
        whole, block = turn(cov, state[:3], state[3:]), turn(cov[:3, :3], state[:3], state[3:])
        np.testing.assert_allclose(block, whole[:3, :3], rtol=1e-9, atol=1e-6)
    many = covariance_from_rtn(np.stack([cov[:3, :3]] * 4), state[:3], np.stack([state[3:]] * 4))
    assert many.shape == (4, 3, 3)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((np.eye(4), [7e6, 0, 0], [0, 7e3, 0]), r"covariance has shape \(4, 4\)"),
        ((np.ones(6), [7e6, 0, 0], [0, 7e3, 0]), r"covariance has shape \(6,\)"),
        ((np.zeros((2, 6, 6)), np.ones((3, 3)), np.eye(3)), "does not broadcast"),
        ((np.eye(6), np.ones((2, 3)), np.ones((5, 3))), "do not broadcast"),
        ((np.eye(6), [7e6, 0], [0, 7e3]), r"give \(\.\.\., 3\) for both"),
        ((np.eye(6) * np.nan, [7e6, 0, 0], [0, 7e3, 0]), "not a finite number"),
        ((np.eye(6), [7e6, 0, 0], [7e3, 0, 0]), "span no orbital plane"),
        ((np.eye(6), [0, 0, 0], [7e3, 0, 0]), "span no orbital plane"),
        ((np.eye(6), [1e308, 0, 0], [0, 7e3, 0]), "position holds a value that is not a finite number up to"),
        (("some", [7e6, 0, 0], [0, 7e3, 0]), "covariance = 'some'; give numbers"),
    ],
)
def test_turning_other_shapes_is_one_sentence(arguments, sentence):
    for turn in (covariance_from_rtn, covariance_to_rtn):
        with pytest.raises(SandboxError, match=sentence):
            turn(*arguments)


def test_only_the_sum_need_be_semidefinite():
    state1, cov1, state2, cov2 = draw(5)
    one_sided = encounter_plane(state1, cov1, state2, np.zeros((3, 3)))[1]
    np.testing.assert_allclose(one_sided, encounter_plane(state1, 0.5 * cov1, state2, 0.5 * cov1)[1])
    dent = np.diag([1.0, 1.0, 1.0])
    dent[0, 1] = dent[1, 0] = 1.5
    np.testing.assert_allclose(
        encounter_plane(state1, dent, state2, cov2)[1], encounter_plane(state1, cov2, state2, dent)[1]
    )
    assert encounter_validity(state1, dent, state2, cov2, 10.0).bend >= 0.0
    with pytest.raises(
        SandboxError, match=r"cov1 \+ cov2 is not positive semi-definite.*remediate_covariance"
    ):
        encounter_plane(state1, dent, state2, dent)


def test_leading_shapes_that_do_not_fit():
    state1, cov1, state2, cov2 = draw(6)
    with pytest.raises(SandboxError, match="do not broadcast"):
        encounter_plane(np.stack([state1] * 2), cov1, np.stack([state2] * 3), cov2)


def test_tail_is_two_sided():
    assert pytest.approx(norm.isf(0.5e-16), abs=5e-4) == TAIL


def test_interval_is_coppolas():
    """Errors along the velocity alone (2012, AAS 12-248): R + erfcinv(1e-16) sqrt(2) sigma either way."""
    state1 = np.array([7e6, 0.0, 0.0, 0.0, 7500.0, 0.0])
    state2 = state1 + 100.0 * np.eye(6)[5]
    cov = np.diag([1.0, 1.0, 400.0])
    validity = encounter_validity(state1, cov, state2, np.zeros((3, 3)), 10.0)
    expected = (10.0 + np.sqrt(2.0) * erfcinv(1e-16) * 20.0) / 100.0
    assert validity.end_s == pytest.approx(expected, rel=1e-4)
    assert validity.start_s == pytest.approx(-expected, rel=1e-4)


def neighbours():
    """Alfano's case 12 in kind: one orbit, 20 m along the radius, no relative velocity."""
    state = np.array([6878137.0, 0.0, 0.0, 0.0, 7612.6, 0.0])
    return state, np.diag([100.0, 2500.0, 400.0, 1e-4, 1e-4, 1e-4]), state + 20.0 * np.eye(6)[1]


def test_simulation_where_there_is_no_encounter_plane():
    """The same as with a velocity of 1 nm/s between them, which makes a plane and no other difference."""
    state, cov, other = neighbours()
    found = monte_carlo_probability(state, cov, other, cov, 10.0, 4_000, span_s=600.0)
    almost = monte_carlo_probability(state, cov, other + 1e-9 * np.eye(6)[5], cov, 10.0, 4_000, span_s=600.0)
    assert found.hits == almost.hits > 0
    assert monte_carlo_probability(state, cov, other, cov, 10.0, 50).samples == 50
    with pytest.raises(SandboxError, match="no encounter plane"):
        encounter_plane(state, cov, other, cov)


def test_simulation_of_neighbours_is_that_of_hills_equations():
    """Relative motion by the closed form of Clohessy and Wiltshire (1960), looked at every second."""
    state, cov, other = neighbours()
    n = np.sqrt(MU_EARTH / state[0] ** 3)
    rng, t = np.random.default_rng(8), np.arange(-600.0, 600.5, 1.0)[:, None]
    drawn = (other - state) + rng.standard_normal((6_000, 6)) * np.sqrt(2.0 * np.diag(cov))
    x, y, z, vx, vy, vz = drawn.T
    vx, vy = vx + n * y, vy - n * x  # as seen from the turning frame
    s, c = np.sin(n * t), np.cos(n * t)
    radial = (4 - 3 * c) * x + s / n * vx + 2 / n * (1 - c) * vy
    along = 6 * (s - n * t) * x + y - 2 / n * (1 - c) * vx + (4 * s / n - 3 * t) * vy
    across = z * c + vz / n * s
    expected = (radial**2 + along**2 + across**2 < 10.0**2).any(axis=0).mean()
    found = monte_carlo_probability(state, cov, other, cov, 10.0, 6_000, span_s=600.0)
    assert found.probability == pytest.approx(expected, abs=4.5 * np.sqrt(2 * expected / 6_000))
    assert expected > 0.01


def test_simulation_clips_what_no_distribution_has():
    case = CASES[3]
    dent = case.cov1.copy()
    dent[3, 4] = dent[4, 3] = 1.5 * np.sqrt(dent[3, 3] * dent[4, 4])
    with pytest.warns(CovarianceRemediated, match="cov1 is not positive semi-definite.*clipped to 0"):
        found = monte_carlo_probability(case.state1, dent, case.state2, case.cov2, 15.0, 200)
    assert found.samples == 200


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"span_s": np.inf}, "span_s = inf"),
        ({"span_s": -5.0}, "span_s = -5.0"),
        ({"span_s": 1e300}, r"span_s = 1e\+300; give .* at most 8.64e\+06"),
        ({"hard_body_radius": np.nan}, "hard_body_radius = nan"),
        ({"hard_body_radius": 0.0}, "hard_body_radius = 0.0"),
        ({"state1": np.zeros(6)}, "inside it"),
        ({"state1": np.zeros(5)}, r"state1 has shape \(5,\)"),
        ({"state2": np.full(6, 1e308)}, "state2 holds a value"),
        ({"cov1": np.eye(3)}, r"cov1 has shape \(3, 3\)"),
        ({"cov2": -np.eye(6)}, "cov2 has the variance -1"),
        ({"cov2": np.eye(6) + np.eye(6, k=1)}, "cov2 is not symmetric"),
        ({"samples": 1.5}, "samples = 1.5"),
    ],
)
def test_simulation_of_what_is_none_is_one_sentence(change, sentence):
    case = CASES[3]
    names = ("state1", "cov1", "state2", "cov2", "hard_body_radius")
    arguments = dict(zip(names, (*case.encounter, 15.0), strict=True)) | {"samples": 10} | change
    with pytest.raises(SandboxError, match=sentence):
        monte_carlo_probability(**arguments)


@given(seeds)
def test_remediation_clips_and_leaves_the_rest(seed):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(3, 3)) * 10.0 ** rng.uniform(-3, 3)
    sound = root @ root.T + np.eye(3) * 1e-3
    np.testing.assert_array_equal(remediate_covariance(sound), sound)
    dent = sound - 2.0 * np.linalg.eigvalsh(sound)[1] * np.eye(3)
    values = np.linalg.eigvalsh(remediate_covariance(np.stack((dent, sound)), 1e-4))
    scale = np.abs(dent).max()
    np.testing.assert_allclose(
        values[0], np.maximum(np.linalg.eigvalsh(dent), 1e-4), atol=1e-12 * scale, rtol=1e-9
    )
