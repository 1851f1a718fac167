"""Every notebook runs from top to bottom without an error and ends in a picture."""

import json
import os
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[3] / "experiments" / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_valid_and_its_cells_have_names(path):
    """Format 4.5 or later, which VS Code and Notebook 7 keep as it is."""
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) >= (4, 5)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_that_are_kept_are_small_and_sound(path):
    """As `tools/fill_notebooks.py` leaves them."""
    text = path.read_text(encoding="utf-8")
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    assert len(text) < 400_000
    assert "<iframe" not in text, "the live view is a page of its own"
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert not any(output["output_type"] == "error" or output.get("name") == "stderr" for output in outputs)
    if outputs:
        assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
        assert any("image/png" in output.get("data", {}) for output in outputs)
        assert "image/png" in outputs[-1]["data"], "what the view shows first, as a picture"
        assert len(outputs[-1]["data"]["image/png"]) < 100_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    root = str(path.parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    kinds = [set(output.get("data", {})) for cell in cells for output in cell.outputs]
    assert any("image/png" in kind for kind in kinds)
    [shown] = cells[-1].outputs
    assert "<iframe sandbox" in shown["data"]["text/html"]
    assert not any(output.output_type == "error" for cell in cells for output in cell.outputs)
