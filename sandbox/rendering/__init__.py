"""What a recording looks like: pure functions of a `Recording`; none touches the world.

`recording.view()` is the interactive globe and map in a notebook, `recording.to_html(path)` the same as a
page, `recording.widget()` the same in conversation with Python (anywidget). `Rasteriser` draws frames in
NumPy, `braille` writes the map in text. All share the colours of `palette`.
"""

from sandbox.rendering.braille import braille
from sandbox.rendering.packing import pack
from sandbox.rendering.page import FrameView, to_html
from sandbox.rendering.png import png
from sandbox.rendering.raster import Rasteriser, picture

__all__ = ["FrameView", "Rasteriser", "braille", "pack", "picture", "png", "to_html"]
