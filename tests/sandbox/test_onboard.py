"""What a thought costs a satellite: the compute model on its own board, slower when hot."""

import numpy as np
import pytest

from sandbox.compute import board, inference, model
from sandbox.errors import SandboxError
from sandbox.fleet import make_fleet
from sandbox.onboard import Onboard
from sandbox.scenario import load_scenario
from sandbox.state import BODY

BOARD = {"board": "agx_orin", "boards": 7, "model": "Qwen3-4B", "precision": "int4"}


@pytest.fixture
def two_kinds(small):
    """Three satellites with a board and two without."""
    plain = small["spacecraft"]["craft"]
    small["spacecraft"] = {"thinker": plain | {"compute": BOARD}, "craft": plain}
    walker = {"total": 2, "planes": 1, "altitude_km": 600, "inclination_deg": 30}
    small["fleet"][0]["spacecraft"] = "thinker"
    small["fleet"].append({"name": "Dumb", "spacecraft": "craft", "walker": walker})
    scenario = load_scenario(small)
    return Onboard(scenario, make_fleet(scenario))


def shares(share=1.0):
    return np.full((2, 5), share)


def test_is_the_compute_model_on_the_boards_that_there_are(two_kinds):
    prompt, output = np.arange(10).reshape(2, 5) * 100, np.full((2, 5), 20)
    cost = two_kinds.cost(prompt, output, shares())
    expected = inference(board("agx_orin"), model("Qwen3-4B"), "int4", prompt, output)
    np.testing.assert_allclose(cost.seconds[:, :3], expected.seconds[:, :3])
    np.testing.assert_allclose(cost.joules[:, :3], expected.joules[:, :3])
    # a seventh of 140 W is drawn anyway
    np.testing.assert_allclose(cost.watts[:, :3], board("agx_orin").active_w - 20.0)
    for free in cost:
        assert (free[:, 3:] == 0.0).all()
    assert two_kinds.has_board.tolist() == [True] * 3 + [False] * 2
    assert two_kinds.describe() == ["3 x Qwen3-4B int4 on agx_orin"]


def test_no_tokens_no_cost(two_kinds):
    assert all((part == 0.0).all() for part in two_kinds.cost(np.zeros((2, 5), int), 0, shares()))


def test_another_model_thinks_where_it_is_named(two_kinds):
    models = np.full((2, 5), None, object)
    models[0, 1] = "Qwen3-0.6B"
    cost = two_kinds.cost(np.full((2, 5), 300), 50, shares(), models)
    small = inference(board("agx_orin"), model("Qwen3-0.6B"), "int4", 300, 50)
    assert cost.seconds[0, 1] == pytest.approx(small.seconds)
    assert (cost.seconds[0, [0, 2]] > 2.0 * small.seconds).all()


@pytest.mark.parametrize("share", [1.0, 0.5, 1 / 15])
def test_a_hot_board_takes_longer_at_less_power(two_kinds, share):
    cool, hot = (two_kinds.cost(np.full((2, 5), 300), 50, shares(each)) for each in (1.0, share))
    assert hot.seconds[0, 0] == pytest.approx(cool.seconds[0, 0] / share)
    assert hot.joules[0, 0] == pytest.approx(cool.joules[0, 0])
    assert hot.seconds[0, 0] * hot.watts[0, 0] == pytest.approx(cool.seconds[0, 0] * cool.watts[0, 0])


def test_a_board_beyond_its_limit_does_not_think(two_kinds):
    cost = two_kinds.cost(np.full((2, 5), 300), 50, shares(0.0))
    assert np.isinf(cost.seconds[:, :3]).all()
    assert (cost.seconds[:, 3:] == 0.0).all()


@pytest.mark.parametrize(
    ("body", "board", "share"),
    [
        (45.0, 60.0, 1.0),
        (52.5, 60.0, 0.5),
        (59.0, 60.0, 1 / 15),
        (60.0, 60.0, 0.0),
        (44.0, 104.5, None),
        (20.0, 105.0, 0.0),
    ],
)
def test_heat_of_the_body_and_of_the_boards_slow_them(two_kinds, body, board, share):
    """Body: from 45 to 60 degC; boards of this kind: from 99 to 105 degC, as they will be after the round."""
    state = np.zeros((2, 5), BODY)
    state["temperature"], state["board"] = body + 273.15, board + 273.15
    shares = two_kinds.shares(state)[:, :3]
    if share is None:
        assert ((shares > 0.4) & (shares < 0.9)).all()
    else:
        np.testing.assert_allclose(shares, share)
    state["hot"] = True
    assert (two_kinds.shares(state) == 0.0).all()


def test_a_share_is_a_share(two_kinds):
    with pytest.raises(SandboxError, match=r"share = .* from 0 to 1"):
        two_kinds.cost(np.full((2, 5), 300), 50, shares(290.0))


def test_a_text_beyond_the_context_is_one_sentence(two_kinds):
    with pytest.raises(SandboxError, match="exceed the context of Qwen3-4B, 40,960 tokens"):
        two_kinds.cost(np.full((2, 5), 50_000), 0, shares())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"board": "agx_orion"}, "Unknown board 'agx_orion'; did you mean agx_orin"),
        ({"model": "Qwen3-9B"}, "Unknown model 'Qwen3-9B'; did you mean"),
        ({"precision": "int3"}, "precision = 'int3'"),
        ({"model": "Qwen3-32B", "board": "orin_nano"}, "GB more than orin_nano has free"),
        ({"boards": 2}, "compute_w = 140 is more than 2 boards agx_orin draw"),
    ],
)
def test_a_wrong_board_is_one_sentence(small, change, words):
    small["spacecraft"]["craft"]["compute"] = BOARD | change
    with pytest.raises(SandboxError, match=words):
        load_scenario(small)
