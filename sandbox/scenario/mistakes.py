"""What pydantic found wrong with a scenario, in one sentence."""

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from sandbox.errors import SandboxError, shown, unknown_name
from sandbox.plain_data import field_name
from sandbox.scenario.schema import Scenario


def explained(error: ValidationError, where: str) -> SandboxError:
    faults = error.errors(include_url=False, include_context=False)
    # A name that nobody knows comes first: where one is mistyped, the right one is missing, too.
    first, *others = sorted(faults, key=lambda fault: fault["type"] != "extra_forbidden")
    field = field_name(first["loc"]) or "scenario"
    more = f" ({len(others)} more like it)" if others else ""
    message = first["msg"].removeprefix("Value error, ")
    if first["type"].startswith("datetime"):
        message += "; write it as 2026-06-27T00:00:00Z"
    if first["type"] in ("model_type", "model_attributes_type"):
        message = f"Give its fields by name: {', '.join(_fields_at(first['loc']))}"
    if first["type"] == "missing":
        text = f"field {field} is missing; add it"
    elif first["type"] == "extra_forbidden":
        *parents, name = first["loc"]
        prefix = f"{field_name(tuple(parents))}." if parents else ""
        text = str(unknown_name("field", str(name), _fields_at(first["loc"][:-1]), prefix))
    elif isinstance(first["input"], BaseModel) or first["loc"] == () or _says_itself(first):
        text = f"{field}: {message}"
    else:
        text = f"{field} = {shown(first['input'])}: {message[0].lower()}{message[1:]}"
    text = text.removesuffix(".") + more
    return SandboxError(f"{where}: {text}" if text.endswith("?") else f"{where}: {text}.")


def _says_itself(fault: Any) -> bool:
    """Whether a check of ours on several fields failed: the message then names those that matter."""
    return isinstance(fault["input"], dict) and fault["type"] == "value_error"


def _fields_at(location: tuple[str | int, ...]) -> list[str]:
    """Names of the fields of what stands at `location`."""
    kind: type[BaseModel] | None = Scenario
    for step in location:
        if kind is not None and step in kind.model_fields:
            kind = _model_in(kind.model_fields[str(step)].annotation)
    return [*kind.model_fields, *(["extends"] if kind is Scenario else [])] if kind else []


def _model_in(kind: Any) -> type[BaseModel] | None:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next(filter(None, map(_model_in, get_args(kind))), None)
