"""What is kept of a notebook's outputs: small pictures whose colours tell things apart, and no pages."""

import base64
import io

import numpy as np
import pytest

pytest.importorskip("PIL", reason="no pillow; .[view] has it")
pytest.importorskip("nbclient", reason="no nbclient; .[test] has it")

from PIL import Image

from tools import fill_notebooks


def picture(array):
    written = io.BytesIO()
    Image.fromarray(array).save(written, "png")
    return base64.b64encode(written.getvalue()).decode()


def opened(text):
    return Image.open(io.BytesIO(base64.b64decode(text)))


def test_a_rare_colour_is_kept_beside_many_others():
    rng = np.random.default_rng(0)
    array = np.repeat(rng.integers(180, 256, (400, 600, 1), dtype=np.uint8), 3, axis=2)
    array[:4, :4] = (0, 158, 115)
    array[10:14, :4] = (0, 114, 178)
    kept = np.asarray(opened(fill_notebooks.compressed(picture(array))).convert("RGB")).astype(int)
    assert np.abs(kept[1, 1] - (0, 158, 115)).max() < 12
    assert np.abs(kept[11, 1] - (0, 114, 178)).max() < 12


@pytest.mark.parametrize(("width", "kept"), [(300, 300), (900, 900), (1800, 900)])
def test_a_wide_picture_is_made_smaller(width, kept):
    found = opened(fill_notebooks.compressed(picture(np.zeros((100, width, 3), np.uint8))))
    assert found.size == (kept, round(100 * kept / width))


def test_a_page_becomes_a_line():
    output = {
        "output_type": "display_data",
        "data": {"text/html": "<iframe sandbox srcdoc='...'>", "text/plain": "x"},
    }
    assert fill_notebooks.small(output)["data"] == {"text/plain": fill_notebooks.VIEW}


def test_of_a_view_the_still_picture_stays():
    still = picture(np.full((560, 896, 3), 40, np.uint8))
    image = f'<img alt="x" width="896" src="data:image/png;base64,{still}" style="display:block">'
    text = f'<div>{image}<iframe srcdoc=""></iframe></div>'
    kept = fill_notebooks.small({"output_type": "display_data", "data": {"text/html": text}})["data"]
    assert sorted(kept) == ["image/png", "text/plain"]
    assert opened(kept["image/png"]).size == (fill_notebooks.STILL_WIDTH, 450)


def test_text_stays():
    output = {"output_type": "stream", "name": "stdout", "text": "value delivered: 179\n"}
    assert fill_notebooks.small(dict(output)) == output
