"""What a catalogue leaves out, so that one bad object never costs the others, and how it says so."""

import json
import warnings

import numpy as np
import pytest
from catalogue_files import FORMS, OMM, OTHER, as_csv, as_kvn, as_xml, line_1, line_2, tle

from sandbox.errors import SandboxError
from sandbox.orbits.bodies import LOWEST_M
from sandbox.orbits.catalogue import CatalogueWarning, read_catalogue
from sandbox.orbits.decay import flying


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "in.txt"
        path.write_text(text)
        return path

    return write


def xp(form):
    bad = OMM | {"EPHEMERIS_TYPE": 4}
    return {
        "tle": tle(kind="4") + tle("OTHER", "90002"),
        "json": json.dumps([bad, OTHER]),
        "csv": as_csv(bad, OTHER),
        "xml": as_xml(bad, OTHER),
        "kvn": as_kvn(bad, OTHER),
    }[form]


CHANGED = line_1().replace("26170.5", "26171.5")
BAD = {
    **{f"SGP4-XP as {form}": (xp(form), "SGP4-XP") for form in FORMS},
    "XP by its theory": (json.dumps([OMM | {"MEAN_ELEMENT_THEORY": "SGP4-XP"}, OTHER]), "SGP4-XP"),
    "XP by its terms": (json.dumps([{**OMM, "BSTAR": None, "BTERM": 0.02}, OTHER]), "SGP4-XP"),
    "a wrong sum": (f"TESTSAT\n{CHANGED}\n{line_2()}\n" + tle("OTHER", "90002"), "checksum"),
    "no line 2": (f"TESTSAT\n{line_1()}\n" + tle("OTHER", "90002"), "line 2 of a TLE"),
    "no line 1": (f"TESTSAT\n{line_2()}\n" + tle("OTHER", "90002"), "line 1 of a TLE"),
    "cut off": (tle("OTHER", "90002") + f"TESTSAT\n{line_1()}\n", "ends after"),
    "text between": (f"TESTSAT\n{line_1()}\nhm\n{line_2()}\n" + tle("OTHER", "90002"), "line 2 of a TLE"),
    "lines of two": (f"TESTSAT\n{line_1()}\n{line_2('90003')}\n" + tle("OTHER", "90002"), "pair the lines"),
    "null": (json.dumps([None, OTHER]), "null|None"),
    "all null": (json.dumps([dict.fromkeys(OMM), OTHER]), "missing"),
    "a short row": (as_csv(OMM, OTHER).replace("15.2,", "", 1), "as many fields"),
    "NaN": (json.dumps([OMM | {"BSTAR": float("nan")}, OTHER]), "BSTAR is nan"),
    "twice a keyword": (as_kvn(OMM, OTHER).replace("BSTAR =", "EPOCH =", 1), "EPOCH is given twice"),
}


@pytest.mark.parametrize("case", BAD)
def test_the_others_are_read_and_a_line_says_why(write, case):
    text, why = BAD[case]
    path = write(text)
    with pytest.warns(CatalogueWarning, match=why) as caught:
        catalogue = read_catalogue(path)
    assert catalogue.names == ["OTHER"]
    (each,) = catalogue.left_out
    message = str(caught[0].message)
    assert "1 of 2 element sets" in message
    assert "\n" not in message
    if case not in ("null", "all null"):
        assert each.name == "TESTSAT"
        assert "TESTSAT" in message
    with pytest.raises(SandboxError, match=why):
        read_catalogue(path, strict=True)


def test_many_are_counted(write):
    rows = [OMM | {"NORAD_CAT_ID": i, "OBJECT_NAME": f"BAD {i}", "BSTAR": None} for i in range(1, 2_001)]
    with pytest.warns(CatalogueWarning, match="2,000 of 2,001") as caught:
        catalogue = read_catalogue(write(json.dumps([*rows, OTHER])))
    assert "BAD 1:" in str(caught[0].message)
    assert "1,997 more" in str(caught[0].message)
    assert len(str(caught[0].message)) < 600
    assert len(catalogue.left_out) == 1_000
    with pytest.raises(SandboxError, match=r"BSTAR is missing.*1,999 more"):
        read_catalogue(write(json.dumps(rows)))


class TestTwice:
    OLD, NEW = tle(epoch="26169.50000000"), tle()

    @pytest.mark.parametrize("text", [OLD + NEW, NEW + OLD, NEW + OLD + OLD])
    def test_the_newer_set_is_kept(self, write, text):
        with pytest.warns(CatalogueWarning, match=r"TESTSAT.*2026-06-18 12:00.*2026-06-19 12:00"):
            catalogue = read_catalogue(write(text))
        assert [epoch.day for epoch in catalogue.epochs] == [19]

    def test_under_another_name_too(self, write):
        """As when an object has got its name since."""
        with pytest.warns(CatalogueWarning, match="OBJECT A"):
            names = read_catalogue(write(tle("OBJECT A", epoch="26169.50000000") + self.NEW)).names
        assert names == ["TESTSAT"]

    def test_a_placeholder_for_a_number_is_no_number(self, write):
        """Sets of objects without a catalogue number carry 0, or all the same number."""
        one = tle("A", "99999", cospar="        ") + tle("B", "99999", cospar="        ", anomaly=" 50.0000")
        none = tle("C", "00000", cospar="        ") + tle("C", "00000", cospar="        ", anomaly=" 50.0000")
        catalogue = read_catalogue(write(one + none))
        assert catalogue.names == ["A", "B", "C", "C"]
        assert catalogue.distinct_names() == ["A", "B", "C 0", "C 0 (2)"]


class TestSelect:
    def test_by_name_number_and_both(self, write):
        debris = [OMM | {"OBJECT_NAME": "DEB", "NORAD_CAT_ID": i, "OBJECT_ID": ""} for i in (7, 8)]
        catalogue = read_catalogue(write(json.dumps([OMM, OTHER, *debris])))
        assert catalogue.select(["OTHER", 90001]).names == ["OTHER", "TESTSAT"]
        assert catalogue.select("00090001").names == ["TESTSAT"]
        assert catalogue.select(["DEB 8", "DEB"]).norad_ids == [8, 7]
        assert catalogue.first(2).names == ["TESTSAT", "OTHER"]
        assert len(catalogue.first(99)) == 4

    def test_one_that_was_left_out(self, write):
        with pytest.warns(CatalogueWarning):
            catalogue = read_catalogue(write(BAD["a wrong sum"][0]))
        with pytest.raises(SandboxError, match=r"'TESTSAT' was left out: .*checksum"):
            catalogue.select("TESTSAT")


FALLEN = tle(
    "FALLEN", "90003", cospar="26001C  ", epoch="26140.50000000", bstar=" 44853-1", motion="16.20000000"
)
OLD = tle("OLD", "90004", cospar="26001D  ", epoch="23232.80903846", bstar=" 32750-2", motion="15.34502222")
LOW = tle("LOW", "90005", cospar="26001E  ", bstar=" 10000-5", motion="16.75000000")  # 73 km up
LATER = tle("LATER", "90006", cospar="26001F  ", epoch="36170.50000000", bstar=" 32750-2")


class TestFlying:
    @pytest.mark.parametrize(
        ("text", "why"),
        [
            (FALLEN, "2026-05-20, 30 days before"),
            (OLD, "2023-08-20"),
            (LOW, "below 120 km"),
            (LATER, "days after"),
        ],
    )
    def test_who_cannot_is_left_out_by_name(self, write, text, why):
        catalogue = read_catalogue(write(tle() + text))
        with pytest.warns(CatalogueWarning, match=f"1 of 2 objects .*{why}") as caught:
            there = flying(catalogue, "2026-06-19T12:00:00")
        assert there.names == ["TESTSAT"]
        assert there.left_out[0].name in str(caught[0].message)
        with pytest.raises(SandboxError, match=why):
            flying(catalogue, "2026-06-19T12:00:00", strict=True)

    def test_low_drag_holds_for_years(self, write):
        catalogue = read_catalogue(write(FORMS["json"]))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for when in ("2026-06-19T12:00:00", "2027-06-19T12:00:00", "2025-06-19T12:00:00"):
                assert flying(catalogue, when) is catalogue

    def test_a_number_that_is_no_place_is_never_given(self, write):
        """Elements within every limit, and SGP4 far out of its range."""
        catalogue = read_catalogue(
            write(json.dumps([OMM | {"BSTAR": 999.0}, OTHER | {"MEAN_MOTION": 0.001}]))
        )
        for day in range(0, 4000, 97):
            codes, position, velocity = catalogue.propagate(2_461_000.5 + day, 0.25)
            good = codes == 0
            assert np.isfinite(position[good]).all()
            assert np.isfinite(velocity[good]).all()
            assert np.isnan(position[~good]).all()

    def test_newest_epoch_without_one_misdated_set_in_a_hundred(self, write):
        rows = [OMM | {"NORAD_CAT_ID": i, "OBJECT_NAME": str(i), "OBJECT_ID": ""} for i in range(1, 121)]
        rows[7]["EPOCH"] = "2056-06-19T12:00:00"
        assert read_catalogue(write(json.dumps(rows))).newest_epoch().year == 2026
        two = [OMM | {"EPOCH": "2020-06-19T12:00:00"}, OTHER]
        assert read_catalogue(write(json.dumps(two))).newest_epoch().year == 2026


def test_lowest_is_entry_interface():
    assert pytest.approx(6_498_136.6) == LOWEST_M
