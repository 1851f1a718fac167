"""An observation in some dozens of tokens: one bucket token per feature, one special token per action.

A prompt reads, in the order of the declarations,

    <battery:20><temperature:15>...<time_left:31>           what the satellite knows of itself
    <request_value:28>...<request_deadline:40><observe_1>   each thing it may act on, closed by its action
    <warning_time:35>...<warning_age:02><warning_1>         or, where none is about it alone, by its name
    <idle><charge><downlink><decide>                        the other legal actions, and the question

and the answer is one action token. What a report in words leaves out leaves no token here either: a feature
at its `silent_at`, a group whose gate is shut; nor does a group whose action is illegal, nor a flag that is
not up. What means the same in several problems has the same tokens.

Buckets divide a feature's range evenly, or by a root of it where decisions hang on what is near zero
(`Scale`). A feature without a token of its own is two: `<feature_07>` numbers it within its layout and
`<bucket:19>` holds its value; an action without one is `<action_07>`. So any problem can be read, with the
same vocabulary.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.blocks.images import KINDS
from envs.features import Feature, Layout
from sandbox.errors import SandboxError


class Scale(NamedTuple):
    """How the range of a feature is cut: into so many `buckets`, even in the `power`-th root of the share of
    the range; `signed`, of the distance from its middle."""

    buckets: int
    power: int = 1
    signed: bool = False


EVEN, FINE, FLAG = Scale(32), Scale(64), Scale(2)
ROOT, ROUGH_ROOT, CUBE_ROOT, ROUGH_CUBE_ROOT = Scale(64, 2), Scale(32, 2), Scale(64, 3), Scale(32, 3)
SIGNED = Scale(64, 2, True)
TIME_UNITS = ("s", "min", "h")
CHAT = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")
PADDING, DECIDE = "<|endoftext|>", "<decide>"
ACTIONS = (
    *("idle", "charge", "downlink", *(f"observe_{k}" for k in range(1, 17))),
    *("defer", "run_small", "run_large", *(f"neighbour_{k}" for k in range(1, 5))),
    *("training", "ground", "drop"),
    *("wait", "forward_small", "forward_large", "backward_small", "backward_large", "return"),
    *("keep", "reload"),
)
"""Actions with tokens of their own."""
ABOUT = {"request": "observe"}
"""Groups that another name than theirs acts upon: subject, action, both without their number."""
SUBJECTS = ("job", *(f"warning_{k}" for k in range(1, 9)))
"""Groups with a token that closes them where no action does."""
UNREAD = ("upcoming", "directive")
"""Groups that are left out: the nano has learned to do without them."""
UNREAD_FEATURES = frozenset(
    (*(f"request_{feature.name}" for feature in KINDS), "request_latitude", "request_longitude", "utc")
)
"""Features, those of a group without its number, that are left out for the same reason."""
SPARE_ACTIONS, SPARE_FEATURES, ITEMS = 64, 128, 16
_ORDERS = ("idle", "charge", "downlink", "observe", *ACTIONS[19:29])
_SCALED: tuple[tuple[Scale, tuple[str, ...]], ...] = (
    (
        ROOT,
        (
            *("oldest_image", "to_shadow", "to_sunlight", "slew_to_sun"),
            *("station_seconds", "contact_in", "contact_length"),
            *("request_slew", "request_capture_in", "request_window", "request_deadline"),
            *("backlog", "training_delay", "warning_time", "warning_miss", "warning_sigma"),
        ),
    ),
    (
        ROUGH_ROOT,
        (
            *("inbox", "answers", "raw", "board_reset", "job_small_s", "job_large_s"),
            *("neighbour_delay", "neighbour_backlog", "neighbour_inbox", "neighbour_age"),
            *("training_large_s", "warning_age", "full_power_left", "battery_left", "station_fade"),
        ),
    ),
    (CUBE_ROOT, ("job_age", "job_left")),
    (ROUGH_CUBE_ROOT, ("job_half_life", "job_size")),
    (SIGNED, ("offset", "drift")),
    (FINE, ("warning_risk",)),
    (
        EVEN,
        (
            *("battery", "temperature", "board_temperature", "battery_health"),
            *("store", "stored", "images", "sunlight", "panel_cosine"),
            *("latitude", "longitude", "northward", "time_left"),
            *("station_elevation", "station_rate", "station_uplink", "station_rivals"),
            *("contact_rate", "contact_rain"),
            *("request_value", "request_cloud", "request_off_nadir", "request_rivals", "request_earlier"),
            *("large_missing", "job_value", "job_small_quality", "job_large_quality", "job_ground_quality"),
            *("job_user_elevation", "job_hops", "neighbour_battery", "fuel", "warnings"),
        ),
    ),
    (FLAG, ("job_camera", "safe_mode", "weights_fault", *(f"order_{name}" for name in _ORDERS))),
)
SCALES = {name: scale for scale, names in _SCALED for name in names}
"""Features with tokens of their own. A group's stand without its number."""

SPECIAL = (
    *CHAT,
    DECIDE,
    *(f"<{name}>" for name in ACTIONS),
    *(f"<action_{k:02d}>" for k in range(SPARE_ACTIONS)),
    *(f"<{name}>" for name in SUBJECTS),
    *(f"<item_{k}>" for k in range(1, ITEMS + 1)),
)
PLAIN = (
    *(f"<feature_{k:02d}>" for k in range(SPARE_FEATURES)),
    *(f"<{name}:{k:02d}>" for name, scale in SCALES.items() for k in range(scale.buckets)),
    *(f"<bucket:{k:02d}>" for k in range(EVEN.buckets)),
)
TOKENS = (*SPECIAL, *PLAIN)
"""The tokens of dense prompts; a token's place here is its id."""
IDS = {token: i for i, token in enumerate(TOKENS)}


class Column(NamedTuple):
    """A place in the table that prompts are cut from; all but `token` only where it applies."""

    token: int
    """The token, or of a bucket the first of its feature."""
    feature: int = -1
    """Feature whose bucket is added to the token."""
    silenced: int = -1
    """Feature at whose `silent_at` the token is left out."""
    action: int = -1
    """Action without which, where it is illegal, the token is left out."""
    gate: int = -1
    """Feature without which, where it is 0, the token is left out."""


class DenseRenderer:
    """Writes observations of `layout` with `actions` as token ids, many at once.

    Raises SandboxError where features or actions outnumber the spare tokens.
    """

    def __init__(self, layout: Layout, actions: Sequence[str]) -> None:
        self.layout, self.actions = layout, tuple(actions)
        self.action_ids = np.array([_action_id(name, i) for i, name in enumerate(actions)])
        scales = [_scale(feature, layout) for feature in layout.features]
        self._buckets, self._power, self._signed = (np.array(column) for column in zip(*scales, strict=True))
        columns = list(_columns(layout, self.actions, self.action_ids))
        self._token, self._feature, self._silenced, self._action, self._gate = np.array(columns).T
        self._closes = {c.token: c.gate for c in columns if c.gate >= 0 and c.feature < 0}
        silent = [_silent_at(f, scale) for f, scale in zip(layout.features, scales, strict=True)]
        self._silent_at = layout.scaled(np.array(silent))

    def ids(
        self, observation: NDArray[np.float32], mask: NDArray[np.int8]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Prompts (R, L) of observations (R, F) and masks (R, A), padded on the left; their lengths (R,)."""
        bucket = self.bucket(observation)
        tokens = self._token + np.where(self._feature >= 0, bucket[:, self._feature], 0)
        spoken = ~(np.abs(observation - self._silent_at) <= 2e-6)
        keep = (self._silenced < 0) | spoken[:, self._silenced]
        keep &= (self._action < 0) | (mask[:, self._action] > 0)
        keep &= (self._gate < 0) | (observation[:, self._gate] > 0.0)
        lengths = keep.sum(axis=1)
        order = np.argsort(keep, axis=1, kind="stable")[:, keep.shape[1] - lengths.max(initial=1) :]
        padded = np.where(keep, tokens, IDS[PADDING])
        return np.take_along_axis(padded, order, axis=1), lengths

    def bucket(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """The bucket (R, F) that each number in [-1, 1] falls into."""
        share = np.clip(self.layout.share(observation), 0.0, 1.0)
        about = np.where(self._signed, 2.0 * share - 1.0, share)
        root = np.copysign(np.abs(about) ** (1.0 / self._power), about)
        share = np.where(self._signed, 0.5 * (root + 1.0), root)
        return np.minimum((share * self._buckets).astype(np.int64), self._buckets - 1)

    def bounds(self, feature: int, bucket: int) -> tuple[float, float]:
        """Lowest and highest value, in its unit, of a feature in that bucket."""
        edges, power = np.array([bucket, bucket + 1]) / self._buckets[feature], self._power[feature]
        if self._signed[feature]:
            about = 2.0 * edges - 1.0
            edges = 0.5 * (np.copysign(np.abs(about) ** power, about) + 1.0)
        else:
            edges = edges**power
        low, high = self.layout.low[feature], self.layout.high[feature]
        first, last = low + edges * (high - low)
        return float(first), float(last)

    def read(self, ids: Sequence[int]) -> tuple[dict[str, tuple[float, float]], list[str]]:
        """What a prompt says: the bounds of the features that it names, and the legal actions, in order."""
        said: dict[str, tuple[float, float]] = {}
        legal = np.zeros(len(self.actions), bool)
        place = 0
        for token, gate in zip(ids, self._gates(ids), strict=True):
            while place < len(self._token) and not self._holds(place, token, gate):
                place += 1
            if place == len(self._token):
                raise SandboxError(f"Token {token} has no place in a prompt of this problem.")
            feature = self._feature[place]
            if feature >= 0:
                bounds = self.bounds(feature, token - self._token[place])
                said[self.layout.names[feature]] = bounds
            legal |= self.action_ids == token
            place += 1
        return said, [name for name, allowed in zip(self.actions, legal, strict=True) if allowed]

    def _gates(self, ids: Sequence[int]) -> list[int]:
        """The gate of the group that the next token to close one closes, for every token; -1 for none."""
        gates, gate = [], -1
        for token in reversed(ids):
            gate = self._closes.get(token, gate)
            gates.append(gate)
        return gates[::-1]

    def _holds(self, place: int, token: int, gate: int) -> bool:
        feature = self._feature[place]
        count = self._buckets[feature] if feature >= 0 else 1
        here = self._gate[place] in (-1, gate)
        return bool(here and 0 <= token - self._token[place] < count)


def text_of(ids: Sequence[int]) -> str:
    """A prompt as the tokenizer reads it."""
    return "".join(TOKENS[i] for i in ids)


def strangers(layout: Layout, actions: Sequence[str]) -> list[str]:
    """The features of `layout` and those of `actions` that have no token of their own."""
    said = [f for f in layout.features if not f.gate and _key(f, layout) not in SCALES]
    said = [f for f in said if not (f.name.startswith(UNREAD) or _key(f, layout) in UNREAD_FEATURES)]
    return [*(feature.name for feature in said), *(name for name in actions if name not in ACTIONS)]


def _columns(layout: Layout, actions: Sequence[str], action_ids: NDArray) -> Iterator[Column]:
    groups = _groups(layout)
    grouped = {i for group in groups for i in group}
    groups = [group for group in groups if not _subject(layout, group).startswith(UNREAD)]
    for i in range(len(layout)):
        if i not in grouped:
            yield from _feature_columns(layout, i)
    closers = [_closer(layout, group, groups, actions) for group in groups]
    for k, (group, action) in enumerate(zip(groups, closers, strict=True)):
        gate = next(i for i in group if layout.features[i].gate)
        for i in group:
            if i != gate:
                for column in _feature_columns(layout, i):
                    yield column._replace(gate=gate, action=action)
        named = IDS.get(f"<{_subject(layout, group)}>", IDS[f"<item_{k % ITEMS + 1}>"])
        yield Column(int(action_ids[action]) if action >= 0 else named, gate=gate, action=action)
    for a, token in enumerate(action_ids):
        if a not in closers:
            yield Column(int(token), action=a)
    yield Column(IDS[DECIDE])


def _feature_columns(layout: Layout, i: int) -> Iterator[Column]:
    key = _key(layout.features[i], layout)
    if key in UNREAD_FEATURES:
        return
    first = IDS.get(f"<{key}:00>")
    if first is None:
        if i >= SPARE_FEATURES:
            raise SandboxError(
                f"Feature {layout.names[i]!r} is number {i}; the nano can name the first {SPARE_FEATURES}."
            )
        yield Column(IDS[f"<feature_{i:02d}>"], silenced=i)
        first = IDS["<bucket:00>"]
    yield Column(first, feature=i, silenced=i)


def _groups(layout: Layout) -> list[list[int]]:
    """The features that share a topic with a gate, topic by topic, gate included."""
    topics = [feature.topic for feature in layout.features if feature.gate]
    return [[i for i, f in enumerate(layout.features) if f.topic == topic] for topic in topics]


def _closer(layout: Layout, group: list[int], groups: list[list[int]], actions: Sequence[str]) -> int:
    """The one action upon the group, by its name or as the only one with its number; else -1."""
    subject, number = _subject(layout, group), _number(layout, group)
    about = ABOUT.get(subject.removesuffix(f"_{number}"), "")
    for name in (subject, f"{about}_{number}"):
        if name in actions:
            return list(actions).index(name)
    same = [a for a, name in enumerate(actions) if number and re.search(rf"_{number}$", name)]
    alone = sum(_number(layout, other) == number for other in groups) == 1
    return same[0] if len(same) == 1 and alone else -1


def _subject(layout: Layout, group: list[int]) -> str:
    """What the group is about: the name of its gate without the last word."""
    gate = next(layout.names[i] for i in group if layout.features[i].gate)
    return gate.rpartition("_")[0]


def _number(layout: Layout, group: list[int]) -> str:
    """The number that all names of the group bear; "" where there is none or they differ."""
    numbers = {found.group(1) for i in group if (found := re.search(r"_(\d+)_", layout.names[i]))}
    return numbers.pop() if len(numbers) == 1 else ""


def _key(feature: Feature, layout: Layout) -> str:
    """The feature's name, without its number where it belongs to a group."""
    if any(f.gate and f.topic == feature.topic for f in layout.features):
        return re.sub(r"_\d+_", "_", feature.name, count=1)
    return feature.name


def _scale(feature: Feature, layout: Layout) -> Scale:
    return SCALES.get(_key(feature, layout), ROUGH_ROOT if feature.unit in TIME_UNITS else EVEN)


def _silent_at(feature: Feature, scale: Scale) -> float:
    """The value at which there is nothing to say, NaN for none; of a flag, when it is not up."""
    if scale is FLAG:
        return feature.low
    return np.nan if feature.silent_at is None else feature.silent_at


def _action_id(name: str, number: int) -> int:
    known = IDS.get(f"<{name}>") if name in ACTIONS else IDS.get(f"<action_{number:02d}>")
    if known is None:
        raise SandboxError(
            f"Action {name!r} is number {number}; the nano can name the first {SPARE_ACTIONS}."
        )
    return known
