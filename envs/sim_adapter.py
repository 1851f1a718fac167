"""Temporary: the worlds of today under the interface of the world of parts."""

from typing import Any, NamedTuple

import numpy as np

from sandbox.autonomy_world import AutonomyWorld
from sandbox.danger_world import DangerWorld
from sandbox.job_world import JobWorld
from sandbox.orders import ORDER
from sandbox.state import CHARGE, THINKING
from sandbox.world import World


class Part(NamedTuple):
    state: Any
    params: Any
    scratch: Any


class Faults(NamedTuple):
    state: Any
    params: Any


class Messages(NamedTuple):
    state: Any


class Encounters(NamedTuple):
    state: Any
    params: Any
    scratch: Any
    warnings: Any


class Links(NamedTuple):
    links: Any


class LaserParams(NamedTuple):
    terminals: Any


class Lasers(NamedTuple):
    state: Any
    params: Any


class Sim(NamedTuple):
    state: Any
    constants: Any
    lasers: Any
    jobs: Any
    encounters: Any
    faults: Any
    messages: Any
    orders: Any


class Commands(NamedTuple):
    mode: Any
    place: Any
    queue: Any
    burn: Any
    late_burn: Any
    reload: Any
    thinking: Any
    before: Any
    content: Any
    length: Any


def make_world(parts, scenario, worlds, *, shown, warned, message_bytes, whole_inbox, horizon_s, threads):
    how = {"shown": shown, "horizon_s": horizon_s, "threads": threads}
    parts = set(parts)
    if "orders" in parts:
        return AutonomyWorld(scenario, worlds, warned=warned, longest=message_bytes, **how)
    if "encounters" in parts:
        return DangerWorld(scenario, worlds, warned=warned, **how)
    if "jobs" in parts:
        return JobWorld(scenario, worlds, **how)
    return World(scenario, worlds, **how)


def sim_of(world):
    jobs = lasers = encounters = faults = messages = orders = None
    if isinstance(world, JobWorld):
        jobs = Part(world.work, world.terms, world.sketch)
        lasers = Lasers(Links(world.work.links), LaserParams(world.terms.lasers))
    if isinstance(world, DangerWorld):
        encounters = Encounters(world.threats, world.rules, world._sweep, world.warnings)
    if isinstance(world, AutonomyWorld):
        faults, messages = Faults(world.faults, world.breaks), Messages(world.beacons)
        orders = world.orders
    return Sim(world.state, world.constants, lasers, jobs, encounters, faults, messages, orders)


def blank(world):
    team = (world.worlds, world.satellites)
    whole = [np.zeros(team, np.int32) for _ in range(6)]
    longest = world._silence[0].shape[-1] if isinstance(world, AutonomyWorld) else 0
    return Commands(
        *whole, np.zeros(team, THINKING), np.zeros(team, ORDER), np.zeros((*team, longest), np.uint8),
        np.zeros(team, np.int32),
    )  # fmt: skip


def play(world, c, thinking):
    mind = c.thinking if thinking else None
    if isinstance(world, AutonomyWorld):
        said = (c.content, c.length) if c.length.any() else None
        world.live(c.burn, c.late_burn, c.reload, mind, c.before if thinking else None, said)
    elif isinstance(world, DangerWorld):
        late = c.late_burn != 0
        world.fly(np.where(late, c.late_burn, c.burn), mind)
    elif isinstance(world, JobWorld):
        world.serve(c.queue, thinking=mind)
    else:
        world.step(c.mode, c.place, mind)


CHARGE = CHARGE
