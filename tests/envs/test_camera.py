"""What environments render and record, on every face."""

import re

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import render_test

import envs  # noqa: F401  registers
from envs import autonomy_v0, tasking_v0
from envs.camera import RENDER_MODES, joined
from sandbox.errors import SandboxError
from sandbox.recording.frames import frame_of


@pytest.fixture
def played():
    """Some rounds of two satellites, seen by a camera of each mode that is asked for."""

    def play(mode, rounds=6):
        env = tasking_v0.parallel_env(scenario="pair", max_cycles=10, render_mode=mode)
        env.reset(seed=0)
        for k in range(rounds):
            env.step(dict.fromkeys(env.agents, k % 2))
        return env

    return play


def test_pettingzoo_s_render_test(capsys):
    render_test(lambda **how: tasking_v0.env(scenario="pair", max_cycles=20, **how))
    assert "pair" in capsys.readouterr().out


@pytest.mark.parametrize("mode", RENDER_MODES)
def test_gymnasium_s_check(mode, capsys):
    env = gymnasium.make("sandbox/Tasking-v0", scenario="pair", max_cycles=20, render_mode=mode)
    check_env(env.unwrapped)
    assert env.metadata["render_fps"] > 0


@pytest.mark.parametrize("mode", ["ansi", "rgb_array"])
@pytest.mark.parametrize("form", [{}, {"multi_discrete": True}, {"message_size": 2}], ids=str)
def test_autonomy_is_pictured_in_every_form(mode, form):
    env = autonomy_v0.parallel_env(max_cycles=5, render_mode=mode, **form)
    _, infos = env.reset(seed=0)
    for _ in range(3):
        orders = {agent: env.action_space(agent).sample(infos[agent]["action_mask"]) for agent in env.agents}
        *_, infos = env.step(orders)
    shown = env.render()
    assert "round 3 of 5" in shown if mode == "ansi" else shown.shape == (480, 640, 3)
    assert len(env.recording) == 3
    assert env.recording.meta["env"] == "autonomy_v0"


def test_an_image_shows_the_present(played):
    env = played("rgb_array")
    first = env.render()
    np.testing.assert_array_equal(first, env.render())
    assert first.shape == (480, 640, 3)
    env.step(dict.fromkeys(env.agents, 0))
    assert (env.render() != first).any()


def test_a_picture_right_after_the_reset(played):
    assert played("rgb_array", rounds=0).render().shape == (480, 640, 3)


def test_text(played):
    text = played("ansi").render()
    assert "round 6 of 10" in text
    assert re.search("[AB]", text)


def test_human_prints_by_itself_and_returns_nothing(played, capsys):
    env = played("human")
    assert env.render() is None
    assert "round 6 of 10" in capsys.readouterr().out


def test_human_shows_the_last_round_however_soon(played, capsys):
    env = played("human", rounds=6)
    capsys.readouterr()
    while env.agents:
        env.step(dict.fromkeys(env.agents, 0))
    assert "round 10 of 10" in capsys.readouterr().out


def test_the_episode_is_recorded_as_it_was_played(played):
    env = played("rgb_array")
    recording = env.recording
    assert len(recording) == 6
    assert recording.meta["env"] == "tasking_v0"
    np.testing.assert_array_equal(recording["action"], np.arange(6)[:, None] % 2 * np.ones(2))
    np.testing.assert_array_equal(np.diff(recording["time"]), env.world.scenario.round_s)
    assert recording["mask"][:, :, 0].all()
    env.reset(seed=1)
    assert len(env.recording) == 0
    assert len(recording) == 6


def test_recording_changes_nothing(played):
    def states(mode):
        env = played(mode)
        return env.state(), env.world.state.power["energy"].copy()

    for with_camera, without in zip(states("rgb_array"), states(None), strict=True):
        np.testing.assert_array_equal(with_camera, without)


def test_the_notebook_s_widget_follows_the_episode(played):
    pytest.importorskip("anywidget")
    env = played("notebook", rounds=0)
    widget = env.render()
    sent = []
    widget.send = lambda message, buffers: sent.append(message)
    env.step(dict.fromkeys(env.agents, 0))
    assert env.render() is widget
    assert [message["from"] for message in sent] == [0]  # the picture of the reset is replaced
    env.camera._shown = -np.inf
    env.step(dict.fromkeys(env.agents, 0))
    assert [message["from"] for message in sent] == [0, 1]
    env.reset(seed=0)
    assert env.render() is not widget


def test_vector_environments_render_every_world():
    env = tasking_v0.vector_env(scenario="pair", num_envs=3, max_cycles=10, render_mode="rgb_array")
    env.reset(seed=0)
    images = env.render()
    assert [image.shape for image in images] == [(480, 640, 3)] * 3
    assert (images[0] != images[1]).any()
    text = tasking_v0.vector_env(scenario="pair", num_envs=2, max_cycles=10, render_mode="ansi")
    text.reset(seed=0)
    assert all("round 0 of 10" in shown for shown in text.render())


def test_frames_are_collected_by_gymnasium_s_wrapper():
    env = gymnasium.make("sandbox/Tasking-v0", scenario="pair", max_cycles=4, render_mode="rgb_array")
    env = gymnasium.wrappers.RenderCollection(env)
    env.reset(seed=0)
    for _ in range(3):
        env.step(0)
    assert len(env.render()) == 4


def test_gymnasium_s_record_video(tmp_path):
    pytest.importorskip("moviepy")
    env = gymnasium.make("sandbox/Tasking-v0", scenario="pair", max_cycles=4, render_mode="rgb_array")
    env = gymnasium.wrappers.RecordVideo(env, str(tmp_path))
    env.reset(seed=0)
    for _ in range(4):
        env.step(0)
    env.close()
    assert next(tmp_path.glob("*.mp4")).stat().st_size > 1000


def test_a_frame_joins_a_past(played):
    env = played("rgb_array")
    now = joined(env.recording, frame_of(env.world))
    assert len(now) == 7
    assert now["time"][-1] == env.world.state.clock["time"][0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: tasking_v0.parallel_env(scenario="pair", render_mode="cinema"),
        lambda: tasking_v0.satellite_env("pair", render_mode="cinema"),
        lambda: tasking_v0.vector_env(scenario="pair", num_envs=2, render_mode="human"),
    ],
)
def test_a_mode_there_is_not(make):
    with pytest.raises(SandboxError, match="render_mode"):
        make()


def test_order_and_absence():
    env = tasking_v0.parallel_env(scenario="pair")
    assert env.render() is None
    with pytest.raises(SandboxError, match="render_mode = None"):
        _ = env.recording
    seen = tasking_v0.parallel_env(scenario="pair", render_mode="ansi")
    with pytest.raises(SandboxError, match="render before reset"):
        seen.render()
