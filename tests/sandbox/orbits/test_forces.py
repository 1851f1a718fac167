import numpy as np
import pytest

from sandbox.orbits.bodies import AU, EARTH_ROTATION_RATE, J2, J3, MU_EARTH, MU_MOON, MU_SUN, R_EARTH
from sandbox.orbits.ephemeris import moon_position, sun_position
from sandbox.orbits.forces import J2_ONLY, Forces, acceleration

POINT_MASS = Forces(j2=0.0)
SUN, MOON = (AU, 0.0, 0.0), (0.0, 3.84e8, 0.0)


def accelerations(position, velocity, forces, ballistic=0.0, sun=SUN, moon=MOON):
    states = zip(position, velocity, strict=True)
    return np.array([acceleration(*p, *v, forces, ballistic, sun, moon) for p, v in states])


@pytest.mark.parametrize("zonal", ["j2", "j3", "j4"])
def test_zonals_are_the_gradient_of_the_potential(leo_states, zonal_potential, zonal):
    """Central differences over 20 m of the term alone, amplified to 1: agreement to 1e-9."""
    forces = POINT_MASS._replace(**{zonal: 1.0})
    position, velocity = leo_states
    term = accelerations(position, velocity, forces) - accelerations(position, velocity, POINT_MASS)
    d = 20.0
    for axis, step in enumerate(np.eye(3) * d):
        ahead, behind = (
            zonal_potential(position + s, forces) - zonal_potential(position + s, POINT_MASS)
            for s in (step, -step)
        )
        gradient = (ahead - behind) / (2 * d)
        assert np.allclose(term[:, axis], gradient, rtol=0, atol=1e-9 * np.abs(term).max())


def test_j2_equals_boinors(leo_states):
    from boinor.core.perturbations import J2_perturbation

    position, velocity = leo_states
    ours = accelerations(position, velocity, J2_ONLY) - accelerations(position, velocity, POINT_MASS)
    for p, v, a in zip(position, velocity, ours, strict=True):
        theirs = J2_perturbation(0.0, np.concatenate([p, v]) / 1e3, MU_EARTH / 1e9, J2, R_EARTH / 1e3)
        assert np.allclose(a, theirs * 1e3, rtol=0, atol=1e-13)


def test_j3_equals_boinors(leo_states):
    from boinor.core.perturbations import J3_perturbation

    position, velocity = leo_states
    point = accelerations(position, velocity, POINT_MASS)
    ours = accelerations(position, velocity, POINT_MASS._replace(j3=J3)) - point
    for p, v, a in zip(position, velocity, ours, strict=True):
        theirs = J3_perturbation(0.0, np.concatenate([p, v]) / 1e3, MU_EARTH / 1e9, J3, R_EARTH / 1e3)
        assert np.allclose(a, theirs * 1e3, rtol=0, atol=1e-13)


def test_drag_opposes_the_motion_through_the_turning_air(leo_states):
    """Against boinor's formula, given the density of the table and the velocity in the air."""
    from boinor.core.perturbations import atmospheric_drag

    from sandbox.orbits.atmosphere import density
    from sandbox.orbits.frames import subpoint

    position, velocity = leo_states
    ballistic = 2.2 * 4.0 / 260.0
    forces = POINT_MASS._replace(drag=True, density_factor=3.0)
    point = accelerations(position, velocity, POINT_MASS)
    ours = accelerations(position, velocity, forces, ballistic) - point
    for p, v, a in zip(position, velocity, ours, strict=True):
        air = v - np.cross([0, 0, EARTH_ROTATION_RATE], p)
        rho = 3.0 * density(subpoint(*p)[2])  # our height is 100 m off Bowring's at most: 0.2 % of rho
        theirs = atmospheric_drag(0.0, np.concatenate([p, air]) / 1e3, 0.0, 1.0, ballistic * 1e-6, rho * 1e9)
        assert np.allclose(a, theirs * 1e3, rtol=3e-3, atol=1e-15)


@pytest.mark.parametrize(("body", "mu"), [("sun", MU_SUN), ("moon", MU_MOON)])
def test_third_bodies_equal_boinors(leo_states, ephemeris, body, mu):
    from boinor.core.perturbations import third_body

    position, velocity = leo_states
    places = {"sun": sun_position(ephemeris, 0.0), "moon": moon_position(ephemeris, 0.0)}
    point = accelerations(position, velocity, POINT_MASS)
    ours = accelerations(position, velocity, POINT_MASS._replace(**{body: True}), 0.0, **places) - point
    for p, v, a in zip(position, velocity, ours, strict=True):
        state = np.concatenate([p, v])
        theirs = third_body(0.0, state, MU_EARTH, mu, lambda t: np.array(places[body]))
        assert np.allclose(a, theirs, rtol=0, atol=1e-14)  # of 1e-6; the rest is round-off in our sum


def test_what_is_off_costs_nothing_in_value(leo_states):
    """The default is J2 alone, whatever the ballistic coefficient, Sun and Moon."""
    position, velocity = leo_states
    ours = accelerations(position, velocity, Forces(), 1.0, (1e7, 0.0, 0.0), (0.0, 1e7, 0.0))
    assert np.array_equal(ours, accelerations(position, velocity, J2_ONLY))
