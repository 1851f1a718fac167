"""An observation in words: a short report, made from the declarations that the numbers come from.

What is the same for every satellite in every round stands first, so that whoever serves the model reads it
once: what the satellite is, what pays and costs, every decision with its meaning, worked examples. Then
comes what one satellite sees, its warnings first, and last the decisions that are legal now, labelled
without gaps.
"""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from string import ascii_letters
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs import chinese, wording
from envs.decision_names import compact, in_ranges, numbered, spaced
from envs.features import Feature, Layout
from envs.problem import Problem
from envs.prospects import Seen
from envs.report_bounds import bounds_of, kinds_in
from sandbox.errors import SandboxError, unknown_name

PROMPT = 4
"""Version of the wording, on which the scores of minds depend."""
LABELS = tuple(ascii_letters[26:] + ascii_letters[:26])
"""A, B, ... Z, a, ... z: each is one token for every Qwen tokenizer."""
LETTERS, WORDS = "letters", "words"
THINK = "think_first"
"""What is listed beside the decisions to a mind that may think before it decides."""
LANGUAGES = ("en", "zh")
ABSENT = "What is not told is 0 or absent."
ANSWER = {
    LETTERS: "Answer with the letter of one listed decision, nothing else.",
    WORDS: "Answer with the name of one listed decision, nothing else.",
}
ANSWER_PRICED = {
    LETTERS: "Answer only with the letter of the decision expected to pay most.",
    WORDS: "Answer only with the name of the decision expected to pay most.",
}
JUDGE = "One decision is proposed. Answer Yes if it is a good decision now, else No."
PROPOSED = "Proposed: {}. Is it a good decision? Yes or No."
VERDICTS = ("Yes", "No")
GRADES = (
    (0.0, "very bad"),
    (0.1, "weak"),
    (0.35, "fair"),
    (0.7, "good"),
    (math.inf, "excellent"),
)
SHOWN = ((0.5, 0.5), (0.0, -0.3), (1.0, 0.25), (0.5, 0.0), (0.0, 0.9), (1.0, -0.5))
"""Made-up proposals: which action, by its place among all from 0 to 1, and what it pays of what is usual."""
NEUTRAL = "neutral"
"""What a decision is called that pays up to so much of what is usually paid: small models read words better
than numbers."""
MOST_SHOTS = 2
_NONE = "0"
RANGES_FROM = 12
"""Decisions of which those that differ in a number alone are listed as a range."""
TABLES_FROM = 80
"""Features from which on several things of a kind are told as a table, not as a sentence each: small models
read sentences better, and long prompts cost."""


class _Topic(NamedTuple):
    """What there is to say under a heading."""

    name: str
    said: list[str]
    cells: list[str] | None
    """Of one of several things: all its numbers, for a table."""


class Reporter:
    """Says in words what a satellite of `problem` sees and may decide.

    `system` is the same for every satellite in every round, so that its prefix can be computed once;
    `judging` stands in its place where decisions are proposed one by one (`proposal`). The
    legal decisions of a report are labelled in the order in which it lists them, the first with the first of
    `labels` (A,): letters, or with `label` "words" the names of the actions. `shots` worked examples of the
    problem (at most `MOST_SHOTS`) stand in the system message; `language` is "en" or "zh".

    Raises SandboxError where there are more actions than letters, and for unknown options.
    """

    def __init__(
        self, problem: Problem, *, label: str = LETTERS, shots: int = 0, language: str = "en"
    ) -> None:
        if label not in (LETTERS, WORDS):
            raise unknown_name("kind of label", label, (LETTERS, WORDS))
        if language not in LANGUAGES:
            raise unknown_name("language", language, LANGUAGES)
        if not (isinstance(shots, int) and 0 <= shots <= MOST_SHOTS):
            raise SandboxError(f"shots = {shots!r}; give a whole number from 0 to {MOST_SHOTS}.")
        if label == LETTERS and len(problem.actions) > len(LABELS):
            raise SandboxError(
                f"{problem.name} has {len(problem.actions)} actions; a report can label {len(LABELS)}, "
                "show fewer candidates."
            )
        self._said = chinese.said if language == "zh" else _as_it_is
        self.language, self.label = language, label
        self.layout: Layout = problem.layout
        self.actions = problem.actions
        self.labels = problem.actions if label == WORDS else LABELS[: len(problem.actions)]
        self.choices = (*problem.actions, THINK)
        self.briefing, self.phrases = self._said(problem.briefing), tuple(map(self._said, problem.phrases))
        self._features = [self._translated(feature) for feature in self.layout.features]
        self._bounds = bounds_of(self._features)
        self._topic_names = tuple(dict.fromkeys(feature.topic for feature in self._features))
        self._things = kinds_in(self.layout)
        self._groups = self._things if len(self.layout) >= TABLES_FROM else {}
        self._prospects, self._usual = problem.prospects, problem.usual
        self._texts = [(text, [self.layout.index(name) for name in text.features]) for text in problem.texts]
        self._families, self._own_phrases = problem.families, problem.phrases
        self._together = {name: i for i, (names, _) in enumerate(problem.families) for name in names}
        parts = [self.briefing]
        if problem.pays:
            parts.append(f"{self._said('Prices')}: {'; '.join(map(self._said, problem.pays))}.")
        if problem.advice:
            parts.append(self._said(problem.advice))
        parts += [f"{self._said('Meanings')}:", *self._glossary()]
        parts.append(self._said(ABSENT))
        self.judging = self._joined([*parts, self._said(JUDGE)])
        for values, legal, action in problem.examples[:shots]:
            parts += self._example(values, legal, action)
        parts.append(self._said((ANSWER_PRICED if problem.prospects else ANSWER)[label]))
        self.system = self._joined(parts)

    def said(self, text: str) -> str:
        """`text` in the language of the reports, where there is a translation."""
        return self._said(text)

    @property
    def longest(self) -> int:
        """No report has more characters."""
        said = sum(wording.longest(feature) + len(feature.topic) for feature in self._features)
        said += sum(text.longest + len(text.topic) for text, _ in self._texts)
        return 2 * said + sum(len(name) + len(label) + 24 for name, label in self._labelled()) + 128

    def options(
        self, mask: NDArray[np.int8], order: NDArray[np.int64] | None = None, think: bool = False
    ) -> NDArray[np.int64]:
        """The legal actions (L,) as a report lists them: in their own order, or with `order` (L,), a
        permutation of their places, in that one. With `think` thinking is one more, after them, the A-th."""
        legal = np.flatnonzero(mask)
        listed = np.append(legal, len(self.actions)) if think else legal
        return listed if order is None else listed[order]

    def labels_of(self, options: Sequence[int] | NDArray[np.int64]) -> tuple[str, ...]:
        """The labels (L,) of listed actions."""
        if self.label == WORDS:
            return tuple(self.choices[i] for i in options)
        return LABELS[: len(options)]

    @property
    def choice_labels(self) -> tuple[str, ...]:
        """The labels where thinking is a choice too (A + 1,); (A,) where there is no letter left for it."""
        return self.choices if self.label == WORDS else LABELS[: len(self.choices)]

    def report(
        self,
        observation: NDArray[np.float32],
        mask: NDArray[np.int8],
        leave_out: int = 0,
        order: NDArray[np.int64] | None = None,
    ) -> str:
        """The report for one observation (F,) in [-1, 1] and its mask (A,): the situation, then decisions."""
        return f"{self.situation(observation, leave_out)}\n{self.listed(mask, order, observation)}"

    def listed(
        self,
        mask: NDArray[np.int8],
        order: NDArray[np.int64] | None = None,
        observation: NDArray[np.float32] | None = None,
        think: str = "",
    ) -> str:
        """The legal decisions of a mask (A,) with their labels, and with what each is expected to pay by an
        observation (F,). With `think`, what is said of thinking first, that is listed too."""
        options = self.options(mask, order, bool(think))
        worths = () if observation is None else self.worths(observation, options)
        return "\n".join(self._lines(options, worths, think))

    def worths(
        self, observation: NDArray[np.float32], options: Sequence[int] | NDArray[np.int64]
    ) -> tuple[float, ...]:
        """What these actions (L,) are expected to pay by an observation (F,); empty where nobody can say.

        Thinking pays nothing by itself.
        """
        if not self._prospects:
            return ()
        seen = Seen(zip(self.layout.names, self.layout.physical(observation).tolist(), strict=True))
        return tuple(self._prospects[i](seen) if i < len(self.actions) else 0.0 for i in options)

    def paid(self, worths: Sequence[float]) -> str:
        """What decisions that are listed together pay, in words."""
        shown = [self._amount(worth) for worth in worths]
        if set(shown) == {"0"}:
            return self._said("pays nothing")
        if len(shown) > 1 or worths[0] > 0.0:
            return f"{self._said('pays')} {', '.join(shown)}"
        return f"{self._said('costs')} {shown[0][1:]}"

    def grade(self, worth: float) -> str:
        """What a decision that pays so much is called."""
        if self._amount(worth) == "0":
            return self._said(NEUTRAL)
        return self._said(next(name for limit, name in GRADES if worth <= limit * self._usual))

    def _amount(self, worth: float) -> str:
        """A number with as many digits as tell a hundredth of what is usual."""
        text = f"{worth:.{max(1, 1 - math.floor(math.log10(self._usual)))}f}".rstrip("0").rstrip(".")
        return text if text.strip("-0") else "0"

    def proposal(self, action: int, observation: NDArray[np.float32] | None = None) -> str:
        """The question whether `action` is a good decision; with what it is expected to pay by an observation
        (F,)."""
        return self._proposed(action, () if observation is None else self.worths(observation, (action,)))

    def _proposed(self, action: int, worths: Sequence[float]) -> str:
        name = spaced(self.actions[action])
        if not worths:
            return self._said(PROPOSED).format(name)
        grade = self.grade(worths[0])
        article = "an" if grade[0] in "aeiou" else "a"
        told = self._said(f"It is {article} {{}} choice, it").format(grade)
        return self._said(PROPOSED).format(f"{name}. {told} {self.paid(worths)}")

    @cached_property
    def verdicts_shown(self) -> tuple[tuple[str, str], ...]:
        """Made-up proposals and the verdicts on them, for models that learn from examples better than from
        rules: every decision that occurs is good once and not good once. Empty where it is not known what
        decisions are expected to pay."""
        if not self._prospects:
            return ()
        count, calm = len(self.actions), f"{self._said('No warnings')}."
        return tuple(
            (
                f"{calm}\n{self._proposed(round(place * (count - 1)), (share * self._usual,))}",
                VERDICTS[share <= 0.0],
            )
            for place, share in SHOWN
        )

    @property
    def estimates(self) -> bool:
        """Whether it is known of every decision what it is expected to pay."""
        return bool(self._prospects)

    def content_free(
        self, mask: NDArray[np.int8], order: NDArray[np.int64] | None = None, think: str = ""
    ) -> str:
        """A report that says nothing but what is legal: what a mind answers to it, it answers anyway."""
        listed = self.listed(mask, order, think=think)
        return f"{self._said('Report')}: {self._said('not available')}.\n{listed}"

    def situation(self, observation: NDArray[np.float32], leave_out: int = 0) -> str:
        """What one observation (F,) says: warnings, then topic by topic.

        Where room is short the last `leave_out` topics are not told but named: what matters most
        stands first. Warnings are always told.
        """
        values = self.layout.physical(observation).tolist()
        topics = list(self._topics(values))
        kept = max(0, len(topics) - leave_out)
        things = {topic.name for topic in topics[:kept]} & self._things.keys()
        lines = list(self._told(topics[:kept]))
        if topics[kept:]:
            named = ", ".join(self._said(topic.name) for topic in topics[kept:])
            lines.append(f"{self._said('Left out for want of room')}: {named}.")
        return self._around_texts(self._warned(values, things), values, lines)

    def brief(self, observation: NDArray[np.float32]) -> str:
        """Of one observation (F,) the warnings alone: what to know beside what decisions are expected
        to pay, for models that a long report confuses. Many satellites' are the same."""
        values = self.layout.physical(observation).tolist()
        lines = list(self._warned(values)) or [f"{self._said('No warnings')}."]
        return self._around_texts(lines, values, ())

    def _warned(self, values: Sequence[float], elsewhere: Collection[str] = ()) -> Iterator[str]:
        """The line of warnings, without those of the topics told `elsewhere`."""
        _, warns = self._told_of(values)
        warned = [
            wording.say(self._features[i], values[i])
            for i in np.flatnonzero(warns).tolist()
            if self._features[i].topic not in elsewhere
        ]
        if warned:
            yield f"{self._said('Warning')}: {', '.join(warned)}."

    def _written(self, values: Sequence[float]) -> Iterator[str]:
        """What is told in texts, topic by topic, each as it was written."""
        topics: dict[str, list[str]] = {}
        for text, places in self._texts:
            said = text.say([values[i] for i in places])
            if said:
                topics.setdefault(text.topic, []).append(said)
        for topic, told in topics.items():
            yield f"{self._said(topic)}:"
            yield from told

    def _around_texts(self, before: Iterable[str], values: Sequence[float], after: Iterable[str]) -> str:
        """Lines before and after what is told in texts, which stand as they were written."""
        pieces = (self._joined(list(before)), "\n".join(self._written(values)), self._joined(list(after)))
        return "\n".join(piece for piece in pieces if piece)

    def _joined(self, lines: Sequence[str]) -> str:
        text = "\n".join(lines)
        return chinese.limits(text) if self.language == "zh" else text

    def topic_count(self, observation: NDArray[np.float32]) -> int:
        """How many topics there are to leave out."""
        return len(list(self._topics(self.layout.physical(observation).tolist())))

    def _told(self, topics: Sequence[_Topic]) -> Iterator[str]:
        """Lines: a sentence for each topic, a table for several things of one kind."""
        tables: dict[str, list[_Topic]] = {}
        for topic in topics:
            if topic.cells is not None:
                tables.setdefault(self._groups[topic.name], []).append(topic)
        for topic in topics:
            group = self._groups.get(topic.name, "")
            rows = tables.get(group, []) if topic.cells is not None else []
            if not rows:
                yield f"{self._said(topic.name)}: {', '.join(topic.said)}."
            elif topic is rows[0]:
                yield from self._table(group, rows)

    def _topics(self, values: list[float], only: frozenset[str] | None = None) -> Iterator[_Topic]:
        """Topics without those whose gate is shut, of the features `only`: things that warn, then the others,
        in order of first mention. What else warns is told before."""
        topics = {
            name: _Topic(name, [], [] if only is None and name in self._groups else None)
            for name in self._topic_names
        }
        shut, grave = set(), set()
        silent, warned = (flags.tolist() for flags in self._told_of(values))
        for feature, value, quiet, warns in zip(self._features, values, silent, warned, strict=True):
            topic = topics[feature.topic]
            if feature.gate:
                if value < 0.5:
                    shut.add(feature.topic)
                continue
            if only is not None and feature.name not in only:
                continue
            tabled = topic.cells is not None and bool(feature.phrase)
            if quiet or (tabled and not wording.is_said(feature, value)):
                said = ""
            else:  # of a table's row the number alone is told
                said = wording.cell(feature, value) if tabled else wording.say(feature, value)
            warns = only is None and warns
            if warns and feature.topic in self._things:
                grave.add(self._things[feature.topic])
            elif warns:
                continue
            if topic.cells is not None and tabled:
                topic.cells.append(said)
            if said:
                topic.said.append(said)
        there = [topic for topic in topics.values() if topic.said and topic.name not in shut]
        yield from sorted(there, key=lambda topic: self._things.get(topic.name, "") not in grave)

    def _told_of(self, values: Sequence[float]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Of which features (F,) there is nothing to say, and which are to be warned of."""
        seen, bounds = np.asarray(values, float), self._bounds
        # float32 leaves a value a millionth of its range off; there is no number that NaN is near to
        silent = np.abs(seen - bounds.silent_at) <= bounds.near
        return silent, (seen < bounds.warn_below) | (seen > bounds.warn_above)

    def _table(self, group: str, rows: Sequence[_Topic]) -> Iterator[str]:
        """Several things of a kind, a line each; columns that say nothing of any are left out, and those that
        say the same of all stand in the heading."""
        columns = list(zip(*(row.cells or () for row in rows), strict=True))
        headings, spoken = self._headings(group), [k for k, cells in enumerate(columns) if any(cells)]
        own = [k for k in spoken if len(set(columns[k])) > 1 or len(rows) == 1] or spoken[:1]
        shared = ", ".join(f"{headings[k]} {columns[k][0]}" for k in spoken if k not in own)
        same = f" ({self._said('all')}: {shared})" if shared else ""
        yield f"{', '.join([self._said(group), *(headings[k] for k in own)])}{same}:"
        for i, row in enumerate(rows):
            yield f"{row.name.rpartition(' ')[2]} {' '.join(columns[k][i] or _NONE for k in own)}"

    def _headings(self, group: str) -> list[str]:
        first = next(topic for topic, of in self._groups.items() if of == group)
        return [wording.heading(f) for f in self._features if f.topic == first and not f.gate and f.phrase]

    def _glossary(self) -> Iterator[str]:
        """Every decision with its meaning; those that differ in a number alone once."""
        found: dict[tuple[str, str], str] = {}
        for names, phrase in self._families:
            members = [name for name in names if name in self.actions]
            if members:
                found[compact(members, "k"), phrase] = compact(members, "k")
        together = {name for names, _ in self._families for name in names}
        for name, phrase in zip(self.actions, self._own_phrases, strict=True):
            stem, number = numbered(name)
            if name in together:
                continue
            general = re.sub(rf"\b{number}\b", "k", phrase)
            if (f"{stem}_k", general) in found:
                found[f"{stem}_k", general] = f"{stem}_k"
            else:
                found[(f"{stem}_k" if number >= 0 else name), general] = name
        for (stem, phrase), name in found.items():
            alone = name != stem and stem.endswith("_k")
            said = phrase.replace(" k", f" {numbered(name)[1]}") if alone else phrase
            yield f"{spaced(name)}: {self._said(said)}"

    def _example(self, values: Mapping[str, float], legal: Sequence[str], action: str) -> Iterator[str]:
        """A worked example: what it says of the features given, and the answer to it."""
        physical = self._imagined(values)
        options = [i for i, name in enumerate(self.actions) if name in legal]
        yield f"{self._said('Example')}:"
        yield from self._told(list(self._topics(physical.tolist(), frozenset(values))))
        yield from self._lines(options, self.worths(self.layout.scaled(physical), options))
        answer = self.labels_of(options)[options.index(self.actions.index(action))]
        yield f"{self._said('Answer')}: {answer}"

    def _imagined(self, values: Mapping[str, float]) -> NDArray[np.float64]:
        """Features (F,) in their units of an example that gives some."""
        physical = self.layout.low.copy()
        for name, value in values.items():
            physical[self.layout.index(name)] = value
        for feature in self.layout.features:
            told = any(f.name in values for f in self.layout.features if f.topic == feature.topic)
            if feature.gate and told:
                physical[self.layout.index(feature.name)] = 1.0
        return physical

    def _lines(
        self, options: Sequence[int] | NDArray[np.int64], worths: Sequence[float], think: str = ""
    ) -> list[str]:
        """Decisions that are listed, with what each is expected to pay: in words and a number, or of many in
        a number alone, those of a family together."""
        names, labels = [self.choices[i] for i in options], self.labels_of(options)
        if self.label == LETTERS and len(options) - bool(think) >= RANGES_FROM:
            return self._in_families(in_ranges(labels, names, self._together), names, worths, think)
        marks = [f"{label}: {spaced(name)}" for label, name in zip(labels, names, strict=True)]
        if self.label == WORDS:
            marks = [f"- {name}" for name in names]
        notes = [f", {self.grade(worth)}, {self.paid((worth,))}" for worth in worths] or [""] * len(marks)
        if think:
            notes[names.index(THINK)] = f", {self._said(think)}"
        return [f"{self._said('Decisions')}:", *(map("".join, zip(marks, notes, strict=True)))]

    def _in_families(
        self,
        ranges: Iterator[tuple[str, int, int]],
        names: Sequence[str],
        worths: Sequence[float],
        think: str,
    ) -> list[str]:
        """The lines of `in_ranges`, with what each decision is expected to pay."""
        told = [f"{self._said('Decisions and pay' if len(worths) else 'Decisions')}:"]
        for line, i, j in ranges:
            end = ":" if j - i > 1 or line[-1].isdigit() else ""
            if think and names[i] == THINK:
                told.append(f"{line}, {self._said(think)}")
            else:
                told.append(f"{line}{end} {self._amounts(worths[i:j])}" if len(worths) else line)
        return told

    def _amounts(self, worths: Sequence[float]) -> str:
        """What decisions of a family pay, in numbers alone; once what comes again and again."""
        shown = [self._amount(worth) for worth in worths]
        for size in range(1, len(shown)):
            if shown[:size] * (len(shown) // size) == shown:
                return self._said("{} each").format(" ".join(shown[:size]))
        return " ".join(shown)

    def _labelled(self) -> Iterator[tuple[str, str]]:
        yield from zip(self.actions, self.labels, strict=True)

    def _translated(self, feature: Feature) -> Feature:
        return chinese.feature(feature) if self.language == "zh" else feature


def _as_it_is(text: str) -> str:
    return text
