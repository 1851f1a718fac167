"""Figures in the dark: each, drawn on white, gets a twin on the dark page, and a scheme shows its own."""

import posixpath
import re
from io import BytesIO
from pathlib import Path

import numpy as np

FIGURE = re.compile(r"!\[([^\]]*)\]\(([^)\s#]+)\.png\)")
NIGHT = (0.118, 0.129, 0.161)
"""The page of Material's dark scheme, red, green and blue from 0 to 1."""
LIGHTEST = 0.9
"""What black letters become."""


def darkened(picture: Path) -> bytes:
    """The PNG file of a figure that is drawn on white, as PNG on a dark ground.

    White is taken for nothing, and what stands on it for colour over it: the colour stays, and is lifted by
    as much as it is dark, so that black becomes light and blue a lighter blue.
    """
    from PIL import Image

    pixels = np.asarray(Image.open(picture).convert("RGB"), np.float32) / 255.0
    cover = 1.0 - pixels.min(-1, keepdims=True)
    colour = np.divide(pixels - (1.0 - cover), cover, out=np.zeros_like(pixels), where=cover > 0.0)
    lifted = colour + LIGHTEST * (1.0 - colour.max(-1, keepdims=True))
    told = BytesIO()
    over = np.clip(cover * lifted + (1.0 - cover) * np.array(NIGHT, np.float32), 0.0, 1.0)
    Image.fromarray(np.rint(over * 255.0).astype(np.uint8)).save(told, "PNG", optimize=True)
    return told.getvalue()


def dark_path(path: str) -> str:
    """Where the dark twin of the figure at `path` of the site is."""
    return path.removesuffix(".png") + ".dark.png"


def for_both(markdown: str, page: str, known: frozenset[str]) -> str:
    """`markdown` of the page at `page` with both figures, of which Material shows that of the scheme.

    Figures whose twin is not among the files `known` are left as they are.
    """

    def both(found: re.Match[str]) -> str:
        words, path = found.groups()
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), f"{path}.png"))
        if dark_path(target) not in known:
            return found.group()
        return f"![{words}]({path}.png#only-light)![{words}]({dark_path(f'{path}.png')}#only-dark)"

    return FIGURE.sub(both, markdown)
