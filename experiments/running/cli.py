"""The command line. Nothing heavy is imported before a command needs it, so that --help is instant."""

import os
import re
import signal
import sys
import warnings
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NoReturn

from experiments import commands
from experiments.running.extras import EXTRAS, install
from experiments.running.mind_options import mind_of, mind_options
from experiments.running.options import GOES_ON, common
from experiments.running.options import add as _option
from experiments.running.progress import of_command
from sandbox.compiling import announce_compiling, at_a_terminal
from sandbox.errors import SandboxError, printable, unknown_name
from sandbox.files import wanted
from sandbox.terminal import say

POLICIES = ("random", "idle", "greedy", "deadline_greedy")
PUBLISHED = ("cbba", "equinox", "phoenix")
MINDS = ("qwen",)
YARDSTICK = ("planner", "onboard")
_OWN = "what the problem brings, what `train` left, or module:Class"
_WHO = f"{', '.join(POLICIES + PUBLISHED + YARDSTICK + MINDS)}, {_OWN}"
_USUAL = "(default: greedy; in avoidance_v0 thrifty; in others the first of their own, else random)"
USER_ERROR, NOT_DRAWN, NOT_THE_MINDS, INTERRUPTED = 2, 3, 3, 130
CONVERSATIONS = ("chat", "fly")
"""Commands that have nothing to leave out and no records."""
_signals: list[int] = []


class _Parser(ArgumentParser):
    """Errors in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USER_ERROR, f"{self.prog}: {message} (see --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what a name stands for; the exit status. Without a name, list all.

    0, 2 for what the user can put right, 3 where all is there but figures or most
    decisions were not the mind's, 130 when interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        say(commands.listing())
        return 0
    told = Namespace(interrupted="nothing was written", quiet=False)
    warnings.formatwarning = _in_a_line
    try:
        told = _read(words)
        if at_a_terminal() and not told.quiet:
            announce_compiling()
        with of_command(told.quiet), _quiet(told.quiet):
            return told.command(told) or 0
    except (SandboxError, OSError) as error:
        say(f"Error: {_said(error)}", error=True)
        return getattr(error, "status", USER_ERROR)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        say(f"Error: {package} is not installed; run: {install(EXTRAS[package])}", error=True)
        return USER_ERROR
    except (KeyboardInterrupt, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not _signals:
            raise
        say(f"Interrupted; {told.interrupted}.", error=True)
        return INTERRUPTED


def _said(error: Exception) -> str:
    """An error in a sentence: of the system's own, with the file that was wanted, not the draft of it."""
    if not isinstance(error, OSError) or error.filename is None:
        return str(error)
    return f"{wanted(error.filename)}: {error.strerror}."


def _read(words: Sequence[str]) -> Namespace:
    """What a command line says. Raises SandboxError for a name that there is not."""
    name = words[0]
    if name in commands.RUNNING:
        return _parser().parse_args(words)
    script = commands.script_of(name)
    if script is None:
        raise unknown_name("experiment", name, commands.names())
    return script_parser(name).parse_args(words[1:])


def script_parser(name: str) -> ArgumentParser:
    """The parser of one of `commands.SCRIPTS`."""
    module = import_module(commands.script_of(name)[0])  # type: ignore[index]
    made = _Parser(
        f"python -m experiments {name}",
        description=module.__doc__,
        formatter_class=RawDescriptionHelpFormatter,
    )
    module.options(made)
    made.set_defaults(command=module.run, **{"interrupted": "nothing was written"} | made._defaults)
    return made


@contextmanager
def _quiet(wanted: bool) -> Iterator[None]:
    """Print nothing to the standard output, if so wanted."""
    if not wanted:
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


_format_warning = warnings.formatwarning


def _in_a_line(message: Any, category: Any, filename: str, lineno: int, line: str | None = None) -> str:
    """A warning of ours as one line without the place in the code, which is nothing to the user."""
    if category.__module__.startswith("sandbox."):
        return f"Warning: {message}\n"
    return _format_warning(message, category, filename, lineno, line)


def stop_politely() -> None:
    """Take a request to terminate like Ctrl-C, and remember either.

    numba, caught while it compiles, answers an interrupt with a RuntimeError. One that comes in the middle of
    a destructor would be lost: it is raised again.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _interrupt)
    sys.unraisablehook = _not_lost


def _not_lost(lost: Any) -> None:
    if issubclass(lost.exc_type, KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, 0.01)
    elif not _signals:  # after one, objects that were caught half made complain
        sys.__unraisablehook__(lost)


def _interrupt(number: int, _: Any) -> None:
    _signals.append(number)
    raise KeyboardInterrupt


def _parser() -> ArgumentParser:
    parser = _Parser(
        "python -m experiments", description="Run policies in the sandbox and keep what comes of it."
    )
    parts = parser.add_subparsers(title="commands", metavar="NAME", required=True)

    def command(name: str, function: Any) -> ArgumentParser:
        text = commands.RUNNING[name]
        made = parts.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        made.set_defaults(command=function, interrupted="nothing was written")
        if name in CONVERSATIONS:
            made.set_defaults(quiet=False, interrupted="what was not saved is lost")
        else:
            common(made)
        return made

    one = command("run", _run)
    _option(one, "--policy", None, f"who decides: {_WHO} {_USUAL}", metavar="NAME")
    _episode_options(one)
    _problem_options(one)
    _option(one, "--out", None, "results folder (default: results/ENV-SCENARIO-POLICY-seedK)", metavar="DIR")
    one.add_argument("--no-record", action="store_true", help="keep no recording and draw no figures")
    words = "satellites whose thoughts are recorded (default: all of a fleet of at most 60, else the first)"
    _option(one, "--minds-recorded", None, words, type=int, metavar="N")
    mind_options(one)
    several = command("compare", _compare)
    usual = f"(default: {' '.join(POLICIES)}, those made for the problem)"
    _option(several, "--policy", None, f"who decide: {_WHO} {usual}", nargs="+", metavar="NAME")
    _option(several, "--seeds", 5, "number of episodes, seeded SEED, SEED+1, ...", type=int, metavar="N")
    _episode_options(several)
    _problem_options(several)
    _option(several, "--threads", 1, "threads that share the episodes", type=int, metavar="N")
    mind_options(several)
    every = command("benchmark", _benchmark)
    _benchmark_options(every)
    talk = command("chat", _chat)
    learned = "(default: qwen where it has learned the problem, else as of `run`)"
    _option(talk, "--policy", None, f"who decides otherwise: {_WHO} {learned}", metavar="NAME")
    _option(talk, "--satellite", None, "name of the satellite (default: the first)", metavar="NAME")
    _episode_options(talk)
    _option(talk, "--out", None, "folder that /save writes to", metavar="DIR")
    mind_options(talk)
    hand = command("fly", _fly)
    _option(hand, "--policy", None, f"who decides otherwise: {_WHO} {_USUAL}", metavar="NAME")
    _episode_options(hand)
    _option(hand, "--port", 0, "of 127.0.0.1 to listen on, 0 for any that is free", type=int, metavar="N")
    _option(hand, "--out", None, "save recording and page here when it is interrupted", metavar="DIR")
    _option(hand, "--minds-recorded", None, words, type=int, metavar="N")
    hand.add_argument("--open", action="store_true", help="open the page in a browser")
    mind_options(hand)
    command("scenarios", _scenarios)
    film = command("video", _video)
    _recording_arguments(film, "out.mp4", "the film; its ending says how it is written")
    _option(film, "--show", "both", "globe, map or both", choices=("globe", "map", "both"))
    _option(film, "--size", [960, 480], "width and height in pixels", nargs=2, type=int, metavar="N")
    _option(film, "--fps", 20, "frames in a second", type=int, metavar="N")
    _option(film, "--start-h", 0.0, "where in the run it begins", type=float, metavar="H")
    _option(film, "--hours", None, "how much of the run is shown (default: all)", type=float, metavar="H")
    _option(film, "--every", None, "rounds from frame to frame (default: for 30 s)", type=int, metavar="N")
    other = command("export", _export)
    _recording_arguments(other, "out.html", "the file; its ending says what is written")
    _option(other, "--every", 1, "every so many rounds", type=int, metavar="N")
    text = "another recording, side by side on the page; may be repeated"
    other.add_argument("--beside", action="append", default=[], metavar="RECORDING", help=text)
    again = command("figures", _figures)
    again.add_argument("folder", metavar="RESULTS_FOLDER", help="a folder left behind by `run`")
    return parser


def _episode_options(parser: ArgumentParser) -> None:
    named = "a named scenario (see `scenarios`) or a YAML file (default: the problem's own, e.g. scs01)"
    _option(parser, "--scenario", None, named, metavar="NAME")
    _option(parser, "--env", "tasking_v0", f"decision problem: {_problems()}", metavar="NAME")
    _option(parser, "--hours", None, "simulated hours (default: the scenario's)", type=float, metavar="H")
    _option(parser, "--seed", 0, "of the episode and of the policy", type=int, metavar="K")
    _option(parser, "--candidates", 4, "requests shown to a satellite, where any are", type=int, metavar="K")
    changes = "replace fields of the scenario by dotted name, e.g. requests.initial=64 stations.0.antennas=2"
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="FIELD=VALUE", help=changes)


def _problem_options(parser: ArgumentParser) -> None:
    told = "options of the problem, as its page names them, e.g. consult=true"
    parser.add_argument("--option", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help=told)


def _problems() -> str:
    """The names of the problems, for the help, which is instant: nothing of `envs` is imported."""
    found = find_spec("envs")
    modules = iter_modules(found.submodule_search_locations if found else None)
    shipped = sorted(module.name for module in modules if re.search(r"_v\d+$", module.name))
    return f"{', '.join(shipped)}, or module:Class of your own"


def _benchmark_options(parser: ArgumentParser) -> None:
    goes_on = "Killed or interrupted, the same command goes on from what is finished."
    parser.description = f"{parser.description} {goes_on}"
    parser.set_defaults(interrupted=GOES_ON)
    played = parser.add_argument_group("what is played")
    _option(played, "--suite", "small", "a fixed list of scenarios", choices=("small", "full"))
    _names(played, "--problem", f"only these decision problems: {_problems()}")
    _names(played, "--scenario", "only these scenarios of it; with --problem any, also a YAML file")
    splits = ("known", "held out", "own")
    _option(played, "--split", None, "only constellations that training may see, or may not", choices=splits)
    _option(played, "--hours", None, "simulated hours (default: the suite's)", type=float, metavar="H")
    seeds = "episodes of each scenario, seeded SEED, SEED+1, ... (default: the suite's)"
    _option(played, "--seeds", None, seeds, type=int, metavar="N")
    _option(played, "--seed", 910_000, "of the first episode", type=int, metavar="K")
    who = parser.add_argument_group("who plays")
    _names(who, "--policy", "these beside the shipped ones, e.g. module:Class of your own")
    who.add_argument("--only", action="store_true", help="those of --policy, not the other shipped ones")
    _names(who, "--against", "the heuristics to be better than (default: the best of each problem)")
    _option(who, "--yardstick", "planner", "whose return is 100 %%; that of idle is 0", metavar="NAME")
    how = parser.add_argument_group("how")
    folder = "results folder (default: results/benchmark-SUITE, and what is picked from it)"
    _option(how, "--out", None, folder, metavar="DIR")
    how.add_argument("--fresh", action="store_true", help="play again what the folder already holds")
    _option(how, "--processes", None, "episodes at once (default: processors)", type=int, metavar="N")
    _option(
        how,
        "--address",
        None,
        "of a Ray cluster (default: here, without Ray)",
        metavar="HOST:PORT",
    )


def _names(parser: Any, option: str, text: str) -> None:
    """An option that takes several names, and may be repeated."""
    parser.add_argument(option, nargs="+", action="extend", default=[], metavar="NAME", help=text)


def _recording_arguments(parser: ArgumentParser, out: str, text: str) -> None:
    source = "a results folder, a recording's folder, or a .npz"
    parser.add_argument("recording", metavar="RECORDING", help=source)
    parser.add_argument("out", metavar=out, help=text)


def _run(told: Namespace) -> int:
    from experiments.running.run import run

    kept = {"out": told.out, "record": not told.no_record, "minds_recorded": told.minds_recorded}
    kept["progress"] = not told.quiet
    chosen = changes_in(told.option, "--option")
    content = run(**_episode(told), options=chosen, policy=told.policy, mind=mind_of(told), **kept)
    if told.json:
        from experiments.running.run_folder import keep_records

        shared = {name: value for name, value in content["arguments"].items() if not isinstance(value, dict)}
        numbers = {name: value for name, value in content.items() if isinstance(value, int | float)}
        keep_records(told.json, "run", [shared | numbers])
    status = _minds_status([content.get("minds", {})])
    return status or (NOT_DRAWN if "not_drawn" in content else 0)


def _minds_status(minds: Iterable[Mapping[str, Any]]) -> int:
    """The exit status by how minds decided: a sentence for each that mostly did not."""
    from experiments.running.asked import not_the_minds

    failed = [sentence for told in minds if (sentence := not_the_minds(told))]
    for sentence in failed:
        say(sentence, error=True)
    return NOT_THE_MINDS if failed else 0


def _compare(told: Namespace) -> int:
    from experiments.running.compare import compare

    how = {"seeds": told.seeds, "out": told.json, "threads": told.threads, "progress": not told.quiet}
    chosen = changes_in(told.option, "--option")
    found = compare(told.policy, **_episode(told), options=chosen, mind=mind_of(told), **how)
    return _minds_status(found.minds.values())


def _benchmark(told: Namespace) -> int:
    from experiments.leaderboard.benchmark import benchmark
    from experiments.running.run_folder import NotDrawn

    how = {name: getattr(told, name) for name in ("out", "fresh", "processes", "address")}
    undrawn = None
    try:
        rows = benchmark(_asked(told), progress=not told.quiet, **how)
    except NotDrawn as error:
        rows, undrawn = error.made, error
    if told.json:
        from experiments.leaderboard.table import records_of
        from experiments.running.run_folder import keep_records

        keep_records(told.json, "benchmark", records_of(rows))
    status = _minds_status(rows.minds)
    if undrawn:
        raise undrawn
    return status


def _asked(told: Namespace) -> Any:
    """What the command line says of a benchmark."""
    from experiments.leaderboard.plan import Asked

    names = ("suite", "split", "hours", "seeds", "seed", "only", "against", "yardstick")
    asked = {name: getattr(told, name) for name in names}
    return Asked(problems=told.problem, scenarios=told.scenario, policies=told.policy, **asked)


def _chat(told: Namespace) -> None:
    from experiments.running.chat import chat

    chat(**_episode(told), policy=told.policy, satellite=told.satellite, mind=mind_of(told), out=told.out)


def _fly(told: Namespace) -> int:
    from experiments.running.cockpit_server import fly

    how = {"port": told.port, "out": told.out, "browse": told.open, "minds_recorded": told.minds_recorded}
    return fly(**_episode(told), policy=told.policy, mind=mind_of(told), **how)


def _episode(told: Namespace) -> dict[str, Any]:
    names = ("scenario", "env", "hours", "seed", "candidates")
    return {name: getattr(told, name) for name in names} | {"changes": changes_in(told.set)}


_EXAMPLES = {
    "--set": "FIELD=VALUE, e.g. requests.initial=64",
    "--option": "NAME=VALUE, e.g. consult=true",
    "--practice": "FIELD=VALUE, e.g. encounters.hit_share=0.02",
    "--practice-option": "NAME=VALUE, e.g. risk_price=100",
}


def changes_in(pairs: Sequence[str], flag: str = "--set") -> dict[str, Any]:
    """FIELD=VALUE of an option called `flag`, the value as in YAML. Raises SandboxError for anything else."""
    from sandbox.yaml_files import parse_yaml

    changes = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise SandboxError(f"{flag} {printable(pair)}: give {_EXAMPLES[flag]}.")
        if name in changes:
            raise SandboxError(f"{flag} {printable(name)} is given twice; give it once.")
        try:
            changes[name] = parse_yaml(value, "the value")
        except SandboxError as error:
            raise SandboxError(
                f"{flag} {printable(pair)}: it is not YAML that can be used; quote it or check its brackets "
                f"({str(error).removesuffix('.')})."
            ) from None
    return changes


def _scenarios(told: Namespace) -> None:
    from experiments.running.console_tables import print_scenarios
    from experiments.running.run_folder import keep_records
    from sandbox.fleet import make_fleet
    from sandbox.scenario import load_scenario, scenario_names

    found = map(load_scenario, scenario_names())
    rows = [(s.name, len(make_fleet(s)), s.horizon_h, s.description) for s in found]
    print_scenarios(rows)
    if told.json:
        names = ("scenario", "satellites", "hours", "description")
        keep_records(told.json, "scenarios", [dict(zip(names, row, strict=True)) for row in rows])


def _video(told: Namespace) -> None:
    from experiments.running.video import video

    names = ("show", "fps", "start_h", "hours", "every")
    options = {name: getattr(told, name) for name in names}
    path = video(told.recording, told.out, size=tuple(told.size), progress=not told.quiet, **options)
    _written(told, [path])


def _export(told: Namespace) -> None:
    from experiments.running.export import export, open_recording, unlike
    from sandbox.rendering.words import told_words

    path = export(told.recording, told.out, told.every, told.beside, progress=not told.quiet)
    _written(told, [path])
    if path.suffix == ".html":
        shown = [open_recording(source) for source in (told.recording, *told.beside)]
        for sentence in (*map(told_words, shown), unlike(*shown)):
            if sentence:
                say(sentence)


def _figures(told: Namespace) -> None:
    from experiments.running.run import redraw

    _written(told, redraw(told.folder))


def _written(told: Namespace, paths: Iterable[Path]) -> None:
    """Say what was written, a file a line, and keep it where `--json` says."""
    files = [str(path) for path in paths]
    for file in files:
        say(file)
    if told.json:
        from experiments.running.run_folder import keep_records

        keep_records(told.json, "written files", [{"file": file} for file in files])
