"""A real JupyterLab: a person runs the cells, scrubs, clicks a satellite, and reads its numbers."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.performance.browser import MISSING, open_browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BUSY_S = 6
CELLS = (
    """from envs import tasking_v0
env = tasking_v0.parallel_env("pair", max_cycles=60, render_mode="notebook")
env.reset(seed=0)
widget = env.render()
widget""",
    """for k in range(60):
    env.step(dict.fromkeys(env.agents, k % 2))
env.render();""",
    """widget.selected = 1""",
    """env.recording.view()""",
    """print("from the view:", widget.selected, widget.round)""",
    """from experiments.running.live_flight import LiveFlight
flight = LiveFlight("pair", policy="greedy", hours=1)
flight""",
    f"""import time
end = time.monotonic() + {BUSY_S}
while time.monotonic() < end:
    pass
print("flown meanwhile:", len(flight.recording), flight.state["runs"][0]["overrides"])""",
)


@pytest.fixture
def lab(tmp_path_factory):
    """The address of a server whose only notebook holds the cells above."""
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("jupyterlab")
    pytest.importorskip("anywidget")
    folder = tmp_path_factory.mktemp("lab")
    cells = [nbformat.v4.new_code_cell(text) for text in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "look.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = str(Path(__file__).parents[3])
    settings = {
        "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
    }
    told = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--LabApp.news_url=None"]
    told += [f"--ServerApp.root_dir={folder}", "--IdentityProvider.token="]
    told.append("--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate")
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *told], env=os.environ | settings, stdout=log, stderr=log
        )
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.2)
    yield f"http://127.0.0.1:{port}/lab/tree/look.ipynb?reset"
    server.terminate()
    server.wait(timeout=30)


@pytest.fixture(scope="module")
def chromium():
    browser = open_browser(1400, 1400)
    if browser is None:
        pytest.skip(MISSING)
    yield browser
    browser.quit()


def wait(browser, condition, seconds=120):
    until = time.monotonic() + seconds
    while not (found := browser.execute_script(condition)):
        assert time.monotonic() < until, f"still not: {condition}"
        time.sleep(0.1)
    return found


IDLE = "return document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'"
STARTED = "return /[*0-9]/.test(document.querySelectorAll('.jp-InputPrompt')[arguments[0]]?.textContent)"
LAST = "view.hop(59); view.facing(); view.paint(); return [...view.pixel(0), innerWidth, innerHeight]"
SAID = "return [...document.querySelectorAll('.jp-OutputArea-output pre')].at(-1)?.textContent"


def show(chromium, thing):
    chromium.execute_script("arguments[0].scrollIntoView({block: 'center'})", thing)


def open_lab(chromium, lab):
    chromium.get(lab)
    wait(chromium, f"return document.querySelectorAll('.jp-Notebook .cm-content').length >= {len(CELLS)}")
    wait(chromium, IDLE)


def run_cell(chromium, cell):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    editor = chromium.find_elements("css selector", ".jp-Notebook .cm-content")[cell]
    show(chromium, editor)
    until = time.monotonic() + 60
    while not chromium.execute_script(STARTED, cell):  # a page that is still loading may miss the keys
        assert time.monotonic() < until, f"cell {cell} does not start"
        editor.click()
        ActionChains(chromium).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()
        time.sleep(1.0)


def test_a_person_looks_at_a_run(lab, chromium, tmp_path):
    from selenium.webdriver.common.action_chains import ActionChains

    def run(cell):
        run_cell(chromium, cell)

    def clock(ending):
        wait(chromium, f"return (document.querySelector('.oas-clock')?.textContent || '').match(/{ending}$/)")

    open_lab(chromium, lab)
    run(0)
    clock(" 1.1")
    run(1)
    clock(" 60.60")
    run(2)
    name = wait(chromium, "return document.querySelector('.oas-panel h3')?.textContent")
    assert name.startswith("Pair 2")
    assert "BATTERY" in chromium.find_element("css selector", ".oas-panel").text.upper()
    strip = chromium.find_element("css selector", ".oas-time")
    show(chromium, strip)
    ActionChains(chromium).move_to_element(strip).click().perform()
    clock(" (29|30|31|32).60")
    chromium.save_screenshot(str(tmp_path / "widget.png"))
    run(3)
    frame = wait(chromium, "return document.querySelector('.jp-OutputArea iframe')")
    show(chromium, frame)
    chromium.switch_to.frame(frame)
    wait(chromium, "return !!window.view && view.paints > 0")
    at = chromium.execute_script(LAST)
    chromium.switch_to.default_content()
    off = round(at[0] - at[2] / 2), round(at[1] - at[3] / 2)
    ActionChains(chromium).move_to_element_with_offset(frame, *off).click().perform()
    chromium.switch_to.frame(frame)
    wait(chromium, "return view.state().selected === 0")
    assert chromium.find_element("css selector", ".oas-panel h3").text.startswith("Pair 1")
    chromium.switch_to.default_content()
    chromium.save_screenshot(str(tmp_path / "frame.png"))
    run(4)
    said = wait(chromium, SAID)
    assert said.startswith("from the view: 1 ")
    assert int(said.split()[-1]) in range(28, 33)
    severe = [line["message"] for line in chromium.get_log("browser") if line["level"] == "SEVERE"]
    assert [message for message in severe if "favicon" not in message] == []


PRESS = (
    """[...document.querySelectorAll('.oas button')].find((b) => b.textContent === arguments[0]).click()"""
)
STATUS = "return document.querySelector('.oas-status').textContent"


def test_a_person_steers_a_flight_while_the_kernel_computes(lab, chromium, tmp_path):
    open_lab(chromium, lab)
    flight, computing = len(CELLS) - 2, len(CELLS) - 1
    run_cell(chromium, flight)
    frame = wait(chromium, "return document.querySelector('.jp-OutputArea iframe')")
    run_cell(chromium, computing)
    show(chromium, frame)
    begun = time.monotonic()
    chromium.switch_to.frame(frame)
    wait(chromium, "return !!window.view && view.paints > 0")
    for rounds in range(1, 4):
        chromium.execute_script(PRESS, "step")
        wait(chromium, f"{STATUS}.startsWith('paused, {rounds} round')")
    chromium.execute_script("view.select(1)")
    wait(chromium, "return document.querySelector('.oas-wheel select')?.options.length > 1")
    chromium.execute_script(
        "const menu = document.querySelector('.oas-wheel select'); menu.value = 'charge';"
        "menu.dispatchEvent(new Event('change'))"
    )
    wait(chromium, "return document.querySelector('.oas-wheel select.on')")
    assert time.monotonic() - begun < BUSY_S  # the kernel was still at it
    chromium.switch_to.default_content()
    chromium.save_screenshot(str(tmp_path / "steered.png"))
    wait(chromium, f"{SAID}?.includes('meanwhile')")
    assert chromium.execute_script(SAID).strip() == "flown meanwhile: 3 {1: 'charge'}"
