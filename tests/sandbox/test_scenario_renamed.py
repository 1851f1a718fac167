"""Fields by their old names are read as before, and one sentence names the new one."""

import warnings

import pytest
import yaml

from sandbox.errors import SandboxError
from sandbox.scenario import Scenario, load_scenario
from sandbox.scenario.renamed import RENAMED

NEW = {"extends": "crossing_12", "encounters": {"population": 0, "fuel_m_s": 7.0}}
OLD = {"extends": "crossing_12", "threats": {"population": 0, "fuel_m_s": 7.0}}


@pytest.fixture(scope="module")
def wanted():
    return load_scenario(NEW)


def test_a_file_a_dictionary_and_a_replaced_field(wanted, tmp_path):
    (tmp_path / "old.yaml").write_text(yaml.safe_dump(OLD))
    (tmp_path / "upon_old.yaml").write_text(yaml.safe_dump({"extends": "old.yaml"}))
    for read in (
        lambda: load_scenario(OLD),
        lambda: load_scenario(tmp_path / "old.yaml"),
        lambda: load_scenario(tmp_path / "upon_old.yaml"),
        lambda: load_scenario("crossing_12", {"threats.population": 0, "threats.fuel_m_s": 7.0}),
        lambda: load_scenario(
            {"extends": "crossing_12", "threats": {"population": 0}}, {"threats.fuel_m_s": 7}
        ),
    ):
        with pytest.warns(FutureWarning, match=r"threats is called encounters now; write encounters\.$"):
            assert read() == wanted


def test_the_model_itself(wanted):
    old = wanted.model_dump()
    old["threats"] = old.pop("encounters")
    for make in (Scenario.model_validate, lambda fields: Scenario(**fields), load_scenario):
        with pytest.warns(FutureWarning, match="called encounters"):
            assert make(old) == wanted


def test_a_whole_mapping_is_replaced(wanted):
    with pytest.warns(FutureWarning, match="called encounters"):
        found = load_scenario("crossing_12", {"threats": wanted.encounters.model_dump()})
    assert found == wanted


def test_a_mistake_in_it_is_told_by_the_new_name():
    with pytest.warns(FutureWarning), pytest.raises(SandboxError, match=r"encounters\.hit_share = 2"):
        load_scenario("crossing_12", {"threats.hit_share": 2})
    with pytest.warns(FutureWarning), pytest.raises(SandboxError, match=r"Unknown field 'encounters\.hit'"):
        load_scenario({"extends": "crossing_12", "threats": {"hit": 1}})


def test_both_names_are_refused():
    with pytest.raises(SandboxError, match="threats and encounters are one field; give encounters alone"):
        load_scenario(OLD | NEW)


def test_the_new_name_warns_of_nothing(wanted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_scenario(wanted) == wanted
        assert load_scenario("crossing_12", {"encounters": wanted.encounters}) == wanted


def test_old_names_are_no_fields_of_today():
    assert not RENAMED.keys() & Scenario.model_fields.keys()
    assert set(RENAMED.values()) <= Scenario.model_fields.keys()
