"""Dense prompts: short, readable back, nothing about what is absent, any problem's layout."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.qwen.dense import (
    DECIDE,
    EVEN,
    IDS,
    PADDING,
    ROOT,
    SIGNED,
    SPARE_ACTIONS,
    SPARE_FEATURES,
    TOKENS,
    DenseRenderer,
    strangers,
    text_of,
)
from envs import tasking_v0
from envs.episodes import env_names
from envs.features import Feature, Layout
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario


def shown(candidates):
    """The layout of `tasking_v0` with so many requests."""
    return tasking_v0.batch_env(load_scenario("scs01"), candidates=candidates, max_cycles=1).layout


LAYOUT = shown(4)
ACTIONS = ("idle", "charge", "downlink", "observe_1", "observe_2", "observe_3", "observe_4")
RENDERER = DenseRenderer(LAYOUT, ACTIONS)
ASKS = [k for k in range(len(LAYOUT)) if LAYOUT.names[k].endswith("_present")]


def observation(present=4, seed=0, low=-1.0):
    """Random numbers, the last 4 - `present` requests absent."""
    seen = np.random.default_rng(seed).uniform(low, 1.0, len(LAYOUT)).astype(np.float32)
    for k, gate in enumerate(ASKS):
        seen[gate] = 1.0 if k < present else -1.0
    return seen


def legal(*names):
    return np.array([name in ("idle", *names) for name in ACTIONS], np.int8)


def prompt(seen, mask):
    ids, lengths = RENDERER.ids(seen[None], mask[None])
    return ids[0, ids.shape[1] - lengths[0] :].tolist()


@settings(deadline=None)
@given(
    seen=st.lists(st.floats(-1, 1, width=32), min_size=len(LAYOUT), max_size=len(LAYOUT)),
    present=st.integers(0, 4),
    shoot=st.booleans(),
    others=st.sets(st.sampled_from(["charge", "downlink"])),
)
def test_prompt_reads_back_as_what_was_said(seen, present, shoot, others):
    seen = np.array(seen, np.float32)
    for k, gate in enumerate(ASKS):
        seen[gate] = 1.0 if k < present else -1.0
    mask = legal(*others, *(f"observe_{k + 1}" for k in range(present if shoot else 0)))
    said, allowed = RENDERER.read(prompt(seen, mask))
    assert allowed == [name for name, one in zip(ACTIONS, mask, strict=True) if one]
    values = dict(zip(LAYOUT.names, LAYOUT.physical(seen), strict=True))
    for name, (low, high) in said.items():
        margin = 1e-5 * (LAYOUT.high - LAYOUT.low)[LAYOUT.index(name)]
        assert low - margin <= values[name] <= high + margin
    for feature in LAYOUT.features[:21]:
        silent = feature.silent_at is not None and np.isclose(
            values[feature.name], feature.silent_at, atol=2e-6 * (feature.high - feature.low)
        )
        assert silent or feature.name in said


def test_lengths_are_12_to_72():
    full = observation(low=-0.9)
    full[LAYOUT.index("to_sunlight")] = -1.0  # it is silent in the light, as `to_shadow` is in the dark
    assert len(prompt(full, legal(*ACTIONS))) <= 72
    nothing = LAYOUT.scaled(np.array([0.0 if f.silent_at is None else f.silent_at for f in LAYOUT.features]))
    for k in ASKS:
        nothing[k] = -1.0
    assert 12 <= len(prompt(nothing, legal("charge"))) <= 20


def test_absent_and_illegal_requests_leave_no_tokens():
    some, none = prompt(observation(2), legal("observe_1", "observe_2")), prompt(observation(2), legal())
    assert not any("request" in TOKENS[i] for i in none)
    assert sum("<request_value" in TOKENS[i] for i in some) == 2
    assert text_of(some).endswith(f"<observe_2><idle>{DECIDE}")


def test_rows_are_padded_on_the_left_and_do_not_disturb_each_other():
    rows = [(observation(k), legal("charge", *(f"observe_{i + 1}" for i in range(k)))) for k in range(5)]
    ids, lengths = RENDERER.ids(*(np.stack(column) for column in zip(*rows, strict=True)))
    assert ids.shape == (5, lengths.max())
    for row, length, (seen, mask) in zip(ids, lengths, rows, strict=True):
        assert (row[: len(row) - length] == IDS[PADDING]).all()
        assert row[len(row) - length :].tolist() == prompt(seen, mask)


def test_no_rows():
    ids, lengths = RENDERER.ids(np.empty((0, len(LAYOUT)), np.float32), np.empty((0, 7), np.int8))
    assert ids.shape[0] == len(lengths) == 0


def test_buckets_of_times_are_finer_near_zero():
    capture = LAYOUT.index("request_1_capture_in")
    first, last = RENDERER.bounds(capture, 0), RENDERER.bounds(capture, ROOT.buckets - 1)
    assert first == (0.0, pytest.approx(180.0 / ROOT.buckets**2))
    assert last[1] == 180.0
    assert last[1] - last[0] > 100 * (first[1] - first[0])
    assert RENDERER.bounds(LAYOUT.index("battery"), EVEN.buckets - 1) == (100.0 - 100.0 / EVEN.buckets, 100.0)


@pytest.mark.parametrize("candidates", [1, 8, 16])
def test_any_number_of_requests(candidates):
    actions = ("idle", "charge", "downlink", *(f"observe_{k}" for k in range(1, candidates + 1)))
    renderer = DenseRenderer(shown(candidates), actions)
    seen = np.full((1, len(renderer.layout)), 0.5, np.float32)
    ids, _ = renderer.ids(seen, np.ones((1, len(actions)), np.int8))
    assert renderer.read(ids[0].tolist())[1] == list(actions)


def strange(features=3, actions=("rest", "burn_1", "burn_2")):
    """A problem that the nano has never heard of, with a gated group for the numbered actions."""
    own = [Feature(f"thing_{i}", "K", 0, 10, "{:.0f}") for i in range(features)]
    groups = [
        Feature(f"alarm_{k}_{name}", unit, 0, 10, "{:.0f}", f"Alarm {k}", gate=name == "present")
        for k in (1, 2)
        for name, unit in (("present", "1"), ("in", "h"))
    ]
    return DenseRenderer(Layout([*own, *groups]), actions)


def test_unknown_problem_gets_spare_tokens():
    renderer = strange()
    seen = np.array([[0.0, 0.5, -1.0, 1.0, -0.5, -1.0, 0.0]], np.float32)
    ids, _ = renderer.ids(seen, np.array([[1, 1, 0]], np.int8))
    said, allowed = renderer.read(ids[0].tolist())
    assert set(said) == {"thing_0", "thing_1", "thing_2", "alarm_1_in"}
    assert allowed == ["rest", "burn_1"]
    assert said["alarm_1_in"][0] <= 2.5 <= said["alarm_1_in"][1]
    assert text_of(ids[0]).endswith("<action_01><action_00><decide>")


def test_group_without_an_action_is_closed_by_its_number():
    renderer = strange(actions=("rest", "burn"))
    ids, _ = renderer.ids(np.ones((1, 7), np.float32), np.ones((1, 2), np.int8))
    assert "<item_1>" in text_of(ids[0])
    assert "<item_2>" in text_of(ids[0])


def test_too_many_features_or_actions_are_refused():
    with pytest.raises(SandboxError, match=f"first {SPARE_FEATURES}"):
        strange(features=SPARE_FEATURES + 1)
    with pytest.raises(SandboxError, match=f"first {SPARE_ACTIONS}"):
        strange(actions=tuple(f"do {i}" for i in range(SPARE_ACTIONS + 1)))


def test_token_out_of_place_is_refused():
    with pytest.raises(SandboxError, match="no place"):
        RENDERER.read([IDS[DECIDE], IDS["<idle>"]])


@pytest.fixture(scope="module", params=env_names())
def problem(request):
    """The batch face of every decision problem, after some rounds."""
    module = import_module(f"envs.{request.param}")
    env = module.batch_env(max_cycles=20, autoreset=False)
    observation, info = env.reset(seed=1)
    for _ in range(10):
        observation, _, _, _, info = env.step(np.zeros(observation.shape[:2], np.int64))
    return env, observation[0], info["action_mask"][0]


LONGEST = {"tasking_v0": 68, "offloading_v0": 66, "avoidance_v0": 32, "autonomy_v0": 126}
LONGEST["operations_v0"] = LONGEST["autonomy_v0"]  # orders in words are not read


def test_every_problem_is_known_by_name_and_its_prompts_are_short(problem):
    env, observation, mask = problem
    unknown = set(strangers(env.layout, env.actions))
    assert not unknown, (
        f"{env.problem.name}: give these tokens of their own in agents/qwen/dense.py: {unknown}"
    )
    _, lengths = DenseRenderer(env.layout, env.actions).ids(observation, mask)
    assert np.median(lengths) <= LONGEST[env.problem.name]


def test_every_problem_reads_back(problem):
    env, observation, mask = problem
    renderer = DenseRenderer(env.layout, env.actions)
    ids, lengths = renderer.ids(observation, mask)
    for row, length, seen, legal in zip(ids, lengths, observation, mask, strict=True):
        said, allowed = renderer.read(row[len(row) - length :].tolist())
        assert set(allowed) == {name for name, one in zip(env.actions, legal, strict=True) if one}
        for name, (low, high) in said.items():
            i = env.layout.index(name)
            margin = 1e-5 * (env.layout.high[i] - env.layout.low[i])
            assert low - margin <= env.layout.physical(seen, name) <= high + margin


def test_a_stranger_is_named():
    renderer = strange()
    assert strangers(renderer.layout, renderer.actions)[:4] == ["thing_0", "thing_1", "thing_2", "alarm_1_in"]


def test_signed_buckets_are_finest_about_the_middle():
    layout = Layout([Feature("offset", "km", -50, 50, "{:.1f}")])
    renderer = DenseRenderer(layout, ("wait",))
    middle = SIGNED.buckets // 2
    assert renderer.bounds(0, middle)[0] == 0.0
    assert renderer.bounds(0, middle)[1] == pytest.approx(50.0 / middle**2)
    assert renderer.bounds(0, 0)[0] == -50.0
    values = np.linspace(-50.0, 50.0, 401)
    found = renderer.bucket(layout.scaled(values[:, None]))[:, 0]
    for value, bucket in zip(values, found, strict=True):
        low, high = renderer.bounds(0, bucket)
        assert low - 1e-3 <= value <= high + 1e-3


def test_a_flag_is_said_where_it_is_up():
    layout = Layout([Feature("safe_mode", "1", 0, 1, "in safe mode")])
    renderer = DenseRenderer(layout, ("keep",))
    texts = [
        text_of(renderer.ids(np.array([[v]], np.float32), np.ones((1, 1), np.int8))[0][0]) for v in (-1, 1)
    ]
    assert texts == ["<keep><decide>", "<safe_mode:01><keep><decide>"]
