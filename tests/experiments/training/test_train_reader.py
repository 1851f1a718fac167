"""Learning to read orders: what is taught, what is not, and that a training can be repeated."""

from argparse import Namespace

import numpy as np
import pytest

from agents.order_reader import KEEP_S
from agents.reading.gist import TOKEN, gist_of, tokens_of
from agents.reading.nano import NanoReader
from agents.reading.sense import Chart, senses
from experiments.training.reader_lessons import (
    SPLITS,
    TURNED,
    disturbed,
    drawn,
    filling,
    strange,
    taught,
    theatre,
)
from experiments.training.score_reader import KEYWORD, NANO, _built_on, same, scored, table
from experiments.training.train_reader import batches, forget_strangers, train
from sandbox.order_grammar import grammar
from sandbox.order_words import numbers_of


@pytest.mark.parametrize("split", SPLITS)
def test_gists_hold_all_that_orders_mean(split):
    rng = np.random.default_rng(1)
    for _ in range(4):
        about = theatre(rng)
        told = drawn(rng, split, about=about)
        chart = Chart(about.stations, about.station_up, KEEP_S)
        for i, order in enumerate(told):
            assert gist_of(tokens_of(order.gist)) == order.gist
            if order.gist.body == "cancellation":
                continue
            known = [told[k].gist for k in (*_built_on(told, i), i)]
            found = {int(each["number"]): each for each in senses(known, chart)}
            assert same(found[i + 1], order.order, about), order.gist


def test_heldout_wordings_are_never_taught():
    rooms = ("bodies", "where", "when", "at", "if", "except", "before", "station")
    wordings = [wording for room in rooms for wording in _told(grammar()[room], "heldout")]
    heldout = {word for wording in wordings for word in wording.split() if word[0] != "{"}
    never = set(strange().tolist())
    assert never == set(numbers_of(heldout)) - taught() - filling()
    assert len(never) > 80
    seen = set()
    for batch in batches(np.random.default_rng(0), 2_000, 64):
        seen |= set(np.unique(batch.ids).tolist())
    assert not never & seen
    assert taught() <= seen


def _told(part, split):
    if isinstance(part, list):
        return part
    if isinstance(part, str):
        return [part]
    if split in part:
        return _told(part[split], split)
    return [each for value in part.values() for each in _told(value, split)]


def test_what_fills_wordings_is_never_disturbed():
    rng, fills = np.random.default_rng(2), filling()
    for told in drawn(rng, "train", turned=TURNED):
        found = disturbed(told, rng)
        words = [word for gist in (told.gist.number, told.gist.issued) for word in numbers_of([gist])]
        assert all(word in found for word in words)
        filled = numbers_of(word for clause in told.gist.clauses.values() for word in clause)
        assert all(word in found for word in filled if word in fills)


def test_strangers_are_one():
    model = train(Namespace(seed=0, lessons=64, batch=32, rate=1e-3))
    forget_strangers(model)
    rows = model.get_input_embeddings().weight.detach().numpy()
    assert (rows[strange()] == rows[TOKEN["unknown"]]).all()


def test_same_seed_same_weights():
    one, two, other = (train(Namespace(seed=seed, lessons=128, batch=32, rate=1e-3)) for seed in (0, 0, 1))
    last = [model.model.layers[-1].mlp.up_proj.weight.detach().numpy() for model in (one, two, other)]
    np.testing.assert_array_equal(last[0], last[1])
    assert (last[0] != last[2]).any()


def test_shipped_reader_understands_more_than_keyword():
    """In wordings that it was taught nearly all, in others most, where key words fail."""
    reader = NanoReader()
    counts = {split: scored(reader, split, 2, 0, {}) for split in SPLITS}
    understood = {s: {r: count["all"][0] / count["all"][1] for r, count in counts[s].items()} for s in counts}
    assert understood["train"][NANO] > 0.97
    assert understood["heldout"][NANO] > 0.4
    for split in SPLITS:
        assert understood[split][NANO] > understood[split][KEYWORD] + 0.3
    assert table(counts).count("\n") > 15
