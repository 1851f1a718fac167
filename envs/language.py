"""The language face: an observation is a short English report, an action is a reply, thought is charged.

    from envs import language
    env = language.parallel_env("tasking_v0", scenario="scs01")
    reports, infos = env.reset(seed=0)
    print(env.system, reports["sat_0"], sep="\\n")
    reports, rewards, ends, cuts, infos = env.step({"sat_0": Reply("B", prompt_tokens=520, output_tokens=1)})

Wraps any of our PettingZoo parallel environments. `env.system` says what the problem is about and how to
answer, the same for every satellite in every round; the report says what one satellite sees, what it is
warned of, and its legal decisions, each with a letter. Numbers and words come from one declaration.

A reply is a `Reply`, or a bare string, which costs nothing. Its tokens run on the satellite's own board
(`sandbox.compute`, by the board and the model that the scenario names): seconds, joules and heat. The
decision takes effect when the thinking is done; until then the standing order stands, and `thinking` is 1 in
the info while that takes beyond the round: replies given then are neither read nor charged. A satellite
without a board (`env.priced[agent]` is False) thinks for nothing, at once.

Where the problem has a channel for messages (`autonomy_v0` with `message_size` of at least 1), a line
"Message: ..." in a reply goes to the neighbours over the links that are up, its bits paid; their reports say
what they heard last over each link.

Replies are read as language models write them, in English or Chinese: a letter or a name, bare, in a box, in
JSON, in a tool call, in a code fence or in prose ("I choose B"), after a thinking block or without. What is
said last as the decision counts; two different decisions are none. What cannot be read, or is not legal, is
never executed: the safe action, the no-op, is played instead and counted as `unreadable` or `illegal`. Any
text is taken and none raises, although the action space, a `Text` of printable ASCII, names less.

| info | meaning |
| --- | --- |
| the problem's own terms | see its page; `illegal` counts illegal replies too |
| `thought_s`, `thought_j` | seconds and joules of the thought that began in the round |
| `prompt_tokens`, `output_tokens` | its tokens |
| `thinking` | 1 while it goes on beyond the round |
| `late` | decisions that came too late to be carried out |
| `too_hot` | 1 if the board was too hot to think |
| `unreadable` | 1 if the reply could not be read |
| `legal` | mask of the legal decisions (A,), in the order of the letters |
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from string import printable
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray
from pettingzoo import AECEnv, ParallelEnv

from envs.deliberation import HOLD, Thought, deliberating
from envs.faces import faces_of
from envs.parallel import ParallelFace, sequential
from envs.problem import Problem
from envs.registry import find
from envs.replies import ILLEGAL, UNREADABLE, Reading, ReplyReader
from envs.reports import Reporter
from sandbox.checks import shown, whole_number
from sandbox.errors import SandboxError
from sandbox.lasers import TERMINALS

__all__ = ["LanguageEnv", "Reply", "Report", "env", "parallel_env", "raw_env"]

LONGEST_REPLY = 4096
"""Characters of the action space's texts; longer replies are read all the same."""
MOST_TOKENS = 10**12
"""Of one reply: more is a mistake."""
INVITATION = 'You may add a line "Message: ..." of at most {} characters for your neighbours.'
STILL_THINKING = "You are still thinking about your last decision; a reply is not read in this round."


_MESSAGE = re.compile(r"^\s*message:\s*(.+)$", re.IGNORECASE | re.MULTILINE)
_THOUGHTS = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Reply:
    """What a mind wrote, and the tokens that it read and wrote for it; None where a server gave none.

    Without a text it is counted as unreadable.

    `model` names the model that thought, for example "Qwen3-1.7B"; None: the one of the spacecraft.
    `message` goes to the neighbours, where there is a channel; None: what the text says in a line of its own.
    """

    text: str | None
    prompt_tokens: int | None = 0
    output_tokens: int | None = 0
    model: str | None = None
    message: str | None = None


class Report(str):
    """A report: text that, as PettingZoo's API test asks of an observation, knows the dtype of its space."""

    dtype = np.dtype(str)


class LanguageEnv(ParallelEnv):
    """A PettingZoo parallel environment in words over `env`; see the module's page.

    Raises SandboxError for an environment that is none of ours, and one with more actions than letters.
    """

    def __init__(self, env: ParallelFace) -> None:
        if not isinstance(env, ParallelFace):
            raise SandboxError(
                f"LanguageEnv wraps a parallel environment of the sandbox, not {type(env).__name__}."
            )
        self._batch = batch = deliberating(env.batch)
        self.face = ParallelFace(batch, death=env.death, render_mode=env.render_mode)
        self.problem, self.world, self.reporter = env.problem, env.world, Reporter(env.problem)
        self.channel = 4 * getattr(env.problem, "message_size", 0)
        self.system, self.labels = self.reporter.system, self.reporter.labels
        if self.channel:
            self.system += f"\n{INVITATION.format(self.channel)}"
        self.metadata = self.face.metadata | {"name": f"{self.problem.name}_language"}
        self.possible_agents, self.render_mode = self.face.possible_agents, self.face.render_mode
        self.priced = dict(zip(self.possible_agents, batch.onboard.has_board.tolist(), strict=True))
        self._reader = ReplyReader(env.actions, self.labels)
        longest = self.reporter.longest + len(STILL_THINKING) + 1 + TERMINALS * (self.channel + 64)
        self.observation_spaces = {
            agent: gymnasium.spaces.Text(longest, min_length=1, charset=printable)
            for agent in self.possible_agents
        }
        self.action_spaces = {
            agent: gymnasium.spaces.Text(LONGEST_REPLY, min_length=0, charset=printable)
            for agent in self.possible_agents
        }
        self._number = {agent: n for n, agent in enumerate(self.possible_agents)}
        self._masks: dict[str, NDArray[np.int8]] = {}
        self._restores = self.world.restores

    @property
    def agents(self) -> list[str]:
        """Who takes part now."""
        return self.face.agents

    @agents.setter
    def agents(self, agents: list[str]) -> None:
        self.face.agents = agents

    def observation_space(self, agent: str) -> gymnasium.Space:
        """Space of the reports; the same object at every call."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.Space:
        """Space of the replies; the same object at every call."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict | None = None) -> tuple[dict, dict]:
        """Begin an episode. A reset without a seed draws on from the last one."""
        return self._told(*self.face.reset(seed, options))

    def present(self) -> tuple[dict, dict]:
        """What is reported of the world as it stands, as `reset` returns it: after a `world.restore`, say."""
        return self._told(*self.face.present())

    def check(self, agent: str, reply: Any) -> None:
        """Raises SandboxError where `step` would refuse `reply` of `agent`."""
        self._catch_up()
        given = {agent: self._reply(agent, reply)}
        orders = np.full((1, len(self.possible_agents)), HOLD)
        orders[0, self._number[agent]] = self._read(given)[agent].action
        self._batch.priced(orders, self._thought(given))

    def step(self, replies: Mapping[str, Reply | str]) -> tuple[dict, dict, dict, dict, dict]:
        """Play one round. A satellite without a reply keeps to its standing order.

        Raises SandboxError for what is no reply, and for tokens that its model or board cannot take; a step
        that is refused changes nothing.
        """
        if not self.face.agents:
            return self.face.step({})
        self._catch_up()
        agents = self.face.agents
        if not hasattr(replies, "get"):
            raise SandboxError(f"replies are {shown(replies)}; give a dictionary of agents.")
        given = {agent: self._reply(agent, replies[agent]) for agent in agents if agent in replies}
        readings, thought = self._read(given), self._thought(given)
        orders = {agent: readings[agent].action if agent in readings else HOLD for agent in agents}
        with self.problem.mail.saying():
            for agent, reply in given.items():
                self._say(agent, reply)
            observations, rewards, ends, cuts, infos = self.face.step(orders, thought)
        for agent, info in infos.items():
            status = readings[agent].status if agent in readings and not self._busy[agent] else None
            info["unreadable"] = float(status == UNREADABLE)
            info["illegal"] += float(status == ILLEGAL)
        return self._reports(observations, infos), rewards, ends, cuts, infos

    def state(self) -> NDArray[np.float32]:
        """Compact true state (S,) of the world in [-1, 1], for a centralised critic."""
        return self.face.state()

    def render(self) -> Any:
        """What the environment in numbers renders."""
        return self.face.render()

    def close(self) -> None:
        """Safe to call twice."""
        self.face.close()

    def _catch_up(self) -> None:
        """Look again if the world was restored."""
        if self._restores != self.world.restores:
            self.present()

    def _told(self, observations: Mapping[str, NDArray], infos: dict) -> tuple[dict, dict]:
        """Reports and infos where no reply was read."""
        for info in infos.values():
            info["unreadable"] = 0.0
        return self._reports(observations, infos), infos

    def _read(self, replies: Mapping[str, Reply]) -> dict[str, Reading]:
        return {
            agent: self._reader.read(reply.text or "", self._masks[agent]) for agent, reply in replies.items()
        }

    def _reply(self, agent: str, given: Any) -> Reply:
        """What a satellite gave as a reply whose fields are as they should be."""
        reply = Reply(given) if isinstance(given, str) else given
        if not isinstance(reply, Reply):
            raise SandboxError(f"The reply of {agent} is {type(reply).__name__}; give a Reply or a string.")
        for name, value in (("text", reply.text), ("model", reply.model), ("message", reply.message)):
            if not (value is None or isinstance(value, str)):
                raise SandboxError(f"The reply of {agent} has {name} {shown(value)}; give a string or None.")
        if reply.message is not None and not self.channel:
            raise SandboxError(
                f"The reply of {agent} has a message, but {self.problem.name} has no channel for it; make "
                "autonomy_v0 with message_size of at least 1."
            )
        prompt = _count(agent, "prompt_tokens", reply.prompt_tokens)
        output = _count(agent, "output_tokens", reply.output_tokens)
        return replace(reply, text=reply.text or "", prompt_tokens=prompt, output_tokens=output)

    def _say(self, agent: str, reply: Reply) -> None:
        """Send the message of a reply that is read in this round, if it has one."""
        found = _MESSAGE.search(_THOUGHTS.sub("", reply.text or "")) if self.channel else None
        message = reply.message if reply.message is not None else found and found.group(1)
        if message and not self._busy[agent]:
            self.problem.mail.say_text(0, self._number[agent], message.strip())

    def _heard(self, agent: str) -> str:
        """What the neighbours of a satellite said last, a line each."""
        heard = self.problem.mail.heard_text(0, self._number[agent])
        said = (f"Neighbour {k + 1} said {age:.0f} s ago: {_printable(text)}" for k, text, age in heard)
        return "".join(f"\n{line}" for line in said)

    def _thought(self, replies: Mapping[str, Reply]) -> Thought:
        team = (1, len(self.possible_agents))
        prompt, output = np.zeros(team, np.int64), np.zeros(team, np.int64)
        models = np.full(team, None, object)
        for agent, reply in replies.items():
            n = self._number[agent]
            prompt[0, n], output[0, n] = reply.prompt_tokens or 0, reply.output_tokens or 0
            models[0, n] = reply.model
        return Thought(prompt, output, models=models)

    def _reports(self, observations: Mapping[str, NDArray], infos: Mapping[str, dict]) -> dict[str, str]:
        # not "action_mask": PettingZoo's tests take that for a mask of the action space, here a Text
        self._masks = {agent: info.pop("action_mask") for agent, info in infos.items()}
        for agent, info in infos.items():
            info["legal"] = self._masks[agent]
        self._restores = self.world.restores
        self._busy = {agent: bool(info["thinking"]) for agent, info in infos.items()}
        reports: dict[str, str] = {}
        for agent, observation in observations.items():
            text = self.reporter.report(observation, self._masks[agent])
            if self.channel:
                text += self._heard(agent)
            reports[agent] = Report(f"{text}\n{STILL_THINKING}" if self._busy[agent] else text)
        return reports


def parallel_env(
    problem: str | type[Problem] = "tasking_v0", *scenario: Any, **arguments: Any
) -> LanguageEnv:
    """The language face of a decision problem; what follows are the arguments of its own `parallel_env`."""
    return LanguageEnv(faces_of(find(problem)).parallel_env(*scenario, **arguments))


def raw_env(problem: str | type[Problem] = "tasking_v0", *scenario: Any, **arguments: Any) -> AECEnv:
    """The agent-environment-cycle form, bare."""
    return sequential(parallel_env(problem, *scenario, **arguments), wrapped=False)


def env(problem: str | type[Problem] = "tasking_v0", *scenario: Any, **arguments: Any) -> AECEnv:
    """The agent-environment-cycle form, with the check of order."""
    return sequential(parallel_env(problem, *scenario, **arguments))


def _printable(text: str) -> str:
    """`text` in the characters of a report, on one line."""
    return "".join(c if c in printable and c.isprintable() else "?" for c in text)


def _count(agent: str, name: str, value: Any) -> int:
    """Tokens: a whole number, also where a server gave it as a float; None, as it does not say, is none."""
    if value is None:
        return 0
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    count = whole_number(whole, 0, MOST_TOKENS)
    if count is None or np.ndim(value):
        raise SandboxError(
            f"The reply of {agent} has {name} {shown(value)}; give a whole number from 0 to {MOST_TOKENS}."
        )
    return count


def __dir__() -> list[str]:
    return __all__
