"""Run the notebooks and keep their outputs, small: python tools/fill_notebooks.py [PART OF A NAME ...]

Pictures keep their 256 colours that lie farthest apart; of the live view, a page of its own, stays the still
picture below it, with a line that says what the cell shows. What is kept has no time of execution, so that a
second run changes little.
"""

import base64
import io
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbclient
import nbformat
from PIL import Image

FOLDER = Path(__file__).resolve().parent.parent / "experiments/notebooks"
LARGEST = 400_000
"""Bytes of a notebook with its outputs."""
WIDEST = 900
VIEW = "(the view: turn, play, scrub, click. It is a page of its own, which is not kept here; run the cell.)"
STILL = re.compile(r'<img [^>]*src="data:image/png;base64,([A-Za-z0-9+/=]+)"')
STILL_WIDTH = 720


def fill(path: Path) -> int:
    """Run a notebook in an empty folder and write it with its outputs; its size. ValueError if too large."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        nbclient.NotebookClient(notebook, timeout=3_600, kernel_name="python3", resources=where).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [small(output) for output in cell.outputs if output.get("name") != "stderr"]
    text = nbformat.writes(notebook) + "\n"
    if len(text) > LARGEST:
        raise ValueError(f"{path.name} would have {len(text):,} bytes; {LARGEST:,} is the most.")
    path.write_text(text, encoding="utf-8")
    return len(text)


def small(output: Any) -> Any:
    """An output with its pictures compressed, and without pages."""
    data = output.get("data", {})
    if "<iframe" in (page := str(data.get("text/html", ""))):
        below = STILL.search(page)
        kept = {"image/png": compressed(below.group(1), STILL_WIDTH)} if below else {}
        output["data"] = kept | {"text/plain": VIEW}
    elif "image/png" in data:
        data["image/png"] = compressed(data["image/png"])
    return output


def compressed(picture: str, widest: int = WIDEST) -> str:
    """A PNG (base64) of at most `widest` pixels and 256 colours, the rare ones among them."""
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    if image.width > widest:
        image = image.resize((widest, round(image.height * widest / image.width)), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    image.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=3).save(written, "png", optimize=True)
    return base64.b64encode(written.getvalue()).decode()


if __name__ == "__main__":
    for each in sorted(FOLDER.glob("*.ipynb")):
        if all(part in each.name for part in sys.argv[1:]):
            print(each.name, fill(each))
