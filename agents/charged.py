"""A policy whose decisions are charged as though a language model had thought about them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.policy import Policy
from envs.deliberation import HOLD, Thought, who_thinks
from sandbox.errors import SandboxError


class Charged(Policy):
    """Decides as `inner` does, at the price of so many tokens a decision.

    So what it costs to think is seen apart from what thinking is worth: a heuristic can be charged, or a
    small model in the place of a large one. Satellites without a choice, or still thinking, pay nothing.

    Args:
        inner: who decides.
        prompt_tokens, output_tokens: charged for every decision, in place of what `inner` spent.
        model: whose tokens they are, by a name that `sandbox.compute.model` knows; None: the model that the
            scenario puts on board.
    """

    thinks = True

    def __init__(
        self, inner: Policy, prompt_tokens: int, output_tokens: int, model: str | None = None
    ) -> None:
        super().__init__(inner)
        for name, count in (("prompt_tokens", prompt_tokens), ("output_tokens", output_tokens)):
            if not (isinstance(count, (int, np.integer)) and count >= 0):
                raise SandboxError(f"{name} = {count!r}; give a whole number of at least 0.")
        self.inner, self.tokens, self.model = inner, (int(prompt_tokens), int(output_tokens)), model

    def close(self) -> None:
        self.inner.close()

    def explain(self, b: int, n: int) -> dict[str, float]:
        return self.inner.explain(b, n)

    def reset(self, seed: int | None = None) -> None:
        super().reset(seed)
        self.inner.reset(seed)

    def act(self, observations: Any, infos: Any) -> Any:
        self._thinking = who_thinks(infos)
        self._share = infos.get("board_share")
        return super().act(observations, infos)

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        if self._thinking is None:
            raise SandboxError("A charged policy needs an environment that charges: make it `deliberating`.")
        seen = {"action_mask": mask, "thinking": self._thinking}
        seen |= {} if self._share is None else {"board_share": self._share}
        actions, spent = self.inner.act(observation, seen), self.inner.thought
        spends, meanwhile = (mask.sum(-1) > 1) & ~self._thinking, None
        if spent is None:
            actions = np.where(self._thinking, HOLD, actions)
        else:
            spends &= (spent.prompt_tokens > 0) | (spent.output_tokens > 0)
            meanwhile = spent.meanwhile
        prompt, output = (np.where(spends, count, 0) for count in self.tokens)
        models = None if self.model is None else np.full(spends.shape, self.model, object)
        self.decisions, self.reasons, self.odds = self.inner.decisions, self.inner.reasons, self.inner.odds
        self.messages = self.inner.messages
        self.thought = Thought(prompt, output, meanwhile, models)
        return actions
