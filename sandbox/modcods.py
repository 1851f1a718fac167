"""Modulation and coding of DVB-S2 and DVB-S2X: what each needs of a signal, and what it carries.

Each row is (name, Es/N0 in dB at which frames arrive quasi free of errors, bits a symbol): ideal demodulation
of normal frames over white noise, without pilots. DVB-S2: ETSI EN 302 307-1 V1.4.1, table 13. DVB-S2X adds
the rows of ETSI EN 302 307-2 V1.1.1, table 20a. A radio that adapts takes, at every moment, the row that
carries most among those whose threshold is met; below the lowest there is no link.
"""

import numpy as np
from numpy.typing import NDArray

ROLL_OFFS = (0.05, 0.10, 0.15, 0.20, 0.25, 0.35)
"""Of the root-raised-cosine filter: 0.20 to 0.35 in DVB-S2, the rest came with DVB-S2X."""

DVB_S2 = (
    ("QPSK 1/4", -2.35, 0.490243),
    ("QPSK 1/3", -1.24, 0.656448),
    ("QPSK 2/5", -0.30, 0.789412),
    ("QPSK 1/2", 1.00, 0.988858),
    ("QPSK 3/5", 2.23, 1.188304),
    ("QPSK 2/3", 3.10, 1.322253),
    ("QPSK 3/4", 4.03, 1.487473),
    ("QPSK 4/5", 4.68, 1.587196),
    ("QPSK 5/6", 5.18, 1.654663),
    ("QPSK 8/9", 6.20, 1.766451),
    ("QPSK 9/10", 6.42, 1.788612),
    ("8PSK 3/5", 5.50, 1.779991),
    ("8PSK 2/3", 6.62, 1.980636),
    ("8PSK 3/4", 7.91, 2.228124),
    ("8PSK 5/6", 9.35, 2.478562),
    ("8PSK 8/9", 10.69, 2.646012),
    ("8PSK 9/10", 10.98, 2.679207),
    ("16APSK 2/3", 8.97, 2.637201),
    ("16APSK 3/4", 10.21, 2.966728),
    ("16APSK 4/5", 11.03, 3.165623),
    ("16APSK 5/6", 11.61, 3.300184),
    ("16APSK 8/9", 12.89, 3.523143),
    ("16APSK 9/10", 13.13, 3.567342),
    ("32APSK 3/4", 12.73, 3.703295),
    ("32APSK 4/5", 13.64, 3.951571),
    ("32APSK 5/6", 14.28, 4.119540),
    ("32APSK 8/9", 15.69, 4.397854),
    ("32APSK 9/10", 16.05, 4.453027),
)
DVB_S2X = (
    *DVB_S2,
    ("QPSK 13/45", -2.03, 0.567805),
    ("QPSK 9/20", 0.22, 0.889135),
    ("QPSK 11/20", 1.45, 1.088581),
    ("8APSK 5/9-L", 4.73, 1.647211),
    ("8APSK 26/45-L", 5.13, 1.713601),
    ("8PSK 23/36", 6.12, 1.896173),
    ("8PSK 25/36", 7.02, 2.062148),
    ("8PSK 13/18", 7.49, 2.145136),
    ("16APSK 1/2-L", 5.97, 1.972253),
    ("16APSK 8/15-L", 6.55, 2.104850),
    ("16APSK 5/9-L", 6.84, 2.193247),
    ("16APSK 26/45", 7.51, 2.281645),
    ("16APSK 3/5-L", 7.41, 2.370043),
    ("16APSK 28/45", 8.10, 2.458441),
    ("16APSK 23/36", 8.38, 2.524739),
    ("16APSK 2/3-L", 8.43, 2.635236),
    ("16APSK 25/36", 9.27, 2.745734),
    ("16APSK 13/18", 9.71, 2.856231),
    ("16APSK 7/9", 10.65, 3.077225),
    ("16APSK 77/90", 11.99, 3.386618),
    ("32APSK 2/3-L", 11.10, 3.289502),
    ("32APSK 32/45", 11.75, 3.510192),
    ("32APSK 11/15", 12.17, 3.620536),
    ("32APSK 7/9", 13.05, 3.841226),
    ("64APSK 32/45-L", 13.98, 4.206428),
    ("64APSK 11/15", 14.81, 4.338659),
    ("64APSK 7/9", 15.47, 4.603122),
    ("64APSK 4/5", 15.87, 4.735354),
    ("64APSK 5/6", 16.55, 4.933701),
    ("128APSK 3/4", 17.73, 5.163248),
    ("128APSK 7/9", 18.53, 5.355556),
    ("256APSK 29/45-L", 16.98, 5.065690),
    ("256APSK 2/3-L", 17.24, 5.241514),
    ("256APSK 31/45-L", 18.10, 5.417338),
    ("256APSK 32/45", 18.59, 5.593162),
    ("256APSK 11/15-L", 18.84, 5.768987),
    ("256APSK 3/4", 19.57, 5.900855),
)
STANDARDS = {"dvb-s2": DVB_S2, "dvb-s2x": DVB_S2X}


def ladder(standard: str, most: float = np.inf) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Thresholds (M,) in dB, rising, and bits a symbol (M,), rising, of the rows worth taking.

    Rows that need more than another which carries as much are left out, and those above `most` bits a symbol.
    If none is left, that is the lowest row.
    """
    rows = sorted((threshold, bits) for _, threshold, bits in STANDARDS[standard])
    kept: list[tuple[float, float]] = []
    for threshold, bits in rows:
        if bits <= most and (not kept or bits > kept[-1][1]):
            kept.append((threshold, bits))
    table = np.array(kept or [rows[0]])
    return table[:, 0].copy(), table[:, 1].copy()
