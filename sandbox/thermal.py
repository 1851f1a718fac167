"""Two thermal nodes: the accelerator boards on their mount, and the body that carries them and radiates.

The body takes in Sun, albedo, Earth infrared and what is dissipated in it, and what the boards conduct to it.
Two nodes with the default time constant and rise follow the computer of a flown 12U satellite (BUPT-1,
MobiCom 2024 data: 22 K in its first ten minutes at full power), which one node cannot.

Heat is a limit for everybody. Above its `throttle_c` a board runs slower and draws less, in proportion, and
so does the payload while the body is above `throttle_above_c`. Above the body's `shutdown_above_c`, or where
a board would be off, the payload is switched off until both have cooled to where they throttle.
"""

import math

from sandbox.compiled import kernel
from sandbox.orbits.bodies import R_EARTH

STEFAN_BOLTZMANN = 5.670374419e-8
"""W m-2 K-4, CODATA 2018."""
EARTH_ALBEDO = 0.30
"""Bond albedo of the Earth, NASA Earth fact sheet (0.294), rounded."""
EARTH_INFRARED = 237.0
"""W/m2 leaving the Earth, orbital average; Gilmore, Spacecraft Thermal Control Handbook (2002), ch. 2."""
STEP_SHARE = 0.5
"""Of the shorter time constant: no step of `heat_step` is longer."""
MOST_STEPS = 64.0
"""Into which a call of `heat_step` is cut; beyond, it is still stable and still ends where it should."""
SIXTH = 1.0 / 6.0
LONGEST_MIN = 60.0
"""How far ahead `full_power_minutes` looks."""


@kernel
def environment_heat(x, y, z, sun, sunlight, irradiance, sun_area, earth_area, absorptivity, emissivity):
    """Heat absorbed from outside, W, at GCRS position x, y, z (m); `sun` is the Sun's unit vector.

    `sun_area` and `earth_area` (m2) are the mean areas seen by the Sun and by the Earth. The Earth fills
    (R / r)^2 of the view of a plate that faces it; its albedo follows the cosine of the sub-satellite
    solar zenith angle (Gilmore, ch. 2).
    """
    radius = math.sqrt(x * x + y * y + z * z)
    view = (R_EARTH / radius) ** 2
    zenith = max(0.0, (x * sun[0] + y * sun[1] + z * sun[2]) / radius)
    direct = absorptivity * sun_area * irradiance * sunlight
    albedo = absorptivity * earth_area * irradiance * EARTH_ALBEDO * view * zenith
    infrared = emissivity * earth_area * EARTH_INFRARED * view
    return direct + albedo + infrared


@kernel
def heat_step(board, body, board_w, body_w, craft, seconds):
    """(board, body), K, after `seconds` with `board_w` W dissipated in the boards and `body_w` in the body.

    Radiation is linearised anew in every step; the linear system of two nodes is then solved with the (1, 2)
    Pade approximant of its exponential, of third order and L-stable, so that the temperatures end in their
    balance however long the step and however small the capacities.
    """
    per_board, per_body = 1.0 / craft.board_capacity, 1.0 / craft.heat_capacity  # divisions are dear
    rate, back = craft.board_conductance * per_board, craft.board_conductance * per_body
    emission = craft.emissivity * STEFAN_BOLTZMANN * craft.radiator_area * per_body
    fastest = max(rate, back + 4.0 * emission * body**3)
    steps = math.ceil(min(MOST_STEPS, max(1.0, seconds * fastest / STEP_SHARE)))
    h = seconds / steps
    for _ in range(steps):
        cube = emission * body**3
        p = rate * (body - board) + board_w * per_board
        q = back * (board - body) - cube * body + body_w * per_body
        up, down = _two_nodes(-rate * h, rate * h, back * h, -(back + 4.0 * cube) * h, p * h, q * h)
        board, body = board + up, body + down
    return board, body


@kernel
def _two_nodes(a, b, c, d, p, q):
    """Change after a unit of time of y' = A y + (p, q), y(0) = 0, with A = ((a, b), (c, d)): that is
    phi(A) (p, q), phi(z) = (e^z - 1) / z, here (1 - z / 6) / (1 - 2 z / 3 + z^2 / 6)."""
    u, v = p - SIXTH * (a * p + b * q), q - SIXTH * (c * p + d * q)
    e = 1.0 - 4.0 * SIXTH * a + SIXTH * (a * a + b * c)
    f = b * SIXTH * (a + d - 4.0)
    g = c * SIXTH * (a + d - 4.0)
    k = 1.0 - 4.0 * SIXTH * d + SIXTH * (b * c + d * d)
    scale = 1.0 / (e * k - f * g)
    return scale * (k * u - f * v), scale * (e * v - g * u)


@kernel
def throttle(temperature, throttle_above, shutdown_above):
    """Share of full payload activity allowed at `temperature` (K): 1, falling linearly to 0 at shutdown."""
    if temperature <= throttle_above:
        return 1.0
    if temperature >= shutdown_above:
        return 0.0
    return (shutdown_above - temperature) / (shutdown_above - throttle_above)


@kernel
def is_hot(body, craft):
    """Whether the payload of a satellite is off: it is too hot, or was and has not cooled enough yet."""
    return body.hot or body.temperature >= craft.shutdown_above or body.board >= craft.board_shutdown


@kernel
def has_cooled(body, craft):
    """Whether a satellite whose payload is off may switch it on again."""
    return body.temperature <= craft.throttle_above and body.board <= craft.board_throttle


@kernel
def power_share(body, craft, seconds):
    """Share of full speed and power at which the boards can run for the next `seconds`, 0 to 1.

    The less of what the body and the boards themselves allow. Of the boards that is what will be right at the
    end of the time (an implicit step), so that the clock does not swing when a round is long: a board at full
    power goes for `board_rise` above the body with its time constant.
    """
    if is_hot(body, craft):
        return 0.0
    share = throttle(body.temperature, craft.throttle_above, craft.shutdown_above)
    rise = craft.board_rise
    if max(body.board, body.temperature + rise) <= craft.board_throttle:
        return share
    x = seconds * craft.board_conductance / craft.board_capacity
    cold = (body.board + x * body.temperature) / (1.0 + x)  # at the end, without power
    span = craft.board_shutdown - craft.board_throttle
    own = (craft.board_shutdown - cold) / (span + x / (1.0 + x) * rise)
    return max(0.0, min(share, own))


@kernel
def full_power_minutes(body, craft, outside, most):
    """Minutes for which the boards can run at full power before they throttle; `most` if it is longer.

    With `outside` W from Sun and Earth as now, the bus at its standing load and nothing else at work.
    """
    if power_share(body, craft, 0.0) < 1.0:
        return 0.0
    inside = craft.base_load - craft.compute_load + outside
    heat = inside + craft.board_power
    balance = math.sqrt(math.sqrt(heat / (craft.emissivity * STEFAN_BOLTZMANN * craft.radiator_area)))
    limit = min(craft.throttle_above, craft.board_throttle - craft.board_rise)
    if max(balance, body.temperature) <= limit or _warmest_within(body, craft, heat, 60.0 * most) <= limit:
        return most
    board, whole, passed, step = body.board, body.temperature, 0.0, 2.0
    while passed < most:
        hotter, warmer = heat_step(board, whole, craft.board_power, inside, craft, 60.0 * step)
        over = max(
            _crossing(board, hotter, craft.board_throttle), _crossing(whole, warmer, craft.throttle_above)
        )
        if over > 0.0:
            return min(most, passed + (1.0 - over) * step)
        board, whole, passed = hotter, warmer, passed + step
    return most


@kernel
def _warmest_within(body, craft, heat, seconds):
    """A temperature (K) that the body does not pass in so many seconds of `heat` W: without a board that is
    still warm, and with radiation along its tangent, below which it never lies. One exponential, where to
    follow the temperatures takes thirty."""
    if body.board > body.temperature + craft.board_rise:
        return math.inf
    sent = craft.emissivity * STEFAN_BOLTZMANN * craft.radiator_area * body.temperature**3
    decay = -math.expm1(-4.0 * sent / craft.heat_capacity * seconds)
    return body.temperature + max(0.0, heat - sent * body.temperature) / (4.0 * sent) * decay


@kernel
def _crossing(before, after, limit):
    """Share of a step that lies beyond `limit`, by a straight line; 0 where it is not reached."""
    return 0.0 if after <= limit else min(1.0, (after - limit) / max(after - before, 1e-9))


def steady_temperature(heat: float, radiator_area: float, emissivity: float) -> float:
    """Temperature (K) at which `radiator_area` (m2) radiates `heat` (W): (heat / (e sigma A))^(1/4)."""
    return (heat / (emissivity * STEFAN_BOLTZMANN * radiator_area)) ** 0.25
