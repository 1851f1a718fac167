"""Requests from a run of tasking_v0, and a small random Qwen3 to answer them."""

import pytest

from agents.qwen.decisions import Request
from envs import tasking_v0
from envs.reports import Reporter


@pytest.fixture(scope="session")
def requests_seen():
    """12 requests of 12 satellites, from a few hours into a run, where there are requests to image."""
    env = tasking_v0.batch_env("scs01", 1, candidates=2)
    reporter = Reporter(env.problem)
    observation, info = env.reset(seed=3)
    seen = []
    for _ in range(200):
        actions = info["action_mask"].argmax(axis=-1)
        observation, _, _, _, info = env.step(actions)
        for satellite, (row, mask) in enumerate(zip(observation[0], info["action_mask"][0], strict=True)):
            if mask.sum() > 2:
                seen.append(Request(row.copy(), mask.copy(), reporter, satellite))
        if len(seen) >= 12:
            return seen[:12]
    raise AssertionError("a scenario with too few requests for these tests")


@pytest.fixture(scope="session")
def corpus(requests_seen):
    return [requests_seen[0].system, *(request.report for request in requests_seen)]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory, corpus):
    from checkpoints import make_checkpoint

    return make_checkpoint(tmp_path_factory.mktemp("qwen3") / "small", corpus=corpus)
