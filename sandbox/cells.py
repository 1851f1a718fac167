"""Cells of the ground: bands of latitude cut along meridians, so that what is near is found without a scan.

A grid is an array `bands` (L + 1,): band i of L, from the south pole on, holds the cells bands[i] to
bands[i + 1] - 1, which begin at 180 degrees west; the last number is that of all cells.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.compiled import kernel
from sandbox.structured import structured

A_CELL = 4
"""Requests of a book for each cell: fewer, and looking into cells takes longer than what it spares."""
MOST_BANDS = 36
"""Of 5 degrees each; what a satellite in low orbit can see in a round is some 20 degrees long."""
ROUNDING = 1e-6
"""rad; far more than what rounding does to a latitude or longitude."""

CELL = structured(
    [
        ("x", "f4"),  # its middle, a unit vector in ITRS
        ("y", "f4"),
        ("z", "f4"),
        ("size", "f4"),  # from there to its farthest point, in a straight line
    ]
)


class Grid(NamedTuple):
    """The cells of a grid, as kernels read them."""

    bands: NDArray[np.int32]  # (L + 1,)
    cells: np.ndarray  # (C,) CELL


def make_bands(places: int) -> NDArray[np.int32]:
    """The grid for so many places: one cell for the whole Earth where they are few.

    Cells are about as wide as high, so that 4 L^2 / pi of them cover the sphere.
    """
    count = min(max(1, round(math.sqrt(0.25 * math.pi * places / A_CELL))), MOST_BANDS)
    edges = np.linspace(-0.5 * np.pi, 0.5 * np.pi, count + 1)
    widest = np.maximum(np.cos(edges[:-1]), np.cos(edges[1:]))
    cells = np.maximum(1, np.round(2 * count * widest)) if count > 1 else np.ones(1)
    return np.concatenate(([0], np.cumsum(cells))).astype(np.int32)


def cells_of(bands: NDArray[np.int32], up: ArrayLike) -> NDArray[np.int32]:
    """Numbers (m,) of the cells of a grid in which the zeniths `up` (m, 3), unit vectors in ITRS, point."""
    x, y, z = np.asarray(up, float).T
    last = len(bands) - 2
    band = np.clip((np.arcsin(np.clip(z, -1.0, 1.0)) / np.pi + 0.5) * (last + 1), 0, last).astype(np.intp)
    count = np.diff(bands)[band]
    along = ((np.arctan2(y, x) / (2.0 * np.pi) + 0.5) * count).astype(np.intp)
    return (bands[band] + np.minimum(along, count - 1)).astype(np.int32)


def edges_of(bands: NDArray[np.int32]) -> tuple[NDArray, ...]:
    """(south, north, west, east) of every cell of a grid, rad; each (C,)."""
    count = np.diff(bands)
    band = np.repeat(np.arange(len(count)), count)
    height, width = np.pi / len(count), 2.0 * np.pi / count[band]
    south = band * height - 0.5 * np.pi
    west = (np.arange(bands[-1]) - bands[band]) * width - np.pi
    return south, south + height, west, west + width


@kernel
def box_around(ux, uy, uz, angle):
    """(south, north, middle, half width), rad, of what is within `angle` (below pi / 2) of a unit vector.

    In latitude and longitude; the half width is pi where a pole is within.
    """
    latitude, angle = math.asin(min(1.0, max(-1.0, uz))), angle + ROUNDING
    width = math.pi
    if abs(latitude) + angle < 0.5 * math.pi:
        width = min(math.pi, math.asin(min(1.0, math.sin(angle) / math.cos(latitude))) + ROUNDING)
    return latitude - angle, latitude + angle, math.atan2(uy, ux), width


@kernel
def band_at(bands, latitude):
    """Number of the band at a latitude; of the nearest, beyond a pole."""
    last = bands.shape[0] - 2
    return max(0, min(int((latitude / math.pi + 0.5) * (last + 1)), last))


@kernel
def cells_between(bands, band, longitude, width):
    """(first, last) places in a band, of those within `width` of a longitude (rad).

    They may lie beyond either end of the band, by less than its length: it is a ring.
    """
    count = bands[band + 1] - bands[band]
    if count == 1 or width >= math.pi:
        return 0, count - 1
    first = math.floor(((longitude - width) / (2.0 * math.pi) + 0.5) * count)
    last = math.floor(((longitude + width) / (2.0 * math.pi) + 0.5) * count)
    if last - first >= count:
        return 0, count - 1
    return first, last


@kernel
def cell_at(bands, band, place):
    """Number of the cell at a place in a band, counted round the ring."""
    count = bands[band + 1] - bands[band]
    if place < 0:
        place += count
    elif place >= count:
        place -= count
    return bands[band] + place
