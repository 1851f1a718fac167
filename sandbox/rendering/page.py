"""The interactive view as a page of its own, and as a frame in a notebook without kernel or network."""

import base64
import html
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError, shown
from sandbox.files import MARK, marked, replacing
from sandbox.recording.recording import Recording
from sandbox.rendering.packing import pack
from sandbox.rendering.png import png
from sandbox.rendering.raster import LEAST, SHOWN, still

MODULES = (
    "style.js",
    "runs.js",
    "stories.js",
    "scores.js",
    "earth.js",
    "links.js",
    "encounters.js",
    "timeline.js",
    "inspector.js",
    "fleet.js",
    "film.js",
    "painter.js",
    "scene.js",
    "globe.js",
)
"""The view's JavaScript: read one after another they are one module."""
LIVE = "live.js"
"""What a page adds that talks with a server; no other has it."""
HEIGHT = 560  # CSS pixels of a frame in a notebook
MOST_RUNS = 4
"""Recordings on a page."""
Others = Recording | Sequence[Recording] | None
"""What stands beside a recording: another, several, or nothing."""
THEMES = ("auto", "light", "dark")
"""How a view may look; auto is as the system, or the notebook around it, has it."""
_REMARK = re.compile(r"//|/\*\*.*\*/$")
_GROUNDS = """html,body,#view{{margin:0;height:100%;background:#04070d;color:#dfe7ef}}
@media (prefers-color-scheme:light){{html,body,#view{{background:#e9eff5;color:#1b2733}}}}
.oas{{border-radius:0}}"""

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="generator" content="{mark}">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}</title><style>{grounds}</style></head><body><div id="view"></div>
<noscript>This view needs JavaScript; nothing is loaded from elsewhere.</noscript>
{data}
<script type="module">
const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const box = document.getElementById("view");
window.oasShow = async (mount) => {{
  const packs = [...document.querySelectorAll("script.pack")].map((script) => bytesOf(script.textContent));
  window.view = await mount(box, packs, {options});
}};
window.oasFail = (error) => {{
  box.textContent = `This browser cannot show the view: ${{error.message}}`;
  throw error;
}};
try {{ // the view's own code is compressed: sandbox/rendering/*.js, one after another
  const stream = new Blob([bytesOf("{module}")]).stream().pipeThrough(new DecompressionStream("deflate"));
  const script = document.createElement("script");
  script.type = "module";
  script.textContent = `${{await new Response(stream).text()}}\nwindow.oasShow(mount).catch(window.oasFail);`;
  document.head.append(script);
}} catch (error) {{
  window.oasFail(error);
}}
</script></body></html>
"""


def check_options(options: Mapping[str, Any]) -> None:
    """Raises SandboxError for what a view cannot show, or a theme that it does not have."""
    for name, known in (("show", SHOWN), ("theme", THEMES)):
        if name in options and options[name] not in known:
            raise SandboxError(f"{name} = {shown(options[name])}; give one of {', '.join(known)}.")


def page(recordings: Sequence[Recording], *, every: int | None = None, **options: Any) -> str:
    """A few recordings as a self-contained HTML page. `options` are what the view begins with."""
    if not 1 <= len(recordings) <= MOST_RUNS:
        raise SandboxError(f"{len(recordings)} recordings; a page shows 1 to {MOST_RUNS}, side by side.")
    check_options(options)
    packs = [base64.b64encode(pack(recording, every=every)).decode() for recording in recordings]
    return _PAGE.format(
        mark=MARK,
        title=html.escape(title(recordings)),
        data="\n".join(f'<script type="text/plain" class="pack">{text}</script>' for text in packs),
        module=_packed_module(),
        grounds=_GROUNDS.format(),
        options=json.dumps(options).replace("</", "<\\/"),
    )


_LIVE_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title><style>{grounds}</style></head><body><div id="view"></div>
<script type="module">
{module}
await fly(document.getElementById("view"));
</script></body></html>
"""


def live_page(title: str) -> str:
    """The page of a flight that goes on: it asks the server that it came from for rounds, and steers it."""
    text = f"{module()}\n{_read(LIVE)}".replace("</script", "<\\/script")
    return _LIVE_PAGE.format(title=html.escape(title), module=text, grounds=_GROUNDS.format())


def to_html(
    recording: Recording, path: Path | str, *, beside: Others = None, every: int | None = None
) -> Path:
    """Write the interactive view of `recording`, alone or `beside` others, as one file that suffices.

    Every so many rounds are shown: by default all, thinned (to steps of at most 300 s) beyond a million
    satellite-rounds. Returns the path. Raises `SandboxError` for a recording without rounds, and for a file
    at `path` that is not a page of ours.
    """
    path = Path(path)
    shown = [recording, *others(beside)]
    with replacing(path, _is_page) as draft:
        draft.write_text(page(shown, every=every, page=True), encoding="utf-8")
    return path


def _is_page(path: Path) -> bool:
    """Whether a file is ours, also if it is of the time before pages said so."""
    with path.open("rb") as file:
        return marked(path) or b"\n.oas{border-radius:0}</style>" in file.read(1000)


class FrameView:
    """The view for the last line of a notebook cell: a sandboxed frame over a still picture.

    It survives saving the notebook and nbconvert, and shows the picture where scripts are not allowed.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        beside: Others = None,
        every: int | None = None,
        height: int = HEIGHT,
        **options: Any,
    ) -> None:
        if height < 200:
            raise SandboxError(f"height = {height}; give 200 pixels or more.")
        self._recordings = [recording, *others(beside)]
        self._every, self._height, self._options = every, int(height), options

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": repr(self)}

    def html(self) -> str:
        """The frame and the picture below it."""
        inside = html.escape(page(self._recordings, every=self._every, **self._options), quote=True)
        size = (max(LEAST[0], self._height * 8 // 5), max(LEAST[1], self._height))
        drawn = still(self._recordings[0], size=size, show=self._options.get("show", "globe"))
        box = (
            f"position:relative;height:{self._height}px;background:#04070d;border-radius:8px;overflow:hidden"
        )
        fill = "position:absolute;inset:0;width:100%;height:100%;border:0"
        # a notebook that is not trusted keeps few styles: the picture's height follows from its width alone
        return (
            f'<div style="{box}"><img alt="{html.escape(title(self._recordings))}" width="{size[0]}" '
            f'src="data:image/png;base64,{base64.b64encode(png(drawn)).decode()}" '
            f'style="display:block;max-width:100%;margin:0 auto">'
            f'<iframe sandbox="allow-scripts" title="interactive view" style="{fill}" '
            f'srcdoc="{inside}"></iframe></div>'
        )

    def __repr__(self) -> str:
        return f"<view of {title(self._recordings)}; it shows in a notebook, to_html() writes a page>"


def others(beside: Others) -> list[Recording]:
    """Those that stand beside a recording."""
    if beside is None:
        return []
    return [beside] if isinstance(beside, Recording) else list(beside)


def title(recordings: Sequence[Recording]) -> str:
    """What is seen, in a line."""
    keys = ("scenario", "policy")
    titles = [" ".join(str(r.meta[key]) for key in keys if key in r.meta) or "a run" for r in recordings]
    return " and ".join(titles)


@cache
def module() -> str:
    """The JavaScript of the view."""
    return "\n".join(map(_read, MODULES))


@cache
def _packed_module() -> str:
    return base64.b64encode(zlib.compress(module().encode(), 9)).decode()


def _read(name: str) -> str:
    """A file of JavaScript without its indentation, and without the lines that are comments alone."""
    text = (Path(__file__).resolve().parent / name).read_text(encoding="utf-8")
    return "\n".join(line for line in map(str.strip, text.splitlines()) if line and not _REMARK.match(line))
