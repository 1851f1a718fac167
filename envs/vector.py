"""Gymnasium's vector face: B worlds, and in each the one satellite of its fleet."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from envs.batch import BatchEnv
from envs.camera import RENDER_FPS, still
from envs.single import check_one_order
from sandbox.checks import as_array
from sandbox.errors import SandboxError, shown, unknown_name
from sandbox.rendering.raster import Rasteriser

RENDER_MODES = ("rgb_array", "ansi")


class SatelliteVectorEnv(VectorEnv):
    """A batch of one-satellite worlds as a Gymnasium vector environment.

    All three autoreset modes: NEXT_STEP (the default of Gymnasium), SAME_STEP (`final_obs` and `final_info`
    in the info) and DISABLED (reset with `options={"reset_mask": ...}`).
    """

    def __init__(
        self,
        batch: BatchEnv,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
    ) -> None:
        self.batch = batch  # first: Gymnasium closes an environment even if it was never finished
        check_one_order(batch)
        if batch.satellites != 1:
            raise SandboxError(f"The vector face takes worlds of one satellite, not of {batch.satellites}.")
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise unknown_name("render_mode", render_mode, RENDER_MODES)
        self.num_envs, self.render_mode = batch.worlds, render_mode
        self.layout, self.actions = batch.layout, batch.actions
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        modes = {"render_modes": list(RENDER_MODES), "render_fps": RENDER_FPS}
        self.metadata = {"autoreset_mode": self.autoreset_mode, **modes}
        self._raster = Rasteriser()
        self.single_observation_space = gymnasium.spaces.Box(-1.0, 1.0, (len(self.layout),), np.float32)
        self.single_action_space = gymnasium.spaces.Discrete(len(self.actions))
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def reset(
        self, *, seed: int | list[int] | None = None, options: dict | None = None
    ) -> tuple[NDArray, dict]:
        """Begin an episode in every world, or where `options["reset_mask"]` (B,) says so."""
        which = self._asked(options)
        observation, info = self.batch.reset(seed if seed is None else self._seeds(seed, which), which)
        return observation[:, 0], self._infos(info, which)

    def step(self, actions: ArrayLike) -> tuple[NDArray, NDArray, NDArray, NDArray, dict]:
        """Play one round in every world.

        Raises SandboxError for an action outside the space; a step that is refused changes nothing.
        """
        orders = as_array("actions", actions)
        again = np.flatnonzero(self.batch.ended() & self.batch.world.ready)
        if orders.shape != (self.num_envs,):
            raise SandboxError(f"actions have shape {orders.shape}; give ({self.num_envs},), one per world.")
        if len(again) and self.autoreset_mode is AutoresetMode.DISABLED:
            raise SandboxError(f"World {again[0]} has ended; reset it with options={{'reset_mask': ...}}.")
        observation, reward, terminated, truncated, info = self.batch.step(orders[:, None])
        rewards, ends, cuts = reward[:, 0].astype(np.float64), terminated[:, 0], truncated[:, 0]
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            return self._same_step(observation, rewards, ends, cuts, info)
        if len(again):
            observation, info = self.batch.reset(None, again)
            rewards[again], ends[again], cuts[again] = 0.0, False, False
        return observation[:, 0], rewards, ends, cuts, self._infos(info)

    def render(self) -> tuple[Any, ...] | None:
        """An image (480, 640, 3) or a text of every world; None without a `render_mode`."""
        if self.render_mode is None:
            return None
        if not self.batch.started:
            raise SandboxError("render before reset: call reset() first.")
        return tuple(still(self.batch, self.render_mode, self._raster, b) for b in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        """Safe to call twice."""
        self.batch.close()

    def _same_step(
        self, observation: NDArray, rewards: NDArray, ends: NDArray, cuts: NDArray, info: dict
    ) -> tuple[NDArray, NDArray, NDArray, NDArray, dict]:
        done = ends | cuts
        if not done.any():
            return observation[:, 0], rewards, ends, cuts, self._infos(info)
        last, final = observation[:, 0], self._infos(info, np.flatnonzero(done))
        observation, info = self.batch.reset(None, np.flatnonzero(done))
        infos: dict[str, Any] = self._infos(info)
        infos |= {"final_obs": last, "_final_obs": done, "final_info": final, "_final_info": done}
        return observation[:, 0], rewards, ends, cuts, infos

    def _asked(self, options: dict | None) -> NDArray:
        mask = (options or {}).get("reset_mask")
        if mask is None:
            return np.arange(self.num_envs)
        mask = as_array("reset_mask", mask)
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise SandboxError(
                f"reset_mask must be ({self.num_envs},) of bool with a True in it, not {shown(mask)}."
            )
        return np.flatnonzero(mask)

    def _seeds(self, seed: int | list[int], which: NDArray) -> Any:
        """What the worlds listed are seeded with: world b with seed + b, or with its own."""
        seeds = as_array("seed", seed)
        if seeds.ndim == 0:
            return seed
        if seeds.shape != (self.num_envs,):
            raise SandboxError(f"seed has shape {seeds.shape}; give one, or {self.num_envs}, one per world.")
        return seeds[which]

    def _infos(self, info: dict[str, NDArray], which: NDArray | None = None) -> dict[str, NDArray]:
        there = np.ones(self.num_envs, np.bool_)
        if which is not None:
            there = np.isin(np.arange(self.num_envs), which)
        infos = {name: info["terms"][:, 0, i] for i, name in enumerate(self.batch.terms)}
        infos["action_mask"] = info["action_mask"][:, 0]
        return infos | {f"_{name}": there for name in list(infos)}
