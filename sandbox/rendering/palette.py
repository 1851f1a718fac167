"""The colours of every picture, light and dark: told apart with any colour vision.

Okabe and Ito, "Color universal design" (2008). On a dark ground blue and green are too dim, so what is blue
on paper is sky there, and green is lightened.
"""

from collections.abc import Mapping, Sequence
from itertools import cycle

ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
INK, GREY, PALE, RULE, NIGHT = "#1F2933", "#6B7785", "#CBD2D9", "#E4E8EC", "#17233A"
MINT, SILVER, BROWN = "#2FC795", "#A9B4C0", "#8C510A"

LIGHT = {
    "idle": PALE,
    "charge": ORANGE,
    "observe": BLUE,
    "downlink": GREEN,
    "compute": PURPLE,
    "hand over": SKY,
    "burn": VERMILLION,
    "safe mode": BROWN,
    "safe": VERMILLION,
    "lost": VERMILLION,
}
DARK = LIGHT | {
    "idle": SILVER,
    "observe": SKY,
    "downlink": MINT,
    "hand over": "#9AA8F0",
    "safe mode": "#C98A5A",
}
_SPARE = {True: (PURPLE, YELLOW, "#9AA8F0", PALE, GREY), False: (PURPLE, SKY, YELLOW, INK, GREY)}


def mode_colours(names: Sequence[str], *, dark: bool = False) -> list[str]:
    """A colour, "#rrggbb", for each mode; one that is not known takes one of the palette's other colours."""
    known: Mapping[str, str] = DARK if dark else LIGHT
    spare = cycle(_SPARE[dark])
    return [known.get(name) or next(spare) for name in names]


def rgb(colour: str) -> tuple[int, int, int]:
    """ "#rrggbb" as three numbers up to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
