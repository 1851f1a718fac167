"""What `render_mode` brings to an environment: a recording of the episode, and a picture of its present."""

import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.batch import BatchEnv
from sandbox.errors import SandboxError, unknown_name
from sandbox.recording import Events, Recorder, Recording
from sandbox.recording.frames import activity_of, frame_of, meta_of, scene_of, sizes_of, static_of
from sandbox.recording.happenings import events_of, marks_of
from sandbox.recording.variables import VARIABLES
from sandbox.rendering.braille import BRAILLE, braille
from sandbox.rendering.png import png
from sandbox.rendering.raster import REVOLUTION_S, TRAILED, Rasteriser
from sandbox.terminal import printable, shows

RENDER_MODES = ("human", "rgb_array", "ansi", "notebook")
RENDER_FPS = 10


class Camera:
    """Looks at world 0 of a batch in one `mode`, and records the episode.

    "rgb_array": an image (480, 640, 3) of uint8, the map with what lies below it. "ansi": the map in text.
    "human": the image in place in a notebook, the text in a terminal, by itself after every round, at most
    ten times a second. "notebook": the interactive widget, which then follows every round. Needs anywidget.
    """

    def __init__(self, batch: BatchEnv, mode: str) -> None:
        if mode not in RENDER_MODES:
            raise unknown_name("render_mode", mode, RENDER_MODES)
        if mode == "notebook":
            from sandbox.rendering.widget import check_installed

            check_installed()
        self._batch, self._world, self.mode = batch, batch.world, mode
        self._raster = Rasteriser()
        self._recorder: Recorder | None = None
        self._widget: Any = None
        self._handle: Any = None
        self._shown = 0.0

    def __getstate__(self) -> dict[str, Any]:
        """What a copy takes: the film, not where it is shown, which is this process and this notebook."""
        return self.__dict__ | {"_widget": None, "_handle": None, "_shown": 0.0}

    @property
    def recording(self) -> Recording:
        """The episode so far. Raises `SandboxError` before a reset."""
        return self._film().recording

    def begin(self) -> None:
        """An episode has begun."""
        world = self._world
        meta = meta_of(world) | {"env": self._batch.problem.name, "action_names": list(self._batch.actions)}
        sizes = (self._batch.max_cycles, *sizes_of(world), len(self._batch.actions))
        self._recorder = Recorder(meta, *sizes, static=static_of(world))
        self._value, self._widget = 0.0, None
        if self.mode == "human":
            self._show()

    def before(self, mask: NDArray) -> None:
        """A round is about to be played, in which `mask` (N, A) is open."""
        self._scene = scene_of(self._world) | {"mask": mask.astype(bool)}
        self._marks = marks_of(self._world)

    def after(self, actions: NDArray, reward: NDArray) -> None:
        """A round was played, with these actions (N,) and rewards (N,)."""
        recorder, activity = self._film(), activity_of(self._world)
        if len(recorder) < self._batch.max_cycles:  # whoever plays on beyond the end is no longer recorded
            recorder.append(**self._scene, **activity, action=actions, reward=reward)
            for event in events_of(self._world, self._marks):
                recorder.event(*event)
        self._value += float(activity["delivered_value"].sum())
        last = self._world.state.clock["round"][0] >= self._batch.max_cycles  # it is shown however soon
        if not last and time.monotonic() - self._shown < 1.0 / RENDER_FPS:
            return
        if self.mode == "human":
            self._show()
        elif self._widget is not None:
            self._shown = time.monotonic()
            self._widget.update()

    def render(self) -> Any:
        """What the mode says; None in the mode "human", which shows it."""
        if self.mode == "human":
            return self._show()
        if self.mode == "notebook":
            return self._live()
        now, note = self._now(), self._note()
        return braille(now, note=note) if self.mode == "ansi" else self._raster.draw(now, note=note)

    def _film(self) -> Recorder:
        if self._recorder is None:
            raise SandboxError("render before reset: call reset() first.")
        return self._recorder

    def _now(self) -> Recording:
        """The world as it stands, and behind it as much of the past as the picture shows."""
        recorder, trailed = self._film(), self._world.satellites <= TRAILED
        rounds = round(REVOLUTION_S / self._world.scenario.round_s) if trailed else 0
        return joined(recorder.tail(rounds), frame_of(self._world))

    def _note(self) -> str:
        played = self._world.state.clock["round"][0]
        return f"round {played} of {self._batch.max_cycles}   value {self._value:,.0f}"

    def _live(self) -> Any:
        """The widget of the episode: the first call makes it, later ones bring it up to date."""
        from sandbox.rendering.widget import widget

        recorder = self._film()
        if self._widget is None:
            self._widget = widget(lambda: recorder.recording if len(recorder) else self._now())
        else:
            self._widget.update()
        return self._widget

    def _show(self) -> None:
        self._shown = time.monotonic()
        if _in_notebook():
            self._show_in_notebook()
            return
        terminal, plain = sys.stdout.isatty(), not shows(BRAILLE)
        text = braille(self._now(), note=self._note(), colour=terminal, plain=plain)
        print(printable(f"\x1b[H\x1b[2J{text}" if terminal else text), flush=True)

    def _show_in_notebook(self) -> None:
        from IPython.display import Image, display

        image = Image(data=png(self._raster.draw(self._now(), note=self._note())))
        if self._handle is None:
            self._handle = display(image, display_id=True)
        else:
            self._handle.update(image)


def still(batch: BatchEnv, mode: str, raster: Rasteriser, b: int) -> Any:
    """World `b` of a batch as it stands, without a past, as image or text."""
    world = batch.world
    nothing = {"time": np.empty(0)}
    past = Recording(meta_of(world), nothing | static_of(world, b), Events.from_rows([]))
    now = joined(past, frame_of(world, b))
    note = f"round {world.state.clock['round'][b]} of {batch.max_cycles}"
    return braille(now, note=note) if mode == "ansi" else raster.draw(now, note=note)


def joined(past: Recording, frame: Mapping[str, Any]) -> Recording:
    """`past` and one round more, of the variables that `frame` has; the round alone if the past has none."""
    now = {name: np.asarray(value, VARIABLES[name].dtype)[None] for name, value in frame.items()}
    if len(past):
        now = {name: np.concatenate([past[name], row]) for name, row in now.items() if name in past}
    static = {name: past[name] for name in past if VARIABLES[name].static}
    return Recording(past.meta, now | static, past.events)


def _in_notebook() -> bool:
    """Whether an IPython kernel runs this, which can show pictures."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and shell.__class__.__name__ == "ZMQInteractiveShell"
