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


Turns = Sequence[tuple[str, str]]
"""Questions that were asked before, and their answers: examples of how to answer."""


def messages(system: str, report: str, turns: Turns = ()) -> list[dict[str, str]]:
    """The chat that asks for a decision."""
    said = [("system", system)]
    for question, answer in turns:
        said += [("user", question), ("assistant", answer)]
    return [{"role": role, "content": content} for role, content in (*said, ("user", report))]


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
        self._alone = False
        self._alone = self._takes_no_system()
        self.style = self._style()
        self._prefixes: dict[tuple[str, bool, Turns], list[int]] = {}

    def text(self, system: str, report: str, think: bool, turns: Turns = ()) -> str:
        """The prompt as text, up to where the model goes on: with the answer, or with its thoughts."""
        rendered = self._rendered(system, report, think, turns)
        return rendered + EMPTY_BLOCK if self.style == ALWAYS and not think else rendered

    def ids(self, system: str, report: str, think: bool, turns: Turns = ()) -> list[int]:
        """The prompt as token ids."""
        return self.encode(self.text(system, report, think, turns))

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, with nothing added."""
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def prefix(self, system: str, think: bool, turns: Turns = ()) -> list[int]:
        """The token ids that prompts with this system message, and these turns, begin with."""
        key = (system, think, tuple(turns))
        if key not in self._prefixes:
            probes = [self.ids(system, report, think, turns) for report in ("A", "0")]
            self._prefixes[key] = list(common_prefix(*probes))
        return self._prefixes[key]

    def fit(self, request: Request, think: bool, room: int, order: NDArray[np.int64] | None = None) -> Prompt:
        """The prompt of `request` in at most `room` tokens, shortened by the rules above where it must be.

        Its options are listed in `order`.

        Raises SandboxError where it does not fit without any topic.
        """
        ids = self.ids(request.system, request.asked(order), think)
        if len(ids) <= room:
            return Prompt(ids, 0)
        for left_out in range(1, request.reporter.topic_count(request.observation) + 1):
            report = request.asked(order, left_out)
            ids = self.ids(request.system, report, think)
            if len(ids) <= room:
                return Prompt(ids, left_out)
        raise SandboxError(
            f"A prompt of {len(ids)} tokens, with every topic left out, does not fit the {room} tokens that "
            f"the context of {self.model!r} leaves for it; give a larger context or less thinking."
        )

    def label_tokens(self, labels: Sequence[str]) -> list[list[int]]:
        """The tokens of each label (A,) as an answer begins with them.

        Where one label begins with another, all are closed by what ends a turn, so that neither is a part of
        the other. Raises SandboxError where the tokenizer gives two labels the same tokens.
        """
        start = self.text("", "", think=False)
        before = self.encode(start)
        tokens = []
        for label in labels:
            after = self.encode(start + label)
            whole = len(after) > len(before) and after[: len(before)] == before
            tokens.append(after[len(before) :] if whole else self.encode(label))
        if len({tuple(label) for label in tokens}) < len(tokens) or not all(tokens):
            raise SandboxError(f"The tokenizer of {self.model!r} gives two labels the same token.")
        ends = [self.tokenizer.eos_token_id]
        if _nested(tokens) and ends[0] is not None:
            return [label + ends for label in tokens]
        return tokens

    def _rendered(self, system: str, report: str, think: bool, turns: Turns = ()) -> str:
        said = messages(system, report, turns)
        if self._alone:
            first, *others = said[1:]
            said = [first | {"content": f"{system}\n\n{first['content']}"}, *others]
        return self.tokenizer.apply_chat_template(
            said, tokenize=False, add_generation_prompt=True, enable_thinking=think
        )

    def _takes_no_system(self) -> bool:
        """Whether the template refuses a system message, as some models' do: then it opens the user's."""
        try:
            self._rendered("", "", False)
        except Exception:  # the template's own
            return True
        return False

    def _style(self) -> str:
        on, off = (self._rendered("", "", think) for think in (True, False))
        if on != off:
            return HYBRID
        _, opened, after = on.rpartition("<think>")
        return ALWAYS if opened and "</think>" not in after else NEVER


def _nested(labels: list[list[int]]) -> bool:
    """Whether one of the labels begins with another."""
    found = {tuple(label) for label in labels}
    return any(tuple(label[:k]) in found for label in labels for k in range(1, len(label)))


def common_prefix(one: Sequence[Any], other: Sequence[Any]) -> Sequence[Any]:
    """What both begin with."""
    shorter = min(len(one), len(other))
    differ = (i for i in range(shorter) if one[i] != other[i])
    return one[: next(differ, shorter)]
