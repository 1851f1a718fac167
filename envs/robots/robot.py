"""The robot: its body in MuJoCo, what it senses, its reflex, its battery. It decides nothing.

    robot = Robot(draw_site(0))
    robot.run()                              until it needs a decision
    robot.go_to((12.0, 4.0)); robot.run()    until it is there, or cannot go on

The reflex works at every tick of the physics: it walks along the way that the map of the robot holds, and
goes round or stops before what stands or moves there. Without anything to do it stands. The robot asks
for a decision when it is where it was to go, when it has not come nearer for `PATIENCE_S`, when it has
walked for `LONGEST_LEG_S`, and when it first sees the victim.

Power: a quadruped of the kind of Spot. Its maker's SDK documentation ("About Spot") has 32.5 kg, a battery of
605 Wh, 90 minutes of typical runtime and 180 of standby: 403 W and 202 W if all of the battery is used. Here
it is 376 W and 188 W, as of 564 Wh, 7 % less (assumed). What the battery holds as it comes in is assumed too
(`draw_site`).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.robots.mapping import CELL, CELLS, UNKNOWN, Grid, cell_of, mark, path_to, ways
from envs.robots.model import (
    BLOCK,
    CAMERA_M,
    FIELD_OF_VIEW,
    GROUND,
    HAZARD,
    LIDAR_M,
    TICK_S,
    VICTIM,
    WALL,
    build,
)
from envs.robots.site import ROBOT_RADIUS, Site
from sandbox.errors import SandboxError

STANDING_W, WALKING_W = 188.0, 376.0
SPEED, BRAKING = 1.0, 2.0
"""Of its walk, m/s; as it stops, m/s2."""
MARGIN = 0.12
"""What it stays clear of things by, m."""
RAYS, LIDAR_REACH, SCAN_S = 72, 4.0, 0.2
"""Of the lidar: a turn; m, of dust and smoke (assumed); s between two turns."""
REACHED_M = 1.1
"""From the middle of the robot to that of the victim."""
PATIENCE_S, LONGEST_LEG_S, WAIT_S, AVOID_S = 1.5, 15.0, 3.0, 20.0
"""Without coming nearer; of a leg; of a wait; until it can be sent again to where it did not get."""
KNOCK_CHANCE, BEARING_SIGMA, LOUDNESS_SIGMA = 0.5, math.radians(50.0), 5.0
"""Assumed: how often the victim is heard as a decision is due; errors of bearing (rad), loudness (dB)."""
ARRIVED, BLOCKED, LONG, FOUND, WAITED, BEGUN = (
    "arrived", "blocked", "on the way", "found", "waited", "begun"
)  # fmt: skip
"""Why a decision is needed."""
SEPARATE_S = 1.0
"""Contacts this far apart in time are two collisions."""
_CHUNK = 5
_FAN = np.radians(np.array([-60.0, -40.0, -20.0, 0.0, 20.0, 40.0, 60.0]))
_ASIDE = np.radians(np.array([0.0, 25.0, -25.0, 50.0, -50.0, 75.0, -75.0])).tolist()
"""Ways round what stands straight ahead, tried in this order."""
_EPS = 1e-9


class Robot:
    """A robot in a site, from its entrance on.

    `clock` is the time since then, s; `energy_j` what its battery still holds; `collisions` counts contacts
    with what stands or moves; `reached`, `empty` and `over` say how it ended. `asks` is why it needs a
    decision, "" while it does not; `asked_at` since when.
    """

    def __init__(self, site: Site) -> None:
        self.site, self.built = site, build(site)
        self._engine, self._model, self._data = self.built.engine, self.built.model, self.built.data
        self._normal = {"normal": None} if "normal" in (self._engine.mj_multiRay.__doc__ or "") else {}
        self.clock, self.energy_j, self.extra_w = 0.0, site.battery_wh * 3600.0, 0.0
        self.full_j = self.energy_j
        self.collisions, self.walked_m = 0, 0.0
        self.reached = self.empty = self.found = False
        self.asks, self.asked_at = BEGUN, 0.0
        self.known = np.full((CELLS, CELLS), UNKNOWN, np.int8)
        self.seen_hazards: dict[int, tuple[float, float, float]] = {}
        """By number where a hazard was seen last (m) and when (s)."""
        self.heard: tuple[float, float] | None = None
        """Bearing (rad, from the x axis) and loudness (dB) of what was heard last, None for nothing."""
        self.belief = np.ones((CELLS, CELLS))
        """How likely the victim is in each cell by what was heard, but for a factor."""
        self.visits = np.zeros(16, int)
        self._rng = np.random.default_rng([0xEA5, site.seed])
        self._path: list[tuple[float, float]] = []
        self._way_back: list[tuple[float, float]] = [site.entrance]
        self._walks, self._leg_ends = False, math.inf
        self._least_left, self._nearer_at = math.inf, 0.0
        self._goal: tuple[int, int] | None = None
        self._not_before = np.zeros((CELLS, CELLS))  # s, when a cell can be a goal again
        self._touched, self._next_scan = -math.inf, 0.0
        nu, hazards = self._model.nu, len(site.hazards)
        self._motors, self._hazard_motors = slice(nu - 3, nu), slice(0, hazards)
        self._heading = [1.0 if h.phase < 0.5 else -1.0 for h in site.hazards]
        self._speeds = np.array([h.speed for h in site.hazards])
        self._spans = np.array([math.dist(h.start, h.end) for h in site.hazards])
        self._data.qpos[:hazards] = [h.phase * s for h, s in zip(site.hazards, self._spans, strict=True)]
        self._engine.mj_forward(self._model, self._data)
        self._angles = np.arange(RAYS) * (2.0 * math.pi / RAYS)
        self._scan()
        self._listen()

    # ---- what is told ----------------------------------------------------------------------------

    @property
    def position(self) -> tuple[float, float]:
        """Where it is (x, y), m."""
        x, y, _ = self._data.xpos[self.built.robot]
        return float(x), float(y)

    @property
    def yaw(self) -> float:
        """Where it faces, rad from the x axis."""
        return float(self._data.qpos[-1])

    @property
    def speed(self) -> float:
        """How fast it moves over the ground, m/s."""
        return float(math.hypot(self._data.qvel[-3], self._data.qvel[-2]))

    @property
    def over(self) -> bool:
        """Whether it has reached the victim, or its battery is empty."""
        return self.reached or self.empty

    @property
    def hazards(self) -> NDArray[np.float64]:
        """Where the hazards are (H, 2), m."""
        return np.array([self._data.body(f"hazard_{i}").xpos[:2] for i in range(len(self._heading))]).reshape(
            -1, 2
        )

    @property
    def legs(self) -> int:
        """How many legs it could walk back."""
        return len(self._way_back) - 1

    @property
    def goals(self) -> NDArray[np.bool_]:
        """Cells (CELLS, CELLS) that it can be sent to: not where it was, or did not get of late."""
        return self._not_before <= self.clock

    def reachable(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Lengths of the ways (CELLS, CELLS), m, from here through the map, and the cells before."""
        return ways(self.known, self.position)

    def depth(self, width: int = 64, height: int = 48) -> NDArray[np.float64]:
        """A picture (height, width) of depth along its axis, m, from the camera, by rays; inf for the sky."""
        tall = math.tan(FIELD_OF_VIEW / 2.0)
        wide = tall * width / height
        across = wide * (1.0 - (2.0 * np.arange(width) + 1.0) / width)
        up = tall * (1.0 - (2.0 * np.arange(height) + 1.0) / height)
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        rays = np.empty((height, width, 3))
        rays[..., 0], rays[..., 1], rays[..., 2] = c - s * across, s + c * across, up[:, None]
        length = np.linalg.norm(rays, axis=-1)
        x, y = self.position
        eye = np.array([x + c * ROBOT_RADIUS, y + s * ROBOT_RADIUS, CAMERA_M])
        far, _ = self._cast(eye, (rays / length[..., None]).reshape(-1, 3), 50.0)
        return np.where(far < 0.0, np.inf, far).reshape(height, width) / length

    def picture(self, width: int = 64, height: int = 48, camera: str = "head") -> NDArray[np.uint8]:
        """What a camera sees (height, width, 3), drawn by MuJoCo with OpenGL: "head" or "above".

        Raises SandboxError where there is no OpenGL.
        """
        try:
            renderer = self._engine.Renderer(self._model, height, width)
        except Exception as error:  # whatever the windowing system says
            told = " ".join(str(error).split())[:120]
            raise SandboxError(
                f"Pictures in colour want OpenGL, and there is none here ({told}); set MUJOCO_GL=egl before "
                "the start, or take depth(), which needs none."
            ) from None
        try:
            renderer.update_scene(self._data, camera)
            return renderer.render().copy()
        finally:
            renderer.close()

    # ---- what it is told --------------------------------------------------------------------------

    def go_to(self, cell: tuple[int, int], before: NDArray[np.int64]) -> None:
        """Walk to a cell (row, column), by the cells before (CELLS, CELLS) that `reachable` found."""
        self._set_out(path_to(before, cell))

    def go_back(self) -> None:
        """Walk back to where the leg before the last began."""
        if len(self._way_back) > 1:
            self._way_back.pop()
        goal = cell_of(*self._way_back[-1])
        far, before = self.reachable()
        if np.isfinite(far[goal]):
            self._set_out(path_to(before, goal), forth=False)
        else:
            self.wait()

    def wait(self, seconds: float = WAIT_S) -> None:
        """Stand for so long, then need a decision again."""
        self.asks, self._walks, self._path = "", False, []
        self._leg_ends = self.clock + seconds

    def draw(self, joules: float) -> None:
        """Take energy from the battery, for a radio or a board."""
        self.energy_j -= joules
        self._check_battery()

    def run(self) -> None:
        """Go on until a decision is needed or all is over."""
        while not self.over and not self.asks:
            self._tick(TICK_S)

    def advance(self, until: float) -> None:
        """Go on in whole ticks as long as they end by `until`; a decision that is needed is waited for."""
        while not self.over and self.clock + TICK_S <= until + _EPS:
            ticks = 1
            if self.asks:  # it stands: nothing to look at between two looks at the hazards
                ticks = max(1, min(_CHUNK, int((until + _EPS - self.clock) / TICK_S)))
            self._tick(TICK_S, ticks)

    def advance_exactly(self, until: float) -> None:
        """As `advance`, with a last tick that ends at `until` itself."""
        self.advance(until)
        rest = until - self.clock
        if rest > _EPS and not self.over:
            self._tick(rest)
            self.clock = until

    # ---- physics ----------------------------------------------------------------------------------

    def _set_out(self, path: list[tuple[float, float]], forth: bool = True) -> None:
        if forth:
            self._way_back = [*self._way_back[-19:], self.position]
        self._path, self._walks, self.asks = path[1:] or path, True, ""
        self._goal = cell_of(*path[-1]) if forth else None
        self._leg_ends = self.clock + LONGEST_LEG_S
        self._least_left, self._nearer_at = math.inf, self.clock

    def _tick(self, seconds: float, ticks: int = 1) -> None:
        self._steer_hazards()
        moves = self._steer() if self._walks else False
        if not moves:
            self._data.ctrl[self._motors] = 0.0
        was = self._data.qpos[-3], self._data.qpos[-2]
        if seconds != TICK_S:
            self._model.opt.timestep = seconds
        self._engine.mj_step(self._model, self._data, nstep=ticks)
        self._model.opt.timestep = TICK_S
        self.clock += seconds * ticks
        self.walked_m += math.hypot(self._data.qpos[-3] - was[0], self._data.qpos[-2] - was[1])
        watts = (WALKING_W if moves else STANDING_W) + self.extra_w
        self.energy_j -= watts * seconds * ticks
        self._feel()
        if self.clock >= self._next_scan - _EPS:
            self._next_scan = self.clock + SCAN_S
            if self._walks or not self.asks:
                self._scan()
        if math.dist(self.position, self.site.victim) <= REACHED_M and self.found:
            self.reached = True
        self._check_battery()
        self._look_after()

    def _look_after(self) -> None:
        """Whether a decision is needed now."""
        if self.over or self.asks:
            return
        if not self._walks:
            if self.clock >= self._leg_ends - _EPS:
                self._ask(WAITED)
        elif not self._path:
            self._ask(ARRIVED)
        elif self.clock >= self._leg_ends - _EPS:
            self._ask(LONG)
        else:
            left = math.dist(self.position, self._path[0]) + CELL * len(self._path)
            if left < self._least_left - 0.1:
                self._least_left, self._nearer_at = left, self.clock
            elif self.clock - self._nearer_at >= PATIENCE_S:
                self._ask(BLOCKED)

    def _ask(self, why: str) -> None:
        self.asks, self.asked_at, self._walks = why, self.clock, False
        if self._goal is not None and why in (ARRIVED, BLOCKED):
            row, column = self._goal
            around = slice(max(0, row - 1), row + 2), slice(max(0, column - 1), column + 2)
            self._not_before[around] = math.inf if why == ARRIVED else self.clock + AVOID_S
        self._goal = None
        self._data.ctrl[self._motors] = 0.0
        self._scan()
        self._listen()

    def _steer_hazards(self) -> None:
        """Hazards turn round at the ends of their ways."""
        for i, span in enumerate(self._spans):
            at = self._data.qpos[i]
            if at > span - 0.15:
                self._heading[i] = -1.0
            elif at < 0.15:
                self._heading[i] = 1.0
            self._data.ctrl[i] = self._heading[i] * self._speeds[i]

    def _steer(self) -> bool:
        """Set the motors towards the next point of the way; False where something stands or moves there."""
        x, y = self.position
        path = self._path
        while path and math.hypot(path[0][0] - x, path[0][1] - y) < (0.15 if len(path) == 1 else 0.25):
            path.pop(0)
        if not path:
            return False
        dx, dy = path[0][0] - x, path[0][1] - y
        length = math.hypot(dx, dy)
        direction = math.atan2(dy, dx)
        speed = min(SPEED, max(0.25, 2.0 * length)) if len(path) == 1 else SPEED
        stop = self.speed**2 / (2.0 * BRAKING) + MARGIN
        clear, aside = 0.0, 0.0
        for aside in _ASIDE:
            clear = self._clear_ahead(direction + aside)
            if clear >= stop:
                break
        else:
            return False
        direction, speed = direction + aside, speed * math.cos(aside)
        speed = min(speed, max(0.2, math.sqrt(2.0 * BRAKING * max(0.0, clear - MARGIN))))
        turn = (direction - self.yaw + math.pi) % (2.0 * math.pi) - math.pi
        self._data.ctrl[self._motors] = math.cos(direction) * speed, math.sin(direction) * speed, 3.0 * turn
        return True

    def _clear_ahead(self, direction: float) -> float:
        """How far the robot could go that way before it touched something, m, by a fan of rays."""
        x, y = self.position
        angles = direction + _FAN
        rays = np.zeros((len(_FAN), 3))
        rays[:, 0], rays[:, 1] = np.cos(angles), np.sin(angles)
        far, _ = self._cast(np.array([x, y, LIDAR_M]), rays, 2.0)
        hit = far >= 0.0
        if not hit.any():
            return 2.0
        ahead, aside = far[hit] * np.cos(_FAN[hit]), np.abs(far[hit] * np.sin(_FAN[hit]))
        inside = aside < ROBOT_RADIUS + 0.05
        if not inside.any():
            return 2.0
        edge = np.sqrt(np.maximum(0.0, ROBOT_RADIUS**2 - np.minimum(aside[inside], ROBOT_RADIUS) ** 2))
        return float((ahead[inside] - edge).min())

    def _cast(
        self, eye: NDArray, rays: NDArray, reach: float
    ) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """How far (R,) rays (R, 3) of unit length go, m, -1 for nothing within `reach`, and the geoms hit."""
        count = len(rays)
        far, geoms = np.zeros(count), np.full(count, -1, np.int32)
        self._engine.mj_multiRay(
            m=self._model, d=self._data, pnt=eye, vec=np.ascontiguousarray(rays).ravel(), geomgroup=None,
            flg_static=1, bodyexclude=self.built.robot, geomid=geoms, dist=far, nray=count, cutoff=reach,
            **self._normal,
        )  # fmt: skip
        far[(geoms < 0) | (far > reach)] = -1.0
        return far, geoms

    def _scan(self) -> None:
        """A turn of the lidar: the map grows, hazards and the victim are seen. What moves is told from what
        stands (assumed)."""
        x, y = self.position
        rays = np.zeros((RAYS, 3))
        rays[:, 0], rays[:, 1] = np.cos(self._angles), np.sin(self._angles)
        far, geoms = self._cast(np.array([x, y, LIDAR_M]), rays, LIDAR_REACH)
        kinds = np.array([self.built.kinds[g] if g >= 0 else GROUND for g in geoms.tolist()])
        hit = far >= 0.0
        stands = hit & np.isin(kinds, (WALL, BLOCK))
        mark(self.known, np.array([x, y]), rays[:, :2], np.where(hit, far, LIDAR_REACH), stands)
        if (kinds[hit] == HAZARD).any():
            where = self.hazards
            for i in np.flatnonzero(np.hypot(where[:, 0] - x, where[:, 1] - y) < LIDAR_REACH + 1.0):
                name = f"hazard_{i}"
                if self._model.geom(name).id in geoms:
                    self.seen_hazards[int(i)] = (float(where[i, 0]), float(where[i, 1]), self.clock)
        if not self.found and (kinds[hit] == VICTIM).any():
            self.found = True
            if self._walks:
                self._ask(FOUND)

    def _listen(self) -> None:
        """Whether the victim knocks just now, from where it seems to come, and what that says of the place:
        the likelihood of bearing and loudness, each normal, at every cell."""
        dx, dy = self.site.victim[0] - self.position[0], self.site.victim[1] - self.position[1]
        chance, bearing, loudness = self._rng.random(), self._rng.normal(), self._rng.normal()
        self.heard = None
        if chance >= KNOCK_CHANCE:
            return
        away = max(1.0, math.hypot(dx, dy))
        heard = (
            math.atan2(dy, dx) + BEARING_SIGMA * bearing,
            -20.0 * math.log10(away) + LOUDNESS_SIGMA * loudness,
        )
        self.heard = heard
        x, y = self.position
        dx, dy = Grid.X - x, Grid.Y - y
        turn = (np.arctan2(dy, dx) - heard[0] + np.pi) % (2.0 * np.pi) - np.pi
        expected = -20.0 * np.log10(np.maximum(1.0, np.hypot(dx, dy)))
        fit = -0.5 * ((turn / BEARING_SIGMA) ** 2 + ((expected - heard[1]) / LOUDNESS_SIGMA) ** 2)
        self.belief = self.belief * np.exp(fit - fit.max()) + 1e-12

    def _feel(self) -> None:
        """Count a contact of the robot with what stands or moves, unless it is one that goes on."""
        if self._data.ncon == 0:  # all contacts are the robot's
            return
        if self.clock - self._touched > SEPARATE_S:
            self.collisions += 1
        self._touched = self.clock

    def _check_battery(self) -> None:
        if self.energy_j <= 0.0 and not self.reached:
            self.energy_j, self.empty = 0.0, True


def state_of(robot: Robot) -> dict[str, Any]:
    """What is told of a robot at any time: time, energy, way, collisions, how it ended."""
    return {
        "time_s": robot.clock,
        "energy_wh": (robot.full_j - robot.energy_j) / 3600.0,
        "walked_m": robot.walked_m,
        "collisions": robot.collisions,
        "reached": robot.reached,
        "battery_empty": robot.empty,
    }
