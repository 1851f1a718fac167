"""What is seen and said of requests of several kinds, and nothing of it where all are single."""

import math
from functools import partial

import numpy as np
import pytest
from pettingzoo.test import api_test, parallel_api_test
from scipy.stats import norm

from agents.policy import make_policy
from agents.qwen.dense import DenseRenderer, strangers
from envs import make, prospects, tasking_v0
from envs.blocks.images import KINDS
from envs.check import check_env
from envs.chinese import said as chinese_of
from envs.features import Layout
from envs.prospects import Seen
from envs.reports import Reporter
from sandbox.scenario import load_scenario
from sandbox.state import CAPTURED, DELIVERED, NONE, REQUEST_KINDS

ALL = {
    "area": {"share": 0.2, "across": [2, 2], "along": [2, 3]},
    "stereo": {"share": 0.2, "convergence_deg": 35},
    "periodic": {"share": 0.1, "every_h": [0.5, 0.6], "window_h": 0.5},
    "dwell": {"share": 0.2, "dwell_s": 15, "images": 4},
    "cue": {"share": 0.2, "probability": 0.8},
}
CHANGES = {
    "requests.initial": 600,
    "requests.per_hour": 20.0,
    "requests.kinds": ALL,
    "requests.where": "globe",
    "requests.clouds": {"correlation_km": 200},
}
NAMES = {feature.name for feature in KINDS}


@pytest.fixture(scope="module")
def customers():
    return load_scenario("pair", CHANGES)


@pytest.fixture(scope="module")
def played(customers):
    """An environment a while into an episode, and everything that was seen of requests on the way."""
    env = tasking_v0.batch_env(scenario=customers, worlds=2, autoreset=False)
    policy, seen = make_policy("greedy", env), []
    policy.reset(0)
    observation, info = env.reset(3)
    for _ in range(220):
        world = env.world
        seen.append((observation.copy(), info["action_mask"].copy(), world.snapshot().state))
        observation, *_, info = env.step(policy.act(observation, info))
    return env, seen


def shown(seen):
    """Every request shown: (features by name, the state of its world, world, number)."""
    for observation, _, state in seen:
        for b, n, k in np.argwhere(state.opportunities["request"] != NONE):
            yield observation[b, n], state, b, n, k, int(state.opportunities["request"][b, n, k])


def test_each_request_tells_what_it_is(played):
    env, seen = played
    layout, kinds = env.problem.layout, set()
    for observation, state, b, _n, k, j in shown(seen):
        part, now = state.requests.part[b, j], state.clock["time"][b]
        told = {f.name: float(layout.physical(observation, f"request_{k + 1}_{f.name}")) for f in KINDS}
        said = [name for name in REQUEST_KINDS[1:] if told[name] > 0.5]
        assert said == ([REQUEST_KINDS[part["kind"]]] if part["kind"] else [])
        kinds.add(int(part["kind"]))
        assert told["hold"] == pytest.approx(part["hold"], abs=1e-3)
        assert told["size"] == pytest.approx(part["images"] if part["images"] > 1.0 else 0.0, abs=1e-3)
        assert told["convergence"] == pytest.approx(math.degrees(part["convergence"]), abs=1e-3)
        missing, pays = 0, 0.0
        if part["campaign"] != NONE:
            mine = state.requests.part["campaign"][b] == part["campaign"]
            status = state.requests.book["status"][b, mine]
            missing = (~np.isin(status, (CAPTURED, DELIVERED))).sum()
            one = state.requests.campaign[b, part["campaign"]]
            pays = 0.0 if one["failed"] or now > one["deadline"] else one["bonus"]
        assert told["missing"] == pytest.approx(missing, abs=1e-3)
        assert told["completion"] == pytest.approx(pays, abs=1e-2)
        assert 0.0 <= layout.physical(observation, f"request_{k + 1}_cloud") <= 100.0
    assert kinds == set(range(len(REQUEST_KINDS)))


def forecast(state, b, j, lead):
    """Probability of cloud (%) at the lead time (s), worked out anew."""
    requests, now = state.requests, state.clock["time"][b]
    age = now + lead - requests.book["release"][b, j]
    q = min(int(age / (3.0 * 3_600.0)), requests.truth.shape[2] - 1)
    skill = 0.9 * math.exp(-lead / (6.0 * 3_600.0))
    noise = math.sqrt(1.0 - skill**2)
    heard = skill * requests.truth[b, j, q] + noise * requests.error[b, j, q]
    return 100.0 * norm.cdf((requests.edge[b, j] - skill * heard) / noise)


def test_the_forecast_for_the_moment_of_the_image_is_seen(played):
    env, seen = played
    far = 0
    for observation, state, b, n, k, j in shown(seen):
        cloud = float(env.problem.layout.physical(observation, f"request_{k + 1}_cloud"))
        assert cloud == pytest.approx(
            forecast(state, b, j, float(state.opportunities["capture"][b, n, k])), abs=0.05
        )
        far += abs(cloud - 100.0 * state.requests.book["cloud"][b, j]) > 20.0
    assert far > 20


def test_a_large_image_needs_room(customers):
    craft = "spacecraft.computing_satellite"
    bits = customers.spacecraft["computing_satellite"].camera.image_gbit
    dwell = {"requests.kinds": {"dwell": ALL["dwell"] | {"share": 0.6}}, f"{craft}.store_gbit": 4.5 * bits}
    env = tasking_v0.batch_env(scenario=load_scenario("pair", CHANGES | dwell), worlds=2)
    _, info = env.reset(0)
    observe, kept, refused = list(env.actions).index("observe_1"), 0, 0
    for _ in range(150):
        mask, state = info["action_mask"], env.world.state
        action = np.zeros(mask.shape[:2], np.int64)
        for b, n in np.ndindex(action.shape):
            for k in range(4):
                j, room = state.opportunities["request"][b, n, k], state.store.level["used"][b, n]
                if j == NONE or not mask[b, n, observe : observe + 4].any():
                    continue
                fits = room + state.requests.part["images"][b, j] * bits * 1e9 <= 4.5 * bits * 1e9
                assert mask[b, n, observe + k] == fits
                kept, refused = kept + fits, refused + (not fits)
                action[b, n] = observe + k if fits else action[b, n]
        *_, info = env.step(action)
    assert kept > 10
    assert refused > 10


def test_reports_say_it_in_both_languages(played):
    env, seen = played
    english, chinese = (Reporter(env.problem, language=name) for name in ("en", "zh"))
    texts, foreign = [], []
    for observation, mask, _ in seen:
        for n in range(2):
            texts.append(english.report(observation[0, n], mask[0, n]))
            foreign.append(chinese.report(observation[0, n], mask[0, n]))
    for feature in KINDS:
        if feature.name in ("area", "stereo", "periodic", "dwell", "tip", "completion"):
            # alone as a phrase, of several requests as the heading of a column
            said = feature.phrase.split(" {")[0], feature.column
            assert any(word in text for text in texts for word in said), feature.name
            said = tuple(chinese_of(part).split("{")[0] for part in (feature.phrase, feature.column))
            assert any(word in text for text in foreign for word in said), feature.name
    assert "completion" in english.system
    assert "完成收益" in chinese.system
    assert max(map(len, texts)) <= english.longest


@pytest.mark.parametrize("feature", KINDS, ids=lambda feature: feature.name)
def test_every_phrase_has_its_chinese(feature):
    for text in (feature.phrase, feature.column):
        assert chinese_of(text) != text


def test_a_share_of_completion_belongs_to_the_value():
    seen = Seen({"request_1_present": 1.0, "request_1_value": 2.0, "request_1_cloud": 50.0})
    assert prospects.image(seen, 1) == 1.0
    seen |= {"request_1_completion": 12.0, "request_1_missing": 3.0}
    assert prospects.image(seen, 1) == pytest.approx(0.5 * (2.0 + 4.0))


@pytest.mark.parametrize("name", ["greedy", "deadline_greedy", "agents.tuned.tasking:Teacher"])
def test_heuristics_complete_orders(customers, name):
    """What is worth little by itself is imaged for what it completes."""
    env = tasking_v0.batch_env(scenario=customers, worlds=1)
    policy = make_policy(name, env)
    layout, observation = env.problem.layout, np.zeros((1, 1, len(env.problem.layout)))
    values = layout.low.copy()
    for key, value in {
        "battery": 100.0, "sunlight": 100.0, "to_shadow": 60.0, "time_left": 90.0,
        "request_1_present": 1.0, "request_1_value": 3.0,
        "request_1_window": 200.0, "request_1_deadline": 90.0,
        "request_2_present": 1.0, "request_2_value": 1.0,
        "request_2_window": 200.0, "request_2_deadline": 90.0,
        "request_2_stereo": 1.0, "request_2_missing": 1.0, "request_2_completion": 8.0,
    }.items():  # fmt: skip
        values[layout.index(key)] = value
    observation[0, 0] = layout.scaled(values)
    mask = np.array([[[a in ("idle", "charge", "observe_1", "observe_2") for a in env.actions]]], np.int8)
    assert env.actions[policy.decide(observation.astype("f4"), mask)[0, 0]] == "observe_2"


class TestFaces:
    def test_pettingzoo(self, customers, no_unexplained_warning):
        parallel_api_test(tasking_v0.parallel_env(scenario=customers, max_cycles=20), num_cycles=40)
        api_test(tasking_v0.env(scenario=customers, max_cycles=20), num_cycles=40)

    def test_gymnasium_and_words(self, customers):
        single = make("tasking_v0", customers, face="single", max_cycles=10)
        observation, _ = single.reset(seed=1)
        assert single.observation_space.contains(observation)
        words = make("tasking_v0", customers, face="language", max_cycles=10)
        reports, _ = words.reset(seed=1)
        assert all(words.observation_space(agent).contains(text) for agent, text in reports.items())

    def test_promises_are_kept(self, customers):
        make_one, make_many = (
            partial(face, scenario=customers) for face in (tasking_v0.parallel_env, tasking_v0.batch_env)
        )
        check_env(make_one, make_many, max_cycles=12)

    def test_a_large_batch_is_its_worlds(self, customers):
        both = make("tasking_v0", customers, face="batch", worlds=2)
        alone = make("tasking_v0", customers, face="batch", worlds=1)
        one, info = both.reset(5)
        other, own = alone.reset(6)
        for _ in range(40):
            assert (one[1] == other[0]).all()
            legal = own["action_mask"]
            action = np.argmax(legal * np.arange(1, legal.shape[-1] + 1), axis=-1)
            one, *_, info = both.step(np.concatenate((action, action)))
            other, *_, own = alone.step(action)
        assert (info["action_mask"][1] == own["action_mask"][0]).all()


def test_the_nano_reads_on_as_it_has_learned(played):
    """Its prompts are those of what it knows of a request."""
    env, seen = played
    renderer = DenseRenderer(env.problem.layout, env.actions)
    known = [
        f for f in env.problem.layout.features if f.name.partition("_")[2].partition("_")[2] not in NAMES
    ]
    columns = [env.problem.layout.index(feature.name) for feature in known]
    other = DenseRenderer(Layout(known), env.actions)
    for observation, mask, _ in seen[::20]:
        for one, two in zip(
            renderer.ids(observation[0], mask[0]),
            other.ids(np.ascontiguousarray(observation[0][:, columns]), mask[0]),
            strict=True,
        ):
            np.testing.assert_array_equal(one, two)
    assert not [name for name in strangers(env.problem.layout, env.actions) if name.startswith("request")]


def test_what_is_upcoming_tells_its_kind_and_its_forecast():
    env = tasking_v0.batch_env(scenario=load_scenario("pair", CHANGES | {"requests.ahead": 8}), worlds=1)
    observation, _ = env.reset(0)
    layout, seen = env.problem.layout, set()
    for _ in range(100):
        state, found = env.world.state, env.world.ahead.state.upcoming
        now = state.clock["time"][0]
        for n, u in np.argwhere(found["request"][0] != NONE):
            j, enter = int(found["request"][0, n, u]), float(found["enter"][0, n, u])
            kind = REQUEST_KINDS[state.requests.part["kind"][0, j]]
            assert not state.requests.part["locked"][0, j]
            told = {
                f.name: float(layout.physical(observation[0, n], f"upcoming_{u + 1}_{f.name}")) for f in KINDS
            }
            assert kind == "single" or told[kind] == pytest.approx(1.0)
            cloud = float(layout.physical(observation[0, n], f"upcoming_{u + 1}_cloud"))
            assert cloud == pytest.approx(forecast(state, 0, j, enter - now), abs=0.05)
            seen.add(kind)
        observation, *_ = env.step(np.ones((1, 2), np.int64))
    assert len(seen) > 2


def test_nothing_is_added_where_all_requests_are_single(small):
    env = tasking_v0.batch_env(scenario=small)
    assert not [name for name in env.problem.layout.names if name.rpartition("_")[2] in NAMES]
    assert not any("completion" in text for text in env.problem.pays)
