"""GRPO by TRL: what a reply is worth, and a training of a small random Qwen3 where TRL is installed."""

import csv
import json
from argparse import Namespace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="no torch; pip install -e '.[trl]'")
pytest.importorskip("transformers", reason="no transformers; pip install -e '.[trl]'")

from envs.replies import UNREADABLE
from experiments.running.cli import main
from experiments.training.splits import FIRST_TRAINING_SEED
from experiments.training.with_trl import MALUS, Moment, Replies
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario

HELPERS = Path(__file__).resolve().parents[2] / "agents/qwen"


def replies_of(guide="greedy", ahead=40, hours=2.0):
    trial = Namespace(problem="tasking_v0", scenario=load_scenario("pair"), scale=1.0)
    trial.told = Namespace(hours=hours)
    return Replies(trial, guide, ahead)


@pytest.fixture(scope="module")
def replies():
    made = replies_of()
    yield made
    made.close()


@pytest.fixture(scope="module")
def asked(replies):
    return replies.moments(FIRST_TRAINING_SEED, 20)


def moment_of(row):
    return Moment(row["seed"], row["round"], row["satellite"])


def test_moments_are_decisions_with_a_choice_on_training_seeds(replies, asked):
    assert [message["role"] for message in asked[0]["prompt"]] == ["system", "user"]
    assert len({moment_of(row) for row in asked}) == len(asked) == 20
    assert min(row["seed"] for row in asked) == FIRST_TRAINING_SEED
    assert replies.moments(FIRST_TRAINING_SEED, 20) == asked


def test_a_reply_is_worth_the_same_whenever_it_is_asked(replies, asked):
    first, other = moment_of(asked[0]), moment_of(asked[-1])
    worth = replies.worth(first, "A", 400, 2)
    replies.worth(other, "B", 400, 2)
    assert replies.worth(first, "A", 400, 2) == worth


def test_what_nobody_can_obey_is_played_as_the_no_op_and_costs_the_malus(replies, asked):
    for row in asked[:5]:
        moment = moment_of(row)
        no_op = replies.worth(moment, replies.env.actions[0], 0, 0)
        assert replies.worth(moment, "I cannot say.", 0, 0) == no_op - MALUS
        assert replies._reader.read("I cannot say.", replies.env.legal()[0, 0]).status == UNREADABLE


def test_replies_to_one_report_are_worth_different_things(replies, asked):
    spread = []
    for row in asked:
        worths = [replies.worth(moment_of(row), label, 0, 0) for label in ("A", "B")]
        spread.append(max(worths) - min(worths))
    assert max(spread) > 0.0


def test_a_thought_drains_the_battery(replies, asked):
    row = asked[0]
    replies.worth(moment_of(row), "A", 400, 0)
    quick = replies.env.world.state.power["energy"].copy()
    replies.worth(moment_of(row), "A", 400, 20_000)
    slow = replies.env.world.state.power["energy"]
    assert slow[0, row["satellite"]] < quick[0, row["satellite"]]


def test_a_guide_that_thinks_is_refused():
    with pytest.raises(SandboxError, match="--guide qwen thinks itself"):
        replies_of("qwen")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--batch=10", "--group=4"], "--batch = 10; give a multiple of --group, which is 4."),
        (["--group=1"], "--group = 1; give a whole number of at least 2."),
        (["--thinking=-1"], "--thinking = -1; give a whole number of at least 0."),
    ],
)
def test_numbers_that_do_not_go_are_told(tmp_path, capsys, options, sentence):
    assert main(["train_trl", "--model", "m", "--out", str(tmp_path / "o"), *options]) == 2
    assert sentence in capsys.readouterr().err


def taught(folder, rows, steps=40):
    """Teach the checkpoint in `folder` to answer with a letter, whichever: as the public ones come."""
    import torch
    from transformers import AutoTokenizer, Qwen3ForCausalLM

    from agents.qwen.chat import ChatRenderer

    model, tokenizer = Qwen3ForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    chat, optimizer = ChatRenderer(tokenizer, "small"), torch.optim.AdamW(model.parameters(), 1e-2)
    for step in range(steps):
        system, report = (message["content"] for message in rows[step % len(rows)]["prompt"])
        answer = [*chat.encode("ABC"[step % 3]), tokenizer.eos_token_id]
        ids = torch.tensor([chat.ids(system, report, False) + answer])
        labels = torch.where(torch.arange(ids.shape[1]) < ids.shape[1] - len(answer), -100, ids[0])
        model(ids, labels=labels[None]).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    return folder


@pytest.mark.filterwarnings("ignore")  # the trainer's own
def test_it_learns_and_leaves_a_checkpoint_that_flies(tmp_path, capsys, monkeypatch, asked):
    pytest.importorskip("trl", reason="no TRL; pip install -c constraints.txt -e '.[trl]'")
    monkeypatch.syspath_prepend(str(HELPERS))
    from checkpoints import make_checkpoint
    from transformers import Qwen3ForCausalLM

    corpus = [message["content"] for row in asked[:4] for message in row["prompt"]]
    begun = taught(make_checkpoint(tmp_path / "begun", corpus=corpus), asked)
    out = tmp_path / "o"
    short = ["--hours=0.5", "--iterations=2", "--batch=8", "--group=4", "--evaluations=2"]
    words = ["train_trl", "--model", str(begun), *short, "--evaluate-worlds=1", "--learning-rate=0.01"]
    assert main([*words, "--out", str(out)]) == 0
    rows = list(csv.DictReader((out / "learning_curve.csv").open()))
    assert [int(row["steps"]) for row in rows] == [8, 16]
    assert "greedy" in json.loads((out / "training.json").read_text())["references"]
    assert "Return on 1 held-out seeds: TRL" in capsys.readouterr().out
    before, after = (Qwen3ForCausalLM.from_pretrained(folder) for folder in (begun, out / "checkpoint"))
    assert any(
        (one != other).any() for one, other in zip(before.parameters(), after.parameters(), strict=True)
    )
    flown = ["run", "--policy=qwen", "--scenario=pair", "--hours=0.02", "--model", str(out / "checkpoint")]
    assert main([*flown, "--out", str(tmp_path / "run"), "--quiet"]) in (0, 3)  # 3: nothing but fallbacks


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--model", "nowhere"], "nowhere"),
        (["--model", "nowhere", "--guide", "qwen"], "--guide qwen thinks itself"),
        (["--model", "nowhere", "--guide", "keyword"], "'keyword' is made for operations_v0"),
        (["--model", "nowhere", "--ahead", "0"], "--ahead = 0"),
        (["--model", "nowhere", "--learning-rate", "0"], "--learning-rate = 0; give more than 0."),
    ],
)
def test_what_cannot_be_trained_is_said_before_anybody_flies(
    tmp_path, monkeypatch, capsys, options, sentence
):
    pytest.importorskip("trl", reason="no TRL; pip install -c constraints.txt -e '.[trl]'")

    def flown(*_, **__):
        raise AssertionError("the references were flown")

    monkeypatch.setattr("experiments.training.trial.references", flown)
    assert main(["train_trl", "--hours=0.5", "--out", str(tmp_path / "o"), *options]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
