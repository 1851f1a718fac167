"""Updates as bits: whole numbers of 32 bits, 8 bits each, or the largest few; what is left out comes later.

What a message loses of an update is kept by its sender and added to its next one (error feedback: Seide et
al. 2014, Karimireddy et al. 2019), so that nothing is lost for good.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.errors import unknown_name
from sandbox.messages import HEADER_BITS

KINDS = ("whole", "int8", "top10")
WHOLE_BITS, BYTE_BITS = 32.0, 8.0
TOP_SHARE = 0.1
"""Of the numbers of an update, those that `top10` sends."""
BLOCK = 256
"""Numbers of an update that share a scale in `int8`."""


class Message(NamedTuple):
    """An update as it arrives, and its size."""

    update: NDArray  # (P,)
    bits: float


def whole_bits(count: int) -> float:
    """Bits of a message with `count` numbers as they are; two more tell of how many rounds, and how they
    went."""
    return HEADER_BITS + WHOLE_BITS * (count + 2)


class Sender:
    """What a satellite has not sent yet of its updates, under one kind of compression.

    Raises SandboxError for an unknown kind.
    """

    def __init__(self, kind: str, count: int) -> None:
        if kind not in KINDS:
            raise unknown_name("compression", kind, KINDS)
        self.kind, self.left = kind, np.zeros(count)

    def message(self, update: NDArray) -> Message:
        """The message that carries `update` (P,) and what was left of earlier ones."""
        if self.kind == "whole":
            return Message(update, whole_bits(len(update)))
        wanted = update + self.left
        sent, bits = (_bytes if self.kind == "int8" else _top)(wanted)
        self.left = wanted - sent
        return Message(sent, HEADER_BITS + 2 * WHOLE_BITS + bits)


def _bytes(wanted: NDArray) -> tuple[NDArray, float]:
    """Each number in 8 bits, of a range that each block sends along."""
    count = len(wanted)
    blocks = -(-count // BLOCK)
    padded: NDArray = np.zeros((blocks, BLOCK))
    padded.ravel()[:count] = wanted
    step = np.abs(padded).max(1, keepdims=True) / 127.0
    levels = np.rint(np.divide(padded, step, out=np.zeros_like(padded), where=step > 0.0))
    return (levels * step).ravel()[:count], BYTE_BITS * count + WHOLE_BITS * blocks


def _top(wanted: NDArray) -> tuple[NDArray, float]:
    """The largest numbers, with their places."""
    count = max(1, round(TOP_SHARE * len(wanted)))
    kept = np.argpartition(np.abs(wanted), -count)[-count:]
    sent = np.zeros_like(wanted)
    sent[kept] = wanted[kept]
    return sent, count * (WHOLE_BITS + math.ceil(math.log2(max(len(wanted), 2))))
