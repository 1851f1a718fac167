"""Named constants of units, and astropy's quantities, times and differences of times at public entrances.

Inside, every number is in the unit that its docstring says (SI and radians). At an entrance a Quantity is
converted to it, and a bare number is taken as it is:

    walker_delta(24, 4, 1, altitude_m=550 * u.km, inclination=53 * u.deg)

astropy is imported only once a Quantity is met.
"""

import inspect
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from sandbox.errors import SandboxError

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0  # s
KELVIN = 273.15  # K at 0 degrees Celsius
KILO, MEGA, GIGA = 1e3, 1e6, 1e9

STATE = "m, m/s"
"""The unit of states (..., 6): positions and velocities."""
_Function = TypeVar("_Function", bound=Callable[..., Any])

# endings of field names, each with the unit that it stands for in astropy's notation
_ENDINGS = {
    "m": "m", "km": "km", "m2": "m2", "m_s": "m/s", "km_s": "km/s", "m_day15": "m / d(3/2)",
    "deg": "deg", "deg_s": "deg/s", "deg_s2": "deg/s2", "rev_day": "cycle/d", "rev_day2": "cycle/d2",
    "s": "s", "min": "min", "h": "h", "per_hour": "1/h", "per_day": "1/d",
    "kg": "kg", "w": "W", "wh": "W h", "j": "J", "j_k": "J/K", "c": "deg_C", "k": "K",
    "mm_h": "mm/h", "mhz": "MHz", "ghz": "GHz",
    "dbw": "dB(W)", "db": "dB", "db_k": "dB(1/K)", "percent": "percent",
    "kbit": "kbit", "mbit": "Mbit", "gbit": "Gbit", "mbit_s": "Mbit/s", "gbit_s": "Gbit/s",
    "bit_s_hz": "bit / (s Hz)", "mbyte_s": "Mbyte/s",
}  # fmt: skip


def has_unit(value: Any) -> bool:
    """Whether `value` is a Quantity, a Time, a TimeDelta or a timedelta, or a list with one in it."""
    if isinstance(value, (list, tuple)):
        return any(map(has_unit, value))
    return hasattr(value, "to_value") or isinstance(value, timedelta)


def is_of_astropy(value: Any) -> bool:
    """Whether `value` itself is a Quantity, a Time or a TimeDelta."""
    return hasattr(value, "to_value")


def is_time(value: Any) -> bool:
    """Whether `value` is a moment in time of astropy, which no number stands for."""
    return hasattr(value, "to_value") and not hasattr(value, "to")


def in_unit(name: str, value: Any, unit: str) -> Any:
    """`value`, called `name`, as a number or array in `unit` (astropy's notation); bare numbers as they are.

    A state (`STATE`) has two units: it may be a pair of positions and velocities (..., 3), or six quantities.
    Raises SandboxError for a value of another physical type.
    """
    if not has_unit(value):
        return value
    if unit == STATE:
        return _state(name, value)
    if isinstance(value, (list, tuple)):
        return [in_unit(name, item, unit) for item in value]
    from astropy import units as u

    quantity = value.total_seconds() * u.s if isinstance(value, timedelta) else value
    try:
        if is_time(value):
            raise u.UnitsError
        known = {"equivalencies": u.temperature()} if unit == "deg_C" else {}
        number = quantity.to_value(u.Unit(unit), **known)
    except (u.UnitsError, TypeError, ValueError):
        raise SandboxError(_wrong_type(name, value, unit)) from None
    if unit == "m2" and np.shape(number)[-2:] == (6, 6):
        raise SandboxError(
            f"{name} is given in {quantity.unit!s:.40}, but covariances (..., 6, 6) of position and velocity "
            "have several units; give those of position (..., 3, 3), or plain numbers in m and s."
        )
    return float(number) if np.ndim(number) == 0 else np.asarray(number, dtype=float)


def _state(name: str, value: Any) -> Any:
    """States (..., 6) in m and m/s of a pair of quantities (..., 3), of six, or of a list of such."""
    parts = list(value) if isinstance(value, (list, tuple)) else []
    if len(parts) == 6 and not any(map(np.ndim, parts)):
        return [in_unit(name, part, "m" if k < 3 else "m/s") for k, part in enumerate(parts)]
    nested = any(isinstance(part, (list, tuple)) and any(map(np.ndim, part)) for part in parts)
    if len(parts) == 2 and not nested and all(np.shape(part)[-1:] == (3,) for part in parts):
        pair = [in_unit(name, part, unit) for part, unit in zip(parts, STATE.split(", "), strict=True)]
        try:
            return np.concatenate(np.broadcast_arrays(*pair), axis=-1, dtype=float)
        except (TypeError, ValueError):
            shapes = " and ".join(str(np.shape(part)) for part in parts)
            raise SandboxError(f"{name} is a pair of shapes {shapes}; give both as (..., 3).") from None
    if parts and all(isinstance(part, (list, tuple)) or np.shape(part)[-1:] == (6,) for part in parts):
        return [in_unit(name, part, STATE) for part in parts]
    raise SandboxError(
        f"{name} has positions and velocities, which have two units; give a pair of quantities (..., 3), or "
        "plain numbers (..., 6) in m and m/s."
    )


def _wrong_type(name: str, value: Any, unit: str) -> str:
    own = getattr(value, "unit", None)
    if own is None:
        given = "as a date" if is_time(value) else "as a time"
    else:
        kind = str(own.physical_type)
        of = f" ({kind:.40})" if kind != "unknown" else ""
        given = f"in {own!s:.40}{of}" if str(own) else "without a unit"
    wanted = f"a quantity that converts to {unit}, or a number in {unit}" if unit else "a plain number"
    return f"{name} is given {given}; give {wanted}."


def unit_of(field: str) -> str:
    """The unit that a field's name ends with, such as km for altitude_km; "" if it has none."""
    parts = field.split("_")
    for first in range(len(parts)):
        if unit := _ENDINGS.get("_".join(parts[first:])):
            return unit
    return ""


def without_units(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields with each Quantity as a number (or list of numbers) in the unit of the field's name.

    Raises SandboxError for a Quantity that does not convert to it.
    """
    plain = dict(fields)
    for name, value in fields.items():
        if has_unit(value) and not (is_time(value) and not unit_of(name)):
            number = in_unit(name, value, unit_of(name))
            plain[name] = number.tolist() if isinstance(number, np.ndarray) else number
    return plain


def accepts_quantities(**units: str) -> Callable[[_Function], _Function]:
    """Decorator of a public function: the arguments so named may be quantities and arrive as bare numbers.

    `units` gives the unit of each in astropy's notation. A Quantity in any other argument, or one of another
    physical type, raises SandboxError.
    """

    def decorate(function: _Function) -> _Function:
        signature = inspect.signature(function)

        @wraps(function)
        def converted(*positional: Any, **named: Any) -> Any:
            if not (any(map(has_unit, positional)) or any(map(has_unit, named.values()))):
                return function(*positional, **named)
            given = signature.bind(*positional, **named)
            for name, value in given.arguments.items():
                if name in units:
                    given.arguments[name] = in_unit(name, value, units[name])
                elif hasattr(value, "unit"):
                    raise SandboxError(_wrong_type(name, value, ""))
            return function(*given.args, **given.kwargs)

        return converted  # type: ignore[return-value]

    return decorate
