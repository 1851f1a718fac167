"""Catalogue files for tests: one made-up satellite, and its set in every form."""

import json

from sandbox.orbits.tle import checksum

OMM = {
    "OBJECT_NAME": "TESTSAT",
    "OBJECT_ID": "2026-001A",
    "EPOCH": "2026-06-19T12:00:00.000000",
    "MEAN_MOTION": 15.2,
    "ECCENTRICITY": 0.0001,
    "INCLINATION": 53.0,
    "RA_OF_ASC_NODE": 10.0,
    "ARG_OF_PERICENTER": 20.0,
    "MEAN_ANOMALY": 30.0,
    "EPHEMERIS_TYPE": 0,
    "CLASSIFICATION_TYPE": "U",
    "NORAD_CAT_ID": 90001,
    "ELEMENT_SET_NO": 999,
    "REV_AT_EPOCH": 10,
    "BSTAR": 1e-5,
    "MEAN_MOTION_DOT": 1e-5,
    "MEAN_MOTION_DDOT": 0,
}
OTHER = OMM | {"OBJECT_NAME": "OTHER", "NORAD_CAT_ID": 90002, "OBJECT_ID": "2026-001B", "MEAN_ANOMALY": 90.0}
WHEN = "2026-06-19T13:00:00"


def summed(line):
    line = line[:68].ljust(68)
    return line + str(checksum(line))


def line_1(
    number="90001", epoch="26170.50000000", ndot=" .00001000", bstar=" 10000-4", kind="0", cospar="26001A  "
):
    return summed(f"1 {number:>5}U {cospar} {epoch} {ndot}  00000-0 {bstar} {kind}  999")


def line_2(number="90001", motion="15.20000000", anomaly=" 30.0000"):
    return summed(f"2 {number:>5}  53.0000  10.0000 0001000  20.0000 {anomaly} {motion}  100")


def tle(name="TESTSAT", number="90001", **how):
    second = {k: how.pop(k) for k in ("motion", "anomaly") if k in how}
    return f"{name}\n{line_1(number, **how)}\n{line_2(number, **second)}\n"


def as_json(*messages):
    return json.dumps(messages)


def as_csv(*messages, delimiter=",", quote=""):
    rows = [messages[0], *(message.values() for message in messages)]
    return "\r\n".join(delimiter.join(f"{quote}{cell}{quote}" for cell in row) for row in rows) + "\r\n"


def as_xml(*messages, namespace="", encoding="UTF-8"):
    segments = (
        "<omm><body><segment><data>"
        + "".join(f"<{key}>{value}</{key}>" for key, value in message.items())
        + "</data></segment></body></omm>"
        for message in messages
    )
    return f'<?xml version="1.0" encoding="{encoding}"?>\n<ndm{namespace}>{"".join(segments)}</ndm>\n'


def as_kvn(*messages, version="CCSDS_OMM_VERS = 2.0"):
    return "\n".join(
        "\n".join([version, "COMMENT made up", *(f"{key} = {value}" for key, value in message.items()), ""])
        for message in messages
    )


FORMS = {
    "tle": tle() + tle("OTHER", "90002", anomaly=" 90.0000", cospar="26001B  "),
    "json": as_json(OMM, OTHER),
    "csv": as_csv(OMM, OTHER),
    "xml": as_xml(OMM, OTHER),
    "kvn": as_kvn(OMM, OTHER),
}
