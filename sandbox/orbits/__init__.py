"""Where everything is and how it moves. SI units, radians, GCRS, seconds since the scenario's UTC epoch.

| file | what lives there |
| --- | --- |
| `bodies` | constants of the Earth, the Sun and the Moon |
| `elements` | classical elements, anomalies, secular J2 rates, mean to osculating elements |
| `constellations` | Walker and Sun-synchronous shells |
| `forces`, `atmosphere` | gravity to J4, drag, Sun and Moon; density of the air |
| `propagation`, `dop853` | the eighth-order step, `propagate` for arrays, quintic interpolation |
| `timescales`, `iers` | UTC, UT1 and TT; what was measured of the Earth's rotation |
| `ephemeris` | Sun, Moon and the Earth's rotation as tables that compiled code can read |
| `frames` | GCRS, ITRS, TEME and geodetic coordinates |
| `eclipse` | how much of the Sun is seen, when the shadow comes and goes, the beta angle |
| `catalogue`, `decay` | catalogue files, SGP4; which of their objects still fly |
| `catalogue_text`, `tle`, `omm`, `element_sets`, `sieve` | how the files are read; what is left out of them |
| `poliastro` | the bridge to the poliastro family's `Orbit` |
"""
