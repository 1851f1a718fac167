"""The page of what is shipped trained: the card of every policy with its learning curve, and the nanos'."""

import re
from pathlib import Path

from tools.pages.environments import TRAINED, curve_path

ROOT = Path(__file__).resolve().parents[2]
NANOS = tuple(ROOT / "agents" / room / "nano/README.md" for room in ("qwen", "reading"))


def pages() -> dict[str, str]:
    """The one page."""
    told = [
        "# Trained policies",
        "`--policy trained` plays what is shipped for the problem and tier of a scenario. These are their "
        "cards, as they lie beside the weights in `agents/trained`.",
    ]
    for path in sorted(TRAINED.glob("*/README.md")):
        text = _deeper(path.read_text(encoding="utf-8")).strip()
        told.append(text.replace("learning_curve.png", curve_path(path.parent.name)))
    told += [_deeper(nano.read_text(encoding="utf-8")).strip() for nano in NANOS]
    return {"trained.md": "\n\n".join(told)}


def _deeper(text: str) -> str:
    """Headings a level below what they are, outside of code."""
    parts = re.split(r"(^```.*?^```)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(
        part if part.startswith("```") else re.sub(r"^#", "##", part, flags=re.MULTILINE) for part in parts
    )
