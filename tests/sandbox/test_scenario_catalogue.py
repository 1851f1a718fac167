"""A catalogue file in the place of a scenario."""

from datetime import UTC, datetime

import numpy as np
import pytest

from sandbox.errors import SandboxError
from sandbox.orbits.catalogue import read_catalogue
from sandbox.scenario import load_scenario
from sandbox.world import World

# two objects of the verification set of Vallado et al. (2006), AIAA 2006-6753
TLE = """VANGUARD 1
1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753
2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667
DELTA 1 DEB
1 06251U 62025E   06176.82412014  .00008885  00000-0  12808-3 0  3985
2 06251  58.0579  54.0425 0030035 139.1568 221.1854 15.56387291  6774
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "two.tle"
    file.write_text(TLE)
    return file


def test_every_object_becomes_a_satellite_flown_by_sgp4(path):
    scenario = load_scenario(path)
    assert scenario.name == "two"
    assert scenario.epoch == datetime(2006, 6, 25, 19, 47, tzinfo=UTC), "the minute after the newest epoch"
    world = World(scenario, horizon_s=600.0)
    world.reset(seed=0)
    assert world.fleet.names == ("VANGUARD 1", "DELTA 1 DEB")
    position, velocity = read_catalogue(path).states(scenario.epoch)
    np.testing.assert_array_equal(world.state.orbit.position[0], position)
    np.testing.assert_array_equal(world.state.orbit.velocity[0], velocity)


def test_fields_can_be_replaced(path):
    scenario = load_scenario(str(path), {"satellites": ["DELTA 1 DEB"], "requests.initial": 3})
    assert World(scenario, horizon_s=60.0).satellites == 1
    assert scenario.requests.initial == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TLE.replace("4753\n", "4754\n"), "checksum"),
        ("", "two.tle"),
        ("not a catalogue\n", "two.tle"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path, text, sentence):
    file = tmp_path / "two.tle"
    file.write_text(text)
    with pytest.raises(SandboxError, match=sentence) as error:
        load_scenario(file)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(SandboxError, match="cannot be read"):
        load_scenario(tmp_path / "gone.tle")
