"""Modulation and coding against the tables of the standard."""

import numpy as np
import pytest

from sandbox.modcods import DVB_S2, DVB_S2X, STANDARDS, ladder


def shannon_db(bits):
    """Es/N0 below which nothing can carry so many bits a symbol."""
    return 10.0 * np.log10(2.0**bits - 1.0)


@pytest.mark.parametrize(
    ("name", "threshold", "bits"),
    [  # ETSI EN 302 307-1, table 13, first and last of each constellation
        ("QPSK 1/4", -2.35, 0.490243),
        ("QPSK 9/10", 6.42, 1.788612),
        ("8PSK 3/5", 5.50, 1.779991),
        ("8PSK 9/10", 10.98, 2.679207),
        ("16APSK 2/3", 8.97, 2.637201),
        ("16APSK 9/10", 13.13, 3.567342),
        ("32APSK 3/4", 12.73, 3.703295),
        ("32APSK 9/10", 16.05, 4.453027),
    ],
)
def test_dvb_s2(name, threshold, bits):
    assert (name, threshold, bits) in DVB_S2


@pytest.mark.parametrize("row", DVB_S2X, ids=lambda row: row[0])
def test_a_code_carries_what_its_name_says_and_less_than_shannon_allows(row):
    name, threshold, bits = row
    constellation, rate = name.removesuffix("-L").split()
    above, below = map(int, rate.split("/"))
    order = {
        "QPSK": 2,
        "8PSK": 3,
        "8APSK": 3,
        "16APSK": 4,
        "32APSK": 5,
        "64APSK": 6,
        "128APSK": 7,
        "256APSK": 8,
    }
    assert bits == pytest.approx(order[constellation] * above / below, rel=0.025)  # headers take the rest
    assert bits < order[constellation] * above / below
    assert shannon_db(bits) < threshold < shannon_db(bits) + 3.7


@pytest.mark.parametrize("standard", STANDARDS)
def test_the_ladder_rises_and_leaves_nothing_better_out(standard):
    thresholds, bits = ladder(standard)
    assert np.all(np.diff(thresholds) > 0.0)
    assert np.all(np.diff(bits) > 0.0)
    for _, threshold, carried in STANDARDS[standard]:
        assert bits[thresholds <= threshold].max() >= carried


def test_the_ladder_ends_at_the_most_that_a_radio_can():
    assert ladder("dvb-s2", 4.4)[1][-1] == 4.397854
    assert ladder("dvb-s2", 0.1)[1].tolist() == [0.490243]
    assert len(ladder("dvb-s2x")[0]) > len(ladder("dvb-s2")[0])
