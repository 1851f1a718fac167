"""The world map in text: coasts in braille dots, satellites by letter, and a status line."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from sandbox.errors import SandboxError
from sandbox.geography import coastline
from sandbox.recording.recording import Recording
from sandbox.rendering.palette import mode_colours, rgb
from sandbox.rendering.raster import moment
from sandbox.terminal import visible

BRAILLE = "\u28ff"  # a character of those that the coasts are drawn in
SIZE = (80, 22)  # characters across and down, the status apart
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # of the dots of a braille cell
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_STATION, _LOST = "^", "x"


def braille(
    recording: Recording,
    k: int = -1,
    *,
    note: str | None = None,
    colour: bool = False,
    plain: bool = False,
    size: tuple[int, int] = SIZE,
) -> str:
    """Round `k` as lines of text: a map of `size` (columns, lines), and below it what the fleet does.

    Up to 26 satellites stand as letters in their order, where two meet and in larger fleets as numbers of
    satellites ("+" from 10 on), ground stations as ^, the lost as x. With `colour` satellites have the colour
    of what they do, for a terminal; with `plain` coasts are dots, for one without braille. Raises
    `SandboxError` for a map of less than 20 x 6.
    """
    columns, lines = size
    if columns < 20 or lines < 6:
        raise SandboxError(f"size = {size}; give at least 20 columns and 6 lines.")
    frame = recording.frame(k)
    cells = _coast(columns, lines).copy()
    if plain:
        cells[cells != " "] = "."
    cells[_cells(cells.shape, frame["station_latitude"], frame["station_longitude"])] = _STATION
    letters = _letters(recording.meta.get("satellite_names") or [], len(frame["alive"]))
    tints = _satellites(cells, frame["latitude"], frame["longitude"], frame["alive"], letters)
    colours = mode_colours(recording.doing_names, dark=True)
    rows = cells.astype(object)
    if colour:
        for place, n in tints.items():
            rows[place] = _tinted(cells[place], frame.doing[n], colours)
    return "\n".join([*("".join(row) for row in rows), *_status(recording, k, note)])


def _letters(names: Sequence[str], satellites: int) -> Sequence[str]:
    """A letter for each satellite: that with which its name ends, where all end in one of their own.

    Else the alphabet's; none for more satellites than it has.
    """
    ends = [str(name)[-1:] for name in names]
    alone = [name == end or not str(name)[-2:-1].isalnum() for name, end in zip(names, ends, strict=True)]
    if len(set(ends)) == satellites and all(end in _LETTERS for end in ends) and all(alone):
        return ends
    return _LETTERS if satellites <= len(_LETTERS) else ""


def _satellites(
    cells: np.ndarray,
    latitude: np.ndarray,
    longitude: np.ndarray,
    alive: np.ndarray,
    letters: Sequence[str],
) -> dict:
    """Put the fleet on the map; a satellite for each cell that holds one."""
    places = list(zip(*_cells(cells.shape, latitude, longitude), strict=True))
    here: dict[tuple[int, int], list[int]] = {}
    for n, place in enumerate(places):
        here.setdefault(place, []).append(n)
    for place, found in here.items():
        if not alive[found].any():
            cells[place] = _LOST
        elif letters and len(found) == 1:
            cells[place] = letters[found[0]]
        else:
            cells[place] = str(len(found)) if len(found) < 10 else "+"
    return {place: found[0] for place, found in here.items()}


def _tinted(character: str, mode: int, colours: list[str]) -> str:
    r, g, b = rgb(colours[mode]) if mode < len(colours) else (255, 255, 255)
    return f"\x1b[38;2;{r};{g};{b}m{character}\x1b[0m"


def _cells(shape: tuple[int, ...], latitude: np.ndarray, longitude: np.ndarray) -> tuple:
    """Row and column of places (rad) on a map of `shape`."""
    rows, columns = shape
    down = 0.5 - np.asarray(latitude, float) / np.pi
    along = (np.asarray(longitude, float) / (2 * np.pi) + 0.5) % 1.0
    return (down * rows).astype(int).clip(0, rows - 1), (along * columns).astype(int).clip(0, columns - 1)


@lru_cache(maxsize=4)
def _coast(columns: int, lines: int) -> np.ndarray:
    """The coasts as characters (lines, columns)."""
    dots = np.zeros((4 * lines, 2 * columns), bool)
    for ring in coastline():
        steps = np.maximum(np.ceil(np.abs(np.diff(ring, axis=0)).max(axis=1)), 1).astype(int)
        line = np.repeat(np.arange(len(steps)), steps)
        share = (np.arange(len(line)) - (np.cumsum(steps) - steps)[line]) / steps[line]
        points = np.radians(ring[line] + share[:, None] * np.diff(ring, axis=0)[line])
        dots[_cells(dots.shape, points[:, 1], points[:, 0])] = True
    patterns = np.einsum("ybxc,bc->yx", dots.reshape(lines, 4, columns, 2), _BITS)
    cells = np.vectorize(lambda pattern: chr(0x2800 + pattern) if pattern else " ")(patterns)
    cells.flags.writeable = False
    return cells


def _status(recording: Recording, k: int, note: str | None) -> list[str]:
    names, battery = recording.doing_names, recording["battery"][k]
    counts = np.bincount(recording.doing[k], minlength=len(names))
    doing = "  ".join(f"{name} {count}" for name, count in zip(names, counts, strict=False) if count)
    title = "  ".join(visible(recording.meta[key]) for key in ("scenario", "policy") if key in recording.meta)
    charge = f"battery {100 * battery.min():.0f}-{100 * battery.max():.0f} %"
    return [f"{title}  {moment(recording, k)}  {note or ''}".rstrip(), f"{doing}  {charge}"]
