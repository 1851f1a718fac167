"""The probability integral of the encounter plane, as compiled functions of plain numbers.

All of them take the miss (mx, my), the standard deviations (sx, sy) along the principal axes of the combined
covariance, in m, and the hard-body radius, in m: the Gaussian centred on the miss, integrated over the disc
of that radius around the origin.
"""

from math import asin, cos, erf, erfc, exp, expm1, hypot, lgamma, log, pi, sin, sqrt

from sandbox.compiled import kernel, kernel_apart

FOSTER, CHAN, ALFANO = range(3)
REACH = 39.0
"""Standard deviations beyond which a Gaussian is below the smallest double (exp(-39^2 / 2) is 1e-330)."""
PANELS_MOST = 1 << 14
PANELS_SEARCH = 1 << 8
"""Panels while a maximum is looked for; a radius of many thousand deviations would take more, and seconds."""
CONVERGED = 1e-13
UNRESOLVED = 1e-13
"""A deviation below so many radii is lost among the last digits of places on the disc."""
STRAIGHT = 1e-10
"""Deviations, both below so many radii, for which the edge of the disc is a straight line."""
SERIES_MOST = 1e3
"""Largest mean of a Poisson tail in Chan's series: the series takes the square of that in terms."""
WITHIN = 1e-12
"""Relative distance from the radius below which a miss counts as within it: rounding."""
_ROOT2 = sqrt(2.0)

# Gauss-Legendre on [-1, 1], 16 points: the positive abscissae and their weights (numpy's leggauss)
_NODES = (
    0.09501250983763744,
    0.2816035507792589,
    0.45801677765722737,
    0.6178762444026438,
    0.755404408355003,
    0.8656312023878318,
    0.9445750230732326,
    0.9894009349916499,
)
_WEIGHTS = (
    0.1894506104550685,
    0.1826034150449236,
    0.16915651939500254,
    0.14959598881657674,
    0.12462897125553388,
    0.09515851168249279,
    0.062253523938647894,
    0.027152459411754096,
)


@kernel
def gaussian_between(a, b):
    """(2 / sqrt(pi)) times the integral of exp(-t^2) from a to b >= a, to 13 digits also where it is tiny."""
    if b < 0.0:
        a, b = -b, -a
    if (b - a) * (1.0 + b) < 0.5:  # a difference of error functions would lose digits
        middle, half, total = 0.5 * (a + b), 0.5 * (b - a), 0.0
        for i in range(len(_NODES)):
            x = half * _NODES[i]
            total += _WEIGHTS[i] * (exp(-((middle + x) ** 2)) + exp(-((middle - x) ** 2)))
        return 2.0 / sqrt(pi) * half * total
    return erfc(a) - erfc(b) if a > 0.0 else erf(b) - erf(a)


@kernel
def _slice(angle, mx, my, sx, sy, radius):
    """The integrand over the angle: the slice at x = radius sin(angle), integrated in y."""
    x, half = radius * sin(angle), radius * cos(angle)
    density = exp(-0.5 * ((x - mx) / sx) ** 2) / (sqrt(2.0 * pi) * sx)
    within = 0.5 * gaussian_between((-half - my) / (_ROOT2 * sy), (half - my) / (_ROOT2 * sy))
    return density * within * half


@kernel
def _panels(low, high, count, mx, my, sx, sy, radius):
    """The integral over the angle from `low` to `high` in `count` panels of 16 points."""
    step, total = (high - low) / count, 0.0
    for i in range(count):
        middle = low + (i + 0.5) * step
        for k in range(len(_NODES)):
            shift = 0.5 * step * _NODES[k]
            pair = _slice(middle + shift, mx, my, sx, sy, radius)
            pair += _slice(middle - shift, mx, my, sx, sy, radius)
            total += _WEIGHTS[k] * pair
    return 0.5 * step * total


@kernel
def foster(mx, my, sx, sy, radius):
    """The integral of Foster and Estes (1992, NASA JSC-25898), to about 12 digits at any shape and distance.

    Across the narrow axis by Gauss-Legendre panels that are halved until they agree, over the sine of an
    angle, which takes the edge of the disc smoothly; along the wide axis exactly, by error functions.
    """
    return _foster(mx, my, sx, sy, radius, PANELS_MOST)


@kernel_apart
def _foster(mx, my, sx, sy, radius, most):
    """`foster` in `most` panels at most."""
    if sx > sy:
        mx, my, sx, sy = my, mx, sy, sx
    if sx < UNRESOLVED * radius or sy < STRAIGHT * radius:
        return _sharp(mx, my, sx, sy, radius)
    low, high = max(-radius, mx - REACH * sx), min(radius, mx + REACH * sx)
    if low >= high:
        return 0.0
    start, end = asin(low / radius), asin(high / radius)
    count = max(1, int((high - low) / (8.0 * sx)))
    last = _panels(start, end, count, mx, my, sx, sy, radius)
    while count < most:
        count *= 2
        value = _panels(start, end, count, mx, my, sx, sy, radius)
        if abs(value - last) <= CONVERGED * value:
            return min(1.0, value)
        last = value
    return min(1.0, last)


@kernel
def _sharp(mx, my, sx, sy, radius):
    """`foster` where the edge of the disc is straight, or the narrow deviation nil: all at x = mx."""
    distance = hypot(mx, my)
    if sy < STRAIGHT * radius:
        across = hypot(mx / distance * sx, my / distance * sy) if distance > 0.0 else sy
        return 0.5 * erfc((distance - radius) / (_ROOT2 * across))
    if abs(mx) >= radius:
        return 0.0
    half = sqrt((radius - mx) * (radius + mx))
    return 0.5 * gaussian_between((-half - my) / (_ROOT2 * sy), (half - my) / (_ROOT2 * sy))


@kernel
def alfano(mx, my, sx, sy, radius):
    """Alfano (2005, Journal of the Astronautical Sciences 53): Simpson's rule across the narrow axis.

    Half the disc takes 10 double steps, or five to the lesser deviation or the miss if those are shorter; the
    first sample stands 0.015 steps off the edge. Two things are ours: differences of error functions are
    taken without cancellation, and the steps also follow the slope of the exponent, without which the sum is
    off by up to a fifth far out.
    """
    if sx > sy:
        mx, my, sx, sy = my, mx, sy, sx
    least = min(sx, hypot(mx, my)) + radius * 1e-5
    slope = radius * (abs(mx) / (sx * sx) + abs(my) / (sy * sy))
    count = int(max(10.0, 5.0 * radius / least, min(2.0 * slope, 1e5)))
    step = radius / (2 * count)
    total = 2.0 * _alfano_term(0.015 * step - radius, mx, my, sx, sy, radius)
    total += _alfano_term(0.0, mx, my, sx, sy, radius)
    for i in range(1, count):
        total += 2.0 * _alfano_term(2 * i * step - radius, mx, my, sx, sy, radius)
    for i in range(1, count + 1):
        total += 4.0 * _alfano_term((2 * i - 1) * step - radius, mx, my, sx, sy, radius)
    return min(1.0, step / (3.0 * sqrt(8.0 * pi) * sx) * total)


@kernel
def _alfano_term(x, mx, my, sx, sy, radius):
    half = sqrt(radius * radius - x * x)
    within = gaussian_between((-half - my) / (_ROOT2 * sy), (half - my) / (_ROOT2 * sy))
    return within * (exp(-0.5 * ((x + mx) / sx) ** 2) + exp(-0.5 * ((x - mx) / sx) ** 2))


@kernel
def chan(mx, my, sx, sy, radius):
    """Chan's series (2008, Spacecraft Collision Probability): an ellipse of equal area stands for the disc.

    Its terms are Poisson weights of v / 2 times Poisson tails of u / 2, kept as logarithms: either may
    underflow where their product does not.
    """
    half_u = 0.5 * radius * radius / (sx * sy)
    half_v = 0.5 * ((mx / sx) ** 2 + (my / sy) ** 2)
    if sqrt(2.0 * half_v) - sqrt(2.0 * half_u) > REACH:
        return 0.0
    if half_u > SERIES_MOST:  # the same as the disc of that radius under deviations of 1, in fewer terms
        return foster(sqrt(2.0 * half_v), 0.0, 1.0, 1.0, sqrt(2.0 * half_u))
    tail = -expm1(-half_u)
    if half_v == 0.0:
        return tail
    log_weight, total, m = -half_v, 0.0, 0
    while True:
        term = exp(log_weight) * tail
        total += term
        m += 1
        if m > half_v and term <= 1e-16 * total:
            return min(1.0, total)
        log_weight += log(half_v / m)
        tail = _poisson_tail(half_u, m)


@kernel
def _poisson_tail(mean, m):
    """Probability that a Poisson number of this mean is greater than m."""
    if m + 1 < mean:
        return 1.0 - _poisson_sum(mean, m, -1)
    return _poisson_sum(mean, m + 1, 1)


@kernel
def _poisson_sum(mean, k, direction):
    """Poisson probabilities of k, k + 1, ... or k, k - 1, ..., summed while they count."""
    term = exp(k * log(mean) - mean - lgamma(k + 1.0))
    total = 0.0
    while term > 1e-17 * total and k >= 0:
        total += term
        k += direction
        term *= mean / k if direction > 0 else (k + 1) / mean
    return total


@kernel
def probability_all(method, miss, sigma, radius, out):
    """Write the probability by `method` for n cases: miss (n, 2), sigma (n, 2), radius (n,)."""
    for i in range(out.shape[0]):
        mx, my, sx, sy = miss[i, 0], miss[i, 1], sigma[i, 0], sigma[i, 1]
        if method == FOSTER:
            out[i] = foster(mx, my, sx, sy, radius[i])
        elif method == CHAN:
            out[i] = chan(mx, my, sx, sy, radius[i])
        else:
            out[i] = alfano(mx, my, sx, sy, radius[i])


@kernel
def maximum_all(miss, sigma, radius, probability, scale):
    """Write the largest probability over all scalings of sigma, and that scale, for n cases.

    0 is the scale, and 1 the probability, where the miss lies within the radius.
    """
    for i in range(radius.shape[0]):
        mx, my, sx, sy, r = miss[i, 0], miss[i, 1], sigma[i, 0], sigma[i, 1], radius[i]
        probability[i], scale[i] = 1.0, 0.0
        if hypot(mx, my) > r * (1.0 + WITHIN):
            scale[i] = _best_scale(mx, my, sx, sy, r)
            probability[i] = foster(mx, my, sx * scale[i], sy * scale[i], r)


@kernel
def _best_scale(mx, my, sx, sy, radius):
    """The scale of the deviations at which the probability is largest, by golden section on its logarithm.

    For a small radius it is the miss in deviations over the root of two (Alfano 2005). With a radius, the
    largest density within the disc bounds it from below.
    """
    far = hypot(mx / sx, my / sy) + radius * (1.0 / sx + 1.0 / sy)
    near = (hypot(mx, my) - radius) / max(sx, sy)
    low, high = log(0.1 * near), log(far)
    ratio = 0.5 * (sqrt(5.0) - 1.0)
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    at_a, at_b = _scaled(mx, my, sx, sy, radius, a), _scaled(mx, my, sx, sy, radius, b)
    while high - low > 1e-6:
        if at_a > at_b:
            high, b, at_b = b, a, at_a
            a = high - ratio * (high - low)
            at_a = _scaled(mx, my, sx, sy, radius, a)
        else:
            low, a, at_a = a, b, at_b
            b = low + ratio * (high - low)
            at_b = _scaled(mx, my, sx, sy, radius, b)
    return exp(0.5 * (low + high))


@kernel
def _scaled(mx, my, sx, sy, radius, log_scale):
    scale = exp(log_scale)
    return _foster(mx, my, sx * scale, sy * scale, radius, PANELS_SEARCH)
