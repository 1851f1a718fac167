"""Views: the same numbers as the tuple that they were made of, read in place."""

import copy
import pickle
from typing import Any, NamedTuple

import numpy as np
import pytest

from sandbox.compiled import entry_point, kernel
from sandbox.views import View, view


class Leaf(NamedTuple):
    cube: Any
    count: int
    share: float
    on: bool
    small: np.float32
    triple: Any
    absent: Any


class Tree(NamedTuple):
    leaf: Leaf
    rows: Any


@kernel
def _read(leaf, out):
    """Everything that there is, in order; what is absent is no branch."""
    out[0] = leaf.cube[1, 2, 3]
    out[1], out[2], out[3] = leaf.count, leaf.share, leaf.small
    for i in range(3):
        out[4 + i] = leaf.triple[i]
    if leaf.on:
        out[7] = leaf.cube.shape[0] * 100 + leaf.cube.shape[1] * 10 + leaf.cube.shape[2]
    if leaf.absent is not None:
        out[8] = -1.0


@kernel
def _tell(tree, pair, out):
    _read(tree.leaf, out)
    for row in range(tree.rows.shape[0]):
        out[9] += tree.rows[row].high
        tree.rows[row].low = row
    out[10] = pair[1][0] + pair[0].count


@pytest.fixture
def tree():
    rows = np.zeros(4, [("low", "i4"), ("high", "f8")])
    rows["high"] = 0.25
    cube = np.arange(60.0).reshape(3, 4, 5)
    return Tree(Leaf(cube, -7, 0.1, True, np.float32(0.3), (1.5, 2.5, 3.5), None), rows)


def told(tree, pair):
    out = np.zeros(11)
    entry_point(_tell, tree, pair, out)(tree, pair, out)
    return out


def test_a_kernel_reads_of_a_view_what_it_reads_of_the_tuple(tree):
    pair = (tree.leaf, (2.25, 3))
    whole = told(tree, pair)
    tree.rows["low"] = -1
    np.testing.assert_array_equal(told(view(tree), view(pair)), whole)
    assert list(whole) == [33.0, -7.0, 0.1, np.float32(0.3), 1.5, 2.5, 3.5, 345.0, 0.0, 1.0, -4.75]
    assert list(tree.rows["low"]) == [0, 1, 2, 3]


@kernel
def _unpack(tree, out):
    rows, number, (first, second) = tree.leaf.triple
    out[0], out[1], out[2], out[3] = rows[1].high, number, first[0, 1], second


def test_a_nameless_tuple_is_unpacked_as_ever(tree):
    mixed = tree._replace(leaf=tree.leaf._replace(triple=(tree.rows, 4, (np.eye(2) + 1.0, 2.5))))
    for given in (mixed, view(mixed)):
        out = np.zeros(4)
        entry_point(_unpack, given, out)(given, out)
        assert list(out) == [0.25, 4.0, 1.0, 2.5]


def test_what_arrays_hold_may_change(tree):
    seen, pair = view(tree), view((tree.leaf, (0.0, 0)))
    tree.leaf.cube[1, 2, 3] = 5.0
    assert told(seen, pair)[0] == 5.0


@pytest.mark.parametrize("again", [copy.deepcopy, lambda seen: pickle.loads(pickle.dumps(seen))])
def test_a_copy_is_laid_out_over_arrays_of_its_own(tree, again):
    seen = view(tree)
    other = again(seen)
    assert isinstance(other, View)
    assert other.kind == seen.kind
    tree.leaf.cube[1, 2, 3] = 5.0
    assert told(other, view((tree.leaf, (0.0, 0))))[0] == 33.0
    other.held.leaf.cube[1, 2, 3] = 6.0
    assert told(other, view((tree.leaf, (0.0, 0))))[0] == 6.0


def test_what_cannot_be_laid_out_or_is_of_another_type_is_said(tree):
    with pytest.raises(TypeError, match="a view cannot hold unicode_type"):
        view((1, "two"))
    with pytest.raises(TypeError, match=r"Leaf holds .*float32.*; give .*float64"):
        view(tree.leaf._replace(cube=tree.leaf.cube.astype(np.float32)), view(tree.leaf))
