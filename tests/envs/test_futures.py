"""A snapshot of the world, a pickle and a deep copy in the midst of thoughts all lead to the same future."""

import copy
import pickle

import gymnasium
import numpy as np
import pytest

from envs import autonomy_v0, language, tasking_v0
from envs.camera import RENDER_MODES
from envs.deliberation import HOLD, Thought, deliberating
from envs.language import Reply
from envs.parallel import ParallelFace

PROBLEMS = ["tasking_v0", "offloading_v0", "avoidance_v0", "autonomy_v0", "operations_v0"]
COPIES = [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))]


def frozen(part):
    """What was seen, in a form that can be compared and that later rounds do not change."""
    if isinstance(part, dict):
        return [(name, frozen(value)) for name, value in part.items()]
    if isinstance(part, (tuple, list)):
        return [frozen(value) for value in part]
    return part.tobytes() if isinstance(part, np.ndarray) else part


def think(env, rng):
    """A round of random decisions, about half of them thought about for up to some rounds."""
    team = (env.worlds, env.satellites)
    spent = [rng.integers(0, most, team) * rng.integers(0, 2, team) for most in (800, 4_000)]
    meanwhile = rng.integers(HOLD, len(env.actions), team)
    if getattr(env.problem, "message_size", 0):
        said = rng.uniform(-1.0, 1.0, (*team, env.problem.message_size))
        env.problem.mail.say(np.where(rng.random((*team, 1)) < 0.5, said, np.nan))
    return env.step(rng.integers(HOLD, len(env.actions), team), Thought(*spent, meanwhile))


def story(env, seed, rounds=20):
    rng = np.random.default_rng(seed)
    return [(frozen(think(env, rng)), env.world.state.power["energy"].tobytes()) for _ in range(rounds)]


def midway(env, seed=3):
    """Play until there are thoughts under way."""
    env.reset(seed)
    rng = np.random.default_rng(seed)
    for _ in range(60):
        *_, info = think(env, rng)
        if info["thinking"].any(axis=-1).all() and env.world.state.clock["round"][0] >= 5:
            return info
    raise AssertionError("nobody thinks")


class TestSnapshots:
    @pytest.mark.parametrize("name", PROBLEMS)
    def test_lead_back_into_the_midst_of_a_thought(self, problems, name):
        module, scenario = problems[name]
        env = deliberating(module.batch_env(scenario, 2, max_cycles=40))
        info = midway(env)
        moment, mask = env.world.snapshot(), env.legal().copy()
        future = story(env, 1)
        env.world.restore(moment)
        np.testing.assert_array_equal(env.legal(), mask)
        np.testing.assert_array_equal(env.present()[1]["thinking"], info["thinking"])
        assert story(env, 1) == future
        env.reset(9)
        env.world.restore(moment)
        assert story(env, 1) == future, "across a reset"
        other = deliberating(module.batch_env(scenario, 2, max_cycles=40))
        other.world.restore(moment)
        assert story(other, 1) == future, "in an environment that was never reset"

    @pytest.mark.parametrize("copied", COPIES)
    @pytest.mark.parametrize("name", PROBLEMS)
    def test_and_copies_do(self, problems, name, copied):
        module, scenario = problems[name]
        env = deliberating(module.batch_env(scenario, 2, max_cycles=40))
        midway(env)
        twin = copied(env)
        assert story(env, 1) == story(twin, 1)

    def test_hold_a_message_that_waits(self, problems):
        module, scenario = problems["autonomy_v0"]
        env = deliberating(module.batch_env(scenario, 2, max_cycles=40, message_size=2))
        midway(env)
        env.problem.mail.say(np.full((2, env.satellites, 2), 0.25))
        moment = env.world.snapshot()
        nothing = np.zeros((2, env.satellites), int)
        future = [frozen(env.step(nothing)) for _ in range(4)]
        env.world.restore(moment)
        assert [frozen(env.step(nothing)) for _ in range(4)] == future
        env.world.restore(moment)
        env.problem.mail.say(np.full((2, env.satellites, 2), np.nan))
        assert [frozen(env.step(nothing)) for _ in range(4)] != future

    def test_a_new_episode_sends_no_old_message(self, problems):
        module, scenario = problems["autonomy_v0"]
        env, twin = (module.batch_env(scenario, message_size=2) for _ in range(2))
        env.reset(1)
        env.problem.mail.say(np.full((1, env.satellites, 2), 0.25))
        nothing = np.zeros((1, env.satellites), int)
        for each in (env, twin):
            each.reset(2)
        for _ in range(4):
            assert frozen(env.step(nothing)) == frozen(twin.step(nothing))


def test_after_an_autoreset_nobody_thinks(small):
    env = deliberating(tasking_v0.batch_env(small, max_cycles=3))
    env.reset(0)
    long = Thought(*np.full((2, 1, 2), 4_000))
    for _ in range(3):
        *_, info = env.step(np.ones((1, 2), int), long)
    assert info["ended"].all()
    assert not info["thinking"].any()


def replies(rng, env):
    """Random replies of some satellites, some of them long thought about."""
    message = {"message": "ok"} if env.channel else {}
    return {
        agent: Reply(
            rng.choice(env.labels), int(rng.integers(1, 800)), int(rng.integers(0, 12_000)), **message
        )
        for agent in env.agents
        if rng.random() < 0.6
    }


def played_in_words(env, seed, rounds=15):
    rng, seen = np.random.default_rng(seed), []
    for _ in range(rounds):
        seen.append(frozen(env.step(replies(rng, env))))
    return seen


@pytest.mark.parametrize("name", PROBLEMS)
def test_in_words(problems, name):
    _, scenario = problems[name]
    size = {"message_size": 3} if name == "autonomy_v0" else {}
    env = language.parallel_env(name, scenario=scenario, max_cycles=30, **size)
    env.reset(seed=2)
    played_in_words(env, 0, 8)
    moment, twins = env.world.snapshot(), [copied(env) for copied in COPIES]
    assert env.world.state.minds["pending"].max() >= 0
    future = played_in_words(env, 1)
    while env.agents:
        env.step({})
    env.world.restore(moment)
    assert env.agents == env.possible_agents
    assert [played_in_words(each, 1) for each in (env, *twins)] == [future] * 3


def played_in_turn(env, seed, cycles=12):
    rng, seen = np.random.default_rng(seed), []
    agents = env.unwrapped.possible_agents
    for _ in range(cycles * len(agents)):
        seen.append((env.agent_selection, frozen(env.last())))
        tokens = int(rng.integers(0, 4_000))
        env.step(Reply(rng.choice(["A", "B", "C"]), 100, tokens))
    return seen


def test_in_turn(small):
    env = language.env("tasking_v0", scenario=small, max_cycles=20)
    env.reset(seed=2)
    played_in_turn(env, 0, 5)
    world = env.unwrapped.world
    moment = world.snapshot()
    assert world.state.minds["pending"].max() >= 0
    twins = [copied(env) for copied in COPIES]
    future = played_in_turn(env, 1)
    assert [played_in_turn(twin, 1) for twin in twins] == [future] * 2
    for agent in env.agent_iter():
        env.step(None if env.truncations[agent] else Reply("A"))
    world.restore(moment)
    told = played_in_turn(env, 1)
    assert [(agent, seen[0]) for agent, seen in told] == [(agent, seen[0]) for agent, seen in future]
    assert told[2:] == future[2:], "what was earned before the snapshot is not told again"
    env.step(Reply("A"))
    world.restore(moment)
    assert env.agent_selection == env.possible_agents[0], "a cycle begins anew"


def test_pickled_in_the_middle_of_a_cycle(small):
    env = tasking_v0.env(scenario=small, max_cycles=20)
    env.reset(seed=2)
    env.step(1)
    twin = pickle.loads(pickle.dumps(env))
    for each in (env, twin):
        each.step(1)
    assert frozen(env.last()) == frozen(twin.last())


@pytest.mark.parametrize("death", ["noop", "remove"])
def test_who_takes_part_after_a_restore(dying, death):
    env = tasking_v0.parallel_env(dying, max_cycles=40, death=death)
    env.reset(seed=0)
    moments = []
    while env.agents:
        moments.append((env.world.snapshot(), list(env.agents)))
        env.step({})
    assert death == "noop" or len({len(agents) for _, agents in moments}) > 1
    for moment, agents in reversed(moments):
        env.world.restore(moment)
        assert env.agents == agents
        assert list(env.present()[0]) == agents


def test_the_dictionary_face_over_thoughts(small):
    env = ParallelFace(deliberating(tasking_v0.batch_env(small, max_cycles=30, autoreset=False)))
    env.reset(seed=1)
    thought = Thought(np.full((1, 2), 500), np.full((1, 2), 4_000))
    env.step({"sat_0": 1, "sat_1": 1}, thought)
    moment = env.world.snapshot()
    future = [frozen(env.step(dict.fromkeys(env.agents, HOLD))) for _ in range(6)]
    env.world.restore(moment)
    assert [frozen(env.step(dict.fromkeys(env.agents, HOLD))) for _ in range(6)] == future


def test_teammates_see_the_world_as_it_was_restored(small):
    seen = []

    def first_legal(observation, info):
        seen.append((observation.tobytes(), info["action_mask"].tobytes()))
        return info["action_mask"].cumsum(-1).argmax(-1)

    env = tasking_v0.satellite_env(small, teammates=first_legal, max_cycles=20)
    env.reset(seed=0)
    env.step(0)
    moment = env.world.snapshot()
    seen.clear()
    future = [frozen(env.step(1)) for _ in range(6)]
    told, seen[:] = list(seen), []
    env.world.restore(moment)
    assert [frozen(env.step(1)) for _ in range(6)] == future
    assert seen == told
    env.world.restore(moment)
    assert env.action_masks().any()


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_the_vector_face(small, mode):
    env = tasking_v0.vector_env(2, small, max_cycles=6, autoreset_mode=mode)
    env.reset(seed=0)
    env.step(np.ones(2, int))
    moment = env.batch.world.snapshot()
    future = [frozen(env.step(np.ones(2, int))) for _ in range(5)]
    env.batch.world.restore(moment)
    twin = pickle.loads(pickle.dumps(env))
    for each in (env, twin):
        assert [frozen(each.step(np.ones(2, int))) for _ in range(5)] == future


RENDERED = {
    "parallel": lambda small, mode: tasking_v0.parallel_env(small, max_cycles=8, render_mode=mode),
    "in turn": lambda small, mode: tasking_v0.env(scenario=small, max_cycles=8, render_mode=mode),
    "in words": lambda small, mode: language.parallel_env(scenario=small, max_cycles=8, render_mode=mode),
    "single": lambda small, mode: tasking_v0.satellite_env(small, max_cycles=8, render_mode=mode),
    "made": lambda small, mode: gymnasium.make(
        "sandbox/Tasking-v0", scenario=small, max_cycles=8, render_mode=mode
    ),
    "joint": lambda _, mode: autonomy_v0.parallel_env(max_cycles=8, multi_discrete=True, render_mode=mode),
    "messages": lambda _, mode: autonomy_v0.parallel_env(max_cycles=8, message_size=2, render_mode=mode),
}


def turn(env):
    """A step with nothing to say, on any face."""
    if isinstance(env, gymnasium.Env):
        return env.step(0)
    if hasattr(env, "agent_selection"):
        env.step(0)
        return env.last()
    return env.step({})


@pytest.mark.filterwarnings("ignore:.*was passed as")
@pytest.mark.parametrize("mode", RENDER_MODES)
@pytest.mark.parametrize("face", RENDERED)
def test_what_is_pictured_is_copied(small, face, mode, capsys):
    if mode == "notebook":
        pytest.importorskip("anywidget")
    env = RENDERED[face](small, mode)
    fresh = pickle.loads(pickle.dumps(env))
    for each in (env, fresh):
        each.reset(seed=0)
        turn(each)
        each.render()
    twins = [fresh, *(copied(env) for copied in COPIES)]
    told = frozen(turn(env))
    for twin in twins:
        assert frozen(turn(twin)) == told
        twin.render()
    first, *others = [
        (each.unwrapped.face if face == "in words" else each.unwrapped).recording for each in (env, *twins)
    ]
    assert len(first) >= 1
    for recording in others:
        for name in first.arrays:
            np.testing.assert_array_equal(recording[name], first[name])
        assert recording.events.rows() == first.events.rows()


@pytest.mark.parametrize("copied", COPIES)
def test_a_recording_is_copied_read_only(small, copied):
    env = tasking_v0.parallel_env(small, max_cycles=3, render_mode="ansi")
    env.reset(seed=0)
    env.step({})
    recording = env.recording
    twin = copied(recording)
    assert dict(twin.meta) == dict(recording.meta)
    np.testing.assert_array_equal(twin["battery"], recording["battery"])
    with pytest.raises(ValueError, match="read-only"):
        twin["battery"][0] = 0.0
    with pytest.raises(TypeError):
        twin.meta["seed"] = 1
