"""Exchanges recorded with a server and replayed without one."""

import json

import pytest
from fake_server import FakeServer, Manners, SystemOneServer, chat

from agents.qwen.server import ServerEngine
from sandbox.errors import SandboxError

FAST = {"debias": "none", "backoff_s": 0.01, "retries": 0}
NOWHERE = "http://127.0.0.1:9/v1"


def facts(decisions):
    return [(d.action, d.finish, d.text, d.prompt_tokens, d.output_tokens, d.fell_back) for d in decisions]


class Moody(Manners):
    """Answers some questions, fails others, in the order in which it is asked."""

    def chat(self, body):
        place = body["messages"][-1]["content"]
        if "Power and heat" not in place:
            return super().chat(body)
        moods = [(200, chat("B")), (200, chat("no")), (500, {}), (200, b"garbage")]
        return moods[len(place) % len(moods)]


def test_a_replay_gives_the_same_run_without_a_server(tmp_path, requests_seen, monkeypatch):
    monkeypatch.setenv("SANDBOX_API_KEY", "secret")
    file = tmp_path / "run.jsonl"
    with FakeServer(Moody()) as server:
        engine = ServerEngine(server.url, dialect="text", cassette=file, record=True, **FAST)
        recorded = [engine.decide(requests_seen), engine.decide(requests_seen[:3])]
        engine.close()
    player = ServerEngine(NOWHERE, dialect="text", cassette=file, **FAST)
    replayed = [player.decide(requests_seen), player.decide(requests_seen[:3])]
    assert list(map(facts, replayed)) == list(map(facts, recorded))
    assert len({d.finish for d in recorded[0]}) > 1, "a run without failures shows less"
    assert "secret" not in file.read_text()
    assert server.url not in file.read_text()


def test_sampling_is_replayed_too(tmp_path, requests_seen):
    file = tmp_path / "run.jsonl"
    options = {"sample": True, "seed": 4, "cassette": file} | FAST
    with FakeServer(SystemOneServer()) as server:
        recorded = ServerEngine(server.url, record=True, **options).decide(requests_seen)
    assert facts(ServerEngine(NOWHERE, **options).decide(requests_seen)) == facts(recorded)


def test_a_request_not_on_the_cassette_is_one_sentence(tmp_path, requests_seen):
    file = tmp_path / "run.jsonl"
    with FakeServer(SystemOneServer()) as server:
        ServerEngine(server.url, cassette=file, record=True, **FAST).decide(requests_seen[:1])
    player = ServerEngine(NOWHERE, cassette=file, **FAST)
    with pytest.raises(SandboxError, match=r"POST /systemone is asked and not on cassette .*run.jsonl"):
        player.decide(requests_seen[1:2])
    player.decide(requests_seen[:1])
    with pytest.raises(SandboxError, match="oftener than it was recorded"):
        player.decide(requests_seen[:1])


def test_nothing_is_left_of_a_recording_that_cannot_begin(tmp_path):
    file = tmp_path / "run.jsonl"
    with pytest.raises(SandboxError, match="cannot be reached"):
        ServerEngine(NOWHERE, cassette=file, record=True, **FAST)
    assert not file.exists()


def test_a_cassette_is_not_overwritten(tmp_path):
    file = tmp_path / "run.jsonl"
    file.write_text("kept")
    with pytest.raises(SandboxError, match="exists; replay it, or remove it to record"):
        ServerEngine(NOWHERE, cassette=file, record=True, **FAST)
    assert file.read_text() == "kept"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read"),
        (b"\xff\xff", "cannot be read"),
        (b"{", "Line 1 of cassette"),
        (b"[]\n", "Line 1 of cassette"),
        (
            json.dumps({"method": "GET", "path": "/models", "body": None}).encode(),
            "is not a recorded exchange",
        ),
        (b'{"method": "GET", "path": "/", "body": null, "reply": {"odd": 1}}', "is not a recorded exchange"),
    ],
)
def test_a_broken_cassette_is_one_sentence(tmp_path, content, sentence):
    file = tmp_path / "run.jsonl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SandboxError, match=sentence):
        ServerEngine(NOWHERE, cassette=file, **FAST)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(SandboxError, match="cannot be written"):
        ServerEngine(NOWHERE, cassette=tmp_path / "no" / "run.jsonl", record=True, **FAST)
