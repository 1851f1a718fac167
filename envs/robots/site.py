"""A disaster site, drawn from a seed: rubble, pillars, moving hazards, an entrance and a victim.

The site is a square between walls, cut into `SECTORS` x `SECTORS` sectors, numbered from 1 along its rows,
the first in the corner at the origin. Lengths in metres.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.robots.mapping import CELL, CELLS, OBSTACLE, Grid, distances
from sandbox.errors import SandboxError, shown

SIDE, SECTORS = 20.0, 4
"""Length of the site; sectors along it."""
LEAST_APART = 9.0
"""From the entrance to the victim, as the crow flies."""
ROBOT_RADIUS, HAZARD_RADIUS = 0.3, 0.4
MOST_TRIES = 200


class Block(NamedTuple):
    """A piece of rubble (half sizes along its own axes, turned by `yaw`); a round pillar has the yaw None."""

    x: float
    y: float
    half_x: float
    half_y: float
    height: float
    yaw: float | None


class Hazard(NamedTuple):
    """Something heavy that moves to and fro between two points at `speed` m/s; at first at `phase` of it."""

    start: tuple[float, float]
    end: tuple[float, float]
    speed: float
    phase: float


class Site(NamedTuple):
    """What there is."""

    seed: int
    blocks: tuple[Block, ...]
    hazards: tuple[Hazard, ...]
    entrance: tuple[float, float]
    victim: tuple[float, float]
    battery_wh: float
    """What the robot's battery holds as it comes in."""


def draw_site(
    seed: int, *, blocks: int = 26, hazards: int = 4, battery_wh: Sequence[float] = (8.0, 14.0)
) -> Site:
    """The site of a seed, of which the victim can be reached. Raises SandboxError for bad input."""
    if not (isinstance(seed, (int, np.integer)) and not isinstance(seed, bool) and seed >= 0):
        raise SandboxError(f"seed = {shown(seed)}; give a whole number of at least 0.")
    for name, count in (("blocks", blocks), ("hazards", hazards)):
        if not (isinstance(count, (int, np.integer)) and 0 <= count <= 60):
            raise SandboxError(f"{name} = {shown(count)}; give a whole number from 0 to 60.")
    low, high = _range("battery_wh", battery_wh)
    rng = np.random.default_rng([0x51_7E, int(seed)])
    for _ in range(MOST_TRIES):
        site = _drawn(rng, int(seed), int(blocks), int(hazards), float(rng.uniform(low, high)))
        if site is not None:
            return site
    raise SandboxError(f"No site with {blocks} blocks and {hazards} hazards leaves a way; take fewer.")


def sector_of(x: float, y: float) -> int:
    """The sector (from 0) that a point is in; of one outside, the nearest."""
    column, row = (min(SECTORS - 1, max(0, int(v * SECTORS / SIDE))) for v in (x, y))
    return row * SECTORS + column


def _range(name: str, value: Sequence[float]) -> tuple[float, float]:
    try:
        low, high = (float(v) for v in value)
    except (TypeError, ValueError):
        low, high = np.nan, np.nan
    if not 0.0 < low <= high < 1e5:
        raise SandboxError(f"{name} = {shown(value)}; give two numbers above 0, the smaller first.")
    return low, high


def _drawn(rng: np.random.Generator, seed: int, blocks: int, hazards: int, battery: float) -> Site | None:
    """A site, or None where the victim cannot be reached."""
    entrance = float(rng.uniform(2.0, SIDE - 2.0)), 1.0
    made = tuple(_block(rng) for _ in range(blocks))
    made = tuple(block for block in made if np.hypot(block.x - entrance[0], block.y - entrance[1]) > 2.5)
    truth = occupied(made)
    reach = distances(truth, entrance)
    far = np.hypot(Grid.X - entrance[0], Grid.Y - entrance[1])
    places = np.argwhere(np.isfinite(reach) & (far > LEAST_APART))
    if len(places) < 40 or np.isfinite(reach).sum() < 0.45 * CELLS**2:
        return None
    row, column = places[rng.integers(len(places))]
    victim = (float(column) + 0.5) * CELL, (float(row) + 0.5) * CELL
    moving = tuple(h for _ in range(hazards) if (h := _hazard(rng, reach, entrance, victim)) is not None)
    return Site(seed, made, moving, entrance, victim, battery)


def _block(rng: np.random.Generator) -> Block:
    x, y = rng.uniform(1.0, SIDE - 1.0, 2)
    if rng.random() < 0.25:
        radius = float(rng.uniform(0.2, 0.5))
        return Block(float(x), float(y), radius, radius, float(rng.uniform(1.0, 2.5)), None)
    half_x, half_y = rng.uniform(0.25, 1.5), rng.uniform(0.25, 0.7)
    return Block(
        float(x), float(y), float(half_x), float(half_y), float(rng.uniform(0.6, 2.0)),
        float(rng.uniform(0.0, np.pi)),
    )  # fmt: skip


def occupied(blocks: Sequence[Block]) -> NDArray[np.int8]:
    """The map (CELLS, CELLS) of somebody who sees everything: where a block covers a part of a cell."""
    grid = np.ones((CELLS, CELLS), np.int8)
    for block in blocks:
        dx, dy = Grid.X - block.x, Grid.Y - block.y
        if block.yaw is None:
            inside = np.hypot(dx, dy) < block.half_x + 0.35
        else:
            c, s = np.cos(block.yaw), np.sin(block.yaw)
            along, across = np.abs(c * dx + s * dy), np.abs(c * dy - s * dx)
            inside = (along < block.half_x + 0.3) & (across < block.half_y + 0.3)
        grid[inside] = OBSTACLE
    return grid


def _hazard(
    rng: np.random.Generator, reach: NDArray, entrance: tuple[float, float], victim: tuple[float, float]
) -> Hazard | None:
    """A hazard whose way is open ground, clear of the entrance and the victim; None if none was found."""
    open_cells = np.argwhere(np.isfinite(reach))
    for _ in range(40):
        row, column = open_cells[rng.integers(len(open_cells))]
        start = np.array([(column + 0.5) * CELL, (row + 0.5) * CELL])
        angle, length = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(2.5, 7.0)
        speed, phase = rng.uniform(0.3, 0.9), rng.uniform(0.0, 1.0)
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        way = start + np.linspace(0.0, 1.0, 30)[:, None] * (end - start)
        cells = np.floor(way / CELL).astype(int)
        if cells.min() < 0 or cells.max() >= CELLS or not np.isfinite(reach[cells[:, 1], cells[:, 0]]).all():
            continue
        if min(_clear(way, entrance), _clear(way, victim)) > 1.8:
            return Hazard(
                (float(start[0]), float(start[1])), (float(end[0]), float(end[1])), float(speed), float(phase)
            )
    return None


def _clear(way: NDArray, point: tuple[float, float]) -> float:
    return float(np.hypot(way[:, 0] - point[0], way[:, 1] - point[1]).min())
