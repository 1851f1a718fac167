"""The keywords of a Conjunction Data Message, section by section, with their units (CCSDS 508.0-B-1).

`HBR`, an object's hard-body radius, is of the draft of the second issue (508.0-P-1.0.2).
"""

AXES = ("R", "T", "N", "RDOT", "TDOT", "NDOT")
COVARIANCE = tuple((i, j, f"C{AXES[i]}_{AXES[j]}") for i in range(6) for j in range(i + 1))
"""Row, column and keyword of the lower triangle of the RTN covariance."""
_COVARIANCE_UNITS = {key: ("m**2", "m**2/s", "m**2/s**2")[(i > 2) + (j > 2)] for i, j, key in COVARIANCE}
_PARAMETERS = ("DRG", "SRP", "THR")
STATE = ("X", "Y", "Z", "X_DOT", "Y_DOT", "Z_DOT")

HEADER = dict.fromkeys(("CREATION_DATE", "ORIGINATOR", "MESSAGE_FOR", "MESSAGE_ID"))
RELATIVE_STATE = {
    **{f"RELATIVE_POSITION_{axis}": "m" for axis in "RTN"},
    **{f"RELATIVE_VELOCITY_{axis}": "m/s" for axis in "RTN"},
}
RELATIVE = {
    "TCA": None,
    "MISS_DISTANCE": "m",
    "RELATIVE_SPEED": "m/s",
    **RELATIVE_STATE,
    "START_SCREEN_PERIOD": None,
    "STOP_SCREEN_PERIOD": None,
    "SCREEN_VOLUME_FRAME": None,
    "SCREEN_VOLUME_SHAPE": None,
    **{f"SCREEN_VOLUME_{axis}": "m" for axis in "XYZ"},
    "SCREEN_ENTRY_TIME": None,
    "SCREEN_EXIT_TIME": None,
    "COLLISION_PROBABILITY": None,
    "COLLISION_PROBABILITY_METHOD": None,
}
METADATA = {
    "OBJECT": None,
    "OBJECT_DESIGNATOR": None,
    "CATALOG_NAME": None,
    "OBJECT_NAME": None,
    "INTERNATIONAL_DESIGNATOR": None,
    "OBJECT_TYPE": None,
    "OPERATOR_CONTACT_POSITION": None,
    "OPERATOR_ORGANIZATION": None,
    "OPERATOR_PHONE": None,
    "OPERATOR_EMAIL": None,
    "EPHEMERIS_NAME": None,
    "COVARIANCE_METHOD": None,
    "MANEUVERABLE": None,
    "ORBIT_CENTER": None,
    "REF_FRAME": None,
    "GRAVITY_MODEL": None,
    "ATMOSPHERIC_MODEL": None,
    "N_BODY_PERTURBATIONS": None,
    "SOLAR_RAD_PRESSURE": None,
    "EARTH_TIDES": None,
    "INTRACK_THRUST": None,
}
OD_PARAMETERS = {
    "TIME_LASTOB_START": None,
    "TIME_LASTOB_END": None,
    "RECOMMENDED_OD_SPAN": "d",
    "ACTUAL_OD_SPAN": "d",
    "OBS_AVAILABLE": None,
    "OBS_USED": None,
    "TRACKS_AVAILABLE": None,
    "TRACKS_USED": None,
    "RESIDUALS_ACCEPTED": "%",
    "WEIGHTED_RMS": None,
}
ADDITIONAL = {
    "AREA_PC": "m**2",
    "AREA_DRG": "m**2",
    "AREA_SRP": "m**2",
    "HBR": "m",
    "MASS": "kg",
    "CD_AREA_OVER_MASS": "m**2/kg",
    "CR_AREA_OVER_MASS": "m**2/kg",
    "THRUST_ACCELERATION": "m/s**2",
    "SEDR": "W/kg",
}
STATE_VECTOR = {key: "km/s" if key.endswith("DOT") else "km" for key in STATE}


def _parameter_row(name: str, position: str, velocity: str, own: dict[str, str]) -> dict[str, str]:
    """Covariances of a parameter with position and velocity, and with the parameters `own`."""
    units = {f"C{name}_{axis}": velocity if axis.endswith("DOT") else position for axis in AXES}
    return units | {f"C{name}_{other}": unit for other, unit in own.items()}


COVARIANCE_MATRIX = {
    **_COVARIANCE_UNITS,
    **_parameter_row("DRG", "m**3/kg", "m**3/(kg*s)", {"DRG": "m**4/kg**2"}),
    **_parameter_row("SRP", "m**3/kg", "m**3/(kg*s)", {"DRG": "m**4/kg**2", "SRP": "m**4/kg**2"}),
    **_parameter_row(
        "THR",
        "m**2/s**2",
        "m**2/s**3",
        {"DRG": "m**3/(kg*s**2)", "SRP": "m**3/(kg*s**2)", "THR": "m**2/s**4"},
    ),
}
UNITS = {
    **dict.fromkeys(("CCSDS_CDM_VERS", *HEADER)),
    **RELATIVE,
    **METADATA,
    **OD_PARAMETERS,
    **ADDITIONAL,
    **STATE_VECTOR,
    **COVARIANCE_MATRIX,
}
GENERAL_NEEDED = ("CCSDS_CDM_VERS", "CREATION_DATE", "ORIGINATOR", "MESSAGE_ID", "TCA", "MISS_DISTANCE")
OBJECT_NEEDED = (
    *("OBJECT", "OBJECT_DESIGNATOR", "CATALOG_NAME", "OBJECT_NAME", "INTERNATIONAL_DESIGNATOR"),
    *("EPHEMERIS_NAME", "COVARIANCE_METHOD", "MANEUVERABLE", "REF_FRAME"),
    *STATE,
    *(key for _, _, key in COVARIANCE),
)
FRAMES = ("EME2000", "GCRF", "ITRF")
REDUNDANT = ("MISS_DISTANCE", "RELATIVE_SPEED", *RELATIVE_STATE)
"""What follows from the two states, so that a wrong unit can be told and mended."""
EXACT = {*STATE, *(key for _, _, key in COVARIANCE), "COLLISION_PROBABILITY", "HBR"}
"""What nothing else tells: a wrong unit here is always refused."""
PARAMETER_COVARIANCE = {f"C{one}_{other}" for one in _PARAMETERS for other in _PARAMETERS}
"""Covariances of drag, light pressure and thrust among themselves; a draft covariance in XYZ repeats them."""
FREE_TEXT = {"ORIGINATOR", "MESSAGE_FOR", "MESSAGE_ID", *METADATA} - {"OBJECT", "REF_FRAME", "MANEUVERABLE"}
"""Values that may hold square brackets of their own."""
NO_UNIT = ("", "-", "n/a", "none")


def plain_unit(unit: str) -> str:
    """A unit in one of the spellings in use, as m^2, M**2 or m/sec, in that of the standard."""
    plain = "".join(unit.split()).casefold().replace("^", "**").replace("sec", "s")
    return {"m2": "m**2", "w/kg": "W/kg"}.get(plain, plain)
