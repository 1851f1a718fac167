"""What a mind far away is told of the site, as numbers with phrases: the layout that `envs.reports` says in
words, so that any mind of the sandbox can read it; and its decisions.

Sector k, from 1 to 16, is k - 1 in arrays. The first decision, `wait`, is always legal.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.features import Feature, Layout
from envs.robots.mapping import CELLS, FREE, UNKNOWN, Grid, centre_of, frontier
from envs.robots.robot import ARRIVED, BLOCKED, LONG, Robot
from envs.robots.site import SECTORS, SIDE, sector_of

COUNT = SECTORS**2
WAIT, BACK, TO_VICTIM, FIRST_SECTOR = range(4)
ACTIONS = ("wait", "back", "victim", *(f"sector_{k + 1}" for k in range(COUNT)))
PHRASES = (
    "stand still for 3 s",
    "walk back to where the last leg began",
    "walk to the victim that was seen",
    *(f"explore sector {k + 1}" for k in range(COUNT)),
)
_OF_ROBOT = (
    Feature("battery", "Wh", 0, 60, "battery {:.1f} Wh", "Robot", warn_below=4.0),
    Feature("time", "s", 0, 900, "{:.0f} s since it came in", "Robot"),
    Feature("sector", "1", 0, COUNT, "in sector {:.0f}", "Robot"),
    Feature("blocked", "1", 0, 1, "its way is blocked", "Robot", silent_at=0.0),
    Feature("arrived", "1", 0, 1, "it is where it was to go", "Robot", silent_at=0.0),
    Feature(
        "hazard", "m", 0, 12, "something that moves {:.1f} m away", "Robot", silent_at=12.0, warn_below=2.0
    ),
    Feature("heard", "1", 0, 1, "knocking was heard just now", "Robot", silent_at=0.0),
    Feature("found", "1", 0, 1, "", "Victim", gate=True),
    Feature("victim_way", "m", 0, 40, "{:.1f} m to walk to it", "Victim"),
)
_OF_A_SECTOR = (
    ("present", "1", 0, 1, "", {"gate": True}),
    ("way", "m", 0, 40, "{:.0f} m to walk", {"column": "m to walk"}),
    ("unseen", "%", 0, 100, "{:.0f} % unseen", {"column": "% unseen"}),
    ("chance", "%", 0, 100, "{:.0f} % by the sound", {"column": "% chance by the sound"}),
    ("danger", "m", 0, 12, "something that moves {:.0f} m from the way",
     {"column": "m from the way moves something", "silent_at": 12.0}),
    ("visits", "1", 0, 10, "sent there [{:.0f} time|{:.0f} times]",
     {"column": "times sent there", "silent_at": 0.0}),
)  # fmt: skip
GLOBALS, PER_SECTOR = len(_OF_ROBOT), len(_OF_A_SECTOR)
STALE_S = 4.0
"""Where a moving hazard was seen longer ago is not told."""


def make_layout() -> Layout:
    """The features of an observation: of the robot, then of each sector."""
    features = list(_OF_ROBOT)
    for k in range(1, COUNT + 1):
        for name, unit, low, high, phrase, more in _OF_A_SECTOR:
            features.append(Feature(f"sector_{k}_{name}", unit, low, high, phrase, f"Sector {k}", **more))
    return Layout(features)


class SearchProblem:
    """What `envs.reports.Reporter` reads of a decision problem: names, phrases, features, a briefing."""

    name = "search_robot_v0"
    actions, phrases = ACTIONS, PHRASES
    briefing = (
        f"You steer a search robot in a disaster site of {SIDE:g} by {SIDE:g} m, cut into {COUNT} sectors, "
        "numbered row by row. A victim who cannot move has to be reached before the battery is empty. The "
        "robot walks by itself, stops before contact, and asks you where to go next. Standing takes half the "
        "power of walking. Something heavy moves about."
    )
    advice = (
        "Rule of thumb: walk to the victim once it is seen; before, explore a near sector of which much is "
        "unseen and from where knocking seems to come; keep away from what moves."
    )
    families = ((tuple(ACTIONS[FIRST_SECTOR:]), "explore sector k"),)
    texts: Sequence[Any] = ()
    pays: Sequence[str] = ()
    prospects: Sequence[Any] = ()
    usual = 1.0
    examples: Sequence[Any] = ()

    def __init__(self) -> None:
        self.layout = make_layout()


class Seen:
    """The situation of a robot: values in the units of the layout, what is legal, and where that leads."""

    def __init__(self, robot: Robot) -> None:
        self.values = np.zeros(GLOBALS + COUNT * PER_SECTOR)
        self.mask = np.zeros(len(ACTIONS), np.int8)
        self.mask[WAIT] = 1
        self.goals: dict[int, tuple[int, int]] = {}
        """By action, the cell that it leads to."""
        far, self.before = robot.reachable()
        self.mask[BACK] = robot.legs > 0
        self._tell_sectors(robot, far)
        self._tell_robot(robot, far)

    def _tell_sectors(self, robot: Robot, far: NDArray) -> None:
        goals = np.where(frontier(robot.known) & robot.goals, far, np.inf)
        unseen, chance = _shares(robot.known == UNKNOWN), sound_shares(robot)
        for k in range(COUNT):
            row = self.values[GLOBALS + k * PER_SECTOR :][:PER_SECTOR]
            part = goals[_cells(k)]
            best = int(np.argmin(part))
            row[2], row[3], row[5] = 100.0 * unseen[k], 100.0 * chance[k], robot.visits[k]
            row[4] = 12.0
            if not np.isfinite(part.flat[best]):
                continue
            size = CELLS // SECTORS
            cell = (k // SECTORS) * size + best // size, (k % SECTORS) * size + best % size
            self.goals[FIRST_SECTOR + k] = cell
            self.mask[FIRST_SECTOR + k] = 1
            row[0], row[1] = 1.0, part.flat[best]
            row[4] = _danger(robot, centre_of(cell))

    def _tell_robot(self, robot: Robot, far: NDArray) -> None:
        x, y = robot.position
        near = [
            np.hypot(u - x, v - y) for u, v, t in robot.seen_hazards.values() if robot.clock - t < STALE_S
        ]
        own = self.values[:GLOBALS]
        own[:7] = (
            robot.energy_j / 3600.0, robot.clock, sector_of(x, y) + 1, robot.asks in (BLOCKED, LONG),
            robot.asks == ARRIVED, min([12.0, *near]), robot.heard is not None,
        )  # fmt: skip
        if not robot.found:
            return
        u, v = robot.site.victim
        near_it = np.where(np.hypot(Grid.X - u, Grid.Y - v) < 3.0, far, np.inf)
        cost = near_it + 3.0 * np.hypot(Grid.X - u, Grid.Y - v)
        best = np.unravel_index(int(np.argmin(cost)), cost.shape)
        if np.isfinite(cost[best]):
            own[7], own[8] = 1.0, far[best] + np.hypot(Grid.X[best] - u, Grid.Y[best] - v)
            self.goals[TO_VICTIM] = (int(best[0]), int(best[1]))
            self.mask[TO_VICTIM] = 1


def sound_shares(robot: Robot) -> NDArray[np.float64]:
    """How likely the victim is in each sector (COUNT,), by what was heard, where nobody has looked yet."""
    belief = np.where(robot.known == FREE, 0.0, robot.belief)
    sums = np.array([belief[_cells(k)].sum() for k in range(COUNT)])
    return sums / max(sums.sum(), 1e-300)


def _cells(k: int) -> tuple[slice, slice]:
    size = CELLS // SECTORS
    row, column = k // SECTORS * size, k % SECTORS * size
    return slice(row, row + size), slice(column, column + size)


def _shares(marked: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.array([marked[_cells(k)].mean() for k in range(COUNT)])


def _danger(robot: Robot, goal: tuple[float, float]) -> float:
    """How near, m, something that moves was seen of late to the straight line to a goal."""
    x, y = robot.position
    dx, dy = goal[0] - x, goal[1] - y
    least = 12.0
    for u, v, seen in robot.seen_hazards.values():
        if robot.clock - seen < STALE_S:
            along = max(0.0, min(1.0, ((u - x) * dx + (v - y) * dy) / max(dx * dx + dy * dy, 1e-9)))
            least = min(least, float(np.hypot(u - x - along * dx, v - y - along * dy)))
    return least
