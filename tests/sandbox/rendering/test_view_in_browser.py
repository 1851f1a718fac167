"""The interactive view in a real browser: opened, played, scrubbed, clicked, compared with the recording."""

import time

import numpy as np
import pytest
from browsing import PIXELS, READY, click, complaints, keys, mouse, settle, state, wait
from flown import CHOICES, flown, linked

from sandbox.recording import Events, Recording
from sandbox.rendering import FrameView, pack, to_html
from sandbox.rendering.packing import unpacked
from sandbox.rendering.page import module
from sandbox.rendering.palette import mode_colours, rgb
from sandbox.rendering.widget import part

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def opened(chromium, circles, tmp_path_factory):
    """A page of the recording, open, and nothing wrong with it."""
    path = to_html(circles, tmp_path_factory.mktemp("page") / "run.html")
    chromium.get(path.as_uri())
    wait(chromium, READY)
    return chromium


@pytest.fixture(autouse=True)
def no_complaints(chromium):
    yield
    assert complaints(chromium) == []


@pytest.fixture
def fresh(opened):
    opened.execute_script(
        "view.play(false); view.seek(view.begin); view.select(-1); view.set('show', 'globe');"
        "view.set('colour', 'activity'); view.set('inertial', false); view.set('theme', 'dark');"
        "view.set('targets', true);"
        "view.facing(); view.pitch = 0.35; view.distance = 4.1; view.zoom = 1; view.centre = [0, 0];"
        "view.redraw()"
    )
    settle(opened)
    return opened


def test_a_click_on_a_satellite_shows_its_numbers(fresh, circles):
    k, n = 17, next(n for n in range(12) if _at(fresh, 17, n))
    click(fresh, *_at(fresh, k, n))
    assert state(fresh, "selected") == n
    panel = fresh.find_element("css selector", ".oas-panel").text
    names = circles.meta["mode_names"]
    assert f"Circle {n}" in panel
    assert names[circles["mode"][k, n]] in panel
    lowered = panel.lower()
    assert f"battery {100 * circles['battery'][k, n]:.0f} %" in lowered
    assert f"temperature {circles['temperature'][k, n] - 273.15:.1f} °c" in lowered
    assert f"{np.degrees(circles['latitude'][k, n]):.2f}°" in panel
    chosen = fresh.find_element("css selector", ".oas-act.chosen").text
    assert chosen == f"{CHOICES[circles['action'][k, n]]} 75 %"
    struck = {e.text for e in fresh.find_elements("css selector", ".oas-act.no")} - {chosen}
    shut = {name for name, open_ in zip(CHOICES, circles["mask"][k, n], strict=True) if not open_}
    assert struck == shut - {CHOICES[circles["action"][k, n]]}
    click(fresh, 40, 120)  # beside the Earth
    assert state(fresh, "selected") == -1


def _at(browser, k, n):
    browser.execute_script("view.seek(view.runs[0].time[arguments[0]])", k)
    settle(browser)
    return browser.execute_script("return view.pixel(arguments[0])", n)


def test_the_last_thought_is_shown_as_text(fresh):
    fresh.execute_script("view.seek(view.begin + 10 * 60 + 30); view.select(2)")
    settle(fresh)
    said = fresh.find_elements("css selector", ".oas-say")
    assert [line.text for line in said] == ["Battery low <b>in</b> round 10.", "B"]
    panel = fresh.find_element("css selector", ".oas-panel").text
    assert "decided\ncharge" in panel
    assert "took\n1.25 s" in panel


def test_it_plays_and_stops(fresh):
    keys(fresh, " ")
    assert state(fresh, "playing")
    wait(fresh, "return view.state().t > 5")
    keys(fresh, " ")
    assert not state(fresh, "playing")
    stood = state(fresh, "t")
    time.sleep(0.2)
    assert state(fresh, "t") == stood


def test_it_is_scrubbed_in_timeline_and_slider(fresh):
    strip = fresh.find_element("css selector", ".oas-time").rect
    click(fresh, strip["x"] + 0.5 * strip["width"], strip["y"] + 20)
    assert state(fresh, "t") == pytest.approx(0.5 * 40 * 60, abs=5)
    chain = mouse(fresh)
    pointer = chain.w3c_actions.pointer_action
    pointer.move_to_location(round(strip["x"] + 300), round(strip["y"] + 20)).pointer_down()
    pointer.move_to_location(round(strip["x"] + 900), round(strip["y"] + 20)).pointer_up()
    chain.perform()
    settle(fresh)
    assert state(fresh, "t") == pytest.approx(900 / strip["width"] * 40 * 60, abs=5)
    slider = fresh.find_element("css selector", "input[type=range]").rect
    click(fresh, slider["x"] + 0.25 * slider["width"], slider["y"] + slider["height"] / 2)
    assert state(fresh, "t") == pytest.approx(0.25 * 40 * 60, abs=60)


def test_the_keyboard(fresh):
    keys(fresh, "ARROW_RIGHT", "ARROW_RIGHT")
    assert state(fresh, "round") == 2
    keys(fresh, "ARROW_LEFT")
    assert state(fresh, "round") == 1
    keys(fresh, "END")
    assert state(fresh, "round") == 39
    keys(fresh, "]", "]")
    assert state(fresh, "selected") == 1
    keys(fresh, "ESCAPE")
    assert state(fresh, "selected") == -1
    keys(fresh, "m")
    assert state(fresh, "show") == "map"
    keys(fresh, "f")
    assert state(fresh, "inertial")


def test_escape_closes_the_help_first(fresh):
    keys(fresh, "]", "?")
    assert fresh.find_elements("css selector", ".oas-help")
    keys(fresh, "ESCAPE")
    assert not fresh.find_elements("css selector", ".oas-help")
    assert state(fresh, "selected") == 0


def test_space_presses_the_button_that_has_the_focus(fresh):
    button = next(b for b in fresh.find_elements("css selector", ".oas-bar button") if b.text == "Map")
    fresh.execute_script("arguments[0].focus()", button)
    button.send_keys(" ")
    settle(fresh)
    assert state(fresh, "show") == "map"
    assert not state(fresh, "playing")


def test_the_next_event_and_the_last(fresh, circles):
    times = circles.events.time_s[circles.events.kind == "capture"]
    keys(fresh, "n")
    assert state(fresh, "t") == pytest.approx(times[0], abs=0.1)
    keys(fresh, "n", "n", "p")
    assert state(fresh, "t") == pytest.approx(times[1], abs=0.1)
    fresh.execute_script("view.set('events', 'minds')")
    keys(fresh, "n")
    assert state(fresh, "t") == pytest.approx(times[1] + 1.0, abs=0.1)
    fresh.execute_script("view.set('events', 'all')")


def test_an_event_leads_to_the_story_of_its_request(fresh, circles):
    fresh.execute_script("view.seek(view.begin + 60 * 38); view.select(4)")
    settle(fresh)
    events = circles.events[(circles.events.kind == "capture") & (circles.events.satellite == 4)]
    lines = fresh.find_elements("css selector", ".oas-event")
    assert len(lines) == (events.time_s <= 60 * 39).sum()
    target = int(events.target[0])
    lines[-1].click()
    settle(fresh)
    panel = fresh.find_element("css selector", ".oas-panel").text
    assert panel.startswith(f"request {target}")
    assert f"value when fresh\n{circles['target_value'][target]:.2f}" in panel
    assert "now\ncaptured\nopened\nbefore the run" in panel
    assert "capture: Circle 4" in panel
    assert state(fresh, "t") == pytest.approx(events.time_s[0], abs=0.1)
    fresh.find_element("css selector", ".oas-panel h3 button").click()
    settle(fresh)
    assert "Circle 4" in fresh.find_element("css selector", ".oas-panel").text


def test_the_caption_is_the_value_delivered(fresh, circles):
    fresh.execute_script("view.seek(view.begin + 60 * 20 + 1)")
    settle(fresh)
    value = circles["delivered_value"][:20].sum()  # of the rounds that are over: this one's is still to come
    told = fresh.find_element("css selector", ".oas-caption").text
    assert told.startswith(f"value so far: {value:.0f}")
    assert "capture" in told
    assert fresh.find_element("css selector", ".oas-stage").get_attribute("aria-label").count("value so far")


def test_the_globe_is_turned_and_zoomed(fresh):
    before = fresh.execute_script("return [view.yaw, view.distance]")
    chain = mouse(fresh)
    chain.w3c_actions.pointer_action.move_to_location(500, 400).pointer_down().move_to_location(
        600, 400
    ).pointer_up()
    chain.perform()
    fresh.execute_script(
        "view.stage.dispatchEvent("
        "new WheelEvent('wheel', {deltaY: -100, clientX: 500, clientY: 400, cancelable: true}))"
    )
    settle(fresh)
    after = fresh.execute_script("return [view.yaw, view.distance]")
    assert after[0] < before[0]
    assert after[1] < before[1]


def test_satellites_are_drawn_where_the_recording_has_them(fresh, circles):
    for k in (0, 13, 39):
        for n in range(12):
            _at(fresh, k, n)
            latitude, longitude, height = fresh.execute_script("return view.below(arguments[0])", n)
            assert latitude == pytest.approx(np.degrees(circles["latitude"][k, n]), abs=0.01)
            off = longitude - np.degrees(circles["longitude"][k, n])
            assert (off + 180) % 360 - 180 == pytest.approx(0.0, abs=0.01)
            assert 549.7 <= height <= 572  # a circle over an ellipsoid


def test_the_map_puts_the_ground_track_where_its_latitudes_and_longitudes_are(fresh, circles):
    fresh.execute_script("view.set('show', 'map')")
    settle(fresh)
    stage = fresh.find_element("css selector", ".oas-stage").rect
    width = min(stage["width"], 2 * stage["height"])
    for k in (0, 20):
        for n in range(12):
            x, y = _at(fresh, k, n)
            longitude, latitude = circles["longitude"][k, n], circles["latitude"][k, n]
            assert x == pytest.approx(
                stage["x"] + stage["width"] / 2 + width * longitude / (2 * np.pi), abs=0.5
            )
            assert y == pytest.approx(
                stage["y"] + stage["height"] / 2 - width * latitude / (2 * np.pi), abs=0.5
            )


def test_a_satellite_has_the_colour_of_what_it_does(fresh, circles):
    colours = mode_colours(circles.meta["mode_names"], dark=True)
    fresh.execute_script(
        "for (const name of ['targets', 'trails', 'contacts', 'names']) view.set(name, false)"
    )
    seen = 0
    for n in range(12):
        at = _at(fresh, 6, n)
        if at is None:
            continue
        pixel = fresh.execute_script(
            PIXELS + "return pixels(arguments[0] - box.left, box.bottom - arguments[1], 1)",
            *at,
        )
        assert pixel[:3] == pytest.approx(rgb(colours[circles["mode"][6, n]]), abs=3)
        seen += 1
    fresh.execute_script(
        "for (const name of ['targets', 'trails', 'contacts', 'names']) view.set(name, true)"
    )
    assert seen >= 4


def test_day_is_brighter_than_night(fresh):
    """The Sun stands in the direction of the vernal equinox: longitude minus the Earth's angle, 0.7 rad."""
    brightness = []
    for yaw in (-0.7, -0.7 + np.pi):
        brightness.append(
            fresh.execute_script(
                "view.yaw = arguments[0]; view.pitch = 0;" + PIXELS + "return"
                " pixels(box.width / 2 - 5, box.height / 2 - 5, 10).reduce((a, b) => a + b) / 400",
                float(yaw),
            )
        )
    assert brightness[0] > 1.3 * brightness[1]


def test_the_browser_reads_what_was_packed(fresh, circles):
    _, arrays = unpacked(pack(circles))
    for name in (
        "battery",
        "temperature",
        "reward",
        "mode",
        "mask",
        "time",
        "earth_angle",
        "target_latitude",
    ):
        read = np.array(fresh.execute_script("return Array.from(view.runs[0][arguments[0]])", name))
        np.testing.assert_allclose(read, arrays[name].ravel(), rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("colour", ["battery", "temperature", "plane"])
def test_other_colours(fresh, colour):
    fresh.execute_script("view.set('colour', arguments[0])", colour)
    settle(fresh)
    legend = fresh.find_element("css selector", ".oas-legend").text
    assert "plane 4" in legend if colour == "plane" else colour in legend


def test_a_satellite_of_a_large_fleet_is_found_by_name(chromium, tmp_path):
    path = to_html(flown(satellites=40), tmp_path / "large.html")
    chromium.get(path.as_uri())
    wait(chromium, READY)
    chromium.execute_script("view.select(-1)")
    field = chromium.find_element("css selector", ".oas-find")
    field.send_keys("circle 3\ue007")
    settle(chromium)
    assert state(chromium, "selected") == 3
    field.send_keys("\ue007")
    settle(chromium)
    assert state(chromium, "selected") == 30  # the next of that name
    assert not state(chromium, "playing")


def test_an_address_says_moment_satellite_and_view(chromium, circles, tmp_path):
    path = to_html(circles, tmp_path / "address.html")
    chromium.get(f"{path.as_uri()}#t=900&sat=5&view=map")
    wait(chromium, READY)
    assert (state(chromium, "t"), state(chromium, "selected")) == (900, 5)
    assert state(chromium, "show") == "map"
    keys(chromium, "END")
    wait(chromium, "return location.hash === '#t=2400&sat=5&view=map'")


def test_another_address_in_an_open_page_is_followed(chromium, circles, tmp_path):
    path = to_html(circles, tmp_path / "again.html")
    chromium.get(f"{path.as_uri()}#t=300")
    wait(chromium, READY)
    chromium.execute_script("location.hash = '#t=1200&sat=7'")
    wait(chromium, "return view.state().t === 1200 && view.state().selected === 7")


def test_the_last_round_is_shown_with_what_it_brought(chromium, circles, tmp_path):
    """A penalty far above all else, and an event after the last round began, whose value is no number."""
    reward = circles["reward"].copy()
    reward[20, 3] = -100_000.0
    arrays = dict(circles.arrays) | {"reward": reward, "delivered_value": 0 * circles["delivered_value"]}
    rows = [*circles.events.rows(), (39 * 60 + 50.0, 4, "lost", -1, float("nan"), "")]
    recording = Recording(circles.meta, arrays, Events.from_rows(rows))
    path = to_html(recording, tmp_path / "last.html")
    chromium.get(f"{path.as_uri()}#t=0&sat=4")
    wait(chromium, READY)
    keys(chromium, "END")
    told = chromium.find_element("css selector", ".oas-caption").text
    said = float(told.split("\n")[0].removeprefix("reward so far: ").replace(",", ""))
    assert said == pytest.approx(reward.sum(dtype=float), abs=0.6)
    assert "12:39:50 lost" in told
    assert "lost" in chromium.find_element("css selector", ".oas-panel").text


def test_a_page_opens_on_an_event_by_day(chromium, circles, tmp_path):
    path = to_html(circles, tmp_path / "first.html")
    chromium.get("about:blank")
    chromium.get(path.as_uri())
    wait(chromium, READY)
    at = state(chromium, "t")
    assert any(abs(at - time) < 0.1 for time in circles.events.time_s)
    noon = chromium.execute_script(
        "const k = view.state().round, run = view.runs[0], s = run.sun;"
        "return Math.cos(view.yaw + run.earth_angle[k] - Math.atan2(s[3 * k + 1], s[3 * k]))"
    )
    assert noon > 0.0


def test_a_phone_has_the_numbers_below(chromium, circles, tmp_path):
    path = to_html(circles, tmp_path / "phone.html")
    chromium.get(path.as_uri())
    wait(chromium, READY)
    chromium.execute_script("view.root.style.width = '390px'; view.select(3)")
    wait(chromium, "return view.root.classList.contains('narrow')")
    settle(chromium)
    stage = chromium.find_element("css selector", ".oas-stage").rect
    side = chromium.find_element("css selector", ".oas-side").rect
    assert side["y"] >= stage["y"] + stage["height"] - 1
    assert side["width"] == pytest.approx(390, abs=2)
    assert stage["height"] > 150


def test_two_recordings_stand_side_by_side_on_one_clock(chromium, circles, tmp_path):
    other = flown(rounds=20)
    chromium.get(to_html(circles, tmp_path / "two.html", beside=other).as_uri())
    wait(chromium, READY)
    chromium.execute_script("view.seek(view.begin + 600); view.select(1); view.set('show', 'both')")
    settle(chromium)
    panels = [panel.text for panel in chromium.find_elements("css selector", ".oas-panel")]
    assert len(panels) == len(chromium.find_elements("css selector", ".oas-time")) == 2
    assert f"{100 * circles['battery'][10, 1]:.0f} %" in panels[0]
    assert f"{100 * other['battery'][10, 1]:.0f} %" in panels[1]
    assert len(chromium.find_elements("css selector", ".oas-pane")) == 4


def test_links_and_encounters_are_drawn_once_a_recording_has_them(chromium, circles, tmp_path):
    def drawn(*script):
        chromium.execute_script("view.set(...arguments)", *script)
        settle(chromium)
        return chromium.execute_script("return [view.lines.count, view.points.count]")

    chromium.get(to_html(linked(circles, cargo=False), tmp_path / "linked.html").as_uri())
    wait(chromium, READY)
    chromium.execute_script("view.seek(120)")
    with_links, without = drawn("links", True), drawn("links", False)
    assert with_links[0] - without[0] == 12
    chromium.execute_script("view.seek(180)")
    assert drawn("links", True)[0] == drawn("links", False)[0]
    chromium.get(to_html(circles, tmp_path / "bare.html").as_uri())
    wait(chromium, READY)
    chromium.execute_script("view.seek(120)")
    assert without[1] - drawn("links", True)[1] == 2


def test_the_frame_of_a_notebook_is_sandboxed_and_works(chromium, circles, tmp_path):
    path = tmp_path / "cell.html"
    path.write_text(f"<!DOCTYPE html><meta charset=utf-8>{FrameView(circles).html()}", encoding="utf-8")
    chromium.get(path.as_uri())
    frame = chromium.find_element("css selector", "iframe")
    assert frame.get_attribute("sandbox") == "allow-scripts"
    assert chromium.execute_script("return document.querySelector('img').naturalWidth") == 896
    chromium.switch_to.frame(frame)
    wait(chromium, READY)
    keys(chromium, "END")
    assert state(chromium, "round") == 39
    chromium.switch_to.default_content()


STUB = """<!DOCTYPE html><meta charset=utf-8><div id=box></div><script type=module>
%s
window.heard = []; window.sent = []; const ears = {}; const traits = %s;
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
traits.packs = traits.packs.map((text) => new DataView(bytes(text).buffer));
window.model = {get: (name) => traits[name], set: (all) => { Object.assign(traits, all); heard.push(all); },
  save_changes: () => {}, send: (message) => sent.push(message),
  on: (name, act) => { (ears[name] ||= new Set()).add(act); },
  off: (name, act) => { ears[name].delete(act); },
  tell: (name, ...what) => (ears[name] || []).forEach((act) => act(...what)), ears, traits};
window.close_ = await render({model, el: document.getElementById("box")});
</script>"""


def test_the_widget_and_python_follow_each_other(chromium, circles, tmp_path):
    import base64
    import json

    first, rest = part(circles, 0, 25), part(circles, 25)
    packed = base64.b64encode(pack(first)).decode()
    traits = {"packs": [packed], "height": 500, "options": {}, "round": 0, "selected": -1, "playing": False}
    path = tmp_path / "widget.html"
    path.write_text(STUB % (module(), json.dumps(traits)), encoding="utf-8")
    chromium.get(path.as_uri())
    wait(chromium, "return !!window.close_ && document.querySelectorAll('canvas').length > 1")
    assert chromium.execute_script("return sent") == [{"kind": "have", "rounds": 25}]
    chromium.execute_script("model.traits.round = 7; model.tell('change:round')")
    wait(chromium, "return heard.some((all) => all.round === 7)")
    strip = chromium.find_element("css selector", ".oas-time").rect
    click(chromium, strip["x"] + strip["width"] - 1, strip["y"] + 9)
    wait(chromium, "return model.traits.round === 23 || model.traits.round === 24")
    chromium.execute_script("model.traits.selected = 4; model.tell('change:selected')")
    settle(chromium)
    assert "Circle 4" in chromium.find_element("css selector", ".oas-panel").text
    more = base64.b64encode(pack(rest, rest=False)).decode()
    chromium.execute_script(
        "const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));"
        "model.tell('msg:custom', {kind: 'append', from: 25}, [new DataView(bytes.buffer)])",
        more,
    )
    wait(chromium, "return document.querySelector('.oas-clock').textContent.endsWith('/40')")
    chromium.execute_script("close_()")
    left = chromium.execute_script("return Object.values(model.ears).reduce((sum, set) => sum + set.size, 0)")
    assert left == 0
    assert chromium.find_elements("css selector", ".oas") == []
