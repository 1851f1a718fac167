"""What an update learns from, cut into minibatches without copying."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter

import torch
from torch import Tensor


@dataclass
class Batch:
    """What an update learns from: K rows, or K sequences of `sequence` rounds."""

    seen: Tensor
    mask: Tensor
    action: Tensor
    said: Tensor  # what went to the neighbours with it
    chance: Tensor
    advantage: Tensor
    target: Tensor
    chooses: Tensor  # rows that teach the actor
    counts: Tensor  # rows that teach the critic
    critic: Tensor  # what the critic sees
    memory: Tensor  # before the first round
    begins: Tensor  # an episode begins: what was remembered is forgotten

    def made(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """The same of other tensors: what is there twice (the critic may see what the actor sees) once."""
        done: dict[int, Tensor] = {}
        for tensor in vars(self).values():
            if id(tensor) not in done:
                done[id(tensor)] = change(tensor)
        return Batch(**{name: done[id(tensor)] for name, tensor in vars(self).items()})

    def taught(self, length: int, share: float, shuffled: Callable[[int], Tensor]) -> "Batch":
        """A share of what teaches anything, in random order.

        Of (T, R, ...): rows (K, ...), or sequences of `length` rounds (K, L, ...), with what was remembered
        as each began, if that is not 0.
        """
        cut = self._sequences(length) if length else self.made(lambda x: x.flatten(0, 1))
        found = (cut.counts.any(1) if length else cut.counts).nonzero()[:, 0]
        return cut.rows(found[shuffled(len(found))[: max(1, round(len(found) * share))]])

    def _sequences(self, length: int) -> "Batch":
        def cut(x: Tensor) -> Tensor:
            x = x[: len(x) // length * length].unflatten(0, (-1, length))
            return x.transpose(1, 2).flatten(0, 1)

        made = self.made(cut)
        made.memory = made.memory[:, 0]
        return made

    def rows(self, which: Tensor) -> "Batch":
        """Those with these numbers, in this order, in new tensors."""
        return self.made(lambda x: x.index_select(0, which))

    @staticmethod
    def joined(parts: "Sequence[Batch]") -> "Batch":
        """One after the other, in new tensors."""
        return Batch(**{name: torch.cat([getattr(part, name) for part in parts]) for name in vars(parts[0])})

    def parts(self, rows: int) -> list["Batch"]:
        """Cut into minibatches of at most `rows` rows of a satellite and round; nothing is copied."""
        count, size = len(self.action), max(1, rows // (self.action[0].numel() if len(self.action) else 1))
        return [self.made(itemgetter(slice(i, i + size))) for i in range(0, count, size)]
