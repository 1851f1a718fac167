"""An observation in words: a short English report, made from the declarations that the numbers come from."""

from collections.abc import Iterator
from string import ascii_letters

import numpy as np
from numpy.typing import NDArray

from envs.features import Feature, Layout
from envs.problem import Problem
from sandbox.errors import SandboxError

LABELS = tuple(ascii_letters[26:] + ascii_letters[:26])
"""A, B, ... Z, a, ... z: each is one token for every Qwen tokenizer."""
ANSWER = "Answer with the letter of one decision from the list, and nothing else."


_NUMBER = 24
"""Room for a number and what stands around it."""


class Reporter:
    """Says in words what a satellite of `problem` sees and may decide.

    `system` is the same for every satellite in every round, so that its prefix can be computed once;
    `labels` (A,) are the letters of the actions, fixed over a run. Raises SandboxError where there are more
    actions than letters.
    """

    def __init__(self, problem: Problem) -> None:
        if len(problem.actions) > len(LABELS):
            raise SandboxError(
                f"{problem.name} has {len(problem.actions)} actions; a report can label {len(LABELS)}, "
                "show fewer candidates."
            )
        self.layout: Layout = problem.layout
        self.actions, self.labels = problem.actions, LABELS[: len(problem.actions)]
        self.briefing, self.phrases = problem.briefing, problem.phrases
        self.system = f"{problem.briefing}\n{ANSWER}"
        self.decisions = tuple(
            f"{label}: {name.replace('_', ' ')}, {phrase}"
            for label, name, phrase in zip(self.labels, problem.actions, problem.phrases, strict=True)
        )

    @property
    def longest(self) -> int:
        """No report has more characters."""
        said = sum(len(feature.phrase) + _NUMBER + len(feature.topic) for feature in self.layout.features)
        return 2 * said + sum(len(decision) + 1 for decision in self.decisions) + 64

    def report(self, observation: NDArray[np.float32], mask: NDArray[np.int8], leave_out: int = 0) -> str:
        """The report for one observation (F,) in [-1, 1] and its mask (A,): the situation, then decisions."""
        legal = [self.decisions[i] for i in np.flatnonzero(mask)]
        return "\n".join([self.situation(observation, leave_out), "Decisions:", *legal])

    def situation(self, observation: NDArray[np.float32], leave_out: int = 0) -> str:
        """What one observation (F,) says, topic by topic, then warnings.

        Where room is short the last `leave_out` topics are not told but named: what matters most
        stands first. Warnings are always told.
        """
        values = self.layout.physical(observation).tolist()
        topics = list(self._topics(values))
        kept = max(0, len(topics) - leave_out)
        lines = [f"{topic}: {', '.join(said)}." for topic, said in topics[:kept]]
        warnings = [
            _say(f, value) for f, value in zip(self.layout.features, values, strict=True) if _warns(f, value)
        ]
        if warnings:
            lines.append(f"Warning: {', '.join(warnings)}.")
        if topics[kept:]:
            lines.append(f"Left out for want of room: {', '.join(topic for topic, _ in topics[kept:])}.")
        return "\n".join(lines)

    def topic_count(self, observation: NDArray[np.float32]) -> int:
        """How many topics there are to leave out."""
        return len(list(self._topics(self.layout.physical(observation).tolist())))

    def _topics(self, values: list[float]) -> Iterator[tuple[str, list[str]]]:
        """(topic, phrases) in order of first mention; without those whose gate is shut."""
        topics: dict[str, list[str]] = {}
        shut = set()
        for feature, value in zip(self.layout.features, values, strict=True):
            said = topics.setdefault(feature.topic, [])
            if feature.gate:
                if value < 0.5:
                    shut.add(feature.topic)
            elif not _silent(feature, value):
                said.append(_say(feature, value))
        yield from ((topic, said) for topic, said in topics.items() if said and topic not in shut)


def _say(feature: Feature, value: float) -> str:
    return feature.phrase.format(value + 0.0)


def _silent(feature: Feature, value: float) -> bool:
    """Whether there is nothing to say: float32 leaves a value a millionth of its range off."""
    near = 1e-6 * (feature.high - feature.low)
    return feature.silent_at is not None and abs(value - feature.silent_at) <= near


def _warns(feature: Feature, value: float) -> bool:
    below = feature.warn_below is not None and value < feature.warn_below
    return below or (feature.warn_above is not None and value > feature.warn_above)
