"""The minds of a search robot: rules, and the network that was trained in the site."""

import numpy as np
import pytest

from sandbox.errors import SandboxError

pytest.importorskip("mujoco", reason="no mujoco; pip install -e '.[robots]'")

from agents.robots import make_mind, mind_names
from agents.robots.network import FILE, ROW, Trained, rows_of
from envs.robots import SearchEnv
from envs.robots.words import BACK, FIRST_SECTOR, GLOBALS, PER_SECTOR, TO_VICTIM, WAIT, make_layout
from experiments.running.cli import main
from experiments.training.train_robot import JUDGING, costs, search


def situation(legal, **values):
    """An observation of sectors (way, chance) by number, and a mask."""
    layout, mask = make_layout(), np.zeros(FIRST_SECTOR + 16, np.int8)
    seen = layout.low.copy()
    mask[[WAIT, *legal]] = 1
    for name, value in values.items():
        seen[layout.index(name)] = value
    return layout.scaled(seen), mask


def test_rules_do_what_they_are_called():
    observation, mask = situation(
        [FIRST_SECTOR, FIRST_SECTOR + 5],
        sector_1_way=3.0, sector_1_chance=1.0, sector_6_way=8.0, sector_6_chance=60.0,
    )  # fmt: skip
    assert make_mind("nearest").decide(observation, mask) == FIRST_SECTOR
    assert make_mind("loudest").decide(observation, mask) == FIRST_SECTOR + 5
    mask[TO_VICTIM] = 1
    assert make_mind("nearest").decide(observation, mask) == TO_VICTIM
    nowhere, mask = situation([])
    assert make_mind("loudest").decide(nowhere, mask) == WAIT
    mask[BACK] = 1
    assert make_mind("loudest").decide(nowhere, mask) == BACK


@pytest.mark.parametrize("name", mind_names())
def test_every_mind_decides_legally_whatever_it_sees(name):
    rng, mind = np.random.default_rng(0), make_mind(name)
    for _ in range(50):
        mask = (rng.random(FIRST_SECTOR + 16) < 0.3).astype(np.int8)
        mask[WAIT] = 1
        observation = rng.uniform(-1.0, 1.0, GLOBALS + 16 * PER_SECTOR).astype(np.float32)
        assert mask[mind.decide(observation, mask)] == 1


def test_unknown_minds_and_damaged_files_are_said(tmp_path):
    with pytest.raises(SandboxError, match="nearest"):
        make_mind("nearst")
    with pytest.raises(SandboxError, match="no trained policy"):
        Trained(tmp_path / "none.npz")
    from agents.trained import ROOT

    with pytest.raises(SandboxError, match="no mind of a search robot"):
        Trained(ROOT / "tasking_v0_calm" / "policy.npz")


def test_what_was_trained_is_small_and_searches_faster_than_the_nearest_frontier():
    """In sites of judging, as its card says; the interval of ten sites is wide, so the bar is low."""
    assert FILE.stat().st_size < 32_000
    env, spent = SearchEnv(), {}
    for name in ("nearest", "trained"):
        played = [search(env, make_mind(name), JUDGING + k) for k in range(10)]
        spent[name] = sum(info["energy_wh"] for info in played)
    assert spent["trained"] < 0.9 * spent["nearest"]


def test_the_teacher_prefers_what_leads_to_the_victim():
    from envs.robots.mapping import distances
    from envs.robots.site import occupied

    env = SearchEnv()
    observation, info = env.reset(seed=2)
    truth = distances(occupied(env.robot.site.blocks), env.robot.site.victim)
    for _ in range(4):
        told = costs(env, truth)
        legal = info["action_mask"] == 1
        assert np.isfinite(told[legal]).all()
        assert told[legal].min() == 0.0
        assert told[WAIT] > 0.0
        assert rows_of(env.layout.physical(observation)).shape == (len(legal), len(ROW))
        observation, _, terminated, _, info = env.step(int(np.nanargmin(told)))
        if terminated:
            break


def test_training_leaves_a_mind_and_a_card(tmp_path, capsys):
    pytest.importorskip("torch", reason="no torch; pip install -e '.[train]'")
    words = [
        "train_robot",
        "--rounds",
        "1",
        "--episodes",
        "2",
        "--judged",
        "1",
        "--out",
        str(tmp_path / "mind"),
    ]
    assert main(words) == 0
    assert "trained: reached" in capsys.readouterr().out
    assert Trained(tmp_path / "mind/mind.npz")
    assert (tmp_path / "mind/card.json").is_file()
    assert main([*words, "--rounds", "0"]) == 2
