"""A problem of a user's own, outside the package: in every face, by class, by path and by name."""

import copy
import pickle
import re
import subprocess
import sys
import warnings
from functools import partial

import gymnasium
import numpy as np
import pettingzoo
import pytest
from gymnasium.utils.env_checker import check_env as check_gymnasium
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test

import envs
from envs import Action, Block, Declaration, Feature, Problem, registry
from envs.blocks.body import Body
from envs.blocks.state import BATTERY, TIME, Piece
from envs.blocks.terms import Loss
from envs.deliberation import HOLD, Thought, deliberating
from envs.joint import JointBatch
from envs.language import Reply
from envs.making import FACES
from envs.page import page
from sandbox.compiled import kernel
from sandbox.errors import SandboxError
from sandbox.state import CHARGE, IDLE, NONE

pytestmark = pytest.mark.usefixtures("no_unexplained_warning")


class Links(Block):
    """Which laser terminals carry, and as many echoes of their numbers as wanted."""

    each = "link"
    parts = ("lasers",)
    features = (
        Feature("up", "1", 0, 1, "link {:.0f}", gate=True),
        Feature("number", "1", 0, 4, "number {:.0f}"),
        Feature("distance", "km", 0, 1, "{:.0f} km away"),
    )

    def __init__(self, echoes=0, **how):
        super().__init__(**how)
        self.echoes = echoes

    def count(self, world):
        return 2

    def tops(self, scenario):
        return {"distance": 100.0 * scenario.round_s}

    def more(self, world):
        return tuple(Feature(f"echo_{i}", "1", 0, 8, "echo {:.0f}") for i in range(self.echoes))

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        for k in range(own.items.shape[1]):
            item = own.items[b, k]
            item.up = sim.lasers.state.links[b, n, k].peer != NONE
            item.number = k + 1
            for i in range(own.more.shape[2]):
                own.more[b, k, i] = (k + 1) * (i + 1)


class Turn(Block):
    """Nadir or the Sun."""

    group = "pointing"

    def actions(self, world):
        return Action("rest", "keep the camera to nadir"), Action("bask", "turn the panel to the Sun")

    @staticmethod
    @kernel
    def allow(sim, own, moment, legal, b, n):
        legal[0] = 1
        legal[1] = sim.state.body[b, n].alive

    @staticmethod
    @kernel
    def apply(told, own, action, b, n):
        told.commands.mode[b, n] = CHARGE if action == 1 else IDLE


class Shout(Block):
    """Something else to order, legal in the rounds of even numbers. It changes nothing."""

    group = "voice"
    stands = False

    def actions(self, world):
        return (Action("shout", "shout at the stars", "in even rounds"),)

    @staticmethod
    @kernel
    def allow(sim, own, moment, legal, b, n):
        legal[0] = sim.state.clock[b].round % 2 == 0

    @staticmethod
    @kernel
    def apply(told, own, action, b, n):
        pass


class Charged(Block):
    """What the battery holds, in shares of its capacity, times `price`."""

    terms = ("reward_charge", "charge")

    def __init__(self, price):
        super().__init__()
        self.price = price

    def params(self, world):
        return (self.price,)

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        row.charge = sim.state.power[b, n].energy / sim.state.power[b, n].capacity
        row.reward_charge = own.params[0] * row.charge


@kernel
def _number(sim, params, moment, b, n, out):
    out[0] = params[0] * n


class Bask(Problem):
    """Bask in the Sun.

    {creation}

    {observation}

    {actions}

    {rewards}

    {arguments}
    """

    name, scenario = "bask_v0", "pair"
    overrides = {"requests.initial": 0, "requests.per_hour": 0.0}
    briefing_text = "Every {round_s:g} s you bask or rest."
    arguments = {"price": "worth of a full battery"}

    @classmethod
    def declare(cls, price: float = 1.0, echoes: int = 0) -> Declaration:
        return Declaration(
            blocks=(Body(topic="Body"), Links(echoes, omit=("distance",)), Turn(), Shout(), Charged(price)),
            state=(TIME,),
            satellite_state=(BATTERY, Piece(1, _number, _tenth)),
        )


def _tenth(world):
    return (0.1,)


PATH = f"{__name__}:Bask"
NO_PROBLEMS = [
    None, 3, Block, Bask.declare, "nowhere:Bask", f"{__name__}:Nap", f"{__name__}:Turn", f"{__name__}:",
    ":Bask", ".a:Bask", "bask",
]  # fmt: skip
CYCLES = {"max_cycles": 8}


@pytest.fixture
def forgotten():
    """The registries are as before when the test is over."""
    tables = [registry._PROBLEMS, gymnasium.registry]
    tables += [getattr(pettingzoo, f"{face}_registry", {}) for face in ("parallel", "aec")]
    before = [dict(table) for table in tables]
    yield
    for table, old in zip(tables, before, strict=True):
        table.clear()
        table.update(old)


class TestOfficial:
    def test_parallel(self):
        for form in ({}, {"mask_in_obs": True}, {"death": "remove"}, {"multi_discrete": True}):
            parallel_api_test(envs.make(Bask, **CYCLES, **form), num_cycles=20)
        parallel_seed_test(partial(envs.make, PATH), num_cycles=10)

    def test_in_turn(self):
        api_test(envs.make(Bask, face="aec", **CYCLES), num_cycles=40)
        api_test(envs.make(PATH, face="raw", **CYCLES), num_cycles=40)
        seed_test(partial(envs.make, Bask, face="aec"), num_cycles=10)

    def test_our_own(self):
        envs.check_env(partial(envs.make, Bask), partial(envs.make, Bask, face="batch"), max_cycles=8)
        envs.check_env(partial(envs.make, PATH, multi_discrete=True, echoes=2), max_cycles=6)

    def test_single(self):
        check_gymnasium(envs.make(Bask, face="single", **CYCLES), skip_render_check=True)

    def test_vector(self):
        env = envs.make(PATH, face="vector", num_envs=3, **CYCLES)
        seen, info = env.reset(seed=0)
        assert seen.shape == (3, 10)
        assert env.observation_space.contains(seen)
        assert info["action_mask"].shape == (3, 3)
        _, rewards, *_ = env.step(np.array([0, 1, 1]))
        assert (rewards > 0.0).all()

    def test_language(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that an observation is no array
            parallel_api_test(envs.make(Bask, face="language", **CYCLES), num_cycles=10)
        env = envs.make(PATH, face="language")
        reports, _ = env.reset(seed=0)
        assert env.system.startswith("Every 30 s you bask or rest.")
        assert "Body: battery at " in reports["sat_0"]
        assert "bask: turn the panel to the Sun" in env.system
        assert "\nB: bask" in reports["sat_0"]
        env.step({"sat_0": "bask", "sat_1": "A"})
        assert env.world.state.activity["mode"].tolist() == [[CHARGE, IDLE]]
        same = envs.language.parallel_env(Bask)
        assert same.system == env.system
        assert envs.language.env(PATH).unwrapped is not None


class TestWhatItDeclares:
    def test_is_what_the_faces_have(self):
        env = envs.make(Bask, echoes=2)
        assert env.actions == ("rest", "bask", "shout")
        assert env.batch.terms == ("reward_charge", "charge", "illegal")
        assert env.world.parts == ("lasers",)
        assert env.layout.names == (
            "battery", "temperature",
            "board_temperature", "full_power_left", "battery_left", "battery_health",
            "link_1_up", "link_1_number", "link_1_echo_0", "link_1_echo_1",
            "link_2_up", "link_2_number", "link_2_echo_0", "link_2_echo_1",
        )  # fmt: skip
        assert env.layout.features[6].topic == "Link 1"
        assert env.state_space.shape == (1 + 2 * 2,)

    def test_is_computed(self):
        env = envs.make(Bask, price=3.0, echoes=2)
        seen, _ = env.reset(seed=0)
        row = env.layout.physical(np.stack(list(seen.values())))
        up = env.world.lasers.state.links["peer"][0, :, :2] != NONE
        np.testing.assert_allclose(row[:, [6, 10]], up, atol=1e-6)
        np.testing.assert_allclose(row[:, [7, 8, 9, 11, 12, 13]], [[1, 1, 2, 2, 2, 4]] * 2, atol=1e-6)
        np.testing.assert_allclose(env.state()[[0, 2, 4]], [1.0, 0.0, 0.1], atol=1e-6)
        _, rewards, _, _, infos = env.step({"sat_0": 2, "sat_1": 2})
        assert rewards["sat_0"] == pytest.approx(3.0 * infos["sat_0"]["charge"])
        *_, infos = env.step({"sat_0": 2, "sat_1": 0})
        assert [infos[agent]["illegal"] for agent in env.agents] == [1.0, 0.0]

    def test_team_reward(self):
        env = envs.make(Bask, team_reward=True)
        env.reset(seed=0)
        _, rewards, _, _, infos = env.step({})
        mean = np.mean([info["reward_charge"] for info in infos.values()])
        assert list(rewards.values()) == pytest.approx([mean] * 2)

    def test_several_orders(self):
        env = envs.make(Bask, face="batch", multi_discrete=True)
        assert isinstance(env, JointBatch)
        assert env.parts == (2, 2)
        env.reset(seed=0)
        *_, info = env.step([[[1, 1], [0, 1]]])
        assert env.world.state.activity["mode"].tolist() == [[CHARGE, IDLE]]
        *_, info = env.step([[[1, 1], [0, 0]]])
        assert info["terms"][0, :, -1].tolist() == [1.0, 0.0]

    def test_what_stands(self):
        """To bask goes on; a shout does not, and what comes after it is rest."""
        env = deliberating(envs.make(Bask, face="batch", autoreset=False))
        env.reset(0)
        assert env.problem.stands.tolist() == [True, True, False]
        hold = np.full((1, 2), HOLD)
        env.step([[1, 2]])
        for _ in range(2):
            *_, info = env.step(hold)
            assert env.world.state.activity["mode"].tolist() == [[CHARGE, IDLE]]
            assert info["terms"][0, :, env.terms.index("illegal")].tolist() == [0.0, 0.0]

    def test_page_says_it(self):
        text = page(Bask)
        assert not set(re.findall(r"{[^}]*}", text)) - {"{N-1}", '{"observation": ..., "action_mask": ...}'}
        rows = (
            "| battery | % | 0 | 100 | linear | battery at ... % |",
            "| link_k_number | 1 | 0 | 4 | linear | number ... |",
            "| shout | shout at the stars | in even rounds |",
            "| `reward_charge`, `charge` | What the battery holds, in shares of its capacity, times 1. |",
            "| `price` | 1.0 | worth of a full battery |",
        )
        for said in rows:
            assert said in text
        assert "distance" not in text


def frozen(part):
    if isinstance(part, dict):
        return [(name, frozen(value)) for name, value in part.items()]
    if isinstance(part, (tuple, list)):
        return [frozen(value) for value in part]
    return part.tobytes() if isinstance(part, np.ndarray) else part


def story(env, face, rounds=4):
    """What is seen in some rounds in which everybody does this and that."""
    told = []
    for k in range(rounds):
        action = (1, 2, 0, 1)[k % 4]
        if face in ("aec", "raw"):
            for _ in range(2):
                env.step(action)
                told.append(frozen((env.last(), env.agent_selection)))
        elif face == "batch":
            told.append(frozen(env.step(np.full((env.worlds, env.satellites), action))))
        elif face == "vector":
            told.append(frozen(env.step(np.full(env.num_envs, action))))
        elif face == "single":
            told.append(frozen(env.step(action)))
        elif face == "language":
            reply = Reply("ABC"[action], prompt_tokens=300, output_tokens=500)
            told.append(frozen(env.step(dict.fromkeys(env.agents, reply))))
        else:
            told.append(frozen(env.step(dict.fromkeys(env.agents, action))))
    return told


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
@pytest.mark.parametrize("face", FACES)
def test_a_copy_goes_on_to_the_same_future(face, copied):
    env = envs.make(Bask, face=face, echoes=1)
    twin = copied(env)
    for each in (env, twin):
        each.reset(seed=3)
        story(each, face)
    assert story(env, face) == story(twin, face)
    twin = copied(env)
    assert story(env, face) == story(twin, face)
    assert story(twin, face, 3) == story(env, face, 3)


def test_problems_and_declarations_pickle():
    problem = envs.make(Bask, face="batch", price=2.0, team_reward=True).problem
    for twin in (pickle.loads(pickle.dumps(problem)), copy.deepcopy(problem), problem.over(problem.world)):
        assert type(twin) is Bask
        assert twin.price(Charged) == 2.0
        assert twin.price(Loss) == 0.0
        assert twin.team_reward
        assert twin.layout.features == problem.layout.features
    told = Bask.declare().satellite_state
    assert pickle.loads(pickle.dumps(told)) == copy.deepcopy(told) == told


def test_a_thought_under_way_is_copied():
    env = deliberating(envs.make(Bask, face="batch", autoreset=False))
    env.reset(0)
    env.step([[1, 1]], Thought(np.full((1, 2), 400), np.full((1, 2), 4_000)))
    for twin in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        for _ in range(3):
            a, b = (each.step(np.full((1, 2), HOLD)) for each in (copy.deepcopy(env), twin))
            np.testing.assert_array_equal(a[0], b[0])
            break


class TestRegister:
    def test_by_its_own_name(self, forgotten):
        envs.register(Bask)
        assert "bask_v0" in envs.names()
        env = envs.make("bask_v0", **CYCLES)
        assert type(env.problem) is Bask
        envs.register(Bask)
        envs.register(PATH)
        envs.registry.register_all()

    def test_with_gymnasium_and_pettingzoo(self, forgotten):
        envs.register(PATH)
        env = gymnasium.make("sandbox/Bask-v0", max_cycles=5, price=2.0)
        assert env.unwrapped.problem.price(Charged) == 2.0
        many = gymnasium.make_vec("sandbox/Bask-v0", num_envs=2, vectorization_mode="vector_entry_point")
        assert many.reset(seed=0)[0].shape == (2, 10)
        if hasattr(pettingzoo, "make"):
            assert pettingzoo.make("parallel", "sandbox/bask-v0", max_cycles=5).unwrapped.max_cycles == 5
            assert pettingzoo.make("aec", "sandbox/bask-v0").unwrapped.possible_agents == ["sat_0", "sat_1"]

    def test_by_another_name(self, forgotten):
        envs.register(Bask, "sun_bath_v3")
        assert type(envs.make("sun_bath_v3", face="batch").problem) is Bask
        with pytest.raises(SandboxError, match="Unknown decision problem 'bask_v0'"):
            envs.make("bask_v0")

    @pytest.mark.parametrize(
        "name", ["bask", "Bask_v0", "bask-v0", "bask_v", "", "1_v0", "a b_v0", 7, b"a_v0"]
    )
    def test_a_bad_name(self, forgotten, name):
        before = envs.names()
        with pytest.raises(SandboxError, match="give one such as relay_v0"):
            envs.register(Bask, name)
        assert envs.names() == before

    @pytest.mark.parametrize("name", ["tasking_v0", "bask_v0"])
    def test_a_name_that_is_taken(self, forgotten, name):
        envs.register(Bask)
        with pytest.raises(SandboxError, match=f"{name} is registered already, as .*:"):
            envs.register(type("Other", (Bask,), {}), name)
        assert envs.make("bask_v0", face="batch").problem.name == "bask_v0"

    @pytest.mark.parametrize("wrong", NO_PROBLEMS, ids=str)
    def test_what_is_none(self, forgotten, wrong):
        for use in (
            envs.register,
            envs.make,
            partial(envs.register, name="bask_v1"),
            envs.language.parallel_env,
        ):
            with pytest.raises(SandboxError) as error:
                use(wrong)
            assert "\n" not in str(error.value)


def problem_of(**changes):
    return type("Odd", (Bask,), changes)


def declared(*blocks, **options):
    return problem_of(declare=classmethod(lambda cls: Declaration(blocks=blocks, **options)))


class TestWrongDeclarations:
    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            (Problem, r"Problem.name is missing"),
            (problem_of(scenario=None), r"Odd.scenario is missing"),
            (
                problem_of(declare=classmethod(lambda cls, death=1: None)),
                "every problem has an argument death",
            ),
            (problem_of(declare=classmethod(lambda cls, scenario="": None)), "argument scenario; rename"),
            (problem_of(declare=classmethod(lambda cls, price: None)), "the option price has no default"),
            (declared(Body(), Links()), "has no action"),
            (declared(Body(), Body(), Turn()), "two features called battery"),
            (declared(Links(), Links(), Turn()), "two features called link_1_up"),
            (declared(Turn(), Turn()), "two actions called rest"),
            (declared(Turn(), Charged(1.0), Charged(2.0)), "two terms called reward_charge"),
        ],
    )
    def test_are_one_sentence(self, wrong, sentence):
        with pytest.raises(SandboxError, match=sentence):
            envs.make(wrong)

    def test_orders_that_stand_apart(self):
        class Whisper(Shout):
            group = "pointing"

            def actions(self, world):
                return (Action("whisper", "whisper"),)

        with pytest.raises(SandboxError, match="blocks that order pointing stand apart"):
            envs.make(declared(Turn(), Shout(), Whisper()), multi_discrete=True)
        with pytest.raises(SandboxError, match="one order to change"):
            envs.make(declared(Turn()), multi_discrete=True)

    @pytest.mark.parametrize("face", FACES)
    def test_unknown_options_and_faces(self, face):
        with pytest.raises(SandboxError, match="Unknown option of bask_v0 'prise'; did you mean price"):
            envs.make(Bask, face=face, prise=2.0)
        with pytest.raises(
            SandboxError, match="Unknown option of bask_v0 'max_cycle'; did you mean max_cycles"
        ):
            envs.make(Bask, face=face, max_cycle=2)
        with pytest.raises(SandboxError, match="Unknown face"):
            envs.make(Bask, face=face + "s")


def test_a_problem_that_declares_nothing_is_one_sentence():
    class Nothing(envs.Problem):
        name, scenario = "nothing_v0", "pair"

    with pytest.raises(SandboxError, match=r"Nothing declares nothing; override its class method declare"):
        envs.make(Nothing)


class TestPackage:
    def test_dir_has_what_can_be_had(self):
        assert {"make", "register", "names", "Problem", "Block", "tasking_v0", "language"} <= set(dir(envs))
        for name in dir(envs):
            assert getattr(envs, name) is getattr(envs, name), "the same at every look"
        with pytest.raises(AttributeError, match="no attribute 'tasking_v1'"):
            envs.tasking_v1  # noqa: B018

    def test_importing_it_loads_no_kernels(self):
        code = "import sys, envs; dir(envs); print([m for m in sys.modules if m.split('.')[0] == 'numba'])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"

    def test_make_is_a_function_however_often_it_is_asked_for(self):
        code = (
            "import envs; envs.make; import envs.making; assert callable(envs.make) and callable(envs.make)"
        )
        subprocess.run([sys.executable, "-c", code], check=True)
