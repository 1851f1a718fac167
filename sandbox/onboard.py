"""What a thought costs the satellite that thinks it: tokens to seconds, joules and watts on its own board."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.compiled import kernel
from sandbox.compute import ComputeProfile, ModelProfile, board, inference, model
from sandbox.errors import SandboxError, shown
from sandbox.fleet import Fleet
from sandbox.scenario import Scenario
from sandbox.thermal import power_share


class ThoughtCost(NamedTuple):
    """Arrays (B, N), all 0 where there is no board to think on.

    `seconds` is infinite where the board is too hot to run. `joules` is the energy of the board for the
    thought; `watts` what it draws meanwhile beyond its standing load, which the customers' work stands for.
    """

    seconds: NDArray[np.float64]
    joules: NDArray[np.float64]
    watts: NDArray[np.float64]


@kernel
def _write_shares(body, craft, seconds, share):
    for b in range(body.shape[0]):
        for n in range(body.shape[1]):
            share[b, n] = power_share(body[b, n], craft[n], seconds)


class _Host(NamedTuple):
    board: ComputeProfile
    model: ModelProfile
    precision: str
    standing_w: float
    satellites: NDArray[np.bool_]


class Onboard:
    """The boards of a fleet. `has_board` (N,) says which satellites have one."""

    def __init__(self, scenario: Scenario, fleet: Fleet) -> None:
        kinds = np.array(fleet.kinds)
        self._hosts = [
            _Host(
                board(craft.compute.board),
                model(craft.compute.model),
                craft.compute.precision,
                craft.power.compute_w / craft.compute.boards,
                kinds == kind,
            )
            for kind, craft in scenario.spacecraft.items()
            if craft.compute is not None
        ]
        self.has_board = np.zeros(len(fleet), np.bool_)
        for host in self._hosts:
            self.has_board |= host.satellites
        self._craft, self._round_s = fleet.craft, scenario.round_s

    def describe(self) -> list[str]:
        """A line for each kind of board in the fleet: satellites, board, model and precision."""
        return [
            f"{host.satellites.sum()} x {host.model.name} {host.precision} on {host.board.name}"
            for host in self._hosts
            if host.satellites.any()
        ]

    def shares(self, body: NDArray[np.void]) -> NDArray[np.float64]:
        """Share of full speed and power that heat leaves the boards of satellites (B, N), whose records are
        `state.body`, in the next round."""
        share = np.empty(body.shape)
        _write_shares(body, self._craft, self._round_s, share)
        return share

    def cost(
        self,
        prompt_tokens: ArrayLike,
        output_tokens: ArrayLike,
        share: NDArray[np.float64],
        models: NDArray[np.object_] | None = None,
        cached_tokens: ArrayLike = 0,
    ) -> ThoughtCost:
        """Cost of one thought of each satellite: token counts (B, N), `share` (B, N) of full power. Of the
        prompt `cached_tokens` (B, N) lie in the cache already, and are not read again.

        The nominal model of its spacecraft thinks, or the one named in `models` (B, N) where that is not
        None. A hot board runs at a lower clock: the thought takes longer and the power falls with it, as it
        begins. Raises SandboxError for counts that are no whole numbers, a share beyond 0 to 1, a text beyond
        the model's context, an unknown model, and one that does not fit the board.
        """
        if not np.all((share >= 0.0) & (share <= 1.0)):
            raise SandboxError(f"share = {shown(share)}; give shares of full power, from 0 to 1.")
        counts = (np.asarray(count) for count in (prompt_tokens, output_tokens, cached_tokens))
        _, prompt, output, cached = np.broadcast_arrays(share, *counts)
        spent = (prompt > 0) | (output > 0)
        seconds, joules, watts = (np.zeros(share.shape) for _ in ThoughtCost._fields)
        for host, profile, where in self._parts(spent, models):
            given = host.board, profile, host.precision, prompt[where], output[where]
            one = inference(*given, cached_tokens=cached[where])
            seconds[where], joules[where] = one.seconds, one.joules
            watts[where] = host.board.active_w - host.standing_w
        with np.errstate(divide="ignore", invalid="ignore"):
            slowed = np.where(seconds > 0.0, seconds / share, 0.0)
        return ThoughtCost(slowed, joules, watts * share)

    def _parts(
        self, spent: NDArray[np.bool_], models: NDArray[np.object_] | None
    ) -> Iterator[tuple[_Host, ModelProfile, NDArray[np.bool_]]]:
        """(host, model, where (B, N)) for every model that some satellite thinks with."""
        for host in self._hosts:
            mine = spent & host.satellites
            if models is None:
                yield host, host.model, mine
                continue
            for name in dict.fromkeys(models[mine].tolist()):
                profile = host.model if name is None else model(name)
                yield host, profile, mine & (models == name)
