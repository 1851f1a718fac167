"""How catalogue files come: forms, encodings, stray text, and what is too much."""

import json
import os
import warnings

import numpy as np
import pytest
from catalogue_files import (
    FORMS,
    OMM,
    OTHER,
    WHEN,
    as_csv,
    as_json,
    as_kvn,
    as_xml,
    line_1,
    tle,
)  # fmt: skip

from sandbox.errors import SandboxError
from sandbox.orbits import catalogue_text
from sandbox.orbits.catalogue import CatalogueWarning, read_catalogue


@pytest.fixture
def read(tmp_path):
    """Read a text from a file of some name; a warning is an error, unless some are expected."""

    def read(text, name="gp.php?GROUP=active&FORMAT=any", encoding="utf-8", **how):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return read_catalogue(path, **how)

    return read


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    path = tmp_path_factory.mktemp("reference") / "two.json"
    path.write_text(FORMS["json"])
    return read_catalogue(path).states(WHEN)[0]


def same(catalogue, expected):
    assert catalogue.names == ["TESTSAT", "OTHER"]
    assert catalogue.norad_ids == [90001, 90002]
    assert np.abs(catalogue.states(WHEN)[0] - expected).max() < 1.0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["in.tle", "in.json", "in.yaml", "gp.php?FORMAT=x", "noending"])
def test_the_content_says_the_form_not_the_name(read, expected, form, name):
    same(read(FORMS[form], name), expected)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings(read, expected, form, encoding):
    same(read(FORMS[form], encoding=encoding), expected)


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "windows-1252", "UTF-8", "UTF-16"])
def test_xml_in_its_declared_encoding(read, encoding):
    text = as_xml(OMM | {"OBJECT_NAME": "\u00d1USAT"}, encoding=encoding)
    assert read(text, encoding=encoding).names == ["\u00d1USAT"]


def test_latin_1_without_a_word(read):
    assert read(tle("\u00d1USAT"), encoding="latin-1").names == ["\u00d1USAT"]


@pytest.mark.parametrize(
    "text",
    [
        as_csv(OMM, OTHER, quote='"'),
        as_csv(OMM, OTHER, delimiter=";"),
        as_csv(OMM, OTHER, delimiter="\t"),
        "# from somewhere\n" + as_csv(OMM, OTHER) + "\n\n",
        as_csv(*({k: each[k] for k in sorted(OMM, key="EPOCH".__eq__)} for each in (OMM, OTHER))),
        as_xml(OMM, OTHER, namespace=' xmlns="urn:ccsds:schema:ndmxml"'),
        as_kvn(OMM, OTHER, version=""),
        as_kvn(OMM | {"INCLINATION": "53.0 [deg]"}, OTHER).replace(" = ", "="),
        as_json(OMM | {"EPOCH": "2026-170T12:00:00.000Z"}, OTHER),
        as_json({k: str(v) for k, v in OMM.items()} | {"EPHEMERIS_TYPE": "0.0"}, OTHER),
        as_json(OMM | {"OBJECT_ID": None, "EPHEMERIS_TYPE": None, "MEAN_MOTION_DOT": None}, OTHER),
    ],
)  # fmt: skip
def test_variants_of_omm(read, expected, text):
    same(read(text), expected)


BULLETIN = f"""KEPS OF THE WEEK
From: a club

1 satellite is new, 2 are gone

# comment
{FORMS["tle"]}
/EX
NNNN
"""


@pytest.mark.parametrize(
    "text",
    [
        BULLETIN,
        FORMS["tle"].replace("\n", "\r\n"),
        FORMS["tle"].replace("\n", "\n\n"),
        "\n".join("  " + line for line in FORMS["tle"].splitlines()),
        "\n".join(line[:68] for line in FORMS["tle"].splitlines()),
        "\n".join(line + "   0.0  4320.0" if len(line) == 69 else line for line in FORMS["tle"].splitlines()),
        FORMS["tle"].replace(" ", "\u00a0"),
        FORMS["tle"].replace("  ", "\u2007\u202f"),
        FORMS["tle"].replace("-", "\u2212"),
        FORMS["tle"].replace("\n1", "\n\u200b1"),
        FORMS["tle"].replace("TESTSAT", "0 TESTSAT"),
        FORMS["tle"].replace("TESTSAT\n", "TESTSAT\n# between\n"),
    ],
)
def test_variants_of_tle(read, expected, text):
    same(read(text), expected)


@pytest.mark.parametrize("name", [None, "", "  "])
def test_an_object_without_name_is_called_by_its_number(read, name):
    assert read(as_json(OMM | {"OBJECT_NAME": name})).names == ["90001"]


def test_names_are_one_printable_line(read):
    odd = as_json(OMM | {"OBJECT_NAME": " A\u00a0\n\x1b[31m B" + "x" * 10_000})
    (name,) = read(odd).names
    assert name.startswith("A [31m Bxx")
    assert len(name) == 100


def test_before_the_earth_rotation_was_tabulated(read):
    """SGP4 and TEME do not need UT1: a state of 1970, 500 km up."""
    position, _ = read(tle(epoch="70300.50000000")).states("1970-10-27T12:00:00")
    assert np.linalg.norm(position[0]) == pytest.approx(6_877.7e3, abs=1e3)


def test_teme_does_not_jump_where_the_table_starts(read):
    catalogue = read(tle(epoch="73001.50000000"))
    a, b = (
        catalogue.states(f"1973-01-0{1 + day}T{hour}")[0] for day, hour in ((0, "23:59:59"), (1, "00:00:00"))
    )
    speed = np.linalg.norm(b - a)
    assert 7_500 < speed < 7_700


class TestTooMuch:
    @pytest.mark.parametrize(
        "text",
        [
            "[" * 100_000,
            '{"a":' * 100_000,
            "[" * 100_000 + "]" * 100_000,
            "<a>" * 100_000,
            "<a>" * 100_000 + "</a>" * 100_000,
            "[" + "9" * 10_000 + "]",
            "[" + ",".join(["{}"] * 250_000) + "]",
            "[" + ",".join(["1"] * 300_000) + "]",
            "EPOCH,MEAN_MOTION\n" + "x\n" * 300_000,
            line_1() + "\n" + (line_1() + "\n") * 300_000,
            "\n".join(str(i % 10) for i in range(2_100_000)),
            "a" * 3_000_000,
            "\0" * 3_000_000,
            bytes(range(256)) * 1000,
        ],
        ids=range(14),
    )
    def test_one_sentence(self, read, text):
        with pytest.raises(SandboxError) as error:
            read(text)
        assert "\n" not in str(error.value)
        assert len(str(error.value)) < 600

    @pytest.mark.parametrize(
        "change",
        [
            {"MEAN_MOTION": 10**400}, {"MEAN_MOTION": 1e-300}, {"MEAN_MOTION": "9" * 5000}, {"BSTAR": 1e300},
            {"BSTAR": -1e200}, {"ECCENTRICITY": 1.0}, {"ECCENTRICITY": 1e400}, {"INCLINATION": True},
            {"NORAD_CAT_ID": 1e300}, {"NORAD_CAT_ID": [1]}, {"MEAN_ANOMALY": {"a": 1}},
            {"MEAN_ANOMALY": "1_0"}, {"MEAN_ANOMALY": "\u0661\u0660"}, {"EPOCH": "0001-01-01T00:00:00"},
            {"EPOCH": "0001-01-01T00:00:00+10:00"}, {"EPOCH": "9999-12-31T23:59:59.999999"},
            {"EPOCH": "2026-02-30"},
            {"EPOCH": "9999-12-31T23:59:59-10:00"}, {"EPOCH": "2026-366T00:00:00"},
            {"EPOCH": "2026-000T00:00:00"},
            {"EPOCH": 1e300}, {"EPOCH": True}, {"EPOCH": ["2026-06-19"]}, {"EPOCH": "-" * 100_000},
            {"REF_FRAME": "x" * 100_000}, {"EPHEMERIS_TYPE": [4] * 10_000},
        ],
        ids=lambda change: str(change)[:40],
    )  # fmt: skip
    def test_values_out_of_any_range_cost_one_object(self, tmp_path, change):
        path = tmp_path / "two.json"
        path.write_text(json.dumps([OMM | change, OTHER]))
        with pytest.warns(CatalogueWarning, match=r"1 of 2 element sets are left out: .*TESTSAT") as caught:
            catalogue = read_catalogue(path)
        assert catalogue.names == ["OTHER"]
        assert len(str(caught[0].message)) < 500

    def test_a_huge_field_or_an_open_quote_costs_one_row(self, tmp_path):
        for odd in ("x" * 200_000, '"open', 'a"b"'):
            path = tmp_path / "three.csv"
            header, first, second = as_csv(OMM, OTHER).splitlines()
            path.write_text("\n".join([header, first.replace("TESTSAT", odd), second, ""]))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert read_catalogue(path).names[-1] == "OTHER"

    @pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/"])
    def test_what_is_no_file(self, path):
        if os.path.exists(path):
            with pytest.raises(SandboxError, match=r"not a file|director"):
                read_catalogue(path)

    def test_a_pipe_that_nobody_writes_to(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(SandboxError, match="not a file"):
            read_catalogue(tmp_path / "pipe")

    def test_a_large_file(self, tmp_path):
        with (tmp_path / "sparse.tle").open("wb") as file:
            file.truncate(catalogue_text.MOST_BYTES + 1)
        with pytest.raises(SandboxError, match="larger than 64 MiB"):
            read_catalogue(tmp_path / "sparse.tle")

    def test_a_path_that_is_none(self):
        with pytest.raises(SandboxError, match="cannot be read"):
            read_catalogue("a\0b")
