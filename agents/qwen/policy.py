"""The policy in which a Qwen3 decides for every satellite of the fleet.

    policy = make_policy("qwen", env)                                  the shipped nano
    policy = QwenPolicy(env, make_engine("Qwen/Qwen3-0.6B"))           a checkpoint, in process
    policy = QwenPolicy(env, engine, period=10, fallback=make_policy("greedy", env))
    policy = QwenPolicy(env, engine, think="auto:512")                 it thinks where it chooses to

Over a `DeliberatingBatch` its tokens are charged to the satellites: pass `policy.thought` to `env.step`.
A mind may be slower than the world: it is asked every `period` rounds, and not while it is still thinking;
in between the standing order stands, or a fast `fallback` decides for nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.policy import Policy
from agents.qwen.aside import Streams
from agents.qwen.choice import ASIDE, ON_DEMAND
from agents.qwen.decisions import Decision, Engine, Request
from agents.qwen.offers import Offers
from envs.deliberation import HOLD, Thought, who_thinks
from envs.reports import LETTERS, Reporter
from sandbox.errors import SandboxError


class QwenPolicy(Policy):
    """Asks `engine` (by default the shipped nano) for the decision of every satellite that has a choice.

    Args:
        env: any face of the environment.
        engine: who thinks.
        period: rounds between two decisions of a satellite; their turns are spread over the fleet.
        fallback: decides while the mind does not, at no cost; None: the standing order stands.
        adapters: name of the LoRA adapter of each satellite (N,), None for the model itself.
        shots: worked examples in the prompt; language: "en" or "zh"; label: "letters" or "words", how
            decisions are named. All as in `envs.reports.Reporter`; a mind that reads no words has none.
        think: when and how much it thinks, as the engine's `thinking`; None: as the engine was made.

    The tokens are charged at the price of the model that the scenario puts on board, whatever the engine's.
    After `act`, `thought` is what was spent, for `DeliberatingBatch.step`, and `decisions` maps (world,
    satellite) to its Request and Decision.

    Where thinking is a choice ("auto") it is none for satellites whose board is down or too hot, or where a
    thought of the whole budget would not end before the episode; what it costs at most is told with it.
    """

    thinks = True

    def __init__(
        self,
        env: Any,
        engine: Engine | None = None,
        *,
        period: int = 1,
        fallback: Policy | None = None,
        adapters: Sequence[str | None] | None = None,
        shots: int = 0,
        language: str = "en",
        label: str = LETTERS,
        think: str | int | None = None,
    ) -> None:
        super().__init__(env)
        if not (isinstance(period, (int, np.integer)) and period >= 1):
            raise SandboxError(f"period = {period!r}; give a whole number of rounds of at least 1.")
        self.engine = engine if engine is not None else _nano()
        if think is not None:
            self.engine.think_as(think)
        learned = self.engine.problems
        if learned and env.problem.name not in learned:
            raise SandboxError(
                f"{self.engine.name} has learned {', '.join(learned)} alone, not {env.problem.name}; "
                "give a Qwen3 that reads, with --model or --server."
            )
        self.period, self.fallback = int(period), fallback
        self.adapters = adapters
        self.reporter = Reporter(env.problem, label=label, shots=shots, language=language)
        self._round = 0
        self._thinking: NDArray[np.bool_] | None = None
        self._aside = Streams(env, self.engine) if self.engine.thinking.when == ASIDE else None
        self._offers = Offers(env, self.engine.thinking) if self.engine.thinking.when == ON_DEMAND else None

    def reset(self, seed: int | None = None) -> None:
        super().reset(seed)
        self.engine.reset(seed)
        if self.fallback is not None:
            self.fallback.reset(seed)
        self._round = 0
        if self._aside is not None:
            self._aside.reset()

    def act(self, observations: Any, infos: Any) -> Any:
        """Actions for what the environment's face returned; HOLD only over a `DeliberatingBatch`."""
        self._thinking = who_thinks(infos)
        self._share = infos.get("board_share")
        if self._aside is not None and isinstance(infos.get("ended"), np.ndarray):
            self._aside.forget(infos["ended"])
        return super().act(observations, infos)

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        team, deliberate = mask.shape[:-1], self._thinking is not None
        others = self._meanwhile(observation, mask, deliberate)
        asked = (mask.sum(-1) > 1) & self._turn(team)
        if self._thinking is not None:
            asked &= ~self._thinking
        places = np.argwhere(asked)
        offers = None if self._offers is None else self._offers.now(team, self._round, self._share)
        requests = [
            self._request(observation[b, n], mask[b, n], int(n), None if offers is None else offers[b][n])
            for b, n in places
        ]
        fresh = {(b, n): request for (b, n), request in zip(places.tolist(), requests, strict=True)}
        if self._aside is not None:
            requests = [
                replace(request, thoughts=self._aside.quoted(place, self._round))
                for place, request in fresh.items()
            ]
        decided = self.engine.decide(requests) if requests else []
        actions = others.copy()
        prompt, output = np.zeros(team, np.int64), np.zeros(team, np.int64)
        answers: dict[tuple[int, int], tuple[Request, Decision]] = {}
        for (b, n), request, decision in zip(places.tolist(), requests, decided, strict=True):
            if self._aside is not None:
                decision = replace(decision, reasoning=self._aside.news((b, n)))
            actions[b, n] = decision.action
            prompt[b, n], output[b, n] = decision.prompt_tokens, decision.output_tokens
            answers[b, n] = request, decision
        aside = None
        if self._aside is not None:
            awake = mask.sum(-1) > 1
            if self._thinking is not None:
                awake &= ~self._thinking
            decisions = {place: decision for place, (_, decision) in answers.items()}
            aside = self._aside.go_on(fresh, decisions, awake, self._share, self._round)
        self.decisions = answers
        self.thought = Thought(prompt, output, others, aside=aside)
        self._round += 1
        return actions

    def close(self) -> None:
        """Let the engine go, and the fallback. Safe to call twice."""
        if self.fallback is not None:
            self.fallback.close()
        self.engine.close()

    def _request(self, observation: NDArray, mask: NDArray, satellite: int, think: str | None) -> Request:
        adapter = None if self.adapters is None else self.adapters[satellite]
        return Request(observation, mask, self.reporter, satellite, adapter, think)

    def _turn(self, team: tuple[int, ...]) -> NDArray[np.bool_]:
        """Whose turn it is to decide in this round."""
        return np.broadcast_to((self._round + np.arange(team[-1])) % self.period == 0, team)

    def _meanwhile(self, observation: NDArray, mask: NDArray, deliberate: bool) -> NDArray[np.int64]:
        """What those do who do not decide, and those who do until their decision takes effect."""
        if self.fallback is not None:
            return self.fallback.decide(observation, mask)
        return np.full(mask.shape[:-1], HOLD if deliberate else 0)


def _nano() -> Engine:
    from agents.qwen.nano import NanoEngine

    return NanoEngine()
