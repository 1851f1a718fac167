"""Constants of the Earth, the Sun and the Moon, in SI units. Those that boinor knows agree with it."""

MU_EARTH = 3.986004418e14  # m3/s2, IAU 2009 system (Luzum et al. 2011)
MU_SUN = 1.32712442099e20  # m3/s2, IAU 2009 system
MU_MOON = 4.90279981e12  # m3/s2, GRAIL (Lemoine et al. 2013)

R_EARTH = 6_378_136.6  # m, equatorial, IAU 2009 system; the reference radius of J2, J3 and J4
LOWEST_M = R_EARTH + 120e3  # from the geocentre: entry interface, where the air ends an orbit
R_SUN = 695_700_000.0  # m, IAU 2015 resolution B3

J2 = 1.08263e-3  # as boinor; EGM96: 1.0826267e-3
J3 = -2.5326613168e-6  # as boinor; EGM96: -2.5326564e-6
J4 = -1.619621591e-6  # EGM96 (Lemoine et al. 1998), from the normalised C40 = 0.539873863789e-6

R_WGS84 = 6_378_137.0  # m, semi-major axis of the WGS 84 ellipsoid (NGA.STND.0036)
EARTH_FLATTENING = 1 / 298.257223563  # WGS 84
EARTH_ROTATION_RATE = 7.292115e-5  # rad/s, inertial, nominal (IERS Conventions 2010, table 1.2)

AU = 149_597_870_700.0  # m, IAU 2012 resolution B2
SPEED_OF_LIGHT = 299_792_458.0  # m/s, exact
SOLAR_CONSTANT = 1361.0  # W/m2 at 1 au, IAU 2015 resolution B3
