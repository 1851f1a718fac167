"""What is upcoming, as a satellite is told of it: in numbers, in words, and not to the nano."""

import numpy as np
import pytest

import envs
from agents.qwen.dense import DenseRenderer
from envs.reports import Reporter
from sandbox.scenario import load_scenario
from sandbox.state import NONE


@pytest.fixture(scope="module")
def batch():
    scenario = load_scenario("scs01", {"requests.ahead": 3, "requests.ahead_min": 20})
    return envs.make("tasking_v0", scenario, face="batch", worlds=2)


def test_numbers_are_those_of_the_world(batch):
    observation, _ = batch.reset(seed=0)
    for _ in range(8):
        observation, *_ = batch.step(np.ones((2, batch.satellites), np.int64))
    state, found = batch.world.state, batch.world.ahead.state.upcoming
    listed, told = np.argwhere(found["request"] != NONE), batch.layout.physical(observation)
    assert len(listed) > 10
    for b, n, u in listed:
        entry = found[b, n, u]
        request, now = state.requests.book[b, entry["request"]], state.clock["time"][b]
        row = {
            name.removeprefix(f"upcoming_{u + 1}_"): told[b, n, i]
            for i, name in enumerate(batch.layout.names)
            if name.startswith(f"upcoming_{u + 1}_")
        }
        assert row["present"] == 1.0
        assert row["value"] == pytest.approx(request["value"], abs=1e-5)
        assert row["cloud"] == pytest.approx(100.0 * request["cloud"], abs=1e-4)
        assert row["opens_in"] == pytest.approx((entry["enter"] - now) / 60.0, abs=1e-4)
        assert 0.0 < row["opens_in"] <= 20.0
        assert row["off_nadir"] <= 40.1
    empty = found["request"] == NONE
    gates = [batch.layout.index(f"upcoming_{u}_present") for u in (1, 2, 3)]
    assert (observation[..., gates][empty] == -1.0).all()


def test_a_scenario_that_names_none_has_none():
    layout = envs.make("tasking_v0", "scs01", face="batch").layout
    assert not [name for name in layout.names if name.startswith("upcoming")]


def test_in_words(batch):
    observation, info = batch.reset(seed=1)
    told = (batch.world.ahead.state.upcoming["request"] != NONE).any(axis=-1)
    reporter = Reporter(batch.problem)
    for b, n in np.ndindex(told.shape):
        text = reporter.report(observation[b, n], info["action_mask"][b, n])
        assert ("Upcoming" in text) == told[b, n]


def test_the_nano_reads_on_as_it_has_learned(batch):
    """Its prompts are those of the same moment without anything upcoming."""
    plain = envs.make("tasking_v0", "scs01", face="batch", worlds=2)
    prompts = []
    for env in (batch, plain):
        observation, info = env.reset(seed=2)
        renderer = DenseRenderer(env.layout, env.actions)
        prompts.append(renderer.ids(observation[0], info["action_mask"][0])[0])
    np.testing.assert_array_equal(*prompts)
