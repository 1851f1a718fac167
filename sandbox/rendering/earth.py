"""The Earth by day and by night, below a still picture."""

import numpy as np

from sandbox.geography import coastline, on_land
from sandbox.rendering.canvas import Canvas
from sandbox.rendering.projection import Globe, Map, direction

SPACE = (4, 7, 13)
DAY = {"sea": (22, 62, 104), "land": (70, 103, 80), "coast": (134, 160, 128)}
NIGHT = {"sea": (6, 13, 27), "land": (15, 23, 31), "coast": (52, 72, 88)}
GLOW = (89, 158, 242)
TWILIGHT = (-0.16, 0.14)  # sine of the Sun's height where night ends and day begins
CELLS = 256.0  # a share of day in whole numbers


class Earth:
    """What does not change while the camera stands still: both sides of the Earth, pixel by pixel."""

    def __init__(self, camera: Globe | Map, width: int, height: int) -> None:
        up, off = camera.ground(width, height)
        self._on = off <= 1.0
        rows = np.flatnonzero(self._on.any(axis=1))
        columns = np.flatnonzero(self._on.any(axis=0))
        self._part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        land = (
            on_land(np.arcsin(np.clip(up[..., 2], -1.0, 1.0)), np.arctan2(up[..., 1], up[..., 0])) & self._on
        )
        rim = np.clip(off, 0.0, 1.0) ** 12 * 0.45 if isinstance(camera, Globe) else np.zeros_like(off)
        sides = [_side(camera, land, self._on, rim, colours) for colours in (NIGHT, DAY)]
        self._space = _space(off, isinstance(camera, Globe))
        night, day = (np.where(self._on[..., None], side, self._space) for side in sides)
        self._night = night[self._part].astype(np.int16)
        self._more = day[self._part].astype(np.int16) - self._night
        self._up = np.ascontiguousarray(up[self._part], np.float32)

    def seen(self, sun: np.ndarray) -> np.ndarray:
        """The image (height, width, 3) with the Sun in direction `sun`, turned with the Earth."""
        image = self._space.copy()
        low, high = TWILIGHT
        share = np.clip((self._up @ np.asarray(sun, np.float32) - low) / (high - low), 0.0, 1.0)
        share = (CELLS * share * share * (3.0 - 2.0 * share)).astype(np.int16)
        image[self._part] = self._night + (self._more * share[..., None] // int(CELLS))
        return image


def _side(
    camera: Globe | Map, land: np.ndarray, on: np.ndarray, rim: np.ndarray, colours: dict
) -> np.ndarray:
    image = np.where(land[..., None], np.uint8(colours["land"]), np.uint8(colours["sea"]))
    canvas = Canvas(np.ascontiguousarray(image))
    for ring in coastline():
        longitude, latitude = np.radians(ring).T
        at, seen = camera.pixels(direction(latitude, longitude))
        whole = seen[1:] & seen[:-1] & (np.abs(np.diff(at[:, 0])) < on.shape[1] / 2)
        canvas.lines(at[:-1][whole], at[1:][whole], np.array(colours["coast"]), 0.8)
    lit = 1.0 if colours is DAY else 0.25
    return (image + lit * rim[..., None] * (np.array(GLOW) - image)).astype(np.uint8)


def _space(off: np.ndarray, round_: bool) -> np.ndarray:
    """The dark around the Earth, with the glow of its limb."""
    space = np.broadcast_to(np.array(SPACE, np.float64), (*off.shape, 3))
    if round_:
        glow = 0.35 * np.exp(-26.0 * np.clip(off - 1.0, 0.0, None))[..., None]
        space = space + glow * (np.array(GLOW) - space)
    return np.ascontiguousarray(space.astype(np.uint8))
