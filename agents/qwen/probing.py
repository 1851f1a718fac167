"""What a server can do, found out by asking and looking at what comes back: they ignore fields silently."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from agents.qwen.cassette import Transport
from agents.qwen.dense import DECIDE, IDS
from agents.qwen.dialects import (
    BUDGETS,
    DIALECTS,
    NAME,
    NAMED,
    TOP_LOGPROBS,
    Choice,
    Dense,
    Dialect,
    Json,
    LogProbs,
    Question,
    Text,
    UnreadableReply,
    Wants,
    read_chat,
)
from agents.qwen.http import REDIRECTS, Reply
from agents.qwen.reasons import plain
from envs.replies import OK, ReplyReader
from sandbox.errors import SHOWN, SandboxError, unknown_name

SWITCHES: tuple[Mapping[str, Any], ...] = (
    {"chat_template_kwargs": {"enable_thinking": False}},
    {"reasoning_effort": "none"},
    {"enable_thinking": False},
    {"thinking": {"type": "disabled"}},
    {"reasoning": {"enabled": False}},
    {},
)
"""What turns thinking off: at vLLM, SGLang, llama.cpp and `transformers serve`; at Ollama; at DashScope; at
other vendors; at OpenRouter; nothing does."""
OPTIONAL = ("temperature", "top_p", "top_k", "seed", *BUDGETS)
"""Fields that a server may do without."""
_BAD_REQUEST = (400, 422)
_SHORT_THOUGHT, _MOST_CHARACTERS = 2, 10
"""Tokens of a thought that is to be ended, and characters that each may have."""
_LONGEST_NAME = 80
WIDER = (256, 64)
"""Alternatives of a token that are asked for beyond the usual 20: llama.cpp gives any number."""

_YES_OR_NO = Question(
    system="Answer with one letter, and nothing else.",
    report="A lamp is on.\nDecisions:\nA: on, the lamp is on\nB: off, the lamp is off",
    briefing="Say what is true.",
    situation="A lamp is on.",
    labels=("A", "B"),
    names=("on", "off"),
    phrases=("the lamp is on", "the lamp is off"),
)
_HELLO = Question(
    system="You are polite.",
    report="Please say hello.",
    briefing="You are polite.",
    situation="Please say hello.",
    labels=("K", "W"),
    names=("k", "w"),
    phrases=("the letter K", "the letter W"),
)
"""To which a free answer is neither of the labels."""


_DENSE = tuple(IDS[token] for token in ("<battery:20>", "<idle>", "<charge>", DECIDE))
_DENSE_ANSWERS = (IDS["<idle>"], IDS["<charge>"])


class Server(NamedTuple):
    """What was found: the model as the server calls it, how to ask it, and its context (tokens) if stated."""

    model: str
    dialect: Dialect
    context: int | None


def probe(transport: Transport, url: str, model: str | None, dialect: str, thinking: bool) -> Server:
    """Find out how to ask the server at `url` for a decision, or for the one after `thinking`.

    Raises SandboxError where that cannot be found out.
    """
    if dialect != "auto" and dialect not in NAMED:
        raise unknown_name("dialect", dialect, ("auto", *NAMED))
    listed = _models(transport, url)
    name = _model(model, listed, url)
    dense = dialect == Dense.name
    switch, wants = ({}, Wants()) if dense else _manners(transport, name)
    reasons: dict[str, list[str]] = {}
    for kind in DIALECTS.values() if dialect == "auto" else [NAMED[dialect]]:
        way = kind(name, switch, wants)
        why_not = _fails(transport, way, thinking)
        if not why_not:
            if isinstance(way, LogProbs):
                _widen(transport, way)
            return Server(name, way, _context(listed, name))
        reasons.setdefault(why_not, []).append(way.name)
    failures = "; ".join(f"{', '.join(ways)}: {why.rstrip('.')}" for why, ways in reasons.items())
    known = f"; it lists {_names(listed)}" if listed and name not in listed else ""
    raise SandboxError(
        f"Server {url} does not decide with model {name!r} ({failures}){known}; "
        "check its model and log" + ("." if dialect == "auto" else ", or take the dialect auto.")
    )


def ends_thoughts(
    transport: Transport, body: Callable[[Question, int | None, float], dict[str, Any]]
) -> bool:
    """Whether the server ends thoughts at a budget and answers, in one call: some ignore the field."""
    reply = transport.send("POST", Text.path, body(_YES_OR_NO, 0, _SHORT_THOUGHT))
    try:
        answer = read_chat(reply.json) if reply.ok else None
    except UnreadableReply:
        return False
    if answer is None or answer.cut or not (answer.text and answer.reasoning):
        return False
    return len(answer.reasoning) <= _MOST_CHARACTERS * _SHORT_THOUGHT


def _widen(transport: Transport, way: LogProbs) -> None:
    """Ask for as many alternatives as the server gives, so that no legal label is missing."""
    for count in WIDER:
        way.alternatives = count
        if not _fails(transport, way, False):
            return
    way.alternatives = TOP_LOGPROBS


def _models(transport: Transport, url: str) -> dict[str, dict[str, Any]]:
    """The models that a server lists; empty where it lists none, as some do."""
    reply = transport.send("GET", "/models")
    if reply.failure and reply.status != 200:
        raise SandboxError(f"Server {url} cannot be reached ({reply.why}); start it, or correct its address.")
    if reply.status in (401, 403):
        raise SandboxError(
            f"Server {url} wants an API key (status {reply.status}){_quoted(reply.said)}; put the right one "
            "into SANDBOX_API_KEY, or into the environment variable that --api-key-env names."
        )
    if reply.status in REDIRECTS:
        raise SandboxError(f"Server {url} cannot be asked: {reply.why}.")
    data = reply.json.get("data") if isinstance(reply.json, dict) else reply.json
    entries = data if isinstance(data, list) else []
    return {e["id"]: e for e in entries if isinstance(e, dict) and isinstance(e.get("id"), str)}


def _quoted(said: str) -> str:
    return f" and says: {said.rstrip('.')}" if said else ""


def _model(model: str | None, listed: Mapping[str, Any], url: str) -> str:
    if model is not None:
        return model
    if len(listed) == 1:
        return next(iter(listed))
    offered = f"it lists {_names(sorted(listed))}" if listed else "it lists none"
    raise SandboxError(f"Server {url} needs the name of a model: give --model ({offered}).")


def _names(listed: Iterable[str]) -> str:
    """Names of models for a message: some servers list hundreds."""
    shown = [plain(name)[:_LONGEST_NAME] for name in listed]
    more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return ", ".join(shown[:SHOWN]) + more


def _context(listed: Mapping[str, dict[str, Any]], model: str) -> int | None:
    """The context that vLLM, SGLang and llama.cpp state."""
    entry = listed.get(model, {})
    meta = entry.get("meta")
    limit = entry.get("max_model_len", meta.get("n_ctx") if isinstance(meta, dict) else None)
    return limit if isinstance(limit, int) and limit > 0 else None


def _manners(transport: Transport, model: str) -> tuple[Mapping[str, Any], Wants]:
    """The first switch after which an answer comes without a thought, and what the server wants for it."""
    for wants in (Wants(), Wants("max_completion_tokens")):
        refused = 0
        for switch in SWITCHES:
            reply, wants = _adapted(transport, model, switch, wants)
            if reply.failure:
                return {}, wants
            if reply.ok and _answers(reply):
                return switch, wants
            refused += reply.status in _BAD_REQUEST
        if refused < len(SWITCHES):
            break  # else it may be the limit, unnamed, that it refuses
    return {}, wants


def _adapted(
    transport: Transport, model: str, switch: Mapping[str, Any], wants: Wants
) -> tuple[Reply, Wants]:
    """The reply to a chat with this switch, once what the server complains of is otherwise."""
    while True:
        body = Text(model, switch, wants).body(_YES_OR_NO, {"temperature": 0})
        reply = transport.send("POST", Text.path, body)
        other = complaint(reply, body, wants)
        if other is None:
            return reply, wants
        wants = other


def complaint(reply: Reply, body: Mapping[str, Any], wants: Wants) -> Wants | None:
    """What to do about a field that a server refuses by its name; None where it complains of nothing such."""
    if reply.status not in _BAD_REQUEST or reply.failure:
        return None
    error = reply.json.get("error") if isinstance(reply.json, dict) else None
    named = f"{reply.said} {error.get('param') if isinstance(error, dict) else ''}"
    if "max_tokens" in body and re.search(r"\bmax_(completion_)?tokens\b", named):
        return replace(wants, limit="max_completion_tokens")
    for field in OPTIONAL:
        if field in body and re.search(rf"\b{field}\b", named):
            return replace(wants, refused=wants.refused | {field})
    return None


def _answers(reply: Reply) -> bool:
    """Whether a chat has an answer and no thoughts, or nothing but an answer where the thoughts belong."""
    try:
        answer, filed = Text("").read(reply.json, _YES_OR_NO), read_chat(reply.json)
    except UnreadableReply:
        return False
    if filed.text:
        return not answer.reasoning
    return (
        ReplyReader(_YES_OR_NO.names, _YES_OR_NO.labels).read(answer.text, np.ones(2, np.int8)).status == OK
    )


def _fails(transport: Transport, dialect: Dialect, thinking: bool) -> str:
    """Why this way of asking does not work; empty where it does."""
    constrained = isinstance(dialect, Choice | Json)
    question = _HELLO if constrained else _YES_OR_NO
    if isinstance(dialect, Dense):
        question = replace(question, dense=_DENSE, answers=_DENSE_ANSWERS)
    reply = transport.send("POST", dialect.path, dialect.body(question, {"temperature": 0}))
    if not reply.ok:
        return reply.reason
    try:
        answer = dialect.read(reply.json, question)
    except UnreadableReply as error:
        return reply.said or str(error)
    if answer.probabilities is None and not answer.text and not thinking:
        if not answer.reasoning:
            return "an answer without text"
        return "no answer, for it thinks and cannot be told not to: give it a thinking budget"
    if constrained and _label(answer.text) not in question.labels:
        return "the constraint is ignored"
    return ""


def _label(text: str) -> Any:
    """The label in a constrained answer: bare, or in JSON."""
    try:
        return json.loads(text)[NAME]
    except (ValueError, KeyError, TypeError):
        return text.strip().strip('"')
