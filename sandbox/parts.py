"""The parts that a world can have beside its satellites: their names, what they require, how they are made.

A part is a named tuple with the fields `state` (arrays that change: a snapshot holds them), `params` (numbers
that do not) and, where needed, `scratch` (working memory). A world has those parts that are asked for; by
default those that its scenario, with all its defaults, has something for:

- lasers: a satellite has a laser terminal;
- jobs: a kind of job or an event asks questions, and a satellite has a board;
- encounters: something can be met (`encounters.staged_per_day`, `population` or `catalogue`), and every
  satellite can burn, which those that SGP4 flies cannot;
- faults: a rate, a plan, an event or safe mode can change something, or telemetry is noisy;
- messages: `message_bytes` is above 0;
- propulsion: a satellite has a thruster (`spacecraft.propulsion`);
- weather: it rains (`weather.rain`);
- ahead: satellites see requests beforehand (`requests.ahead`);
- directives: ground control writes orders in words (`orders`);
- orders: only if asked for, since they replace a part of the commands;
- consulting: only if asked for, by problems in which satellites may have their planner think.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from sandbox import (
    ahead,
    consulting,
    directives,
    encounters,
    faults,
    jobs,
    lasers,
    messages,
    propulsion,
    weather,
)
from sandbox.ahead import Ahead
from sandbox.consulting import Consulting
from sandbox.demand import check_book
from sandbox.directives import Directives
from sandbox.encounters import Encounters
from sandbox.errors import SandboxError, unknown_name
from sandbox.faults import Faults
from sandbox.job_arrivals import jobs_room
from sandbox.jobs import Jobs
from sandbox.lasers import Lasers
from sandbox.messages import Messages
from sandbox.orders import ORDER
from sandbox.propulsion import Propulsion
from sandbox.requests import book_size
from sandbox.scenario import Scenario
from sandbox.setting import Constants, Setting
from sandbox.state import Scratch, State
from sandbox.weather import Weather

PARTS = (
    *("lasers", "jobs", "encounters", "faults", "messages", "propulsion", "weather", "ahead", "orders"),
    *("directives", "consulting"),
)
REQUIRES = {"jobs": ("lasers",), "messages": ("lasers",)}


class Sim(NamedTuple):
    """A world as kernels see it; a part that it does not have is None."""

    state: State
    constants: Constants
    scratch: Scratch
    lasers: Lasers | None
    jobs: Jobs | None
    encounters: Encounters | None
    faults: Faults | None
    messages: Messages | None
    propulsion: Propulsion | None
    weather: Weather | None
    ahead: Ahead | None
    orders: np.ndarray | None  # (B, N) ORDER
    directives: Directives | None
    consulting: Consulting | None


def chosen_parts(wanted: Iterable[str] | None, scenario: Scenario, message_bytes: int) -> tuple[str, ...]:
    """Names of the parts of a world, in the order of `PARTS`. Raises SandboxError for an unknown one."""
    if isinstance(wanted, str):
        raise SandboxError(f"parts = {wanted!r:.80}; give a tuple of names out of {', '.join(PARTS)}.")
    names = set(_named(scenario) if wanted is None else wanted)
    for name in names - set(PARTS):
        raise unknown_name("part of a world", name, PARTS)
    if message_bytes > 0:
        names.add("messages")
    for name in tuple(names):
        names.update(REQUIRES.get(name, ()))
    return tuple(name for name in PARTS if name in names)


def _named(scenario: Scenario) -> Iterable[str]:
    """The parts that a scenario has something for."""
    crafts = [scenario.spacecraft[group.spacecraft] for group in scenario.fleet]
    encounters, noise = scenario.encounters, scenario.faults
    if any(craft.lasers.terminals for craft in crafts):
        yield "lasers"
    if scenario.job_kinds and any(craft.compute for craft in crafts):
        yield "jobs"
    burns = all(group.propagator != "sgp4" for group in scenario.fleet)
    if burns and (encounters.staged_per_day or encounters.population or encounters.catalogue):
        yield "encounters"
    if faults.anything_breaks(scenario) or noise.battery_sigma_percent or noise.temperature_sigma_k:
        yield "faults"
    if any(craft.propulsion for craft in crafts):
        yield "propulsion"
    if scenario.weather.rain:
        yield "weather"
    if scenario.requests.ahead:
        yield "ahead"
    if scenario.orders.count(scenario.horizon_h):
        yield "directives"


def make_parts(
    names: tuple[str, ...],
    setting: Setting,
    warned: int,
    message_bytes: int,
    whole_inbox: bool,
    passes: np.ndarray | None = None,
    questions: int = 0,
) -> dict[str, Any]:
    """The parts by name, None for those that are not asked for; `passes` as in `encounters.make_part`,
    `questions` as in `World`."""
    made: dict[str, Any] = dict.fromkeys(PARTS)
    if "lasers" in names:
        made["lasers"] = lasers.make_part(setting)
    if "jobs" in names:
        scenario = setting.scenario
        room = jobs_room(scenario.jobs, len(setting.fleet), setting.horizon_s, scenario.events) + questions
        check_book("jobs", room)
        made["jobs"] = jobs.make_part(setting, room, whole_inbox, traced=questions > 0)
    if "encounters" in names:
        made["encounters"] = encounters.make_part(setting, warned, passes)
    if "faults" in names:
        made["faults"] = faults.make_part(setting)
    if "messages" in names:
        made["messages"] = messages.make_part(setting, message_bytes)
    if "propulsion" in names:
        made["propulsion"] = propulsion.make_part(setting)
    if "weather" in names:
        made["weather"] = weather.make_part(setting)
    if "ahead" in names:
        made["ahead"] = ahead.make_part(setting)
    if "orders" in names:
        made["orders"] = np.zeros(setting.team, ORDER)
    if "directives" in names:
        scenario = setting.scenario
        book = book_size(scenario.requests, setting.horizon_s, scenario.events)
        made["directives"] = directives.make_part(setting, book)
    if "consulting" in names:
        made["consulting"] = consulting.make_part(setting)
    return made
