import numpy as np
import pytest

from sandbox.errors import SandboxError
from sandbox.orbits.poliastro import from_orbits, to_orbit

STATE = np.array([7e6, 1e5, -2e5]), np.array([100.0, 5000.0, 5500.0])


def test_there_and_back(offline_astropy):
    orbit = to_orbit(*STATE, "2026-06-26T22:00:00")
    position, velocity = from_orbits([orbit, orbit])
    assert np.allclose(position, [STATE[0]] * 2, rtol=1e-14)
    assert np.allclose(velocity, [STATE[1]] * 2, rtol=1e-14)


def test_epoch_is_kept(offline_astropy):
    assert to_orbit(*STATE, "2026-06-26T22:00:00").epoch.utc.isot == "2026-06-26T22:00:00.000"


def test_other_attractors_are_refused(offline_astropy):
    from astropy import units as u
    from boinor.bodies import Mars
    from boinor.twobody import Orbit

    with pytest.raises(SandboxError, match="Mars"):
        from_orbits([Orbit.circular(Mars, 400 * u.km)])


@pytest.mark.parametrize("orbits", [[], [object()]])
def test_what_is_no_orbit_is_refused(orbits):
    with pytest.raises(SandboxError, match=r"orbit|Orbit"):
        from_orbits(orbits)


def test_one_state_at_a_time():
    with pytest.raises(SandboxError, match="one state"):
        to_orbit(np.ones((2, 3)), np.ones((2, 3)), "2026-06-26")
