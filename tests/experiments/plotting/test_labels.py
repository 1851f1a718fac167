"""Names on a map keep off one another, off the marks and within the edge, where there is room."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from experiments.plotting.labels import SIDES, End, Label, put_ends, put_labels, spread

LOOK = {"size": 8}


def written(places, sides=("below", "above")):
    """Axes of 1,200 by 600 pixels with names at these places, degrees; their boxes in pixels."""
    figure = Figure((12, 6), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(-180, 180), ylim=(-90, 90))
    put_labels(axes, [Label(f"Station {k}", at, sides, LOOK) for k, at in enumerate(places)])
    return axes, [text.get_window_extent() for text in axes.texts]


def test_without_neighbours_the_first_side_is_taken():
    for side, (x, y) in SIDES.items():
        axes, [box] = written([(0, 0)], (side,))
        middle = np.array([box.x0 + box.x1, box.y0 + box.y1]) / 2 - axes.transData.transform((0, 0))
        assert np.sign(np.round(middle, -1)).tolist() == [np.sign(x), np.sign(y)]


@pytest.mark.parametrize("gap", [(3, 0), (9, 2), (0, 4), (0, 0.1), (2, -5)])
@pytest.mark.parametrize("at", [(0, 0), (-178, 88), (175, -88)])
def test_names_keep_off_one_another(gap, at):
    inward = np.where(np.array(at) > 0, -1, 1) * np.abs(gap)
    axes, boxes = written([np.array(at), np.array(at) + inward])
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    edge = axes.get_window_extent()
    for box in boxes:
        assert edge.x0 <= box.x0 + 1
        assert box.x1 - 1 <= edge.x1
        assert edge.y0 <= box.y0 + 1
        assert box.y1 - 1 <= edge.y1


def test_where_there_is_no_room_all_are_written_all_the_same():
    _, boxes = written([(0, 0)] * 30)
    assert len(boxes) == 30


def test_none_are_none():
    assert written([])[1] == []


@pytest.mark.parametrize(
    ("wanted", "placed"),
    [
        ([], []),
        ([5.0], [5.0]),
        ([0.0, 9.0], [0.0, 9.0]),
        ([5.0, 5.0], [4.5, 5.5]),
        ([5.2, 5.0, 5.1], [6.1, 4.1, 5.1]),
        ([0.0, 0.0, 9.9, 10.0], [0.0, 1.0, 9.0, 10.0]),
    ],
)
def test_numbers_are_pushed_apart_as_little_as_can_be(wanted, placed):
    assert spread(wanted, 1.0, 0.0, 10.0).tolist() == pytest.approx(placed)


def test_names_at_the_ends_of_lines_keep_off_one_another():
    figure = Figure((6, 4), dpi=100)
    axes = figure.add_axes((0.1, 0.1, 0.6, 0.8), xlim=(0, 1), ylim=(0, 100))
    levels = [50.0, 50.1, 50.2, 99.9, 0.0, 80.0, 50.0]
    put_ends(axes, [End(f"name {k}", (1.0, level), LOOK) for k, level in enumerate(levels)])
    figure.draw_without_rendering()  # places them
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without the lines that lead there
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    middles = {text.get_text(): (box.y0 + box.y1) / 2 for text, box in zip(axes.texts, boxes, strict=True)}
    assert middles["name 0"] < middles["name 1"] < middles["name 2"] < middles["name 5"] < middles["name 3"]
    leads = {text.get_text() for text in axes.texts if text.arrow_patch is not None}
    assert "name 5" not in leads
    assert "name 0" in leads
