"""The JSON Schema of scenario files says what the models say: the same files pass, the same are refused."""

import json
from datetime import date, datetime

import jsonschema
import pytest
import yaml

from experiments.running.cli import main
from sandbox.errors import SandboxError
from sandbox.scenario import FOLDER, Scenario, load_scenario, scenario_names
from sandbox.scenario.json_schema import scenario_schema

CHECK = jsonschema.Draft7Validator(scenario_schema())


def as_an_editor_reads(data):
    """YAML's dates are text to a language server."""
    if isinstance(data, dict):
        return {key: as_an_editor_reads(value) for key, value in data.items()}
    if isinstance(data, list):
        return [as_an_editor_reads(value) for value in data]
    return data.isoformat() if isinstance(data, date | datetime) else data


def test_it_is_a_schema():
    jsonschema.Draft7Validator.check_schema(scenario_schema())


@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_scenario_validates(name):
    data = as_an_editor_reads(yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))
    CHECK.validate(data)


@pytest.mark.parametrize("name", ["pair", "customers_24", "disaster_response", "debris_24"])
def test_a_whole_scenario_as_a_run_leaves_it_validates(name):
    CHECK.validate(json.loads(load_scenario(name).model_dump_json()))


WRONG = {
    "an unknown field": {"horizon": 3},
    "a bound": {"horizon_h": -1},
    "a bound of a pair": {"requests": {"value": [-1, 5]}},
    "a pair of three": {"requests": {"value": [1, 2, 3]}},
    "an unknown field deep down": {"spacecraft": {"computing_satellite": {"power": {"panels": 2}}}},
    "a number that is a word": {"round_s": "half a minute"},
    "a truth for a number": {"round_s": True},
    "a word for a list": {"stations": "Svalbard"},
    "an item of a list without what it needs": {"stations": [{"name": "A"}]},
    "an unknown choice": {"fleet": [{"name": "A", "spacecraft": "computing_satellite", "mesh": "ring"}]},
    "no time": {"epoch": "soon"},
}
RIGHT = {
    "nothing": {},
    "a part of a mapping": {"requests": {"initial": 5}, "forces": {"drag": "catalogue"}},
    "a part of a spacecraft": {"spacecraft": {"computing_satellite": {"power": {"panel_area_m2": 3}}}},
    "an old name": {"threats": {"staged_per_day": 2}},
    "a date": {"epoch": "2026-06-27"},
    "nothing said of kinds": {"requests": {"kinds": None}},
    "a kind": {"requests": {"kinds": {"stereo": {"share": 0.2}}}},
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_what_the_models_refuse_is_refused(data):
    data = {"extends": "scs01", **data}
    assert not CHECK.is_valid(data)
    with pytest.raises(SandboxError):
        load_scenario(data)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("data", RIGHT.values(), ids=RIGHT)
def test_what_the_models_take_is_taken(data):
    data = {"extends": "scs01", **data}
    CHECK.validate(data)
    assert load_scenario(data).satellites is None


def test_without_extends_all_has_to_be_there():
    assert not CHECK.is_valid({"name": "mine", "horizon_h": 3})
    assert CHECK.is_valid({"extends": "mine.yaml", "horizon_h": 3})
    assert not CHECK.is_valid({"extends": "no_such_scenario"})


def bounds_below(schema, kind, found):
    """Every number of the models has the schema's bounds: (model, field, keyword, value)."""
    for name, field in schema["properties"].items():
        for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            if keyword in field:
                found.add((kind, name, keyword, field[keyword]))
    return found


def test_every_number_has_bounds():
    """A whole scenario has no field with a bare number: `sandbox.bounds` says how large each may be."""
    bare = []
    for kind, schema in scenario_schema()["definitions"].items():
        for name, field in schema.get("properties", {}).items():
            for part in (field, *field.get("anyOf", ()), *(field.get("items") or ())):
                if isinstance(part, dict) and part.get("type") in ("number", "integer"):
                    low = {"minimum", "exclusiveMinimum"} & set(part)
                    high = {"maximum", "exclusiveMaximum"} & set(part)
                    if not (low and high):
                        bare.append(f"{kind}.{name}")
    vectors = {"StateVector.position_km", "StateVector.velocity_km_s"}  # bounded by their length
    names = {"Catalogued.select"}
    assert {name.replace("_part", "") for name in bare} <= vectors | names


def test_units_stand_beside_the_fields():
    fields = scenario_schema()["definitions"]["Station"]["properties"]
    assert fields["altitude_m"]["description"] == "in m"
    assert set(fields) == set(Scenario.model_fields["stations"].annotation.__args__[0].model_fields)


def test_the_command_writes_it(tmp_path, capsys):
    path = tmp_path / "scenario.schema.json"
    assert main(["schema", str(path)]) == 0
    written = json.loads(path.read_text())
    assert written["definitions"] == json.loads(json.dumps(scenario_schema()))["definitions"]
    assert main(["schema", str(path)]) == 0, "its own is replaced"
    capsys.readouterr()
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == written


def test_the_command_takes_nobody_elses_place(tmp_path, capsys):
    path = tmp_path / "notes.json"
    path.write_text("mine")
    assert main(["schema", str(path)]) == 2
    assert path.read_text() == "mine"
    assert str(path) in capsys.readouterr().err
