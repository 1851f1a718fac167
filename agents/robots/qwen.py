"""A Qwen3 as the mind of a search robot: it reads a report of the site in words and chooses by label.

    QwenMind(make_engine("Qwen/Qwen3-0.6B"))

The engines are those of the satellites: a checkpoint in this process, or a server.
"""

import numpy as np
from numpy.typing import NDArray

from agents.qwen.decisions import Decision, Engine, Request
from agents.robots.minds import Mind
from envs.reports import LETTERS, Reporter
from envs.robots.words import SearchProblem
from sandbox.errors import SandboxError


class QwenMind(Mind):
    """Asks `engine` for every decision of which there is a choice; `label` and `language` are as in
    `envs.reports.Reporter`.

    `decision` is what it answered last, with probabilities and tokens, None before. What it takes the
    machine that runs this says nothing: the model that the scenario names is what is charged. Raises
    SandboxError for an engine that reads numbers in place of words, as the nano does.
    """

    def __init__(self, engine: Engine, *, label: str = LETTERS, language: str = "en") -> None:
        if engine.dense:
            raise SandboxError(
                f"{engine.name} reads no words, and has not learned this site; give a Qwen3 that reads, with "
                "a checkpoint or a server."
            )
        self.engine = engine
        self.reporter = Reporter(SearchProblem(), label=label, language=language)  # type: ignore[arg-type]
        self.decision: Decision | None = None

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> int:
        if mask.sum() == 1:
            return int(mask.argmax())
        [self.decision] = self.engine.decide([Request(observation, mask, self.reporter)])
        return self.decision.action

    def report(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> str:
        """What it would read."""
        return Request(observation, mask, self.reporter).report
