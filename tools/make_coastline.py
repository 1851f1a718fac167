"""Derive `sandbox/data/coastline.npz` from Natural Earth 1:110m land, and `coastline_50m.npz` from 1:50m.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    python tools/make_coastline.py package/land-110m.json package/land-50m.json

The npm package `world-atlas` (ISC) carries Natural Earth (public domain) as TopoJSON. The same input gives
the same file, byte for byte.
"""

import argparse
import json
from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parents[1] / "sandbox" / "data"
POINT_DEG = 0.01  # resolution of a stored point: 1.1 km, finer than a 1:110m map knows its coast
CELL_DEG = 0.5  # side of a cell of the mask
TOLERANCE_DEG = 0.03  # of the finer coast, of arc: 3 km, what the view shows at its nearest
LEAST_DEG2 = 0.01  # area of the islands that it leaves out: 120 km2


def rings(topology: dict) -> list[np.ndarray]:
    """The closed land rings (n, 2) longitude and latitude in degrees, each free of jumps at the date line."""
    scale, offset = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = [np.cumsum(arc, axis=0) * scale + offset for arc in topology["arcs"]]
    [land] = topology["objects"]["land"]["geometries"]
    return [_unwrapped(_joined(arcs, indices)) for polygon in land["arcs"] for indices in polygon]


def _joined(arcs: list[np.ndarray], indices: list[int]) -> np.ndarray:
    """One ring from its arcs: ~i means arc i backwards, and each arc begins where the last one ended."""
    parts = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
    return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])


def _unwrapped(ring: np.ndarray) -> np.ndarray:
    """`ring` with continuous longitudes; one that goes round the Earth (Antarctica) is closed at the pole."""
    longitude, latitude = np.unwrap(ring[:, 0], period=360.0), ring[:, 1]
    longitude -= 360.0 * np.rint(longitude.mean() / 360.0)
    if abs(longitude[-1] - longitude[0]) > 180.0:
        pole = np.copysign(90.0, latitude[0])
        longitude = np.r_[longitude, longitude[-1], longitude[0], longitude[0]]
        latitude = np.r_[latitude, pole, pole, latitude[0]]
    return np.stack([longitude, latitude], axis=1)


def land_mask(rings: list[np.ndarray], cell_deg: float = CELL_DEG) -> np.ndarray:
    """True (rows south to north, columns from -180 deg east) where the centre of the cell is on land."""
    start = np.concatenate([ring[:-1] for ring in rings])
    end = np.concatenate([ring[1:] for ring in rings])
    turns = np.array([[-360.0], [0.0], [360.0]])
    columns = np.arange(-180.0, 180.0, cell_deg) + cell_deg / 2
    mask = np.empty((round(180.0 / cell_deg), len(columns)), bool)
    for row, latitude in enumerate(np.arange(-90.0, 90.0, cell_deg) + cell_deg / 2):
        crosses = (start[:, 1] > latitude) != (end[:, 1] > latitude)
        (x0, y0), (x1, y1) = start[crosses].T, end[crosses].T
        coast = np.sort((x0 + (latitude - y0) * (x1 - x0) / (y1 - y0) + turns).ravel())
        mask[row] = np.searchsorted(coast, columns) % 2
    return mask


def simplified(ring: np.ndarray, tolerance_deg: float = TOLERANCE_DEG) -> np.ndarray:
    """`ring` without the points that lie within `tolerance_deg` of the line between those that stay.

    Douglas and Peucker, "Algorithms for the reduction of the number of points" (1973); longitudes count as
    the cosine of the ring's mean latitude.
    """
    flat = _shrunk(ring)
    stays = np.zeros(len(ring), bool)
    far = int(np.hypot(*(flat - flat[0]).T).argmax())
    stays[[0, far, -1]] = True
    open_parts = [(0, far), (far, len(ring) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        if last - first < 2:
            continue
        off = _distances(flat[first + 1 : last], flat[first], flat[last])
        if off.max() > tolerance_deg:
            middle = first + 1 + int(off.argmax())
            stays[middle] = True
            open_parts += [(first, middle), (middle, last)]
    return ring[stays]


def area_deg2(ring: np.ndarray) -> float:
    """The area of a ring in square degrees of arc."""
    x, y = _shrunk(ring).T
    return abs(float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))) / 2.0


def _shrunk(ring: np.ndarray) -> np.ndarray:
    return ring * [np.cos(np.radians(np.clip(ring[:, 1].mean(), -80.0, 80.0))), 1.0]


def _distances(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Of points (n, 2) from the stretch between two others."""
    way, to = end - start, points - start
    share = np.clip(to @ way / max(float(way @ way), 1e-30), 0.0, 1.0)
    return np.hypot(*(to - share[:, None] * way).T)


def _coded(land: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Rings as whole `POINT_DEG` steps between neighbours, which compress well."""
    points = np.concatenate([np.rint(ring / POINT_DEG).astype(np.int32) for ring in land])
    return {
        "steps": np.diff(points, axis=0, prepend=np.zeros((1, 2), np.int32)).T,
        "lengths": np.array([len(ring) for ring in land], np.int16),
        "point_deg": np.array(POINT_DEG),
    }


def write(topology: dict, path: Path) -> None:
    """Store the rings, and the mask as bits."""
    land = rings(topology)
    np.savez_compressed(path, **_coded(land), mask=np.packbits(land_mask(land), axis=1))


def write_fine(topology: dict, path: Path) -> None:
    """Store the larger rings, simplified."""
    land = [simplified(ring) for ring in rings(topology) if area_deg2(ring) > LEAST_DEG2]
    np.savez_compressed(path, **_coded([ring for ring in land if len(ring) > 3]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("topology", type=Path, help="land-110m.json of world-atlas 2.0.2")
    parser.add_argument("fine", type=Path, nargs="?", help="its land-50m.json")
    given = parser.parse_args()
    write(json.loads(given.topology.read_text()), DATA / "coastline.npz")
    if given.fine:
        write_fine(json.loads(given.fine.read_text()), DATA / "coastline_50m.npz")
