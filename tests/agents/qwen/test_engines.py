"""The factory: which engine for which choices, and choices that do not go together."""

import sys
from types import ModuleType

import pytest
from checkpoints import make_adapter
from fake_server import FakeServer, SystemOneServer

from agents.qwen.decisions import Engine
from agents.qwen.engines import make_engine
from agents.qwen.local import LocalEngine
from agents.qwen.policy import QwenPolicy
from agents.qwen.server import ServerEngine
from envs import tasking_v0
from envs.deliberation import deliberating
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario


@pytest.mark.parametrize("thinking", ["off", 3])
def test_a_fleet_flies_with_a_checkpoint(checkpoint, thinking):
    """Over the environment that charges thought, twice the same run."""
    scenario = load_scenario("scs01", {"satellites": ["SCS-01 A", "SCS-01 B"]})
    runs = []
    for _ in range(2):
        env = deliberating(tasking_v0.batch_env(scenario, 2, autoreset=False))
        policy = QwenPolicy(env, make_engine(checkpoint, thinking=thinking, sample=True))
        policy.reset(8)
        observation, info = env.reset(8)
        seen = []
        for _ in range(3):
            actions = policy.act(observation, info)
            seen += [actions.tolist(), policy.thought.prompt_tokens.tolist()]
            assert len(policy.decisions) == 4
            observation, *_, info = env.step(actions, policy.thought)
        runs.append(seen)
        policy.close()
    assert runs[0] == runs[1]


@pytest.fixture
def nano(monkeypatch):
    class NanoEngine(Engine):
        name = "nano"

        def __init__(self, *, sample=False, seed=0):
            self.sample, self.seed = sample, seed

        def decide(self, requests):
            return []

    module = ModuleType("agents.qwen.nano")
    module.NanoEngine = NanoEngine
    monkeypatch.setitem(sys.modules, "agents.qwen.nano", module)


def test_a_folder_is_read_in_this_process(checkpoint):
    engine = make_engine(checkpoint, seed=None, dtype="float32", context=None)
    assert type(engine) is LocalEngine
    assert engine.mode == "choose"
    assert make_engine(str(checkpoint), mode="reason").budget == 256
    assert make_engine(checkpoint, thinking=7).mode == "reason"
    assert make_engine(checkpoint, mode="reason", thinking="free").budget == float("inf")
    assert make_engine(checkpoint, name="Qwen3-8B").name == "Qwen3-8B"


def test_adapters(checkpoint, tmp_path):
    folder = make_adapter(checkpoint, tmp_path / "lora", seed=1)
    assert make_engine(checkpoint, adapter=folder).default_adapter == "adapter"
    many = make_engine(checkpoint, adapter={"a": folder})
    assert (many.adapters, many.default_adapter) == (("a",), None)


def test_a_server():
    with FakeServer(SystemOneServer()) as server:
        engine = make_engine(server=server.url, retries=0)
        assert type(engine) is ServerEngine
        assert engine.model == "Qwen/Qwen3-8B"
        engine.close()


def test_the_nano_is_the_default(nano):
    assert make_engine().name == "nano"
    assert make_engine(sample=True).sample


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"mode": "chose"}, "Unknown mode 'chose'; did you mean choose"),
        ({"mode": "choose", "thinking": 5}, "mode choose does not go with thinking 5"),
        ({"mode": "reason", "thinking": "off"}, "mode reason does not go with thinking off"),
        ({"thinking": 5}, "The nano only chooses"),
        ({"adapter": "lora"}, "An adapter needs the checkpoint"),
        ({"adapter": "lora", "server": "http://localhost:1"}, "loaded by the server itself"),
        ({"cassette": "run.jsonl"}, "A cassette holds the exchanges with a server; give --server"),
        ({"record": True}, "give --server"),
        ({"server": "http://localhost:1", "dtype": "float32"}, "dtype is an option of a checkpoint"),
        ({"retries": 2}, r"retries is an option of a server \(--server\), not of the nano; leave it out"),
        ({"timeout": 5}, "Unknown option of NanoEngine 'timeout'"),
    ],
)
def test_choices_that_do_not_go_together(nano, choices, sentence):
    with pytest.raises(SandboxError, match=sentence):
        make_engine(**choices)


def test_options_of_another_engine(checkpoint):
    with pytest.raises(
        SandboxError, match=r"retries is an option of a server \(--server\), not of a checkpoint"
    ):
        make_engine(checkpoint, retries=3)
