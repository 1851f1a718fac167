"""Write the nano as GGUF, the file that llama.cpp serves.

Served, it reads the numbers of a satellite as its own tokens and decides as it does in this process:

    python -m experiments export_gguf nano.gguf
    llama-server -m nano.gguf --port 8080
    python -m experiments run --policy qwen --server http://localhost:8080 --dialect dense
"""

from argparse import ArgumentParser, Namespace

from agents.qwen.gguf import write_gguf
from agents.qwen.nano import FOLDER
from experiments.running.options import common
from experiments.running.run_folder import keep_records
from sandbox.terminal import say


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("out", metavar="OUT.gguf", help="the file")
    common(parser)
    parser.add_argument(
        "--model", default=FOLDER, metavar="DIR", help="a nano's folder (default: the shipped one)"
    )


def run(told: Namespace) -> None:
    """Write the file."""
    size = write_gguf(told.model, told.out)
    say(f"{told.out} ({size / 1e6:.1f} MB)")
    if told.json:
        keep_records(told.json, "export_gguf", [{"file": told.out, "bytes": size}])
