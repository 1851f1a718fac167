"""A world as tensors and text, to go on from in another process."""

import json
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sandbox.errors import SandboxError
from sandbox.state import arrays
from sandbox.world import Snapshot, World


def pack_world(world: World) -> dict[str, Any]:
    """Everything that the future of a world depends on, as bytes and text."""
    moment = world.snapshot()
    return {
        "arrays": [torch.from_numpy(_bytes(array).copy()) for array in _held(moment)],
        "random": json.dumps([list(moment.generators), list(moment.seeds)]),
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
    more = {"generators": tuple(generators), "seeds": tuple(seeds)}
    world.restore(Snapshot(moment.scenario, moment.state, moment.more, moment.ready, **more))


def _held(moment: Snapshot) -> list[NDArray]:
    """Every array of a snapshot, in a fixed order."""
    parts = [array for name in sorted(moment.more) for array in moment.more[name]]
    return [*arrays(moment.state), *parts, moment.ready]


def _bytes(array: NDArray) -> NDArray[np.uint8]:
    """The memory of a contiguous array."""
    return array.reshape(-1).view(np.uint8)
