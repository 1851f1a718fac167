"""Messages as they are in use: units, blanks, several in a file, encodings, covariances; and `strict`."""

import re
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from independent import probability_of

from sandbox.conjunctions import (
    CovarianceRemediated,
    OutsideStandard,
    assess,
    collision_probability_of,
    encounter_of,
    encounter_plane,
    format_cdm,
    parse_cdm,
    parse_cdms,
    read_cdm,
    read_cdms,
    write_cdm,
)
from sandbox.errors import SandboxError

DATA = Path(__file__).resolve().parents[2] / "data" / "cdm"
FILES = sorted(DATA.glob("*.kvn"))


@pytest.fixture
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_our_messages_have_the_probability_of_an_independent_integral(path):
    cdm = read_cdm(path)
    found = assess(cdm)
    assert found.probability == pytest.approx(
        probability_of(path.read_text(), cdm.hard_body_radius), rel=1e-8
    )
    assert found.probability == pytest.approx(cdm.collision_probability, rel=1e-8)
    for form in ("kvn", "xml"):
        again = assess(parse_cdm(format_cdm(cdm, form)))
        assert again.probability == pytest.approx(found.probability, rel=1e-9)


@pytest.mark.parametrize("name", ["crossing", "no_units"])
@pytest.mark.usefixtures("no_warning")
def test_sound_messages_are_read_without_a_word(name):
    read_cdm(DATA / f"{name}.kvn")


@pytest.mark.usefixtures("no_warning")
def test_units_that_are_missing_are_those_of_the_standard(message):
    bare = parse_cdm(re.sub(r" \[[^\]]*\]$", "", message, flags=re.M))
    np.testing.assert_array_equal(bare.objects[0].covariance, parse_cdm(message).objects[0].covariance)
    spelled = parse_cdm(message.replace("[m**2]", "[m^2]").replace("[km/s]", "[KM/SEC]"))
    np.testing.assert_array_equal(spelled.objects[1].velocity, [0.0, 0.0, 7500.0])
    with pytest.raises(SandboxError, match=r"line 7: MISS_DISTANCE has no unit.*in \[m\]: add it"):
        parse_cdm(message.replace("= 30 [m]", "= 30"), strict=True)


@pytest.mark.parametrize("field", ["COLLISION_PROBABILITY", "START_SCREEN_PERIOD", "RELATIVE_SPEED", "MASS"])
@pytest.mark.usefixtures("no_warning")
def test_blank_fields_are_absent(message, field):
    blank = re.sub(rf"^{field} = .*$", f"{field} = ", message, flags=re.M)
    cdm = parse_cdm(blank)
    assert field not in cdm.details
    assert field not in cdm.objects[0].details
    assert cdm.collision_probability == (None if field == "COLLISION_PROBABILITY" else 2.5e-3)
    with pytest.raises(SandboxError, match=f"{field} is blank; give a value or leave the line out"):
        parse_cdm(blank, strict=True)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("MISS_DISTANCE = 30 [m]", "MISS_DISTANCE = 0.030 [km]", r"MISS_DISTANCE is in \[km\].*taken, 30 m"),
        ("= 10606.6 [m/s]", "= 10.6 [m]", r"RELATIVE_SPEED is in \[m\], not in \[m/s\].*taken, 10606.6 m/s"),
        ("_R = 30.0 [m]", "_R = 3 [ft]", r"RELATIVE_POSITION is in \[ft\].*taken, \(30, 0, 0\) m"),
    ],
)
def test_a_wrong_unit_of_what_the_states_give_again(message, old, new, said):
    with pytest.warns(OutsideStandard, match=said):
        cdm = parse_cdm(message.replace(old, new))
    assert cdm.miss_distance == pytest.approx(30.0)
    assert cdm.relative_speed == pytest.approx(10606.6, rel=1e-6)
    np.testing.assert_allclose(cdm.relative_position, [30, 0, 0], atol=1e-9)
    with pytest.raises(SandboxError, match=r"CCSDS 508.0-B-1 has it in \[.*correct it"):
        parse_cdm(message.replace(old, new), strict=True)


def test_what_contradicts_the_states_is_said_and_kept(message):
    with pytest.warns(OutsideStandard, match="MISS_DISTANCE is 3000 m, where the states have 30 m"):
        assert parse_cdm(message.replace("= 30 [m]", "= 3000 [m]")).miss_distance == 3000.0
    with pytest.warns(OutsideStandard, match="RELATIVE_POSITION has the opposite sign"):
        parse_cdm(message.replace("_R = 30.0", "_R = -30.0"))


def test_other_wrong_units_are_kept_as_stated(message):
    text = message.replace("120.5 [kg]", "120500 [g]", 1)
    with pytest.warns(OutsideStandard, match=r"MASS is in \[g\].*kept as stated"):
        cdm = parse_cdm(text)
    assert cdm.objects[0].details["MASS"] == ("120500", "g")
    for form in ("kvn", "xml"):
        with pytest.warns(OutsideStandard):
            assert parse_cdm(format_cdm(cdm, form)).objects[0].details["MASS"] == ("120500", "g")


def test_an_open_bracket_and_brackets_in_names(message):
    text = message.replace("THING 1 & CO", "THING [DEB]").replace("3.59 [d]", "3.59 [", 1)
    with pytest.warns(OutsideStandard, match="line 27: ACTUAL_OD_SPAN has a bracket that is never closed"):
        cdm = parse_cdm(text)
    assert cdm.objects[0].name == "THING [DEB]"
    assert cdm.objects[0].details["ACTUAL_OD_SPAN"] == ("3.59", None)


def test_times_with_an_offset_are_turned_to_utc(message):
    cdm = parse_cdm(
        message.replace("TCA = 2026-03-02T00:19:23.766125", "TCA = 2026-03-02T02:19:23.766125+02:00")
    )
    assert cdm.tca == parse_cdm(message).tca


def test_a_covariance_need_not_be_semidefinite(message):
    """In its velocities by rounding: the probability is that of the position blocks."""
    text = message.replace("CRDOT_T = -2.4", "CRDOT_T = -24.0", 1)
    with pytest.warns(OutsideStandard, match="OBJECT1: the RTN covariance is not positive semi-definite"):
        cdm = parse_cdm(text)
    assert collision_probability_of(cdm) == collision_probability_of(parse_cdm(message))
    with pytest.raises(SandboxError, match=r"OBJECT1: the RTN covariance.*is not positive semi-definite"):
        parse_cdm(text, strict=True)
    with pytest.raises(SandboxError, match="not positive semi-definite"):
        format_cdm(cdm, strict=True)


def test_an_object_without_covariance(message):
    text = re.sub(r"(C[RTN]\w*_[RTN]\w* =) \S+", r"\1 0.0", message.partition("OBJECT = OBJECT2")[2])
    cdm = parse_cdm(message.partition("OBJECT = OBJECT2")[0] + "OBJECT = OBJECT2" + text)
    plane = encounter_plane(*encounter_of(cdm))[1]
    np.testing.assert_allclose(assess(cdm).covariance, plane)
    with pytest.raises(SandboxError, match=r"position.*is not positive definite"):
        parse_cdm(format_cdm(cdm), strict=True)


@pytest.mark.filterwarnings("ignore::sandbox.conjunctions.OutsideStandard")
def test_a_sum_that_is_not_definite_is_clipped_as_cara_does():
    cdm = read_cdm(DATA / "not_definite.kvn")
    with pytest.warns(
        CovarianceRemediated, match=r"eigenvalues -1.09e\+03 .* = 4e-06 m2 were clipped"
    ) as said:
        found = assess(cdm)
    assert said[0].filename == __file__
    assert sorted(np.diagonal(found.covariance))[0] == pytest.approx((1e-4 * 20.0) ** 2)
    assert np.hypot(*found.miss) == pytest.approx(np.sqrt(30**2 + 20**2 + 20**2))
    with pytest.raises(SandboxError, match="not positive definite in the encounter plane"):
        assess(cdm, strict=True)


def test_a_slow_encounter_may_be_seconds_from_its_tca():
    """Two geostationary neighbours at 44 mm/s, 2.5 s early; the same miss of a fast encounter is refused."""
    found = assess(read_cdm(DATA / "slow.kvn"))
    assert found.tca_shift_s == pytest.approx(2.5, abs=1e-3)
    assert found.relative_speed == pytest.approx(0.0439, abs=1e-4)


def test_several_messages_in_a_file(message, tmp_path):
    text = message + "\n" + message.replace("test_message", "second")
    (tmp_path / "two.kvn").write_text(text)
    assert [cdm.message_id for cdm in read_cdms(tmp_path / "two.kvn")] == ["test_message", "second"]
    assert len(parse_cdms(message)) == 1
    with pytest.raises(SandboxError, match=r"^two.kvn: holds 2 messages; read_cdms"):
        read_cdm(tmp_path / "two.kvn")
    with pytest.raises(SandboxError, match=r"^two.kvn, message 2, OBJECT1: X is 'east'"):
        parse_cdms(message + message.replace("X = 7000.0", "X = east"), "two.kvn")


@pytest.mark.usefixtures("no_warning")
def test_an_ndm_with_a_declared_encoding_and_radii_of_the_objects():
    cdms = read_cdms(DATA / "pair.xml")
    assert [cdm.hard_body_radius for cdm in cdms] == [6.5, 10.0]
    assert cdms[0].originator == "Agência Órbita"
    for cdm in cdms:
        assert collision_probability_of(cdm) == pytest.approx(cdm.collision_probability, rel=1e-9)
        assert parse_cdm(format_cdm(cdm)).hard_body_radius == cdm.hard_body_radius
    with pytest.raises(SandboxError, match="holds 2 messages"):
        read_cdm(DATA / "pair.xml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_encodings(message, encoding, tmp_path):
    text = format_cdm(parse_cdm(message.replace("= TESTS", "= Agência")), "xml")
    declared = "UTF-8" if encoding == "utf-8-sig" else encoding.upper()
    (tmp_path / "in.xml").write_bytes(text.replace("UTF-8", declared).encode(encoding))
    assert read_cdm(tmp_path / "in.xml").originator == "Agência"


def test_an_encoding_that_is_not_one(message, tmp_path):
    for name in ("klingon", "hex", "us-ascii"):
        text = format_cdm(parse_cdm(message.replace("= TESTS", "= Agência")), "xml").replace("UTF-8", name)
        (tmp_path / "in.xml").write_text(text, encoding="utf-8")
        with pytest.raises(SandboxError, match=f"not text in {name}"):
            read_cdm(tmp_path / "in.xml")


@pytest.mark.parametrize(
    ("change", "radius"),
    [
        (lambda text: text.replace("COMMENT HBR = 12.5 [m]", "COMMENT HBR              = 12.5"), 12.5),
        (lambda text: text.replace("COMMENT HBR = 12.5 [m]", "COMMENT EFFECTIVE_HBR = 12.5 [m]"), 12.5),
        (lambda text: text.replace("COMMENT HBR = 12.5 [m]", "HBR = 12.5 [m]"), 12.5),
        (lambda text: text.replace("COMMENT HBR = 12.5 [m]\n", "").replace("MASS", "HBR = 3 [m]\nMASS"), 6.0),
        (
            lambda text: text.replace("COMMENT HBR = 12.5 [m]\n", "").replace("MASS", "HBR = 3 [m]\nMASS", 1),
            None,
        ),
    ],
)
def test_where_a_radius_may_stand(message, change, radius):
    assert parse_cdm(change(message)).hard_body_radius == radius


def test_endless_and_deep_input(tmp_path):
    start = time.process_time()
    if Path("/dev/zero").exists():
        with pytest.raises(SandboxError, match="longer than"):
            read_cdm("/dev/zero")
    for text in (
        "<cdm>" * 100_000,
        "<a>" * 100_000 + "</a>" * 100_000,
        "X = " + " " * 300_000 + "[" * 300_000,
    ):
        with pytest.raises(SandboxError) as caught:
            parse_cdm(text)
        assert len(str(caught.value)) < 300
    with pytest.raises(SandboxError, match="cannot be read"):
        read_cdm("a\x00b")
    assert time.process_time() - start < 20.0


def test_nothing_of_several_lines_is_written(message, tmp_path):
    from dataclasses import replace

    cdm = parse_cdm(message)
    for bad in (replace(cdm, message_id="a\nTCA = 2030"), replace(cdm, comments=("a\x00b",))):
        with pytest.raises(SandboxError, match="line break or control sign"):
            write_cdm(bad, tmp_path / "bad.cdm")
    with pytest.raises(SandboxError, match="Unknown form 'json'"):
        format_cdm(cdm, "json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("radius", [0.0, -1.0, np.nan, np.inf, "ten", 1e300])
def test_radii_that_are_none(message, radius):
    with pytest.raises(SandboxError, match=r"hard_body_radius = .*above 0"):
        assess(parse_cdm(message), radius)
