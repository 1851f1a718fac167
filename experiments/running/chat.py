"""Step through a run in the terminal: what a satellite reads and answers, and your answer in its place.

What a line may say beside an answer is in `chat_commands`: the cockpit's commands, in words.
"""

import shutil
import signal
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from agents.qwen.decisions import Decision, Request
from agents.usual import usual_policy
from envs.deliberation import HOLD, deliberating
from envs.episodes import known_as, make_env, scenario_of
from envs.replies import ILLEGAL, OK, ReplyReader
from envs.reports import Reporter
from experiments.running.asked import wish
from experiments.running.callbacks import because_of
from experiments.running.chat_commands import COMMANDS, SLASH
from experiments.running.cockpit import Cockpit
from experiments.running.flight import Flight
from experiments.running.llm_config import QWEN, Mind, knows
from experiments.running.run_folder import default_folder, nobody_named
from sandbox.errors import SandboxError, unknown_name
from sandbox.terminal import printable, visible

HELP = (
    "Enter: let it decide.  A letter or a name: decide in its place, at no cost.  "
    "A number: play so many rounds, ctrl-C stops.  q: end.  ?: this."
)
ENDS = ("q", "quit")
"""Lines that end it, with or without a slash."""
TOLD = 4
"""Numbers that decided, of a heuristic, shown beside its decision."""


def chat(
    scenario: Any = None,
    env: str = "tasking_v0",
    policy: str | None = None,
    satellite: str | None = None,
    hours: float | None = None,
    seed: int = 0,
    *,
    changes: Mapping[str, Any] | None = None,
    candidates: int = 4,
    mind: Mind | None = None,
    out: Path | str | None = None,
    ask: Callable[[str], str] = input,
    screen: TextIO | None = None,
) -> float:
    """Play an episode in which a person may answer for one satellite; the rest follow `policy`.

    Args:
        policy: who decides otherwise; by default the mind, or where the one that comes along has not
            learned the problem, who plays it in a run; that is said.
        satellite: its name; by default the first of the fleet.
        out: folder that `/save` writes to; by default as `cockpit_server.fly` has it.
        ask: what a line of input comes from; screen: where the run is shown, by default the standard output.
        Others as in `experiments.running.run.run`.

    Returns the satellite's reward. Ends with the episode, at "q" or "/quit", or at the end of the input.
    """
    mind, screen = mind or Mind(), screen or sys.stdout
    named = policy
    policy = named or (QWEN if mind.engine or knows(env) else usual_policy(env))
    scenario = scenario_of(env, scenario, changes)
    batch = deliberating(make_env(env, scenario, hours, candidates=candidates))
    names = batch.world.fleet.names
    if satellite is not None and satellite not in names:
        raise unknown_name("satellite", satellite, names)
    kind = known_as(env)
    folder = default_folder(f"flight-{kind}", scenario.name, policy, seed) if out is None else Path(out)
    with closing(batch), closing(mind.policy(policy, batch)) as decider:
        flight = Flight(batch, decider, seed, {"env": kind, "policy": policy, "seed": seed})
        with closing(Cockpit(flight, policy, folder)) as cockpit:
            session = Session(cockpit, names.index(satellite) if satellite else 0, ask, screen)
            if not named:
                session.say(nobody_named(policy), "")
            return session.talk()


class Session:
    """A person before one satellite of a flight, or of two futures of it: `flight` is the one looked at."""

    def __init__(self, cockpit: Cockpit, ego: int, ask: Callable[[str], str], screen: TextIO) -> None:
        self.cockpit, self.run, self.ego, self._ask, self._screen = cockpit, 0, ego, ask, screen
        env, policy = self.flight.env, self.flight.policy
        self._reporter = getattr(policy, "reporter", None) or Reporter(env.problem)
        self._reader = ReplyReader(env.actions, self._reporter.labels)
        self._commanded = False

    @property
    def flight(self) -> Flight:
        return self.cockpit.runs[self.run]

    @property
    def name(self) -> str:
        """Of the satellite."""
        return self.flight.names[self.ego]

    def talk(self) -> float:
        """Until the episode or the input ends; what the satellite earned, which is said too."""
        self.say(self._reporter.system, "", HELP, f"More: /help lists what begins with {SLASH}.", "")
        while self._turn():
            pass
        earned = self.earned(self.ego)
        self.say(f"{self.name} earned {earned:.1f}.")
        return earned

    def earned(self, n: int) -> float:
        """The reward of a satellite so far."""
        return float(self.flight.recording["reward"][:, n].sum())

    def legal_action(self, n: int, text: str) -> int | None:
        """The decision that a text names for satellite n; None, and that it is said, where there is none."""
        mask = self.flight.look().info["action_mask"][0, n]
        action, status = self._reader.read(text, mask)
        if status == OK:
            return int(action)
        self.say("That is not legal now." if status == ILLEGAL else "That names no decision; ? for help.")
        return None

    def do(self, name: str, **given: Any) -> dict[str, Any]:
        """Have the cockpit do something."""
        return self.cockpit.command({"do": name, **given})

    def clock(self, seconds: float) -> str:
        """A moment of the world as a person reads it."""
        return f"{self.flight.env.world.scenario.epoch + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S} UTC"

    def _turn(self) -> bool:
        """Show how things stand, and do what is said; False at the end."""
        if self.flight.over and self.run_behind() is None:
            return self._afterwards()
        if not self.flight.over:
            self._scene()
        return self._hear()

    def run_behind(self) -> int | None:
        """A future whose episode goes on, if there is any."""
        return next((r for r, flight in self.cockpit.runs.items() if not flight.over), None)

    def _afterwards(self) -> bool:
        """The episode is over: whoever used commands may still compare, save or branch."""
        if not self._commanded:
            return False
        self.say("The episode is over: Enter or q ends it; /compare, /branch ROUND, /save.")
        line = self._line()
        if not line or _ends(line):
            return False
        if line.startswith(SLASH):
            self._command(line)
        return True

    def _hear(self) -> bool:
        """Do what a line says; lines that play no round are followed by another. False at the end."""
        while True:
            answer = self._line()
            if answer is None or _ends(answer):
                return False
            if answer == "?":
                self.say(HELP)
            elif answer.startswith(SLASH):
                if self._command(answer):
                    return True
            elif not answer:
                self._play(1)
                return True
            elif answer.isdecimal():
                self._play(max(1, int(answer[:9])))
                return True
            elif not self.flight.over and (action := self.legal_action(self.ego, answer)) is not None:
                self._play(1, action)
                return True

    def _command(self, line: str) -> bool:
        """Do what a command says; whether the scene has to be shown anew."""
        self._commanded = True
        word, _, rest = line[len(SLASH) :].partition(" ")
        try:
            if word not in COMMANDS:
                raise unknown_name("command", f"{SLASH}{word}"[:40], [f"{SLASH}{name}" for name in COMMANDS])
            return bool(COMMANDS[word].act(self, rest.strip()))
        except SandboxError as error:
            self.say(str(error))
            return False

    def _play(self, rounds: int, action: int | None = None) -> None:
        """Play so many rounds, the first with an answer for the satellite in its place."""
        flight, held = self.flight, self.flight.overrides.get(self.ego)
        with _interrupts() as stopped:
            for k in range(rounds):
                mine = action is not None and k == 0
                if mine:
                    flight.override(self.ego, action)  # type: ignore[arg-type]
                try:
                    played = self._play_one(stopped)
                finally:
                    if mine:
                        flight.overrides.pop(self.ego, None)
                        flight.overrides |= {} if held is None else {self.ego: held}
                if played and (k == rounds - 1 or stopped or flight.over):
                    self._tell_outcome(flight.played.terms[0, self.ego])  # type: ignore[union-attr]
                if stopped or self.run_behind() is None:
                    break

    def _play_one(self, stopped: list[int]) -> bool:
        """Play until this future is a round further, or over: the other may have to catch up first."""
        flight = self.flight
        before = flight.rounds
        while True:
            self.do("step")
            if flight.rounds > before or flight.over or stopped:
                return flight.rounds > before

    def _scene(self) -> None:
        """What the satellite reads, and what would be decided."""
        turn, flight = self.flight.look(), self.flight
        time = self.clock(float(flight.env.world.state.clock["time"][0]))
        futures = f"  [{self.cockpit.title(self.run)}]" if len(self.cockpit.runs) > 1 else ""
        self.say(f"--- {self.name}  {time}{futures}")
        mask = turn.info["action_mask"][0, self.ego]
        self.say(self._reporter.report(turn.observation[0, self.ego], mask))
        self.say(self._opinion(turn.info, int(turn.actions[0, self.ego])))
        if self.ego in flight.overrides:
            self.say(f"Held by you: {flight.env.actions[flight.overrides[self.ego]]}; /free lets it decide.")

    def _opinion(self, info: Mapping[str, Any], action: int) -> str:
        """What the mind, or the policy, would do."""
        flight = self.flight
        if info["thinking"][0, self.ego] and action == HOLD:
            return "It is still thinking about its last decision."
        asked = flight.policy.decisions.get((0, self.ego))
        if asked is not None:
            return self._answer(*asked)
        would = f"It would: {'keep to its standing order' if action == HOLD else flight.env.actions[action]}"
        told = because_of(flight.policy, 0, self.ego) if action != HOLD else {}
        because = ", ".join(f"{name} {value:g}" for name, value in [*told.items()][:TOLD])
        return f"{would}  ({because})" if because else would

    def _answer(self, request: Request, decision: Decision) -> str:
        options = request.legal.tolist()
        actions = self.flight.env.actions
        labels = dict(zip(options, self._reporter.labels_of(options), strict=True))
        lines = [asked] if (asked := wish(decision, actions)) else []
        lines += [f"Thinks: {decision.reasoning}"] if decision.reasoning else []
        lines += [f"Writes: {decision.text}"] if decision.text else []
        if decision.probabilities is None:
            return "\n".join([*lines, f"It would: {actions[decision.action]}"])
        chances = decision.probabilities
        order = [int(a) for a in np.argsort(-chances) if chances[a] >= 0.01]
        told = ", ".join(f"{labels[a]} {actions[a]} {chances[a]:.0%}" for a in order if a in labels)
        if decision.mass is not None:
            told += f"; {decision.mass:.2g} of the model's probability lay on legal labels"
        if decision.fell_back:
            lines.append(f"It fell back: {decision.why}.")
        return "\n".join([*lines, f"It would: {actions[decision.action]}  ({told})"])

    def _tell_outcome(self, played: np.ndarray) -> None:
        terms = dict(zip(self.flight.env.terms, played.tolist(), strict=True))
        told = [
            f"{one.why}: {one.told(self.flight.env.actions)['text']}"
            for one in self.flight.played.replaced  # type: ignore[union-attr]
            if one.satellite == self.ego
        ]
        if terms["thought_j"] > 0.0:
            told.append(f"thought for {terms['thought_s']:.2f} s and {terms['thought_j']:.0f} J")
        told += [
            f"{name.removeprefix('reward_')} {terms[name]:+.1f}"
            for name in terms
            if name.startswith("reward_") and terms[name]
        ]
        told += [
            f"{name} {terms[name]:.0f}"
            for name in ("captured", "cloudy", "duplicate", "late")
            if terms.get(name)
        ]
        if told:
            self.say("=> " + ", ".join(told))

    def _line(self) -> str | None:
        try:
            return self._ask("> ").strip()
        except EOFError:
            return None

    def say(self, *texts: str) -> None:
        """Show lines, wrapped."""
        width = min(shutil.get_terminal_size().columns, 110)
        for line in "\n".join(texts).split("\n"):
            shown = textwrap.fill(visible(line), width, subsequent_indent="  ")
            print(printable(shown, self._screen), file=self._screen)


def _ends(line: str) -> bool:
    """Whether a line asks to end."""
    return line.lower().removeprefix(SLASH) in ENDS


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """While rounds are played a first ctrl-C is noted, so that a round is played whole; a second one ends."""
    stopped: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    usual = signal.getsignal(signal.SIGINT)

    def note(number: int, _: Any) -> None:
        stopped.append(number)
        signal.signal(signal.SIGINT, usual)

    signal.signal(signal.SIGINT, note)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, usual)
