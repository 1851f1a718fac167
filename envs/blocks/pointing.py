"""Where to point, for the coming round: nadir, the Sun, a station."""

from functools import partial

from envs import prospects
from envs.block import Action, Block
from sandbox.compiled import kernel
from sandbox.ground import can_transmit
from sandbox.safety import is_safe
from sandbox.state import CHARGE, DOWNLINK, IDLE


@kernel
def obeys(sim, b, n):
    """Whether a satellite lives and is not in safe mode."""
    return sim.state.body[b, n].alive and not is_safe(sim.state, b, n)


class NoOp(Block):
    """One action that does nothing, called `name`: what stands goes on."""

    def __init__(self, name: str, phrase: str) -> None:
        super().__init__()
        self.action = Action(name, phrase, "always")

    def actions(self, world):
        return (self.action,)

    def prospects(self, world, prices):
        return (prospects.nothing,)

    @staticmethod
    @kernel
    def allow(sim, own, moment, legal, b, n):
        legal[0] = 1

    @staticmethod
    @kernel
    def apply(control, own, action, b, n):
        pass


class Point(Block):
    """Idle, charge or send: an order for the coming round. Idle is the no-op."""

    group = "pointing"

    def actions(self, world):
        return (
            Action("idle", "keep the camera to nadir", "always"),
            Action("charge", "turn the panel to the Sun", "while it lives and is not in safe mode"),
            Action("downlink", "send images to the ground station in view, the oldest first",
                   "likewise, a station in view, an image on board"),
        )  # fmt: skip

    def prospects(self, world, prices):
        charge, send = (partial(each, prices=prices) for each in (prospects.charging, prospects.sending))
        return prospects.nothing, charge, send

    @staticmethod
    @kernel
    def allow(sim, own, moment, legal, b, n):
        state, body = sim.state, sim.state.body[b, n]
        craft, outlook = sim.constants.craft[n], state.outlook[b, n]
        legal[0] = 1
        able = obeys(sim, b, n)
        legal[1] = able
        legal[2] = able and can_transmit(outlook, state.store, craft, body, b, n)

    @staticmethod
    @kernel
    def apply(control, own, action, b, n):
        control.commands.mode[b, n] = DOWNLINK if action == 2 else (CHARGE if action == 1 else IDLE)
