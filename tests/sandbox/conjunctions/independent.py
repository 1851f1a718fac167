"""The probability of a message without our reader or our integral: regular expressions and scipy's `quad`."""

import re
from contextlib import suppress

import numpy as np
from scipy.integrate import quad
from scipy.stats import norm

AXES = ("R", "T", "N")


def numbers_of(text: str) -> list[dict[str, float]]:
    """The numbers of the first message and of its two objects, in the units of the standard."""
    found: list[dict[str, float]] = [{}]
    for kvn, value, xml, other in re.findall(
        r"^[ ]*(\w+)[ ]*=[ ]*([^\s\[]+)|<(\w+)[^>]*>\s*([^<>\s]+)\s*<", text, re.M
    ):
        key, shown = kvn or xml, value or other
        if key == "OBJECT":
            found.append({})
        with suppress(ValueError):
            found[-1].setdefault(key, float(shown))
    return found[:3]


def probability_of(text: str, radius: float) -> float:
    """The short-encounter probability: a Gaussian over a disc, strip by strip along its narrow axis."""
    _, *objects = numbers_of(text)
    states, total = [], np.zeros((3, 3))
    for each in objects:
        r = np.array([each[key] for key in ("X", "Y", "Z")]) * 1e3
        v = np.array([each[key] for key in ("X_DOT", "Y_DOT", "Z_DOT")]) * 1e3
        c = np.array(
            [[each[f"C{max(a, b, key=AXES.index)}_{min(a, b, key=AXES.index)}"] for a in AXES] for b in AXES]
        )
        up, side = r / np.linalg.norm(r), np.cross(r, v) / np.linalg.norm(np.cross(r, v))
        turn = np.column_stack((up, np.cross(side, up), side))
        total += turn @ c @ turn.T
        states.append((r, v))
    (r1, v1), (r2, v2) = states
    across = np.linalg.svd((v2 - v1)[None])[2][1:]
    values, axes = np.linalg.eigh(across @ total @ across.T)
    sx, sy = np.sqrt(np.maximum(values, (1e-4 * radius) ** 2))  # clipped as NASA CARA does
    mx, my = axes.T @ across @ (r2 - r1)

    def strip(x: float) -> float:
        half = np.sqrt(max(0.0, radius**2 - x**2))
        return norm.pdf(x, mx, sx) * (norm.cdf((half - my) / sy) - norm.cdf((-half - my) / sy))

    low, high = max(-radius, mx - 12 * sx), min(radius, mx + 12 * sx)
    return quad(strip, low, high, epsabs=0.0, epsrel=1e-11, limit=500)[0]
