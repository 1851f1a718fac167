"""The planes of a fleet: satellites that fly one behind the other."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def planes_of(world: Any) -> list[NDArray[np.int64]]:
    """The satellites of each plane: those of a pattern's planes, and of a group without one all together."""
    fleet, found, first = world.fleet, [], 0
    for group in world.scenario.fleet:
        count = fleet.groups.count(group.name)
        numbers = np.arange(first, first + count)
        first += count
        pattern = group.walker or group.sun_synchronous
        planes = 1
        if pattern is not None and count == pattern.total:
            planes = group.walker.planes if group.walker else len(group.sun_synchronous.local_time_h)
        found += [part for part in np.split(numbers, planes) if len(part)]
    return found


def names_of(world: Any) -> list[str]:
    """What each plane is called: its group, and a number where the group has several."""
    groups = [world.fleet.groups[plane[0]] for plane in planes_of(world)]
    seen: dict[str, int] = {}
    names = []
    for group in groups:
        seen[group] = seen.get(group, 0) + 1
        names.append(f"{group} {seen[group]}" if groups.count(group) > 1 else group)
    return names
