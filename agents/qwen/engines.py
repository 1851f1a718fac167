"""Making the engine that a user asks for: a checkpoint in this process, a server, or the shipped nano."""

from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from agents.qwen.choice import NEVER, thinking_of
from agents.qwen.decisions import Engine
from sandbox.errors import SandboxError, unknown_name

MODES = ("choose", "reason")
DEFAULT_BUDGET = 256
"""Tokens of thought where reasoning is asked for and nothing is said of how much."""
ADAPTER = "adapter"
"""Name of an adapter that was given none."""


def make_engine(
    model: str | Path | None = None,
    server: str | None = None,
    adapter: str | Path | Mapping[str, str | Path] | None = None,
    *,
    mode: str | None = None,
    thinking: str | int | None = None,
    cassette: str | Path | None = None,
    record: bool = False,
    **options: Any,
) -> Engine:
    """The engine for these choices; an option that is None keeps its default.

    `model` alone is a checkpoint in this process, a hub id or a folder; `server` is the URL of a server, for
    which `model` is what it calls the model; neither is the shipped nano. `adapter` is a LoRA for all
    satellites, or a mapping of names to LoRAs of which each request names one. `mode` "choose" or "reason"
    and `thinking` "off", "free", a budget in tokens, "auto" or "agile" have to agree; each follows from the
    other. `options`
    are those of the engine: `LocalEngine`, `ServerEngine` or `NanoEngine`, each in its own file beside this.

    Raises SandboxError for choices that do not go together.
    """
    options["thinking"] = _thinking(mode, thinking)
    given = {name: value for name, value in options.items() if value is not None}
    if server is None and (cassette is not None or record):
        raise SandboxError("A cassette holds the exchanges with a server; give --server with it.")
    if server is not None:
        if adapter is not None:
            raise SandboxError(
                "An adapter is loaded by the server itself; leave --adapter out and name it as --model."
            )
        return _server(server, model, given | {"cassette": cassette, "record": record})
    if model is not None:
        return _local(model, given | _adapters(adapter))
    if adapter is not None:
        raise SandboxError("An adapter needs the checkpoint that it was trained on; give --model with it.")
    return _nano(given)


def _thinking(mode: str | None, thinking: str | int | None) -> str | int:
    if mode is not None and mode not in MODES:
        raise unknown_name("mode", mode, MODES)
    if thinking is None:
        return DEFAULT_BUDGET if mode == "reason" else "off"
    if mode is not None and (mode == "choose") != (thinking_of(thinking).when == NEVER):
        raise SandboxError(
            f"mode {mode} does not go with thinking {thinking}; choose is without thoughts, reason with them."
        )
    return thinking


def _adapters(adapter: str | Path | Mapping[str, str | Path] | None) -> dict[str, Any]:
    if adapter is None:
        return {}
    if isinstance(adapter, Mapping):
        return {"adapters": adapter}
    return {"adapters": {ADAPTER: adapter}, "default_adapter": ADAPTER}


def _local(model: str | Path, options: dict[str, Any]) -> Engine:
    from agents.qwen.local import LocalEngine

    return _made(LocalEngine, options, model)


def _server(server: str, model: str | Path | None, options: dict[str, Any]) -> Engine:
    from agents.qwen.server import ServerEngine

    return _made(ServerEngine, options, server, None if model is None else str(model))


def _nano(options: dict[str, Any]) -> Engine:
    from agents.qwen.nano import NanoEngine

    if thinking_of(options.pop("thinking")).when != NEVER:
        raise SandboxError(
            "The nano only chooses: it writes no thoughts, and has none to ask for; take thinking off, or a "
            "Qwen3 that thinks, with --model or --server."
        )
    return _made(NanoEngine, options)


def _made(kind: type[Engine], options: dict[str, Any], *args: Any) -> Engine:
    """An engine of this kind; an option of another kind is the user's mistake."""
    known = list(signature(kind).parameters)[len(args) :]
    for name in options:
        if name not in known:
            raise _of_others(kind, name) or unknown_name(f"option of {kind.__name__}", name, known)
    return kind(*args, **options)


_KINDS = {
    "agents.qwen.nano:NanoEngine": "the nano",
    "agents.qwen.local:LocalEngine": "a checkpoint (--model)",
    "agents.qwen.server:ServerEngine": "a server (--server)",
}


def _of_others(kind: type[Engine], name: str) -> SandboxError | None:
    """The error for an option that engines of other kinds have; None where none has it."""
    homes = []
    for path, told in _KINDS.items():
        module, _, attribute = path.partition(":")
        with suppress(ImportError):  # without its packages there is none of that kind
            if name in signature(getattr(import_module(module), attribute)).parameters:
                homes.append(told)
    if not homes:
        return None
    own = next((told for path, told in _KINDS.items() if path.endswith(f":{kind.__name__}")), kind.__name__)
    return SandboxError(f"{name} is an option of {' and of '.join(homes)}, not of {own}; leave it out.")
