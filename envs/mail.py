"""Messages between satellites, as a problem with a channel sends and hears them (`message_size` > 0)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sandbox.checks import as_array
from sandbox.errors import SandboxError, shown
from sandbox.state import NONE


class Mail:
    """The channel of a world, for messages of `size` numbers, or of 4 `size` bytes of text."""

    def __init__(self, world: Any, size: int) -> None:
        self.world, self.size = world, size

    def say(self, messages: ArrayLike) -> None:
        """Send a vector from each satellite to its neighbours in the coming round: (B, N, M), NaN for none.

        Raises SandboxError for another shape, and for numbers that are not within [-1, 1].
        """
        given, shape = as_array("messages", messages), (self.world.worlds, self.world.satellites, self.size)
        if given.shape != shape or not self.size:
            raise SandboxError(
                f"messages have shape {given.shape}; give {shape}, with message_size of at least 1."
            )
        try:
            with np.errstate(over="ignore"):  # what is too great is refused below
                vectors = np.ascontiguousarray(given, np.float32)
        except (ValueError, TypeError, OverflowError) as error:
            raise SandboxError(f"messages are {shown(messages)}; give numbers within [-1, 1].") from error
        silent = np.asarray(np.isnan(vectors).any(axis=-1))
        outside = (np.abs(vectors) > 1.0) & ~silent[..., None]
        if outside.any():
            b, n, i = np.argwhere(outside)[0]
            raise SandboxError(
                f"world {b}, sat_{n}: {shown(given[b, n, i])} in the message is not within [-1, 1]; scale it."
            )
        outbox = self.world.messages.outbox
        outbox.in_words[...] &= silent.all(axis=-1)
        outbox.content[...] = vectors.view(np.uint8)
        outbox.length[...] = np.where(silent, 0, outbox.content.shape[-1])

    def say_text(self, b: int, n: int, text: str) -> None:
        """Send `text`, cut to 4 M bytes, from satellite n of world b to its neighbours in this round.

        From then on no message stands in the observations of that world, where a text would look like noise.
        """
        outbox = self.world.messages.outbox
        outbox.in_words[b] = True
        content = text.encode("utf-8", "replace")[: outbox.content.shape[-1]]
        outbox.content[b, n, : len(content)] = np.frombuffer(content, np.uint8)
        outbox.length[b, n] = len(content)

    @contextmanager
    def saying(self) -> Iterator[None]:
        """What is said within goes out with the round played within, or not at all if that is refused."""
        if not self.size:
            yield
            return
        outbox = self.world.messages.outbox
        kept = [array.copy() for array in outbox]
        try:
            yield
        except BaseException:
            for array, old in zip(outbox, kept, strict=True):
                array[...] = old
            raise

    def heard_text(self, b: int, n: int) -> list[tuple[int, str, float]]:
        """(terminal from 0 on, text, age in s) of the last message over each terminal of satellite n."""
        beacons, now = self.world.messages.state, float(self.world.state.clock["time"][b])
        found = []
        for k, heard in enumerate(beacons.message[b, n]):
            if heard["peer"] != NONE:
                content = beacons.text[b, n, k, : heard["length"]].tobytes()
                found.append((k, content.decode("utf-8", "replace"), now - float(heard["at"])))
        return found
