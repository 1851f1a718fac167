"""The page of a flight in a real browser: stepped, overridden, asked, branched, flown."""

import threading
import time

import pytest

from envs.episodes import make_env, scenario_of
from experiments.running.cockpit import Cockpit
from experiments.running.cockpit_server import Server
from experiments.running.flight import Flight
from experiments.running.llm_config import Mind

pytestmark = pytest.mark.browser


@pytest.fixture
def flown(chromium, tmp_path):
    """A flight whose page is open."""
    browser = chromium
    env = make_env("tasking_v0", scenario_of("tasking_v0", "pair"), 0.5, thinking=True)
    cockpit = Cockpit(Flight(env, Mind().policy("qwen", env), 2), "qwen", tmp_path / "out")
    server = Server(cockpit)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    browser.get(server.address)
    wait(browser, "return !!window.view && view.paints > 0 && status().startsWith('paused, 0')")
    yield browser, cockpit
    browser.get("about:blank")
    server.shutdown()
    server.close()
    cockpit.close()


HELPERS = """const status = () => document.querySelector('.oas-status')?.textContent ?? '';
const press = (text) =>
  [...document.querySelectorAll('.oas button')].find((b) => b.textContent === text).click();
"""


def do(browser, script, *arguments):
    return browser.execute_script(HELPERS + script, *arguments)


def wait(browser, condition, seconds=60):
    until = time.monotonic() + seconds
    while not do(browser, condition):
        assert time.monotonic() < until, f"still not: {condition}\n{browser.get_log('browser')}"
        time.sleep(0.05)


def choose(browser, panel, text):
    """Take a line of the menu of who decides."""
    wait(browser, f"return document.querySelectorAll('.oas-wheel select')[{panel}]?.options.length > 1")
    do(
        browser,
        "const menu = document.querySelectorAll('.oas-wheel select')[arguments[0]];"
        "menu.value = [...menu.options].find((line) => line.textContent === arguments[1]).value;"
        "menu.dispatchEvent(new Event('change'));",
        panel,
        text,
    )


def test_a_flight_is_steered_from_its_page(flown):
    browser, cockpit = flown
    do(browser, "press('step')")
    wait(browser, "return status() === 'paused, 1 round flown' && view.runs[0].rounds === 1")
    do(browser, "press('step'); view.select(1)")
    wait(browser, "return view.runs[0].rounds === 2 && !!document.querySelector('.oas-wheel')")
    do(browser, "press('ask now')")
    wait(browser, "return !!document.querySelector('.oas-wheel .oas-odds')")
    asked = browser.find_element("css selector", ".oas-wheel").text
    assert "ASKED IN ROUND 3" in asked
    assert "battery at" in asked
    assert "would take" in asked
    choose(browser, 0, "charge")
    wait(browser, "return document.querySelector('.oas-wheel select').classList.contains('on')")
    assert cockpit.runs[0].overrides == {1: cockpit.runs[0].env.actions.index("charge")}
    do(browser, "press('step')")
    wait(browser, "return view.runs[0].rounds === 3")
    wait(browser, "return document.querySelector('.oas-panel').textContent.includes('override')")
    panel = browser.find_element("css selector", ".oas-panel").text
    assert "override: Pair 2, charge instead of" in panel
    assert (
        browser.find_element("css selector", ".oas-act.chosen")
        .get_attribute("textContent")
        .startswith("charge")
    )

    strip = "const c = document.querySelector('.oas-time canvas'); return [c.height, c.clientHeight]"
    assert len(set(do(browser, strip))) == 1  # it grew with the lanes of events

    do(browser, "press('branch')")
    wait(browser, "return view.runs.length === 2 && document.querySelectorAll('.oas-wheel').length === 2")
    assert do(browser, "return view.selected") == 1
    choose(browser, 1, "its policy decides")
    wait(browser, "return !document.querySelectorAll('.oas-wheel select')[1].classList.contains('on')")
    do(browser, "press('fly')")
    wait(browser, "return view.runs[0].rounds >= 8 && view.runs[1].rounds >= 8")
    do(browser, "press('pause')")
    wait(browser, "return status().startsWith('paused')")
    wait(browser, "return view.runs[0].rounds === view.runs[1].rounds")
    titles = [title.text for title in browser.find_elements("css selector", ".oas-title")]
    assert titles == ["qwen", "qwen, branch"]
    assert len(browser.find_elements("css selector", ".oas-time")) == 2
    for r, flight in enumerate(cockpit.runs.values()):
        played = do(browser, f"return Array.from(view.runs[{r}].action)")
        assert played == flight.recording["action"].ravel().tolist()
    kept = do(browser, "return view.runs[1].rounds")
    do(browser, "press('keep right')")
    wait(browser, "return view.runs.length === 1")
    assert do(browser, "return view.runs[0].rounds") == kept
    do(browser, "press('save')")
    wait(browser, "return status().includes('page.html')")
    assert (cockpit.out / "page.html").exists()
    assert [line for line in browser.get_log("browser") if "GPU stall" not in line["message"]] == []


def test_a_future_from_the_moment_shown_beside_the_first(flown):
    browser, cockpit = flown
    do(browser, "view.select(0)")
    wait(browser, "return !!document.querySelector('.oas-wheel')")
    assert "WHEEL, ROUND 1" in browser.find_element("css selector", ".oas-panel").text
    cockpit.command({"do": "step", "count": 6})
    wait(browser, "return view.runs[0].rounds === 6")
    do(browser, "view.seek(view.begin); press('branch')")
    wait(browser, "return view.runs.length === 2 && !view.runs[1].action")
    do(browser, "view.part(); view.set('show', 'both')")
    choose(browser, 1, "charge")
    wait(browser, "return document.querySelectorAll('.oas-wheel select')[1].classList.contains('on')")
    cockpit.command({"do": "step", "count": 7})
    wait(browser, "return view.runs.every((run) => run.rounds === 7)")
    do(browser, "press('parting')")
    assert do(browser, "return view.state().round") == 0
    assert [line for line in browser.get_log("browser") if "GPU stall" not in line["message"]] == []


def test_what_is_refused_is_said_and_the_end_too(flown):
    browser, cockpit = flown
    cockpit.command({"do": "step", "count": 60})
    wait(browser, "return status().startsWith('the episode is over, 60 rounds')")
    do(browser, "press('fly')")
    wait(browser, "return status().includes('over after 60 rounds.')")
    cockpit.close()
    wait(browser, "return status().startsWith('ended') && status().includes('answers no more')")
