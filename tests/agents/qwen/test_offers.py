"""When thinking is a choice of a satellite, what it is told of the price, what a run tells of thoughts."""

import json

import numpy as np
import pytest

from agents.qwen.choice import thinking_of
from agents.qwen.decisions import Decision, Engine
from agents.qwen.offers import Offers
from agents.qwen.policy import QwenPolicy
from envs import tasking_v0
from envs.deliberation import deliberating
from experiments.running.callbacks import Tally
from experiments.running.chat_commands import told_of
from experiments.running.cli import main
from experiments.running.flight import Flight
from experiments.running.metrics import ASKED_METRICS, metrics_in
from experiments.running.rollout import play
from experiments.running.run_folder import recording_in
from sandbox.errors import SandboxError
from sandbox.recording import Recording
from sandbox.scenario import load_scenario

FLEET = {"horizon_h": 1.0, "satellites": [f"SCS-01 {x}" for x in "ABDGKM"]}


class Wishing(Engine):
    """Asks for a thought where it may; it has every other satellite take the last action, not the no-op."""

    name = "Qwen3-8B"
    thinking = thinking_of("auto:100")

    def __init__(self):
        self.offers = []

    def decide(self, requests):
        self.offers.append({request.satellite: request.think for request in requests})
        return [self._one(request) for request in requests]

    def _one(self, request):
        if not request.think:
            return Decision(0, 400, 0, thought_asked=False)
        action = int(request.legal[-1]) if request.satellite % 2 else 0
        return Decision(action, 420, 90, thought_asked=True, without_thought=0, thought_chance=0.9)


@pytest.fixture
def env():
    return deliberating(tasking_v0.batch_env(load_scenario("scs01", FLEET), autoreset=False))


def test_the_price_is_that_of_the_whole_budget_on_the_own_board(env):
    policy = QwenPolicy(env, Wishing())
    policy.act(*env.reset(0))
    cost = env.onboard.cost(0, 100, np.ones((1, 6)))
    for n, said in policy.engine.offers[0].items():
        words = said.split()
        assert said.startswith("up to 100 tokens, about ")
        assert float(words[5]) == pytest.approx(cost.seconds[0, n], rel=0.05)
        assert float(words[8]) == pytest.approx(cost.joules[0, n], rel=0.05)


def test_no_choice_on_a_board_that_is_down_or_too_hot(env):
    policy = QwenPolicy(env, Wishing())
    observation, info = env.reset(0)
    assert (info["board_share"] > 0.0).all()
    for name in ("board", "temperature"):
        env.world.state.body[name][0, 1] = 400.0  # K
    env.world.state.safety["safe"][0, 2] = True
    share = env.present()[1]["board_share"]
    assert (share[0, 1:3] == 0.0).all()
    assert (share[0, 3:] > 0.0).all()
    policy.act(observation, info | {"board_share": share})
    offers = policy.engine.offers[0]
    assert {n for n, said in offers.items() if not said} == {1, 2}


def test_no_choice_where_the_thought_would_outlast_the_episode(env):
    offers = Offers(env, thinking_of("auto:100"))
    seconds = env.onboard.cost(0, 100, np.ones((1, 6))).seconds[0]
    share = np.ones((1, 6))
    last = env.max_cycles - int(np.ceil(seconds.max() / 30.0)) - 1
    assert all(offers.now((1, 6), last, share)[0])
    told = Offers(env, thinking_of("auto:20000"))
    assert not any(told.now((1, 6), env.max_cycles - 1, share)[0])
    assert all(told.now((1, 6), 0, share)[0])
    slow = share * seconds.max() / (env.max_cycles * 30.0)
    assert not all(offers.now((1, 6), 0, slow)[0]), "a hot board thinks longer"


def test_a_comparison_tells_them_and_a_flight_asks(checkpoint, tmp_path):
    words = ["compare", "--policy", "qwen", "greedy", "--scenario", "pair", "--hours", "0.05", "--seeds", "2"]
    words += ["--model", str(checkpoint), "--thinking", "auto:4", "--sample", "--floor", "0", "--quiet"]
    assert main([*words, "--debias", "none", "--json", str(tmp_path / "c.json")]) == 0
    records = json.loads((tmp_path / "c.json").read_text())
    mine = [record for record in records if record["policy"] == "qwen"]
    assert sum(record["thoughts_asked"] for record in mine) == mine[0]["minds"]["qwen"]["thoughts_asked"] > 0
    assert all("thoughts_asked" not in record for record in records if record["policy"] == "greedy")


def test_what_a_flight_says_of_a_thought(env):
    flight = Flight(env, QwenPolicy(env, Wishing()))
    flight.step()
    answer = flight.ask(1)
    assert answer["thought"] == "asked for"
    assert answer["without_thought"] == flight.env.actions[0]
    lines = told_of("SCS-01 B", answer)
    assert f"  thought asked for; without it {flight.env.actions[0]}" in lines


def test_where_thought_is_free_it_is_always_a_choice():
    plain = tasking_v0.batch_env(load_scenario("scs01", FLEET), autoreset=False)
    policy = QwenPolicy(plain, Wishing())
    policy.act(*plain.reset(0))
    assert set(policy.engine.offers[0].values()) == {"up to 100 tokens, then decide"}


def test_what_a_run_tells_of_thoughts(env):
    tally = Tally()
    play(env, QwenPolicy(env, Wishing()), 0, [tally])
    told = metrics_in(env.world, tally.totals())
    assert list(ASKED_METRICS) == [name for name in told if name in ASKED_METRICS]
    assert 0 < told["thought_changed"] < told["thoughts_asked"] <= told["decisions"]
    assert told["asked_thought_s"] == pytest.approx(
        env.onboard.cost(420, 90, np.ones((1, 6))).seconds[0, 0], rel=0.01
    )
    assert 0.0 < told["thoughts_asked_share"] <= 1.0


def test_the_shipped_nano_has_no_thoughts_to_ask_for(env, capsys, tmp_path):
    words = "only chooses: it writes no thoughts, and has none to ask for; take thinking off"
    with pytest.raises(SandboxError, match=words):
        QwenPolicy(env, think="auto")
    run = ["run", "--policy", "qwen", "--scenario", "pair", "--hours", "0.1", "--out", str(tmp_path / "r")]
    for thinking in ("auto", "auto:64", "agile", "8"):
        assert main([*run, "--thinking", thinking]) == 2
        assert words in capsys.readouterr().err
    assert QwenPolicy(env, think="off").engine.thinking.when == "off"


@pytest.mark.parametrize("thinking", ["auto:0", "auto:", "agile:-2", "automatic", "auto:1.5"])
def test_a_wrong_budget_is_one_sentence(thinking, checkpoint, capsys, tmp_path):
    run = ["run", "--policy", "qwen", "--model", str(checkpoint), "--scenario", "pair", "--hours", "0.1"]
    assert main([*run, "--thinking", thinking, "--out", str(tmp_path / "r")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "from 1 up" in said


def test_a_run_with_a_checkpoint_that_may_ask(checkpoint, capsys, tmp_path):
    run = ["run", "--policy", "qwen", "--model", str(checkpoint), "--scenario", "pair", "--hours", "0.1"]
    found = []
    for name in ("one", "other"):
        assert (
            main([*run, "--think", "auto:8", "--sample", "--floor", "0", "--out", str(tmp_path / name)]) == 0
        )
        found.append(json.loads((tmp_path / name / "metrics.json").read_text()))
    one, other = ({k: v for k, v in content.items() if k != "timing"} for content in found)
    assert one == other
    assert one["minds"]["thoughts_asked"] == one["thoughts_asked"] > 0
    assert one["arguments"]["mind"]["engine"]["thinking"] == "auto:8"
    said = capsys.readouterr().out
    assert f"{one['thoughts_asked']:,} thoughts asked for" in said
    rows = Recording.load(recording_in(tmp_path / "one")).events.rows()
    thoughts = [json.loads(row[5]) for row in rows if row[2] == "thought"]
    asked = [thought for thought in thoughts if thought.get("thought") == "asked for"]
    assert len(asked) == one["thoughts_asked"]
    assert all(thought["reasoning"] and thought["without_thought"] for thought in asked)
    assert sum(t["without_thought"] != t["decision"] for t in asked) == one["thought_changed"]
