"""Ways to ask a server for a decision, from the best to the plainest; each writes a body and reads a reply.

| name | endpoint | who | gives |
| --- | --- | --- | --- |
| systemone | /v1/systemone | vLLM, `transformers serve`, llama.cpp | probabilities, no text |
| decisions | /v1/decisions | SGLang and others in the shape of OpenAI's | probabilities, no text |
| logprobs | chat | vLLM, SGLang, llama.cpp | probabilities of the labels as first token |
| choice | chat, `structured_outputs` | vLLM from 0.12 | a legal label |
| json | chat, `response_format` with a schema | OpenAI, llama.cpp, Ollama, SGLang | a legal label in JSON |
| text | chat | all | whatever it writes |
| dense | completions of token ids | llama.cpp with a nano (`experiments export_gguf`) | probabilities |
"""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.qwen.chat import Turns, messages
from agents.qwen.decisions import Request
from envs.replies import split_thinking, without_end_tokens
from envs.reports import VERDICTS

TOP_LOGPROBS = 20
"""The most that OpenAI's interface gives."""
ANSWER_TOKENS = 64
"""Room for an answer in words, where nothing constrains it to a letter."""
EVERY_TOKEN = 4096
"""More than a nano has."""
NAME = "decision"
BUDGETS = ("thinking_budget_tokens", "reasoning_budget_tokens", "thinking_token_budget")
"""Fields that end a thought after so many tokens: of llama.cpp, and vLLM with a reasoning configuration."""
CUT = ("length", "max_tokens", "max_output_tokens", "model_length")
"""Why a reply ended, where its tokens ran out."""
MOST_TOKENS = 10**9
"""What a server counts beyond is no count."""


class UnreadableReply(ValueError):
    """A reply of a server that lacks what it should hold."""


class Answer(NamedTuple):
    """What a reply says: probabilities (L,) of the legal actions in order, or text to be read."""

    probabilities: NDArray[np.float64] | None
    text: str = ""
    reasoning: str = ""
    cut: bool = False
    """Whether the reply ended because its tokens ran out."""
    mass: float | None = None
    """Share of the model's probability on legal labels, where it is told."""
    unseen: float = 0.0
    """The most that any label can have which the reply does not list; its probability is 0 here."""


class Usage(NamedTuple):
    """Tokens that a server says it read and wrote."""

    prompt: int
    output: int
    cached: int = 0
    """Of the prompt, what the server had read before."""


@dataclass(frozen=True)
class Question:
    """A request as servers are asked it; `labels`, `names` and `phrases` (L,) are of the legal actions, or of
    the verdicts on one that is proposed, which may be answered in either case (`folded`)."""

    system: str
    report: str
    briefing: str
    situation: str
    labels: tuple[str, ...]
    names: tuple[str, ...]
    phrases: tuple[str, ...]
    dense: tuple[int, ...] = ()
    """The tokens of a dense prompt, where that is how it is asked, and those (L,) of the actions."""
    answers: tuple[int, ...] = ()
    folded: bool = False
    turns: Turns = ()
    own: str = ""
    """Of a proposal, what the others of the same satellite do not say."""

    @classmethod
    def proposing(cls, request: Request, place: int) -> "Question":
        """Whether the legal action at `place` is a good one."""
        reporter, report = request.reporter, request.proposed(place)
        return cls(
            system=reporter.judging,
            report=report,
            briefing=reporter.briefing,
            situation=report,
            labels=VERDICTS,
            names=tuple(verdict.lower() for verdict in VERDICTS),
            phrases=("it is a good decision now", "another decision is better"),
            folded=True,
            turns=reporter.verdicts_shown,
            own=report.rpartition("\n")[2],
        )

    @classmethod
    def of(cls, request: Request, leave_out: int = 0, order: NDArray[np.int64] | None = None) -> "Question":
        """The question that `request` poses, its options in `order`, without the last `leave_out` topics."""
        reporter = request.reporter
        options = request.options if order is None else request.options[order]
        phrases = (*reporter.phrases, request.think)
        return cls(
            system=reporter.system,
            report=request.asked(order, leave_out),
            briefing=reporter.briefing,
            situation=request.situation(leave_out),
            labels=reporter.labels_of(options),
            names=tuple(reporter.choices[i] for i in options),
            phrases=tuple(phrases[i] or "" for i in options),
        )

    def after(self, thoughts: str) -> "Question":
        """The same question to a mind that has thought so far and must decide now."""
        tail = f"\n\nYou have thought so far:\n{thoughts}\n\nTime is up: decide now."
        return replace(self, report=self.report + tail, situation=self.situation + tail)

    def goes_on(self, thoughts: str) -> "Question":
        """The same question to a mind that has thought so far and may think on."""
        tail = f"\n\nYou have thought so far:\n{thoughts}\n\nGo on from there."
        return replace(self, report=self.report + tail, situation=self.situation + tail)


@dataclass(frozen=True)
class Wants:
    """What a server wants of a chat.

    `limit` is how it calls the most tokens of an answer; the fields that it has `refused` are left out.
    """

    limit: str = "max_tokens"
    refused: frozenset[str] = frozenset()

    def applied(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`body` in the words of this server."""
        named = {self.limit if name == "max_tokens" else name: value for name, value in body.items()}
        return {name: value for name, value in named.items() if name not in self.refused}


class Dialect(ABC):
    """One way to ask. `switch` is what turns thinking off in a chat at this server, `wants` what it wants."""

    name: ClassVar[str]
    path: ClassVar[str] = "/chat/completions"

    def __init__(
        self, model: str, switch: Mapping[str, Any] | None = None, wants: Wants | None = None
    ) -> None:
        self.model, self.switch, self.wants = model, dict(switch or {}), wants or Wants()

    @abstractmethod
    def body(self, question: Question, sampling: Mapping[str, Any]) -> dict[str, Any]:
        """What to post; `sampling` is for those whose answer is drawn by the server."""

    @abstractmethod
    def read(self, reply: Any, question: Question) -> Answer:
        """The answer in the JSON of a reply. Raises UnreadableReply."""

    def _chat(self, question: Question, **fields: Any) -> dict[str, Any]:
        asked = messages(question.system, question.report, question.turns)
        return self.wants.applied({"model": self.model, "messages": asked, **self.switch, **fields})


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
        given = _distribution([shares.get(name) for name in question.names])
        return Answer(given, mass=_label_mass(reply))


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
        given = _distribution([shares.get(name) for name in question.names])
        return Answer(given, mass=_label_mass(reply))


class LogProbs(Dialect):
    """The first token of a chat answer: its alternatives that are legal labels, renormalised.

    Of labels that are not among the alternatives a reply says only that none is likelier than the last of
    them: who asks has to ask again.
    """

    name = "logprobs"
    alternatives: int = TOP_LOGPROBS
    """How many to ask for; some servers give more than OpenAI's interface."""

    def body(self, question: Question, sampling: Mapping[str, Any]) -> dict[str, Any]:
        return self._chat(
            question, max_tokens=1, temperature=1.0, logprobs=True, top_logprobs=self.alternatives
        )

    def read(self, reply: Any, question: Question) -> Answer:
        listed = _at(reply, "choices", 0, "logprobs", "content", 0, "top_logprobs")
        try:
            found = [(_bare(each["token"]), float(each["logprob"])) for each in listed]
        except (TypeError, KeyError, ValueError, OverflowError):
            raise UnreadableReply("no alternatives with log-probabilities") from None
        shares = np.zeros(len(question.labels))
        if question.folded:
            found = [(token.capitalize(), p) for token, p in found]
        for i, label in enumerate(question.labels):
            shares[i] = sum(math.exp(min(0.0, p)) for token, p in found if token == label and not p > 1e-6)
        if not shares.any():
            raise UnreadableReply("no legal label among the likeliest first tokens")
        every = [math.exp(min(0.0, p)) for _, p in found if not math.isnan(p)]
        unseen = min([max(0.0, 1.0 - sum(every)), *every])
        mass = min(1.0, float(shares.sum()))
        return Answer(shares / shares.sum(), mass=mass, unseen=unseen / shares.sum())


class Text(Dialect):
    """A chat answer in whatever words."""

    name = "text"

    def body(self, question: Question, sampling: Mapping[str, Any]) -> dict[str, Any]:
        return self._chat(question, max_tokens=ANSWER_TOKENS, **sampling)

    def read(self, reply: Any, question: Question) -> Answer:
        answer = read_chat(reply)
        if answer.text or answer.cut:
            return answer
        return answer._replace(text=answer.reasoning, reasoning="")  # misfiled by the server's parser


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


class Dense(Dialect):
    """A dense prompt as token ids, answered by an action's own token; for a nano behind llama.cpp.

    It says no label mass: a nano learns to tell the legal actions apart, and nothing of the other tokens.
    """

    name, path = "dense", "/completions"

    def body(self, question: Question, sampling: Mapping[str, Any]) -> dict[str, Any]:
        asked = {"prompt": list(question.dense), "max_tokens": 1, "temperature": 1.0}
        return {"model": self.model, **asked, "logprobs": EVERY_TOKEN, "n_probs": EVERY_TOKEN}

    def read(self, reply: Any, question: Question) -> Answer:
        listed = _at(reply, "choices", 0, "logprobs", "content", 0, "top_logprobs")
        try:
            found = {int(each["id"]): float(each["logprob"]) for each in listed}
        except (TypeError, KeyError, ValueError, OverflowError):
            raise UnreadableReply("no alternatives with ids and log-probabilities") from None
        scores = np.array([found.get(token, -np.inf) for token in question.answers])
        if not np.isfinite(scores).any():
            raise UnreadableReply("no legal action among the alternatives")
        shares = np.exp(scores)
        return Answer(shares / shares.sum())


DIALECTS: dict[str, type[Dialect]] = {
    kind.name: kind for kind in (SystemOne, Decisions, LogProbs, Choice, Json, Text)
}
"""In the order in which they are tried."""
NAMED: dict[str, type[Dialect]] = {**DIALECTS, Dense.name: Dense}
"""Those that can be asked for."""


def read_chat(reply: Any) -> Answer:
    """Text and reasoning of a chat reply: of their own fields, or with the thinking block in the text."""
    choice = _at(reply, "choices", 0)
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise UnreadableReply("no message")
    content, thought = _parts(message.get("content"))
    for field in ("reasoning_content", "reasoning"):
        thought = thought or "".join(_parts(message.get(field)))
    if not thought and isinstance(content, str):
        thought, content = split_thinking(content)
    content = without_end_tokens(content) or _called(message)
    return Answer(None, content.strip(), thought.strip(), choice.get("finish_reason") in CUT)


def _parts(content: Any) -> tuple[str, str]:
    """Text and thoughts in a content: a string, nothing, or a list of parts. Raises UnreadableReply."""
    if content is None or isinstance(content, str):
        return content or "", ""
    listed = [content] if isinstance(content, dict) else content
    if not isinstance(listed, list):
        raise UnreadableReply("a message that is not text")
    text, thoughts = [], []
    for part in listed:
        kind = str(part.get("type", "text")) if isinstance(part, dict) else "text"
        if kind in ("thinking", "reasoning", "reasoning_content", "summary_text"):
            thoughts.append(_words(part, 3))
        elif kind in ("text", "output_text"):
            text.append(_words(part, 3))
    return "".join(text), "".join(thoughts)


def _words(part: Any, depth: int) -> str:
    """The words of a part, which may be parts themselves."""
    if isinstance(part, str):
        return part
    if isinstance(part, list) and depth:
        return "".join(_words(each, depth - 1) for each in part)
    if isinstance(part, dict) and depth:
        found = (part.get(name) for name in ("text", "thinking", "reasoning", "content", "summary"))
        return next((said for value in found if (said := _words(value, depth - 1))), "")
    return ""


def _called(message: Mapping[str, Any]) -> str:
    """A decision that came as the call of a tool, as it would stand in the text."""
    calls = message.get("tool_calls")
    first = calls[0] if isinstance(calls, list) and calls else None
    function = first.get("function") if isinstance(first, dict) else message.get("function_call")
    if not isinstance(function, dict):
        return ""
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            return arguments
    return json.dumps({"name": function.get("name"), "arguments": arguments})


def read_usage(reply: Any) -> Usage | None:
    """The tokens that a reply says it took, in either spelling; None where it does not say."""
    said = reply.get("usage") if isinstance(reply, dict) else None
    if not isinstance(said, dict):
        return None
    prompt = said.get("prompt_tokens", said.get("input_tokens"))
    output = said.get("completion_tokens", said.get("output_tokens", 0))
    if not (isinstance(prompt, int) and isinstance(output, int)):
        return None
    if not (min(prompt, output) >= 0 and max(prompt, output) <= MOST_TOKENS):
        return None
    details = said.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return Usage(prompt, output, min(prompt, max(0, cached)) if isinstance(cached, int) else 0)


def _at(value: Any, *path: str | int) -> Any:
    """What lies at `path` in nested JSON. Raises UnreadableReply where it does not go on."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            raise UnreadableReply(f"no {step!r} in the reply") from None
    return value


def _bare(token: Any) -> str:
    """A token without the space before it."""
    if not isinstance(token, str):
        raise TypeError("no token")
    return token.lstrip(" \u2581\u0120")


def _label_mass(reply: Any) -> float | None:
    """What a reply says of the share of the probability on labels: of the answer, or of the whole."""
    answers = reply.get("answers") if isinstance(reply, dict) else None
    if isinstance(answers, dict):
        answer = answers.get(NAME)
    else:
        answer = answers[0] if isinstance(answers, list) and answers else None
    for place in (answer, reply):
        for held in (place, place.get("diagnostics") if isinstance(place, dict) else None):
            said = held.get("label_mass") if isinstance(held, dict) else None
            if isinstance(said, (int, float)) and 0.0 <= said <= 1.001:
                return float(min(said, 1.0))
    return None


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
