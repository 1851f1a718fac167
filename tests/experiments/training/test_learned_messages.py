"""Messages that are learned: drawn, sent, heard, judged by what follows, and kept with the policy."""

import json
from contextlib import closing

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import envs  # noqa: E402
from agents import Policy, make_policy  # noqa: E402
from agents.charged import Charged  # noqa: E402
from agents.consulting import Consulting  # noqa: E402
from agents.network import FILE, Forward, network_class, write_weights  # noqa: E402
from envs.deliberation import deliberating  # noqa: E402
from experiments.running.cli import main  # noqa: E402
from experiments.running.rollout import advance, decide  # noqa: E402
from experiments.training.cloning import clone  # noqa: E402
from experiments.training.ppo import Learner, Settings, log_chances, log_chances_said  # noqa: E402
from experiments.training.session import Session, Task  # noqa: E402
from sandbox.errors import SandboxError  # noqa: E402

NAME, SIZE = "autonomy_v0", 3


@pytest.fixture(scope="module")
def calm(disaster):
    return disaster(calm=True)


def batch(scenario, size=SIZE, worlds=2, **more):
    return envs.make(NAME, scenario, face="batch", worlds=worlds, message_size=size, max_cycles=20, **more)


def heard(env, observation):
    """What stands in the observations of neighbours' messages (B, N, K, M)."""
    names = list(env.layout.names)
    places = [[names.index(f"neighbour_{k}_message_{i + 1}") for i in range(SIZE)] for k in (1, 2)]
    return observation[..., np.array(places)]


def test_what_is_said_is_drawn_and_heard_a_round_later(calm):
    settings = Settings(rollout=10)
    learner = Learner([batch(calm)], settings, 0, 1_000_000)
    (arena,) = learner.arenas
    arena.collect(learner)
    assert set(np.unique(arena.said)) == {-1.0, 1.0}
    told = heard(arena.env, arena.seen)
    arrived = told[-1][told[-1] != 0.0]
    assert arrived.size
    assert set(np.round(np.abs(arrived), 3)) == {1.0}
    said = arena.said.reshape(10, *arena.seen.shape[1:3], SIZE)
    linked = np.argwhere((told[-1] != 0.0).all(-1) & (told[-2] != 0.0).all(-1))
    for b, n, k in linked:  # each word that is heard was said by somebody else in that world
        others = [m for m in range(said.shape[2]) if m != n]
        words = {tuple(said[t, b, m]) for t in (-1, -2, -3) for m in others}
        assert tuple(np.round(told[-1, b, n, k])) in words


def test_chances_are_those_of_action_and_message(calm):
    learner = Learner([batch(calm)], Settings(rollout=6), 0, 1_000_000)
    (arena,) = learner.arenas
    with torch.no_grad():
        learner.actor.heads[0].weight.mul_(50.0)  # so that no message is as likely as another
    learner.acting = Forward(learner.weights())
    arena.collect(learner)
    judged = learner.judge(arena)
    with torch.no_grad():
        logits, _ = learner.outputs(judged)
        acted = log_chances(logits, judged.mask).gather(-1, judged.action[..., None])[..., 0]
        said, unsure = log_chances_said(logits, judged.said)
    assert torch.allclose(acted + said, judged.chance, atol=1e-4)
    assert (said < -1e-3).any()
    chance = torch.sigmoid(logits[..., -SIZE:])
    by_hand = -(chance * chance.log() + (1 - chance) * (1 - chance).log()).sum(-1)
    assert torch.allclose(unsure, by_hand, atol=1e-3)


def test_a_message_that_pays_is_learned(calm, monkeypatch):
    """Everybody is paid for the first number that it sent, and for nothing else."""
    env = batch(calm, worlds=4)
    learner = Learner([env], Settings(rollout=16, rate=1e-2, epochs=4), 0, 1_000_000)
    (arena,) = learner.arenas
    step, say, last = env.step, env.problem.mail.say, []

    def kept(messages):
        last[:] = [messages.copy()]
        say(messages)

    def paid(actions, out):
        told = step(actions, out=out)
        out["reward"][...] = last[0][..., 0]
        return told

    monkeypatch.setattr(env, "step", paid)
    monkeypatch.setattr(env.problem.mail, "say", kept)
    for _ in range(40):
        learner.iterate()
    means = arena.said[arena.decides[:-1].reshape(len(arena.said), -1).astype(bool)].mean(0)
    assert means[0] > 0.9
    assert np.abs(means[1:]).max() < 0.9


@pytest.mark.parametrize("more", [{}, {"memory": 8, "critic": "separate"}, {"critic": "shared"}])
def test_a_training_that_was_cut_off_goes_on_to_the_same_curve(calm, tmp_path, more):
    settings = Settings(rollout=16, minibatch=64, **more)
    task = Task(NAME, (calm,), 0.25, 2, 2, interval=64, options={"message_size": SIZE})
    task.check_practice()

    def trained(folder, *steps):
        folder.mkdir()
        records = []
        for until in steps:
            with closing(task.judge_env()) as judge:
                session = Session(task, settings, 0, folder, judge, {})
                session.run(until, None, records.append)
                session.close()
        return [record["returns"] for record in session.records], session.learner.weights()

    curve, weights = trained(tmp_path / "whole", 600)
    again, same = trained(tmp_path / "parts", 200, 600)
    assert curve == again
    assert all(np.array_equal(a, b) for a, b in zip(weights.layers[-1], same.layers[-1], strict=True))
    assert weights.says == SIZE


def speaking(env, mode="argmax", seed=0):
    """A network that was never trained, with something to say."""
    learner = Learner([env], Settings(), seed, 1_000_000)
    with torch.no_grad():
        learner.actor.heads[0].bias.normal_()
    return network_class(learner.weights(mode))


@pytest.mark.parametrize("mode", ["argmax", "sample"])
def test_played_messages_go_out_on_every_face(calm, mode):
    env, face = (
        batch(calm, worlds=1, autoreset=False),
        envs.make(NAME, calm, message_size=SIZE, max_cycles=20),
    )
    kind = speaking(env, mode)
    policy, by_agent = kind(env), kind(face)
    observation, info = env.reset(3)
    observations, infos = face.reset(3)
    policy.reset(5)
    by_agent.reset(5)
    for _ in range(6):
        turn = decide(policy, observation, info)
        assert set(np.unique(turn.messages)) <= {-1.0, 1.0}
        actions = by_agent.act(observations, infos)
        assert [action for action, _ in actions.values()] == turn.actions[0].tolist()
        assert np.array_equal(np.stack([said for _, said in actions.values()]), turn.messages[0])
        _, observation, info, _ = advance(env, policy, turn)
        observations, *_, infos = face.step(actions)
        assert np.array_equal(np.stack(list(observations.values())), observation[0])
    assert (heard(env, observation) != 0.0).any()


def test_who_is_charged_speaks_all_the_same(calm):
    env = deliberating(batch(calm, autoreset=False))
    policy = Charged(speaking(env)(env), 10, 2)
    observation, info = env.reset(3)
    policy.reset(0)
    turn = decide(policy, observation, info)
    assert turn.messages.shape == (2, env.satellites, SIZE)
    advance(env, policy, turn)


def test_the_table_trains_and_judges_with_the_channel(tmp_path):
    words = ["--problems", NAME, "--tiers", "calm", "--seeds", "1", "--hours", "0.1", "--steps", "200"]
    words += ["--worlds", "1", "--unseen", "1", "--algorithms", "messages", "--quiet", "--out", str(tmp_path)]
    words += ["--set", "worlds=1", "clone=none", "evaluate_worlds=1", "anchor=0"]
    assert main(["train_table", *words]) == 0
    record = json.loads((tmp_path / f"results/{NAME}_calm_messages_seed0.json").read_text())
    assert "--option message_size=4" in record["command"]
    assert len(record["returns"]) == len(record["unseen_returns"]) == 1
    named = json.loads((tmp_path / f"results/{NAME}_calm_phoenix.json").read_text())
    assert "message_size" not in named["command"]
    env = envs.make(NAME, face="batch", message_size=4)
    assert make_policy(str(tmp_path / f"trainings/{NAME}_calm/messages_seed_0"), env).weights.says == 4


def test_options_given_to_all_are_given_to_the_judged_and_to_heuristics(tmp_path):
    words = ["--problems", NAME, "--tiers", "calm", "--seeds", "1", "--hours", "0.1", "--steps", "200"]
    words += ["--worlds", "1", "--unseen", "0", "--quiet", "--out", str(tmp_path)]
    words += ["--set", "worlds=1", "clone=none", "evaluate_worlds=1", "anchor=0", "option=message_size=1"]
    assert main(["train_table", *words]) == 0
    named = json.loads((tmp_path / f"results/{NAME}_calm_phoenix.json").read_text())
    assert "--option message_size=1" in named["command"]


class Crier(Policy):
    """Says the same in every round, and rests."""

    def decide(self, observation, mask):
        self.messages = np.full((*mask.shape[:2], SIZE), 0.5, np.float32)
        return np.zeros(mask.shape[:2], np.int64)


@pytest.mark.parametrize("consult", [False, True])
def test_any_policy_is_heard_on_every_face(calm, consult):
    face = envs.make(NAME, calm, message_size=SIZE, max_cycles=20, consult=consult)
    policy = Consulting(face, "auto", Crier(face)) if consult else Crier(face)
    observations, infos = face.reset(3)
    policy.reset(0)
    for _ in range(4):
        observations, *_, infos = face.step(policy.act(observations, infos))
    told = heard(face, np.stack(list(observations.values())))
    assert np.isclose(told, 0.5, atol=1e-3).any()


def test_who_speaks_is_cloned_with_what_it_says(calm, tmp_path):
    env = batch(calm, worlds=2)
    learner = Learner([env], Settings(rollout=20, hidden=16), 0, 1_000_000)
    made = speaking(env)
    write_weights(tmp_path / FILE, made.weights)
    clone(learner, str(tmp_path), [batch(calm, worlds=2)], 1_050_000, 2_000, epochs=200)
    (arena,) = learner.arenas
    learner.acting = Forward(learner.weights())
    arena.collect(learner)
    spoken = learner.acting(arena.seen[5].reshape(arena.rows, -1), arena.memory[5])[0][:, -SIZE:]
    taught = made(env)
    taught.decide(arena.seen[5], arena.mask[5])
    assert (np.sign(spoken) == taught.messages.reshape(arena.rows, SIZE)).mean() > 0.9


def test_channels_have_a_limit():
    with pytest.raises(SandboxError, match="message_size = 100000; give at most 256"):
        envs.make(NAME, message_size=100_000)


def test_how_much_is_said_is_said_once(tmp_path):
    words = ["train_table", "--problems", NAME, "--tiers", "calm", "--seeds", "1", "--hours", "0.1"]
    words += ["--steps", "200", "--worlds", "1", "--unseen", "0", "--algorithms", "messages", "--quiet"]
    words += ["--set", "worlds=1", "clone=none", "evaluate_worlds=1", "anchor=0", "option=message_size=2"]
    assert main([*words, "--out", str(tmp_path / "two")]) == 0
    record = json.loads((tmp_path / f"two/results/{NAME}_calm_messages_seed0.json").read_text())
    assert record["command"].count("message_size=2") == record["command"].count("--option") == 1


def test_messages_where_there_is_no_channel_leave_no_folder(tmp_path, capsys):
    assert main(["train_table", "--algorithms", "messages", "--out", str(tmp_path / "none")]) == 2
    assert "message_size is an option of autonomy_v0" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
