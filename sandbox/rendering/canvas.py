"""Lines, dots and letters on an image, in NumPy."""

from functools import lru_cache

import numpy as np

from sandbox.rendering.text import written


class Canvas:
    """An image (height, width, 3) of uint8 to draw on. Places are pixels (x, y) from the top left corner."""

    def __init__(self, image: np.ndarray) -> None:
        self.image = image
        self.height, self.width = image.shape[:2]
        self._flat = image.reshape(-1, 3)

    def dots(self, at: np.ndarray, colours: np.ndarray, radius: float, alpha: float = 1.0) -> None:
        """Soft discs at (m, 2) in colours (m, 3) or (3,); a later one covers an earlier one."""
        offsets, cover = _disc(float(radius))
        corner = np.rint(at).astype(np.int32)
        self._blend(corner[:, None, :] + offsets, colours, alpha * cover[None, :])

    def rings(self, at: np.ndarray, colours: np.ndarray, radius: float) -> None:
        """Circles around (m, 2)."""
        offsets, cover = _ring(float(radius))
        self._blend(np.rint(at).astype(np.int32)[:, None, :] + offsets, colours, cover[None, :])

    def lines(
        self,
        start: np.ndarray,
        end: np.ndarray,
        colours: np.ndarray,
        alpha: np.ndarray | float = 1.0,
        width: int = 1,
    ) -> None:
        """Straight lines between the (m, 2) of `start` and `end`, in colours (m, 3) or (3,)."""
        if not len(start):
            return
        steps = np.ceil(np.abs(end - start).max(axis=1)).astype(np.int64) + 1
        line = np.repeat(np.arange(len(start)), steps)
        first = np.cumsum(steps) - steps
        share = ((np.arange(len(line)) - first[line]) / np.maximum(steps - 1, 1)[line])[:, None]
        at = np.rint(start[line] + share * (end - start)[line]).astype(np.int32)
        spread = np.array([(x, y) for y in range(width) for x in range(width)], np.int32) - (width - 1) // 2
        weight = np.broadcast_to(np.asarray(alpha, np.float32), (len(start),))[line][:, None]
        tints = np.broadcast_to(colours, (len(start), 3))[line]
        self._blend(at[:, None, :] + spread, tints, np.broadcast_to(weight, (len(at), len(spread))))

    def box(self, x: float, y: float, width: float, height: float, colour: tuple[int, int, int]) -> None:
        """A filled rectangle."""
        self.image[max(0, round(y)) : round(y + height), max(0, round(x)) : round(x + width)] = colour

    def write(self, text: str, x: int, y: int, colour: tuple[int, int, int], scale: int = 1) -> int:
        """A line of text with its top left corner at (x, y), cut at the edges; returns where it ends."""
        dots = written(text, scale)[: max(0, self.height - y), : max(0, self.width - x)]
        self.image[y : y + dots.shape[0], x : x + dots.shape[1]][dots] = colour
        return x + 6 * scale * len(text)

    def _blend(self, at: np.ndarray, colours: np.ndarray, alpha: np.ndarray) -> None:
        """Mix colours (m, 3) or (3,) into pixels (m, k, 2) by alpha (m, k); what lies outside is left out."""
        x, y = at[..., 0], at[..., 1]
        inside = (x >= 0) & (x < self.width) & (y >= 0) & (y < self.height)
        pixel = (y * self.width + x)[inside]
        weight = np.broadcast_to(alpha, inside.shape)[inside].astype(np.float32)[:, None]
        row = np.nonzero(inside)[0]
        tint = np.asarray(colours, np.float32)
        tint = tint[None, :] if tint.ndim == 1 else tint[row]
        under = self._flat[pixel]
        self._flat[pixel] = (under + weight * (tint - under) + 0.5).astype(np.uint8)


@lru_cache(maxsize=32)
def _disc(radius: float) -> tuple[np.ndarray, np.ndarray]:
    return _covered(radius, lambda far: radius + 0.5 - far)


@lru_cache(maxsize=32)
def _ring(radius: float) -> tuple[np.ndarray, np.ndarray]:
    return _covered(radius + 1, lambda far: 1.2 - np.abs(far - radius))


def _covered(reach: float, cover) -> tuple[np.ndarray, np.ndarray]:
    """Offsets (k, 2) of the pixels that are covered at all, and how much (k,)."""
    side = np.arange(-int(reach + 1), int(reach + 1) + 1)
    y, x = np.meshgrid(side, side, indexing="ij")
    share = np.clip(cover(np.hypot(x, y)), 0.0, 1.0)
    kept = share > 0
    return np.stack([x[kept], y[kept]], axis=1).astype(np.int32), share[kept].astype(np.float32)
