"""Screening against brute force: every pair at every moment, by NumPy and scipy, with none of our filters."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from sandbox.conjunctions import ENCOUNTER, CataloguedObjects, Objects, closest_approach, screen
from sandbox.conjunctions.objects import radii
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import R_EARTH
from sandbox.orbits.catalogue import from_mean_elements
from sandbox.orbits.constellations import states, walker_delta
from sandbox.orbits.forces import Forces
from sandbox.orbits.propagation import propagate

EPOCH = "2026-03-20T12:00:00"


def population(count, seed, low_km=550.0, high_km=600.0):
    """States of so many objects on near-circular orbits of every inclination."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((count, 6))
    rows[:, 0] = R_EARTH + 1e3 * rng.uniform(low_km, high_km, count)
    rows[:, 1] = rng.uniform(0.0, 0.003, count)
    rows[:, 2] = np.radians(rng.uniform(30.0, 110.0, count))
    rows[:, 3:] = rng.uniform(0.0, 2 * np.pi, (count, 3))
    return states(rows)


def brute_force(first, second, horizon, threshold, step=10.0):
    """(primary, secondary, tca, distance) of every approach, from the distances of all pairs every `step`."""
    found, count = [], len(first[0])
    both = np.concatenate((first[0], second[0])), np.concatenate((first[1], second[1]))
    position, velocity, now = *both, 0.0
    for k in range(round(horizon / step)):
        r = position[None, count:] - position[:count, None]
        v = velocity[None, count:] - velocity[:count, None]
        middle = np.clip(-(r * v).sum(-1) / (v * v).sum(-1), 0.0, step)
        nearest = np.linalg.norm(r + middle[..., None] * v, axis=-1)
        for i, j in zip(*np.nonzero(nearest < threshold + 500.0), strict=True):
            found += _exact(position[[i, count + j]], velocity[[i, count + j]], i, j, now, step, threshold)
        (position,), (velocity,) = propagate(position, velocity, [step])
        now = (k + 1) * step
    return sorted(found)


def _exact(position, velocity, i, j, now, step, threshold):
    def distance(tau):
        r, _ = propagate(position, velocity, [tau])
        return np.linalg.norm(r[0, 1] - r[0, 0])

    best = minimize_scalar(distance, bounds=(0.0, step), method="bounded", options={"xatol": 1e-7})
    inside = 1e-4 < best.x < step - 1e-4
    return [(int(i), int(j), now + best.x, best.fun)] if inside and best.fun <= threshold else []


def assert_same(found, expected):
    told = sorted(
        zip(*(found[name].tolist() for name in ("primary", "secondary", "tca", "distance")), strict=True)
    )
    assert [row[:2] for row in told] == [row[:2] for row in expected]
    np.testing.assert_allclose(told, expected, atol=1e-3)


@pytest.mark.parametrize("step_s", [30.0, 60.0, 120.0])
def test_finds_what_brute_force_finds(step_s):
    first, second = population(30, seed=1), population(200, seed=2)
    expected = brute_force(first, second, 5_400.0, 50e3)
    found = screen(Objects(*first), Objects(*second), 5_400.0, 50e3, step_s=step_s)
    assert len(expected) > 30
    assert_same(found, expected)


@pytest.mark.slow
def test_finds_what_brute_force_finds_at_full_size():
    """200 x 2,000 objects over 6 h."""
    first, second = population(200, seed=3), population(2_000, seed=4)
    expected = brute_force(first, second, 6 * 3600.0, 5e3)
    assert len(expected) > 100
    assert_same(screen(Objects(*first), Objects(*second), 6 * 3600.0, 5e3), expected)


def test_a_set_among_itself_is_each_pair_once():
    everyone = population(300, seed=5)
    found = screen(Objects(*everyone), None, 5_400.0, 60e3)
    assert (found["primary"] < found["secondary"]).all()
    twice = screen(Objects(*everyone), Objects(*everyone), 5_400.0, 60e3)
    twice = twice[twice["primary"] < twice["secondary"]]
    assert len(found) > 100
    np.testing.assert_array_equal(found["primary"], twice["primary"])
    np.testing.assert_allclose(found["tca"], twice["tca"], atol=1e-6)


def test_records_are_the_closest_approach():
    first, second = population(20, seed=1), population(150, seed=2)
    found = screen(Objects(*first), Objects(*second), 3_600.0, 30e3)
    assert found.dtype == ENCOUNTER
    assert (np.diff(found["tca"]) >= 0.0).all()
    for row in found[:10]:
        i, j, tca = row["primary"], row["secondary"], row["tca"]
        one, other = (np.concatenate((s[0][n], s[1][n])) for s, n in ((first, i), (second, j)))
        exact = closest_approach(one, other, tca + 20.0, tca - 20.0)
        assert tca == pytest.approx(exact.time_s, abs=1e-5)
        np.testing.assert_allclose(row["state1"], exact.state1, atol=0.1)
        np.testing.assert_allclose(row["state2"], exact.state2, atol=0.1)
        assert row["distance"] == pytest.approx(exact.distance, abs=1e-3)
        assert row["relative_speed"] == pytest.approx(np.linalg.norm(exact.relative_velocity))


def test_companions_count_at_the_ends_of_the_horizon():
    """Two satellites 2 km apart on one orbit: no approach worth the name, but there all the time."""
    position, velocity = states(walker_delta(1, 1, 0, 600e3, 1.0))
    ahead = propagate(position, velocity, [0.3])
    pair = Objects(np.concatenate((position, ahead[0][0])), np.concatenate((velocity, ahead[1][0])))
    found = screen(pair, None, 600.0, 5e3)
    assert len(found) >= 1
    assert found["tca"][0] == 0.0 or found["tca"][-1] == 600.0
    assert found["distance"].max() < 3e3


def test_orbits_that_never_meet_are_left_out_and_lose_nothing():
    """Low, medium and geostationary objects, and a transfer orbit between them, against a low shell."""
    low, mixed = population(20, seed=1), population(150, seed=2)
    far = population(30, seed=9, low_km=19_000.0, high_km=36_000.0)
    rows = np.array([[24.4e6, 0.725, 0.2, 1.0, 2.0, 0.1], [24.4e6, 0.72, 1.1, 3.0, 1.0, 6.1]])
    transfer = states(rows)
    more = [np.concatenate(parts) for parts in zip(mixed, far, transfer, strict=True)]
    alone, together = (screen(Objects(*low), Objects(*s), 5_400.0, 60e3) for s in (mixed, more))
    ours = together[together["secondary"] < 150]
    np.testing.assert_array_equal(ours[["primary", "secondary"]], alone[["primary", "secondary"]])
    assert not ((together["secondary"] >= 150) & (together["secondary"] < 180)).any()
    nobody = screen(Objects(*low), Objects(*far), 5_400.0, 60e3)
    assert len(nobody) == 0
    assert nobody.dtype == ENCOUNTER


def test_radii_of_an_orbit():
    position, velocity = states(np.array([[24.4e6, 0.7, 0.2, 1.0, 2.0, 0.5]]))
    perigee, apogee = radii(position, velocity)
    assert perigee[0] == pytest.approx(24.4e6 * 0.3, rel=5e-3)
    assert apogee[0] == pytest.approx(24.4e6 * 1.7, rel=5e-3)
    assert radii(position, 2.0 * velocity)[1][0] == np.inf


def test_many_pairs_in_one_moment():
    """More pairs at once than there is room for at first: a cloud of 150 within 20 km."""
    position, velocity = states(walker_delta(1, 1, 0, 600e3, 1.0))
    rng = np.random.default_rng(0)
    cloud = Objects(position + rng.normal(0, 5e3, (150, 3)), velocity + rng.normal(0, 1.0, (150, 3)))
    found = screen(cloud, None, 60.0, 50e3)
    assert len(np.unique(found[["primary", "secondary"]])) == 150 * 149 // 2


def test_drag_and_chosen_objects():
    forces = Forces(drag=True)
    first = population(10, seed=1, low_km=350, high_km=400)
    objects = Objects(*first, forces, 0.05)
    objects.carry(3_600.0)
    expected, _ = propagate(*first, [3_600.0], forces, 0.05)
    np.testing.assert_allclose(objects.position, expected[0], atol=1e-6)
    few = objects.select(np.array([2, 5]))
    assert few.time == 0.0
    np.testing.assert_array_equal(few.position, first[0][[2, 5]])
    objects.carry(0.0)
    np.testing.assert_array_equal(objects.position, first[0])


def catalogue(count, seed, **of_the_seventh):
    rng = np.random.default_rng(seed)
    return from_mean_elements(
        {
            "name": f"THING {k}",
            "norad_id": 10_000 + k,
            "epoch": EPOCH,
            "inclination_deg": rng.uniform(40, 100),
            "raan_deg": rng.uniform(0, 360),
            "eccentricity": rng.uniform(0.0, 0.002),
            "argp_deg": rng.uniform(0, 360),
            "mean_anomaly_deg": rng.uniform(0, 360),
            "mean_motion_rev_day": rng.uniform(14.7, 14.8),
            "bstar": 1e-5,
            **(of_the_seventh if k == 7 else {}),
        }
        for k in range(count)
    )


def test_catalogues_fly_by_sgp4():
    """Every approach by SGP4 itself, a second at a time."""
    things = catalogue(100, seed=0)
    found = screen(CataloguedObjects(things, EPOCH), None, 3_600.0, 60e3)
    assert len(found) > 20
    when = CataloguedObjects(things, EPOCH)
    for row in found[:: len(found) // 10]:
        pair, near = [row["primary"], row["secondary"]], []
        for tau in np.arange(-3, 4):
            when.carry(row["tca"] + tau)
            near.append(np.linalg.norm(np.diff(when.position[pair], axis=0)))
        if 3.0 < row["tca"] < 3_597.0:
            assert np.argmin(near) == 3
        assert near[3] == pytest.approx(row["distance"], abs=1.0)


def test_an_object_that_has_decayed_meets_nobody():
    sinking = catalogue(40, seed=0, bstar=0.01, mean_motion_rev_day=16.3)
    things = CataloguedObjects(sinking, "2026-04-20T00:00:00")
    assert np.flatnonzero(np.isnan(things.position[:, 0])).tolist() == [7]
    found = screen(things, None, 3_600.0, 300e3)
    assert len(found) > 20
    assert np.isfinite(found["distance"]).all()
    assert not ((found["primary"] == 7) | (found["secondary"] == 7)).any()


def test_progress_is_told(capsys):
    told = []
    first = population(5, seed=1)
    screen(Objects(*first), None, 600.0, 1e3, progress=told.append)
    assert told[-1] == 1.0
    assert sorted(told) == told
    screen(Objects(*first), None, 600.0, 1e3, progress=True)
    assert "100%" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["horizon_s", "threshold_m", "step_s"])
def test_bad_numbers(name):
    arguments = {"horizon_s": 60.0, "threshold_m": 1.0} | {name: 0.0}
    with pytest.raises(SandboxError, match=f"{name} = 0.0; give a number greater than 0"):
        screen(Objects(*population(2, seed=1)), None, **arguments)


def test_sun_and_moon_need_tables():
    with pytest.raises(SandboxError, match="need an ephemeris"):
        Objects(*population(2, seed=1), Forces(sun=True))


def test_horizons_without_end_are_one_sentence():
    one = Objects([[7e6, 0.0, 0.0]], [[0.0, 7.5e3, 0.0]])
    with pytest.raises(SandboxError, match="takes more than 10,000,000 steps of 60 s"):
        screen(one, None, 1e300, 1e3)
    with pytest.raises(SandboxError, match="threshold_m = 1e\\+308"):
        screen(one, None, 60.0, 1e308)
