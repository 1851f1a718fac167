"""What a checkpoint is called by the compute model of the spacecraft: "Qwen/Qwen3-8B-FP8" is a "Qwen3-8B"."""

import re
from pathlib import Path

PUBLIC_SIZES = ("0.6B", "1.7B", "4B", "8B", "14B", "32B", "30B-A3B", "235B-A22B")
"""Of the Qwen3 language models that Alibaba published."""

_PUBLIC = re.compile(
    rf"qwen3[-_:]({'|'.join(map(re.escape, sorted(PUBLIC_SIZES, key=len, reverse=True)))})(?![a-z0-9.])",
    re.IGNORECASE,
)


def nominal_name(model: str | Path) -> str:
    """The public size that a hub id, a folder or a server's model name speaks of; else its last part."""
    path = Path(str(model).rstrip("/"))
    last = path.name
    if path.parent.name == "snapshots":  # the hub's cache: models--Qwen--Qwen3-8B/snapshots/<commit>
        last = path.parent.parent.name.rpartition("--")[2]
    found = _PUBLIC.search(last)
    return f"Qwen3-{found[1].upper()}" if found else last
