"""Pages and frames: self-contained, escaped, and within the sizes that are promised."""

import base64
import html
import re
from io import BytesIO

import numpy as np
import pytest
from flown import flown

from sandbox.errors import SandboxError
from sandbox.recording import Recording
from sandbox.rendering import FrameView, png, to_html
from sandbox.rendering.page import live_page, module, page
from sandbox.rendering.widget import part, widget


def test_a_page_fetches_nothing(circles):
    text = page([circles])
    assert not re.findall(r"""(?:src|href)\s*=|url\(["']?http|@import|fetch\(|import\(""", text)
    assert "http" not in text.replace("http-equiv", "")
    assert not re.findall(r"""src\s*=|url\(["']?http|@import|fetch\(|import\(|https?:""", module())


def test_only_the_page_of_a_flight_fetches():
    assert "fetch(" not in module()
    text = live_page("</title><script>")
    assert "fetch(" in text
    assert text.count("<script") == text.count("</script>") == 1
    assert not re.findall(r"""src\s*=|url\(["']?http|@import|import\(|https?:""", text)


def test_what_a_scenario_is_called_cannot_leave_its_place(circles):
    text = page([circles])
    assert "<title>Circles &lt;/script&gt; made up</title>" in text
    assert text.count("</script>") == 2  # the data and the module
    frame = FrameView(circles).html()
    inside = re.search(r'srcdoc="([^"]*)"', frame).group(1)
    assert html.unescape(inside) == page([circles])


def test_the_module_is_small():
    """By itself, and a page with the coast, the cities and next to nothing to show."""
    assert len(module()) < 150_000
    assert len(page([flown(satellites=1, rounds=1, targets=0)])) < 150_000
    assert "\t" not in module()


def test_a_day_of_twelve_satellites_is_a_small_page(tmp_path):
    day = flown(satellites=12, rounds=2880, round_s=30.0, targets=700)
    assert to_html(day, tmp_path / "day.html").stat().st_size < 500_000


def test_a_page_is_written_whole_or_not_at_all(circles, tmp_path):
    with pytest.raises(SandboxError, match="every"):
        to_html(circles, tmp_path / "run.html", every=0)
    assert not list(tmp_path.iterdir())
    assert circles.to_html(tmp_path / "run.html") == tmp_path / "run.html"


def test_what_a_notebook_gets(circles):
    shown = circles.view(height=400)._repr_mimebundle_()
    assert sorted(shown) == ["text/html", "text/plain"]
    assert "height:400px" in shown["text/html"]
    assert '<iframe sandbox="allow-scripts"' in shown["text/html"]
    assert "data:image/png;base64," in shown["text/html"]


def test_the_picture_below_a_frame_cannot_be_distorted(circles):
    """A notebook that is not trusted keeps few styles and no frame: only the width may be asked for."""
    Image = pytest.importorskip("PIL.Image", reason="no pillow; .[view] has it")
    [image] = re.findall(r"<img [^>]*>", circles.view(height=400).html())
    assert 'width="640"' in image
    assert not re.findall(r"height[=:]|object-fit|position", image.replace("max-height", ""))
    [still] = re.findall(r"base64,([A-Za-z0-9+/=]+)", image)
    with Image.open(BytesIO(base64.b64decode(still))) as opened:
        assert opened.size == (640, 400)
        lit = np.asarray(opened, float)[:330].max(axis=2) > 40  # the Earth by day, above the status
    tall, wide = (np.ptp(np.flatnonzero(lit.any(axis=axis))) for axis in (1, 0))
    assert 0.8 < wide / tall < 1.25
    assert lit.mean() > 0.2


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda r: page([r] * 5), "5 recordings"),
        (lambda r: page([r], show="cube"), "show = 'cube'"),
        (lambda r: page([r], theme="blue"), "theme = 'blue'"),
        (lambda r: widget(r, theme="blue"), "theme = 'blue'"),
        (lambda r: widget(r, show=3), "show = 3"),
        (lambda r: r.view(height=10), "height = 10"),
    ],
)
def test_mistakes(circles, make, sentence):
    with pytest.raises(SandboxError, match=sentence):
        make(circles)


def test_png_is_read_by_another_library():
    Image = pytest.importorskip("PIL.Image", reason="no pillow; .[view] has it")
    image = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(png(image)))), image)


def test_the_widget_sends_what_is_new(circles):
    pytest.importorskip("anywidget")
    from sandbox.rendering.packing import unpacked

    rounds = 5
    made = widget(lambda: part(circles, 0, rounds))
    sent = []
    made.send = lambda message, buffers: sent.append((message, unpacked(buffers[0])[1]))
    rounds = 9
    made.update()
    made.update()
    message, arrays = sent.pop()
    assert not sent
    assert message == {"kind": "append", "from": 5}
    np.testing.assert_array_equal(arrays["mode"], circles["mode"][5:9])
    made._answer(None, {"kind": "have", "rounds": 2}, [])
    message, arrays = sent.pop()
    assert message["from"] == 2
    assert len(arrays["time"]) == 7


def test_what_stands_in_for_the_first_round_is_replaced_by_it(circles):
    """A view opened before the first round asks from what it has: that is no round that was played."""
    pytest.importorskip("anywidget")
    arrays = {name: array for name, array in part(circles, 0, 1).arrays.items() if name != "action"}
    now = [Recording(circles.meta, arrays, circles.events[:0])]
    made = widget(lambda: now[0])
    sent = []
    made.send = lambda message, buffers: sent.append(message["from"])
    made._answer(made, {"kind": "have", "rounds": 1}, [])
    assert sent == []
    now[0] = part(circles, 0, 3)
    made.update()
    made._answer(made, {"kind": "have", "rounds": 3}, [])
    now[0] = part(circles, 0, 4)
    made.update()
    assert sent == [0, 3]
    assert made.options == {"live": True}


def test_the_module_in_a_page_is_the_module(circles):
    import base64
    import zlib

    packed = re.search(r'bytesOf\("([A-Za-z0-9+/=]+)"\)', page([circles])).group(1)
    assert zlib.decompress(base64.b64decode(packed)).decode() == module()
