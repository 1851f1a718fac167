"""Ways to ask a server for a decision, from the best to the plainest; each writes a body and reads a reply.

| name | endpoint | who | gives |
| --- | --- | --- | --- |
| systemone | /v1/systemone | vLLM, `transformers serve`, llama.cpp | probabilities, no text |
| decisions | /v1/decisions | SGLang and others in the shape of OpenAI's | probabilities, no text |
| logprobs | chat | vLLM, SGLang, llama.cpp | probabilities of the labels as first token |
| choice | chat, `structured_outputs` | vLLM from 0.12 | a legal label |
| json | chat, `response_format` with a schema | OpenAI, llama.cpp, Ollama, SGLang | a legal label in JSON |
| text | chat | all | whatever it writes |
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.qwen.chat import messages
from agents.qwen.decisions import Request
from envs.replies import split_thinking

TOP_LOGPROBS = 20
"""The most that OpenAI's interface gives."""
ANSWER_TOKENS = 64
"""Room for an answer in words, where nothing constrains it to a letter."""
NAME = "decision"


class UnreadableReply(ValueError):
    """A reply of a server that lacks what it should hold."""


class Answer(NamedTuple):
    """What a reply says: probabilities (L,) of the legal actions in order, or text to be read."""

    probabilities: NDArray[np.float64] | None
    text: str = ""
    reasoning: str = ""
    cut: bool = False
    """Whether the reply ended because its tokens ran out."""


class Usage(NamedTuple):
    """Tokens that a server says it read and wrote."""

    prompt: int
    output: int


@dataclass(frozen=True)
class Question:
    """A request as servers are asked it; `labels`, `names` and `phrases` (L,) are of the legal actions."""

    system: str
    report: str
    briefing: str
    situation: str
    labels: tuple[str, ...]
    names: tuple[str, ...]
    phrases: tuple[str, ...]

    @classmethod
    def of(cls, request: Request, leave_out: int = 0) -> "Question":
        """The question that `request` poses, without the last `leave_out` topics of its report."""
        reporter, legal = request.reporter, request.legal
        return cls(
            system=reporter.system,
            report=reporter.report(request.observation, request.mask, leave_out),
            briefing=reporter.briefing,
            situation=reporter.situation(request.observation, leave_out),
            labels=tuple(reporter.labels[i] for i in legal),
            names=tuple(reporter.actions[i] for i in legal),
            phrases=tuple(reporter.phrases[i] for i in legal),
        )

    def after(self, thoughts: str) -> "Question":
        """The same question to a mind that has thought so far and must decide now."""
        tail = f"\n\nYou have thought so far:\n{thoughts}\n\nTime is up: decide now."
        return replace(self, report=self.report + tail, situation=self.situation + tail)


class Dialect(ABC):
    """One way to ask. `switch` is what turns thinking off in a chat at this server."""

    name: ClassVar[str]
    path: ClassVar[str] = "/chat/completions"

    def __init__(self, model: str, switch: Mapping[str, Any] | None = None) -> None:
        self.model, self.switch = model, dict(switch or {})

    @abstractmethod
    def body(self, question: Question, sampling: Mapping[str, Any]) -> dict[str, Any]:
        """What to post; `sampling` is for those whose answer is drawn by the server."""

    @abstractmethod
    def read(self, reply: Any, question: Question) -> Answer:
        """The answer in the JSON of a reply. Raises UnreadableReply."""

    def _chat(self, question: Question, **fields: Any) -> dict[str, Any]:
        asked = messages(question.system, question.report)
        return {"model": self.model, "messages": asked, **self.switch, **fields}


class SystemOne(Dialect):
    """The System One shape: a state, and a named question of type choice."""

    name, path = "systemone", "/systemone"

    def body(self, question: Question, sampling: Mapping[str, Any]) -> dict[str, Any]:
        criteria = dict(zip(question.names, question.phrases, strict=True))
        asked = {"type": "choice", "instructions": "What do you decide?", "criteria": criteria}
        state = f"{question.briefing}\n{question.situation}"
        return {"model": self.model, "state": state, "questions": {NAME: asked}}

    def read(self, reply: Any, question: Question) -> Answer:
        shares = _at(reply, "answers", NAME, "probabilities")
        if not isinstance(shares, dict):
            raise UnreadableReply("no probabilities by name")
        return Answer(_distribution([shares.get(name) for name in question.names]))


class Decisions(Dialect):
    """The shape of OpenAI's decisions: an input, and a list of questions of type choice."""

    name, path = "decisions", "/decisions"

    def body(self, question: Question, sampling: Mapping[str, Any]) -> dict[str, Any]:
        choices = [
            {"value": name, "description": phrase}
            for name, phrase in zip(question.names, question.phrases, strict=True)
        ]
        asked = {"type": "choice", "name": NAME, "instructions": "What do you decide?", "choices": choices}
        state = f"{question.briefing}\n{question.situation}"
        return {"model": self.model, "input": state, "questions": [asked]}

    def read(self, reply: Any, question: Question) -> Answer:
        listed = _at(reply, "answers", 0, "probabilities")
        try:
            shares = {each["value"]: each["probability"] for each in listed}
        except (TypeError, KeyError):
            raise UnreadableReply("no list of values with probabilities") from None
        return Answer(_distribution([shares.get(name) for name in question.names]))


class LogProbs(Dialect):
    """The first token of a chat answer: its alternatives that are legal labels, renormalised.

    A label below the twentieth alternative counts as impossible.
    """

    name = "logprobs"

    def body(self, question: Question, sampling: Mapping[str, Any]) -> dict[str, Any]:
        return self._chat(question, max_tokens=1, temperature=1.0, logprobs=True, top_logprobs=TOP_LOGPROBS)

    def read(self, reply: Any, question: Question) -> Answer:
        listed = _at(reply, "choices", 0, "logprobs", "content", 0, "top_logprobs")
        try:
            found = {each["token"]: float(each["logprob"]) for each in listed}
        except (TypeError, KeyError, ValueError, OverflowError):
            raise UnreadableReply("no alternatives with log-probabilities") from None
        scores = np.array([found.get(label, -np.inf) for label in question.labels])
        if not np.isfinite(scores.max()):
            raise UnreadableReply("no legal label among the likeliest first tokens")
        weights = np.exp(scores - scores.max())
        return Answer(weights / weights.sum())


class Text(Dialect):
    """A chat answer in whatever words."""

    name = "text"

    def body(self, question: Question, sampling: Mapping[str, Any]) -> dict[str, Any]:
        return self._chat(question, max_tokens=ANSWER_TOKENS, **sampling)

    def read(self, reply: Any, question: Question) -> Answer:
        return read_chat(reply)


class Choice(Text):
    """A chat answer that vLLM constrains to the legal labels."""

    name = "choice"

    def body(self, question: Question, sampling: Mapping[str, Any]) -> dict[str, Any]:
        return super().body(question, sampling) | {"structured_outputs": {"choice": list(question.labels)}}


class Json(Text):
    """A chat answer that a JSON schema constrains to the legal labels."""

    name = "json"

    def body(self, question: Question, sampling: Mapping[str, Any]) -> dict[str, Any]:
        schema = {
            "type": "object",
            "properties": {NAME: {"type": "string", "enum": list(question.labels)}},
            "required": [NAME],
            "additionalProperties": False,
        }
        form = {"type": "json_schema", "json_schema": {"name": NAME, "strict": True, "schema": schema}}
        asked = replace(question, report=f'{question.report}\nAnswer as JSON: {{"{NAME}": "<letter>"}}')
        return super().body(asked, sampling) | {"response_format": form}


DIALECTS: dict[str, type[Dialect]] = {
    kind.name: kind for kind in (SystemOne, Decisions, LogProbs, Choice, Json, Text)
}
"""In the order in which they are tried."""


def read_chat(reply: Any) -> Answer:
    """Text and reasoning of a chat reply: of their own fields, or with the thinking block in the text."""
    message = _at(reply, "choices", 0, "message")
    if not isinstance(message, dict):
        raise UnreadableReply("no message")
    content = message.get("content") or ""
    thought = message.get("reasoning_content") or message.get("reasoning") or ""
    if not (isinstance(content, str) and isinstance(thought, str)):
        raise UnreadableReply("a message that is not text")
    cut = reply["choices"][0].get("finish_reason") == "length"
    if not thought:
        thought, content = split_thinking(content)
    return Answer(None, content.strip(), thought.strip(), cut)


def read_usage(reply: Any) -> Usage | None:
    """The tokens that a reply says it took, in either spelling; None where it does not say."""
    said = reply.get("usage") if isinstance(reply, dict) else None
    if not isinstance(said, dict):
        return None
    prompt = said.get("prompt_tokens", said.get("input_tokens"))
    output = said.get("completion_tokens", said.get("output_tokens", 0))
    if isinstance(prompt, int) and isinstance(output, int) and min(prompt, output) >= 0:
        return Usage(prompt, output)
    return None


def _at(value: Any, *path: str | int) -> Any:
    """What lies at `path` in nested JSON. Raises UnreadableReply where it does not go on."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            raise UnreadableReply(f"no {step!r} in the reply") from None
    return value


def _distribution(shares: list[Any]) -> NDArray[np.float64]:
    """Probabilities that are numbers, none missing, and add up to one."""
    try:
        given = np.array(shares, float)
    except (TypeError, ValueError, OverflowError):
        raise UnreadableReply("a probability is no number") from None
    if given.ndim != 1:
        raise UnreadableReply("a probability is no number")
    if not (np.isfinite(given).all() and (given >= 0).all() and abs(given.sum() - 1.0) < 0.01):
        raise UnreadableReply("probabilities of the legal decisions that do not add up to 1")
    return given / given.sum()
