"""An episode that is flown round by round with a hand on the wheel: decisions can be overridden, minds asked,
and from any moment on a second future flown beside the first.

    flight = Flight(env, policy, seed=3)
    flight.step()
    flight.override(0, "charge")        until flight.release(0)
    other = flight.branch()             the same to the bit, as long as nobody intervenes
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from agents import Policy
from agents.qwen.choice import Draws
from agents.qwen.loading import first_line
from agents.qwen.policy import QwenPolicy
from envs.batch import BatchEnv
from envs.camera import joined
from envs.deliberation import HOLD, NOTHING, DeliberatingBatch
from experiments.running.callbacks import Film, because_of, odds_of, said_of
from experiments.running.rollout import Round, Turn, advance, decide, without
from sandbox.errors import SandboxError, shown, unknown_name
from sandbox.recording import Recording
from sandbox.recording.frames import frame_of, static_of

STANDING = "its standing order"
"""What a satellite does that is not asked in a round, or is still thinking."""
NOT_LEGAL = "not legal then"


class Flight:
    """One world, flown by `policy` and by whoever overrides it; recorded in memory.

    Args:
        env: a batch of one world without autoreset; it begins its episode here.
        policy: made for `env`.
        seed: of the episode and of the policy.
        meta: what else the recording says of itself.
        minds: satellites whose thoughts are recorded, as `Film` has it.

    `overrides` holds the action of every satellite that a person decides for, until it is released. In a
    round in which that is not legal the policy's decision is played. Both are events of the recording.
    """

    def __init__(
        self,
        env: BatchEnv,
        policy: Policy,
        seed: int = 0,
        meta: Mapping[str, Any] | None = None,
        minds: int | None = None,
    ) -> None:
        if env.worlds != 1:
            raise SandboxError(f"A flight is of one world, not of {env.worlds}.")
        self.env, self.policy, self.over = env, policy, False
        self.overrides: dict[int, int] = {}
        self._begun = seed, dict(meta or {}), minds
        self._held: list[dict[int, int]] = []  # the overrides of every round
        self._told: dict[int, dict[str, str]] = {}
        self._turn: Turn | None = None  # of the coming round, once the policy was heard
        self.played: Round | None = None
        """The last round."""
        self._observation, self._info = env.reset(seed)
        policy.reset(seed)
        self._film = Film(None, meta or {}, minds)
        self._film.start(env)
        self.rounds = 0

    @property
    def names(self) -> list[str]:
        """Of the satellites."""
        return list(self.env.world.fleet.names)

    @property
    def recording(self) -> Recording:
        """The rounds flown so far, none at first."""
        return self._film.recording

    @property
    def shown(self) -> Recording:
        """The rounds flown so far; before the first the world as it stands, which is no round."""
        world = self.env.world
        if self.rounds:
            return self.recording
        nothing = Recording(
            self.recording.meta, {"time": np.empty(0)} | static_of(world), self.recording.events
        )
        return joined(nothing, frame_of(world))

    def look(self) -> Turn:
        """What is seen now, and what the policy decides for the coming round: that is what `step` plays, but
        for the overrides. Raises `SandboxError` where the episode is over."""
        if self.over:
            raise SandboxError(f"The episode is over after {self.rounds} rounds.")
        if self._turn is None:
            self._turn = decide(self.policy, self._observation, self._info)
        return self._turn

    def step(self) -> None:
        """Play one round. Raises `SandboxError` where the episode is over."""
        turn = self.look()
        self._film.before(self.env)
        self._turn = None
        told = self._take_over(turn)
        played, self._observation, self._info, over = advance(self.env, self.policy, turn)
        self.played = played
        self.rounds += 1
        self._held.append(dict(self.overrides))
        self._film.after(self.env, played)
        for n in sorted(told.keys() | self._told.keys()):
            if n not in told:
                self._film.note(
                    n, "override", {"decision": self.called(turn.actions[0, n]), "why": "released"}
                )
            elif told[n] != self._told.get(n):
                self._film.note(n, "override", told[n])
        self._told = told
        self.over = bool(over.all())

    def override(self, satellite: int | str, action: int | str) -> None:
        """Decide for a satellite until it is released.

        Raises `SandboxError` for names or numbers that there are not, and for what is not legal now.
        """
        n, a = self.number(satellite), self._action(action)
        if not self._info["action_mask"][0, n, a]:
            legal = ", ".join(self.legal(n))
            raise SandboxError(
                f"{self.env.actions[a]} is not legal for {self.names[n]} now; give one of {legal}."
            )
        self.overrides[n] = a

    def release(self, satellite: int | str) -> None:
        """Let the policy decide again. Raises `SandboxError` where it does."""
        n = self.number(satellite)
        if self.overrides.pop(n, None) is None:
            raise SandboxError(f"{self.names[n]} is not overridden.")

    def legal(self, satellite: int | str) -> list[str]:
        """What a satellite may do in the coming round; nothing once the episode is over."""
        mask = self._info["action_mask"][0, self.number(satellite)]
        return [] if self.over else [self.env.actions[a] for a in np.flatnonzero(mask)]

    def ask(self, satellite: int | str) -> dict[str, Any]:
        """What the policy would decide for a satellite now; nothing changes by it.

        Returns "decision" and, as far as the policy has them, "because" and "odds"; of a mind also what it
        read and wrote, and what the thought would cost ("seconds", "joules"). "thinking": it is still at an
        earlier thought, and would not be asked. Raises `SandboxError` where a mind cannot be copied.
        """
        n = self.number(satellite)
        if self.over:
            raise SandboxError(f"The episode is over after {self.rounds} rounds; there is nothing to decide.")
        asked, turn = self._heard(n)
        answer: dict[str, Any] = {"satellite": n, "decision": self.called(turn.actions[0, n])}
        if (0, n) in asked.decisions:
            answer |= said_of(self.env, *asked.decisions[0, n])
        elif asked.odds is not None:
            answer["odds"] = odds_of(asked.odds[0, n], self.env.actions)
        if because := because_of(asked, 0, n):
            answer["because"] = because
        if isinstance(self.env, DeliberatingBatch) and turn.thought is not None:
            price = self.env.priced(turn.actions, turn.thought)
            if price.starts[0, n]:
                answer["seconds"] = round(float(price.cost.seconds[0, n]), 3)
                answer["joules"] = round(float(price.cost.joules[0, n]), 3)
            answer["thinking"] = bool(self._info["thinking"][0, n])
        return answer

    def _heard(self, n: int) -> tuple[Policy, Turn]:
        """Whoever is asked, and what it decides for satellite `n`.

        Without a mind that is what `step` will play, decided once: a planner plans for minutes. A mind is
        asked in a copy where it would not be asked in this round.
        """
        if _mind_in(self.policy) is None:
            return self.policy, self.look()
        if self._turn is not None and (0, n) in self.policy.decisions:
            return self.policy, self._turn
        asked, info = self._copied(self.policy), dict(self._info)
        if _mind_in(asked) is not None:
            info = self._for_one(n, asked, info)
        return asked, decide(asked, self._observation, info)

    def branch(self, at: int | None = None) -> "Flight":
        """A second flight from here on, with overrides of its own; the past is the same.

        Given `at`, from before that round on (they count from 0): the episode is flown anew up to there,
        under the overrides that held then. Raises `SandboxError` where there is no such round, and for a
        policy that cannot be copied or does not repeat itself.
        """
        if at is None or (at == self.rounds and not isinstance(at, bool)):
            twin = copy.copy(self)
            twin.__dict__ |= self._copied(self.__dict__)
            return twin
        if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at < self.rounds:
            remedy = f"give a round from 0 to {self.rounds}" if self.rounds else "leave it out, or give 0"
            raise SandboxError(f"at = {shown(at)} is no round that was flown; {remedy}.")
        env, policy = self._copied((self.env, self.policy))
        again = Flight(env, policy, *self._begun)
        for held in self._held[:at]:
            again.overrides = dict(held)
            again.step()
        if at and (again.recording["action"] != self.recording["action"][:at]).any():
            raise SandboxError(
                f"The policy does not repeat itself: flown anew, it decides otherwise before round {at}; "
                "branch from the present."
            )
        again.overrides = dict(self._held[at])
        return again

    def number(self, satellite: int | str) -> int:
        """The number of a satellite, given by number or name. Raises `SandboxError` for any other."""
        return _place(satellite, self.names, "satellite")

    def _action(self, action: int | str) -> int:
        return _place(action, self.env.actions, "decision")

    def called(self, action: int) -> str:
        """A decision by its label, or that there was none."""
        return STANDING if action == HOLD else self.env.actions[action]

    def _take_over(self, turn: Turn) -> dict[int, dict[str, str]]:
        """Put the overrides in place of the policy's decisions; what is to be told, by satellite."""
        mask, told, by_hand = turn.info["action_mask"], {}, []
        turn.actions = turn.actions.copy()
        for n, action in self.overrides.items():
            wanted, other = self.called(action), self.called(turn.actions[0, n])
            if not mask[0, n, action]:
                told[n] = {"decision": other, "instead_of": wanted, "why": NOT_LEGAL}
                continue
            turn.actions[0, n] = action
            by_hand.append((0, n))
            self._void(n, action)
            told[n] = {"decision": wanted, "instead_of": other}
        turn.by_hand, turn.thought = by_hand, without(turn.thought, by_hand)
        return told

    def _void(self, n: int, action: int) -> None:
        """What a satellite is still thinking about ends in what was decided for it; it is paid for."""
        if isinstance(self.env, DeliberatingBatch):
            minds = self.env.world.state.minds
            if minds["pending"][0, n] != NOTHING:
                minds["pending"][0, n] = self.env.problem.identities()[0, n, action]

    def _for_one(self, n: int, asked: Policy, info: dict[str, Any]) -> dict[str, Any]:
        """What has a mind think of satellite `n` alone, in its turn or not."""
        mask = np.zeros_like(info["action_mask"])
        mask[..., 0], mask[0, n] = 1, info["action_mask"][0, n]
        mind = _mind_in(asked)
        assert mind is not None
        mind.period = 1
        return info | {"action_mask": mask, "thinking": np.zeros_like(info["thinking"])}

    def _copied(self, what: Any) -> Any:
        """A copy that shares with the original only what does not change: the weights of a mind, say."""
        memo: dict[int, Any] = {}
        for policy in _policies_in(self.policy):
            for told in (policy.decisions, policy.reasons):
                memo[id(told)] = told  # replaced in every round, never changed
            if isinstance(policy, QwenPolicy):
                memo[id(policy.engine)] = _twin(policy.engine)
        try:
            return copy.deepcopy(what, memo)
        except Exception as error:  # a policy of others fails in its own way: torch with a RuntimeError, say
            reason = first_line(error)
            raise SandboxError(
                f"The policy {type(self.policy).__name__} cannot be copied ({reason}); without that there is "
                "neither asking nor a second future."
            ) from None


class Parting(NamedTuple):
    """Where two futures first decide otherwise: the round, from 0 on, and who does."""

    round: int
    satellites: list[int]


def parting(one: Recording, other: Recording) -> Parting | None:
    """Where two recordings of one fleet part; None where they have not, as far as both go."""
    both = min(len(one), len(other))
    differs = one["action"][:both] != other["action"][:both]
    rounds = np.flatnonzero(differs.any(axis=1))
    return Parting(int(rounds[0]), np.flatnonzero(differs[rounds[0]]).tolist()) if len(rounds) else None


def _policies_in(policy: Policy | None) -> Iterator[Policy]:
    """A policy, and those that it holds: whom it charges, who decides in between."""
    if policy is None:
        return
    yield policy
    for name in ("inner", "fallback"):
        yield from _policies_in(getattr(policy, name, None))


def _mind_in(policy: Policy) -> QwenPolicy | None:
    return next((one for one in _policies_in(policy) if isinstance(one, QwenPolicy)), None)


def _twin(engine: Any) -> Any:
    """The same engine, model and connections shared, with draws and notes of its own."""
    made = copy.copy(engine)
    for name, value in vars(engine).items():
        if isinstance(value, np.random.Generator | Draws):
            setattr(made, name, copy.deepcopy(value))
        elif isinstance(value, set | dict | list):
            setattr(made, name, copy.copy(value))
    return made


def _place(given: Any, names: Any, kind: str) -> int:
    if isinstance(given, str):
        if given not in names:
            raise unknown_name(kind, given, names)
        return list(names).index(given)
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or not 0 <= given < len(names):
        raise SandboxError(f"{kind} = {shown(given)}; give a name or a number from 0 to {len(names) - 1}.")
    return int(given)
