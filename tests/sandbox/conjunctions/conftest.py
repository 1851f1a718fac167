"""A message of our own for the tests of conjunctions."""

import pytest

COVARIANCE_TEXT = """
CR_R = 44.1 [m**2]
CT_R = -2.5 [m**2]
CT_T = 2533.0 [m**2]
CN_R = -0.85 [m**2]
CN_T = 1.14 [m**2]
CN_N = 71.05 [m**2]
CRDOT_R = 2.52e-3 [m**2/s]
CRDOT_T = -2.4 [m**2/s]
CRDOT_N = -1.16e-3 [m**2/s]
CRDOT_RDOT = 5.2e-3 [m**2/s**2]
CTDOT_R = -3.4e-2 [m**2/s]
CTDOT_T = 1.35e-2 [m**2/s]
CTDOT_N = -2.2e-4 [m**2/s]
CTDOT_RDOT = -2.62e-5 [m**2/s**2]
CTDOT_TDOT = 7.16e-4 [m**2/s**2]
CNDOT_R = 9.6e-4 [m**2/s]
CNDOT_T = 4.7e-4 [m**2/s]
CNDOT_N = 3.7e-2 [m**2/s]
CNDOT_RDOT = 1.1e-6 [m**2/s**2]
CNDOT_TDOT = 7.5e-6 [m**2/s**2]
CNDOT_NDOT = 6.6e-4 [m**2/s**2]
""".strip()
OBJECT_TEXT = """
OBJECT = OBJECT{number}
OBJECT_DESIGNATOR = 9000{number}
CATALOG_NAME = SATCAT
OBJECT_NAME = THING {number} & CO
INTERNATIONAL_DESIGNATOR = 2020-001{number}
EPHEMERIS_NAME = NONE
COVARIANCE_METHOD = CALCULATED
MANEUVERABLE = N/A
REF_FRAME = {frame}
COMMENT Apogee Altitude = 533 [km]
ACTUAL_OD_SPAN = 3.59 [d]
MASS = 120.5 [kg]
{state}
{covariance}
""".strip()
STATE1 = (
    "X = 7000.0 [km]\nY = 0.0 [km]\nZ = 0.0 [km]\nX_DOT = 0.0 [km/s]\nY_DOT = 7.5 [km/s]\nZ_DOT = 0.0 [km/s]"
)
STATE2 = (
    "X = 7000.03 [km]\nY = 0.0 [km]\nZ = 0.0 [km]\nX_DOT = 0.0 [km/s]\nY_DOT = 0.0 [km/s]\nZ_DOT = 7.5 [km/s]"
)
GENERAL_TEXT = """
CCSDS_CDM_VERS = 1.0
COMMENT a message of the tests
CREATION_DATE = 2026-03-01T06:00:00.000
ORIGINATOR = TESTS
MESSAGE_ID = test_message
TCA = 2026-03-02T00:19:23.766125
MISS_DISTANCE = 30 [m]
RELATIVE_SPEED = 10606.6 [m/s]
RELATIVE_POSITION_R = 30.0 [m]
RELATIVE_POSITION_T = 0.0 [m]
RELATIVE_POSITION_N = 0.0 [m]
START_SCREEN_PERIOD = 2026-03-01T00:00:00.000
STOP_SCREEN_PERIOD = 2026-061T12:00:00.000
COLLISION_PROBABILITY = 2.5e-03
COLLISION_PROBABILITY_METHOD = FOSTER-1992
COMMENT HBR = 12.5 [m]
""".strip()


@pytest.fixture
def message() -> str:
    """A sound message as KVN."""
    objects = [
        OBJECT_TEXT.format(number=i, frame="EME2000", state=state, covariance=COVARIANCE_TEXT)
        for i, state in ((1, STATE1), (2, STATE2))
    ]
    return "\n".join([GENERAL_TEXT, *objects]) + "\n"
