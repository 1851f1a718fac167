"""Sites, maps and the robot: from a seed, physics of its own, a reflex that touches nothing that stands."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.errors import SandboxError

pytest.importorskip("mujoco", reason="no mujoco; pip install -e '.[robots]'")

import gymnasium
from gymnasium.utils.env_checker import check_env

from agents.robots import make_mind
from envs.robots import Robot, SearchEnv, draw_site
from envs.robots.mapping import CELL, CELLS, FREE, OBSTACLE, distances, path_to, ways
from envs.robots.model import CAMERA_M, TICK_S
from envs.robots.robot import REACHED_M, STANDING_W, WALKING_W
from envs.robots.site import LEAST_APART, ROBOT_RADIUS, SIDE, occupied, sector_of
from envs.robots.words import ACTIONS, BACK, FIRST_SECTOR, TO_VICTIM, WAIT, Seen


def search(env, seed, mind="nearest"):
    """An episode; what was decided, and the last info."""
    policy, decisions = make_mind(mind), []
    observation, info = env.reset(seed=seed)
    over = False
    while not over:
        decisions.append(policy.decide(observation, info["action_mask"]))
        observation, reward, terminated, truncated, info = env.step(decisions[-1])
        assert reward == float(info["reached"])
        over = terminated or truncated
    return decisions, info


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**9))
def test_a_site_has_a_way_to_the_victim(seed):
    site = draw_site(seed)
    assert site == draw_site(seed)
    assert math.dist(site.entrance, site.victim) > LEAST_APART
    truth = occupied(site.blocks)
    row, column = (int(v / CELL) for v in reversed(site.victim))
    assert np.isfinite(distances(truth, site.entrance)[row, column])
    for hazard in site.hazards:
        assert 2.4 < math.dist(hazard.start, hazard.end) < 7.1
        assert all(0.0 < v < SIDE for v in (*hazard.start, *hazard.end))


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"seed": -1}, "seed = -1"),
        ({"seed": 1.5}, "seed = 1.5"),
        ({"seed": True}, "seed = True"),
        ({"blocks": 61}, "blocks = 61"),
        ({"hazards": "two"}, "hazards = 'two'"),
        ({"battery_wh": (5.0, 3.0)}, "battery_wh"),
        ({"battery_wh": 4.0}, "battery_wh"),
        ({"battery_wh": (float("nan"), 3.0)}, "battery_wh"),
    ],
)
def test_what_is_no_site_is_said(changes, part):
    with pytest.raises(SandboxError, match=part):
        draw_site(**({"seed": 0} | changes))


def test_ways_through_a_map():
    """Round a wall with a gap; blocked cells, and those beside them, are not entered."""
    known = np.full((CELLS, CELLS), FREE, np.int8)
    known[20, :30] = OBSTACLE
    far, before = ways(known, (2.0, 2.0))
    goal = (30, 4)
    path = path_to(before, goal)
    length = sum(math.dist(a, b) for a, b in pairwise(path))
    assert length == pytest.approx(far[goal])
    assert length > 20.0  # to the gap at x = 15 m and back
    for x, y in path:
        assert known[int(y / CELL), int(x / CELL)] == FREE
        assert not (19 <= int(y / CELL) <= 21 and int(x / CELL) < 30)
    known[20, 30:] = OBSTACLE
    assert np.isinf(distances(known, (2.0, 2.0))[goal])


def test_the_environment_keeps_gymnasiums_rules():
    for camera in (None, "depth"):
        check_env(SearchEnv(camera=camera), skip_render_check=True)
    made = gymnasium.make("sandbox/SearchRobot-v0")
    observation, info = made.reset(seed=1)
    assert made.observation_space.contains(observation)
    assert info["action_mask"][WAIT] == 1
    made.close()


@pytest.mark.parametrize("changes", [{"camera": "lidar"}, {"render_mode": "human"}, {"most_decisions": 0}])
def test_other_arguments_are_refused(changes):
    with pytest.raises(SandboxError, match=next(iter(changes))):
        SearchEnv(**changes)


def test_steps_before_the_reset_and_other_actions_are_refused():
    env = SearchEnv()
    with pytest.raises(SandboxError, match="reset"):
        env.step(0)
    env.reset(seed=0)
    with pytest.raises(SandboxError, match="action = 19"):
        env.step(19)


def test_the_same_seed_is_the_same_search_and_another_is_not():
    env = SearchEnv()
    first, told = search(env, 3, "trained")
    again, retold = search(SearchEnv(), 3, "trained")
    assert first == again
    for name in ("time_s", "energy_wh", "walked_m", "collisions", "reached"):
        assert told[name] == retold[name]
    assert search(env, 4, "trained")[1]["time_s"] != told["time_s"]


def test_the_reflex_touches_nothing_that_stands():
    """Without hazards there is not one contact, whatever is decided."""
    rng = np.random.default_rng(0)
    env = SearchEnv(hazards=0)
    for seed in range(3):
        _, info = env.reset(seed=seed)
        for _ in range(25):
            _, _, terminated, _, info = env.step(int(rng.choice(np.flatnonzero(info["action_mask"]))))
            if terminated:
                break
        assert info["collisions"] == 0
        assert info["walked_m"] > 3.0


def test_a_hazard_that_runs_into_the_robot_is_a_collision_and_moves_it():
    site = draw_site(0)
    x, y = site.entrance
    hazard = site.hazards[0]._replace(start=(x - 2.5, y), end=(x + 2.5, y), speed=0.8, phase=0.0)
    robot = Robot(site._replace(hazards=(hazard,), blocks=()))
    before = robot.position
    robot.advance(6.0)
    assert robot.collisions == 1
    assert robot.position[0] > before[0] + 0.3


def test_energy_is_power_times_time():
    robot = Robot(draw_site(1))
    robot.advance(10.0)
    spent = robot.full_j - robot.energy_j
    assert spent == pytest.approx(10.0 * STANDING_W, rel=1e-6)
    robot.extra_w = 30.0
    robot.advance(20.0)
    assert robot.full_j - robot.energy_j == pytest.approx(spent + 10.0 * (STANDING_W + 30.0), rel=1e-6)
    robot.draw(500.0)
    assert robot.full_j - robot.energy_j == pytest.approx(
        spent + 10.0 * (STANDING_W + 30.0) + 500.0, rel=1e-6
    )
    _, info = search(SearchEnv(), 1)
    assert STANDING_W * info["time_s"] <= 3600.0 * info["energy_wh"] * (1 + 1e-9)
    assert 3600.0 * info["energy_wh"] <= WALKING_W * info["time_s"] * (1 + 1e-9)


def test_an_empty_battery_ends_it():
    env = SearchEnv(battery_wh=(0.2, 0.2))
    env.reset(seed=0)
    for _ in range(10):
        _, reward, terminated, _, info = env.step(WAIT)
        if terminated:
            break
    assert info["battery_empty"]
    assert not info["reached"]
    assert reward == 0.0
    assert info["time_s"] == pytest.approx(0.2 * 3600.0 / STANDING_W, abs=0.2)


def test_the_clock_stops_where_it_is_told_to():
    robot = Robot(draw_site(2))
    robot.advance(1.2345)
    assert robot.clock == pytest.approx(math.floor(1.2345 / TICK_S) * TICK_S, abs=1e-9)
    robot.advance_exactly(1.2345)
    assert robot.clock == 1.2345


def test_what_the_lidar_says_is_so():
    """What is known of a site holds no obstacle where nothing stands."""
    robot = Robot(draw_site(5))
    mind, seen = make_mind("loudest"), Seen(robot)
    env = SearchEnv()
    env.reset(seed=5)
    for _ in range(6):
        action = mind.decide(env.layout.scaled(env.seen.values), env.seen.mask)
        env.step(action)
    site, known = env.robot.site, env.robot.known
    rows, columns = np.nonzero(known == OBSTACLE)
    for row, column in zip(rows, columns, strict=True):
        x, y = (column + 0.5) * CELL, (row + 0.5) * CELL
        walls = min(x, y, SIDE - x, SIDE - y) < CELL
        near = any(math.hypot(x - b.x, y - b.y) < max(b.half_x, b.half_y) * 1.5 + 0.5 for b in site.blocks)
        assert walls or near
    assert (known == FREE).sum() > 60
    assert seen.mask[WAIT] == 1


def test_depth_is_measured_along_the_axis():
    """The ground below the camera's lower edge is where geometry puts it; the sky is infinitely far."""
    robot = Robot(draw_site(6)._replace(blocks=(), hazards=(), entrance=(10.0, 3.0)))
    depth = robot.depth(65, 49)
    edge = math.tan(math.radians(30.0)) * 48.0 / 49.0
    assert depth[-1, 32] == pytest.approx(CAMERA_M / edge, rel=1e-6)
    assert depth[24, 32] == pytest.approx(SIDE - 10.0 - ROBOT_RADIUS, rel=1e-6)  # the wall ahead, 2 m high
    assert np.isinf(depth[0]).all()


def test_the_pictures_of_the_camera_where_there_is_opengl():
    robot = Robot(draw_site(0))
    try:
        picture = robot.picture()
    except SandboxError as error:
        if "OpenGL" not in str(error):
            raise
        pytest.skip(str(error))
    assert picture.shape == (48, 64, 3)
    assert picture.std() > 5.0


def test_decisions_that_are_not_legal_are_waits():
    env = SearchEnv()
    _, info = env.reset(seed=0)
    illegal = int(np.flatnonzero(info["action_mask"] == 0)[-1])
    _, _, _, _, info = env.step(illegal)
    assert info["time_s"] == pytest.approx(3.0, abs=TICK_S)
    assert info["asks"] == "waited"


def test_the_victim_is_reached_and_never_before_it_was_seen():
    env = SearchEnv()
    _, info = search(env, 1, "loudest")
    robot = env.robot
    assert info["reached"]
    assert math.dist(robot.position, robot.site.victim) <= REACHED_M
    assert robot.found


def test_sectors_and_decisions_are_numbered_alike():
    assert sector_of(0.1, 0.1) == 0
    assert sector_of(SIDE, SIDE) == 15
    assert sector_of(6.0, 0.1) == 1
    assert ACTIONS[FIRST_SECTOR + 1] == "sector_2"
    assert (ACTIONS[WAIT], ACTIONS[BACK], ACTIONS[TO_VICTIM]) == ("wait", "back", "victim")
