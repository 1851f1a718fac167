"""What is seen first, in a browser: alike everywhere, in agreement with itself, nothing under its cards."""

import numpy as np
import pytest
from browsing import READY, complaints, opened_page, settle, state, wait

from sandbox.recording import Events, Recording
from sandbox.rendering import FrameView, to_html
from sandbox.rendering.opening import opening

pytestmark = pytest.mark.browser

VIEWED = "return [view.t - view.begin, view.yaw, view.pitch]"


@pytest.fixture(autouse=True)
def no_complaints(chromium):
    yield
    assert complaints(chromium) == []


@pytest.fixture(scope="module")
def delivering(circles):
    """`circles` in which every satellite that is served delivers once a round, halfway through it."""
    value = circles["delivered_value"]
    rows = [
        (float(circles["time"][k]) + 30.0, int(n), "delivery", 0, float(value[k, n]), "")
        for k, n in zip(*np.nonzero(value), strict=True)
    ]
    return Recording(circles.meta, circles.arrays, Events.from_rows([*circles.events.rows(), *rows]))


def said(caption):
    """The value of a caption."""
    return float(caption.split("\n")[0].removeprefix("value so far: ").replace(",", ""))


@pytest.mark.parametrize("where", ["page", "frame"])
def test_a_page_and_a_notebook_open_alike(chromium, delivering, tmp_path, where):
    path = tmp_path / f"{where}.html"
    if where == "page":
        chromium.get(to_html(delivering, path).as_uri())
    else:
        path.write_text(
            f"<!DOCTYPE html><meta charset=utf-8>{FrameView(delivering).html()}", encoding="utf-8"
        )
        chromium.get(path.as_uri())
        chromium.switch_to.frame(chromium.find_element("css selector", "iframe"))
    wait(chromium, READY)
    first = opening(delivering)
    time, yaw, pitch = chromium.execute_script(VIEWED)
    assert time == pytest.approx(first.time_s, abs=0.06)
    assert np.cos(yaw - first.longitude) == pytest.approx(1.0, abs=1e-5)
    assert pitch == pytest.approx(first.latitude, abs=1e-3)
    assert state(chromium, "selected") == first.satellite
    chromium.switch_to.default_content()


def test_what_is_written_at_the_opening_agrees(chromium, delivering, tmp_path):
    opened_page(chromium, delivering, tmp_path)
    first = opening(delivering)
    k = first.round_of(delivering)
    value = delivering["delivered_value"]
    caption = chromium.find_element("css selector", ".oas-caption").text
    assert said(caption) == pytest.approx(value[: k + 1].sum(), abs=0.51)
    assert "delivery" in caption
    panel = chromium.find_element("css selector", ".oas-panel").text
    assert f"delivered value\n{value[k, first.satellite]:.2f}" in panel
    chromium.execute_script("view.seek(view.t - 10)")  # before these deliveries
    settle(chromium)
    caption = chromium.find_element("css selector", ".oas-caption").text
    assert said(caption) == pytest.approx(value[:k].sum(), abs=0.51)


def test_no_name_is_written_below_a_card(chromium, delivering, tmp_path):
    opened_page(chromium, delivering, tmp_path)
    hidden = """view.yaw += 0.3; view.distance = arguments[0]; view.redraw();
      const done = arguments[1]; requestAnimationFrame(() => requestAnimationFrame(() => {
      const box = (one) => one.getBoundingClientRect();
      const cards = [...document.querySelectorAll(".oas-caption,.oas-legend")].map(box);
      const names = [...document.querySelectorAll(".oas-label")].filter((l) => !l.hidden).map(box);
      done([names.length, names.filter((a) => cards.some((b) => a.left + 2 < b.right && a.right - 2 > b.left
        && a.top + 2 < b.bottom && a.bottom - 2 > b.top)).length]); }));"""
    for distance in (4.1, 2.5, 2.0, 1.6):
        names, below = chromium.execute_async_script(hidden, distance)
        assert names > 0
        assert below <= 0.1 * names  # a name is taken to be six pixels a letter wide


def test_what_a_policy_does_not_say_is_not_shown(chromium, circles, tmp_path):
    """A heuristic that is charged for thought holds no probability and has no words."""
    arrays = dict(circles.arrays) | {"probability": np.full_like(circles["battery"], np.nan)}
    wordless = circles.events[circles.events.kind != "thought"]
    opened_page(chromium, Recording(circles.meta, arrays, wordless), tmp_path, address="#t=600&sat=2")
    panel = chromium.find_element("css selector", ".oas-panel").text
    [chosen] = [chip.text for chip in chromium.find_elements("css selector", ".oas-act.chosen")]
    assert chosen == circles.meta["action_names"][circles["action"][10, 2]]
    assert "LAST THOUGHT\ntook" in panel
    assert "words" not in panel


def test_of_a_mind_that_is_not_recorded_that_is_said(chromium, circles, tmp_path):
    arrays = dict(circles.arrays) | {"thought_s": np.ones_like(circles["battery"])}
    opened_page(chromium, Recording(circles.meta, arrays, circles.events), tmp_path, address="#t=600&sat=3")
    panel = chromium.find_element("css selector", ".oas-panel").text
    assert "--minds-recorded" in panel
    chosen = chromium.find_element("css selector", ".oas-act.chosen").text
    assert chosen.endswith(" 75 %")


def test_colours_of_what_is_not_known(chromium, circles, tmp_path):
    temperature = np.array(circles["temperature"])
    temperature[:, 4] = np.nan
    arrays = dict(circles.arrays) | {"temperature": temperature}
    opened_page(chromium, Recording(circles.meta, arrays, circles.events), tmp_path, address="#t=600&sat=4")
    of = "const s = view.schemes[0].temperature; return [s.of(4, 10), view.look.lanes.other, s.low, s.high]"
    unknown, grey, low, high = chromium.execute_script(of)
    assert unknown == grey
    assert "–" not in low + high
    assert "temperature –" in chromium.find_element("css selector", ".oas-panel").text.lower()


def test_on_a_phone_the_key_is_folded_until_it_is_asked_for(chromium, circles, tmp_path):
    opened_page(chromium, circles, tmp_path)
    key = chromium.find_element("css selector", ".oas-legend > div")
    assert key.is_displayed()
    assert not chromium.find_element("css selector", ".oas-legend > button").is_displayed()
    chromium.execute_script("view.root.style.width = '390px'; view.select(-1)")
    wait(chromium, "return view.root.classList.contains('tight')")
    settle(chromium)
    assert not key.is_displayed()
    yaw = chromium.execute_script("return view.yaw")
    chromium.find_element("css selector", ".oas-legend > button").click()
    assert key.is_displayed()
    inside = """const card = document.querySelector(".oas-legend").getBoundingClientRect();
      const stage = view.stage.getBoundingClientRect();
      return card.top >= stage.top && card.bottom <= stage.bottom"""
    assert chromium.execute_script(inside)
    assert chromium.execute_script("return view.yaw") == yaw
    chromium.execute_script("view.root.style.width = '100%'")


def test_on_a_phone_the_controls_take_two_rows(chromium, circles, tmp_path):
    opened_page(chromium, circles, tmp_path)
    chromium.execute_script("view.root.style.width = '390px'")
    wait(chromium, "return view.root.classList.contains('narrow')")
    settle(chromium)
    height = chromium.find_element("css selector", ".oas-foot").rect["height"]
    assert height < 76
    assert chromium.find_element("css selector", ".oas-bar").rect["height"] < 45
    chromium.execute_script("view.root.style.width = '100%'")
