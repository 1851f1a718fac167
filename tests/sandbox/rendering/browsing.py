"""How tests open, press and read a page in a browser."""

import time

from sandbox.rendering import to_html

READY = "return !!window.view && view.paints > 0 && document.querySelector('.oas-clock').textContent !== ''"

PIXELS = """view.paint(); const gl = view.painter.gl, box = view.canvas.getBoundingClientRect();
const pixels = (x, y, side) => { const out = new Uint8Array(4 * side * side);
  gl.readPixels(Math.round(x), Math.round(y), side, side, gl.RGBA, gl.UNSIGNED_BYTE, out); return [...out]; };
"""


def wait(browser, condition, seconds=30):
    until = time.monotonic() + seconds
    while not browser.execute_script(condition):
        assert time.monotonic() < until, f"still not: {condition}\n{browser.get_log('browser')}"
        time.sleep(0.05)


def settle(browser):
    """Wait until everything that was asked for is drawn."""
    browser.execute_async_script(
        "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));"
    )


def complaints(browser):
    """What the console holds, but for remarks of the software renderer on its own speed."""
    return [line for line in browser.get_log("browser") if "GPU stall" not in line["message"]]


def mouse(browser):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.actions.mouse_button import MouseButton  # noqa: F401

    return ActionChains(browser, duration=0)


def click(browser, x, y):
    chain = mouse(browser)
    chain.w3c_actions.pointer_action.move_to_location(round(x), round(y)).click()
    chain.perform()
    settle(browser)


def keys(browser, *names):
    from selenium.webdriver.common.keys import Keys

    root = browser.find_element("css selector", ".oas")
    root.send_keys(*(getattr(Keys, name, name) for name in names))
    settle(browser)


def state(browser, name):
    return browser.execute_script("return view.state()[arguments[0]]", name)


def opened_page(browser, recording, folder, **options):
    address = options.pop("address", "")
    browser.get(to_html(recording, folder / "page.html", **options).as_uri() + address)
    wait(browser, READY)
    return browser
