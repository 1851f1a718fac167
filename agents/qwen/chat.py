"""A request as a chat: system and user message through the tokenizer's own template, letters as labels.

The system message is the same for every satellite in every round, so the prompts of a run share a prefix.

A prompt that outgrows its room is shortened by these rules: the system message, the warnings and the
decisions always stay; the topics of the report go one by one, the last first, and are named in a line that
says so. How many went is counted in the decision. What does not fit even so is an error.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.qwen.decisions import Request
from sandbox.errors import SandboxError

HYBRID, ALWAYS, NEVER = "hybrid", "thinking only", "non-thinking"
TIME_IS_UP = "\n\nTime is up: I decide now, with what I have thought so far.\n</think>\n\n"
"""Closes a thinking block that outgrew its budget."""
CLOSED = "\n\n"
"""Stands between a thinking block that the model closed itself and the answer, as in the template."""
EMPTY_BLOCK = "\n</think>\n\n"
"""After the opening that the template of a thinking-only model writes: no thought at all."""


class Prompt(NamedTuple):
    """Token ids of a prompt, and how many topics of the report had to be left out."""

    ids: list[int]
    left_out: int


def messages(system: str, report: str) -> list[dict[str, str]]:
    """The chat that asks for a decision."""
    return [{"role": "system", "content": system}, {"role": "user", "content": report}]


class ChatRenderer:
    """Renders requests with `tokenizer`, of a checkpoint called `model` in error messages.

    `style` says whether the template knows the switch `enable_thinking` ("hybrid"), opens a thinking block
    always ("thinking only") or never ("non-thinking"). Raises SandboxError where there is no chat template.
    """

    def __init__(self, tokenizer: Any, model: str) -> None:
        if not tokenizer.chat_template:
            raise SandboxError(
                f"Model {model!r} has no chat template; use an instruction-tuned Qwen3, not a base model."
            )
        self.tokenizer, self.model = tokenizer, model
        self.style = self._style()
        self._prefixes: dict[tuple[str, bool], list[int]] = {}

    def text(self, system: str, report: str, think: bool) -> str:
        """The prompt as text, up to where the model goes on: with the answer, or with its thoughts."""
        rendered = self._rendered(system, report, think)
        return rendered + EMPTY_BLOCK if self.style == ALWAYS and not think else rendered

    def ids(self, system: str, report: str, think: bool) -> list[int]:
        """The prompt as token ids."""
        return self.encode(self.text(system, report, think))

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, with nothing added."""
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def prefix(self, system: str, think: bool) -> list[int]:
        """The token ids that prompts with this system message begin with."""
        key = (system, think)
        if key not in self._prefixes:
            probes = [self.ids(system, report, think) for report in ("A", "0")]
            self._prefixes[key] = _common_prefix(*probes)
        return self._prefixes[key]

    def fit(self, request: Request, think: bool, room: int) -> Prompt:
        """The prompt of `request` in at most `room` tokens, shortened by the rules above where it must be.

        Raises SandboxError where it does not fit without any topic.
        """
        ids = self.ids(request.system, request.report, think)
        if len(ids) <= room:
            return Prompt(ids, 0)
        for left_out in range(1, request.reporter.topic_count(request.observation) + 1):
            report = request.reporter.report(request.observation, request.mask, left_out)
            ids = self.ids(request.system, report, think)
            if len(ids) <= room:
                return Prompt(ids, left_out)
        raise SandboxError(
            f"A prompt of {len(ids)} tokens, with every topic left out, does not fit the {room} tokens that "
            f"the context of {self.model!r} leaves for it; give a larger context or less thinking."
        )

    def label_ids(self, labels: Sequence[str]) -> NDArray[np.int64]:
        """The token of each label (A,). Raises SandboxError unless each is one token, and its own."""
        start = self.text("", "", think=False)
        before = self.encode(start)
        tokens = []
        for label in labels:
            after = self.encode(start + label)
            if after[:-1] != before:
                raise SandboxError(
                    f"Label {label!r} is not a single token for the tokenizer of {self.model!r}; "
                    "show fewer actions, or use a Qwen3 with its own tokenizer."
                )
            tokens.append(after[-1])
        if len(set(tokens)) < len(tokens):
            raise SandboxError(f"The tokenizer of {self.model!r} gives two labels the same token.")
        return np.array(tokens, np.int64)

    def _rendered(self, system: str, report: str, think: bool) -> str:
        return self.tokenizer.apply_chat_template(
            messages(system, report), tokenize=False, add_generation_prompt=True, enable_thinking=think
        )

    def _style(self) -> str:
        on, off = (self._rendered("", "", think) for think in (True, False))
        if on != off:
            return HYBRID
        _, opened, after = on.rpartition("<think>")
        return ALWAYS if opened and "</think>" not in after else NEVER


def _common_prefix(one: list[int], other: list[int]) -> list[int]:
    shorter = min(len(one), len(other))
    differ = (i for i in range(shorter) if one[i] != other[i])
    return one[: next(differ, shorter)]
