"""The rounds of a run as a table that any tool can read."""

from pathlib import Path
from typing import Any

import numpy as np

from envs.batch import BatchEnv
from experiments.running.rollout import Round, Watcher
from sandbox.files import MARK
from sandbox.recording import VARIABLES
from sandbox.state import MODE_NAMES

ROW_GROUP = 50_000


class Rows(Watcher):
    """Writes a Parquet file with a row per round and satellite of world 0, some rounds at a time.

    Columns: time_s (when the round began), satellite, action, mode, reward, the problem's terms, and battery,
    store (shares of the capacity) and temperature (K) as they stood when the round began.
    """

    _HELD = ("battery", "store", "temperature")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: list[dict[str, np.ndarray]] = []
        self._writer: Any = None

    def start(self, env: BatchEnv) -> None:
        from pyarrow.parquet import ParquetWriter

        self._names = [np.array(names, object) for names in (env.world.fleet.names, env.actions, MODE_NAMES)]
        self._terms = env.terms
        self._per_group = max(1, ROW_GROUP // env.satellites)
        self._writer = ParquetWriter(self._path, self._schema(), compression="zstd")

    def before(self, env: BatchEnv) -> None:
        state = env.world.state
        self._scene = {
            "time_s": np.full(env.satellites, state.clock["time"][0]),
            "battery": state.power["energy"][0] / state.power["capacity"][0],
            "store": state.store.level["used"][0] / env.world.constants.craft["store_bits"],
            "temperature": state.body["temperature"][0].copy(),
        }

    def after(self, env: BatchEnv, played: Round) -> None:
        mode = env.world.state.activity["mode"][0]
        columns = {"satellite": np.arange(env.satellites), "action": played.actions[0], "mode": mode.copy()}
        columns |= {"reward": played.reward[0]} | dict(zip(self._terms, played.terms[0].T, strict=True))
        self._held.append(self._scene | columns)
        if len(self._held) == self._per_group:
            self._write()

    def close(self) -> None:
        if self._writer is None:
            return
        try:
            if self._held:
                self._write()
        finally:
            self._writer.close()

    def _write(self) -> None:
        import pyarrow as pa

        whole = {name: np.concatenate([held[name] for held in self._held]) for name in self._held[0]}
        for name, labels in zip(("satellite", "action", "mode"), self._names, strict=True):
            numbers = whole[name].astype(np.int32)
            numbers = pa.array(numbers, mask=numbers < 0)  # no action: the standing order stood
            whole[name] = pa.DictionaryArray.from_arrays(numbers, pa.array(labels))
        self._writer.write_table(pa.table(whole, schema=self._schema()))
        self._held.clear()

    def _schema(self) -> Any:
        import pyarrow as pa

        label, number = pa.dictionary(pa.int32(), pa.string()), pa.float32()
        fields = [pa.field("time_s", pa.float64(), metadata={"unit": "s"})]
        fields += [pa.field(name, label) for name in ("satellite", "action", "mode")]
        fields += [pa.field(name, number) for name in ("reward", *self._terms)]
        units = {name: {"unit": VARIABLES[name].unit} for name in self._HELD}
        fields += [pa.field(name, number, metadata=units[name]) for name in self._HELD]
        return pa.schema(fields, metadata={"written by": MARK})
