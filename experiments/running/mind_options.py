"""Options of the command line that say which mind decides, and how."""

from argparse import ArgumentParser, Namespace
from typing import Any

from experiments.running.options import add
from sandbox.errors import SandboxError


def mind_options(parser: ArgumentParser) -> None:
    """Declare them, as a group."""
    group = parser.add_argument_group("the mind (policy qwen; without options the nano that comes along)")
    add(
        group,
        "--model",
        None,
        "a Qwen3: hub id, folder or .gguf file; or a server's name for it",
        metavar="ID",
    )
    add(group, "--server", None, "address of an OpenAI-compatible server", metavar="URL")
    add(group, "--adapter", None, "folder of a LoRA adapter", metavar="DIR")
    modes = ("choose", "reason")
    add(group, "--mode", None, "one forward pass, or thinking before (default: choose)", choices=modes)
    when = "tokens to think: off, a number, free; auto:N where it asks to, agile:N beside deciding"
    add(group, "--thinking", None, when, metavar="BUDGET")
    add(group, "--context", None, "tokens of context, if less than the model's", type=int, metavar="N")
    add(group, "--dtype", None, "of the weights: float32, bfloat16, auto", metavar="NAME")
    add(group, "--device", None, "where it runs, e.g. cuda:0", metavar="NAME")
    add(group, "--mind-threads", None, "threads of a model in this process", type=int, metavar="N")
    add(group, "--dialect", None, "how to ask the server (default: the best that works)", metavar="NAME")
    add(group, "--timeout", None, "seconds to wait for the server", type=float, metavar="S")
    add(group, "--api-key-env", None, "variable that holds the server's key", metavar="NAME")
    add(group, "--concurrency", None, "questions that a server gets at once", type=int, metavar="N")
    add(group, "--retries", None, "further tries of a request that failed", type=int, metavar="N")
    ways = ("none", "shifts", "calibrate", "each", "auto")
    add(group, "--debias", None, "against a bias for places and letters (default: auto)", choices=ways)
    add(group, "--floor", None, "least share of probability on legal labels", type=float, metavar="P")
    add(group, "--labels", None, "how decisions are named", choices=("letters", "words"))
    add(group, "--shots", None, "worked examples in the prompt, at most 2", type=int, metavar="N")
    add(group, "--language", None, "of the reports (default: en)", choices=("en", "zh"))
    group.add_argument("--any-model", action="store_true", help="load models other than Qwen3 as well")
    group.add_argument("--sample", action="store_true", help="draw decisions instead of the likeliest one")
    add(group, "--temperature", None, "of the decision's probabilities", type=float, metavar="T")
    group.add_argument("--allow-download", action="store_true", help="fetch a model that is not here yet")
    add(group, "--cassette", None, "replay a server's answers from this file", metavar="FILE")
    group.add_argument("--record", action="store_true", help="ask the server and write them to it instead")
    add(group, "--period", 1, "rounds between two decisions of a satellite", type=int, metavar="N")
    add(group, "--fallback", None, "policy that decides in between, at no cost", metavar="NAME")
    add(group, "--charge", None, "tokens read and written to charge for every decision", metavar="P+O")
    add(group, "--charge-model", None, "whose tokens they are, e.g. Qwen3-1.7B", metavar="NAME")


def mind_of(told: Namespace) -> Any:
    """The `llm_config.Mind` that the options say. Raises SandboxError for what no mind has."""
    from experiments.running.llm_config import Mind

    engine = {
        argument: getattr(told, option)
        for option, argument in _ENGINE.items()
        if getattr(told, option) is not None and getattr(told, option) is not False  # 0 is said
    }
    how = {"shots": told.shots, "language": told.language, "label": told.labels}
    report = {name: value for name, value in how.items() if value is not None}
    return Mind(engine, told.period, told.fallback, _tokens(told.charge), told.charge_model, report)


_ENGINE = {
    name: name
    for name in (
        "model", "server", "adapter", "mode", "thinking", "context", "dtype", "device", "dialect",
        "api_key_env", "sample", "temperature", "allow_download", "cassette", "record", "debias", "floor",
        "concurrency", "retries", "any_model",
    )
} | {"mind_threads": "threads", "timeout": "timeout_s"}  # fmt: skip
"""Options of the command line and the arguments of `make_engine` that they become."""


def _tokens(text: str | None) -> tuple[int, int] | None:
    """P+O as two numbers."""
    if text is None:
        return None
    prompt, plus, output = text.partition("+")
    if not (plus and prompt.isdecimal() and output.isdecimal()):
        raise SandboxError(f"--charge {text}: give tokens read and written, e.g. 500+200.")
    return int(prompt), int(output)
