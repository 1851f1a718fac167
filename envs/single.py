"""Gymnasium's face: one satellite decides, the rest of the fleet follows a policy or is not there."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from envs.batch import BatchEnv
from envs.camera import RENDER_FPS, RENDER_MODES, Camera
from envs.joint import JointBatch
from sandbox.checks import as_array, shown, whole_number
from sandbox.errors import SandboxError, unknown_name
from sandbox.fleet import make_fleet
from sandbox.recording import Recording
from sandbox.scenario import Scenario, load_scenario

Teammates = Callable[[NDArray[np.float32], dict[str, NDArray]], NDArray]
"""Called with observation (1, N, F) and info of the whole fleet; gives actions (1, N), the ego's ignored."""


def _deciding(teammates: Any) -> Teammates | None:
    """The function of `teammates`, or of a policy its `act`. Raises SandboxError for what cannot decide."""
    if not isinstance(teammates, type):
        act = getattr(teammates, "act", teammates)
        if teammates is None or callable(act):
            return act
    raise SandboxError(
        f"teammates = {shown(teammates)}; give a policy, as agents.make_policy(name, batch) makes it of a "
        "batch_env of the same scenario, or a function of observation (1, N, F) and info."
    )


def alone(scenario: Scenario, satellite: str | None) -> Scenario:
    """`scenario` with the satellite of that name alone, or the first of its fleet."""
    names = make_fleet(scenario).names
    return load_scenario(scenario, {"satellites": [names[number_of(names, satellite)]]})


def number_of(names: tuple[str, ...], satellite: str | None) -> int:
    """The place of `satellite` among `names`, 0 for None. Raises SandboxError where it is not among them."""
    if satellite is None:
        return 0
    if satellite not in names:
        raise unknown_name("satellite", satellite, names)
    return names.index(satellite)


def check_one_order(batch: BatchEnv) -> None:
    """Raises SandboxError for a batch that takes several orders at once."""
    if isinstance(batch, JointBatch):
        raise SandboxError(
            "multi_discrete is for the batch and parallel faces; leave it out of satellite_env and "
            "vector_env."
        )


class SatelliteEnv(gymnasium.Env):
    """One satellite of a batch of one as a Gymnasium environment.

    Args:
        batch: a batch of one, without autoreset.
        ego: number of the satellite that decides.
        teammates: what decides for the others, a policy (`agents.make_policy`) or a function; None: nothing.
    """

    def __init__(
        self,
        batch: BatchEnv,
        ego: int = 0,
        teammates: Any = None,
        render_mode: str | None = None,
    ) -> None:
        check_one_order(batch)
        if not 0 <= ego < batch.satellites:
            raise SandboxError(
                f"ego = {ego}; give the number of a satellite from 0 to {batch.satellites - 1}."
            )
        self.batch, self.problem, self.world = batch, batch.problem, batch.world
        self.layout, self.actions = batch.layout, batch.actions
        self.ego, self.teammates, self.render_mode = int(ego), _deciding(teammates), render_mode
        modes = {"render_modes": list(RENDER_MODES), "render_fps": RENDER_FPS}
        self.metadata = {"name": self.problem.name, **modes}
        self.camera = None if render_mode is None else Camera(batch, render_mode)
        self.observation_space = gymnasium.spaces.Box(-1.0, 1.0, (len(self.layout),), np.float32)
        self.action_space = gymnasium.spaces.Discrete(len(self.actions))
        self._fleet: tuple[NDArray, dict] | None = None
        self._restores = self.world.restores

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[NDArray, dict]:
        """Begin an episode. A reset without a seed draws on from the last one."""
        first = int(self.np_random.integers(2**31)) if seed is None and self._fleet is None else seed
        if first is not None and as_array("seed", first).ndim:
            raise SandboxError(f"seed = {shown(seed)}; give a whole number of at least 0.")
        self._fleet = self.batch.reset(first)
        self._restores = self.world.restores
        super().reset(seed=None if seed is None else int(seed))
        if self.camera is not None:
            self.camera.begin()
        return self._mine(*self._fleet)

    def step(self, action: int) -> tuple[NDArray, float, bool, bool, dict]:
        """Play one round; the episode terminates when this satellite is lost.

        Raises SandboxError for an action outside the space; a step that is refused changes nothing.
        """
        orders = self._orders(action, *self._seen("step"))
        if self.camera is not None:
            self.camera.before(self.batch.legal()[0])
        observation, reward, terminated, truncated, info = self.batch.step(orders)
        if self.camera is not None:
            self.camera.after(orders[0], reward[0])
        self._fleet = fleet = observation, info
        lost = bool(terminated[0, self.ego]) or not self.world.state.body["alive"][0, self.ego]
        return (
            observation[0, self.ego],
            float(reward[0, self.ego]),
            lost,
            bool(truncated[0, self.ego]),
            self._mine(*fleet)[1],
        )

    def action_masks(self) -> NDArray[np.bool_]:
        """The legal actions (A,), under the name that masked trainers look for."""
        return self._seen("action_masks")[1]["action_mask"][0, self.ego].astype(np.bool_)

    def render(self) -> Any:
        """What `render_mode` says (see `envs.camera.Camera`); None without one."""
        return None if self.camera is None else self.camera.render()

    @property
    def recording(self) -> Recording:
        """The episode so far, of an environment with a `render_mode`."""
        if self.camera is None:
            raise SandboxError("render_mode = None records nothing; give one when making the environment.")
        return self.camera.recording

    def close(self) -> None:
        """Safe to call twice."""
        self.batch.close()

    def _seen(self, asked: str) -> tuple[NDArray, dict]:
        """What the fleet saw last; anew where the world was restored since."""
        if self._restores != self.world.restores:
            self._fleet, self._restores = self.batch.present(), self.world.restores
        if self._fleet is None:
            raise SandboxError(f"{asked} before reset: call reset() first.")
        return self._fleet

    def _orders(self, action: int, observation: NDArray, info: dict[str, NDArray]) -> NDArray:
        last, team = len(self.actions) - 1, (1, self.batch.satellites)
        own = whole_number(action, 0, last)
        if own is None:
            raise SandboxError(
                f"action {shown(action)} is outside the space; give a whole number from 0 to {last}."
            )
        orders = np.zeros(team, np.int64)
        if self.teammates is not None:
            orders = whole_valued(self.teammates(observation, info), team)
        orders[0, self.ego] = own
        return orders

    def _mine(self, observation: NDArray, info: dict[str, NDArray]) -> tuple[NDArray, dict[str, Any]]:
        own = dict(zip(self.batch.terms, info["terms"][0, self.ego].tolist(), strict=True))
        own["action_mask"] = info["action_mask"][0, self.ego]
        return observation[0, self.ego], own


def whole_valued(actions: Any, team: tuple[int, int]) -> NDArray[np.int64]:
    """The actions of teammates, which may have other types: of the shape of the team, nothing lost."""
    found = as_array("The actions of the teammates", actions)
    try:
        given = np.broadcast_to(found, team)
        with np.errstate(invalid="ignore"):
            orders = given.astype(np.int64)
        same = bool((orders == given).all())
    except (ValueError, TypeError, OverflowError):
        same = False
    if not same:
        raise SandboxError(f"The actions of the teammates are {shown(actions)}; give whole numbers {team}.")
    return orders


def one_satellite(
    batch_env: Callable[..., BatchEnv],
    scenario: Any,
    satellite: str | None,
    teammates: Any,
    render_mode: str | None,
    **arguments: Any,
) -> SatelliteEnv:
    """The face of one satellite of the problem that `batch_env` makes: alone, or with `teammates`."""
    scenario, teammates = load_scenario(scenario), _deciding(teammates)
    if teammates is None:
        batch = batch_env(alone(scenario, satellite), autoreset=False, **arguments)
        return SatelliteEnv(batch, 0, None, render_mode)
    batch = batch_env(scenario, autoreset=False, **arguments)
    return SatelliteEnv(batch, number_of(batch.world.fleet.names, satellite), teammates, render_mode)
