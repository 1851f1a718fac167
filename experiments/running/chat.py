"""Step through a run in the terminal: what a satellite reads and answers, and your answer in its place."""

import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import timedelta
from typing import Any, TextIO

import numpy as np

from agents import Policy
from agents.qwen.decisions import Decision, Request
from agents.usual import usual_policy
from envs.batch import BatchEnv
from envs.deliberation import HOLD, DeliberatingBatch, deliberating
from envs.episodes import make_env, scenario_of
from envs.replies import ILLEGAL, OK, ReplyReader
from envs.reports import Reporter
from experiments.running.llm_config import QWEN, Mind, knows
from experiments.running.rollout import Round, Turn, Watcher, play, without
from sandbox.errors import unknown_name
from sandbox.terminal import printable, visible

HELP = (
    "Enter: let it decide.  A letter or a name: decide in its place, at no cost.  "
    "A number: play so many rounds.  q: end.  ?: this."
)


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
    ask: Callable[[str], str] = input,
    screen: TextIO | None = None,
) -> float:
    """Play an episode in which a person may answer for one satellite; the rest follow `policy`.

    Args:
        policy: who decides otherwise; by default the mind, or where it has not learned the problem, greedy
            or the first policy that there is.
        satellite: its name; by default the first of the fleet.
        ask: what a line of input comes from; screen: where the run is shown, by default the standard output.
        Others as in `experiments.running.run.run`.

    Returns the satellite's reward. Ends with the episode, at "q" or at the end of the input.
    """
    mind, screen = mind or Mind(), screen or sys.stdout
    policy = policy or (QWEN if mind.engine or knows(env) else usual_policy(env))
    batch = deliberating(make_env(env, scenario_of(env, scenario, changes), hours, candidates=candidates))
    names = batch.world.fleet.names
    if satellite is not None and satellite not in names:
        raise unknown_name("satellite", satellite, names)
    with closing(batch), closing(mind.policy(policy, batch)) as decider:
        session = _Session(batch, decider, names.index(satellite) if satellite else 0, ask, screen)
        play(batch, decider, seed, [session])
        return session.earned_in_all()


class _Session(Watcher):
    """One episode, one satellite in the middle of it."""

    def __init__(
        self, env: DeliberatingBatch, policy: Policy, ego: int, ask: Callable[[str], str], screen: TextIO
    ) -> None:
        self._env, self._policy, self._ego, self._ask, self._screen = env, policy, ego, ask, screen
        self._reporter = getattr(policy, "reporter", None) or Reporter(env.problem)
        self._reader = ReplyReader(env.actions, self._reporter.labels)
        self._name, self._skip, self._earned = env.world.fleet.names[ego], 0, 0.0

    def earned_in_all(self) -> float:
        """What the satellite earned, which is said too."""
        self._say(f"{self._name} earned {self._earned:.1f}.")
        return self._earned

    def start(self, env: BatchEnv) -> None:
        self._say(self._reporter.system, "", HELP, "")

    def decided(self, env: BatchEnv, turn: Turn) -> bool:
        if not self._decide(turn):
            return True
        if self._mine:
            turn.by_hand = ((0, self._ego),)
            turn.thought = without(turn.thought, turn.by_hand)
        return False

    def after(self, env: BatchEnv, played: Round) -> None:
        self._earned += float(played.reward[0, self._ego])
        self._tell_outcome(played.terms[0, self._ego])

    def _decide(self, scene: Turn) -> bool:
        """Show what is read and answered, and put the person's answer in its place; False at the end."""
        self._mine = False
        if self._skip > 0:
            self._skip -= 1
            return True
        mask = scene.info["action_mask"][0, self._ego]
        time = self._env.world.scenario.epoch + timedelta(
            seconds=float(self._env.world.state.clock["time"][0])
        )
        self._say(f"--- {self._name}  {time:%Y-%m-%d %H:%M:%S} UTC")
        self._say(self._reporter.report(scene.observation[0, self._ego], mask))
        self._say(self._opinion(scene.info, int(scene.actions[0, self._ego])))
        while True:
            answer = self._line()
            if answer is None or answer.lower() in ("q", "quit"):
                return False
            if answer == "?":
                self._say(HELP)
            elif not answer:
                return True
            elif answer.isdecimal():
                self._skip = max(0, int(answer) - 1)
                return True
            else:
                action, status = self._reader.read(answer, mask)
                if status == OK:
                    scene.actions[0, self._ego], self._mine = action, True
                    return True
                self._say(
                    "That is not legal now." if status == ILLEGAL else "That names no decision; ? for help."
                )

    def _opinion(self, info: Mapping[str, Any], action: int) -> str:
        """What the mind, or the policy, would do."""
        if info["thinking"][0, self._ego] and action == HOLD:
            return "It is still thinking about its last decision."
        asked = self._policy.decisions.get((0, self._ego))
        if asked is None:
            return (
                f"It would: {'keep to its standing order' if action == HOLD else self._env.actions[action]}"
            )
        return self._answer(*asked)

    def _answer(self, request: Request, decision: Decision) -> str:
        options = request.legal.tolist()
        labels = dict(zip(options, self._reporter.labels_of(options), strict=True))
        lines = [f"Thinks: {decision.reasoning}"] if decision.reasoning else []
        lines += [f"Writes: {decision.text}"] if decision.text else []
        if decision.probabilities is None:
            return "\n".join([*lines, f"It would: {self._env.actions[decision.action]}"])
        chances = decision.probabilities
        order = [int(a) for a in np.argsort(-chances) if chances[a] >= 0.01]
        told = ", ".join(f"{labels[a]} {self._env.actions[a]} {chances[a]:.0%}" for a in order if a in labels)
        if decision.mass is not None:
            told += f"; {decision.mass:.2g} of the model's probability lay on legal labels"
        if decision.fell_back:
            lines.append(f"It fell back: {decision.why}.")
        return "\n".join([*lines, f"It would: {self._env.actions[decision.action]}  ({told})"])

    def _tell_outcome(self, played: np.ndarray) -> None:
        terms = dict(zip(self._env.terms, played.tolist(), strict=True))
        told = []
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
        if told and self._skip == 0:
            self._say("=> " + ", ".join(told))

    def _line(self) -> str | None:
        try:
            return self._ask("> ").strip()
        except EOFError:
            return None

    def _say(self, *texts: str) -> None:
        width = min(shutil.get_terminal_size().columns, 110)
        for line in "\n".join(texts).split("\n"):
            shown = textwrap.fill(visible(line), width, subsequent_indent="  ")
            print(printable(shown, self._screen), file=self._screen)
