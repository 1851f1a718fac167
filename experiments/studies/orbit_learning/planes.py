"""The planes of a fleet: satellites that fly one behind the other."""

import numpy as np
from numpy.typing import NDArray

from sandbox.fleet import Fleet
from sandbox.scenario import Scenario


def planes_of(scenario: Scenario, fleet: Fleet) -> list[NDArray[np.int64]]:
    """The satellites of each plane: those of a pattern's planes, and of a group without one all together."""
    found: list[NDArray[np.int64]] = []
    first = 0
    for group in scenario.fleet:
        count, planes = fleet.groups.count(group.name), 1
        numbers = np.arange(first, first + count)
        first += count
        if group.walker and count == group.walker.total:
            planes = group.walker.planes
        elif group.sun_synchronous and count == group.sun_synchronous.total:
            planes = len(group.sun_synchronous.local_time_h)
        found += [part for part in np.split(numbers, planes) if len(part)]
    return found
