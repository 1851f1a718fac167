"""A world under a gravity field: it flies as `propagate` does, and comes back to the same future."""

import numpy as np
import pytest

from sandbox.orbits import propagate
from sandbox.world import World


@pytest.mark.slow  # another type of forces: everything is compiled anew
def test_a_world_with_a_field_flies_as_propagation_says():
    field = {"extends": "scs01", "name": "field", "forces": {"gravity": {"degree": 6, "order": 6}}}
    world = World(field, horizon_s=3600.0)
    world.reset(seed=0)
    start = world.snapshot()
    for _ in range(4):
        world.step()
    there, constants = world.state.orbit.position[0].copy(), world.constants
    found, _ = propagate(
        world.fleet.position,
        world.fleet.velocity,
        [120.0],
        constants.forces,
        constants.ballistic,
        constants.ephemeris,
    )
    np.testing.assert_allclose(there, found[0], atol=1e-4)
    plain, _ = propagate(
        world.fleet.position, world.fleet.velocity, [120.0], constants.forces._replace(field=None)
    )
    assert np.abs(there - plain[0]).max() > 0.1
    world.restore(start)
    for _ in range(4):
        world.step()
    np.testing.assert_array_equal(world.state.orbit.position[0], there)
