"""A mission in pictures: the site from above as the robot knows it, what its camera sees, and the globe.

Nothing here needs OpenGL: the globe is drawn by `sandbox.rendering`, the site by Pillow, the camera's picture
is depth by rays.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from envs.batch import BatchEnv
from envs.robots.asking import Placed
from envs.robots.mapping import CELLS, FREE, OBSTACLE
from envs.robots.model import VICTIM_RADIUS
from envs.robots.site import HAZARD_RADIUS, ROBOT_RADIUS, SECTORS, SIDE, Site
from experiments.robots.loop import ALONE, Onlooker, RobotSetting, flown
from experiments.running.callbacks import Film
from experiments.running.progress import bar
from experiments.running.rollout import Round
from experiments.running.video import DRAWN, WRITERS, write_frames
from sandbox.errors import SandboxError
from sandbox.files import check_replaceable, marked, replacing
from sandbox.recording import Recording
from sandbox.rendering import Rasteriser

PANE = 480
"""Pixels of each of the two square halves."""
REACH_OF_VIEW = 8.0
"""m, from which on the picture of the camera is black."""
DARK, GROUND, RUBBLE, EDGE, GHOST = (24, 30, 40), (196, 190, 178), (92, 84, 78), (150, 138, 126), (56, 62, 74)
ROBOT, HAZARD, VICTIM, INK = (52, 110, 230), (222, 60, 44), (246, 150, 34), (232, 239, 247)


class Moment(NamedTuple):
    """A robot as a round begins."""

    clock: float
    position: tuple[float, float]
    yaw: float
    waits: bool
    known: NDArray[np.int8]
    hazards: NDArray[np.float64]
    depth: NDArray[np.float64]
    battery: float
    """Share of what it came in with."""
    decisions: int
    latency: float
    """s, of its last decision; NaN before."""


class Shown(NamedTuple):
    """A mission that was watched: the recording of the world, a moment of the robot for each of its last
    rounds, and the mission."""

    recording: Recording
    moments: list[Moment]
    placed: Placed


class _Watch(Onlooker):
    def __init__(self) -> None:
        self.film, self.moments = Film(None, {}), []  # type: tuple[Film, list[Moment]]

    def start(self, env: BatchEnv, missions: Sequence[Placed]) -> None:
        self.film.start(env)

    def before(self, env: BatchEnv, missions: Sequence[Placed]) -> None:
        self.film.before(env)
        self.moments.append(moment_of(missions[0]))

    def after(self, env: BatchEnv, played: Round) -> None:
        self.film.after(env, played)


def moment_of(placed: Placed) -> Moment:
    """The robot of a mission as it stands."""
    mission, robot = placed.mission, placed.mission.robot
    latency = mission.latencies[-1] if mission.latencies else math.nan
    return Moment(
        robot.clock, robot.position, robot.yaw, mission.waits, robot.known.copy(), robot.hazards,
        robot.depth(),
        robot.energy_j / robot.full_j, len(mission.latencies), latency,
    )  # fmt: skip


def watched(told: RobotSetting, place: str, seed: int = 0) -> Shown:
    """One robot on its mission, looked at round by round. Raises SandboxError for a `place` with no world."""
    if place in ALONE:
        raise SandboxError(
            f"place = {place}: without a world there is no globe; give one of those in orbit or ground."
        )
    watch = _Watch()
    [placed] = flown(replace(told, robots=1), place, [seed], watch)
    watch.moments.append(moment_of(placed))
    return Shown(watch.film.recording, watch.moments, placed)


def check_film(out: Path | str) -> Path:
    """The path of a film that can be written. Raises SandboxError for another ending than .mp4, .gif or .webp
    and for a file that is not a film of ours."""
    out = Path(out)
    if out.suffix not in WRITERS:
        raise SandboxError(f"{out}: no such film; let the name end in {', '.join(WRITERS)}.")
    check_replaceable(out, marked)
    return out


def film(shown: Shown, out: Path | str, fps: int = 12, every: int = 1) -> Path:
    """Film a mission as .mp4, .gif or .webp; the path. Raises SandboxError for another ending and for a file
    that is not a film of ours."""
    out = check_film(out)
    rounds = [k for k in range(len(shown.recording)) if shown.moments[k].clock > 0.0][::every] or [0]
    with bar(DRAWN, len(rounds)) as step, replacing(out, marked) as draft:
        write_frames(_frames(shown, rounds, step), draft, (2 * PANE, PANE), fps, out.suffix, step)
    return out


def _frames(shown: Shown, rounds: Sequence[int], step: Any) -> Iterator[NDArray[np.uint8]]:
    camera = _camera(shown.placed)
    for k in rounds:
        yield np.hstack(
            [_globe(camera, shown, k), site_picture(shown.placed.mission.robot.site, shown.moments, k)]
        )
        step(DRAWN, len(rounds))


def frame(shown: Shown, k: int = -1) -> NDArray[np.uint8]:
    """Round `k` as a picture (480, 960, 3): the globe, and beside it the site."""
    k %= len(shown.recording)
    site = shown.placed.mission.robot.site
    return np.hstack([_globe(_camera(shown.placed), shown, k), site_picture(site, shown.moments, k)])


def _camera(placed: Placed) -> Rasteriser:
    return Rasteriser((PANE, PANE), "globe", latitude=placed.latitude, longitude=placed.longitude, fine=2)


def _globe(camera: Rasteriser, shown: Shown, k: int) -> NDArray[np.uint8]:
    """The globe with the robot in the middle."""
    image = Image.fromarray(camera.draw(shown.recording, k, note="the robot is in the middle"))
    draw, (x, y) = ImageDraw.Draw(image), (PANE // 2, (PANE - 62) // 2)
    draw.ellipse((x - 6, y - 6, x + 6, y + 6), outline=VICTIM, width=2)
    return np.asarray(image)


def site_picture(site: Site, moments: Sequence[Moment], k: int = -1) -> NDArray[np.uint8]:
    """The site (480, 480, 3) at moment `k`: what the robot knows of it and has walked, what is there, what
    its camera sees, and how it is."""
    now, so_far = moments[k], moments[: k % len(moments) + 1]
    scale = (PANE - 62) / SIDE
    shades = np.full((CELLS, CELLS, 3), DARK, np.uint8)
    shades[now.known == FREE], shades[now.known == OBSTACLE] = GROUND, RUBBLE
    wide = round(SIDE * scale)
    image = Image.new("RGB", (PANE, PANE), (10, 17, 28))
    ground = Image.fromarray(shades[::-1]).resize((wide, wide), Image.Resampling.NEAREST)
    image.paste(ground, (0, 0))
    draw = ImageDraw.Draw(image)

    def at(x: float, y: float) -> tuple[float, float]:
        return x * scale, wide - y * scale

    def disc(where: Any, radius: float, **how: Any) -> None:
        x, y = at(*where)
        draw.ellipse((x - radius * scale, y - radius * scale, x + radius * scale, y + radius * scale), **how)

    for i in range(1, SECTORS):
        line = i * SIDE / SECTORS
        draw.line((*at(line, 0.0), *at(line, SIDE)), fill=GHOST)
        draw.line((*at(0.0, line), *at(SIDE, line)), fill=GHOST)
    for block in site.blocks:
        if block.yaw is None:
            disc((block.x, block.y), block.half_x, outline=EDGE, width=2)
            continue
        c, s = math.cos(block.yaw), math.sin(block.yaw)
        corners = [(a * block.half_x, b * block.half_y) for a, b in ((1, 1), (1, -1), (-1, -1), (-1, 1))]
        draw.polygon(
            [at(block.x + c * u - s * v, block.y + s * u + c * v) for u, v in corners], outline=EDGE, width=2
        )
    way = [at(*moment.position) for moment in so_far]
    if len(way) > 1:
        draw.line(way, fill=ROBOT, width=2)
    for where in now.hazards:
        disc(where, HAZARD_RADIUS, fill=HAZARD)
    disc(site.victim, VICTIM_RADIUS, fill=VICTIM)
    disc(now.position, ROBOT_RADIUS, fill=ROBOT, outline=INK)
    x, y = now.position
    draw.line((*at(x, y), *at(x + math.cos(now.yaw), y + math.sin(now.yaw))), fill=INK, width=2)
    _paste_camera(image, now.depth)
    _tell(draw, now)
    return np.asarray(image)


def _paste_camera(image: Image.Image, depth: NDArray[np.float64]) -> None:
    """The picture of depth, near things bright, in the upper right corner."""
    bright = 255.0 * np.clip(1.0 - np.minimum(depth, REACH_OF_VIEW) / REACH_OF_VIEW, 0.0, 1.0) ** 0.7
    picture = (
        Image.fromarray(bright.astype(np.uint8)).resize((128, 96), Image.Resampling.NEAREST).convert("RGB")
    )
    image.paste(picture, (PANE - 132, 4))
    ImageDraw.Draw(image).rectangle((PANE - 133, 3, PANE - 4, 100), outline=INK)


def _tell(draw: ImageDraw.ImageDraw, now: Moment) -> None:
    does = "waits for an answer" if now.waits else "follows its reflex"
    latency = "" if math.isnan(now.latency) else f", the last after {now.latency:.1f} s"
    draw.text((8, PANE - 54), f"{now.clock:.0f} s   {does}   battery {100.0 * now.battery:.0f} %", fill=INK)
    draw.text((8, PANE - 32), f"{now.decisions} decisions{latency}", fill=INK)
