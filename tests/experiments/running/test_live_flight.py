"""A flight in a notebook: a frame, a server beside the kernel's work, and what Python sees of both."""

import urllib.error
import urllib.request

import numpy as np
import pytest

from experiments.running.cockpit import COMMANDS
from experiments.running.live_flight import LiveFlight
from sandbox.errors import SandboxError


@pytest.fixture
def flight(tmp_path):
    with LiveFlight("pair", policy="greedy", hours=0.25, seed=2, out=tmp_path / "out") as made:
        yield made


def test_python_and_the_page_steer_the_same_flight(flight):
    assert len(flight.recording) == 0
    flight.command({"do": "override", "run": 0, "satellite": "Pair 2", "decision": "charge"})
    flight.command({"do": "step", "count": 3})
    assert flight.state["runs"][0]["rounds"] == len(flight.recording) == 3
    charge = flight.recording.meta["action_names"].index("charge")
    np.testing.assert_array_equal(flight.recording["action"][:, 1], charge)
    assert flight.recording.meta["policy"] == "greedy"
    assert "3 rounds flown" in repr(flight)


def test_what_a_notebook_shows_is_a_frame_of_the_page(flight):
    shown = flight._repr_html_()
    assert f'src="{flight.address}"' in shown
    with urllib.request.urlopen(flight.address, timeout=60) as answer:
        assert b"await fly(" in answer.read()
        policy = answer.headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors http://127.0.0.1:* http://localhost:*")


def test_once_closed_nobody_answers_and_the_recording_stays(flight):
    flight.command({"do": "step"})
    flight.close()
    flight.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(flight.address, timeout=5)
    assert len(flight.recording) == 1
    assert flight.state["closed"]


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "save"])
def test_once_closed_it_obeys_no_more_but_can_be_saved(flight, name, tmp_path):
    flight.command({"do": "step"})
    flight.close()
    takes = {"value": 2, "run": 0, "satellite": 0, "decision": "charge"}
    given = {key: takes[key] for key in COMMANDS[name][1] if key in takes}
    before = flight.state
    with pytest.raises(SandboxError, match=r"^The flight has ended\.$"):
        flight.command({"do": name, **given})
    assert flight.state == before
    assert len(flight.command({"do": "save"})["saved"]) == 2
    assert (tmp_path / "out" / "recording.npz").exists()


@pytest.mark.parametrize(
    ("told", "sentence"),
    [({"height": 20}, "height = 20"), ({"port": 70_000}, "port = 70000"), ({"seed": -1}, "seed = -1"),
     ({"policy": "nobody"}, "nobody")],
)  # fmt: skip
def test_bad_input(told, sentence):
    with pytest.raises(SandboxError, match=sentence):
        LiveFlight("pair", **{"policy": "greedy", "hours": 0.1, **told})
