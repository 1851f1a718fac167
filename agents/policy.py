"""What decides: the interface of every policy, and how a policy is found by name."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sandbox.errors import SandboxError, shown, unknown_name

if TYPE_CHECKING:
    from agents.qwen.decisions import Decision, Request
    from envs.deliberation import Thought
    from envs.problem import Problem


class Policy(ABC):
    """Decides for the whole fleet at once.

    A policy sees observations and masks, never the world. It is made for an environment (any face of it):
    from that it reads only the declarations, `env.layout` (the features), `env.actions` (the labels) and
    `env.problem.mission` (the scenario, as it is known on board).
    """

    problems: ClassVar[tuple[str, ...]] = ()
    """Names of the decision problems that it understands; empty for any."""
    thinks: ClassVar[bool] = False
    """Whether its decisions are charged: then it wants an environment made `deliberating`."""
    thought: "Thought | None" = None
    """What was spent on the last decisions, for `DeliberatingBatch.step`; None: they were free."""
    messages: NDArray[np.float32] | None = None
    """What goes to the neighbours with the last decisions (B, N, M), in [-1, 1], NaN from who is silent, for
    `Mail.say`; None: nothing, and always where the problem has no channel."""
    decisions: "Mapping[tuple[int, int], tuple[Request, Decision]]" = MappingProxyType({})
    """Of a mind: what it was asked and what it answered last, by world and satellite."""
    reasons: Mapping[str, NDArray] = MappingProxyType({})
    """The numbers that decided last, each (B, N), by a name that a person understands."""
    odds: NDArray | None = None
    """How likely each of the last decisions was held (B, N, A), of a policy that holds them likely at all."""

    def __init__(self, env: Any) -> None:
        self.layout, self.actions = env.layout, tuple(env.actions)
        self.rng = np.random.default_rng()

    def reset(self, seed: int | None = None) -> None:
        """Forget the last episode; draws from now on follow `seed`."""
        self.rng = np.random.default_rng(seed)

    def act(self, observations: Any, infos: Any) -> Any:
        """Actions for what the environment's face returned.

        Batch face: observations (B, N, F) and infos with "action_mask" (B, N, A) give actions (B, N).
        Dictionary face: dictionaries by agent give a dictionary by agent; the mask is in the observation
        where that is a dictionary itself, else in the info. An action is a number, or a number and a message.
        """
        if not isinstance(observations, dict):
            return self.decide(np.asarray(observations), np.asarray(infos["action_mask"]))
        if not observations:
            return {}
        agents = list(observations)
        seen = [o["observation"] if isinstance(o, dict) else o for o in observations.values()]
        masks = [
            o["action_mask"] if isinstance(o, dict) else infos[agent]["action_mask"]
            for agent, o in observations.items()
        ]
        chosen = self.decide(np.stack(seen)[None], np.stack(masks)[None])[0].tolist()
        if self.messages is not None:
            chosen = list(zip(chosen, self.messages[0], strict=True))
        return dict(zip(agents, chosen, strict=True))

    def explain(self, b: int, n: int) -> dict[str, float]:
        """What decided for satellite n of world b last, by name; nothing where the policy does not say.

        Each in the unit that the policy says: an odds, a share, an expected reward.
        """
        told = {name: float(values[b, n]) for name, values in self.reasons.items()}
        return {name: value for name, value in told.items() if np.isfinite(value)}

    def close(self) -> None:  # noqa: B027  most have nothing to let go
        """Let models or connections go. Safe to call twice."""

    @abstractmethod
    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        """Legal actions (B, N) for observations (B, N, F) in [-1, 1] and masks (B, N, A)."""


YARDSTICKS = ("planner", "onboard")
"""Policies that search by simulation, minutes an episode: what others are held against."""
MINDS = ("qwen", "nano")
"""Policies in which a language model decides or reads: their thought is charged; they are no heuristics."""
TOLD = ("oracle",)
"""Policies that are told what others have to find out: no heuristics to be better than."""
_SHIPPED = {
    "random": "agents.baselines:Random",
    "idle": "agents.baselines:Idle",
    "greedy": "agents.tasking:Greedy",
    "deadline_greedy": "agents.tasking:DeadlineGreedy",
    "cbba": "agents.cbba:Cbba",
    "equinox": "agents.equinox:TaskingEquinox",
    "phoenix": "agents.phoenix:TaskingPhoenix",
    "local": "agents.offloading:Local",
    "ground": "agents.offloading:Ground",
    "least_loaded": "agents.offloading:LeastLoaded",
    "never": "agents.avoidance:Never",
    "threshold": "agents.avoidance:Threshold",
    "late_threshold": "agents.avoidance:LateThreshold",
    "thrifty": "agents.avoidance:Thrifty",
    "planner": "agents.planner.tasking:TaskingPlanner",
    "onboard": "agents.planner.aboard:OnboardTasking",
    "qwen": "agents.qwen.policy:QwenPolicy",
}
_OF_A_PROBLEM: Mapping[str, Mapping[str, str]] = {
    "offloading_v0": {
        "greedy": "agents.offloading:Greedy",
        "equinox": "agents.equinox:OffloadingEquinox",
        "phoenix": "agents.phoenix:OffloadingPhoenix",
        "planner": "agents.planner.offloading:OffloadingPlanner",
        "onboard": "agents.planner.aboard:OnboardOffloading",
    },
    "avoidance_v0": {
        "planner": "agents.planner.avoidance:AvoidancePlanner",
        "onboard": "agents.planner.avoidance_aboard:OnboardAvoidance",
    },
    "autonomy_v0": {
        "greedy": "agents.autonomy:Greedy",
        "deadline_greedy": "agents.autonomy:DeadlineGreedy",
        "equinox": "agents.autonomy:Equinox",
        "phoenix": "agents.autonomy:Phoenix",
        "planner": "agents.planner.autonomy:AutonomyPlanner",
        "onboard": "agents.planner.aboard:OnboardAutonomy",
    },
    "operations_v0": {
        "greedy": "agents.autonomy:Greedy",
        "deadline_greedy": "agents.autonomy:DeadlineGreedy",
        "equinox": "agents.autonomy:Equinox",
        "phoenix": "agents.autonomy:Phoenix",
    },
}
"""By problem, policies that share their name with one for other problems. What a problem brings itself
(`envs.Problem.policies`) goes before both tables."""


_BY_SCENARIO = {"trained": "agents.trained:Trained"}
"""Known by name and not listed: which policy they are, and whether there is one, depends on the scenario."""


def policy_names(problem: "str | type[Problem] | None" = None) -> list[str]:
    """The shipped policies, or those that understand `problem`, its own among them.

    `problem` is a name, `module:Class`, or a subclass of `envs.Problem`.
    """
    if problem is None:
        return list(_SHIPPED)
    return [name for name in _paths(problem) if understands(policy_class(name, problem), problem)]


def policy_class(name: str, problem: "str | type[Problem] | None" = None) -> type[Policy]:
    """The class of the policy called `name`, trained into the folder `name`, or at `module:Class`.

    `trained` is what is shipped for the problem and the tier of the scenario (`agents.trained`). Raises
    SandboxError otherwise; one for a name that only other problems have says which. Where one name stands
    for several policies, `problem` says which; given as to `policy_names`.
    """
    from agents.network import holds_policy, is_folder, network_in

    paths = _paths(problem)
    if name not in paths and is_folder(name) and (name not in _BY_SCENARIO or holds_policy(name)):
        return network_in(name)
    known = {**_BY_SCENARIO, **paths}
    if problem is not None and name not in known and ":" not in name and (homes := _homes(name)):
        raise _made_for_others(name, homes, problem)
    return _find(known.get(name, name), known)


def make_policy(name: str, env: Any, **options: Any) -> Policy:
    """The policy called `name`, trained into the folder `name`, or at `module:Class`, for `env`.

    `options` are further arguments of the class. Raises SandboxError for an unknown name, a class that is no
    Policy, one made for other problems, and for what is no environment of ours.
    """
    if not hasattr(env, "problem"):
        raise SandboxError(
            f"env is {shown(env)}; give an environment, such as tasking_v0.parallel_env('pair')."
        )
    problem = _kind(env.problem)
    kind = policy_class(name, problem)
    if not understands(kind, problem):
        raise _made_for_others(name, sorted({*_homes(name), *kind.problems}), problem)
    return kind(env, **options)


def _homes(name: str) -> list[str]:
    """The registered problems that have a policy of this name."""
    import envs

    return [problem for problem in envs.names() if name in policy_names(problem)]


def _made_for_others(name: str, homes: Sequence[str], problem: "str | type[Problem]") -> SandboxError:
    """The error for a policy of `homes` that was asked for in `problem`."""
    own, known = _name(problem), policy_names(problem)
    if name in MINDS:  # what is wanted is a mind
        known = [each for each in MINDS if each in known]
        return SandboxError(
            f"Policy {name!r} reads the orders in words of {', '.join(homes)}, and {own} has none; its mind "
            f"is {' or '.join(known)}."
        )
    return SandboxError(
        f"Policy {name!r} is made for {', '.join(homes)}, not for {own}; give one of {', '.join(known)}."
    )


def understands(kind: type[Policy], problem: "str | type[Problem]") -> bool:
    """Whether a class of policies is made for `problem`, given as to `policy_names`."""
    return not kind.problems or _name(problem) in kind.problems


def _paths(problem: "str | type[Problem] | None") -> dict[str, str]:
    """Where the policies are, by name, as they are called for `problem`."""
    if problem is None:
        return dict(_SHIPPED)
    return {**_SHIPPED, **_OF_A_PROBLEM.get(_name(problem), {}), **_brought(problem)}


def _name(problem: "str | type[Problem]") -> str:
    found = _known(problem)
    return str(problem) if found is None else found.name


def _brought(problem: "str | type[Problem]") -> Mapping[str, str]:
    """The policies that a problem brings."""
    found = _known(problem)
    return {} if found is None else found.policies


def _known(problem: "str | type[Problem]") -> "type[Problem] | None":
    """The class of a problem; None for a name that nobody has registered."""
    from envs import registry

    if isinstance(problem, str) and ":" not in problem and problem not in registry.names():
        return None
    return registry.find(problem)


def _kind(problem: Any) -> "str | type[Problem]":
    """The class of the problem of an environment, or its name where it is none of `envs.Problem`."""
    from envs.problem import Problem

    return type(problem) if isinstance(problem, Problem) else problem.name


def _find(path: str, paths: Mapping[str, str]) -> type[Policy]:
    module, colon, name = path.partition(":")
    if not colon:
        raise unknown_name("policy", path, paths)
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise SandboxError(
            f"Policy {path!r} cannot be loaded ({error}); give module:Class of a Policy."
        ) from None
    if not (isinstance(kind, type) and issubclass(kind, Policy)):
        raise SandboxError(f"Policy {path!r} is not a subclass of agents.Policy.")
    return kind
