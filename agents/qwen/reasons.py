"""What a server itself says of why it did not answer, in whichever shape; short and plain."""

import html
import re
from typing import Any

LONGEST = 300
_KEYS = (
    "message",
    "error",
    "detail",
    "msg",
    "reason",
    "description",
    "error_description",
    "error_msg",
    "title",
)
"""Under which servers put it: OpenAI, vLLM, llama.cpp, Ollama, FastAPI, gateways; some within another."""
_LISTS = ("errors",)
_DEPTH = 4


def reason_in(reply: Any) -> str:
    """The reason in the JSON of a reply; empty where there is none."""
    return plain(" ".join(_said(reply, _DEPTH)))


def plain(text: str) -> str:
    """`text` on one line, without markup and what a terminal would obey, shortened."""
    text = text[: 20 * LONGEST]
    if re.match(r"\s*<(?:!doctype|html|\?xml|head|body)\b", text, re.IGNORECASE):
        text = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>", " ", text)
        text = html.unescape(re.sub(r"<[^<>]{0,1000}>", " ", text))
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= LONGEST else text[:LONGEST].rstrip() + "..."


def _said(value: Any, depth: int) -> list[str]:
    if isinstance(value, str):
        return [value] if value.strip() else []
    if depth == 0:
        return []
    if isinstance(value, list):
        return _joined([_said(each, depth - 1) for each in value[:3]])
    if not isinstance(value, dict):
        return []
    for key in (*_KEYS, *_LISTS):
        said = _said(value.get(key), depth - 1)
        if said:
            return [_place(value) + said[0], *said[1:], *_upstream(value, depth)]
    return []


def _joined(parts: list[list[str]]) -> list[str]:
    said = [" ".join(part) for part in parts if part]
    return ["; ".join(said)] if said else []


def _place(value: dict[str, Any]) -> str:
    """The field that FastAPI complains of, as body.max_tokens."""
    where = value.get("loc")
    if not isinstance(where, list):
        return ""
    return ".".join(str(step) for step in where[:5] if isinstance(step, (str, int))) + ": "


def _upstream(value: dict[str, Any], depth: int) -> list[str]:
    """What a gateway passes on of the server behind it."""
    metadata = value.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    return [f"({part})" for part in _said(raw, depth - 1)]
