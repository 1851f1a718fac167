"""Thinking as an action: have the onboard planner search, follow its plan (`sandbox.consulting`)."""

from typing import Any

from envs import prospects
from envs.block import Action, Block
from envs.features import Feature
from envs.options import needs
from sandbox.compiled import kernel
from sandbox.consulting import NOTHING, STANDS_S, can_consult, can_follow
from sandbox.errors import SandboxError, shown
from sandbox.state import DOWNLINK, OBSERVE

PLAN = "Plan"
CONSULT_SHORT, CONSULT_LONG, FOLLOWS = ACTIONS = ("consult_short", "consult_long", "follow")

CONSULT_ARGUMENTS = {
    "consult": "whether satellites may have their planner search, and follow its plan (docs/thought.md)",
    "consult_price": "factor of what a search costs; 0: done at once and for nothing",
    "consult_truth": "whether the planner knows the sky as it will be: a yardstick",
}


def consult_blocks(consult: Any, price: Any = 1.0, truth: Any = False) -> tuple[Block, ...]:
    """The block, or none of it, by the options `consult`, `consult_price` and `consult_truth` of a problem.

    Raises SandboxError for what these cannot be, and for a price or the truth of what is not asked.
    """
    for name, value in (("consult", consult), ("consult_truth", truth)):
        if not isinstance(value, bool):
            raise SandboxError(f"{name} = {shown(value)}; give True or False.")
    number = isinstance(price, (int, float)) and not isinstance(price, bool)
    if not (number and 0.0 <= price <= 1e3):
        raise SandboxError(f"consult_price = {shown(price)}; give a number from 0 to 1,000.")
    if not consult:
        needs("consult", "consult=True", {"consult_price": (price, 1.0), "consult_truth": (truth, False)})
        return ()
    return (Consult(float(price), truth),)


class Consult(Block):
    """The plan of the onboard planner, and the actions to have one made and to follow it.

    `price` is a factor of what a search costs: 0 and it is done at once and for nothing. With `truth` the
    planner knows the sky as it will be: a yardstick for studies, no agent of its own.
    """

    parts = ("consulting",)
    group = "pointing"
    stands = False
    features = (
        Feature("plan_stands", "1", 0, 1, "a plan stands", PLAN, silent_at=0),
        Feature("plan_age", "min", 0, max(STANDS_S) / 60.0, "made {:.0f} min ago", PLAN, silent_at=0),
        Feature("plan_left", "min", 0, max(STANDS_S) / 60.0, "it stands {:.0f} min more", PLAN, silent_at=0),
        Feature("plan_images", "1", 0, 24, "{:.0f} [image|images] in it", PLAN, silent_at=0, root=True),
        Feature("plan_worth", "1", 0, 300, "expected to bring {:.1f}", PLAN, silent_at=0, root=True,
                open_end=True),
        Feature("plan_observes", "1", 0, 16, "now it images request {:.0f}", PLAN, silent_at=0),
        Feature("plan_sends", "1", 0, 1, "now it sends", PLAN, silent_at=0),
        Feature("search_left", "s", 0, 600, "the planner searches {:.0f} s more", PLAN, silent_at=0,
                open_end=True, root=True),
    )  # fmt: skip
    terms = ("consulted", "consult_s", "consult_j", "followed", "plan_changed", "plan_void")

    def __init__(self, price: float = 1.0, truth: bool = False) -> None:
        super().__init__()
        self.price, self.truth, self.choices = price, truth, len(ACTIONS)

    def actions(self, world):
        legal = "not in safe mode, and its board is up and free"
        return (
            Action(CONSULT_SHORT, "let the planner search for some seconds", legal),
            Action(CONSULT_LONG, "let the planner search for long", legal),
            Action(FOLLOWS, "do what the plan says", "a plan stands, and it is not in safe mode"),
        )

    def prospects(self, world, prices):
        return (prospects.nothing,) * len(ACTIONS)

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        plan = sim.consulting.state.plan[b, n]
        row.search_left = plan.remaining
        if not plan.stands:
            return
        row.plan_stands = 1.0
        row.plan_age = (moment.now - plan.made) / 60.0
        row.plan_left = (plan.until - moment.now) / 60.0
        row.plan_images = plan.images
        row.plan_worth = plan.left
        row.plan_observes = plan.place + 1 if plan.mode == OBSERVE else 0
        row.plan_sends = plan.mode == DOWNLINK

    @staticmethod
    @kernel
    def allow(sim, own, moment, legal, b, n):
        legal[0] = legal[1] = can_consult(sim, b, n)
        legal[2] = can_follow(sim, b, n)

    @staticmethod
    @kernel
    def apply(control, own, action, b, n):
        pass  # `Problem._search` sees to it: a search reads the world, which this does not see

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        plan = sim.consulting.state.plan[b, n]
        row.consulted = plan.consulted != NOTHING
        row.consult_s = plan.seconds
        row.consult_j = plan.joules
        row.followed = plan.followed
        row.plan_changed = plan.changed
        row.plan_void = plan.void
