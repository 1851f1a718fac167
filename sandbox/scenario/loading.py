"""From a name, a file or a dictionary to a scenario."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sandbox.orbits.catalogue_text import MOST_SETS
from sandbox.scenario.files import is_catalogue
from sandbox.scenario.layers import read_fields
from sandbox.scenario.mistakes import explained
from sandbox.scenario.replacing import replace_fields
from sandbox.scenario.schema import Scenario


def load_scenario(
    source: str | Path | Mapping[str, Any] | Scenario, replace: Mapping[str, Any] | None = None
) -> Scenario:
    """The scenario called `source`, or in that file or dictionary, with the fields in `replace` set.

    `replace` maps dotted names to values: `{"horizon_h": 2, "stations.0.antennas": 3}`. In dictionaries
    NumPy's numbers, arrays and dates, tuples and pydantic models stand for Python's numbers, lists and
    dictionaries.
    Raises SandboxError for an unknown name, an unreadable file or a field that is not right.
    """
    data, where = read_fields(source)
    replace_fields(data, where, replace)
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        raise explained(error, where) from None
    if is_catalogue(source) and "epoch" not in (replace or {}):
        return _from_newest_epoch(scenario)
    return scenario


def _from_newest_epoch(scenario: Scenario) -> Scenario:
    """A catalogue's scenario from the minute after the newest epoch on of what was chosen."""
    chosen = scenario.fleet[0].catalogue
    if chosen is None:
        return scenario
    newest = chosen.read().first(chosen.first or MOST_SETS).newest_epoch()
    epoch = newest.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return scenario.model_copy(update={"epoch": epoch})
