"""Damaged catalogues of every form: each is read with finite states, or refused in a sentence."""

import json
import random
import warnings

import numpy as np
import pytest
from catalogue_files import FORMS

from sandbox.errors import SandboxError
from sandbox.orbits.catalogue import read_catalogue
from sandbox.orbits.decay import flying

ODD = [
    "\0", "\ufeff", "\u00a0", "\u2028", "\x0c", "\x85", "\t", " ", "\n", "\r", '"', "'", ",", ";", "=",
    "<", ">", "&", "[", "]", "{", "}", "-", "+", ".", "e", "nan", "inf", "Infinity", "null", "true", "4",
    "1e400", "-1e308", "0x10", "1_0", "9" * 400, "9" * 5000, "\u0663", "\uff11", "\U0001f680", "x" * 3000,
    "[" * 2000, "<a>" * 500, "<!--", "]]>", "<![CDATA[", "#", "COMMENT ", "EPOCH", "9999-12-31T23:59:59",
    "0001-01-01", "2026-366",
]  # fmt: skip


def mutant(text, rng):
    """The text after one to four random damages."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(text) + 1)
        to = min(len(text), at + rng.choice((0, 1, 1, 1, 2, 8, 60)))
        kind = rng.randrange(6)
        if kind == 0:
            text = text[:at] + rng.choice(ODD) + text[to:]
        elif kind == 1:
            text = text[:at] + text[to:]
        elif kind == 2:
            text = text[:at] + text[at:to] * 3 + text[to:]
        elif kind == 3:
            text = (
                text[:at] + chr(rng.choice((rng.randrange(32, 127), rng.randrange(0xD7FF)))) + text[at + 1 :]
            )
        elif kind == 4:
            lines = text.splitlines(keepends=True)
            rng.shuffle(lines)
            text = "".join(lines) if rng.random() < 0.3 else text[: max(1, at)]
        else:  # a whole word, such as a number
            words = text.split(" ")
            words[rng.randrange(len(words))] = rng.choice(ODD)
            text = " ".join(words)
    return text or " "


def values(rng):
    """Two OMM as JSON with random values in random fields, as the reader of any form would hand them on."""
    messages = json.loads(FORMS["json"])
    for _ in range(rng.randint(1, 5)):
        message = rng.choice(messages)
        message[rng.choice(list(message))] = rng.choice(
            (None, True, [], {}, "", " ", 0, -1, 4, 1e-320, 1e308, 10**30, 2**63, -0.0,
             rng.uniform(-400, 400), rng.uniform(0, 20), rng.random(), "0.5", *ODD)
        )  # fmt: skip
    return json.dumps(messages)


def read_or_refused(path):
    """The catalogue, and the error for which there is none."""
    try:
        return read_catalogue(path), None
    except SandboxError as error:
        return None, str(error)


def check(path, text, encoding):
    path.write_bytes(text.encode(encoding, "replace"))
    catalogue, refused = read_or_refused(path)
    if catalogue is None:
        assert "\n" not in refused
        assert len(refused) < 1_000
        return 0
    there = flying(catalogue, catalogue.newest_epoch())
    if len(there):
        for state in there.states(catalogue.newest_epoch()):
            assert np.isfinite(state).all()
    assert all(name and name.isprintable() for name in catalogue.names)
    return 1


def attack(tmp_path, form, count, seed):
    rng = random.Random(f"{form} {seed}")
    readable = 0
    for k in range(count):
        encoding = rng.choice(("utf-8", "utf-8", "latin-1", "utf-16"))
        text = values(rng) if form == "values" else mutant(FORMS[form], rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                readable += check(tmp_path / "in.txt", text, encoding)
            except Exception as error:
                raise AssertionError(f"{form}, seed {seed}, number {k}: {text[:300]!r}") from error
    assert readable > 0
    return readable


@pytest.mark.parametrize("form", [*FORMS, "values"])
def test_a_few(tmp_path, form):
    assert attack(tmp_path, form, 150, seed=0) < 150


@pytest.mark.slow
@pytest.mark.parametrize("form", [*FORMS, "values"])
def test_many(tmp_path, form):
    attack(tmp_path, form, 3_000, seed=1)
