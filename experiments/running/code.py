"""Which code an episode was played by: what makes its result, as hashes of files and versions."""

from functools import cache
from hashlib import blake2s
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from agents import policy_class
from envs.registry import find
from experiments.running.run_folder import versions

_ROOT = Path(__file__).resolve().parents[2]
_ROOMS = ("sandbox", "envs", "agents")
_PLAYS = ("leaderboard/play", "running/llm_config", "running/rollout", "running/callbacks")
_OF_MINDS = ("tokenizers", "torch", "transformers")


@cache
def stamp() -> str:
    """A short hash of all code and data that an episode is played by, and of the versions of packages."""
    known = versions() | {name: _version(name) for name in _OF_MINDS}
    paths = [path for name in _ROOMS for path in _files(_ROOT / name)]
    paths += [_ROOT / "experiments" / f"{name}.py" for name in _PLAYS]
    return _hash(_ROOT, paths, repr(sorted(known.items())))


@cache
def whole_stamp() -> str:
    """The same of all code, the experiments included."""
    return _hash(_ROOT, _files(_ROOT / "experiments"), stamp())


def policy_stamp(policy: str, problem: str) -> str:
    """Of a policy at `module:Class`, a short hash of its module, or of all its package; else nothing."""
    return _module_stamp(policy_class(policy, problem).__module__)


def problem_stamp(problem: str) -> str:
    """The same of a decision problem."""
    return _module_stamp(find(problem).__module__)


def _module_stamp(module: str) -> str:
    top = module.partition(".")[0]
    if top in _ROOMS:
        return ""
    package = import_module(top)
    file = getattr(package, "__file__", None)
    if file is None:
        return ""
    path = Path(file)
    paths = _files(path.parent) if path.name == "__init__.py" else [path]
    return _hash(path.parent, [path for path in paths if path.suffix in (".py", ".so")])


def _files(folder: Path) -> list[Path]:
    """The files in a folder and below, without caches and hidden ones."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in found if not _aside(path.relative_to(folder))]


def _aside(path: Path) -> bool:
    return any(part == "__pycache__" or part.startswith(".") for part in path.parts)


def _hash(root: Path, paths: list[Path], also: str = "") -> str:
    found = blake2s(also.encode(), digest_size=8)
    for path in sorted(paths):
        content = path.read_bytes()
        found.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode())
        found.update(content)
    return found.hexdigest()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "-"
