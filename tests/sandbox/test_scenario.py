"""Scenarios: what comes with the package, what a file may say, and what is said of a wrong one."""

from datetime import UTC, datetime

import numpy as np
import pytest
import yaml

from sandbox.errors import SandboxError
from sandbox.fleet import make_fleet
from sandbox.scenario import Forces, Scenario, load_scenario, scenario_names

TLE = """ISS (ZARYA)
1 25544U 98067A   08264.51782528 -.00002182  00000-0 -11606-4 0  2927
2 25544  51.6416 247.4627 0006703 130.5360 325.0288 15.72125391563537
"""


@pytest.fixture
def write(tmp_path):
    """Write a scenario, as text or a dictionary, to a file of this name, and give its path."""

    def write(content, name="mine.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def sentence(source, replace=None):
    """What `load_scenario` says of a wrong source: one sentence on one line."""
    with pytest.raises(SandboxError) as caught:
        load_scenario(source, replace)
    text = str(caught.value)
    assert "\n" not in text
    assert text[-1] in ".?"
    assert len(text) < 500
    return text


class TestNamedScenarios:
    @pytest.mark.parametrize("name", scenario_names())
    def test_loads_and_flies(self, name):
        scenario = load_scenario(name)
        assert scenario.name == name
        assert scenario.description
        fleet = make_fleet(scenario)
        assert len(set(fleet.names)) == len(fleet)

    def test_there_are_these(self):
        assert {
            "customers_24",
            "disaster_response",
            "pair",
            "scs01",
            "star_compute_2800",
            "walker_24",
        } <= set(scenario_names())

    def test_programme_has_2400_for_inference_and_400_for_training(self):
        kinds = make_fleet(load_scenario("star_compute_2800")).kinds
        assert kinds.count("computing_satellite") == 2400
        assert kinds.count("training_satellite") == 400

    def test_one_computing_satellite_for_all(self):
        scarce = ("_tight", "_scarce")  # tiers: they differ in what a satellite has
        names = [name for name in scenario_names() if not name.endswith(scarce)]
        crafts = [load_scenario(name).spacecraft["computing_satellite"] for name in names]
        # how far terminals look may differ, and how many boards there are
        same = {"lasers": crafts[0].lasers, "compute": crafts[0].compute}
        assert all(craft.model_copy(update=same) == crafts[0] for craft in crafts)
        assert len({craft.compute.model_copy(update={"boards": 1}) for craft in crafts}) == 1

    def test_satellites_of_scs01_are_those_launched(self):
        elements = load_scenario("scs01").fleet[0].elements
        assert [row.norad_id for row in elements] == list(range(63982, 63994))
        assert all(row.cospar_id.startswith("2025-100") for row in elements)


class TestSources:
    def test_dictionary_file_and_scenario_agree(self, small, write):
        path = write(small)
        scenario = load_scenario(small)
        assert load_scenario(path) == load_scenario(str(path)) == load_scenario(scenario) == scenario

    @pytest.mark.parametrize("name", scenario_names())
    def test_round_trip(self, name):
        scenario = load_scenario(name)
        assert load_scenario(scenario.model_dump()) == scenario
        assert load_scenario(scenario.model_dump(mode="json")) == scenario
        assert Scenario.model_validate_json(scenario.model_dump_json()) == scenario

    def test_dictionary_is_left_as_it_was(self, small):
        before = yaml.safe_dump(small)
        load_scenario(small, {"stations.0.antennas": 3, "requests.initial": 1})
        assert yaml.safe_dump(small) == before

    def test_replace(self):
        replace = {"horizon_h": 2, "stations.0.antennas": 3, "requests": {"initial": 7}}
        scenario = load_scenario("pair", replace)
        assert (scenario.horizon_h, scenario.stations[0].antennas) == (2.0, 3)
        assert (scenario.stations[1].antennas, scenario.requests.initial) == (1, 7)

    def test_replace_in_a_scenario_reaches_into_tuples(self):
        pair = load_scenario("pair")
        station = {"name": "North", "latitude_deg": 90, "longitude_deg": 0}
        assert load_scenario(pair, {"stations.0": station}).stations[0].latitude_deg == 90
        assert pair.stations[0].name == "Svalbard"

    @pytest.mark.parametrize(
        "epoch",
        [
            "2026-03-20T14:45:00",
            "2026-03-20T14:45:00Z",
            "2026-03-20T16:45:00+02:00",
            datetime(2026, 3, 20, 14, 45),
        ],
    )
    def test_epoch_is_utc(self, small, epoch):
        when = load_scenario(small | {"epoch": epoch}).epoch
        assert when == datetime(2026, 3, 20, 14, 45, tzinfo=UTC)
        assert when.utcoffset().total_seconds() == 0.0

    def test_rounds(self, small):
        assert load_scenario(small, {"horizon_h": 24}).rounds == 2880
        assert load_scenario(small, {"horizon_h": 1e-3}).rounds == 1

    def test_numbers_and_dates_of_numpy(self, small):
        changes = {
            "epoch": np.datetime64("2026-03-20T14:45:00", "ns"),
            "horizon_h": np.float32(3),
            "requests.initial": np.int64(7),
            "requests.value": np.array([1, 2]),
        }
        scenario = load_scenario(small, changes)
        assert scenario.epoch == datetime(2026, 3, 20, 14, 45, tzinfo=UTC)
        assert (scenario.horizon_h, scenario.requests.initial, scenario.requests.value) == (
            3.0,
            7,
            (1.0, 2.0),
        )

    def test_models(self, small):
        assert load_scenario(small | {"forces": Forces(j3=True)}, {"forces.j4": True}).forces.j3
        assert load_scenario(small, {"forces": Forces(j3=True), "forces.j4": True}).forces.j4

    def test_merge_keys_and_aliases(self, write):
        text = "extends: pair\nname: m\n<<: {horizon_h: 3}\nrequests: {value: &v [1, 2], lifetime_h: *v}\n"
        scenario = load_scenario(write(text), {"requests.value.0": 0})
        assert scenario.horizon_h == 3
        assert (scenario.requests.value, scenario.requests.lifetime_h) == ((0, 2), (1, 2))

    def test_catalogue_is_found_beside_the_file(self, small, write):
        write(TLE, "orbits/iss.tle")
        group = {"name": "ISS", "spacecraft": "craft", "catalogue": {"file": "orbits/iss.tle"}}
        path = write(small | {"epoch": "2008-09-20T12:25:40", "fleet": [group]})
        assert make_fleet(load_scenario(path)).names == ("ISS (ZARYA)",)

    def test_absolute_catalogue_stays(self, small, write):
        tle = write(TLE, "iss.tle")
        group = {"name": "ISS", "spacecraft": "craft", "catalogue": {"file": str(tle)}}
        path = write(small | {"fleet": [group]}, "elsewhere/mine.yaml")
        assert load_scenario(path).fleet[0].catalogue.file == tle


class TestExtends:
    def test_mappings_merge_lists_and_values_are_replaced(self):
        changes = {
            "extends": "scs01",
            "horizon_h": 3,
            "spacecraft": {"computing_satellite": {"power": {"battery_wh": 300}}},
            "stations": [{"name": "Pole", "latitude_deg": -90, "longitude_deg": 0}],
        }
        scenario, base = load_scenario(changes), load_scenario("scs01")
        assert (scenario.horizon_h, len(scenario.stations), scenario.name) == (3.0, 1, "scs01")
        craft, theirs = (s.spacecraft["computing_satellite"] for s in (scenario, base))
        assert craft.power.battery_wh == 300
        assert craft.power.model_copy(update={"battery_wh": 600.0}) == theirs.power
        assert (scenario.fleet, scenario.requests) == (base.fleet, base.requests)

    def test_file_beside_the_file_and_catalogue_beside_its_own(self, small, write):
        write(TLE, "base/iss.tle")
        group = {"name": "ISS", "spacecraft": "craft", "catalogue": {"file": "iss.tle"}}
        write(small | {"epoch": "2008-09-20T12:25:40", "fleet": [group]}, "base/base.yaml")
        write({"extends": "base/base.yaml", "name": "middle"}, "middle.yaml")
        scenario = load_scenario(write({"extends": "middle.yaml", "horizon_h": 1}))
        assert (scenario.name, scenario.horizon_h) == ("middle", 1.0)
        assert make_fleet(scenario).names == ("ISS (ZARYA)",)

    def test_base_may_be_part_of_a_scenario(self, small, write):
        spacecraft = small.pop("spacecraft")
        write({"spacecraft": spacecraft}, "craft.yaml")
        assert load_scenario(write(small | {"extends": "craft.yaml"})).spacecraft["craft"].store_gbit == 40

    def test_replace_comes_last(self):
        assert load_scenario({"extends": "pair", "horizon_h": 3}, {"horizon_h": 4}).horizon_h == 4

    def test_unknown_name(self):
        assert sentence({"extends": "walker24"}) == (
            "scenario: extends = 'walker24': Unknown scenario 'walker24'; did you mean walker_24?"
        )

    def test_missing_file(self, write):
        assert "'nowhere.yaml'" in (text := sentence(write({"extends": "nowhere.yaml"})))
        assert "does not exist" in text

    def test_circle(self, write):
        write({"extends": "two.yaml"}, "one.yaml")
        two = write({"extends": "one.yaml"}, "two.yaml")
        assert "leads back" in sentence(two)
        assert "leads back" in sentence(write({"extends": "mine.yaml"}))

    def test_not_a_name(self):
        assert "extends = 3" in sentence({"extends": 3})

    def test_error_names_both_files(self, write):
        assert sentence(write({"extends": "pair", "horizon_h": -1})).startswith(
            "mine.yaml (extends pair.yaml (ext"
        )


class TestWrongSources:
    def test_unknown_scenario_suggests(self):
        assert sentence("scs02").startswith("Unknown scenario 'scs02'; did you mean scs01")

    def test_unknown_scenario_lists(self):
        assert all(name in sentence("zzzzzzz") for name in ("known: ", "pair", "scs01"))

    @pytest.mark.parametrize("source", [None, 3, ["pair"]])
    def test_not_a_source(self, source):
        assert repr(source) in sentence(source)

    def test_missing_file(self):
        assert sentence("no/such.yaml") == "Scenario file 'no/such.yaml' does not exist; check the path."

    def test_yaml_text_instead_of_a_name(self):
        assert "Unknown scenario" in sentence("name: x " * 30)

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("name: x\nfleet: [1, 2\nstations: 3\n", "mine.yaml line 3"),
            ("name: x\n  epoch: y\n", "mine.yaml line 2"),
            ("name: x\nname: y\n", "mine.yaml line 2: field 'name' is given twice"),
            ("name: x\nforces:\n  j2: true\n  j2: false\n", "mine.yaml line 4: field 'j2' is given twice"),
            ("name: x\n1: y\n", "mine.yaml line 2: field 1 is not text"),
            ("name: x\n? [a, b]\n: y\n", "is not text"),
            ("name: !!python/object:os.system x\n", "mine.yaml line 1"),
            ("- name\n- epoch\n", "this one is list"),
            ("", "mapping of fields"),
            ("just words", "this one is str"),
            ("name: \x07\n", "mine.yaml"),
        ],
    )
    def test_bad_yaml(self, write, text, says):
        assert says in sentence(write(text))

    def test_not_text(self, tmp_path):
        path = tmp_path / "mine.yaml"
        path.write_bytes(b"name: \xff\xfe\x00")
        assert "cannot be read" in sentence(path)

    def test_chain(self, write):
        for i in range(120):
            write({"extends": f"c{i + 1}.yaml"}, f"c{i}.yaml")
        assert "more than 100 files extend one another" in sentence(write({"extends": "c0.yaml"}))

    @pytest.mark.parametrize("name", ["x" * 5_000 + ".yaml", "a\0.yaml", "x" * 10**6, ".yaml"])
    def test_odd_names(self, name):
        assert "does not exist" in (said := sentence(name)) or "Unknown scenario" in said

    def test_a_folder_and_a_device(self, tmp_path):
        (tmp_path / "a.yaml").mkdir()
        (tmp_path / "b.yaml").symlink_to("/dev/zero")
        assert all("does not exist" in sentence(tmp_path / name) for name in ("a.yaml", "b.yaml"))

    def test_what_was_never_checked(self):
        pair = load_scenario("pair")
        assert "horizon_h = nan" in sentence(pair.model_copy(update={"horizon_h": float("nan")}))
        assert "fleet = 5" in sentence(pair.model_copy(update={"fleet": 5}))
        assert "epoch is missing" in sentence(Scenario.model_construct(name="x"))

    @pytest.mark.parametrize("replace", [[1], "a", {1: 2}, {"a." * 5_000: 1}, {"extends": "scs01"}])
    def test_replace(self, replace):
        sentence("pair", replace)


class TestWrongFields:
    @pytest.mark.parametrize(
        ("replace", "says"),
        [
            ({"horizon_h": -1}, "horizon_h = -1: input should be greater than 0"),
            ({"horizon_h": "long"}, "horizon_h = 'long'"),
            ({"horizon_h": float("nan")}, "horizon_h = nan"),
            ({"round_s": 1000}, "round_s = 1000"),
            ({"horizont_h": 2}, "did you mean horizon_h?"),
            ({"extend": "pair"}, "did you mean extends"),
            ({"fleet.0.walker.plane": 2}, "'fleet.0.walker.plane'; did you mean fleet.0.walker.planes"),
            ({"spacecraft.craft.power.batery_wh": 2}, "'spacecraft.craft.power.batery_wh'; did you mean"),
            ({"spacecraft.craft.store_gbit": 1}, "spacecraft.craft: store_gbit must hold at least one image"),
            ({"spacecraft.craft.power.initial_charge": [0.9, 0.6]}, "0 <= first <= second <= 1"),
            ({"spacecraft.craft.power.initial_charge": [0.5, 1.6]}, "0 <= first <= second <= 1"),
            ({"spacecraft.craft.thermal.shutdown_above_c": 20}, "must be greater than throttle_above_c"),
            ({"spacecraft.craft.power.panel_efficiency": 1.2}, "less than or equal to 1"),
            ({"spacecraft.craft.power.panel_mount": "roof"}, "'body' or 'tracking'"),
            ({"spacecraft.craft.power.fade_per_cycle": 1.0}, "less than 1"),
            ({"fleet.0.spacecraft": "kraft"}, "Unknown spacecraft 'kraft'; did you mean craft?"),
            ({"fleet.0.propagator": "sgp4"}, "propagator sgp4 needs catalogue or elements, not walker"),
            ({"fleet.0.sun_synchronous": {"total": 1, "altitude_km": 500, "local_time_h": [6]}},
             "catalogue, elements, keplerian, classical, states (now: walker, sun_synchronous)"),
            ({"fleet.0.walker": None}, "(now: none)"),
            ({"fleet": []}, "fleet = []"),
            ({"satellites": []}, "satellites = []"),
            ({"satellites": "Ring 1"}, "satellites = 'Ring 1'"),
            ({"stations": []}, "stations = []"),
            ({"stations.0.latitude_deg": 91}, "stations.0.latitude_deg = 91"),
            ({"stations.1.name": "Kiruna"}, "every name in stations must occur once"),
            ({"substep_s": 31}, "substep_s must not exceed round_s"),
            ({"epoch": "yesterday"}, "epoch = 'yesterday'"),
            ({"epoch": "2026-02-30"}, "epoch = '2026-02-30': input should be a valid datetime"),
            ({"epoch": np.datetime64("NaT")}, "epoch = None"),
            ({"horizon_h": 10**5_000}, "horizon_h = a whole number of 16610 bits"),
            ({"horizon_h": "x" * 10**6}, "horizon_h = 'xxx"),
            ({"horizon_h": {"a": [1]}}, "horizon_h = {'a': [1]}: input should be a valid number"),
            ({"horizon_h": np.array([1.0, 2.0])}, "horizon_h = [1.0, 2.0]: input should be a valid number"),
            ({"start_within_h": 1e12}, "start_within_h = 1000000000000.0: input should be less than"),
            ({"substep_s": 1e-9}, "substep_s = 1e-09"),
            ({"fleet.0.walker.total": 10**9}, "fleet.0.walker.total = 1000000000"),
            ({"spacecraft.craft.compute": {"board": "agx_orin", "boards": 10**400}}, "boards = a whole"),
            ({"name": "x" * 10**5}, "name = 'xxx"),
            ({"requests.value": [5, 1]}, "first <= second"),
            ({"requests.lifetime_h": [0, 1]}, "0.01 <= first"),
            ({"requests.cloud_mean": 1.5}, "requests.cloud_mean = 1.5"),
            ({"requests.sites": [{"latitude_deg": 0, "longitude_deg": 0, "value": 1, "release_h": 2,
                                  "deadline_h": 1}]}, "deadline_h must be later than release_h"),
            ({"requests.where": "sea"}, "'land', 'globe' or 'cities'"),
        ],
    )  # fmt: skip
    def test_says(self, small, replace, says):
        assert says in sentence(small, replace)

    @pytest.mark.parametrize("field", ["name", "epoch", "fleet", "stations", "spacecraft"])
    def test_missing(self, small, field):
        del small[field]
        assert sentence(small) == f"scenario: field {field} is missing; add it."

    def test_missing_deep_and_counted(self, small):
        del small["spacecraft"]["craft"]["power"]["bus_w"]
        small["horizon_h"] = -1
        assert sentence(small) == "scenario: horizon_h = -1: input should be greater than 0 (1 more like it)."

    def test_below_the_air(self, small):
        low = {"name": "a", "semi_major_axis_km": 6700, "eccentricity": 0.2, "inclination_deg": 5}
        group = {"name": "G", "spacecraft": "craft", "keplerian": [low]}
        assert "perigee lies at 5360 km" in sentence(small | {"fleet": [group]})
        state = {"name": "a", "position_km": [6000, 0, 0], "velocity_km_s": [0, 8, 0]}
        group = {"name": "G", "spacecraft": "craft", "states": [state]}
        assert "6499 km from the geocentre" in sentence(small | {"fleet": [group]})

    @pytest.mark.parametrize(
        "path",
        ["stations.7.antennas", "stations.x.antennas", "horizon_h.x", "stations.0.name.x", "epoch.x.y"],
    )
    def test_replace_where_nothing_is(self, small, path):
        assert sentence(small, {path: 1}) == (
            f"No field {path!r} in the scenario to set to 1; check the dotted name."
        )

    def test_replace_of_an_unknown_field(self, small):
        assert "did you mean requests" in sentence(small, {"requets.initial": 1})

    @pytest.mark.parametrize("value", [True, [1, False], (True, 2)])
    @pytest.mark.parametrize("field", ["requests.value", "requests.initial", "horizon_h", "round_s"])
    def test_truth_is_no_number(self, small, field, value):
        assert f"{field} = " in (told := sentence(small, {field: value}))
        assert "give a number, not true or false" in told

    def test_truth_where_it_may_stand(self, small):
        changed = load_scenario(small, {"forces.j3": True, "forces.drag": False})
        assert changed.forces.j3 is True
        assert changed.forces.drag is False

    def test_a_section_that_is_a_word(self, small):
        told = sentence(small, {"requests.kinds": "area"})
        assert "give its fields by name: area, stereo, periodic, dwell, cue" in told

    def test_a_mistyped_field_is_told_before_the_one_it_hides(self, small):
        told = sentence(small, {"requests.kinds": {"stereo": {"shar": 0.1}}})
        assert "Unknown field 'requests.kinds.stereo.shar'; did you mean requests.kinds.stereo.share" in told

    def test_fields_of_a_section_are_told_whole(self, small):
        told = sentence(small, {"faults": {"qqqq": 1}})
        assert "upsets_per_orbit" in told
        assert " ... " not in told
