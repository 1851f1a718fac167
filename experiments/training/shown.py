"""What a training shows meanwhile: in a terminal a bar for each seed, else a line for each evaluation."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from experiments.running.progress import Pace, display
from sandbox.terminal import say


class Shown:
    """What a terminal shows; without one, a line for each evaluation."""

    def __init__(self, bars: Any, quiet: bool) -> None:
        self._bars, self._quiet, self._tasks = bars, quiet, dict[int, Any]()
        self._held_out: dict[int, float] = {}

    def say(self, text: str) -> None:
        if not self._quiet:
            say(text)

    def levels(self, levels: Mapping[str, float]) -> None:
        others = ", ".join(f"{name} {level:,.1f}" for name, level in levels.items())
        self.say(f"Others: {others}")

    def record(self, record: Mapping[str, Any]) -> None:
        self._held_out[record["seed"]] = record["score"]
        lost = f", {record['lost']} satellites lost" if record["lost"] else ""
        steps, cpu_s = f"{record['steps']:>11,} steps", f"{record['cpu_s']:>7,.1f} CPU s"
        earned = f"return {record['score']:,.1f} ({record['mode']}{lost})"
        self.say(f"seed {record['seed']}: {steps}, {cpu_s}, {earned}")

    def iteration(self, seed: int, limits: Mapping[str, Any]) -> Any:
        """A function to be told of each iteration of the training with this seed."""
        if self._bars is None:
            return lambda learner: None
        pace = Pace()
        self._tasks[seed] = bar = self._bars.add_task(f"seed {seed}", total=1.0, pace=pace, told="")
        shown = 0.0

        def told_of(learner: Any) -> None:
            done = [learner.steps / limits["steps"]] if limits["steps"] else []
            done += [learner.cpu_s / limits["cpu_s"]] if limits["cpu_s"] else []
            held_out = self._held_out.get(seed, float("nan"))
            told = (
                f"{learner.steps / 1e6:.2f} M steps  return {learner.told.get('return', float('nan')):,.0f}"
            )
            told += f"  held out {held_out:,.0f}"
            nonlocal shown
            now = max(done, default=0.0)
            pace.step(now - shown)
            shown = now
            self._bars.update(bar, completed=now, told=told)

        return told_of


@contextmanager
def shown(quiet: bool) -> Iterator[Shown]:
    with display(not quiet, stays=True) as lines:
        yield Shown(lines, quiet)
