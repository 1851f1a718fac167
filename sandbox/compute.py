"""What an inference costs on a board: seconds, joules and memory, from first principles.

    inference(board("scs01"), model("Qwen3-8B"), "int4", prompt_tokens=500, output_tokens=300)

Every token written is a pass of the model, which takes as long as the slower of its arithmetic and its memory
traffic (a roofline), and an overhead; it is mostly bound by reading the weights and the keys and values (KV
cache) so far. Reading a prompt is one pass over all its tokens: published times fit where the dense weights
are read first and the arithmetic follows (that of experts goes on while others are read), after a fixed time
for the call. A batch shares the weights; of a mixture of experts it reads those that any of its tokens needs.

Two things make batches dearer than that, board by board: kernels for few rows, as 4-bit weights have them on
small boards, take longer for each row (`row_share`); and where the prompts of a batch are padded to the
longest, as runtimes for small boards do, that costs more the larger the batch (`padding`).

Precisions: bf16; int8 and int4 quantise the layers, while embeddings, head and KV cache stay in 16 bits, as
in published GPTQ and AWQ files. The numbers of each board and model, with their sources, are in
`sandbox/data`. Nothing here looks at the clock of the machine that runs the simulation.
"""

import math
from dataclasses import dataclass
from functools import cache
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from numpy.typing import ArrayLike

from sandbox.compiled import kernel
from sandbox.errors import SandboxError, unknown_name
from sandbox.structured import structured

DATA = Path(__file__).resolve().parent / "data"
GIGA, TERA, MILLI = 1e9, 1e12, 1e-3

PRECISIONS = ("bf16", "int8", "int4")
LAYER_BYTES = {"bf16": 2.0, "int8": 1.0, "int4": 4.5 / 8}
"""Bytes of a weight in a layer; 4 bits and a 16-bit scale for every 32 weights (llama.cpp, Q4_0) for int4."""
WIDE_BYTES = 2.0
"""Bytes of a weight of embeddings and head, and of a number in the KV cache."""

COST = structured(
    [
        ("prompt_s", "f8"),  # arithmetic of a prompt token
        ("pair_s", "f8"),  # arithmetic of a token that attends to one other
        ("head_s", "f8"),  # arithmetic of choosing the next token
        ("weights_s", "f8"),  # reading the weights that every pass needs
        ("experts_s", "f8"),  # reading all experts
        ("expert_share", "f8"),  # chance that a token needs a given expert
        ("kv_s", "f8"),  # reading keys and values of one token
        ("row_share", "f8"),  # of the time to read the dense weights: what another text of a batch adds to it
        ("padding", "f8"),  # share of a prompt's arithmetic that every doubling of a batch adds
        ("overhead_s", "f8"),  # of every pass
        ("call_s", "f8"),  # of every prompt, or batch of them
        ("active_w", "f8"),
        ("weight_bytes", "f8"),
        ("kv_bytes", "f8"),  # of one token
        ("free_bytes", "f8"),  # memory for weights and KV cache
        ("load_s", "f8"),  # from flash to memory
    ]
)
"""What the kernels need of a board with a model in a precision: seconds per unit of work."""


@dataclass(frozen=True)
class Rates:
    """One number for each precision."""

    bf16: float
    int8: float
    int4: float


NOTHING = Rates(0.0, 0.0, 0.0)
MOST_ROWS = 16.0
"""Texts of a batch from which on kernels for many rows take over, which read the weights once for all."""


@dataclass(frozen=True)
class ComputeProfile:
    """A board. Peaks are dense; `utilisation` is the share of them that reading a prompt reaches.

    `bandwidth_utilisation` is one number, or one for each precision. Above `throttle_c` the clock goes down,
    and `throttle_span_k` above that the board is off (`sandbox.thermal`).

    Raises SandboxError for a number out of range. `dataclasses.replace(board("thor"), memory_gb=64)` makes
    a variant.
    """

    name: str
    peak_tera_s: Rates  # 10^12 operations/s
    utilisation: Rates
    bandwidth_gb_s: float
    bandwidth_utilisation: float | Rates
    overhead_ms: float  # of every pass: launches, sampling
    memory_gb: float
    reserved_gb: float  # of it, for the system and activations
    idle_w: float
    active_w: float
    throttle_c: float  # junction temperature at which the clocks go down
    load_gb_s: float  # weights from flash to memory
    call_ms: float = 0.0  # of every prompt, or batch of them: set-up
    row_share: Rates = NOTHING  # of reading the dense weights: what another text of a batch adds to it
    padding: float = 0.0  # share of a prompt's arithmetic that every doubling of a batch adds
    throttle_span_k: float = 6.0  # Jetson Orin: throttles at 99 C, is off at 105 C (thermal design guide)

    def __post_init__(self) -> None:
        for precision in PRECISIONS:
            _within(self, f"peak_tera_s.{precision}", getattr(self.peak_tera_s, precision), 0, inf)
            _within(self, f"utilisation.{precision}", getattr(self.utilisation, precision), 0, 1)
            _within(self, "bandwidth_utilisation", self.read_share(precision), 0, 1)
            share = getattr(self.row_share, precision)
            _within(self, f"row_share.{precision}", share, 0, 1, low_too=True)
        for field in ("bandwidth_gb_s", "memory_gb", "load_gb_s", "active_w"):
            _within(self, field, getattr(self, field), 0, inf)
        for field, low, high in (
            ("overhead_ms", 0, inf),
            ("reserved_gb", 0, self.memory_gb),
            ("idle_w", 0, self.active_w),
            ("throttle_c", -100, 200),
            ("call_ms", 0, inf),
            ("padding", 0, 1),
        ):
            _within(self, field, getattr(self, field), low, high, low_too=True)
        _within(self, "throttle_span_k", self.throttle_span_k, 0, 100)

    def read_share(self, precision: str) -> float:
        """Share of the memory's bandwidth that writing an answer reaches."""
        share = self.bandwidth_utilisation
        return float(getattr(share, precision)) if isinstance(share, Rates) else share

    @property
    def free_bytes(self) -> float:
        """Memory for weights and KV cache, bytes."""
        return float(round((self.memory_gb - self.reserved_gb) * GIGA))


@dataclass(frozen=True)
class ModelProfile:
    """The shape of a decoder of the Llama and Qwen families. Raises SandboxError for one that cannot be.

    `mlp` is the width of one expert where there are experts; `tied` says that the head is the embedding.
    """

    name: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    mlp: int
    vocab: int
    tied: bool
    context: int  # tokens
    experts: int = 0
    active_experts: int = 0
    qk_norm: bool = True
    qkv_bias: bool = False
    output_bias: bool = False

    def __post_init__(self) -> None:
        for field in ("layers", "hidden", "heads", "kv_heads", "head_dim", "mlp", "vocab", "context"):
            _whole(self, field, 1)
        for field in ("experts", "active_experts"):
            _whole(self, field, 0)
        if self.heads % self.kv_heads:
            raise SandboxError(
                f"{self.name}: kv_heads = {self.kv_heads} must divide heads = {self.heads}; check the config."
            )
        if self.active_experts > self.experts or (self.experts > 0) != (self.active_experts > 0):
            raise SandboxError(
                f"{self.name}: active_experts = {self.active_experts} must lie from 1 to "
                f"experts = {self.experts}, or both be 0."
            )

    @property
    def parameters(self) -> int:
        """All weights; a tied head counts once."""
        body = self._shared + self.layers * max(self.experts, 1) * self._mlp
        return body + self._table * (1 if self.tied else 2)

    @property
    def active_parameters(self) -> int:
        """Weights that one token is multiplied by: those of its layers and experts, and the head."""
        return self._body + self._table

    @property
    def flop_per_token(self) -> float:
        """Operations for one token, two for each weight, attention aside."""
        return 2.0 * self.active_parameters

    @property
    def kv_bytes_per_token(self) -> float:
        """Keys and values of one token of context, 16-bit."""
        return 2.0 * WIDE_BYTES * self.layers * self.kv_heads * self.head_dim

    def weight_bytes(self, precision: str) -> float:
        """Size of the weights in memory, and of their file."""
        layers = self._shared + self.layers * max(self.experts, 1) * self._mlp
        tables = self._table * (1 if self.tied else 2)
        return layers * _layer_bytes(precision) + tables * WIDE_BYTES

    def bytes_per_token(self, precision: str) -> float:
        """Weights read for one token written alone, KV cache aside: active layers and the head."""
        return self._body * _layer_bytes(precision) + self._table * WIDE_BYTES

    @property
    def _table(self) -> int:
        return self.vocab * self.hidden

    @property
    def _mlp(self) -> int:
        return 3 * self.hidden * self.mlp

    @property
    def _body(self) -> int:
        return self._shared + self.layers * max(self.active_experts, 1) * self._mlp

    @property
    def _shared(self) -> int:
        """Weights of the layers that every token passes, experts aside, and the last norm."""
        queries, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        attention = 2 * self.hidden * (queries + keys)
        biases = self.qkv_bias * (queries + 2 * keys) + self.output_bias * self.hidden
        norms = 2 * self.hidden + self.qk_norm * 2 * self.head_dim
        return self.layers * (attention + biases + norms + self.hidden * self.experts) + self.hidden


class Inference(NamedTuple):
    """Cost of a batch of inferences; every field an array if a token count was one."""

    prefill_s: Any  # reading the prompt
    decode_s: Any  # writing the answer
    seconds: Any  # both
    joules: Any  # of the whole board
    peak_memory_bytes: Any  # weights and KV cache at the end


def board_names() -> list[str]:
    """Names of the boards that come with the sandbox."""
    return list(_table("boards"))


def model_names() -> list[str]:
    """Names of the models that come with the sandbox, smallest first."""
    return list(_table("models"))


@cache
def board(name: str) -> ComputeProfile:
    """The board called `name`. Raises SandboxError for an unknown one."""
    known = _table("boards")
    if name not in known:
        raise unknown_name("board", name, known)
    fields = known[name]
    rates = {field: Rates(**value) for field, value in fields.items() if isinstance(value, dict)}
    return ComputeProfile(name=name, **(fields | rates))


@cache
def model(name: str) -> ModelProfile:
    """The model called `name`, with or without `Qwen/`. Raises SandboxError for an unknown one."""
    known = _table("models")
    short = name.removeprefix("Qwen/") if isinstance(name, str) else name
    if short not in known:
        raise unknown_name("model", name, known)
    return ModelProfile(name=short, **known[short])


def inference(
    board: ComputeProfile,
    model: ModelProfile,
    precision: str,
    prompt_tokens: ArrayLike,
    output_tokens: ArrayLike,
    *,
    batch: ArrayLike = 1,
    cached_tokens: ArrayLike = 0,
) -> Inference:
    """Cost of `batch` like inferences run together on `board`.

    The first `cached_tokens` of the prompt are in the KV cache already and are not read again. Token counts
    may be arrays; they broadcast. Every output token is a pass: the prompt's own pass gives the first token,
    and the token that ends the answer is one more. Joules are the board's active power times the seconds.

    Raises SandboxError for counts that are not whole numbers of a right size, for a text longer than the
    model's context, and for a model that does not fit the board's memory with its KV cache.
    """
    cost = cost_record(board, model, precision)
    prompt = _tokens("prompt_tokens", prompt_tokens, 0)
    cached = _tokens("cached_tokens", cached_tokens, 0)
    counts = prompt, _tokens("output_tokens", output_tokens, 0), cached, _tokens("batch", batch, 1)
    prompt, output, cached, together = (each.copy() for each in np.broadcast_arrays(*counts))
    if np.any(cached > prompt):
        raise SandboxError(
            "cached_tokens exceeds prompt_tokens; they are the part of the prompt that is cached already."
        )
    costs = np.empty((3, prompt.size))
    _fill(cost, prompt.ravel(), output.ravel(), cached.ravel(), together.ravel(), costs)
    prefill, decode, peak = costs.reshape(3, *prompt.shape)
    longest = float(np.max(prompt + output, initial=0.0))
    check_fit(board, model, precision, longest, float(np.max(peak, initial=0.0)))
    both = prefill + decode
    parts = (prefill, decode, both, cost["active_w"] * both, peak)
    return Inference(*parts) if prompt.ndim else Inference(*map(float, parts))


def load_seconds(board: ComputeProfile, model: ModelProfile, precision: str) -> float:
    """Time to bring the weights from flash to memory, s: what a cold start adds."""
    return float(cost_record(board, model, precision)["load_s"])


@cache
def cost_record(board: ComputeProfile, model: ModelProfile, precision: str) -> np.void:
    """The COST record of `board` with `model` in `precision`, for the kernels."""
    width = _layer_bytes(precision)
    second = getattr(board.peak_tera_s, precision) * getattr(board.utilisation, precision) * TERA
    read = board.bandwidth_gb_s * board.read_share(precision) * GIGA
    body, table = model._body, model._table
    experts = model.layers * model.experts * model._mlp
    dense = 0 if model.experts else model.layers * model._mlp
    record = np.zeros(1, COST)
    record["prompt_s"] = 2.0 * body / second
    record["pair_s"] = 4.0 * model.layers * model.heads * model.head_dim / second
    record["head_s"] = 2.0 * table / second
    record["weights_s"] = ((model._shared + dense) * width + table * WIDE_BYTES) / read
    record["experts_s"] = experts * width / read
    record["expert_share"] = model.active_experts / max(model.experts, 1)
    record["kv_s"] = model.kv_bytes_per_token / read
    record["row_share"] = getattr(board.row_share, precision)
    record["padding"] = board.padding
    record["overhead_s"] = board.overhead_ms * MILLI
    record["call_s"] = board.call_ms * MILLI
    record["active_w"] = board.active_w
    record["weight_bytes"] = model.weight_bytes(precision)
    record["kv_bytes"] = model.kv_bytes_per_token
    record["free_bytes"] = board.free_bytes
    record["load_s"] = model.weight_bytes(precision) / (board.load_gb_s * GIGA)
    record.setflags(write=False)
    return record[0]


@kernel
def prefill_seconds(cost, tokens, cached, batch):
    """Time to read `tokens` prompt tokens that follow `cached` ones, of each of `batch` texts, s.

    A token attends to itself and to all before it: n cached + n (n + 1) / 2 pairs. Only the last one needs
    the head. The dense weights are read before the arithmetic, those of experts meanwhile.
    """
    if tokens <= 0.0:
        return 0.0
    pairs = tokens * cached + 0.5 * tokens * (tokens + 1.0)
    padded = batch * (1.0 + cost.padding * math.log2(batch)) if batch > 1.0 else batch
    arithmetic = padded * (tokens * cost.prompt_s + pairs * cost.pair_s + cost.head_s)
    dense = cost.weights_s + batch * (cached + tokens) * cost.kv_s
    return dense + max(arithmetic, experts_traffic(cost, batch * tokens)) + cost.overhead_s + cost.call_s


@kernel
def decode_seconds(cost, context, tokens, batch):
    """Time to write `tokens` tokens after `context` ones, of each of `batch` texts, s.

    The i-th pass reads weights and the KV cache of context + i tokens: a sum of terms linear in i.
    """
    if tokens <= 0.0:
        return 0.0
    rows = 1.0 + cost.row_share * (min(batch, MOST_ROWS) - 1.0)
    arithmetic = batch * (cost.prompt_s + cost.head_s + context * cost.pair_s)
    traffic = rows * cost.weights_s + experts_traffic(cost, batch) + batch * context * cost.kv_s
    work = sum_of_larger(arithmetic, batch * cost.pair_s, traffic, batch * cost.kv_s, tokens)
    return work + tokens * cost.overhead_s


@kernel
def experts_traffic(cost, tokens):
    """Time to read the experts that a pass over `tokens` tokens needs, s.

    Each token picks them for itself: one is left unread with probability (1 - share)^tokens.
    """
    if cost.experts_s == 0.0:
        return 0.0
    return cost.experts_s * (1.0 - (1.0 - cost.expert_share) ** tokens)


@kernel
def sum_of_larger(a, b, c, d, n):
    """Sum over i = 1 .. n of max(a + b i, c + d i), in closed form."""
    first, last = (a + b) - (c + d), (a + b * n) - (c + d * n)
    if first * last >= 0.0:
        return arithmetic_sum(a, b, 0.0, n) if first + last >= 0.0 else arithmetic_sum(c, d, 0.0, n)
    turn = float(int((c - a) / (b - d)))
    if first > 0.0:
        return arithmetic_sum(a, b, 0.0, turn) + arithmetic_sum(c, d, turn, n)
    return arithmetic_sum(c, d, 0.0, turn) + arithmetic_sum(a, b, turn, n)


@kernel
def arithmetic_sum(a, b, low, high):
    """Sum over i = low + 1 .. high of a + b i."""
    return (high - low) * (a + 0.5 * b * (low + high + 1.0))


@kernel
def peak_memory(cost, tokens, batch):
    """Bytes that weights and the KV cache of `batch` texts of `tokens` tokens take."""
    return cost.weight_bytes + batch * tokens * cost.kv_bytes


@kernel
def _fill(cost, prompt, output, cached, batch, costs):
    for i in range(prompt.size):
        costs[0, i] = prefill_seconds(cost, prompt[i] - cached[i], cached[i], batch[i])
        costs[1, i] = decode_seconds(cost, prompt[i], output[i], batch[i])
        costs[2, i] = peak_memory(cost, prompt[i] + output[i], batch[i])


@cache
def _table(name: str) -> dict[str, dict[str, Any]]:
    return yaml.safe_load((DATA / f"{name}.yaml").read_text(encoding="utf-8"))


def _layer_bytes(precision: str) -> float:
    if precision not in LAYER_BYTES:
        raise unknown_name("precision", precision, PRECISIONS)
    return LAYER_BYTES[precision]


def _within(owner: Any, field: str, value: Any, low: float, high: float, low_too: bool = False) -> None:
    """Check that low < value <= high, or low <= value."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and value < inf and (low < value or (low_too and low == value)) and value <= high):
        bounds = f"{'at least' if low_too else 'above'} {low:g}" + (
            f" and at most {high:g}" if high < inf else ""
        )
        raise SandboxError(f"{owner.name}: {field} = {value!r}; give a number {bounds}.")


def _whole(owner: Any, field: str, low: int) -> None:
    value = getattr(owner, field)
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        raise SandboxError(f"{owner.name}: {field} = {value!r}; give a whole number of at least {low}.")


def _tokens(what: str, value: ArrayLike, low: int) -> np.ndarray:
    try:
        counts = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        counts = np.array(np.nan)
    if not np.all((counts >= low) & (counts == np.rint(counts)) & (counts < 2.0**53)):
        raise SandboxError(f"{what} = {value!r}; give whole numbers of at least {low}.")
    return counts


def check_fit(board: ComputeProfile, model: ModelProfile, precision: str, tokens: float, peak: float) -> None:
    """Raise SandboxError where `tokens` exceed the model's context, or `peak` bytes the board's memory."""
    if tokens > model.context:
        raise SandboxError(
            f"{tokens:,.0f} tokens of prompt and answer exceed the context of {model.name}, "
            f"{model.context:,} tokens; shorten one of them."
        )
    if peak > board.free_bytes:
        raise SandboxError(
            f"{model.name} in {precision} needs {peak / GIGA:.2f} GB with its KV cache, "
            f"{(peak - board.free_bytes) / GIGA:.2f} GB more than {board.name} has free; take a smaller "
            "model, a lower precision, a shorter text, a smaller batch or another board."
        )
