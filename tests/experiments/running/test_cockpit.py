"""The cockpit: commands, two futures in step, a thread that plays; and its server, for its page alone."""

import http.client
import json
import threading
import time
from urllib.parse import urlencode

import numpy as np
import pytest

from envs.episodes import make_env, scenario_of
from experiments.running import cockpit_server
from experiments.running.cli import main
from experiments.running.cockpit import Cockpit
from experiments.running.cockpit_server import MOST_ADDRESS, MOST_BODY, Server
from experiments.running.flight import Flight
from experiments.running.llm_config import Mind
from sandbox.errors import SandboxError
from sandbox.recording import Recording
from sandbox.rendering.packing import unpacked


@pytest.fixture
def cockpit(tmp_path):
    env = make_env("tasking_v0", scenario_of("tasking_v0", "pair"), 0.25)
    made = Cockpit(Flight(env, Mind().policy("greedy", env), 2), "greedy", tmp_path / "out")
    yield made
    made.close()


def until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_plays_to_the_end_and_stops(cockpit):
    cockpit.command({"do": "pace", "value": 100})
    cockpit.command({"do": "play"})
    until(lambda: not cockpit.state()["playing"])
    [run] = cockpit.state()["runs"]
    assert run == {"run": 0, "title": "greedy", "rounds": 30, "over": True, "overrides": {}}
    for name in ("play", "step"):
        with pytest.raises(SandboxError, match="over after 30 rounds"):
            cockpit.command({"do": name})


def test_two_futures_are_flown_in_step_and_one_is_kept(cockpit):
    cockpit.command({"do": "step", "count": 3})
    assert cockpit.command({"do": "branch"}) == {"run": 1}
    cockpit.command({"do": "override", "run": 1, "satellite": 0, "decision": "charge"})
    cockpit.command({"do": "step", "count": 2})
    runs = cockpit.state()["runs"]
    assert [run["title"] for run in runs] == ["greedy", "greedy, branch"]
    assert [run["rounds"] for run in runs] == [5, 5]
    assert [run["overrides"] for run in runs] == [{}, {0: "charge"}]
    with pytest.raises(SandboxError, match="two futures already"):
        cockpit.command({"do": "branch"})
    cockpit.command({"do": "keep", "run": 1})
    assert [(run["run"], run["title"]) for run in cockpit.state()["runs"]] == [(1, "greedy")]
    assert cockpit.command({"do": "branch"}) == {"run": 2}


def test_a_future_from_earlier_catches_up_first(cockpit):
    cockpit.command({"do": "step", "count": 6})
    cockpit.command({"do": "branch", "at": 2})
    assert [run["rounds"] for run in cockpit.state()["runs"]] == [6, 2]
    cockpit.command({"do": "step", "count": 5})
    assert [run["rounds"] for run in cockpit.state()["runs"]] == [7, 7]


def test_rounds_are_sent_from_where_they_are_wanted(cockpit):
    _, arrays = unpacked(cockpit.rounds(0, 0))
    assert "action" not in arrays  # as it stands: no round
    cockpit.command({"do": "step", "count": 6})
    whole, rest = (unpacked(cockpit.rounds(0, first))[1] for first in (0, 4))
    np.testing.assert_array_equal(whole["action"][4:], rest["action"])
    assert len(whole["time"]) == 6
    assert "coast" not in rest


def test_a_question_is_no_news(cockpit):
    before = cockpit.state()
    assert cockpit.command({"do": "legal", "run": 0, "satellite": 0})["legal"][:2] == ["idle", "charge"]
    assert cockpit.command({"do": "ask", "run": 0, "satellite": "Pair 2"})["satellite"] == 1
    assert cockpit.state() == before


def test_it_saves_one_run_or_both(cockpit):
    with pytest.raises(SandboxError, match="nothing to save"):
        cockpit.command({"do": "save"})
    cockpit.command({"do": "override", "run": 0, "satellite": "Pair 1", "decision": "charge"})
    cockpit.command({"do": "step", "count": 2})
    cockpit.command({"do": "branch"})
    saved = cockpit.command({"do": "save"})["saved"]
    assert [path.rpartition("/")[2] for path in saved] == ["recording.npz", "branch.npz", "page.html"]
    recording = Recording.load(cockpit.out / "recording.npz")
    assert len(recording) == 2
    assert "override" in recording.events.kind
    cockpit.command({"do": "keep", "run": 0})
    cockpit.command({"do": "save"})
    assert not (cockpit.out / "branch.npz").exists()


def test_what_fails_is_told_and_can_go_on(cockpit):
    flight = cockpit.runs[0]
    act, flight.policy.act = (
        flight.policy.act,
        lambda *_: (_ for _ in ()).throw(SandboxError("Nobody is there.")),
    )
    cockpit.command({"do": "play"})
    until(lambda: not cockpit.state()["playing"])
    assert cockpit.state()["error"] == "Nobody is there"
    flight.policy.act = act
    cockpit.command({"do": "step"})
    assert cockpit.state()["error"] == ""
    assert cockpit.state()["runs"][0]["rounds"] == 1


class Slow:
    """A policy that decides when it is let, however often it is asked."""

    def __init__(self, policy):
        self._policy, self.free, self.asked = policy, threading.Event(), 0

    def __getattr__(self, name):
        return getattr(self._policy, name)

    def act(self, *seen):
        self.asked += 1
        assert self.free.wait(60)
        return self._policy.act(*seen)


@pytest.fixture
def slow(cockpit):
    flight = cockpit.runs[0]
    flight.policy = Slow(flight.policy)
    yield flight.policy
    flight.policy.free.set()


def test_while_a_policy_decides_the_page_is_answered_and_obeyed(cockpit, slow):
    cockpit.command({"do": "play"})
    until(lambda: slow.asked)
    until(lambda: cockpit.state()["deciding_s"] > 0)
    assert cockpit.state()["playing"]
    assert "action" not in unpacked(cockpit.rounds(0, 0))[1]
    assert "charge" in cockpit.command({"do": "legal", "run": 0, "satellite": 0})["legal"]
    cockpit.command({"do": "override", "run": 0, "satellite": 0, "decision": "charge"})
    cockpit.command({"do": "pause"})
    assert not cockpit.state()["playing"]
    slow.free.set()
    until(lambda: not cockpit.state()["deciding_s"])
    assert cockpit.state()["runs"][0]["rounds"] == 0  # it was paused meanwhile
    cockpit.command({"do": "step"})
    assert slow.asked == 1  # and is not asked twice
    flown = cockpit.runs[0].recording
    assert flown.meta["action_names"][flown["action"][0, 0]] == "charge"


def test_a_command_that_asks_the_policy_goes_before_the_thread(cockpit, slow):
    cockpit.command({"do": "pace", "value": 100})
    cockpit.command({"do": "play"})
    until(lambda: slow.asked)
    answers = []
    asking = threading.Thread(
        target=lambda: answers.append(cockpit.command({"do": "ask", "run": 0, "satellite": 0}))
    )
    asking.start()
    until(lambda: cockpit._waiting)
    slow.free.set()
    asking.join(60)
    assert answers[0]["decision"]
    until(lambda: not cockpit.state()["playing"])
    assert cockpit.state()["runs"][0]["over"]


def test_a_pause_ends_a_step_of_many_rounds(cockpit, slow):
    stepping = threading.Thread(target=lambda: cockpit.command({"do": "step", "count": 20}))
    stepping.start()
    until(lambda: slow.asked)
    cockpit.command({"do": "pause"})
    slow.free.set()
    stepping.join(60)
    assert cockpit.state()["runs"][0]["rounds"] == 1


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ([], "A command is an object"),
        ({}, "Unknown command 'None'"),
        ({"do": ["play"]}, "Unknown command"),
        ({"do": "fly"}, "Unknown command 'fly'"),
        ({"do": "play", "run": 0}, "Unknown argument of play 'run'"),
        ({"do": "step", "count": 0}, "count = 0"),
        ({"do": "step", "count": True}, "count = True"),
        ({"do": "step", "count": 10**9}, "count = 1000000000"),
        ({"do": "pace"}, "pace = None"),
        ({"do": "pace", "value": float("nan")}, "pace = nan"),
        ({"do": "pace", "value": 10**400}, "pace = "),
        ({"do": "keep", "run": 1}, "run = 1; give 0"),
        ({"do": "branch", "at": 1}, "at = 1 is no round that was flown; leave it out, or give 0"),
        ({"do": "branch", "at": "0"}, "at = '0'"),
        ({"do": "keep", "run": False}, "run = False"),
        ({"do": "ask", "run": 0, "satellite": {}}, "satellite = "),
        ({"do": "override", "run": 0, "satellite": 0}, "decision = None"),
        ({"do": "release", "run": 0, "satellite": 0}, "Pair 1 is not overridden"),
    ],
)
def test_bad_commands(cockpit, told, sentence):
    before = cockpit.state()
    with pytest.raises(SandboxError, match=sentence) as error:
        cockpit.command(told)
    assert len(str(error.value)) < 500
    assert cockpit.state() == before


# ---- the server


@pytest.fixture
def server(cockpit):
    made = Server(cockpit)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.close()


def ask(server, path, body=None, token=None, **headers):
    """Status, headers and body of what is answered; a header given as None is left out."""
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=60)
    token = server.token if token is None else token
    path += f"{'&' if '?' in path else '?'}{urlencode({'token': token})}"
    sent = {"Content-Type": "application/json"} if body is not None else {}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET" if body is None else "POST", path, body, sent)
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


def test_the_page_is_whole_and_the_server_answers_it(server):
    status, headers, body = ask(server, "/")
    assert status == 200
    assert b"await fly(" in body
    assert "connect-src 'self'" in headers["Content-Security-Policy"]
    assert b"http:" not in body
    status, _, body = ask(server, "/command", json.dumps({"do": "step"}))
    assert (status, json.loads(body)) == (200, {})
    state = json.loads(ask(server, "/state")[2])
    assert state["runs"][0]["rounds"] == 1
    status, _, body = ask(server, "/rounds?run=0&from=0")
    assert status == 200
    assert len(unpacked(body)[1]["time"]) == 1


@pytest.mark.parametrize("path", ["/", "/state", "/rounds?run=0", "/nowhere", "/command"])
@pytest.mark.parametrize("token", ["", "x", "ü" * 40])
def test_without_its_token_nothing_is_answered(server, path, token):
    body = "{}" if path == "/command" else None
    status, _, told = ask(server, path, body, token)
    assert status == 403
    assert "token" in json.loads(told)["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "example.org"},
        {"Host": "127.0.0.1"},
        {"Origin": "http://example.org"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
    ],
)
def test_other_pages_are_refused(server, headers):
    assert ask(server, "/state", **headers)[0] == 403
    assert ask(server, "/command", json.dumps({"do": "step"}), **headers)[0] == 403
    assert server.cockpit.state()["runs"][0]["rounds"] == 0


def test_its_own_page_is_not(server):
    host = f"localhost:{server.server_address[1]}"
    assert ask(server, "/state", Host=host, Origin=f"http://{host}")[0] == 200


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/nowhere", None, {}, 404),
        ("/../../etc/passwd", None, {}, 404),
        ("/command", None, {}, 404),
        ("/state?since=x", None, {}, 400),
        ("/state?since=9999999999999", None, {}, 400),
        ("/rounds?run=7&from=0", None, {}, 400),
        ("/rounds?run=0&from=1", None, {}, 400),
        ("/rounds?run=0&from=-1", None, {}, 400),
        ("/" + "a" * MOST_ADDRESS, None, {}, 414),
        ("/command", "{", {}, 400),
        ("/command", "[" * 4000, {}, 400),
        ("/command", b"\xff", {}, 400),
        ("/command", '{"do": "fly"}', {}, 400),
        ("/command", '{"do": "step"}', {"Content_Type": "text/plain"}, 415),
        ("/command", '{"do": "step"}', {"Content_Length": "x"}, 411),
        ("/command", '{"do": "step"}', {"Content_Length": "-1"}, 411),
        ("/command", " " * (MOST_BODY + 1), {}, 413),
    ],
)
def test_bad_requests_are_answered_with_a_sentence(server, path, body, headers, status):
    found, _, told = ask(server, path, body, **headers)
    assert found == status
    assert json.loads(told)["error"].endswith((".", "?"))
    assert server.cockpit.state()["runs"][0]["rounds"] == 0


def test_many_wait_and_all_are_told(server):
    told = []
    version = server.cockpit.state()["version"]

    def wait():
        told.append(json.loads(ask(server, f"/state?since={version}")[2])["runs"][0]["rounds"])

    threads = [threading.Thread(target=wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    server.cockpit.command({"do": "step"})
    for thread in threads:
        thread.join(60)
    assert told == [1] * 8


def test_too_many_at_once_are_refused(server, monkeypatch):
    monkeypatch.setattr(server, "places", threading.BoundedSemaphore(1))
    server.places.acquire()
    assert ask(server, "/state")[0] == 503
    server.places.release()
    assert ask(server, "/state")[0] == 200


def test_the_command_prints_its_address_and_saves_when_it_is_interrupted(tmp_path, capsys, monkeypatch):
    def interrupted(server):
        server.cockpit.command({"do": "step"})
        raise KeyboardInterrupt

    monkeypatch.setattr(cockpit_server.Server, "serve_forever", interrupted)
    words = ["fly", "--scenario", "pair", "--hours", "0.1", "--policy", "idle", "--out", str(tmp_path / "o")]
    assert main(words) == 0
    address, *paths = capsys.readouterr().out.split()
    assert address.startswith("http://127.0.0.1:")
    assert [path.rpartition("/")[2] for path in paths] == ["recording.npz", "page.html"]
    assert len(Recording.load(tmp_path / "o" / "recording.npz")) == 1


def test_where_no_round_was_flown_it_says_that_nothing_was_saved(tmp_path, capsys, monkeypatch):
    def interrupted(server):
        raise KeyboardInterrupt

    monkeypatch.setattr(cockpit_server.Server, "serve_forever", interrupted)
    words = ["fly", "--scenario", "pair", "--hours", "0.1", "--out", str(tmp_path / "o")]
    assert main(words) == 0
    told = capsys.readouterr()
    assert len(told.out.split()) == 1
    who, nothing = told.err.splitlines()
    assert who == "greedy decides; --policy names another."
    assert nothing == f"No round was flown, so nothing was saved in {tmp_path / 'o'}."
    assert not (tmp_path / "o").exists()


def test_what_is_in_the_place_of_its_results_is_told_at_once(tmp_path, capsys):
    for path, text in ((tmp_path / "file", "x"), (tmp_path / "page.html", "<p>mine")):
        path.write_text(text)
    for out in (tmp_path / "file", tmp_path):
        assert main(["fly", "--scenario", "pair", "--hours", "0.1", "--out", str(out)]) == 2
        assert "name another" in capsys.readouterr().err
    assert (tmp_path / "page.html").read_text() == "<p>mine"


def test_what_a_policy_raises_is_a_sentence(server, capsys):
    server.cockpit.runs[0].policy.act = lambda *_: 1 / 0
    status, _, told = ask(server, "/command", json.dumps({"do": "step"}))
    assert (status, json.loads(told)["error"]) == (500, "ZeroDivisionError: division by zero.")
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert ask(server, "/state")[0] == 200


@pytest.mark.parametrize("words", [["--port", "65536"], ["--port", "-1"], ["--seed", "-1"]])
def test_mistakes_of_the_command_line(words, capsys):
    assert main(["fly", "--scenario", "pair", "--hours", "0.1", *words]) == 2
    assert "give" in capsys.readouterr().err


def test_a_port_that_is_taken(server, cockpit):
    with pytest.raises(SandboxError, match="cannot be had"):
        Server(cockpit, server.server_address[1])
