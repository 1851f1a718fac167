"""Policies with a mind, from what a command line says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agents import Policy, make_policy, policy_class
from envs.batch import BatchEnv
from envs.registry import find
from sandbox.errors import SandboxError

QWEN = "qwen"


def knows(problem: str) -> bool:
    """Whether the shipped nano has learned a problem, given by name or as `module:Class`."""
    from agents.qwen.nano import NanoEngine

    return find(problem).name in NanoEngine.problems


@dataclass(frozen=True)
class Mind:
    """How the minds of a run think, and what they are charged.

    Args:
        engine: arguments of `agents.qwen.engines.make_engine`: model, server, mode, thinking and so on; empty
            for the shipped nano.
        period: rounds between two decisions of a satellite.
        fallback: name of the policy that decides in between; None: the standing order stands.
        charge: (prompt, output) tokens to charge for every decision, in place of those spent; any policy can
            be charged so.
        charge_model: whose tokens they are; None: the model that the scenario puts on board.
        report: how it is told: shots, language and label of `agents.qwen.policy.QwenPolicy`.
    """

    engine: Mapping[str, Any] = field(default_factory=dict)
    period: int = 1
    fallback: str | None = None
    charge: tuple[int, int] | None = None
    charge_model: str | None = None
    report: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.charge_model is not None and self.charge is None:
            raise SandboxError(
                f"charge_model = {self.charge_model!r} without charge; give tokens, e.g. --charge 500+200."
            )

    def thinks(self, policy: str, problem: str | None = None) -> bool:
        """Whether the decisions of the policy that is called `policy` for `problem` are charged."""
        return self.charge is not None or policy_class(policy, problem).thinks

    def policy(self, name: str, env: BatchEnv, strict: bool = True) -> Policy:
        """The policy called `name`, with this mind where it has one.

        Raises SandboxError for what does not fit; where `strict`, also for a mind given to one without.
        """
        if name == QWEN:
            fallback = None if self.fallback is None else make_policy(self.fallback, env)
            made = self._thinker(env, fallback)
        elif strict and (self.engine or self.report or self.period != 1 or self.fallback):
            raise SandboxError(
                f"Policy {name!r} has no mind to set; options of the mind go with --policy {QWEN}."
            )
        else:
            made = make_policy(name, env)
        if self.charge is None:
            return made
        from agents.charged import Charged

        return Charged(made, *self.charge, self.charge_model)

    def _thinker(self, env: BatchEnv, fallback: Policy | None) -> Policy:
        """The policy of the mind; where that does not fit its engine is let go."""
        engine = self._engine()
        try:
            if self.report and engine.dense:
                raise SandboxError(
                    f"{', '.join(self.report)}: {engine.name} reads no words; give a Qwen3 that reads, with "
                    "--model or --server."
                )
            how = {"engine": engine, "period": self.period, "fallback": fallback, **self.report}
            return make_policy(QWEN, env, **how)
        except SandboxError:
            engine.close()
            raise

    def _engine(self) -> Any:
        from agents.qwen.engines import make_engine

        return make_engine(**self.engine)

    def told(self) -> dict[str, Any]:
        """What is out of the ordinary, for the record of a run."""
        engine = dict(self.engine)
        if isinstance(engine.get("server"), str):
            from agents.qwen.address import shown_url

            engine["server"] = shown_url(engine["server"])
        content = {"engine": engine, "period": self.period, "fallback": self.fallback}
        content |= {"charge": list(self.charge) if self.charge else None, "charge_model": self.charge_model}
        content["report"] = dict(self.report)
        ordinary = {"engine": {}, "period": 1, "report": {}}
        return {key: value for key, value in content.items() if value != ordinary.get(key)}
