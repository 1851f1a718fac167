"""Random numbers inside kernels: hashes of a key and of what is drawn, so that nothing depends on the order.

The key is drawn once for each world and episode, from the generator of that world. splitmix64 (Steele, Lea
and Flood 2014, OOPSLA) mixes the rest in.
"""

from math import cos, log, pi, sqrt

import numpy as np

from sandbox.compiled import kernel

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@kernel
def _mixed(x, number):
    """One step of splitmix64 (Steele et al. 2014) from state x, which `number` advances."""
    x = x + _STEP * (np.uint64(number) + np.uint64(1))
    x = (x ^ (x >> _S30)) * _MIX_1
    x = (x ^ (x >> _S27)) * _MIX_2
    return x ^ (x >> _S31)


@kernel
def uniform(key, what, round_, n, k):
    """A number in [0, 1) that depends on nothing but its arguments; `key` is of type uint64."""
    x = _mixed(_mixed(_mixed(_mixed(key, what), round_), n), k)
    return np.float64(x >> _S11) * 2.0**-53


@kernel
def noise(key, what, round_, n):
    """A standard normal number that depends on nothing but its arguments (Box and Muller 1958)."""
    u, v = uniform(key, what, round_, n, 0), uniform(key, what, round_, n, 1)
    return sqrt(-2.0 * log(1.0 - u)) * cos(2.0 * pi * v)
