"""The bits of learning on their way between satellites and the ground, over the passes of a flown world.

Customers come first. Experience goes down in what images leave of a contact: in a round in which the
satellite already looked at the station in the round before, the station served it, and its images were sent
before the time was up. The transmitter is on for the whole of such a contact anyway, so that nothing is
charged for it. Weights go up over antennas that no image needs, at the rate of the uplink; satellites receive
them whatever their attitude (assumed, as telecommand is).
"""

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.state import DOWNLINK, NONE


class Passes:
    """What the passes of each round leave for learning. `look` before it, and `down` and `up` after it."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self._station = np.full(world.satellites, NONE)
        self._window = self._rate = self._uplink = np.zeros(world.satellites)
        self._served = np.full(world.satellites, NONE)

    def look(self) -> None:
        """Note what the coming round offers."""
        outlook = self._world.state.outlook[0]
        self._station = outlook["station"].copy()
        self._window = np.where(self._station != NONE, outlook["visible_to"] - outlook["visible_from"], 0.0)
        self._rate, self._uplink = outlook["rate"].copy(), outlook["uplink"].copy()

    def down(self) -> NDArray[np.float64]:
        """Bits (N,) that each satellite could send down beside its images in the round just flown."""
        state = self._world.state
        did, empty = state.activity[0], state.store.level[0]["count"] == 0
        mode, station = did["mode"], did["station"]
        served = np.where((mode == DOWNLINK) & (did["downlinked"] > 0.0), station, NONE)
        stays = (served != NONE) & (served == self._served) & (served == self._station) & empty
        self._served = served
        spare = self._rate * self._window - did["downlinked"]
        return np.where(stays, np.maximum(spare, 0.0), 0.0)

    def up(self, wanted: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bits (N,), at most `wanted`, that stations send up to each satellite in the round just flown."""
        state, sent = self._world.state, np.zeros(len(wanted))
        used = np.bincount(
            np.maximum(state.activity[0]["station"], 0),
            state.activity[0]["station"] != NONE,
            len(self._world.scenario.stations),
        )
        free = state.ground["antennas"][0] - used
        alive = state.body["alive"][0]
        for n in np.argsort(-wanted, kind="stable"):
            station = self._station[n]
            if wanted[n] <= 0.0 or station == NONE or free[station] < 1 or not alive[n]:
                continue
            free[station] -= 1
            sent[n] = min(wanted[n], self._uplink[n] * self._window[n])
        return sent


class Queue:
    """What one satellite has for the ground, first in, first out; at most `room` bits."""

    def __init__(self, room: float) -> None:
        self.room, self.dropped = room, 0.0
        self._parts: deque[list[Any]] = deque()  # [bits left, bits, content]

    @property
    def bits(self) -> float:
        """Bits that wait, in parts that are not down whole."""
        return sum(part[1] for part in self._parts)

    def add(self, bits: float, content: Any) -> None:
        """One part more; the oldest give way where there is no room."""
        self._parts.append([bits, bits, content])
        while self.bits > self.room and len(self._parts) > 1:
            self.dropped += self._parts.popleft()[1]

    def send(self, bits: float) -> tuple[float, list[Any]]:
        """Send at most `bits`: how many were, and what is down whole with them."""
        sent, whole = 0.0, []
        while self._parts and bits > 0.0:
            part = self._parts[0]
            now = min(part[0], bits)
            part[0] -= now
            bits -= now
            sent += now
            if part[0] > 0.0:
                break
            whole.append(self._parts.popleft()[2])
        return sent, whole
