"""Derive `sandbox/data/coastline.npz` from Natural Earth 1:110m land.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    python tools/make_coastline.py package/land-110m.json

The npm package `world-atlas` (ISC) carries Natural Earth (public domain) as TopoJSON. The same input gives
the same file, byte for byte.
"""

import argparse
import json
from pathlib import Path

import numpy as np

OUTPUT = Path(__file__).resolve().parents[1] / "sandbox" / "data" / "coastline.npz"
POINT_DEG = 0.01  # resolution of a stored point: 1.1 km, finer than a 1:110m map knows its coast
CELL_DEG = 0.5  # side of a cell of the mask


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


def write(topology: dict, path: Path) -> None:
    """Store rings as whole `POINT_DEG` steps between neighbours (they compress well) and the mask as bits."""
    land = rings(topology)
    points = np.concatenate([np.rint(ring / POINT_DEG).astype(np.int32) for ring in land])
    np.savez_compressed(
        path,
        steps=np.diff(points, axis=0, prepend=np.zeros((1, 2), np.int32)).T,
        lengths=np.array([len(ring) for ring in land], np.int16),
        point_deg=POINT_DEG,
        mask=np.packbits(land_mask(land), axis=1),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("topology", type=Path, help="land-110m.json of world-atlas 2.0.2")
    write(json.loads(parser.parse_args().topology.read_text()), OUTPUT)
