"""Pages of scenarios: every field with unit, default and bounds, and every scenario that has a name."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from experiments.tiers import PROBLEMS
from sandbox.scenario import load_scenario, scenario_names
from sandbox.scenario.json_schema import PARTIAL, scenario_schema
from tools.pages.tables import cell, table

HEAD = """# Fields of a scenario

Every field of a scenario file, with its unit, its default and its bounds. This page is made from the models
that read the file (`sandbox.scenario`), as is the schema by which an editor completes it
(`python -m experiments schema scenario.schema.json`). A field with no default has to be given, unless the
file [extends](scenarios.md#a-file-of-your-own) another that has it."""


def pages() -> dict[str, str]:
    """The page of the fields and that of the named scenarios."""
    return {"scenario_fields.md": fields_page(), "named_scenarios.md": named_page()}


def fields_page() -> str:
    """A section for every model, beginning with the whole scenario, in the order in which they are met."""
    models = scenario_schema()["definitions"]
    parts = [HEAD]
    for name in _in_order(models):
        parts += [f"## {name}", *([models[name]["description"]] if "description" in models[name] else [])]
        parts.append(_fields(models[name]))
    return "\n\n".join(parts)


def _in_order(models: Mapping[str, Any]) -> list[str]:
    found, ahead = [], ["Scenario"]
    while ahead:
        name = ahead.pop(0)
        if name not in found:
            found.append(name)
            ahead += [ref for field in models[name]["properties"].values() for ref in _referred(field)]
    return found


def _referred(part: Any) -> Iterator[str]:
    """The models that a field is of."""
    if isinstance(part, list):
        for each in part:
            yield from _referred(each)
    elif isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"].rpartition("/")[2].removesuffix(PARTIAL)
        for key in ("allOf", "anyOf", "items", "additionalProperties"):
            yield from _referred(part.get(key))


def _fields(model: Mapping[str, Any]) -> str:
    rows = []
    for name, field in model["properties"].items():
        if name in model.get("required", ()):
            default = "required"
        elif "default" in field:
            default = _shown(field["default"])
        else:
            default = ""
        unit = field.get("description", "")
        unit = unit.removeprefix("in ") if unit.startswith("in ") else ""
        old = " (old name)" if field.get("deprecated") else ""
        rows.append((f"`{name}`{old}", cell(kind_of(field)), unit, default, cell(bounds_of(field))))
    return table(("field", "is", "unit", "default", "bounds"), rows)


def _shown(value: Any) -> str:
    """A default as YAML writes it; of one that is long only that there is one."""
    if value is None:
        return "none"
    text = json.dumps(value)
    return (
        f"`{text}`"
        if len(text) <= 40
        else ("as that section says" if isinstance(value, dict) else "see its model")
    )


def kind_of(field: Mapping[str, Any]) -> str:
    """What a field is: a number, a text, a choice, a list, or a section of this page."""
    if refs := list(_referred({key: field[key] for key in ("$ref", "allOf") if key in field})):
        return _link(refs[0])
    if "enum" in field or "const" in field:
        choices = field.get("enum", [field.get("const")])
        return (
            " or ".join(f"`{json.dumps(choice).strip(chr(34))}`" for choice in choices)
            if len(choices) < 9
            else "name"
        )
    if "anyOf" in field:
        kinds = [kind_of(part) for part in field["anyOf"] if part.get("type") != "null"]
        return ", or ".join(dict.fromkeys(kinds))
    items = field.get("items")
    if field.get("type") == "array":
        if isinstance(items, list):
            return f"{len(items)} numbers"
        return f"list of {kind_of(items)}"
    if isinstance(field.get("additionalProperties"), dict):
        return f"{kind_of(field['additionalProperties'])} by name"
    names = {"boolean": "true or false", "integer": "whole number", "string": "text", "number": "number"}
    return names[field["type"]]


def _link(model: str) -> str:
    return f"[{model}](#{model.lower()})"


def bounds_of(field: Mapping[str, Any]) -> str:
    """The bounds of a number, of each of several, or of the length of a list; else nothing."""
    for part in field.get("anyOf", ()):
        if told := bounds_of(part):
            return told
    items = field.get("items")
    if isinstance(items, list):
        each = [bounds_of(part) for part in items]
        return f"each {each[0]}" if each[0] and len(set(each)) == 1 else ", ".join(filter(None, each))
    told = _between(field)
    if field.get("type") == "array":
        least, most = field.get("minItems"), field.get("maxItems")
        told = "" if most is None else f"{f'{least} to' if least else 'up to'} {most:,} of them"
        inner = bounds_of(items) if isinstance(items, dict) else ""
        return f"{told}, each {inner}" if told and inner else told or inner
    return told


def _between(field: Mapping[str, Any]) -> str:
    low, above = field.get("minimum"), field.get("exclusiveMinimum")
    high, below = field.get("maximum"), field.get("exclusiveMaximum")
    left = f"{low:g}" if low is not None else f"above {above:g}" if above is not None else ""
    right = f"{high:,}" if isinstance(high, int) else f"{high:g}" if high is not None else ""
    right = right or (f"below {below:g}" if below is not None else "")
    return f"{left} to {right}".replace("to below", "to below") if left and right else left or right


def named_page() -> str:
    """The scenarios that come along: what each is, how large, and of which problem and tier."""
    tier_of = {
        name: f"`{problem}`, {tier}" for problem, tiers in PROBLEMS.items() for tier, name in tiers.items()
    }
    rows = []
    for name in scenario_names():
        scenario = load_scenario(name)
        size = sum(group.size for group in scenario.fleet)
        rows.append((f"`{name}`", cell(scenario.description), f"{size:,}", tier_of.get(name, "")))
    return "\n\n".join(
        [
            "# Named scenarios",
            "Any of them flies in any problem: `--scenario NAME` for a command, "
            "`envs.make(problem, scenario=NAME)` in Python. Their files are in `sandbox/scenarios`, each "
            "number with its source beside it, or the word *assumed*.",
            table(("name", "what it is", "satellites", "tier of"), rows),
        ]
    )
