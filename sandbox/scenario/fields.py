"""What the fields of a scenario are made of: the base of its models, and types that several share."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from sandbox.units import without_units

Share = Annotated[float, Field(ge=0, le=1)]
Efficiency = Annotated[float, Field(gt=0, le=1)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=360)]
Altitude = Annotated[float, Field(ge=160, le=40_000)]
Angle = Annotated[float, Field(ge=-360, le=720)]
Inclination = Annotated[float, Field(ge=0, le=180)]
Range = tuple[float, float]
Tail = Annotated[float, Field(ge=0.05, le=100)] | None


class Model(BaseModel):
    """Fields of a scenario: none but those declared, none that is not finite, none set afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_units(cls, data: Any) -> Any:
        """A field may be an astropy Quantity; it becomes a number in the unit that the name says."""
        return without_units(data) if isinstance(data, Mapping) else data

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """Python and pydantic take `true` for 1; where a number is wanted it is a slip."""
        parts = value if isinstance(value, list | tuple) else (value,)
        if any(isinstance(part, bool) for part in parts) and _wants_number(cls, str(info.field_name)):
            raise ValueError("give a number, not true or false")
        return value


@cache
def _wants_number(model: type[BaseModel], field: str) -> bool:
    kinds = set(_plain_kinds(model.model_fields[field].annotation))
    return bool(kinds & {int, float}) and bool not in kinds


def _plain_kinds(kind: Any) -> Iterator[Any]:
    """What a type is made of: (float, int) for tuple[float, int]."""
    parts = get_args(kind)
    if get_origin(kind) is not Literal and parts:
        for part in parts:
            yield from _plain_kinds(part)
    else:
        yield kind


class Between:
    """The check that a pair of numbers is in order and from `low` to `high`."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def __call__(self, pair: Range) -> Range:
        if not self.low <= pair[0] <= pair[1] <= self.high:
            raise ValueError(f"give two numbers with {self.low:g} <= first <= second <= {self.high:g}")
        return pair


def within(low: float, high: float) -> AfterValidator:
    """The check that a pair of numbers is in order and from `low` to `high`."""
    return AfterValidator(Between(low, high))


Values = Annotated[Range, within(0.0, 1e6)]
Lifetimes = Annotated[Range, within(0.01, 1e4)]
Hours = Annotated[Range, within(0.0, 1e4)]
