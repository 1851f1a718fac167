import json
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sgp4.api import Satrec

from sandbox.errors import SandboxError
from sandbox.orbits.catalogue import from_mean_elements, read_catalogue
from sandbox.orbits.timescales import julian_date, utc_after
from sandbox.orbits.tle import checksum, read_tle

NAME = "ISS (ZARYA)"
LINES = (
    "1 25544U 98067A   19343.69339541  .00001764  00000-0  38792-4 0  9991",
    "2 25544  51.6439 211.2001 0007417  17.6667  85.6398 15.50103472202482",
)
FIELDS = {
    "OBJECT_NAME": NAME,
    "OBJECT_ID": "1998-067A",
    "EPOCH": "2019-12-09T16:38:29.363424",
    "MEAN_MOTION": 15.50103472,
    "ECCENTRICITY": 0.0007417,
    "INCLINATION": 51.6439,
    "RA_OF_ASC_NODE": 211.2001,
    "ARG_OF_PERICENTER": 17.6667,
    "MEAN_ANOMALY": 85.6398,
    "EPHEMERIS_TYPE": 0,
    "CLASSIFICATION_TYPE": "U",
    "NORAD_CAT_ID": 25544,
    "ELEMENT_SET_NO": 999,
    "REV_AT_EPOCH": 20248,
    "BSTAR": 0.000038792,
    "MEAN_MOTION_DOT": 0.00001764,
    "MEAN_MOTION_DDOT": 0,
}
FACTS = {
    "name": NAME,
    "norad_id": "25544",
    "cospar_id": "1998-067A",
    "epoch": "19343.69339541",
    "inclination_deg": "51.6439",
    "raan_deg": "211.2001",
    "eccentricity": "0.0007417",
    "argp_deg": "17.6667",
    "mean_anomaly_deg": "85.6398",
    "mean_motion_rev_day": "15.50103472",
    "bstar": "0.000038792",
}
WHEN = "2019-12-10T04:00:00"


def as_json(fields, text=False):
    return json.dumps([{k: str(v) for k, v in fields.items()} if text else fields])


def as_csv(fields):
    return ",".join(fields) + "\r\n" + ",".join(str(v) for v in fields.values()) + "\r\n"


def as_xml(fields):
    def block(tag, *keys):
        return f"<{tag}>" + "".join(f"<{k}>{fields[k]}</{k}>" for k in keys if k in fields) + f"</{tag}>"

    metadata = block("metadata", "OBJECT_NAME", "OBJECT_ID", "CENTER_NAME", "REF_FRAME", "TIME_SYSTEM")
    mean = [
        *("EPOCH", "MEAN_MOTION", "ECCENTRICITY", "INCLINATION"),
        *("RA_OF_ASC_NODE", "ARG_OF_PERICENTER", "MEAN_ANOMALY"),
    ]
    tle = [k for k in fields if k not in mean and k not in ("OBJECT_NAME", "OBJECT_ID")]
    data = f"<data>{block('meanElements', *mean)}{block('tleParameters', *tle)}</data>"
    body = f"<header/><body><segment>{metadata}{data}</segment></body>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<ndm><omm version="2.0">{body}</omm></ndm>'


FORMS = {
    "tle": "\n".join(LINES),
    "3le": "\r\n".join([NAME.ljust(24), *LINES]) + "\r\n",
    "3le, Space-Track": "\n".join([f"0 {NAME}", *LINES, ""]),
    "json": as_json({**FIELDS, "CENTER_NAME": "EARTH", "REF_FRAME": "TEME", "TIME_SYSTEM": "UTC"}),
    "json, Space-Track": as_json(FIELDS, text=True),
    "csv": as_csv(FIELDS),
    "xml": as_xml(FIELDS),
}


def changed(number, start, text):
    """The lines with `text` put in at a column, the checksum made right again."""
    lines = list(LINES)
    line = lines[number - 1]
    line = line[:start] + text + line[start + len(text) :]
    lines[number - 1] = line[:68] + str(checksum(line))
    return "\n".join(lines)


@pytest.fixture
def read(tmp_path):
    def read(text, **how):
        path = tmp_path / "satellites.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_catalogue(path, **how)

    return read


class TestForms:
    @pytest.mark.parametrize("form", FORMS)
    def test_the_same_satellite_in_each(self, read, form):
        """Within 2 cm and 0.02 mm/s: a TLE's epoch has 8 decimals of a day, an OMM's microseconds."""
        catalogue = read(FORMS[form])
        assert len(catalogue) == 1
        assert catalogue.norad_ids == [25544]
        assert catalogue.names == [NAME if form != "tle" else "25544"]
        epoch = datetime(2019, 12, 9, 16, 38, 29, 363424, UTC)
        assert abs(catalogue.epochs[0] - epoch) < timedelta(microseconds=5)
        reference = from_mean_elements([FACTS]).states(WHEN)
        for ours, theirs, tolerance in zip(catalogue.states(WHEN), reference, (0.02, 2e-5), strict=True):
            assert np.abs(ours - theirs).max() < tolerance

    def test_many_and_their_order(self, read):
        second = FIELDS | {"OBJECT_NAME": "OTHER", "NORAD_CAT_ID": 7, "MEAN_ANOMALY": 10.0}
        for text in (json.dumps([FIELDS, second]), as_csv(FIELDS) + as_csv(second).split("\r\n")[1]):
            assert read(text).names == [NAME, "OTHER"]

    def test_byte_order_mark_and_blank_lines(self, read):
        assert read(b"\xef\xbb\xbf\n\n" + FORMS["3le"].encode() + b"\n\n").names == [NAME]

    @pytest.mark.parametrize(("code", "number"), [("A0000", 100000), ("E8493", 148493), ("Z9999", 339999)])
    def test_alpha_5(self, read, code, number):
        lines = [line[:2] + code + line[7:] for line in LINES]
        text = "\n".join(line[:68] + str(checksum(line)) for line in lines)
        assert read(text).norad_ids == [number]
        assert read(as_json(FIELDS | {"NORAD_CAT_ID": number})).norad_ids == [number]

    def test_odd_bookkeeping_is_no_matter(self, read):
        odd = {
            "ELEMENT_SET_NO": "n/a",
            "REV_AT_EPOCH": 1.5,
            "CLASSIFICATION_TYPE": "??",
            "OBJECT_ID": "x" * 40,
        }
        states = [read(as_json(fields)).states(WHEN) for fields in (FIELDS, FIELDS | odd)]
        assert np.array_equal(*states)

    def test_nine_digit_numbers(self, read):
        catalogue = read(as_json(FIELDS | {"NORAD_CAT_ID": 799500001}))
        assert catalogue.norad_ids == [799500001]
        assert np.allclose(catalogue.states(WHEN)[0], read(FORMS["json"]).states(WHEN)[0])


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", ["no element set"]),
            ("[]", ["no element set"]),
            ("No GP data found", ["ends after 'No GP data found'", "OMM"]),
            (LINES[0], ["ends after '1 25544U", "without line 2"]),
            ("\n".join(reversed(LINES)), ["line 1: '2 25544", "where line 1"]),
            (FORMS["3le"].replace("19343.6", "19343.7"), ["line 2", "checksum is '1'", "adds up to 2"]),
            ("\n".join([LINES[0][:-2], LINES[1]]), ["line 1", "67 characters"]),
            ("\n".join([LINES[0][:20] + LINES[0][21:-1] + "1", LINES[1]]), ["line 1", "their columns"]),
            (
                LINES[0] + "\n" + LINES[1].replace("25544", "25545")[:68] + "3",
                ["line 2", "'25545'", "'25544'"],
            ),
            (changed(2, 26, "00A7417"), ["line 2", "eccentricity", "'.00A7417'"]),
            (changed(2, 8, "191.6439"), ["line 2", "inclination is '191.6439'", "180"]),
            (changed(2, 52, "00.00000000"), ["line 2", "mean motion", "above 0"]),
            (changed(1, 53, " 3x792-4"), ["line 1", "B*"]),
            (changed(1, 18, "19400.69339541"), ["line 1", "epoch is '19400.69339541'"]),
            (changed(1, 2, "2 5-4"), ["line 1", "satellite number is '2 5-4'"]),
            (as_json({k: v for k, v in FIELDS.items() if k != "BSTAR"}), ["object 1", "BSTAR is missing"]),
            (as_json(FIELDS | {"MEAN_ANOMALY": "ten"}), ["object 1", "MEAN_ANOMALY is 'ten'"]),
            (as_json(FIELDS | {"ECCENTRICITY": 1.0}), ["ECCENTRICITY is 1.0", "below 1"]),
            (as_json(FIELDS | {"MEAN_MOTION": float("nan")}), ["MEAN_MOTION is nan"]),
            (as_json(FIELDS | {"BSTAR": None}), ["BSTAR is missing"]),
            (as_json(FIELDS | {"EPOCH": "2019-13-09"}), ["EPOCH is '2019-13-09'", "ISO 8601"]),
            (as_json(FIELDS | {"REF_FRAME": "GCRF"}), ["REF_FRAME is 'GCRF'", "TEME"]),
            (as_json(FIELDS | {"EPHEMERIS_TYPE": 4}), ["EPHEMERIS_TYPE is 4"]),
            ('[{"OBJECT_NAME": ', ["line 1", "not JSON"]),
            ("[1, 2]", ["1 stands where"]),
            (as_csv(FIELDS).strip() + ",5", ["line 2", "as many fields"]),
            (as_csv(FIELDS | {"INCLINATION": -1}), ["INCLINATION is '-1'"]),
            (as_xml(FIELDS)[:-20], ["not OMM as XML"]),
            ("<html><body>busy</body></html>", ["no element set"]),
            (as_xml(FIELDS).replace("?>", '?><!DOCTYPE x [<!ENTITY a "b">]>', 1), ["entities"]),
            (b"\xff\xfe\x00", ["not text"]),
        ],
    )
    def test_names_file_place_and_value_in_one_sentence(self, read, text, words):
        for strict in (False, True):
            with pytest.raises(SandboxError) as error:
                read(text, strict=strict)
            message = str(error.value)
            assert "satellites.txt" in message
            assert "\n" not in message
            for word in words:
                assert word in message

    def test_missing_file(self):
        with pytest.raises(SandboxError, match=r"nowhere\.tle: cannot be read"):
            read_catalogue("nowhere.tle")

    def test_facts_are_called_by_their_own_names(self):
        with pytest.raises(SandboxError, match="row 2: inclination_deg is '200'"):
            from_mean_elements([FACTS, FACTS | {"inclination_deg": "200"}], "facts.csv")
        with pytest.raises(SandboxError, match="row 1: bstar is missing"):
            from_mean_elements([{k: v for k, v in FACTS.items() if k != "bstar"}])

    def test_sgp4_failure_says_who_and_why(self, read):
        doomed = FIELDS | {"OBJECT_NAME": "DOOMED", "NORAD_CAT_ID": 9, "MEAN_MOTION": 16.4, "BSTAR": 0.1}
        catalogue = read(json.dumps([FIELDS, doomed]))
        with pytest.raises(SandboxError, match=r"DOOMED \(9\).*code \d, .*one of 1 among 2.*2019-12-09"):
            catalogue.states("2020-03-01")
        codes, position, _ = catalogue.propagate(*julian_date("2020-03-01"))
        assert codes[0, 0] == 0
        assert codes[1, 0] > 0
        assert np.isfinite(position[0]).all()
        assert np.isnan(position[1]).all()

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 1), st.integers(0, 67), st.sampled_from("0123456789.-+ X"))
    def test_any_changed_character_of_a_line_is_noticed(self, tmp_path_factory, line, column, character):
        """Unless it leaves the sum as it was (a letter, a point or a blank for another; 0 for a blank)."""
        lines = list(LINES)
        lines[line] = lines[line][:column] + character + lines[line][column + 1 :]
        path = tmp_path_factory.mktemp("tle") / "satellites.txt"
        path.write_text("\n".join(lines))
        if checksum(lines[line]) != checksum(LINES[line]):
            with pytest.raises(SandboxError):
                read_catalogue(path, strict=True)


class TestSelect:
    def test_by_name_in_order(self, read):
        rows = [
            FIELDS | {"OBJECT_NAME": n, "NORAD_CAT_ID": i} for i, n in enumerate(["A", "DEB", "B", "DEB"])
        ]
        catalogue = read(json.dumps(rows))
        assert catalogue.select(["B", "A"]).norad_ids == [2, 0]
        assert catalogue.select("DEB").norad_ids == [1, 3]

    def test_unknown_name_suggests(self, read):
        with pytest.raises(SandboxError, match=r"did you mean ISS \(ZARYA\)"):
            read(FORMS["3le"]).select("ISS ZARYA")


class TestPropagation:
    def test_sgp4s_own_verification_vectors(self):
        """The states of tcppver.out (Vallado et al. 2006) from our reading of SGP4-VER.TLE, to 0.2 mm.

        30 of its 33 satellites, deep space and decay among them; the other three have wrong checksums.
        """
        folder = files("sgp4")
        text = folder.joinpath("SGP4-VER.TLE").read_text().splitlines()
        lines = [line[:69] for line in text if line.startswith(("1 ", "2 "))]
        blocks: list[list[list[float]]] = []
        for line in folder.joinpath("tcppver.out").read_text().splitlines():
            if line.endswith("xx"):
                blocks.append([])
            else:
                blocks[-1].append([float(x) for x in line.split()[:7]])
        refused, states = [], 0
        for pair, rows in zip(zip(lines[::2], lines[1::2], strict=True), blocks, strict=True):
            try:
                satellite = next(read_tle("\n".join(pair), "SGP4-VER.TLE")).satellite
            except SandboxError as error:
                refused.append((pair[0][2:7], "checksum" in str(error)))
                continue
            for minutes, *state in rows:
                code, position, velocity = satellite.sgp4_tsince(minutes)
                if code == 0:
                    assert np.allclose(position, state[:3], rtol=0, atol=2e-7)
                    assert np.allclose(velocity, state[3:], rtol=0, atol=1e-9)
                    states += 1
        assert refused == [("33333", True), ("33334", True), ("33335", True)]
        assert states == 588

    def test_states_agree_with_astropys_teme(self, read, offline_astropy):
        from astropy import units as u
        from astropy.coordinates import GCRS, TEME, CartesianDifferential, CartesianRepresentation
        from astropy.time import Time

        catalogue = read(FORMS["3le"])
        time = Time(WHEN)
        _, p, v = Satrec.twoline2rv(*LINES).sgp4(time.jd1, time.jd2)
        state = CartesianRepresentation(p * u.km, differentials=CartesianDifferential(v * u.km / u.s))
        theirs = TEME(state, obstime=time).transform_to(GCRS(obstime=time))
        position, velocity = catalogue.states(WHEN)
        assert np.abs(position[0] - theirs.cartesian.xyz.to_value("m")).max() < 0.02
        assert np.abs(velocity[0] - theirs.velocity.d_xyz.to_value("m/s")).max() < 2e-4

    def test_many_times_equal_single_ones(self, read):
        catalogue = read(FORMS["3le"])
        jd, fraction = utc_after(*julian_date(WHEN), np.arange(5) * 600.0)
        codes, position, velocity = catalogue.propagate(jd, fraction)
        assert position.shape == velocity.shape == (1, 5, 3)
        assert not codes.any()
        for i in range(5):
            when = datetime(2019, 12, 10, 4, 10 * i, tzinfo=UTC)
            assert np.allclose(position[:, i], catalogue.states(when)[0], atol=0.5)

    def test_velocity_is_the_derivative_of_the_position(self, read):
        jd, fraction = utc_after(*julian_date(WHEN), np.array([-1.0, 0.0, 1.0]))
        _, position, velocity = read(FORMS["3le"]).propagate(jd, fraction)
        assert np.allclose((position[0, 2] - position[0, 0]) / 2, velocity[0, 1], atol=0.05)


SCS01 = Path(__file__).resolve().parents[2] / "data" / "scs01_elements.csv"


def test_the_twelve_of_scs01():
    """Read, flown by SGP4: 480 to 520 km above the equatorial radius, at 97.4 degrees."""
    import csv

    with SCS01.open() as file:
        catalogue = from_mean_elements(
            csv.DictReader(line for line in file if not line.startswith("#")), SCS01.name
        )
    assert len(catalogue) == 12
    assert catalogue.names[0] == "SCS-01 A"
    assert catalogue.epochs[0] == datetime(2026, 6, 26, 22, 27, 28, 28, UTC) or catalogue.epochs[0].day == 26
    position, velocity = catalogue.states("2026-06-26T23:00:00")
    momentum = np.cross(position, velocity)
    inclination = np.degrees(np.arccos(momentum[:, 2] / np.linalg.norm(momentum, axis=1)))
    assert np.allclose(inclination, 97.4, atol=0.3)
    heights = np.linalg.norm(position, axis=1) / 1e3 - 6378.137
    assert heights.min() > 430
    assert heights.max() < 540
