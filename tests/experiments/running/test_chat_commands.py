"""Chat: what is said with a slash, two futures and what they came to."""

import signal
from functools import partial

import pytest
from talking import quarter

from experiments.running.chat import _interrupts
from experiments.running.chat_commands import COMMANDS, names_of
from experiments.running.llm_config import Mind
from sandbox.errors import SandboxError
from sandbox.recording import Recording

talk = partial(quarter, policy="idle")


def test_help_lists_every_command():
    shown, _ = talk("/help")
    assert all(f"\n/{name}" in shown for name in COMMANDS)


def test_asking_says_what_would_be_decided_and_why():
    shown, _ = talk("/ask", "/ask Pair 2", "/ask 1", policy="greedy")
    assert shown.count("Pair 1 would: ") == 1
    assert shown.count("Pair 2 would: ") == 2
    assert "because: best expected value" in shown


def test_a_mind_is_asked_at_its_price():
    shown, _ = talk("/ask", "/ask Pair 2", policy="qwen")
    assert "odds: " in shown
    assert "the thought would take" in shown


def test_asking_changes_nothing():
    asked, _ = talk("/ask", "", "/ask Pair 2", "5", policy="random")
    plain, _ = talk("", "5", policy="random")
    assert [x for x in asked.split("\n") if x.startswith(("---", "=>"))] == [
        x for x in plain.split("\n") if x.startswith(("---", "=>"))
    ]


@pytest.mark.parametrize("line", ["/hold charge", "/hold Pair 1 charge", "/hold pair 1 B", "/hold 0 charge"])
def test_what_is_held_is_played_until_it_is_free(line, tmp_path):
    talk(line, "4", "/free", "2", f"/save {tmp_path / 'out'}")
    recording = Recording.load(tmp_path / "out" / "recording.npz")
    names = recording.meta["action_names"]
    assert [names[a] for a in recording["action"][:, 0]] == ["charge"] * 4 + ["idle"] * 2
    assert (recording.events.kind == "override").sum() == 2


@pytest.mark.parametrize("line", ["/hold nosuch charge", "/hold Pair 3 charge", "/hold 2 charge"])
def test_who_is_not_there_is_not_held_nor_is_another(line):
    shown, _ = talk(line, "1")
    assert "Unknown satellite" in shown
    assert "until /free" not in shown


def test_an_answer_lasts_a_round_and_what_was_held_goes_on(tmp_path):
    talk("/hold charge", "1", "idle", "2", f"/save {tmp_path / 'out'}")
    recording = Recording.load(tmp_path / "out" / "recording.npz")
    names = recording.meta["action_names"]
    assert [names[a] for a in recording["action"][:, 0]] == ["charge", "idle", "charge", "charge"]


def test_two_futures_part_where_they_decide_otherwise(tmp_path):
    shown, _ = talk("3", "/branch", "b", "2", "/compare", f"/save {tmp_path / 'out'}")
    assert "Two futures from round 3 on" in shown
    assert "idle, branch (here): 6 rounds" in shown
    assert "They first decide otherwise in round 3, " in shown
    assert "Pair 1 idle / charge." in " ".join(shown.split())
    first, second = (Recording.load(tmp_path / "out" / f"{name}.npz") for name in ("recording", "branch"))
    assert (first["action"][:3] == second["action"][:3]).all()
    assert first["action"][3, 0] != second["action"][3, 0]


def test_a_branch_from_an_earlier_round_catches_up():
    shown, _ = talk("5", "/branch 2", "b", "/compare", "/other", "1", "/compare")
    assert "idle: 5 rounds" in shown
    assert "idle, branch (here): 3 rounds" in shown
    assert "in round 2, " in shown
    # the first future is a round further, and the other has caught up meanwhile
    assert "idle (here): 6 rounds" in shown
    assert "idle, branch: 6 rounds" in shown


def test_one_is_kept():
    shown, _ = talk("1", "/branch", "b", "/keep", "/compare", "/other")
    assert "idle: 2 rounds" in shown
    assert shown.count("There is one future; /branch makes a second.") == 2
    other, _ = talk("1", "/branch", "b", "/keep other", "/compare")
    assert "They" not in other


def test_another_satellite():
    shown, earned = talk("/sit Pair 2", "")
    assert shown.count("--- Pair 2  2026-") == 2
    assert shown.rstrip().endswith(f"Pair 2 earned {earned:.1f}.")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/nothing", "Unknown command '/nothing'"),
        ("/", "Unknown command '/'"),
        ("/sit", "Which satellite?"),
        ("/sit Pair 7", "Unknown satellite 'Pair 7'"),
        ("/ask Pair 1 now", "'now' is left over"),
        ("/hold", "Hold what?"),
        ("/hold Pair 1", "Hold what?"),
        ("/hold observe_4", "not legal"),
        ("/hold Pair 2 hm", "names no decision"),
        ("/quit now", "'now' is left over"),
        ("/free", "Pair 1 is not overridden"),
        ("/branch 7", "at = 7 is no round that was flown"),
        ("/branch now", "'now' is no round"),
        ("/branch " + "9" * 40, "is no round"),
        ("/other", "There is one future"),
        ("/keep both", "'both' is neither"),
        ("/save", "Nothing was flown yet"),
    ],
)
def test_mistakes_are_one_sentence_and_change_nothing(line, said):
    shown, _ = talk(line, "")
    assert said in shown
    assert shown.count("--- Pair 1") == 2
    assert max(map(len, shown.split("\n"))) < 120


def test_after_the_end_only_enter_or_q_leaves():
    shown, _ = talk("/compare", "1000", "1", "/branch", "charge", "/branch 2", "q")
    assert shown.count("The episode is over: ") == 4
    assert "give a round before " in shown
    assert "Two futures from round 2 on" in shown
    assert "There is one future" in talk("/keep")[0]


@pytest.mark.parametrize("line", ["", "q", "/q", "/quit"])
def test_after_the_end_it_is_left_as_before_it(line):
    shown, _ = talk("/compare", "1000", line, "/compare")
    assert shown.count("The episode is over: ") == 1


def test_after_the_end_futures_can_still_be_compared(tmp_path):
    shown, _ = talk("/hold charge", "1000", "/compare", "/branch 3", "/free", "1000", "/compare", "q")
    assert shown.count("The episode is over: ") >= 2
    assert "They first decide otherwise in round 3, " in shown


def test_thought_is_free_where_a_person_holds():
    shown, _ = talk("/hold A", "", "q", mind=Mind(charge=(500, 100)))
    assert "thought for" not in shown


@pytest.mark.parametrize("text", ["", "Pair", "Pair 3", "7", "-1", "１"])
def test_names_that_there_are_not(text):
    with pytest.raises(SandboxError):
        names_of(["Pair 1", "Pair 2"], text)


def test_the_longest_name_is_meant():
    assert names_of(["A", "A 1", "a 1 b"], "a 1 B charge") == (2, "charge")
    assert names_of(["A", "A 1"], "a charge") == (0, "charge")


def test_an_interrupt_stops_after_the_round():
    usual = signal.getsignal(signal.SIGINT)
    with _interrupts() as stopped:
        signal.raise_signal(signal.SIGINT)
        assert stopped == [signal.SIGINT]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is usual
