"""Names on a map keep off one another, off the marks and within the edge, where there is room."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.figure import Figure

from experiments.plotting.labels import SIDES, Label, put_labels

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
