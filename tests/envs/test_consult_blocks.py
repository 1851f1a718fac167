"""Thinking as an action, in every face of the problems that have it."""

import numpy as np
import pytest
from pettingzoo.test import api_test, parallel_api_test

from envs import tasking_v0
from envs.blocks.consult import ACTIONS, Consult
from envs.chinese import said
from envs.deliberation import HOLD, Thought, deliberating
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario

NAMES = ("tasking_v0", "autonomy_v0", "operations_v0")


def chosen(mask, rng):
    """A legal action of each satellite, drawn."""
    return np.argmax(rng.random(mask.shape) * mask, axis=-1)


@pytest.mark.parametrize("name", NAMES)
def test_is_off_by_default(problems, name):
    module, scenario = problems[name]
    env = module.batch_env(scenario)
    assert not set(ACTIONS) & set(env.actions)
    assert env.world.consulting is None


def test_nothing_else_changes_for_who_never_asks(small):
    plain = tasking_v0.batch_env(small, 2, autoreset=False)
    able = tasking_v0.batch_env(small, 2, autoreset=False, consult=True)
    columns = [able.layout.index(name) for name in plain.layout.names]
    seen, other = plain.reset(3), able.reset(3)
    rng = np.random.default_rng(0)
    for _ in range(40):
        np.testing.assert_array_equal(seen[0], other[0][..., columns])
        mask = seen[1]["action_mask"]
        np.testing.assert_array_equal(mask, other[1]["action_mask"][..., : mask.shape[-1]])
        actions = chosen(mask, rng)
        (a, x, *_, i), (b, y, *_, j) = plain.step(actions), able.step(actions)
        np.testing.assert_array_equal(x, y)
        seen, other = (a, i), (b, j)


@pytest.mark.parametrize("form", [{}, {"mask_in_obs": True}, {"death": "remove"}], ids=str)
def test_official_api(small, no_unexplained_warning, form):
    parallel_api_test(
        tasking_v0.parallel_env(scenario=small, max_cycles=40, consult=True, **form), num_cycles=60
    )
    api_test(tasking_v0.env(scenario=small, max_cycles=30, consult=True, **form), num_cycles=60)


@pytest.mark.parametrize("name", ["tasking_v0", "autonomy_v0"])
def test_batch_and_dictionaries_agree(problems, name):
    module, scenario = problems[name]
    face = module.parallel_env(scenario, max_cycles=25, consult=True)
    batch = module.batch_env(scenario, 1, max_cycles=25, consult=True, autoreset=False)
    told, _ = face.reset(7)
    seen, info = batch.reset(7)
    rng, thought = np.random.default_rng(1), 0.0
    for _ in range(25):
        np.testing.assert_array_equal(np.stack(list(told.values())), seen[0])
        mask = info["action_mask"].astype(float)
        mask[..., [batch.actions.index(each) for each in ACTIONS]] *= 3.0  # more often than others
        actions = chosen(mask, rng)
        told, rewards, *_ = face.step(dict(zip(face.agents, actions[0].tolist(), strict=True)))
        seen, reward, _, _, info = batch.step(actions)
        np.testing.assert_array_equal(list(rewards.values()), reward[0])
        thought += info["terms"][..., batch.terms.index("consult_s")].sum()
    assert thought > 0.0


def test_autoreset_forgets_plans(small):
    env = tasking_v0.batch_env(small, 2, max_cycles=4, consult=True)
    _, info = env.reset(0)
    ask = env.actions.index("consult_long")
    for _ in range(4):
        _, _, _, _, info = env.step(np.full((2, env.satellites), ask))
    assert info["ended"].all()
    assert not env.world.consulting.state.plan["stands"].any()
    assert (info["action_mask"][..., env.actions.index("follow")] == 0).all()


class TestMask:
    def test_forbids_it_in_safe_mode(self, small):
        env = tasking_v0.batch_env(small, 1, consult=True, autoreset=False)
        env.reset(0)
        env.world.state.power["energy"][0, 0] = 0.1 * env.world.state.power["capacity"][0, 0]
        _, _, _, _, info = env.step(np.ones((1, env.satellites), int))
        columns = [env.actions.index(name) for name in ACTIONS]
        assert env.world.state.safety["safe"][0, 0]
        assert (info["action_mask"][0, 0, columns] == 0).all()
        assert info["action_mask"][0, 1, columns[0]] == 1

    def test_forbids_it_without_a_board(self, small):
        scenario = load_scenario(small, {"spacecraft.computing_satellite.compute": None})
        env = tasking_v0.batch_env(scenario, 1, consult=True, autoreset=False)
        _, info = env.reset(0)
        assert (info["action_mask"][..., env.actions.index("consult_short")] == 0).all()

    def test_forbids_it_while_a_mind_thinks_on_the_board(self, small):
        env = deliberating(tasking_v0.batch_env(small, 1, consult=True, autoreset=False))
        env.reset(0)
        team = (1, env.satellites)
        thought = Thought(np.full(team, 500), np.array([[8000, 0]]))
        _, _, _, _, info = env.step(np.ones(team, int), thought)
        ask = env.actions.index("consult_short")
        assert info["thinking"][0, 0]
        assert info["action_mask"][0, 0, ask] == 0

    def test_forbidden_is_counted_and_not_searched(self, small):
        env = tasking_v0.batch_env(small, 1, consult=True, autoreset=False)
        env.reset(0)
        _, _, _, _, info = env.step(np.full((1, env.satellites), env.actions.index("follow")))
        assert (info["terms"][..., env.terms.index("illegal")] == 1.0).all()
        assert (info["terms"][..., env.terms.index("followed")] == 0.0).all()


def test_a_mind_may_ask_its_planner(small):
    """Its own thought and the search are both charged, one after the other."""
    env = deliberating(tasking_v0.batch_env(small, 1, consult=True, autoreset=False))
    env.reset(0)
    team = (1, env.satellites)
    ask = np.full(team, env.actions.index("consult_long"))
    _, _, _, _, info = env.step(ask, Thought(np.full(team, 100), np.full(team, 5)))
    terms = dict(zip(env.terms, info["terms"][0, 0].tolist(), strict=True))
    assert terms["thought_s"] > 0.0
    assert terms["consult_s"] > 0.0


def test_what_a_mind_thought_about_for_rounds_may_be_to_ask(small):
    env = deliberating(tasking_v0.batch_env(small, 1, consult=True, autoreset=False))
    env.reset(0)
    team, ask = (1, env.satellites), env.actions.index("consult_short")
    _, _, _, _, info = env.step(np.full(team, ask), Thought(np.full(team, 500), np.full(team, 4000)))
    rounds = 0
    while info["thinking"].any() and rounds < 20:
        _, _, _, _, info = env.step(np.full(team, HOLD))
        rounds += 1
    assert rounds > 0
    assert (info["terms"][..., env.terms.index("consulted")] == 1.0).all()
    assert (info["terms"][..., env.terms.index("late")] == 0.0).all()


def test_several_orders_at_once_may_hold_it(problems):
    module, scenario = problems["autonomy_v0"]
    env = module.batch_env(scenario, 1, consult=True, multi_discrete=True, autoreset=False, max_cycles=5)
    env.reset(0)
    groups = env.problem.groups()
    assert groups[0] >= len(ACTIONS)
    actions = np.zeros((1, env.satellites, len(groups)), int)
    names = env.actions[1:]  # after the no-op
    actions[..., 0] = 1 + names.index("consult_short")
    _, _, _, _, info = env.step(actions)
    assert info["terms"][..., env.terms.index("consulted")].sum() > 0.0


def test_every_phrase_has_its_chinese(small):
    block = next(b for b in tasking_v0.batch_env(small, consult=True).problem.blocks if type(b) is Consult)
    told = [feature.phrase for feature in block.features] + [each.phrase for each in block.actions(None)]
    assert [text for text in told if said(text) == text] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"consult": 1}, "consult = 1; give True or False"),
        ({"consult": True, "consult_price": -1.0}, "consult_price = -1.0"),
        ({"consult": True, "consult_price": "free"}, "consult_price = 'free'"),
        ({"consult": True, "consult_truth": "no"}, "consult_truth = 'no'"),
        ({"consult_price": 0}, "consult_price = 0 does nothing without consult; add consult=True, or leave"),
        ({"consult_truth": True}, "consult_truth = True does nothing without consult"),
    ],
)
def test_options_that_cannot_be_are_one_sentence(small, options, words):
    with pytest.raises(SandboxError, match=words):
        tasking_v0.batch_env(small, **options)
