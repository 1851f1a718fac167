"""Still pictures and frames of a film, drawn in NumPy: no display, no graphics card, no further library."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np

from sandbox.errors import SandboxError
from sandbox.recording.recording import Frame, Recording
from sandbox.recording.variables import TARGET_STATES
from sandbox.rendering.canvas import Canvas
from sandbox.rendering.earth import SPACE, Earth
from sandbox.rendering.opening import opening
from sandbox.rendering.palette import DARK, MINT, SKY, YELLOW, mode_colours, rgb
from sandbox.rendering.projection import Globe, Map, direction, turned

EARTH_RADIUS = 6_378_137.0
SIZE = (640, 480)
LEAST = (320, 240)
SHOWN = ("globe", "map", "both")
STRIP = 62  # pixels of status below the picture
ALWAYS_TOLD = ("idle", "charge", "observe", "downlink")  # in the status, whether or not anybody does it
REVOLUTION_S = 5_700.0
TRAILED = 60  # satellites that still have a trail
TRAIL_POINTS = 96
TARGET_COLOURS = {
    "open": rgb(YELLOW),
    "captured": rgb(SKY),
    "delivered": rgb(MINT),
    "expired": (96, 106, 118),
}
WHITE, SOFT = (232, 239, 247), (150, 166, 182)
LINK = (104, 142, 196)


class Rasteriser:
    """Draws rounds of recordings as images (height, width, 3) of uint8.

    Arguments:
        size: width and height in pixels, 320 x 240 or more.
        show: "map", all of the Earth, "globe", or "both" side by side.
        latitude, longitude: the middle of the globe (rad); its longitude turns with the Earth, or with the
            stars if `inertial`. A camera that stands still is several times faster.
        fine: draw so many times larger and average, for films and stills.

    Raises `SandboxError` for a size or a view there is not.
    """

    def __init__(
        self,
        size: tuple[int, int] = SIZE,
        show: str = "map",
        *,
        latitude: float = 0.45,
        longitude: float = 1.75,
        inertial: bool = False,
        fine: int = 1,
    ) -> None:
        if show not in SHOWN:
            raise SandboxError(f"show = {show!r}; give one of {', '.join(SHOWN)}.")
        if len(size) != 2 or size[0] < LEAST[0] or size[1] < LEAST[1]:
            raise SandboxError(f"size = {size}; give (width, height) of at least {LEAST}.")
        self.size, self.show = (int(size[0]), int(size[1])), show
        self._latitude, self._longitude, self._inertial, self._fine = latitude, longitude, inertial, int(fine)

    def draw(self, recording: Recording, k: int = -1, note: str | None = None) -> np.ndarray:
        """Round `k`, with the way of the last revolution for up to 60 satellites.

        `note` stands on the right of the status below: by default the value delivered so far.
        """
        frame = recording.frame(k)
        k %= len(recording)
        width, height = self.size
        whole = np.empty((height, width, 3), np.uint8)
        whole[height - STRIP :] = (10, 17, 28)
        for x, wide, show in self._panes():
            whole[: height - STRIP, x : x + wide] = self._pane(recording, k, frame, wide, show)
        _status(Canvas(whole), recording, k, note)
        return whole

    def _panes(self) -> list[tuple[int, int, str]]:
        """Left edge, width and content of what stands side by side."""
        width, height = self.size
        if self.show != "both":
            return [(0, width, self.show)]
        square = min(height - STRIP, width // 2)
        return [(0, square, "globe"), (square, width - square, "map")]

    def _pane(self, recording: Recording, k: int, frame: Frame, width: int, show: str) -> np.ndarray:
        wide, high = width * self._fine, (self.size[1] - STRIP) * self._fine
        angle = float(frame["earth_angle"])
        camera = self._camera(wide, high, angle, show)
        image = _earth(camera, wide, high).seen(turned(np.asarray(frame["sun"]), angle))
        _Scene(Canvas(image), camera, recording, k, self._fine, self._inertial).draw()
        return _averaged(image, self._fine)

    def _camera(self, width: int, height: int, angle: float, show: str) -> Globe | Map:
        middle = (width / 2, height / 2)
        if show == "map":
            return Map(min(width, 2 * height), middle)
        turn = round((self._longitude - (angle if self._inertial else 0.0)) % (2 * np.pi), 6)
        return Globe(self._latitude, turn, 0.43 * min(width, height), middle)


def picture(
    recording: Recording, k: int = -1, *, size: tuple[int, int] = SIZE, show: str = "globe"
) -> np.ndarray:
    """A fine still picture (height, width, 3) of round `k`, the globe turned to where the satellites are."""
    frame = recording.frame(k)
    longitude = float(np.angle(np.exp(1j * frame["longitude"].astype(np.float64)).sum()))
    return Rasteriser(size, show, longitude=longitude, latitude=0.35, fine=2).draw(recording, k)


def still(recording: Recording, *, size: tuple[int, int] = SIZE, show: str = "globe") -> np.ndarray:
    """A fine still picture (height, width, 3) of how an interactive view begins."""
    first = opening(recording)
    camera = Rasteriser(size, show, latitude=first.latitude, longitude=first.longitude, fine=2)
    return camera.draw(recording, first.round_of(recording))


@lru_cache(maxsize=4)
def _earth(camera: Globe | Map, width: int, height: int) -> Earth:
    return Earth(camera, width, height)


def _averaged(image: np.ndarray, fine: int) -> np.ndarray:
    if fine == 1:
        return image
    height, width = image.shape[0] // fine, image.shape[1] // fine
    cells = image.reshape(height, fine, width, fine, 3)
    return cells.mean(axis=(1, 3), dtype=np.float32).astype(np.uint8)


class _Scene:
    """Round `k` of a recording on a canvas, from the ground up."""

    def __init__(
        self, canvas: Canvas, camera: Globe | Map, recording: Recording, k: int, fine: int, inertial: bool
    ) -> None:
        self.canvas, self.camera, self.recording, self.k, self.fine = canvas, camera, recording, k, fine
        self.inertial = inertial and isinstance(camera, Globe)
        self.colours = np.array([rgb(c) for c in mode_colours(recording.doing_names, dark=True)])
        self.angle = float(recording["earth_angle"][k])
        self.space = turned(recording["position"][k].astype(np.float64) / EARTH_RADIUS, self.angle)
        self.at, self.visible = camera.pixels(self.space)

    def draw(self) -> None:
        self._targets()
        self._trails()
        self._links()
        self._contacts()
        self._stations()
        self._satellites()

    def _targets(self) -> None:
        latitude, longitude = (self.recording[f"target_{name}"] for name in ("latitude", "longitude"))
        at, seen = self.camera.pixels(direction(latitude, longitude))
        radius = (1.5 if len(at) < 500 else 0.5) * self.fine
        faint = 0.85 if len(at) < 500 else 0.5
        if "target_state" not in self.recording:
            self.canvas.dots(at[seen], np.array(SOFT), radius, 0.5 * faint)
            return
        state = self.recording["target_state"][self.k]
        for name, colour in TARGET_COLOURS.items():
            here = seen & (state == TARGET_STATES.index(name))
            self.canvas.dots(at[here], np.array(colour), radius, faint)

    def _trails(self) -> None:
        satellites = len(self.space)
        time = self.recording["time"]
        first = int(np.searchsorted(time, time[self.k] - REVOLUTION_S))
        rounds = np.unique(np.linspace(first, self.k, TRAIL_POINTS).astype(int))
        if satellites > TRAILED or len(rounds) < 2:
            return
        angle = self.angle if self.inertial else self.recording["earth_angle"][rounds][:, None]
        past = turned(self.recording["position"][rounds].astype(np.float64) / EARTH_RADIUS, angle)
        at, seen = self.camera.pixels(past)
        start, end, fine = at[:-1].reshape(-1, 2), at[1:].reshape(-1, 2), self.fine
        tint = self.colours[self.recording.doing[rounds[:-1]].ravel()]
        age = np.repeat(np.linspace(0.08, 0.85, len(rounds) - 1), satellites)
        whole = (seen[:-1] & seen[1:]).ravel() & self._short(start, end)
        self.canvas.lines(start[whole], end[whole], tint[whole], age[whole], width=fine)

    def _links(self) -> None:
        """The laser links that were up, where the recording has them."""
        if "link_peer" not in self.recording:
            return
        peer = self.recording["link_peer"][self.k]
        one, terminal = np.nonzero(peer > np.arange(len(peer))[:, None])  # both ends tell of a link
        other = peer[one, terminal]
        self._join(self.at[one], self.at[other], self.visible[one] & self.visible[other], LINK, 0.5)

    def _contacts(self) -> None:
        k, recording = self.k, self.recording
        served = np.flatnonzero((recording["station"][k] >= 0) & (recording["downlinked"][k] > 0))
        self._sight("station", served, recording["station"][k][served], rgb(MINT))
        imaging = np.flatnonzero(recording["target"][k] >= 0)
        self._sight("target", imaging, recording["target"][k][imaging], rgb(SKY))

    def _sight(self, what: str, who: np.ndarray, places: np.ndarray, colour: tuple[int, int, int]) -> None:
        spots = (self.recording[f"{what}_{name}"][places] for name in ("latitude", "longitude"))
        there, seen = self.camera.pixels(direction(*spots))
        self._join(self.at[who], there, seen & self.visible[who], colour, 0.95)

    def _join(
        self, start: np.ndarray, end: np.ndarray, seen: np.ndarray, colour: tuple, alpha: float
    ) -> None:
        whole = seen & self._short(start, end)
        self.canvas.lines(start[whole], end[whole], np.array(colour), alpha, width=self.fine)

    def _short(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Which lines do not cross the edge of the map."""
        if isinstance(self.camera, Globe):
            return np.ones(len(start), bool)
        return np.abs(end[:, 0] - start[:, 0]) < self.camera.width / 2

    def _stations(self) -> None:
        latitude, longitude = (self.recording[f"station_{name}"] for name in ("latitude", "longitude"))
        at, seen = self.camera.pixels(direction(latitude, longitude))
        half = 3 * self.fine
        for x, y in at[seen]:
            self.canvas.box(x - half - 1, y - half - 1, 2 * half + 2, 2 * half + 2, SPACE)
            self.canvas.box(x - half, y - half, 2 * half, 2 * half, WHITE)

    def _satellites(self) -> None:
        alive, doing = self.recording["alive"][self.k], self.recording.doing[self.k]
        radius = (4.0 if len(alive) <= TRAILED else 2.0 if len(alive) <= 400 else 1.2) * self.fine
        if radius > 3:
            self.canvas.dots(self.at[self.visible], np.array(SPACE), radius + 1)
        works, gone = self.visible & alive, self.visible & ~alive
        self.canvas.dots(self.at[works], self.colours[doing[works]], radius)
        self.canvas.rings(self.at[gone], np.array(rgb(DARK["lost"])), radius)


def _status(canvas: Canvas, recording: Recording, k: int, note: str | None) -> None:
    """Below the picture: what is seen and when, what the fleet does, and the charge of every battery."""
    top = canvas.height - STRIP
    canvas.write(_headline(recording), 10, top + 8, WHITE)
    if note is None:
        note = f"value delivered {recording['delivered_value'][: k + 1].sum(dtype=float):,.0f}"
    canvas.write(note, canvas.width - 10 - 6 * len(note), top + 8, WHITE)
    canvas.write(moment(recording, k), 10, top + 22, SOFT)
    names, doing, battery = recording.doing_names, recording.doing[k], recording["battery"][k]
    colours = [rgb(c) for c in mode_colours(names, dark=True)]
    counts = np.bincount(doing, minlength=len(names))
    x = 170
    for m, name in enumerate(names):
        if counts[m] or name in ALWAYS_TOLD:
            canvas.box(x, top + 22, 7, 7, colours[m])
            x = canvas.write(f" {name} {counts[m]}", x + 5, top + 22, SOFT) + 14
    if len(battery) <= TRAILED:
        _batteries(canvas, top + 38, battery, doing, colours)
    else:
        _shares(canvas, top + 40, counts / len(doing), colours, float(battery.mean()))


def _batteries(
    canvas: Canvas, y: int, battery: np.ndarray, doing: np.ndarray, colours: Sequence[tuple]
) -> None:
    """A bar for every satellite, as long as its battery is full, in the colour of what it does."""
    space = (canvas.width - 20) / len(battery)
    for n, charge in enumerate(battery):
        x, long = 10 + n * space, max(2.0, space - 4)
        canvas.box(x, y, long, 12, (27, 39, 54))
        canvas.box(x, y, long * float(charge), 12, colours[doing[n]])


def _shares(canvas: Canvas, y: int, share: np.ndarray, colours: Sequence[tuple], battery: float) -> None:
    """A bar divided as the fleet is, and the mean battery in words."""
    x, long = 10.0, canvas.width - 170
    for part, colour in zip(share, colours, strict=True):
        canvas.box(x, y, part * long, 10, colour)
        x += part * long
    canvas.write(f"mean battery {100 * battery:.0f} %", canvas.width - 140, y + 1, SOFT)


def _headline(recording: Recording) -> str:
    count = recording["battery"].shape[1]
    titles = [str(recording.meta[key]) for key in ("scenario", "policy") if key in recording.meta]
    return "  ".join([*titles, f"{count:,} satellite{'s' if count > 1 else ''}"])


def moment(recording: Recording, k: int) -> str:
    """The time of round `k` in UTC, or since the epoch where the recording does not say when that was."""
    seconds = float(recording["time"][k])
    if "epoch" not in recording.meta:
        return f"T+{seconds / 3600:.2f} h"
    instant = datetime.fromisoformat(recording.meta["epoch"]) + timedelta(seconds=seconds)
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
