"""The map that a robot makes as it goes: cells unknown, free or blocked, and the ways through them."""

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

CELL, CELLS = 0.5, 40
"""Length of a cell, m; cells along the site."""
UNKNOWN, FREE, OBSTACLE = range(3)
_AROUND = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))
_SAMPLE = 0.25
_DIAGONAL = 2.0**0.5


class Grid:
    """Centres of the cells (CELLS, CELLS), m; rows lie along y."""

    X, Y = np.meshgrid(*[(np.arange(CELLS) + 0.5) * CELL] * 2)


def cell_of(x: float, y: float) -> tuple[int, int]:
    """Row and column of the cell that a point is in, or the nearest."""
    row, column = (min(CELLS - 1, max(0, int(v / CELL))) for v in (y, x))
    return row, column


def centre_of(cell: tuple[int, int]) -> tuple[float, float]:
    """The middle (x, y) of a cell, m."""
    return (cell[1] + 0.5) * CELL, (cell[0] + 0.5) * CELL


def mark(
    known: NDArray[np.int8], origin: NDArray, rays: NDArray, reach: NDArray, stops: NDArray[np.bool_]
) -> None:
    """Write into a map what rays (R, 2) of unit length have seen from `origin` (2,): nothing over `reach`
    (R,) m, and at its end something that stands there where it `stops` (R,)."""
    steps = np.arange(_SAMPLE, reach.max() + _SAMPLE, _SAMPLE)
    seen = steps[None, :] < reach[:, None] - 0.1
    where = origin + rays[:, None, :] * steps[None, :, None]
    _write(known, where[seen], FREE, over=UNKNOWN)
    ends = origin + rays * (reach + 0.05)[:, None]
    _write(known, ends[stops], OBSTACLE)
    _write(known, origin[None], FREE)


def _write(known: NDArray[np.int8], where: NDArray, value: int, over: int | None = None) -> None:
    cells = np.floor(where / CELL).astype(int)
    cells = cells[((cells >= 0) & (cells < CELLS)).all(axis=1)]
    rows, columns = cells[:, 1], cells[:, 0]
    if over is not None:
        keep = known[rows, columns] == over
        rows, columns = rows[keep], columns[keep]
    known[rows, columns] = value


def passable(known: NDArray[np.int8], at: tuple[float, float]) -> NDArray[np.bool_]:
    """Where (CELLS, CELLS) a robot at `at` can go: known to be free, and no obstacle in the next cell to any
    side; the cells next to its own only have to be free, so that it comes out of a corner."""
    blocked = known == OBSTACLE
    near = blocked.copy()
    near[1:] |= blocked[:-1]
    near[:-1] |= blocked[1:]
    near[:, 1:] |= blocked[:, :-1]
    near[:, :-1] |= blocked[:, 1:]
    row, column = cell_of(*at)
    own = (slice(max(0, row - 1), row + 2), slice(max(0, column - 1), column + 2))
    near[own] = blocked[own]
    near[row, column] = False
    return (known == FREE) & ~near


def distances(known: NDArray[np.int8], at: tuple[float, float]) -> NDArray[np.float64]:
    """Length (CELLS, CELLS), m, of the way from `at` to every cell, inf where there is none."""
    return ways(known, at)[0]


def ways(known: NDArray[np.int8], at: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """As `distances`, and of each cell the one before it (a flat number), -1 at the beginning and where there
    is no way. Cells are left in the order in which they were first come to, which is within a diagonal of the
    shortest."""
    free = passable(known, at)
    begin = cell_of(*at)
    far = np.full((CELLS, CELLS), np.inf)
    before = np.full((CELLS, CELLS), -1, np.int64)
    far[begin] = 0.0
    ahead: deque[tuple[int, int]] = deque([begin])
    length, behind, ok = far, before, free.tolist()
    while ahead:
        row, column = ahead.popleft()
        so_far = length[row, column]
        for down, right in _AROUND:
            r, c = row + down, column + right
            if not (0 <= r < CELLS and 0 <= c < CELLS) or not ok[r][c]:
                continue
            if down and right and not (ok[r][column] and ok[row][c]):
                continue
            step = so_far + CELL * (_DIAGONAL if down and right else 1.0)
            if step < length[r, c] - 1e-9:
                length[r, c] = step
                behind[r, c] = row * CELLS + column
                ahead.append((r, c))
    return far, before


def path_to(before: NDArray[np.int64], goal: tuple[int, int]) -> list[tuple[float, float]]:
    """The points (x, y) of the way to a cell, by what `ways` found."""
    cells = [goal]
    while (flat := int(before[cells[-1]])) >= 0:
        cells.append((flat // CELLS, flat % CELLS))
    return [centre_of(cell) for cell in reversed(cells)]


def frontier(known: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Free cells (CELLS, CELLS) beside which something is unknown."""
    unknown: Any = known == UNKNOWN
    beside = np.zeros_like(unknown)
    beside[1:] |= unknown[:-1]
    beside[:-1] |= unknown[1:]
    beside[:, 1:] |= unknown[:, :-1]
    beside[:, :-1] |= unknown[:, 1:]
    return (known == FREE) & beside
