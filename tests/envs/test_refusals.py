"""What is refused is one sentence and changes nothing, on every face, whatever is given."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import autonomy_v0, language, tasking_v0
from envs.deliberation import Thought, deliberating
from envs.language import Reply
from sandbox.errors import SandboxError
from sandbox.parts import PARTS
from sandbox.state import THINKING
from sandbox.world import World


@pytest.fixture(scope="module")
def quiet(disaster):
    return disaster(calm=True)


BIG = [2**32 + 1, 2**64 + 1, 2**31, -1, -(2**32) + 1, 10**5000]
WRONG = [*BIG, 1.0, np.nan, True, None, "1", [1, 1], [[1], [1, 1]], {}, np.uint64(2**64 - 1)]


def refused(env, step, wrong, world, holdings):
    """That `step(wrong)` is refused in a sentence, and leaves the world as it was."""
    before = holdings(world)
    with pytest.raises(SandboxError) as error:
        step(wrong)
    assert len(str(error.value)) < 300
    assert "\n" not in str(error.value)
    assert holdings(world) == before
    return str(error.value)


class TestEveryFace:
    @pytest.mark.parametrize(
        "wrong", WRONG, ids=lambda value: f"{value!r:.20}" if value != BIG[-1] else "big"
    )
    def test_a_wrong_action(self, small, holdings, wrong):
        for env in (tasking_v0.batch_env(small, 2), deliberating(tasking_v0.batch_env(small, 2))):
            env.reset(0)
            env.step(np.ones((2, 2), int))
            refused(env, env.step, np.array([[1, 1], [1, None]], object), env.world, holdings)
            if wrong is not True and not (
                isinstance(wrong, int) and wrong == -1 and env.lowest_action == -1
            ):  # NumPy makes an int of True
                refused(env, env.step, [[1, 1], [1, wrong]], env.world, holdings)
        vector = tasking_v0.vector_env(2, small)
        vector.reset(seed=0)
        refused(
            vector, vector.step, [1, wrong] if wrong is not True else [True] * 2, vector.batch.world, holdings
        )
        parallel = tasking_v0.parallel_env(small)
        parallel.reset(seed=0)
        told = refused(parallel, parallel.step, {"sat_0": 1, "sat_1": wrong}, parallel.world, holdings)
        assert "sat_1" in told
        for make in (tasking_v0.env, tasking_v0.raw_env):
            turns = make(scenario=small)
            turns.reset(seed=0)
            refused(turns, turns.step, wrong, turns.unwrapped.world, holdings)
            assert turns.agent_selection == "sat_0"
            turns.step(1)
            refused(turns, turns.step, wrong, turns.unwrapped.world, holdings)
            turns.step(1)
        single = tasking_v0.satellite_env(small)
        single.reset(seed=0)
        refused(single, single.step, wrong, single.world, holdings)

    @pytest.mark.parametrize("wrong", [2**32 + 1, np.uint64(2**32 + 1), 99])
    def test_the_sentence_names_world_satellite_value_and_range(self, small, holdings, wrong):
        env = tasking_v0.batch_env(small, 2)
        env.reset(0)
        told = refused(env, env.step, np.array([[0, 0], [0, wrong]], np.uint64), env.world, holdings)
        assert told == (
            f"world 1, sat_1: action {int(wrong)} is outside the space; give a whole number from 0 to 6."
        )

    @pytest.mark.parametrize(
        "wrong", [[0, 0, 2**32 + 1], [0, 0], [0.0, 0.0, 0.0], 3, None, [[0], [0, 1], 2], [-1, 0, 0]]
    )
    def test_several_orders(self, quiet, holdings, wrong):
        batch = autonomy_v0.batch_env(quiet, multi_discrete=True)
        batch.reset(0)
        refused(batch, batch.step, [[[0, 0, 0]] * 3 + [wrong]], batch.world, holdings)
        face = autonomy_v0.parallel_env(quiet, multi_discrete=True)
        face.reset(seed=0)
        told = refused(face, face.step, {"sat_0": [1, 1, 1], "sat_3": wrong}, face.world, holdings)
        assert "sat_3" in told
        turns = autonomy_v0.env(scenario=quiet, multi_discrete=True)
        turns.reset(seed=0)
        refused(turns, turns.step, wrong, turns.unwrapped.world, holdings)

    @pytest.mark.parametrize(
        "wrong", [np.zeros((1, 3)), "idle", None, np.full((1, 2), 0.5), [[2**70, 0]], object()]
    )
    def test_teammates(self, small, holdings, wrong):
        env = tasking_v0.satellite_env(small, teammates=lambda *_: wrong)
        env.reset(seed=0)
        refused(env, env.step, 1, env.world, holdings)

    def test_teammates_of_other_types(self, small):
        for actions in ([[0, 1]], np.ones((1, 2)), np.ones((1, 2), bool), 1, np.array([0, 1], np.uint8)):
            env = tasking_v0.satellite_env(small, teammates=lambda *_, given=actions: given)
            env.reset(seed=0)
            env.step(0)

    @pytest.mark.parametrize("wrong", [None, 3, [1, 1], "sat_0"])
    def test_no_dictionary(self, small, quiet, holdings, wrong):
        for env in (
            tasking_v0.parallel_env(small),
            language.parallel_env(scenario=small),
            autonomy_v0.parallel_env(quiet, message_size=2),
            autonomy_v0.parallel_env(quiet, multi_discrete=True),
        ):
            env.reset(seed=0)
            assert "give a dictionary" in refused(env, env.step, wrong, env.world, holdings)

    @pytest.mark.parametrize("seed", [-1, 1.5, "1", [1, 2, 3], [[1], [2, 3]], True, 2**70])
    def test_a_wrong_seed(self, small, holdings, seed):
        single, vector = tasking_v0.satellite_env(small), tasking_v0.vector_env(2, small)
        faces = tasking_v0.parallel_env(small), tasking_v0.env(scenario=small), single, vector
        for env in faces:
            env.reset(seed=0)
            world = vector.batch.world if env is vector else env.unwrapped.world
            refused(env, lambda wrong, env=env: env.reset(seed=wrong), seed, world, holdings)
        single.reset(seed=np.int64(3))
        vector.reset(seed=[4, 5])

    def test_worlds_that_were_not_all_reset(self, quiet, holdings):
        env = autonomy_v0.batch_env(quiet, 2)
        env.reset(0, worlds=[1])
        assert "reset" in refused(env, env.step, np.ones((2, 4), int), env.world, holdings)


class TestThoughts:
    @pytest.mark.parametrize(
        "wrong",
        [
            Thought(np.full((1, 4), 10**9), np.ones((1, 4), int)),
            Thought(np.full((1, 4), 2**64 - 1, np.uint64), np.ones((1, 4), int)),
            Thought(*np.ones((2, 1, 4), int), models=np.full((1, 4), "Qwen3-9B", object)),
            Thought(*np.ones((2, 1, 4), int), models=[["Qwen3-8B", [], None, None]]),
            Thought(*np.ones((2, 1, 4), int), models=np.full((1, 4), 8, object)),
            Thought(*np.ones((2, 1, 4), int), meanwhile=np.full((1, 4), 2**32 + 1)),
            Thought(np.ones((1, 4)), np.ones((1, 4), int)),
            Thought([[1], [1, 2]], np.ones((1, 4), int)),
            np.ones((2, 1, 4), int),
            17,
        ],
        ids=str,
    )
    def test_a_wrong_one_begins_none(self, quiet, holdings, wrong):
        env = deliberating(autonomy_v0.batch_env(quiet, message_size=2))
        env.reset(0)
        env.step(np.ones((1, 4), int), Thought(*np.full((2, 1, 4), 900)))
        env.problem.mail.say(np.zeros((1, 4, 2)))
        twin = pickle.loads(pickle.dumps(env))
        refused(env, lambda thought: env.step(np.ones((1, 4), int), thought), wrong, env.world, holdings)
        for _ in range(3):
            one, two = (each.step(np.full((1, 4), 2)) for each in (env, twin))
            np.testing.assert_array_equal(one[0], two[0])
            np.testing.assert_array_equal(one[4]["terms"], two[4]["terms"])

    def test_lists_do_as_well(self, small):
        env = deliberating(tasking_v0.batch_env(small))
        env.reset(0)
        *_, info = env.step([[1, 1]], Thought([[500, 0]], [[900, 0]], models=[["Qwen3-8B", None]]))
        assert info["terms"][0, 0, env.terms.index("output_tokens")] == 900


class TestMessages:
    @pytest.mark.parametrize(
        "wrong",
        [
            (0, np.zeros(3)),
            (0, [2.0, 0.0]),
            (0, [1e300, 0.0]),
            (0, [[1], [1, 2]]),
            (0, "hello"),
            (0, None),
            (2**32 + 1, [0.5, 0.5]),
            (None, [0.5, 0.5]),
            2**32 + 1,
        ],
        ids=str,
    )
    def test_of_the_others_are_not_left_behind(self, quiet, holdings, wrong):
        env, twin = (autonomy_v0.parallel_env(quiet, message_size=2) for _ in range(2))
        for each in (env, twin):
            each.reset(seed=0)
            each.step({})
            each.step({})
        said = {"sat_0": (1, [0.5, 0.5]), "sat_1": (0, [0.25, 0.25]), "sat_3": wrong}
        assert "sat_3" in refused(env, env.step, said, env.world, holdings)
        for _ in range(3):
            np.testing.assert_equal(env.step({"sat_2": 1}), twin.step({"sat_2": 1}))
        turns = autonomy_v0.env(scenario=quiet, message_size=2)
        turns.reset(seed=0)
        turns.step((0, [0.5, 0.5]))
        refused(turns, turns.step, wrong, turns.unwrapped.world, holdings)
        assert turns.agent_selection == "sat_1"

    def test_with_a_thought_that_cannot_be(self, quiet, holdings):
        env = autonomy_v0.parallel_env(quiet, message_size=2)
        env.reset(seed=0)
        thought = Thought(*np.ones((2, 1, 4), int))
        refused(env, lambda said: env.step(said, thought), {"sat_0": (0, [0.5, 0.5])}, env.world, holdings)

    def test_what_was_said_by_hand_stays(self, quiet):
        env = autonomy_v0.parallel_env(quiet, message_size=2)
        env.reset(seed=0)
        env.problem.mail.say(np.full((1, 4, 2), 0.5))
        for wrong in (np.full((1, 4, 2), 2.0), np.full((1, 4, 3), 0.1), [[1], [1, 2]], [[["a"] * 2] * 4]):
            with pytest.raises(SandboxError):
                env.problem.mail.say(wrong)
        assert env.world.messages.outbox.length.tolist() == [[8] * 4]

    @pytest.mark.parametrize(
        "wrong",
        [
            Reply("A", 10**9, 1, message="me too"),
            Reply("A", 10, 1, model="Qwen3-9B"),
            Reply("A", 10, 1, model=8),
            Reply("A", 1.5),
            Reply("A", float("nan")),
            Reply("A", -1),
            Reply("A", 10, 2**70),
            Reply("A", "10"),
            Reply("A", True),
            Reply(b"A"),
            Reply("A", message=5),
            None,
            7,
            ("A", 10, 1),
        ],
        ids=str,
    )
    def test_in_words(self, quiet, holdings, wrong):
        env, twin = (language.parallel_env("autonomy_v0", scenario=quiet, message_size=3) for _ in range(2))
        for each in (env, twin):
            each.reset(seed=0)
            each.step({})
            each.step({})
        said = {"sat_0": Reply("B", 100, 100, message="hello"), "sat_1": "A\nMessage: hi", "sat_3": wrong}
        refused(env, env.step, said, env.world, holdings)
        for _ in range(3):
            np.testing.assert_equal(env.step({"sat_2": "C"}), twin.step({"sat_2": "C"}))
        turns = language.env("autonomy_v0", scenario=quiet, message_size=3)
        turns.reset(seed=0)
        turns.step("A\nMessage: hi")
        refused(turns, turns.step, wrong, turns.unwrapped.world, holdings)
        turns.step("A")
        assert turns.agent_selection == "sat_2"

    def test_tokens_as_servers_count_them(self, small):
        env = language.parallel_env(scenario=small)
        env.reset(seed=0)
        *_, infos = env.step({"sat_0": Reply("A", 520.0, np.int32(3)), "sat_1": Reply("A", np.array(7))})
        assert infos["sat_0"]["prompt_tokens"] == 520
        assert infos["sat_1"]["prompt_tokens"] == 7

    def test_texts_of_one_world_are_nothing_to_another(self, quiet):
        """World b of a batch sees what it would see alone."""
        env = autonomy_v0.batch_env(quiet, 2, message_size=2)
        alone = autonomy_v0.batch_env(quiet, 1, message_size=2)
        env.reset(0)
        alone.reset(1)
        for _ in range(5):
            env.problem.mail.say(np.full((2, 4, 2), 0.5))
            env.problem.mail.say_text(0, 1, "hello")
            alone.problem.mail.say(np.full((1, 4, 2), 0.5))
            both, one = env.step(np.zeros((2, 4), int)), alone.step(np.zeros((1, 4), int))
            np.testing.assert_array_equal(both[0][1], one[0][0])


class TestWorlds:
    @pytest.mark.parametrize("parts", [(), ("jobs",), ("encounters", "faults"), PARTS])
    def test_commands(self, quiet, holdings, parts):
        world = World(quiet, parts=parts)
        world.reset(0)
        late, never = (np.zeros((1, 4), THINKING) for _ in range(2))
        late["delay"], never["busy"] = 1e9, np.nan
        counted = "queue", "burn", "late_burn", "reload", "thrust"
        wrong = [{name: [[0.5] * 4]} for name in ("mode", "place", *counted)]
        wrong += [{name: np.full((1, 4), 2**32)} for name in counted]
        wrong += [{name: np.full((1, 4), 99, np.int32)} for name in counted]
        wrong += [{"mode": [["a"] * 4]}, {"thinking": late}, {"thinking": never}, {"thinking": 7}]
        wrong += [{"before": 7}, {"length": 7}, {"content": [[1]]}, {"command": [[1] * 4]}]
        for fields in wrong:
            refused(world, lambda given: world.step(**given), fields, world, holdings)


numbers = st.one_of(
    st.integers(-3, 30),
    st.integers(),
    st.sampled_from([2**31, 2**32 + 1, 2**63, 2**64 + 2, -(2**32) + 1, 10**5000]),
    st.floats(),
    st.booleans(),
    st.none(),
    st.text(max_size=3),
    st.lists(st.integers(-1, 30) | st.floats(), max_size=4),
    st.tuples(st.integers(0, 30), st.lists(st.floats() | st.floats(-1, 1), min_size=1, max_size=3)),
    st.builds(np.array, st.integers(-3, 2**31) | st.floats() | st.lists(st.integers(0, 30), max_size=3)),
    st.sampled_from([np.int8(3), np.uint64(2**64 - 1), np.float32("nan"), object(), {}, b"1", 1j]),
)
answers = st.one_of(
    numbers,
    st.text(max_size=20),
    st.builds(Reply, st.sampled_from(["A", "B", "Z", ""]) | numbers, numbers, numbers, numbers, numbers),
    st.builds(Reply, st.sampled_from(["A", "B"]), st.integers(0, 900), st.integers(0, 4_000)),
)
FACES = {
    "batch": (lambda small, _: tasking_v0.batch_env(small, 2), lambda a: [a[:2], a[2:4]]),
    "thoughtful": (lambda small, _: deliberating(tasking_v0.batch_env(small, 2)), lambda a: [a[:2], a[2:4]]),
    "vector": (lambda small, _: tasking_v0.vector_env(2, small), lambda a: a[:2]),
    "parallel": (lambda small, _: tasking_v0.parallel_env(small), lambda a: {"sat_0": a[0], "sat_1": a[1]}),
    "in turn": (lambda small, _: tasking_v0.env(scenario=small), lambda a: a[0]),
    "single": (lambda small, _: tasking_v0.satellite_env(small), lambda a: a[0]),
    "joint": (
        lambda _, quiet: autonomy_v0.parallel_env(quiet, multi_discrete=True),
        lambda a: {"sat_0": a[0], "sat_3": a[1:4]},
    ),
    "joint batch": (
        lambda _, quiet: autonomy_v0.batch_env(quiet, multi_discrete=True),
        lambda a: [[a[:3], a[1:4], a[:3], a[:3]]],
    ),
    "messages": (
        lambda _, quiet: autonomy_v0.parallel_env(quiet, message_size=2),
        lambda a: {"sat_0": (a[0], a[1]), "sat_1": a[2], "sat_2": (1, a[3])},
    ),
    "words": (
        lambda _, quiet: language.parallel_env("autonomy_v0", scenario=quiet, message_size=2),
        lambda a: {"sat_0": a[0], "sat_1": a[1]},
    ),
    "words in turn": (lambda small, _: language.env(scenario=small), lambda a: a[0]),
}


@pytest.fixture(scope="module")
def envs(small, quiet):
    """One of every face, to be reset before use."""
    return {name: make(small, quiet) for name, (make, _) in FACES.items()}


def test_a_scenario_may_stand_first_in_every_face(small):
    for made in (tasking_v0.parallel_env(small), language.parallel_env("tasking_v0", small),
                 tasking_v0.env(small).unwrapped, language.env("tasking_v0", small).unwrapped):  # fmt: skip
        assert len(made.possible_agents) == len(tasking_v0.parallel_env(small).possible_agents)


def try_anything(envs, holdings, name, given):
    env, form = envs[name], FACES[name][1]
    world = (
        env.batch.world
        if name == "vector"
        else env.unwrapped.world
        if hasattr(env, "unwrapped")
        else env.world
    )
    env.reset(seed=1)
    for actions in given:
        before = holdings(world)
        try:
            told = env.step(form(actions))
        except SandboxError as error:
            sentence = str(error)
            assert len(sentence) < 400
            assert holdings(world) == before
            continue
        told = env.last() if "turn" in name else told
        rewards = told[1].values() if isinstance(told[1], dict) else told[1]
        assert np.isfinite(
            np.array(list(np.ravel(list(rewards) if isinstance(told[1], dict) else rewards)))
        ).all()
        assert np.isfinite(world.state.power["energy"]).all()


def rounds(of):
    return st.lists(st.lists(of, min_size=4, max_size=4), min_size=1, max_size=3)


@pytest.mark.parametrize("name", FACES)
@settings(max_examples=12)
@given(data=st.data())
def test_whatever_is_given(envs, holdings, name, data):
    try_anything(envs, holdings, name, data.draw(rounds(answers if "words" in name else numbers)))


@pytest.mark.slow
@pytest.mark.parametrize("name", FACES)
@settings(max_examples=400)
@given(data=st.data())
def test_whatever_is_given_at_length(envs, holdings, name, data):
    try_anything(envs, holdings, name, data.draw(rounds(answers if "words" in name else numbers)))
