"""How minds decided in a run: who answered, how often they fell back and why, and how sure they were."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from agents.qwen.decisions import Decision
from envs.batch import BatchEnv
from envs.reports import PROMPT
from experiments.running.rollout import Round, Watcher

COUNTS = ("decisions", "passes", "shortened")
ASKED = ("thoughts_asked", "thought_changed")
"""Counted of minds that choose when to think."""
MOST_FALLBACKS = 0.5
"""Share of decisions beyond which a run is not the mind's."""


class Asked(Watcher):
    """Counts what minds were asked in all worlds."""

    def __init__(self) -> None:
        self._decisions, self._passes, self._left_out = 0, 0, 0
        self._asked, self._changed, self._may_ask = 0, 0, False
        self._why: Counter[str] = Counter()
        self._mass, self._masses = 0.0, 0
        self._example: dict[str, str] = {}

    def after(self, env: BatchEnv, played: Round) -> None:
        for _, decision in played.decisions.values():
            self._decisions += 1
            self._passes += decision.passes
            self._left_out += decision.left_out > 0
            self._may_ask |= decision.thought_asked is not None
            self._asked += bool(decision.thought_asked)
            self._changed += decision.thought_changed
            if decision.fell_back:
                why = decision.why or decision.finish
                self._why[why] += 1
                self._example.setdefault(why, decision.text)
            if decision.mass is not None:
                self._mass, self._masses = self._mass + decision.mass, self._masses + 1

    def told(self, engine: Any) -> dict[str, Any]:
        """What there is to know, for `metrics.json`; empty where no mind was asked."""
        if engine is None:
            return {}
        told = {**engine.told(), "decisions": self._decisions, "passes": self._passes}
        told |= {"fell_back": dict(self._why), "shortened": self._left_out}
        if self._may_ask:
            told |= {"thoughts_asked": self._asked, "thought_changed": self._changed}
        if self._masses:
            told["label_mass"] = shortened(self._mass / self._masses)
        if self._example:
            told["first_words"] = self._example
        return told | ({} if engine.dense else {"prompt": PROMPT})


def together(told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What `Asked.told` says of several episodes of the same mind, as of one."""
    why: Counter[str] = Counter()
    words: dict[str, str] = {}
    for each in told:
        why.update(each["fell_back"])
        words = dict(each.get("first_words", {})) | words
    counted = [*COUNTS, *(name for name in ASKED if any(name in each for each in told))]
    whole = dict(told[0]) | {name: sum(each.get(name, 0) for each in told) for name in counted}
    decided = [(each["label_mass"], each["decisions"]) for each in told if "label_mass" in each]
    if decided:
        mass = sum(mass * count for mass, count in decided) / max(1, sum(count for _, count in decided))
        whole["label_mass"] = shortened(mass)
    return whole | {"fell_back": dict(why)} | ({"first_words": words} if words else {})


def wish(decision: Decision, actions: Sequence[str]) -> str:
    """What there is to say of a thought that was asked for; empty where none was."""
    if not decision.thought_asked:
        return ""
    without = decision.without_thought
    return "Thought asked for" + ("." if without is None else f"; without it: {actions[without]}.")


def shortened(share: float) -> float:
    """A share to four digits, however small."""
    return float(f"{share:.4g}")


def mind_of(policy: Any) -> Any:
    """The engine of a policy that has one; else None."""
    while policy is not None:
        engine = getattr(policy, "engine", None)
        if engine is not None:
            return engine
        policy = getattr(policy, "inner", None)
    return None


def line(told: Mapping[str, Any]) -> str:
    """What `Asked.told` says, in a line."""
    how = [f"dialect {told['dialect']}"] if "dialect" in told else []
    how += [f"debias {told['debias']}"] if "debias" in told else []
    fell = sum(told["fell_back"].values())
    reasons = ", ".join(f"{count} {why}" for why, count in told["fell_back"].items())
    done = f"{told['decisions']:,} decisions in {told['passes']:,} passes, {fell:,} fell back"
    done += f" ({reasons})" if reasons else ""
    if "thoughts_asked" in told:
        done += f", {told['thoughts_asked']:,} thoughts asked for"
        done += f" ({told['thought_changed']:,} changed the decision)"
    done += f", label mass {told['label_mass']:.3g}" if "label_mass" in told else ""
    done += f", {told['shortened']:,} prompts shortened" if told["shortened"] else ""
    return f"Mind: {told['model']}" + (f" ({', '.join(how)})" if how else "") + f"; {done}."


def not_the_minds(told: Mapping[str, Any]) -> str:
    """A sentence where most decisions were not the mind's; else empty."""
    fell = sum(told.get("fell_back", {}).values())
    if not told or fell <= MOST_FALLBACKS * told["decisions"]:
        return ""
    why, count = Counter(told["fell_back"]).most_common(1)[0]
    said = told["first_words"].get(why, "")
    return (
        f"Error: {fell:,} of {told['decisions']:,} decisions were not the mind's ({count:,} {why}"
        + (f"; first: {said.strip('()')[:200]}" if said else "")
        + "); these results are those of the fallback."
    )
