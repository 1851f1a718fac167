"""Where everything is and how it moves. SI units, radians, GCRS, seconds since the scenario's UTC epoch.

| file | what lives there |
| --- | --- |
| `bodies` | constants of the Earth, the Sun and the Moon |
| `elements` | classical elements, anomalies, secular J2 rates, mean to osculating elements |
| `constellations` | Walker and Sun-synchronous shells |
| `forces`, `atmosphere` | gravity to J4, drag, Sun and Moon; density of the air |
| `gravity` | EGM2008 about the true pole, zonals and tesserals to degree and order 20 |
| `catalogue_drag` | Cd A / m of the objects of a catalogue |
| `propagation`, `dop853` | the eighth-order step, `propagate` for arrays, quintic interpolation |
| `timescales`, `iers` | UTC, UT1 and TT; what was measured of the Earth's rotation |
| `ephemeris` | Sun, Moon and the Earth's rotation as tables that compiled code can read |
| `frames` | GCRS, ITRS, TEME and geodetic coordinates |
| `eclipse` | how much of the Sun is seen, when the shadow comes and goes, the beta angle |
| `catalogue`, `decay` | catalogue files, SGP4; which of their objects still fly |
| `catalogue_text`, `tle`, `omm`, `element_sets`, `sieve` | how the files are read; what is left out of them |
| `poliastro` | in and out: the poliastro family's `Orbit` |
| `deployment` | from one launch to slots: Hohmann, phasing, Lambert, drift of the node |

The names below are the public ones; each is imported when it is first asked for. Numbers may be astropy
quantities, epochs astropy times.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "catalogue": ("Catalogue", "from_mean_elements", "read_catalogue"),
    "constellations": (
        "least_separation",
        "states",
        "sun_synchronous",
        "sun_synchronous_inclination",
        "walker_delta",
        "walker_star",
    ),
    "deployment": ("Deployment", "Impulse", "Transfer", "fly", "plan_deployment"),
    "eclipse": ("beta_angle", "illumination", "shadow_transition"),
    "elements": ("coe2rv", "j2_rates", "mean_to_osculating", "rv2coe"),
    "ephemeris": ("Ephemeris", "make_ephemeris"),
    "forces": ("Forces",),
    "frames": ("gcrs_to_itrs", "geodetic_to_itrs", "itrs_to_gcrs", "itrs_to_geodetic", "teme_to_gcrs"),
    "gravity": ("gravity_field",),
    "poliastro": ("from_orbits", "to_orbit"),
    "propagation": ("propagate",),
}
_HOME = {name: module for module, names in _PUBLIC.items() for name in names}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
