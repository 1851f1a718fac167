"""All that a training goes on from, as numbers, texts and tensors: networks, statistics, worlds, draws."""

import json
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from envs.difference import DifferenceBatch
from experiments.training.moments import Running
from experiments.training.ppo import Arena, Learner
from sandbox.errors import SandboxError
from sandbox.state import arrays
from sandbox.world import Snapshot, World


def pack_world(world: World) -> dict[str, Any]:
    """Everything that the future of a world depends on, as bytes and text."""
    moment = world.snapshot()
    return {
        "arrays": [torch.from_numpy(_bytes(array).copy()) for array in _held(moment)],
        "random": json.dumps([list(moment.generators), list(moment.seeds)]),
        "companions": json.dumps(moment.companions),
    }


def unpack_world(world: World, told: dict[str, Any]) -> None:
    """Take a world, of the same scenario and sizes, to what `pack_world` told of another.

    Raises SandboxError where the sizes differ.
    """
    moment = world.snapshot()
    held = _held(moment)
    if [array.nbytes for array in held] != [len(kept) for kept in told["arrays"]]:
        raise SandboxError("The worlds of this checkpoint have other sizes than those of the scenario now.")
    for array, kept in zip(held, told["arrays"], strict=True):
        _bytes(array)[...] = kept.numpy()
    generators, seeds = json.loads(told["random"])
    companions = tuple(json.loads(told.get("companions", "[]")))
    more = {"generators": tuple(generators), "seeds": tuple(seeds), "companions": companions}
    world.restore(Snapshot(moment.scenario, moment.state, moment.more, moment.ready, **more))


def _held(moment: Snapshot) -> list[NDArray]:
    """Every array of a snapshot, in a fixed order."""
    parts = [array for name in sorted(moment.more) for array in moment.more[name]]
    return [*arrays(moment.state), *parts, moment.ready]


def _bytes(array: NDArray) -> NDArray[np.uint8]:
    """The memory of a contiguous array."""
    return array.reshape(-1).view(np.uint8)


def state_of(learner: Learner) -> dict[str, Any]:
    """All that the rest of a training depends on."""
    return {
        "networks": [net.state_dict() for net in learner.networks],
        "cloned": None if learner.cloned is None else learner.cloned.state_dict(),
        "optimisers": [optimiser.state_dict() for optimiser in learner.optimisers],
        "generator": learner.generator.get_state(),
        "random": json.dumps(learner.rng.bit_generator.state),
        "running": [_pack_running(one) for one in (learner.observed, learner.earned)],
        "scales": [learner.mean, learner.scale],
        "counters": {name: getattr(learner, name) for name in _COUNTERS},
        "told": dict(learner.told),
        "arenas": [_pack_arena(arena) for arena in learner.arenas],
    }


_COUNTERS = ("rate", "steps", "iterations", "warm", "cpu_s", "settled")


def take_state(learner: Learner, state: dict[str, Any]) -> None:
    """Let a new learner, in worlds of the same scenarios, go on from what `state_of` told of another."""
    for net, told in zip(learner.networks, state["networks"], strict=True):
        net.load_state_dict(told)
    if (cloned := state.get("cloned")) is not None:
        learner.drop_anchor()
        if learner.cloned is not None:
            learner.cloned.load_state_dict(cloned)
    for optimiser, told in zip(learner.optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(told)
    learner.generator.set_state(state["generator"].cpu())
    learner.rng.bit_generator.state = json.loads(state["random"])
    for one, told in zip((learner.observed, learner.earned), state["running"], strict=True):
        one.count, one.mean, one.var = told["count"], told["mean"].numpy(), told["var"].numpy()
    learner.mean, learner.scale = (scale.to(learner.device) for scale in state["scales"])
    for name, value in state["counters"].items():
        setattr(learner, name, value)
    learner.told = dict(state["told"])
    for arena, told in zip(learner.arenas, state["arenas"], strict=True):
        _unpack_arena(arena, told)


def _pack_running(one: Running) -> dict[str, Any]:
    return {"count": one.count, "mean": torch.from_numpy(one.mean), "var": torch.from_numpy(one.var)}


_OF_ARENAS = ("running", "returns")


def _pack_arena(arena: Arena) -> dict[str, Any]:
    told = pack_world(arena.env.world) | {"memory": torch.from_numpy(arena.memory[-1].copy())}
    if isinstance(arena.env, DifferenceBatch):
        told["without"] = pack_world(arena.env.without.world)
    return told | {"played": arena.played} | {x: torch.from_numpy(getattr(arena, x)) for x in _OF_ARENAS}


def _unpack_arena(arena: Arena, told: dict[str, Any]) -> None:
    unpack_world(arena.env.world, told)
    if isinstance(arena.env, DifferenceBatch):
        unpack_world(arena.env.without.world, told["without"])
        arena.env.without.present()
        arena.env.resume()
    arena.start(arena.env.present())
    arena.memory[-1], arena.played = told["memory"].numpy(), told["played"]
    for name in _OF_ARENAS:
        setattr(arena, name, told[name].numpy())
