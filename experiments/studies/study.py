"""What a study leaves in a folder: its numbers as JSON, its rows as a table, its figure. Other files stay.

The three are made in a hidden folder, which gets another name once they are whole; from then on they are
moved to their places, by the next run of the study if this one is killed at it.
"""

import itertools
import json
import os
from argparse import Namespace
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from experiments.running import code, run_folder
from experiments.running.journal import UNFINISHED, kept_in
from experiments.running.options import differences, in_short
from experiments.running.replacement import is_plain
from sandbox.errors import SandboxError
from sandbox.files import MARK, abandoned, draft_of, held, marked, room_for
from sandbox.terminal import say

READY = "ready"


class Study:
    """The files NAME.json, NAME.parquet or .csv and NAME.png of a study in `folder`, made with `arguments`.

    Raises SandboxError where one of these names is taken by something else, also by the same study with other
    arguments.
    """

    def __init__(
        self, folder: Path | str, name: str, table: str, arguments: Mapping[str, Any] | None = None
    ) -> None:
        self.folder, self._name = Path(os.path.realpath(folder)), name
        self._arguments = as_json(arguments or {})
        self._marker, self._table, self._figure = f"{name}.json", f"{name}{table}", f"{name}.png"
        self._recover()
        self._check()
        if other := self._other_arguments():
            raise SandboxError(
                f"{folder} holds results of {name} with other options: {in_short(other)}; name another "
                "folder with --out."
            )

    @classmethod
    def of(cls, told: Namespace, name: str, table: str, arguments: Mapping[str, Any]) -> "Study":
        """The study of a command, in the folder that it names.

        In the usual folder nothing of other arguments is replaced either: where it holds their results, or
        what is finished of them, `told.out` becomes the next one that is free, and that is said.
        """
        usual = told.out
        if usual == getattr(told, "usual_out", None):
            told.out = _free(Path(usual), name, as_json(arguments))
            if told.out != usual:
                say(f"{usual}/ holds what {name} made with other options; these results go to {told.out}/.")
        return cls(told.out, name, table, arguments)

    def _other_arguments(self) -> list[str]:
        """What was said otherwise of the results that are there."""
        content = run_folder.read_json(self.folder / self._marker)
        return _otherwise(content, self._arguments) if isinstance(content, dict) else []

    def keep(self, content: Mapping[str, Any], table: Any, draw: Callable[[Path], Any]) -> None:
        """Leave `content`, a pandas `table` and what `draw` draws, all at once in place of earlier ones.

        Raises `run_folder.NotDrawn` if the figure could not be drawn, with the others in their places, and
        SandboxError where the disk is full.
        """
        missing = {}
        with room_for(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            draft = draft_of(self.folder / self._marker)
            draft.mkdir()
            try:
                with held(draft):
                    _write_table(table, draft / self._table)
                    try:
                        draw(draft / self._figure)
                    except Exception as error:  # the numbers are worth more than a picture of them
                        missing[self._figure] = run_folder.in_one_line(error)
                    files = sorted({self._marker, *(path.name for path in draft.iterdir())})
                    head = {
                        "format": run_folder.format_of(self._name),
                        "schema": run_folder.SCHEMA,
                        "files": files,
                    }
                    run_folder.write_json(
                        draft / self._marker,
                        {**content, **self._told(), **head, "versions": run_folder.versions()},
                    )
                    self._check()
                    ready = draft_of(self.folder / self._marker, READY)
                    os.rename(draft, ready)
                with held(ready):
                    self._place(ready)
            finally:
                self._remove(draft)
        if missing:
            raise run_folder.NotDrawn(missing, self.folder)

    def _told(self) -> dict[str, Any]:
        return {"arguments": self._arguments} if self._arguments else {}

    @property
    def _names(self) -> tuple[str, ...]:
        return self._table, self._figure, self._marker

    def _check(self) -> None:
        if os.path.lexists(self.folder) and not self.folder.is_dir():
            raise SandboxError(f"{self.folder} is a file; name a folder with --out.")
        for name in self._names:
            if os.path.lexists(self.folder / name) and not self._is_ours(name):
                raise SandboxError(
                    f"{self.folder / name} was not written by this sandbox; move it away, or name another "
                    "folder with --out."
                )

    def _is_ours(self, name: str) -> bool:
        """Whether a file says so itself, or its JSON says so of it (a CSV has no place for it)."""
        if not is_plain(self.folder / name):
            return False
        if name != self._marker and marked(self.folder / name):
            return True
        marker = self.folder / self._marker
        if not (is_plain(marker) and run_folder.is_ours(marker)):
            return False
        files = run_folder.read_json(marker).get("files")
        if files is None:  # of the time before it said so
            return True
        return name in files and name.endswith((".json", ".csv"))

    def _recover(self) -> None:
        """Finish what a killed run of this study had made whole, and remove what it had not."""
        with suppress(OSError):
            for ready in abandoned(self.folder / self._marker, READY):
                if not ready.is_symlink() and ready.is_dir():
                    self._place(ready)
            for draft in abandoned(self.folder / self._marker):
                self._remove(draft)

    def _place(self, ready: Path) -> None:
        """Move the files to their places, the JSON last; earlier ones that have no successor go."""
        content = run_folder.read_json(ready / self._marker)
        files = content.get("files", ()) if isinstance(content, dict) else ()
        for name in self._names:
            if name in files and is_plain(ready / name):
                os.replace(ready / name, self.folder / name)
            elif name not in files and files and self._is_ours(name):
                (self.folder / name).unlink()
        with suppress(OSError):
            ready.rmdir()

    def _remove(self, draft: Path) -> None:
        if draft.is_symlink() or not draft.is_dir():
            return
        for path in draft.iterdir():
            if path.name in self._names or path.name.endswith(".part"):
                path.unlink(missing_ok=True)
        with suppress(OSError):
            draft.rmdir()


def as_json(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as a file has them."""
    told: dict[str, Any] = json.loads(json.dumps(arguments, default=str))
    return told


def _otherwise(content: Mapping[str, Any], arguments: Mapping[str, Any]) -> list[str]:
    """What the arguments of a file were otherwise, where it has any; but for those that change no number."""
    before = content.get("arguments")
    if not isinstance(before, dict):
        return []
    return differences({k: v for k, v in before.items() if k not in _NO_MATTER}, arguments, alike=True)


def _free(usual: Path, name: str, arguments: Mapping[str, Any]) -> str:
    """The first of `usual`, `usual`-2, -3 ... in which nothing of other arguments is, finished or not."""
    for number in itertools.count(1):
        folder = usual if number == 1 else usual.with_name(f"{usual.name}-{number}")
        content = run_folder.read_json(folder / f"{name}.json")
        if isinstance(content, dict) and _otherwise(content, arguments):
            continue
        waiting = (shared for _, shared in kept_in(folder / UNFINISHED))
        now = code.whole_stamp()
        if not any(
            shared.get("code") == now and _otherwise(_without_scenario(shared), arguments)
            for shared in waiting
        ):
            return str(folder)
    raise AssertionError


def _without_scenario(shared: Mapping[str, Any]) -> dict[str, Any]:
    """What outcomes share, but for the scenario, which they hold whole and not by its name."""
    told = shared.get("arguments")
    known = told if isinstance(told, dict) else {}
    return {"arguments": {k: v for k, v in known.items() if k not in ("scenario", "scenarios")}}


_NO_MATTER = ("film", "processes", "threads")


def _write_table(table: Any, path: Path) -> None:
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        write_parquet(table, path)


def write_parquet(
    table: Any, path: Path, index: bool | None = None, columns: Mapping[str, Mapping[str, str]] | None = None
) -> None:
    """Write a pandas table that says in its metadata who wrote it, and what is said of its `columns`."""
    import pyarrow
    from pyarrow import parquet

    written = pyarrow.Table.from_pandas(table, preserve_index=index)
    told = {**written.schema.metadata, "written by": MARK}
    fields = [field.with_metadata((columns or {}).get(field.name)) for field in written.schema]
    parquet.write_table(written.cast(pyarrow.schema(fields, told)), path)
