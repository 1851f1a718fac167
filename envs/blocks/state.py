"""The true state of a world, piece by piece, for a centralised critic.

Each piece is a kernel tell(sim, params, moment, b, n, out) that writes `size` numbers of satellite n, or of
the world where it is not about satellites, scaled to about [-1, 1]; the driver clips them there.
"""

from collections.abc import Callable
from importlib import import_module
from operator import attrgetter
from typing import Any, NamedTuple

from envs.blocks.body import KELVIN
from sandbox.compiled import kernel
from sandbox.jobs import ANSWERS, INBOX

DAY = 86_400.0


def _nothing(world: Any) -> tuple:
    return ()


class Piece(NamedTuple):
    """A piece of the state: its length, its kernel, and what that needs of a world.

    Pickled by the name of its kernel, which has to be one of a module or a class, as functions are.
    """

    size: int
    tell: Callable
    params: Callable[[Any], tuple] = _nothing

    def __reduce__(self) -> tuple:
        function: Any = getattr(self.tell, "py_func", self.tell)
        return _named, (self.size, function.__module__, function.__qualname__, self.params)

    def __deepcopy__(self, memo: dict) -> "Piece":
        return self


def _named(size: int, module: str, name: str, params: Callable[[Any], tuple]) -> Piece:
    return Piece(size, attrgetter(name)(import_module(module)), params)


def _scales(world):
    return tuple(map(float, getattr(world, "scales", (1e7, 1e4))))


def _fuel(world):
    return (float(world.scenario.encounters.fuel_m_s),)


@kernel
def _time(sim, params, moment, b, n, out):
    out[0] = 1.0 - 2.0 * (moment.now - moment.start) / moment.horizon


@kernel
def _sun(sim, params, moment, b, n, out):
    out[0], out[1], out[2] = moment.sun


@kernel
def _orbit(sim, params, moment, b, n, out):
    for i in range(3):
        out[i] = sim.state.orbit.position[b, n, i] / params[0]
        out[3 + i] = sim.state.orbit.velocity[b, n, i] / params[1]


@kernel
def _battery(sim, params, moment, b, n, out):
    out[0] = 2.0 * sim.state.power[b, n].energy / sim.state.power[b, n].capacity - 1.0


@kernel
def _temperature(sim, params, moment, b, n, out):
    out[0] = (sim.state.body[b, n].temperature - KELVIN) / 100.0


@kernel
def _board(sim, params, moment, b, n, out):
    out[0] = (sim.state.body[b, n].board - KELVIN) / 100.0


@kernel
def _health(sim, params, moment, b, n, out):
    out[0] = 2.0 * sim.state.power[b, n].capacity / sim.constants.craft[n].battery - 1.0


@kernel
def _store(sim, params, moment, b, n, out):
    out[0] = 2.0 * sim.state.store.level[b, n].used / sim.constants.craft[n].store_bits - 1.0


@kernel
def _alive(sim, params, moment, b, n, out):
    out[0] = 1.0 if sim.state.body[b, n].alive else -1.0


@kernel
def _inbox(sim, params, moment, b, n, out):
    out[0] = 2.0 * sim.jobs.state.queues[b, n, INBOX].count / sim.jobs.params.places - 1.0


@kernel
def _backlog(sim, params, moment, b, n, out):
    out[0] = min(sim.jobs.state.servers[b, n].backlog, 1e6) / 300.0 - 1.0


@kernel
def _answers(sim, params, moment, b, n, out):
    out[0] = sim.jobs.state.queues[b, n, ANSWERS].count / 25.0 - 1.0


@kernel
def _fuel_left(sim, params, moment, b, n, out):
    out[0] = 2.0 * sim.encounters.state.fuel[b, n] / params[0] - 1.0


@kernel
def _offset(sim, params, moment, b, n, out):
    out[0] = sim.encounters.state.passing[b, n].offset / 5e4


@kernel
def _approach(sim, params, moment, b, n, out):
    distance, wait = _next_approach(sim.encounters.state.encounter[b, n], moment.now)
    out[0] = 2.0 * distance / 1e3 - 1.0
    out[1] = 2.0 * wait / DAY - 1.0


@kernel
def _next_approach(rows, now):
    """True distance (m) and wait (s) of the next approach within a kilometre; if none, that and a day."""
    for k in range(rows.shape[0]):
        if rows[k].tca == float("inf"):
            break
        r = rows[k].relative
        distance = (r[0] * r[0] + r[1] * r[1] + r[2] * r[2]) ** 0.5
        if rows[k].passing > now and distance < 1e3:
            return distance, rows[k].passing - now
    return 1e3, DAY


@kernel
def _intact(sim, params, moment, b, n, out):
    out[0] = -1.0 if sim.faults.state.body[b, n].corrupt else 1.0


@kernel
def _in_service(sim, params, moment, b, n, out):
    out[0] = -1.0 if sim.state.safety[b, n].safe else 1.0


TIME, SUN = Piece(1, _time), Piece(3, _sun)
ORBIT, ALIVE = Piece(6, _orbit, _scales), Piece(1, _alive)
BATTERY, TEMPERATURE, STORE = Piece(1, _battery), Piece(1, _temperature), Piece(1, _store)
INBOX_COUNT, BACKLOG, ANSWER_COUNT = Piece(1, _inbox), Piece(1, _backlog), Piece(1, _answers)
FUEL, OFFSET, APPROACH = Piece(1, _fuel_left, _fuel), Piece(1, _offset), Piece(2, _approach)
BOARD, CAPACITY = Piece(1, _board), Piece(1, _health)
INTACT, IN_SERVICE = Piece(1, _intact), Piece(1, _in_service)
