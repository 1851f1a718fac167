"""The JSON Schema of scenario files, made from the models, so that editors complete and check them.

Draft 7, which the editors' YAML servers speak. A file that begins with `extends` gives what is different: all
that a whole scenario has to have may then be left out, but in the items of lists, which replace lists. What
several fields have to fit together is not said by a schema: `load_scenario` checks it.
"""

from copy import deepcopy
from typing import Any

from pydantic import AfterValidator, BaseModel

from sandbox.scenario.fields import Between
from sandbox.scenario.files import scenario_names
from sandbox.scenario.renamed import RENAMED
from sandbox.scenario.schema import Scenario
from sandbox.units import unit_of

DRAFT = "http://json-schema.org/draft-07/schema#"
PARTIAL = "_part"
"""The ending of the definition of a mapping of which a part may be given."""


def scenario_schema() -> dict[str, Any]:
    """The schema of a scenario file, as plain data for `json.dump`."""
    whole = Scenario.model_json_schema()
    models = whole.pop("$defs")
    models["Scenario"] = whole
    for name, kind in _models().items():
        _tell_more(models[name], kind)
    _files_name_more(models)
    definitions = {name: _draft_7(deepcopy(fields)) for name, fields in models.items()}
    definitions |= {f"{name}{PARTIAL}": _partial(fields) for name, fields in definitions.items()}
    return {
        "$schema": DRAFT,
        "title": "A scenario of the Orbital Autonomy Sandbox",
        "if": {"required": ["extends"]},
        "then": {"$ref": f"#/definitions/Scenario{PARTIAL}"},
        "else": {"$ref": "#/definitions/Scenario"},
        "definitions": definitions,
    }


def _models() -> dict[str, type[BaseModel]]:
    """Every model that a scenario is made of, by name."""
    found: dict[str, type[BaseModel]] = {}
    ahead: list[Any] = [Scenario]
    while ahead:
        kind = ahead.pop()
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            ahead += getattr(kind, "__args__", ())
        elif kind.__name__ not in found:
            found[kind.__name__] = kind
            ahead += [field.annotation for field in kind.model_fields.values()]
    return found


def _tell_more(schema: dict[str, Any], kind: type[BaseModel]) -> None:
    """Add what pydantic leaves out: bounds of pairs, and units."""
    for name, field in kind.model_fields.items():
        told = schema["properties"][name]
        told.pop("title", None)
        for check in field.metadata:
            if isinstance(check, AfterValidator) and isinstance(check.func, Between):
                for number in told["prefixItems"]:
                    number |= {"minimum": check.func.low, "maximum": check.func.high}
        if unit := unit_of(name):
            told["description"] = f"in {unit}"


def _files_name_more(models: dict[str, dict[str, Any]]) -> None:
    """What files may say beyond the models: `extends`, old names, a moment as YAML has it, a single name."""
    scenario = models["Scenario"]["properties"]
    scenario["extends"] = {
        "description": "a named scenario, or a file beside this one: what is given here is laid over it",
        "anyOf": [{"enum": scenario_names()}, {"type": "string", "pattern": r"\.[yY][aA]?[mM][lL]$"}],
    }
    scenario |= {old: deepcopy(scenario[new]) | {"deprecated": True} for old, new in RENAMED.items()}
    scenario["epoch"] = {
        "type": "string",
        "pattern": r"^\d{4}-\d{2}-\d{2}",
        "description": "UTC, as 2026-06-27T00:00:00Z",
    }
    name = {"anyOf": [{"type": "string", "maxLength": 200}, {"type": "integer"}]}
    models["Catalogued"]["properties"]["select"] = {
        "description": "names and catalogue numbers",
        "anyOf": [*name["anyOf"], {"type": "array", "items": name}, {"type": "null"}],
        "default": None,
    }


def _draft_7(part: Any) -> Any:
    """A part of a schema of draft 2020-12, as draft 7 writes it."""
    if isinstance(part, list):
        return [_draft_7(each) for each in part]
    if not isinstance(part, dict):
        return part
    told = {key: _draft_7(value) for key, value in part.items()}
    if "prefixItems" in told:
        told["items"] = told.pop("prefixItems")
    if isinstance(told.get("$ref"), str):
        told["$ref"] = told["$ref"].replace("#/$defs/", "#/definitions/")
        return {"allOf": [{"$ref": told.pop("$ref")}], **told} if len(told) > 1 else told
    return told


def _partial(fields: dict[str, Any]) -> dict[str, Any]:
    """A definition without what is required, down to where lists begin."""
    told = deepcopy(fields)
    told.pop("required", None)
    told["properties"] = {name: _of_part(field) for name, field in told.get("properties", {}).items()}
    return told


def _of_part(part: Any) -> Any:
    if isinstance(part, list):
        return [_of_part(each) for each in part]
    if not isinstance(part, dict) or part.get("type") == "array":
        return part
    if "$ref" in part:
        return part | {"$ref": f"{part['$ref']}{PARTIAL}"}
    return {
        key: _of_part(value) if key in ("allOf", "anyOf", "additionalProperties") else value
        for key, value in part.items()
    }
