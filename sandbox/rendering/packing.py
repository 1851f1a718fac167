"""A recording as the few bytes that the interactive view reads (`runs.js` is their only reader).

zlib over: "OASV", the length of a header, the header in JSON, and arrays one after another. A number is
quantised to 1, 2 or 4 bytes, stands as its first or second difference in time, one satellite after another,
split into planes of low and high bytes: what then repeats is what zlib is good at. 2,800 satellites for 120
rounds come to a third of their plain 16-bit positions.

For the eye, not for analysis: positions are rounded to 0.2 km in low orbit, shares to 1 %, temperatures to
0.1 K. What is not known (NaN) is the header's "gap".
"""

import json
import math
import struct
import zlib
from typing import Any, NamedTuple

import numpy as np

from sandbox.errors import SandboxError
from sandbox.geography import cities, fine_coastline
from sandbox.lasers import CARGO
from sandbox.recording.recording import Recording
from sandbox.recording.variables import ROUND, SATELLITE, TARGET_STATES, VARIABLES
from sandbox.rendering.opening import kinds, opening
from sandbox.rendering.palette import mode_colours
from sandbox.rendering.words import SAID_BY_MINDS, kept_words

MAGIC = b"OASV"
MOST_FRAMES = 1_000_000  # rounds x satellites in one page; a longer run is thinned
LONGEST_STEP_S = 300.0  # beyond this the straight way between two frames leaves the orbit (4 km at 300 s)
COAST_DEG = 0.01

Header = dict[str, Any]


class Coding(NamedTuple):
    """How a variable is quantised: bytes of a number, and which difference in time stands for it.

    The bytes span the values; with `symmetric` they also hold zero exactly. With a `step` the number of bytes
    is what it takes to count steps from `base`.
    """

    width: int
    order: int
    symmetric: bool = False
    step: float = 0.0
    base: float = 0.0


_SHARE = Coding(1, 1, step=0.01)  # what the inspector prints
_FLOW = Coding(2, 0, symmetric=True)
_CODINGS = {
    "time": Coding(4, 2),
    "earth_angle": Coding(4, 2),
    "sun": Coding(2, 2, symmetric=True),
    "position": Coding(2, 2, symmetric=True),
    "battery": _SHARE,
    "store": _SHARE,
    "sunlight": _SHARE,
    "probability": _SHARE,
    "temperature": Coding(1, 1, step=0.1, base=273.15),
    "reward": _FLOW,
    "delivered_value": _FLOW,
    "downlinked": _FLOW,
    "thought_s": _FLOW,
    "thought_j": _FLOW,
    "encounter_position": Coding(2, 0, symmetric=True),  # 0 where nothing comes
    "fuel": Coding(2, 1, symmetric=True),
}
_CODINGS |= dict.fromkeys((f"link_{cargo}" for cargo in CARGO), _FLOW)
FLEET = {"fleet_value": "delivered_value", "fleet_reward": "reward"}
"""Sums over the fleet for each round: of quantised numbers they would be off."""
_CODINGS |= dict.fromkeys(FLEET, Coding(4, 0, symmetric=True))
_PLACE = Coding(2, 0)  # on the ground: to 0.3 km
_CODINGS |= {"target_latitude": _PLACE, "target_longitude": _PLACE, "target_value": _PLACE}
_SHARES = frozenset(name for name, coding in _CODINGS.items() if coding is _SHARE)
_THOUGHT = frozenset(("thought_s", "thought_j", "prompt_tokens", "output_tokens"))
# over the rounds that thinning leaves out these are summed; the others are taken as they stand
_CARGO = frozenset(f"link_{cargo}" for cargo in CARGO)
_SUMMED = _THOUGHT | _CARGO | {"reward", "delivered_value", "downlinked"}
# the view has the first two from the position, "doing" as its mode, and no place for the others yet
_NOT_SHOWN = frozenset(("latitude", "longitude", "board_temperature", "safe_mode", "doing"))
_CHARTED = frozenset(("battery", "temperature", "store", "reward"))
_TOLD = frozenset(("mode", "alive", "action", "station", "target", "probability"))  # in places of their own


def pack(recording: Recording, *, every: int | None = None, rest: bool = True) -> bytes:
    """`recording` for the view, every so many rounds: by default all, fewer from a million of the fleet on.

    `rest=False` leaves out what does not change with time, for rounds that are added to a view. Raises
    `SandboxError` for a recording without rounds, or an `every` that is no whole number above 0.
    """
    recording.frame()  # refuses an empty one
    rounds = np.arange(0, len(recording), stride(recording, every))
    headers, parts, at = [], [], 0
    for name, values in _chosen(recording, rounds, rest).items():
        header, data = _coded(name, values)
        headers.append(header | {"name": name, "at": at, "size": len(data)})
        parts.append(data)
        at += len(data)
    events, left_out = _events(recording)
    head = json.dumps(
        {
            "meta": _meta(recording),
            "colours": mode_colours(recording.doing_names, dark=True),
            "colours_light": mode_colours(recording.doing_names),
            **({"cities": _cities(), "opening": _opening(recording)} if rest else {}),
            "target_states": TARGET_STATES,
            "texts_left_out": left_out,
            "kinds": kinds(),
            "events": events,
            "arrays": headers,
        },
        separators=(",", ":"),
    ).encode()
    return zlib.compress(MAGIC + struct.pack("<I", len(head)) + head + b"".join(parts), 9)


def _opening(recording: Recording) -> list[float]:
    """Where the view begins: seconds, whose event it is, latitude and longitude (rad)."""
    time_s, satellite, *middle = opening(recording)
    return [round(time_s, 1), satellite, *(round(angle, 3) for angle in middle)]


def stride(recording: Recording, every: int | None = None) -> int:
    """Every how many rounds the view shows: what is asked for, or what a page can bear.

    Raises `SandboxError` for an `every` that is no whole number above 0.
    """
    if every is not None:
        if every != int(every) or every < 1:
            raise SandboxError(f"every = {every!r}; give the whole number of rounds from frame to frame.")
        return int(every)
    rounds, satellites = recording["battery"].shape
    wanted = -(-rounds * satellites // MOST_FRAMES)
    step = float(np.median(np.diff(recording["time"]))) if rounds > 1 else LONGEST_STEP_S
    return max(1, min(wanted, int(LONGEST_STEP_S // step)))


def unpacked(data: bytes) -> tuple[Header, dict[str, np.ndarray]]:
    """The header and the arrays of packed bytes, as the view decodes them. For tests, and to look inside."""
    raw = zlib.decompress(data)
    if raw[:4] != MAGIC:
        raise SandboxError("These bytes are no packed recording.")
    (length,) = struct.unpack_from("<I", raw, 4)
    header = json.loads(raw[8 : 8 + length])
    body = raw[8 + length :]
    return header, {a["name"]: _decoded(body[a["at"] : a["at"] + a["size"]], a) for a in header["arrays"]}


def _chosen(recording: Recording, rounds: np.ndarray, rest: bool) -> dict[str, np.ndarray]:
    """What goes into the page, by name."""
    found = {}
    for name in recording:
        variable, values = VARIABLES[name], recording.doing if name == "mode" else recording[name]
        if name in _NOT_SHOWN or (variable.static and not rest):
            continue
        if not variable.static:
            values = np.add.reduceat(values, rounds, axis=0) if name in _SUMMED else values[rounds]
        table = values.dtype == bool and variable.dims != (ROUND, SATELLITE)  # a mask, or which links are up
        found[name] = np.packbits(values, axis=-1, bitorder="little") if table else values
    for name, summed in FLEET.items():
        there = summed in recording  # not in what stands in for a first round
        each = np.nansum(recording[summed], axis=1, dtype=float) if there else np.zeros(len(recording))
        found[name] = np.add.reduceat(each, rounds)
    if rest:
        found |= _coast()
    return found


def _coast() -> dict[str, np.ndarray]:
    rings = fine_coastline()
    points = np.concatenate([np.rint(ring / COAST_DEG) for ring in rings]).astype(np.int32)
    return {"coast": points, "coast_lengths": np.array([len(ring) for ring in rings], np.int32)}


def _cities() -> list[tuple[str, float, float]]:
    """Names and places (degrees) of large cities, the largest first."""
    known = cities()
    order = np.argsort(-known.population, kind="stable")
    places = zip(
        known.name[order], np.degrees(known.latitude[order]), np.degrees(known.longitude[order]), strict=True
    )
    return [
        (str(name), round(float(latitude), 2), round(float(longitude), 2))
        for name, latitude, longitude in places
    ]


def _coded(name: str, values: np.ndarray) -> tuple[Header, bytes]:
    whole, header = _whole(name, values)
    header |= _shown(name)
    # unsigned arithmetic is modulo 256, 65536 or 2^32, and the sums of the reader wrap likewise
    number = np.dtype(f"<u{header['width']}")
    table = whole.astype(number).reshape(len(whole), math.prod(whole.shape[1:])).T
    for _ in range(header["order"]):
        table = np.diff(table, axis=1, prepend=number.type(0))
    planes = np.ascontiguousarray(table).ravel().view(np.uint8).reshape(-1, header["width"]).T
    return header | {"shape": list(values.shape)}, planes.tobytes()


def _whole(name: str, values: np.ndarray) -> tuple[np.ndarray, Header]:
    """The values as whole numbers, and how to come back: value = number x scale + offset."""
    variable = VARIABLES.get(name)
    if values.dtype.kind != "f":
        order = 1 if name == "coast" or (variable and not variable.static) else 0
        scale = COAST_DEG if name == "coast" else 1
        return values, _numbers(_width(values), True, order, scale, 0)
    coding = _CODINGS.get(name, Coding(2, 1) if variable and not variable.static else Coding(4, 0))
    numbers = np.asarray(values, np.float64)
    there = np.isfinite(numbers)
    known, gaps = numbers[there], not there.all()
    top = 2 ** (8 * coding.width) - 1 - 2 * gaps  # what is not known takes the number after the largest
    signed, width = coding.symmetric or coding.width == 4 or coding.step > 0, coding.width
    if coding.step:
        scale, offset = coding.step, coding.base
    elif coding.symmetric:
        scale, offset = float(np.abs(known).max(initial=0.0)) / (top // 2) or 1.0, 0.0
    else:
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
        # a signed number counts from zero: half of its range is enough
        scale, offset = (high - low) / (top // 2 if signed else top) or 1.0, low
    quantised = np.rint((known - offset) / scale).astype(np.int64)
    gap = int(quantised.max(initial=-1)) + 1
    whole = np.full(numbers.shape, gap)
    whole[there] = quantised
    if coding.step:
        width = _width(whole)
    header = _numbers(width, signed, coding.order, scale, offset)
    return whole, header | ({"gap": gap} if gaps else {})


def _numbers(width: int, signed: bool, order: int, scale: float, offset: float) -> Header:
    return {"width": width, "signed": signed, "order": order, "scale": scale, "offset": offset}


def _width(values: np.ndarray) -> int:
    """The bytes that signed numbers as large as these take. Raises `SandboxError` beyond four."""
    low, high = values.min(initial=0), values.max(initial=0)
    for width in (1, 2, 4):
        limit = 2 ** (8 * width - 1)
        if -limit <= low and high < limit:
            return width
    raise SandboxError(f"{high if high > -low else low} is too large a number for the view.")


def _shown(name: str) -> Header:
    """What the inspector and the menu of colours make of a variable; a new one of the fleet is listed too."""
    variable = VARIABLES.get(name)
    if variable is None:
        return {"moving": True} if name in FLEET else {}
    number = variable.dims == (ROUND, SATELLITE)
    measured = number and variable.dtype.startswith("f")
    return {
        "moving": not variable.static,
        "unit": "share" if name in _SHARES else variable.unit,
        "plain": number and name not in _TOLD | _CHARTED | _THOUGHT,
        "scheme": measured and name not in _TOLD,
        **({"range": [0, 1]} if name in _SHARES else {}),
    }


def _decoded(data: bytes, header: Header) -> np.ndarray:
    shape, width = header["shape"], header["width"]
    planes = np.frombuffer(data, np.uint8).reshape(width, math.prod(shape))
    number = np.dtype(f"<u{width}")
    table = np.ascontiguousarray(planes.T).ravel().view(number).reshape(math.prod(shape[1:]), shape[0])
    for _ in range(header["order"]):
        table = np.cumsum(table, axis=1, dtype=number)
    whole = table.astype(f"<{'i' if header['signed'] else 'u'}{width}")
    values = whole.T.reshape(shape) * header["scale"] + header["offset"]
    return np.where(whole.T.reshape(shape) == header["gap"], np.nan, values) if "gap" in header else values


def _meta(recording: Recording) -> Header:
    keys = ("scenario", "env", "policy", "seed", "epoch", "round_s")
    names = ("satellite_names", "station_names", "action_names", "laser_bit_s")
    kept = {key: recording.meta[key] for key in (*keys, *names) if key in recording.meta}
    return kept | {"mode_names": recording.doing_names}


def _events(recording: Recording) -> tuple[list[list], int]:
    """The events, and how many thoughts had to leave their words behind."""
    told, rows = recording.events.rows(), []
    kept, left_out = kept_words(told), 0
    for i, (time_s, satellite, kind, target, value, text) in enumerate(told):
        if not math.isfinite(time_s):
            continue
        worth = float(f"{value:.4g}") if math.isfinite(value) else None
        row = [round(time_s, 1), satellite, kind, target, worth]
        if text:
            lost = kind in SAID_BY_MINDS and i not in kept
            left_out += lost
            row.append(None if lost else text)
        rows.append(row)
    return rows, left_out
