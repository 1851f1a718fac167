"""A catalogue file in the place of a scenario."""

import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from sandbox.errors import SandboxError
from sandbox.fleet import make_fleet
from sandbox.orbits.bodies import LOWEST_M
from sandbox.orbits.catalogue import CatalogueWarning, read_catalogue
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
        (TLE.replace("4753\n", "4754\n").replace("3985\n", "3986\n"), r"checksum.*1 more"),
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


def checked(line):
    return line[:68] + str(sum(int(c) if c.isdigit() else c == "-" for c in line[:68]) % 10)


def element_set(
    name, number, *, epoch="26170.50000000", ndot=" .00001000", bstar=" 10000-4", motion="15.20000000"
):
    first = checked(f"1 {number}U 26001A   {epoch} {ndot}  00000-0 {bstar} 0  9990")
    second = checked(f"2 {number}  53.0000  10.0000 0001000  20.0000  30.0000 {motion}  1000")
    return f"{name}\n{first}\n{second}\n"


GOOD = element_set("GOOD", 90001)
FALLEN = element_set("FALLEN", 90002, epoch="26140.50000000", bstar=" 44853-1", motion="16.20000000")
FALLING = element_set("FALLING", 90003, ndot=" .20000000", bstar=" 99999-1", motion="16.30000000")
OLD = element_set("OLD", 90004, epoch="23232.80903846", bstar=" 32750-2", motion="15.34502222")


@pytest.fixture
def write(tmp_path):
    def write(text, name="gp.php?GROUP=active&FORMAT=tle"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


class TestLeftOut:
    @pytest.mark.parametrize("bad", [FALLEN, OLD, GOOD.replace("GOOD", "BAD").replace("26170", "26171")])
    def test_who_cannot_fly_does_not_cost_the_others(self, write, bad):
        with pytest.warns(CatalogueWarning, match=bad.partition("\n")[0]):
            world = World(str(write(bad + GOOD)), horizon_s=60.0)
        assert world.fleet.names == ("GOOD",)
        with pytest.raises(SandboxError), warnings.catch_warnings(action="ignore"):
            World(load_scenario(write(bad + GOOD), {"catalogue.strict": True}))

    def test_nobody_remains(self, write):
        scenario = load_scenario(write(FALLEN), {"epoch": "2026-06-19T12:00:00"})
        with (
            pytest.warns(CatalogueWarning),
            pytest.raises(SandboxError, match=r"fleet group .*no object.*FALLEN"),
        ):
            World(scenario)

    def test_one_that_is_asked_for(self, write):
        changes = {"epoch": "2026-06-19T12:00:00", "satellites": ["FALLEN"]}
        with (
            pytest.warns(CatalogueWarning),
            pytest.raises(SandboxError, match=r"'FALLEN' was left out: .*30 days"),
        ):
            World(load_scenario(write(GOOD + FALLEN), changes))

    def test_started_by_sgp4_and_flown_by_cowell(self, write):
        changes = {"fleet.0.propagator": "cowell"}
        with pytest.warns(CatalogueWarning, match="OLD"):
            assert World(load_scenario(write(GOOD + OLD), changes), horizon_s=60.0).fleet.names == ("GOOD",)

    def test_in_a_population_too(self, write):
        changes = {"encounters.catalogue": write(GOOD + OLD), "epoch": "2026-06-19T12:00:00"}
        with pytest.warns(CatalogueWarning, match="OLD"):
            World(load_scenario("pair", changes), parts=["encounters"], horizon_s=600.0)
        changes["encounters.catalogue"] = write(OLD)
        with pytest.warns(CatalogueWarning, match="1 of 1 objects"):
            World(load_scenario("pair", changes), parts=["encounters"], horizon_s=600.0)


class TestChosen:
    @pytest.mark.parametrize(
        ("changes", "names"),
        [
            ({"catalogue.select": "FALLING"}, ("FALLING",)),
            ({"catalogue.select": 90001}, ("GOOD",)),
            ({"catalogue.select": ["FALLING", 90001]}, ("FALLING", "GOOD")),
            ({"catalogue.first": 1}, ("GOOD",)),
            ({"catalogue.first": 9}, ("GOOD", "FALLING")),
            ({"fleet.0.catalogue.select": [90003]}, ("FALLING",)),
        ],
    )
    def test_from_a_catalogue_file(self, write, changes, names):
        assert make_fleet(load_scenario(write(GOOD + FALLING), changes)).names == names

    def test_the_first_are_those_that_fly(self, write):
        path = write(FALLEN + GOOD + FALLING)
        with pytest.warns(CatalogueWarning, match="FALLEN"):
            fleet = make_fleet(load_scenario(path, {"catalogue.first": 2, "epoch": "2026-06-19T12:00:00"}))
        assert fleet.names == ("GOOD", "FALLING")

    def test_the_epoch_is_that_of_the_chosen(self, write):
        later = element_set("LATER", 90009, epoch="26190.50000000")
        path = write(GOOD + later)
        assert load_scenario(path).epoch == datetime(2026, 7, 9, 12, 1, tzinfo=UTC)
        chosen = load_scenario(path, {"catalogue.select": ["GOOD"]})
        assert chosen.epoch == datetime(2026, 6, 19, 12, 1, tzinfo=UTC)
        assert load_scenario(path, {"epoch": "2026-06-25T00:00:00"}).epoch.day == 25

    def test_in_yaml(self, write, tmp_path):
        write(GOOD + FALLING, "two.txt")
        group = "name: G, spacecraft: computing_satellite, propagator: sgp4"
        group = f"{{{group}, catalogue: {{file: two.txt, select: [90003]}}}}"
        text = f"extends: scs01\nepoch: 2026-06-19T12:00:00\nfleet:\n  - {group}\n"
        (tmp_path / "mine.yaml").write_text(text)
        assert make_fleet(load_scenario(tmp_path / "mine.yaml")).names == ("FALLING",)
        changes = {"catalogue.select": None, "catalogue.first": 1}
        assert make_fleet(load_scenario(tmp_path / "mine.yaml", changes)).names == ("GOOD",)

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"catalogue.select": "GOD"}, "did you mean GOOD"),
            ({"catalogue.first": 0}, r"fleet.0.catalogue.first = 0"),
            ({"catalogue.select": [1.5]}, r"fleet.0.catalogue.select"),
            ({"catalogue.select": [10**30]}, r"fleet.0.catalogue.select"),
            ({"catalogue.nonsense": 1}, "fleet.0.catalogue.nonsense"),
        ],
    )
    def test_wrong(self, write, changes, words):
        with pytest.raises(SandboxError, match=words):
            make_fleet(load_scenario(write(GOOD + FALLING), changes))

    def test_where_there_is_no_catalogue(self):
        with pytest.raises(SandboxError, match=r"catalogue.select: no groups"):
            load_scenario("scs01", {"catalogue.select": ["SCS-01 A"]})

    def test_what_is_no_catalogue(self, tmp_path):
        for source in (tmp_path, "nobody", "/dev/zero" if Path("/dev/zero").exists() else "gone.tle"):
            with pytest.raises(SandboxError):
                load_scenario(str(source))


class TestDecayInFlight:
    def test_the_satellite_is_lost_and_the_run_goes_on(self, write):
        world = World(write(GOOD + FALLING), worlds=2, horizon_s=9_000.0)
        world.reset(seed=0)
        nothing = np.zeros((2, 2), np.int32)
        deaths = np.zeros((2, 2), int)
        for _ in range(300):
            world.step(mode=nothing)
            deaths += world.state.activity["died"]
        assert world.state.body["alive"].tolist() == [[True, False]] * 2
        assert deaths.tolist() == [[0, 1]] * 2
        orbit = world.state.orbit
        assert all(np.isfinite(array).all() for array in orbit)
        resting = orbit.position[:, 1].copy()
        assert (np.linalg.norm(resting, axis=-1) < LOWEST_M).all()
        expected = read_catalogue(write(GOOD)).states(world.scenario.epoch + timedelta(seconds=9_000))[0]
        assert np.abs(orbit.position[:, 0] - expected).max() < 0.02
        for _ in range(20):
            world.step(mode=nothing)
        np.testing.assert_array_equal(orbit.position[:, 1], resting)

    def test_planned_for_as_it_is_lost(self, write):
        from agents.planner.trajectories import trajectories

        world = World(write(GOOD + FALLING), horizon_s=9_000.0)
        world.reset(seed=0)
        found = trajectories(world, 0, 300)
        assert np.isfinite(found.position).all()
        np.testing.assert_array_equal(found.position[-1, 1], found.position[-2, 1])
