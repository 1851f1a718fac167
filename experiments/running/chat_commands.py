"""What a person in `chat` can say beside an answer: the cockpit's commands, in words."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from envs.statements import plain_name
from experiments.running.flight import Flight, parting
from sandbox.errors import SandboxError, unknown_name

if TYPE_CHECKING:
    from experiments.running.chat import Session

SLASH = "/"
PAID = ("delivery", "completion", "answer")
"""Events whose value arrived."""
NAMED = 5
"""Satellites that are named where many did something."""


class Command(NamedTuple):
    """`act` does it, with the rest of the line; it returns whether the scene has to be shown anew."""

    takes: str
    about: str
    act: Callable[["Session", str], Any]


def names_of(names: Sequence[str], text: str) -> tuple[int, str]:
    """The satellite that a text begins with, by name or number, and the rest of it.

    Raises SandboxError where it begins with none.
    """
    plain = text.casefold()
    for n in sorted(range(len(names)), key=lambda n: -len(names[n])):
        name = names[n].casefold()
        if plain == name or plain.startswith(f"{name} "):
            return n, text[len(name) :].strip()
    word, _, rest = text.partition(" ")
    if word.isascii() and word.isdecimal() and len(word) < 9 and int(word) < len(names):
        return int(word), rest.strip()
    raise unknown_name("satellite", text[:40], names)


def _help(session: "Session", _: str) -> None:
    for name, command in COMMANDS.items():
        session.say(f"{SLASH}{name} {command.takes}".rstrip().ljust(28) + command.about)


def _satellite(session: "Session", text: str) -> int:
    """The satellite that a text names, and nothing else; that of the session where it is empty."""
    if not text:
        return session.ego
    n, rest = names_of(session.flight.names, text)
    if rest:
        raise SandboxError(f"{rest[:40]!r} is left over; give a satellite alone.")
    return n


def _ask(session: "Session", text: str) -> None:
    n = _satellite(session, text)
    session.say(*told_of(session.flight.names[n], session.do("ask", run=session.run, satellite=n)))


def told_of(name: str, answer: Mapping[str, Any]) -> list[str]:
    """What was asked and answered, as lines."""
    lines = [f"{name} would: {answer['decision']}"]
    if answer.get("odds"):
        odds = sorted(answer["odds"].items(), key=lambda item: -item[1])
        lines.append("  odds: " + ", ".join(f"{label} {chance:.0%}" for label, chance in odds))
    if answer.get("because"):
        lines.append(
            "  because: " + ", ".join(f"{key} {value:g}" for key, value in answer["because"].items())
        )
    lines += [f"  {key}: {answer[key]}" for key in ("reasoning", "answer", "why") if answer.get(key)]
    if answer.get("thought"):
        without = answer.get("without_thought")
        lines.append(f"  thought {answer['thought']}" + (f"; without it {without}" if without else ""))
    if answer.get("joules"):
        lines.append(f"  the thought would take {answer['seconds']:g} s and {answer['joules']:g} J")
    if answer.get("thinking"):
        lines.append("  it is still at an earlier thought, and would not be asked")
    return lines


def _sit(session: "Session", text: str) -> bool:
    if not text:
        raise SandboxError("Which satellite? Give its name or number.")
    session.ego = _satellite(session, text)
    return True


def _hold(session: "Session", text: str) -> bool:
    try:
        n, said = names_of(session.flight.names, text)
    except SandboxError:
        decisions = {plain_name(name) for name in session.flight.env.actions}
        if len(text.split()) > 1 and plain_name(text) not in decisions:
            raise
        n, said = session.ego, text
    if not said:
        raise SandboxError("Hold what? Give a decision, after a satellite if it is not this one.")
    action = session.legal_action(n, said)
    if action is None:
        return False
    session.do("override", run=session.run, satellite=n, decision=action)
    session.say(f"{session.flight.names[n]}: {session.flight.env.actions[action]}, until {SLASH}free.")
    return False


def _free(session: "Session", text: str) -> None:
    n = _satellite(session, text)
    session.do("release", run=session.run, satellite=n)
    session.say(f"{session.flight.names[n]} decides for itself.")


def _branch(session: "Session", text: str) -> bool:
    if text and not (text.isascii() and text.isdecimal() and len(text) < 9):
        raise SandboxError(f"{text[:40]!r} is no round; give a whole number, or nothing for the present.")
    if not text and session.flight.over:
        raise SandboxError(
            f"The episode is over; give a round before {session.flight.rounds} to branch from."
        )
    session.run = session.do("branch", **({"at": int(text)} if text else {}))["run"]
    at = session.flight.rounds
    session.say(f"Two futures from round {at} on; you are in the new one. {SLASH}other goes to the first.")
    return True


def _other(session: "Session", _: str) -> bool:
    others = [run for run in session.cockpit.runs if run != session.run]
    if not others:
        raise SandboxError(f"There is one future; {SLASH}branch makes a second.")
    session.run = others[0]
    return True


def _keep(session: "Session", text: str) -> bool:
    if text not in ("", "this", "other"):
        raise SandboxError(f"{text[:40]!r} is neither of them; give this or other.")
    if text == "other" or len(session.cockpit.runs) < 2:
        _other(session, "")
    session.do("keep", run=session.run)
    return True


def _compare(session: "Session", _: str) -> None:
    flights = dict(session.cockpit.runs)
    for run, flight in flights.items():
        here = " (here)" if run == session.run and len(flights) > 1 else ""
        session.say(f"{session.cockpit.title(run)}{here}: {score_of(flight)}")
    if len(flights) < 2:
        session.say(f"There is one future; {SLASH}branch makes a second.")
        return
    one, other = flights.values()
    found = parting(one.recording, other.recording)
    if found is None:
        session.say("They have not decided otherwise so far.")
        return
    acts = (one.recording["action"][found.round], other.recording["action"][found.round])
    told = [f"{one.names[n]} {one.called(acts[0][n])} / {one.called(acts[1][n])}" for n in found.satellites]
    more = f" and {len(told) - NAMED} more" if len(told) > NAMED else ""
    when = session.clock(float(one.recording["time"][found.round]))
    session.say(
        f"They first decide otherwise in round {found.round}, {when}: {', '.join(told[:NAMED])}{more}."
    )


def score_of(flight: Flight) -> str:
    """What a flight has come to."""
    recording = flight.recording
    paid = np.isin(recording.events.kind, PAID)
    value, reward = recording.events.value[paid].sum(), recording["reward"].sum()
    over = ", over" if flight.over else ""
    return f"{flight.rounds} rounds{over}, reward {reward:.2f}, value that arrived {value:.2f}"


def _save(session: "Session", text: str) -> None:
    if text:
        session.cockpit.out = Path(text)
    session.say("Saved: " + ", ".join(session.do("save")["saved"]))


def _quit(session: "Session", text: str) -> None:
    """What is said where more than the word stands in the line; alone it has ended the chat before."""
    raise SandboxError(f"{text[:40]!r} is left over; give {SLASH}quit alone.")


COMMANDS: Mapping[str, Command] = {
    "help": Command("", "this list", _help),
    "ask": Command("[SATELLITE]", "what it, or its mind, would decide now, why, and at what price", _ask),
    "sit": Command("SATELLITE", "read and answer for another satellite", _sit),
    "hold": Command("[SATELLITE] DECISION", "decide for it in every round until /free", _hold),
    "free": Command("[SATELLITE]", "let it decide again", _free),
    "branch": Command("[ROUND]", "a second future, from now on or from before an earlier round", _branch),
    "other": Command("", "go to the other future; what is played is played in both", _other),
    "compare": Command("", "both scores, and where they first decide otherwise", _compare),
    "keep": Command("[this|other]", "go on with one future alone", _keep),
    "save": Command("[FOLDER]", "leave recording and page there", _save),
    "quit": Command("", "end, as q does", _quit),
}
"""By name, what a line that begins with a slash can say."""
