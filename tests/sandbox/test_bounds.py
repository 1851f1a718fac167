"""Every number of a scenario has bounds on either side."""

import math
import types
from typing import get_args, get_origin

import annotated_types
import pytest
from pydantic import BaseModel

from sandbox.errors import SandboxError
from sandbox.scenario import Scenario, load_scenario


def numbers(kind, path=(), bounds=()):
    """(path, metadata) of every number in the fields of a model, in whatever they are wrapped."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield from numbers(field.annotation, (*path, name), tuple(field.metadata))
    elif kind in (int, float):
        yield ".".join(path), bounds
    elif hasattr(kind, "__metadata__"):
        inner = [m for each in kind.__metadata__ for m in getattr(each, "metadata", (each,))]
        yield from numbers(kind.__origin__, path, (*bounds, *inner))
    elif get_origin(kind) in (tuple, dict, types.UnionType) or get_args(kind):
        for part in get_args(kind):
            if part is not Ellipsis:
                yield from numbers(part, path, bounds)


FOUND = dict(numbers(Scenario))
BY_HAND = {"fleet.states.position_km", "fleet.states.velocity_km_s"}


def test_there_are_many():
    assert len(FOUND) > 120


@pytest.mark.parametrize("path", sorted(set(FOUND) - BY_HAND))
def test_both_ends(path):
    kinds = [type(bound) for bound in FOUND[path]]
    if any(getattr(bound, "func", None) for bound in FOUND[path]):
        return  # a range, whose ends are checked together
    assert annotated_types.Ge in kinds or annotated_types.Gt in kinds
    assert annotated_types.Le in kinds or annotated_types.Lt in kinds


@pytest.mark.parametrize("value", [10**400, 1e308, -1e308, math.nan, math.inf])
@pytest.mark.parametrize("field", ["position_km", "velocity_km_s"])
def test_states(small, field, value):
    state = {"name": "a", "position_km": [7000, 0, 0], "velocity_km_s": [0, 7.5, 0]}
    small["fleet"][0] = {"name": "G", "spacecraft": "craft", "states": [state]}
    load_scenario(small)
    state[field] = [0, value, 7e3]
    with pytest.raises(SandboxError, match=field):
        load_scenario(small)


def test_a_state_that_falls_straight_down(small):
    state = {"name": "a", "position_km": [7000, 0, 0], "velocity_km_s": [-1, 0, 0]}
    small["fleet"][0] = {"name": "G", "spacecraft": "craft", "states": [state]}
    with pytest.raises(SandboxError, match="straight up or down"):
        load_scenario(small)


def test_groups_add_up(small):
    walker = {"total": 60_000, "planes": 1, "altitude_km": 550, "inclination_deg": 53}
    small["fleet"] = [{"name": name, "spacecraft": "craft", "walker": walker} for name in "ab"]
    with pytest.raises(SandboxError, match="have 120,000 satellites, 100,000 is the most"):
        load_scenario(small)


@pytest.mark.parametrize("epoch", ["0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59-05:00", "1900-01-01"])
def test_epochs(small, epoch):
    with pytest.raises(SandboxError, match="years 1957 to 2199"):
        load_scenario(small | {"epoch": epoch})
