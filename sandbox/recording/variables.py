"""The quantities of a recording, each declared once."""

from typing import NamedTuple

__all__ = ["TARGET_STATES", "VARIABLES", "Variable"]

TARGET_STATES = ("not yet", "open", "captured", "delivered", "expired")

ROUND, SATELLITE, AXIS = "time", "satellite", "axis"
CHOICE, STATION, TARGET = "choice", "ground_station", "ground_target"
TERMINAL, TERMINALS = "terminal", 4
DIMS = (ROUND, SATELLITE, AXIS, CHOICE, STATION, TARGET, TERMINAL)
LABELS = {SATELLITE: "satellite_names", CHOICE: "action_names", STATION: "station_names"}  # keys of meta


class Variable(NamedTuple):
    """A quantity: its dimensions (time first, or static without it), how it is stored, unit and meaning."""

    name: str
    dims: tuple[str, ...]
    dtype: str
    unit: str
    description: str
    optional: bool = False

    @property
    def static(self) -> bool:
        return ROUND not in self.dims


_FLEET = (ROUND, SATELLITE)

VARIABLES = {
    variable.name: variable
    for variable in (
        Variable("time", (ROUND,), "f8", "s", "since the scenario's UTC epoch"),
        Variable("earth_angle", (ROUND,), "f8", "rad", "rotation from GCRS to the Earth, unwrapped"),
        Variable("sun", (ROUND, AXIS), "f8", "1", "unit vector to the Sun, GCRS"),
        Variable("position", (ROUND, SATELLITE, AXIS), "f4", "m", "position, GCRS"),
        Variable("latitude", _FLEET, "f4", "rad", "geodetic latitude below the satellite"),
        Variable("longitude", _FLEET, "f4", "rad", "longitude below the satellite"),
        Variable("battery", _FLEET, "f4", "1", "state of charge, share of capacity"),
        Variable("store", _FLEET, "f4", "1", "data on board, share of capacity"),
        Variable("temperature", _FLEET, "f4", "K", "temperature of the body"),
        Variable("board_temperature", _FLEET, "f4", "K", "temperature of the accelerator boards", True),
        Variable("safe_mode", _FLEET, "?", "", "whether it is in safe mode", True),
        Variable("sunlight", _FLEET, "f4", "1", "visible share of the Sun's disc, 0 in full shadow"),
        Variable("mode", _FLEET, "u1", "", "what it does: index into meta mode_names"),
        Variable("alive", _FLEET, "?", "", "whether it still works"),
        Variable("action", _FLEET, "i2", "", "decision: index into meta action_names, -1 none"),
        Variable("mask", (ROUND, SATELLITE, CHOICE), "?", "", "whether the decision was open to it", True),
        Variable("probability", _FLEET, "f4", "1", "of the decision, by its policy; NaN if not given", True),
        Variable("thought_s", _FLEET, "f4", "s", "length of the thought that began in the round", True),
        Variable("thought_j", _FLEET, "f4", "J", "energy of the thought that began in the round", True),
        Variable("prompt_tokens", _FLEET, "i4", "1", "tokens that it read", True),
        Variable("output_tokens", _FLEET, "i4", "1", "tokens that it wrote", True),
        Variable("reward", _FLEET, "f4", "1", "reward of the round"),
        Variable("station", _FLEET, "i2", "", "ground station that served it, -1 none"),
        Variable("target", _FLEET, "i4", "", "request it was imaging, -1 none"),
        Variable("delivered_value", _FLEET, "f4", "1", "value that reached the ground in the round"),
        Variable("downlinked", _FLEET, "f4", "bit", "data sent to the ground in the round"),
        Variable("target_state", (ROUND, TARGET), "u1", "", "index into TARGET_STATES", True),
        Variable(
            "station_sky", (ROUND, STATION), "u1", "", "sky over a station: index into radio.SKIES", True
        ),
        Variable(
            "link_peer",
            (ROUND, SATELLITE, TERMINAL),
            "i4",
            "",
            "satellite to which a laser terminal can send, -1 none",
            True,
        ),
        Variable(
            "encounter_position",
            (ROUND, SATELLITE, AXIS),
            "f4",
            "m",
            "of the next object that passes within half an hour, GCRS; 0 if none does",
            True,
        ),
        Variable("station_latitude", (STATION,), "f8", "rad", "geodetic latitude of a ground station"),
        Variable("station_longitude", (STATION,), "f8", "rad", "longitude of a ground station"),
        Variable("target_latitude", (TARGET,), "f8", "rad", "geodetic latitude of a request"),
        Variable("target_longitude", (TARGET,), "f8", "rad", "longitude of a request"),
        Variable("target_value", (TARGET,), "f8", "1", "value of a request once delivered"),
    )
}
RENAMED = {"encounter_position": "threat_position"}
"""What variables were called in recordings of older versions: the name of today, and that one."""
STATIC = tuple(name for name, variable in VARIABLES.items() if variable.static)
MOVING = tuple(name for name, variable in VARIABLES.items() if not variable.static)
OPTIONAL = frozenset(name for name, variable in VARIABLES.items() if variable.optional)
