"""From the Earth to the pixels of a still picture: an orthographic globe and an equirectangular map.

Points are in units of the Earth's equatorial radius, turned with the Earth; the Earth is a sphere here (the
flattening is less than a pixel).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

TAU = 2 * np.pi


def direction(latitude: ArrayLike, longitude: ArrayLike) -> np.ndarray:
    """Unit vectors (..., 3) of places on the Earth (rad)."""
    c = np.cos(latitude)
    return np.stack([c * np.cos(longitude), c * np.sin(longitude), np.sin(latitude)], axis=-1)


def turned(position: np.ndarray, angle: np.ndarray | float) -> np.ndarray:
    """Positions (..., 3) in a frame turned by `angle` (rad, broadcast over the points) about the pole."""
    c, s = np.cos(angle), np.sin(angle)
    x, y, z = position[..., 0], position[..., 1], position[..., 2]
    return np.stack([c * x + s * y, c * y - s * x, z], axis=-1)


@dataclass(frozen=True)
class Globe:
    """Seen from far above a place (rad): `radius` pixels to the limb, around `middle` (x, y)."""

    latitude: float
    longitude: float
    radius: float
    middle: tuple[float, float]

    def axes(self) -> np.ndarray:
        """Right, up and towards the viewer, as rows."""
        out = direction(self.latitude, self.longitude)
        right = np.array([-np.sin(self.longitude), np.cos(self.longitude), 0.0])
        return np.stack([right, np.cross(out, right), out])

    def pixels(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places (m, 2) of points (m, 3), and which are not behind the Earth."""
        x, y, depth = np.moveaxis(points @ self.axes().T, -1, 0)
        at = np.stack([self.middle[0] + self.radius * x, self.middle[1] - self.radius * y], axis=-1)
        return at, (depth > 0) | (np.hypot(x, y) > 1.0)

    def ground(self, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """The unit vector (height, width, 3) seen in every pixel, and how far from the middle, in radii."""
        x = (np.arange(width) + 0.5 - self.middle[0]) / self.radius
        y = (self.middle[1] - np.arange(height) - 0.5) / self.radius
        x, y = np.meshgrid(x, y)
        off = np.hypot(x, y)
        seen = np.stack([x, y, np.sqrt(np.clip(1.0 - off**2, 0.0, 1.0))], axis=-1)
        return seen @ self.axes(), off


@dataclass(frozen=True)
class Map:
    """All of the Earth, `width` pixels for a turn of longitude and half as many for the latitudes."""

    width: int
    middle: tuple[float, float]
    longitude: float = 0.0

    def pixels(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places (m, 2) of points (m, 3); all are visible."""
        longitude = np.arctan2(points[..., 1], points[..., 0])
        latitude = np.arctan2(points[..., 2], np.hypot(points[..., 0], points[..., 1]))
        return self.places(latitude, longitude), np.ones(points.shape[:-1], bool)

    def places(self, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
        """Places (m, 2) of latitudes and longitudes (rad)."""
        off = longitude - self.longitude
        off = off - TAU * np.round(off / TAU)
        return np.stack(
            [
                self.middle[0] + self.width * off / TAU,
                self.middle[1] - self.width * np.asarray(latitude) / TAU,
            ],
            axis=-1,
        )

    def ground(self, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """The unit vector (height, width, 3) seen in every pixel, and 0 on the map, 2 beside it."""
        x = (np.arange(width) + 0.5 - self.middle[0]) * TAU / self.width
        y = (self.middle[1] - np.arange(height) - 0.5) * TAU / self.width
        x, y = np.meshgrid(x, y)
        outside = (np.abs(x) > np.pi) | (np.abs(y) > np.pi / 2)
        return direction(y, x + self.longitude), np.where(outside, 2.0, 0.0)
