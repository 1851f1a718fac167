"""Themes, links, encounters, the list of the fleet, videos and the near Earth, in a real browser."""

import base64
import json
from io import BytesIO

import numpy as np
import pytest
from browsing import PIXELS, click, complaints, keys, mouse, opened_page, settle, state, wait
from flown import flown, linked, warned
from PIL import Image

from sandbox.recording import VARIABLES, Events, Recording
from sandbox.recording.variables import ROUND
from sandbox.rendering.palette import mode_colours, rgb

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def no_complaints(chromium):
    yield
    assert complaints(chromium) == []


def hold_preference(browser, scheme):
    """What the system prefers, as the page is told."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


CONTRAST = """
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const luminance = (colour) => {
  const [r, g, b] = numbers(colour).slice(0, 3).map((v) => linear(v / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (e) => {
  for (; e; e = e.parentElement) {
    const colour = getComputedStyle(e).backgroundColor, parts = numbers(colour);
    if (parts.length < 4 || parts[3] > 0.8) return colour;
  }
  return "rgb(0,0,0)";
};
const written = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
const spared = "style, .oas-act.no, option, .oas-pane > div:not(.oas-card)";
const faint = [];
for (const e of document.querySelectorAll(".oas *")) {
  if (!written(e) || !e.getClientRects().length || e.closest(spared)) continue;
  const a = luminance(getComputedStyle(e).color), b = luminance(ground(e));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) faint.push([e.className, e.textContent.slice(0, 30), ratio]);
}
return faint;"""
"""What is written with less contrast than 4.5 (WCAG 2.2), but for what is struck out or on the globe."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_is_that_of_the_system_and_can_be_read(chromium, circles, tmp_path, scheme):
    hold_preference(chromium, scheme)
    try:
        opened_page(chromium, warned(linked(circles)), tmp_path)
        chromium.execute_script("view.seek(view.begin + 720); view.select(2); view.list.toggle(true)")
        settle(chromium)
        assert chromium.execute_script("return view.root.dataset.theme") == scheme
        assert chromium.execute_script(CONTRAST) == []
        other = {"light": "dark", "dark": "light"}[scheme]
        hold_preference(chromium, other)
        wait(chromium, f"return view.root.dataset.theme === '{other}'")
        keys(chromium, "l")
        assert chromium.execute_script("return view.root.dataset.theme") == scheme
        hold_preference(chromium, scheme)
        hold_preference(chromium, other)
        settle(chromium)
        # what was asked for stays
        assert chromium.execute_script("return view.root.dataset.theme") == scheme
        wait(chromium, f"return location.hash.endsWith('theme={scheme}')")
    finally:
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_the_light_theme_is_drawn_in_light_colours(chromium, circles, tmp_path):
    opened_page(chromium, circles, tmp_path, address="#theme=light&t=360")
    chromium.execute_script(
        "for (const name of ['targets', 'trails', 'contacts', 'names', 'places']) view.set(name, false);"
        "view.yaw = -0.7; view.pitch = 0.35; view.redraw()"
    )
    settle(chromium)
    corner = chromium.execute_script(PIXELS + "return pixels(3, 3, 1)")
    assert min(corner[:3]) > 200
    colours = mode_colours(circles.meta["mode_names"])
    seen = 0
    for n in range(12):
        at = chromium.execute_script("return view.pixel(arguments[0])", n)
        if at is None:
            continue
        pixel = chromium.execute_script(
            PIXELS + "return pixels(arguments[0] - box.left, box.bottom - arguments[1], 1)", *at
        )
        assert pixel[:3] == pytest.approx(rgb(colours[circles["mode"][6, n]]), abs=3)
        seen += 1
    assert seen >= 4


def test_the_list_is_sorted_filtered_and_walked_with_keys(chromium, tmp_path):
    fleet = flown(satellites=2000, rounds=6)
    opened_page(chromium, fleet, tmp_path, address="#t=120")
    root = chromium.find_element("css selector", ".oas")
    root.send_keys("s")
    settle(chromium)
    lines = chromium.find_elements("css selector", ".oas-entry")
    assert 5 < len(lines) < 80  # of 2,000
    head = chromium.find_element("css selector", ".oas-heads button[aria-label^='sort by battery']")
    for sign in (1, -1):
        head.click()
        settle(chromium)
        head = chromium.switch_to.active_element
        order = chromium.execute_script("return view.list.order")
        wanted = np.rint(fleet["battery"][2].astype(float) * 100)[order]
        assert len(order) == 2000
        assert (np.diff(sign * wanted) >= 0).all()
    field = chromium.find_element("css selector", ".oas-list .oas-find")
    field.send_keys("circle 19")
    settle(chromium)
    found = chromium.execute_script("return view.list.order")
    assert sorted(found) == [n for n in range(2000) if "circle 19" in f"circle {n}"]
    from selenium.webdriver.common.keys import Keys

    field.send_keys(Keys.ARROW_DOWN)
    settle(chromium)
    assert state(chromium, "selected") == found[0]
    chromium.switch_to.active_element.send_keys(Keys.ARROW_DOWN, Keys.END)
    settle(chromium)
    assert state(chromium, "selected") == found[-1]
    rows = chromium.find_element("css selector", ".oas-rows")
    active = rows.get_attribute("aria-activedescendant")
    line = chromium.find_element("id", active)
    assert line.get_attribute("aria-selected") == "true"
    assert line.text.startswith(f"Circle {found[-1]}")
    chromium.switch_to.active_element.send_keys(Keys.ESCAPE)
    settle(chromium)
    assert not chromium.find_element("css selector", ".oas-list").is_displayed()
    assert chromium.switch_to.active_element == root
    assert state(chromium, "selected") == found[-1]  # it closes, it lets nothing go


def test_the_list_says_what_was_earned(chromium, circles, tmp_path):
    opened_page(chromium, circles, tmp_path, address="#t=1200")
    chromium.execute_script("view.list.toggle(true)")
    for k in (20, 5, 30):  # also backwards
        chromium.execute_script("view.seek(view.runs[0].time[arguments[0]])", k)
        settle(chromium)
        earned = chromium.execute_script("return Array.from(view.runs[0].earned.sums)")
        np.testing.assert_allclose(earned, circles["delivered_value"][: k + 1].sum(axis=0), atol=1e-3)


def test_a_short_video_is_recorded(chromium, circles, tmp_path):
    opened_page(chromium, circles, tmp_path)
    chromium.execute_script(
        "view.set('film_s', 1); window.offered = null;"
        "HTMLAnchorElement.prototype.click = function () { offered = this.download; };"
        "view.record().then(async (blob) => { const bytes = new Uint8Array(await blob.arrayBuffer());"
        " window.film = [blob.size, blob.type, ...bytes.slice(0, 4)]; })"
    )
    wait(chromium, "return !!window.film")
    size, kind, *magic = chromium.execute_script("return film")
    assert size > 5_000
    assert kind == "video/webm"
    assert bytes(magic) == b"\x1aE\xdf\xa3"  # of EBML
    assert chromium.execute_script("return offered").endswith(".webm")
    assert not state(chromium, "playing")
    assert chromium.execute_script("return view.film") is None


def test_a_browser_that_cannot_record_says_so(chromium, circles, tmp_path):
    opened_page(chromium, circles, tmp_path)
    chromium.execute_script("window.MediaRecorder = undefined; view.record()")
    wait(chromium, "return view.caption.textContent.includes('cannot record')")


LINK_IN_SIGHT = """for (let n = 0; n < 12; n++) {
  const m = (n + 1) % 12, a = view.pixel(n), b = view.pixel(m);
  if (n === 4 || n === 5 || !a || !b) continue;
  const x = (a[0] + b[0]) / 2, y = (a[1] + b[1]) / 2;
  const { kind, link } = view.find({clientX: x, clientY: y}) || {};
  if (kind === "link" && link.includes(n) && link.includes(m)) return [n, m, x, y];
}
return null;"""


def test_a_link_tells_what_it_carries(chromium, circles, tmp_path):
    opened_page(chromium, linked(circles), tmp_path)
    chromium.execute_script("view.set('targets', false); view.set('trails', false); view.seek(120)")
    settle(chromium)
    legend = chromium.find_element("css selector", ".oas-legend").text
    assert "image data\n66.0 Gbit" in legend
    assert "messages\n2.05 kbit" in legend
    assert "questions" not in legend
    pair = chromium.execute_script(LINK_IN_SIGHT)
    assert pair is not None
    n, m, x, y = pair
    chain = mouse(chromium)
    chain.w3c_actions.pointer_action.move_to_location(round(x), round(y))
    chain.perform()
    settle(chromium)
    tip = chromium.find_element("css selector", ".oas-tip").text
    assert f"Circle {n} sends image data 6.00 Gbit (10 % of its capacity)" in tip
    click(chromium, x, y)
    panel = chromium.find_element("css selector", ".oas-panel").text
    assert f"Circle {n} sends\nimage data 6.00 Gbit" in panel
    assert "rate\n1.00 Gbit/s" in panel
    assert "so far\n12.0 Gbit" in panel  # rounds 0 and 2
    assert f"Circle {m} sends" in panel


def test_links_are_drawn_by_load_and_by_what_they_carry(chromium, circles, tmp_path):
    """Thick and in the colour of images; a message is dashed; a link at rest is thin."""
    opened_page(chromium, linked(circles), tmp_path, address="#theme=dark&t=120")
    chromium.execute_script(
        "for (const name of ['targets', 'trails', 'contacts']) view.set(name, false); view.select(-1)"
    )
    settle(chromium)
    drawn = chromium.execute_script("view.paint(); return Array.from(view.lines.used)")
    lines = np.array(drawn).reshape(-1, 11)
    busy, told = lines[lines[:, 10] > 4.0], lines[(lines[:, 10] > 1.5) & (lines[:, 10] < 4.0)]
    assert len(busy) == 11
    np.testing.assert_allclose(busy[:, 6:9], np.tile([0.34, 0.71, 0.91], (11, 1)), atol=1e-6)
    dashes = told[np.abs(told[:, 6:9] - [0.94, 0.89, 0.26]).max(axis=1) < 1e-6]
    assert len(dashes) == 9


def test_a_warning_shows_the_encounter_plane(chromium, circles, tmp_path):
    opened_page(chromium, warned(circles), tmp_path, address="#t=900")
    chromium.execute_script("view.tellOf('encounter', 0, 1, 0)")
    settle(chromium)
    panel = chromium.find_element("css selector", ".oas-panel").text
    for line in (
        "closest approach in\n10.0 min",
        "probability\n1.2e-4",
        "miss, estimated\n800 m",
        "sigma along the miss\n437 m",
        "sigma ellipse\n500 m × 120 m",
        "hard-body radius\n12 m",
    ):
        assert line in panel
    assert "in truth" not in panel
    plane = chromium.find_element("css selector", ".oas-plane")
    assert "miss, estimated 800 m" in plane.get_attribute("aria-label")
    ink = (
        "const c = document.querySelector('.oas-plane'), pen = c.getContext('2d');"
        "return pen.getImageData(0, 0, c.width, c.height).data.reduce((sum, v) => sum + (v > 0), 0)"
    )
    assert chromium.execute_script(ink) > 1_000
    chromium.execute_script("view.seek(1000)")
    settle(chromium)
    assert "8.3 min" in chromium.find_element("css selector", ".oas-panel").text
    chromium.execute_script("view.seek(1600)")
    settle(chromium)
    panel = chromium.find_element("css selector", ".oas-panel").text
    assert "missed by, in truth\n640 m" in panel
    assert "closest approach was\n100 s ago" in panel


def test_before_the_first_warning_the_plane_is_not_known(chromium, circles, tmp_path):
    opened_page(chromium, warned(circles), tmp_path, address="#t=0")
    chromium.execute_script("view.tellOf('encounter', 0, 1, 0)")
    settle(chromium)
    panel = chromium.find_element("css selector", ".oas-panel").text
    assert "first warning in\n" in panel
    assert "miss, estimated" not in panel
    assert "sigma along" not in panel


def test_keys_work_in_a_page_that_nobody_has_clicked(chromium, circles, tmp_path):
    opened_page(chromium, circles, tmp_path, address="#t=0")
    from selenium.webdriver.common.keys import Keys

    assert chromium.execute_script("return document.activeElement === document.body")
    before = state(chromium, "t")
    chromium.find_element("css selector", "body").send_keys(Keys.ARROW_RIGHT)
    settle(chromium)
    assert state(chromium, "t") > before


def test_a_video_without_a_picture_is_not_offered(chromium, circles, tmp_path):
    opened_page(chromium, circles, tmp_path)
    chromium.execute_script(
        "window.offered = null; window.came = 1;"
        "HTMLAnchorElement.prototype.click = function () { offered = this.download; };"
        "MediaRecorder.prototype.start = function () {};"
        "MediaRecorder.prototype.stop = function () { this.dispatchEvent(new Event('stop')); };"
        "Object.defineProperty(MediaRecorder.prototype, 'state', { get() { return 'recording'; } });"
        "view.record().then((blob) => { window.came = blob; }); view.record();"
    )
    wait(chromium, "return window.came !== 1")
    assert chromium.execute_script("return [came, offered]") == [None, None]
    assert chromium.execute_script("return view.film") is None


def test_on_a_phone_the_list_stands_before_the_inspector(chromium, circles, tmp_path):
    opened_page(chromium, circles, tmp_path)
    chromium.execute_script("view.root.style.width = '390px'")
    wait(chromium, "return view.root.classList.contains('narrow')")
    chromium.execute_script("view.select(1); view.list.toggle(true)")
    settle(chromium)
    side = chromium.find_element("css selector", ".oas-side")
    assert not side.is_displayed()
    chromium.execute_script("view.list.toggle(false)")
    assert side.is_displayed()


def test_near_the_ground_the_finer_coast_and_more_cities_are_shown(chromium, circles, tmp_path):
    fresh = opened_page(chromium, circles, tmp_path)

    def shown():
        return [e.text for e in fresh.find_elements("css selector", ".oas-label.town") if e.is_displayed()]

    assert fresh.execute_script("return view.near.globe.held") is None
    far = shown()
    fresh.execute_script(
        "view.set('places', true); view.yaw = 0.04; view.pitch = 0.85; view.distance = 1.25; view.redraw()"
    )
    settle(fresh)
    assert {"Paris", "London"} <= set(shown())
    assert len(far) <= 14
    held = fresh.execute_script("return view.near.globe.held")
    assert held["longitude"] == pytest.approx(0.04)
    assert held["tall"] < 0.5
    labels = [e.rect for e in fresh.find_elements("css selector", ".oas-label") if e.is_displayed()]
    boxes = [(r["x"], r["y"], r["x"] + r["width"], r["y"] + r["height"]) for r in labels]
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[0] >= b[2] - 2 or b[0] >= a[2] - 2 or a[1] >= b[3] - 4 or b[1] >= a[3] - 4
    before = fresh.execute_script("return view.near.globe.held.longitude")
    fresh.execute_script("view.yaw = 1.5; view.redraw()")
    settle(fresh)
    assert fresh.execute_script("return view.near.globe.held.longitude") != before


def test_the_inspector_keeps_what_did_not_change(chromium, circles, tmp_path):
    """Nothing that says the same is written anew."""
    fresh = opened_page(chromium, circles, tmp_path)
    fresh.execute_script("view.seek(view.begin + 61); view.select(3)")
    settle(fresh)
    fresh.execute_script("window.chip = document.querySelector('.oas-act'); view.seek(view.begin + 121)")
    settle(fresh)
    assert fresh.execute_script("return document.querySelector('.oas-act') === chip")
    fresh.execute_script("view.select(4)")
    settle(fresh)
    assert not fresh.execute_script("return chip.isConnected")


def test_in_a_notebook_the_theme_is_the_notebook_s(chromium, circles, tmp_path):
    opened_page(chromium, circles, tmp_path)
    for light, theme in (("false", "dark"), ("true", "light")):
        chromium.execute_script("document.body.dataset.jpThemeLight = arguments[0]", light)
        wait(chromium, f"return view.root.dataset.theme === '{theme}'")


def test_on_a_phone_the_list_gives_way_to_what_is_chosen(chromium, circles, tmp_path):
    opened_page(chromium, circles, tmp_path, address="#t=60")
    chromium.execute_script("view.root.style.width = '390px'")
    wait(chromium, "return view.root.classList.contains('narrow')")
    chromium.execute_script("view.list.toggle(true)")
    settle(chromium)
    stage = chromium.find_element("css selector", ".oas-stage").rect
    listed = chromium.find_element("css selector", ".oas-list").rect
    assert listed["width"] == pytest.approx(390, abs=2)
    assert stage["height"] > 150
    chromium.find_elements("css selector", ".oas-entry")[4].click()
    settle(chromium)
    assert state(chromium, "selected") == 4
    assert not chromium.find_element("css selector", ".oas-list").is_displayed()
    assert chromium.find_element("css selector", ".oas-side").is_displayed()


def test_a_link_is_reached_from_its_satellite_by_keys(chromium, circles, tmp_path):
    opened_page(chromium, linked(circles), tmp_path, address="#t=120&sat=7")
    lines = [e for e in chromium.find_elements("css selector", ".oas-event") if "sends it" in e.text]
    assert [line.text for line in lines] == [
        "Circle 8: sends it image data 6.00 Gbit (10 % of its capacity)",
        "Circle 6: sends it nothing",
    ]
    lines[0].send_keys("\ue007")
    settle(chromium)
    assert chromium.find_element("css selector", ".oas-panel h3").text.startswith("Circle 7 – Circle 8")
    assert not state(chromium, "playing")


def test_a_picture_is_saved_with_its_words(chromium, circles, tmp_path):
    opened_page(chromium, circles, tmp_path, address="#t=600")
    name, address = chromium.execute_script(
        "HTMLAnchorElement.prototype.click = function () { window.offered = [this.download, this.href]; };"
        "view.save(); return offered"
    )
    assert name == "Circles_script_.png"
    with Image.open(BytesIO(base64.b64decode(address.removeprefix("data:image/png;base64,")))) as picture:
        stage = chromium.find_element("css selector", ".oas-stage").rect
        assert picture.size == (round(stage["width"]), round(stage["height"]))
        foot = np.asarray(picture.convert("L"))[-60:, :400]
    assert foot.min() < 120  # letters
    assert foot.max() > 160  # on the ground


def two(circles, **meta):
    """The same rounds once more, which say something else of themselves."""
    return type(circles)(circles.meta | meta, circles.arrays, circles.events)


def test_on_a_phone_the_caption_hides_nothing_of_two(chromium, circles, tmp_path):
    opened_page(chromium, circles, tmp_path, beside=two(circles, policy="other"))
    chromium.execute_script("view.root.style.width = '390px'")
    wait(chromium, "return view.root.classList.contains('narrow')")
    for selected in (-1, 1):
        chromium.execute_script("view.select(arguments[0])", selected)
        settle(chromium)
        caption = chromium.find_element("css selector", ".oas-caption").rect
        stage = chromium.find_element("css selector", ".oas-stage").rect
        assert caption["y"] + caption["height"] <= stage["y"] + 1
        assert stage["height"] > 150
        shown = [e.is_displayed() for e in chromium.find_elements("css selector", ".oas-legend")]
        assert shown == [selected < 0] * 2
    chromium.execute_script("view.root.style.width = '100%'")
    wait(chromium, "return !view.root.classList.contains('narrow')")
    assert chromium.execute_script("return view.caption.parentNode === view.stage")


def test_two_of_other_years_are_shown_from_their_beginnings(chromium, circles, tmp_path):
    other = two(circles, epoch="2031-01-01T00:00:00Z", scenario="elsewhere", policy="other")
    opened_page(chromium, circles, tmp_path, beside=other, address="#t=60")
    assert chromium.execute_script("return view.end - view.begin") < 1e5
    assert chromium.execute_script("return view.runs.map((run) => view.when(run).k)") == [1, 1]
    assert "shown from their beginnings" in chromium.find_element("css selector", ".oas-caption").text
    titles = [e.text for e in chromium.find_elements("css selector", ".oas-title")]
    assert titles[1] == "other · elsewhere"


def caption(browser):
    return browser.find_element("css selector", ".oas-caption").text


def test_the_score_is_whole_at_the_end(chromium, circles, tmp_path):
    opened_page(chromium, circles, tmp_path, address="#t=0")
    assert caption(chromium).startswith("value so far: 0")
    chromium.execute_script("view.seek(view.end)")
    settle(chromium)
    assert caption(chromium).startswith(f"value so far: {circles['delivered_value'].sum():.0f}")


def test_a_run_that_ended_earlier_is_compared_where_both_were_flown(chromium, circles, tmp_path):
    cut = {name: a[:20] if VARIABLES[name].dims[0] == ROUND else a for name, a in circles.arrays.items()}
    events = circles.events[circles.events.time_s < circles["time"][20]]
    opened_page(chromium, circles, tmp_path, beside=type(circles)(circles.meta, cut, events), address="#t=60")
    chromium.execute_script("view.seek(view.end)")
    settle(chromium)
    assert "(ended at 12:20:00)" in caption(chromium)
    assert "(+0 at 12:20:00)" in caption(chromium)


def test_what_was_not_flown_alike_is_not_subtracted(chromium, circles, tmp_path):
    circles, other = (
        two(circles, env="tasking_v0"),
        two(circles, scenario="elsewhere", env="avoidance_v0"),
    )
    nothing = other.arrays | {"delivered_value": 0 * circles["delivered_value"]}
    opened_page(
        chromium, circles, tmp_path, beside=type(circles)(other.meta, nothing, other.events), address="#t=60"
    )
    assert "not flown alike: another problem, scenario" in caption(chromium)
    chromium.execute_script("view.seek(view.end)")
    settle(chromium)
    told = caption(chromium)
    assert "value so far: " in told
    assert f"reward so far: {circles['reward'].sum():.1f}"[:-2] in told
    assert "(+" not in told
    assert "(-" not in told
    keys(chromium, "d")
    assert "different problems" in caption(chromium)


def test_a_station_tells_what_arrived_there(chromium, circles, tmp_path):
    """Whoever downlinks in a round is served by a station: what arrives then came through that one."""
    station = circles["station"]
    rows = [(60.0 * k + 30.0, n, "delivery", 5, 2.0, "") for k in range(40) for n in range(12)]
    served = [row for row in rows if station[int(row[0] // 60), row[1]] == 0]
    unserved = [row for row in rows if station[int(row[0] // 60), row[1]] < 0]
    events = Events.from_rows(sorted(served[:9] + unserved[:5]))
    opened_page(
        chromium, type(circles)(circles.meta, circles.arrays, events), tmp_path, address="#t=0&view=map"
    )
    chromium.execute_script("view.seek(view.end); view.tellOf('station', 0, -1, 0)")
    settle(chromium)
    panel = chromium.find_element("css selector", ".oas-panel")
    assert len(panel.find_elements("css selector", ".oas-event")) == 9
    assert "arrived so far\n9, value 18" in panel.text
    assert "lat, lon\n40.00°, 10.00°" in panel.text


def test_a_jump_turns_to_where_it_happened(chromium, circles, tmp_path):
    opened_page(chromium, circles, tmp_path, address="#t=0")
    for back in (1.0, 2.0, 3.0):
        chromium.execute_script("view.yaw += arguments[0]; view.jump(true)", back)
        settle(chromium)
        event, height, facing = chromium.execute_script(
            "const run = view.runs[0], { t, yaw, pitch } = view, c = Math.cos(pitch);"
            "const event = run.events.find(([time]) => Math.abs(time - t) < 1e-3), at = 3 * event[1];"
            "const p = run.live.slice(at, at + 3), long = Math.hypot(...p);"
            "const up = p[0] * c * Math.cos(yaw) + p[1] * c * Math.sin(yaw) + p[2] * Math.sin(pitch);"
            "return [event, long, up / long];"
        )
        assert event[2] == "capture"
        assert height > 1.0
        assert facing > 0.55


def test_odds_that_still_stand_are_shown_with_their_time(chromium, circles, tmp_path):
    said = {"decision": "idle", "odds": {"idle": 0.7, "charge": 0.3}}
    reason = (5.0, 2, "reason", -1, 0.0, json.dumps(said))
    actions = np.where(np.arange(12) == 2, 0, circles["action"])
    arrays = {**circles.arrays, "action": actions}
    opened_page(
        chromium,
        type(circles)(circles.meta, arrays, Events.from_rows([reason])),
        tmp_path,
        address="#t=600&sat=2",
    )
    panel = chromium.find_element("css selector", ".oas-panel").text
    assert "AS HELD AT 12:00:05" in panel.upper()
    assert "70 %" in panel


def test_a_decision_that_was_not_carried_out_is_told_beside_it(chromium, tmp_path):
    """From the thought on until the next one; before it, and of others, nothing."""
    made = flown(thoughts=True)
    said = {"decision": "downlink", "instead_of": "charge", "why": "weights corrupted"}
    row = (122.0, 2, "replaced", -1, 0.0, json.dumps(said))
    events = Events.from_rows(sorted([*made.events.rows(), row]))
    opened_page(chromium, Recording(made.meta, {name: made[name] for name in made}, events), tmp_path)
    deed = "weights corrupted: carried out downlink instead of charge"
    for time, satellite, there in ((130, 2, True), (70, 2, False), (190, 2, False), (130, 3, False)):
        chromium.execute_script(
            f"view.play(false); view.seek({time}); view.select({satellite}); view.paint()"
        )
        settle(chromium)
        text = chromium.execute_script("return document.querySelector('.oas').textContent")
        assert (deed in text) == there, (time, satellite)


def test_three_stand_on_one_clock(chromium, circles, tmp_path):
    """Each beside the first: its lead, and what each decides where they part."""
    later = np.array(circles["action"])
    later[7, 3] = (later[7, 3] + 1) % 4
    third = type(circles)(
        circles.meta | {"policy": "third"}, {**circles.arrays, "action": later}, circles.events
    )
    opened_page(chromium, circles, tmp_path, beside=[two(circles, policy="second"), third], address="#t=60")
    titles = [e.text for e in chromium.find_elements("css selector", ".oas-title")]
    assert titles == ["made up", "second", "third"]
    assert len(chromium.find_elements("css selector", ".oas-time")) == 3
    assert caption(chromium).count("(+0)") == 2
    chromium.execute_script("view.part()")
    settle(chromium)
    assert chromium.execute_script("return [Math.round(view.t - view.begin), view.selected]") == [420, 3]
    assert "third decides" in caption(chromium)
    panels = chromium.find_elements("css selector", ".oas-panel")
    assert [panel.text.startswith("Circle 3") for panel in panels] == [True] * 3
