"""A trained network as a policy: a folder with `policy.npz`, as `experiments train` leaves it.

    policy = make_policy("results/ppo", env)

The file holds numbers and one line of JSON, nothing that could run. A forward pass is plain NumPy, so that a
trained policy needs no more than the environments do.
"""

import json
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2s
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.policy import Policy
from sandbox.errors import SandboxError, shown
from sandbox.files import replacing

FILE, FORMAT, SCHEMA = "policy.npz", "orbital-autonomy-sandbox policy", 1
MODES = ("argmax", "sample")
MOST_BYTES = 1 << 28
CLIP = 5.0
"""How far from its mean, in deviations, a normalised observation is told apart."""


class Weights(NamedTuple):
    """A network and what it was made for. F features, A actions, layers of tanh, a GRU after the first."""

    problem: str
    features: tuple[str, ...]
    actions: tuple[str, ...]
    mode: str
    """"argmax": the likeliest action; "sample": one drawn from the probabilities."""
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    """(F,) What is seen is (observation - mean) x scale, clipped to [-CLIP, CLIP]."""
    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
    """(out, in) matrix and (out,) bias of each; the last gives the logits."""
    gru: tuple[NDArray[np.float32], ...] = ()
    """Matrices (3H, H) of input and of state, biases (3H,) of each: gates reset, update, new, as in torch."""

    says: int = 0
    """Numbers of a message, each -1 or 1: the last logits are those of their being 1."""

    @property
    def memory(self) -> int:
        """Numbers that it remembers from round to round."""
        return self.gru[1].shape[1] if self.gru else 0


class Forward:
    """A network made ready to be played: what is seen is normalised by the first layer.

    Of (clip(x, low, high) - mean) x scale the difference and the factor are within its matrix and bias.
    """

    def __init__(self, weights: Weights) -> None:
        self.gru, reach = weights.gru, CLIP / weights.scale
        self._low, self._high = weights.mean - reach, weights.mean + reach
        (matrix, bias), *rest = weights.layers
        first = matrix * weights.scale, bias - matrix @ (weights.mean * weights.scale)
        self._layers = [(np.ascontiguousarray(part.T), shift) for part, shift in (first, *rest)]

    def __call__(
        self, observation: NDArray[np.float32], memory: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (R, A + says) and the memory after, for observations (R, F) and the memory (R, H) before."""
        x = np.minimum(observation, self._high)
        np.maximum(x, self._low, out=x)
        *hidden, (last, bias) = self._layers
        for i, (matrix, shift) in enumerate(hidden):
            x = x @ matrix
            x += shift
            np.tanh(x, out=x)
            if i == 0 and self.gru:
                x = memory = _gru(x, memory, *self.gru)
        x = x @ last
        x += bias
        return x, memory


def _gru(
    x: NDArray,
    h: NDArray,
    from_input: NDArray,
    from_state: NDArray,
    shift_input: NDArray,
    shift_state: NDArray,
) -> NDArray[np.float32]:
    """Gated recurrent unit (Cho et al. 2014), in the form of torch.nn.GRUCell."""
    seen, kept = x @ from_input.T + shift_input, h @ from_state.T + shift_state
    (r, z, n), (hr, hz, hn) = np.split(seen, 3, axis=-1), np.split(kept, 3, axis=-1)
    reset, update = _sigmoid(r + hr), _sigmoid(z + hz)
    return (1.0 - update) * np.tanh(n + reset * hn) + update * h


def _sigmoid(x: NDArray) -> NDArray:
    return 0.5 * (np.tanh(0.5 * x) + 1.0)


class Network(Policy):
    """A trained network decides for every satellite, each from its own observation."""

    weights: ClassVar[Weights]
    stamp: ClassVar[str] = ""
    """What tells these weights from others."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        _check_fit(self.weights, env)
        self._forward = Forward(self.weights)
        self._memory: NDArray[np.float32] | None = None
        self._of_agents: dict[str, NDArray[np.float32]] = {}

    @classmethod
    def fits(cls, env: Any) -> bool:
        """Whether an environment shows and takes what these weights know."""
        return not any(_unlike(cls.weights, env))

    def reset(self, seed: int | None = None) -> None:
        super().reset(seed)
        self._memory, self._of_agents = None, {}

    def act(self, observations: Any, infos: Any) -> Any:
        if isinstance(observations, dict):
            return self._act_by_agent(observations, infos)
        ended = infos.get("ended")
        if ended is not None and self._memory is not None and len(self._memory) == len(ended):
            self._memory[np.asarray(ended, bool)] = 0.0
        return super().act(observations, infos)

    def logits(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits (B, N, A) for observations (B, N, F); what it remembers is carried on."""
        team, size = observation.shape[:-1], self.weights.memory
        if self._memory is None or self._memory.shape != (*team, size):
            self._memory = np.zeros((*team, size), np.float32)
        rows = np.asarray(observation, np.float32).reshape(-1, observation.shape[-1])
        logits, memory = self._forward(rows, self._memory.reshape(len(rows), size))
        self._memory = memory.reshape(*team, size)
        acts, says = np.split(logits.reshape(*team, -1), [len(self.actions)], axis=-1)
        if self.weights.says:
            self.messages = self._said(says)
        return acts

    def _said(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Messages (B, N, M) of -1 and 1."""
        least = self.rng.logistic(size=logits.shape) if self.weights.mode == "sample" else 0.0
        return np.where(logits > least, np.float32(1.0), np.float32(-1.0))

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        masked = np.where(mask == 1, self.logits(observation), -np.inf)
        self.odds = _softmax(masked)
        if self.weights.mode == "sample":
            masked = masked + self.rng.gumbel(size=masked.shape)
        return np.argmax(masked, axis=-1)

    def _act_by_agent(self, observations: dict[str, Any], infos: Any) -> dict[str, Any]:
        """As the base class, and each agent finds its own memory again though others have left."""
        if not observations:
            return {}
        blank = np.zeros(self.weights.memory, np.float32)
        self._memory = np.stack([self._of_agents.get(agent, blank) for agent in observations])[None]
        chosen = super().act(observations, infos)
        self._of_agents = dict(zip(observations, self._memory[0], strict=True))
        return chosen


def _softmax(masked: NDArray) -> NDArray:
    """Probabilities (B, N, A) of logits, 0 where they are -inf."""
    odds = np.exp(masked - masked.max(axis=-1, keepdims=True))
    return odds / odds.sum(axis=-1, keepdims=True)


def network_class(weights: Weights, stamp: str = "") -> type[Network]:
    """The class of policies that decide with these weights."""
    own = {"weights": weights, "stamp": stamp, "problems": (weights.problem,), "__module__": __name__}
    return type("Network", (Network,), own)


def network_in(folder: Path | str) -> type[Network]:
    """The class of policies that decide with what was trained into `folder` (or with that very file).

    Raises SandboxError where there is none, and for a file that is damaged or says too little.
    """
    path = Path(folder)
    path = path / FILE if path.is_dir() or path.suffix != ".npz" else path
    if not path.is_file():
        raise SandboxError(
            f"{folder} holds no trained policy (no {FILE}); give a folder made by `experiments train`."
        )
    weights = read_weights(path)
    return network_class(weights, blake2s(path.read_bytes(), digest_size=8).hexdigest())


def is_folder(name: str) -> bool:
    """Whether the name of a policy is a path, rather than a word or `module:Class`."""
    return os.path.exists(name) or (("/" in name or "\\" in name) and ":" not in name)


def holds_policy(folder: Path | str) -> bool:
    """Whether a trained policy is in the folder."""
    return (Path(folder) / FILE).is_file()


def write_weights(path: Path, weights: Weights) -> None:
    """Write the file, whole or not at all."""
    about = {"format": FORMAT, "schema": SCHEMA, "problem": weights.problem, "mode": weights.mode}
    about |= {"features": list(weights.features), "actions": list(weights.actions)}
    about |= {"says": weights.says} if weights.says else {}
    arrays = {"mean": weights.mean, "scale": weights.scale}
    for i, (matrix, bias) in enumerate(weights.layers):
        arrays |= {f"matrix_{i}": matrix, f"bias_{i}": bias}
    arrays |= {f"gru_{i}": array for i, array in enumerate(weights.gru)}
    with replacing(path) as draft, draft.open("wb") as file:
        np.savez(file, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]


def read_weights(path: Path) -> Weights:
    """Read the file. Raises SandboxError where it is damaged, of another format, or does not fit itself."""
    try:
        if sum(entry.file_size for entry in zipfile.ZipFile(path).infolist()) > MOST_BYTES:
            raise ValueError("it is too large")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(str(arrays.pop("about")))
        if about.get("format") != FORMAT or about.get("schema") != SCHEMA:
            raise ValueError(f"its format is {shown(about.get('format'))} {shown(about.get('schema'))}")
        weights = _weights(about, arrays)
        _check_sizes(weights)
    except Exception as error:  # a damaged file fails anywhere: in zip, zlib, json, numpy, Python's tokenizer
        told = " ".join(str(error).split())[:120] or type(error).__name__
        raise SandboxError(f"{path} is no trained policy that can be read ({told}); train it anew.") from None
    return weights


def _weights(about: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> Weights:
    layers: list[tuple[NDArray, NDArray]] = []
    while f"matrix_{len(layers)}" in arrays:
        i = len(layers)
        layers.append((arrays[f"matrix_{i}"], arrays[f"bias_{i}"]))
    gru = tuple(arrays[f"gru_{i}"] for i in range(4)) if "gru_0" in arrays else ()
    features, actions = (tuple(map(str, about[kind])) for kind in ("features", "actions"))
    return Weights(
        problem=str(about["problem"]),
        features=features,
        actions=actions,
        mode=str(about["mode"]),
        mean=arrays["mean"],
        scale=arrays["scale"],
        layers=tuple(layers),
        gru=gru,
        says=int(about.get("says", 0)),
    )


def _check_sizes(weights: Weights) -> None:
    """Raises ValueError where the arrays do not fit each other."""
    width, layers = len(weights.features), weights.layers
    if weights.mode not in MODES:
        raise ValueError(f"its mode is {shown(weights.mode)}")
    if weights.says < 0:
        raise ValueError(f"its messages have {weights.says} numbers")
    if not layers or (weights.gru and len(layers) < 2):
        raise ValueError("it has too few layers")
    _expect("mean", weights.mean, (width,))
    _expect("scale", weights.scale, (width,))
    for i, (matrix, bias) in enumerate(layers):
        rows = len(weights.actions) + weights.says if i == len(layers) - 1 else len(bias)
        _expect(f"matrix_{i}", matrix, (rows, width))
        _expect(f"bias_{i}", bias, (rows,))
        width = rows
        if i == 0 and weights.gru:
            size = weights.memory
            for array, shape in zip(weights.gru, ((3 * size, width), (3 * size, size)), strict=False):
                _expect("gru", array, shape)
            for array in weights.gru[2:]:
                _expect("gru", array, (3 * size,))
            width = size


def _expect(name: str, array: NDArray, shape: Sequence[int]) -> None:
    if array.shape != tuple(shape) or array.dtype != np.float32:
        raise ValueError(f"{name} is {array.dtype} {array.shape}, not float32 {tuple(shape)}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has numbers that are not finite")


def _unlike(weights: Weights, env: Any) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """What of features and actions the network knows otherwise than an environment has it: (kind, known,
    there)."""
    for kind, known, there in (
        ("features", weights.features, tuple(env.layout.names)),
        ("actions", weights.actions, tuple(env.actions)),
    ):
        if known != there:
            yield kind, known, there


def _check_fit(weights: Weights, env: Any) -> None:
    """Raises SandboxError where an environment shows or takes other things than the network knows."""
    for kind, known, there in _unlike(weights, env):
        odd = next((name for name in there if name not in known), None) or next(
            (name for name in known if name not in there), "their order"
        )
        raise SandboxError(
            f"The trained policy knows {len(known)} {kind} of {weights.problem}, and this environment has "
            f"{len(there)} (first difference: {odd}); play it as it was trained, or train it anew."
        )
