"""The quantities of a recording, each declared once."""

from typing import NamedTuple

__all__ = ["EVENT_KINDS", "TARGET_STATES", "VARIABLES", "EventKind", "Variable"]

TARGET_STATES = ("not yet", "open", "captured", "delivered", "expired")
"""What a request can be, by the number that recordings hold."""

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
        """Whether it is the same in every round."""
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
        Variable("doing", _FLEET, "u1", "", "what it was about: index into meta doing_names", True),
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
        *(
            Variable(f"link_{cargo}", (ROUND, SATELLITE, TERMINAL), "f4", "bit", f"{what} sent over it", True)
            for cargo, what in (
                ("images", "image data"),
                ("questions", "questions of users"),
                ("answers", "answers"),
                ("messages", "messages"),
            )
        ),
        Variable("fuel", _FLEET, "f4", "m/s", "change of velocity that it can still make", True),
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
"""Everything that a recording may hold, by name."""
RENAMED = {"encounter_position": "threat_position"}
"""What variables were called in recordings of older versions: the name of today, and that one."""
STATIC = tuple(name for name, variable in VARIABLES.items() if variable.static)
MOVING = tuple(name for name, variable in VARIABLES.items() if not variable.static)
OPTIONAL = frozenset(name for name, variable in VARIABLES.items() if variable.optional)


class EventKind(NamedTuple):
    """What an event is about: the list that its `target` counts in, the lane it is drawn in, its value."""

    about: str
    lane: str
    description: str


EVENT_KINDS = {
    "capture": EventKind("request", "images", "an image was taken; value on the spot"),
    "cloudy": EventKind("request", "images", "an image was thrown away for cloud"),
    "duplicate": EventKind("request", "images", "an image came second and was thrown away"),
    "expired": EventKind("request", "images", "a request that nobody imaged; value forgone"),
    "completion": EventKind("request", "images", "an order of several images arrived; value paid for it"),
    "tip": EventKind("request", "images", "an image opened an urgent request"),
    "delivery": EventKind("request", "delivered", "an image arrived; value then"),
    "question": EventKind("job", "jobs", "a question reached a satellite; value"),
    "handover": EventKind("job", "jobs", "a question was handed to a neighbour"),
    "computed": EventKind("job", "jobs", "a board had its answer"),
    "answer": EventKind("job", "delivered", "an answer arrived; value paid"),
    "dropped": EventKind("job", "jobs", "a question was given up; value forgone"),
    "unanswered": EventKind("job", "jobs", "a question's deadline passed; value forgone"),
    "robot": EventKind("", "jobs", "a robot reached its victim, or did not; by the last to answer"),
    "order": EventKind("order", "orders", "the ground issued an order, or a satellite heard it"),
    "warning": EventKind(
        "encounter", "conjunctions", "a warning came or sharpened; value is the probability"
    ),
    "burn": EventKind("", "conjunctions", "it burned; value in m/s"),
    "closest_approach": EventKind("encounter", "conjunctions", "something passed it; value in m"),
    "collision": EventKind("", "conjunctions", "it was hit"),
    "safe_mode": EventKind("", "health", "it went into safe mode; value is the battery's share"),
    "recovered": EventKind("", "health", "it came back from safe mode"),
    "reset": EventKind("", "health", "its boards were reset"),
    "string": EventKind("", "health", "its battery lost a string of cells"),
    "corrupted": EventKind("", "health", "a scrub found its weights corrupted"),
    "lost": EventKind("", "health", "it was lost"),
    "outage": EventKind("station", "health", "a station fell silent"),
    "repaired": EventKind("station", "health", "a station is back"),
    "disaster": EventKind("disaster", "health", "a disaster struck"),
    "thought": EventKind("", "minds", "a mind decided; value in J"),
    "consulted": EventKind("", "minds", "its planner searched; value in J"),
    "reason": EventKind("", "minds", "a policy decided otherwise than before, and why"),
    "override": EventKind("", "minds", "a person decided in its place, or no longer does"),
    "replaced": EventKind("", "minds", "something else was carried out than was decided, and why"),
    "late": EventKind("", "minds", "a decision came too late to be carried out, or its thought was lost"),
}
"""The kinds that the sandbox itself writes; others may be noted beside them."""
