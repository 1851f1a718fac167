"""The search robot as a Gymnasium environment: a step is a decision, and lasts until the next is needed.

Registered as `sandbox/SearchRobot-v0`. In it a decision takes no time: what comes of a mind that is far away
is told by `experiments.robots`.
"""

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from envs.robots.robot import WAIT_S, Robot, state_of
from envs.robots.site import draw_site
from envs.robots.words import ACTIONS, BACK, FIRST_SECTOR, WAIT, SearchProblem, Seen
from sandbox.errors import SandboxError, shown

MOST_DECISIONS = 400


class SearchEnv(gymnasium.Env):
    """A robot looks for a victim in a disaster site.

    The observation (F,) float32 in [-1, 1] is that of `layout`, as in all environments of the sandbox: the
    robot (battery, what is near, what was heard), and of each of 16 sectors whether it can be gone to, how
    long the way is, how much is unseen, how likely the victim is there by what was heard, what moves near the
    way, how often it was sent there. With `camera="depth"` it is a dictionary with "state" and "depth",
    (48, 64) float32, m, at most 20. The action is the number of a decision of `actions`;
    `info["action_mask"]` (A,) int8 has a 1 where it is legal, and an illegal one is played as `wait`.

    The reward is 1 when the victim is reached. The episode terminates then and when the battery is empty, and
    is truncated after `most_decisions`. `info` has time, energy, way, collisions, `asks` (why a decision is
    needed). The same seed gives the same episode.

    Args:
        camera: None or "depth".
        render_mode: None or "rgb_array": a picture from above, which needs OpenGL.
        most_decisions: of an episode.
        site: further arguments of `draw_site`.

    Raises SandboxError for bad arguments and where mujoco is not installed.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 2}

    def __init__(
        self,
        camera: str | None = None,
        render_mode: str | None = None,
        most_decisions: int = MOST_DECISIONS,
        **site: Any,
    ) -> None:
        if camera not in (None, "depth"):
            raise SandboxError(f"camera = {shown(camera)}; give None or depth.")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise SandboxError(f"render_mode = {shown(render_mode)}; give None or rgb_array.")
        if not (isinstance(most_decisions, (int, np.integer)) and most_decisions >= 1):
            raise SandboxError(
                f"most_decisions = {shown(most_decisions)}; give a whole number of at least 1."
            )
        draw_site(0, **site)  # says what is wrong with the arguments
        self.camera, self.render_mode, self.most_decisions = camera, render_mode, int(most_decisions)
        self._site = site
        self.problem = SearchProblem()
        self.layout, self.actions = self.problem.layout, self.problem.actions
        state = gymnasium.spaces.Box(-1.0, 1.0, (len(self.layout),), np.float32)
        depth = gymnasium.spaces.Box(0.0, 20.0, (48, 64), np.float32)
        self.observation_space: gymnasium.Space = state
        if camera:
            self.observation_space = gymnasium.spaces.Dict({"state": state, "depth": depth})
        self.action_space = gymnasium.spaces.Discrete(len(ACTIONS))
        self.robot: Robot | None = None
        self.seen: Seen | None = None
        self._decisions = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        """A new site: that of the seed, or with None one drawn on."""
        super().reset(seed=seed)
        own = int(self.np_random.integers(2**31)) if seed is None else seed
        self.robot, self._decisions = Robot(draw_site(own, **self._site)), 0
        return self._told()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        """Decide, and go on until another decision is needed. Raises SandboxError before `reset`."""
        if self.robot is None or self.seen is None:
            raise SandboxError("step before reset: call reset() first.")
        if not self.action_space.contains(action):
            raise SandboxError(f"action = {shown(action)}; give a whole number from 0 to {len(ACTIONS) - 1}.")
        decide(self.robot, self.seen, int(action))
        self.robot.run()
        self._decisions += 1
        observation, info = self._told()
        over = self.robot.over
        truncated = not over and self._decisions >= self.most_decisions
        return observation, float(self.robot.reached), over, truncated, info

    def render(self) -> NDArray[np.uint8] | None:
        """A picture (480, 480, 3) from above, with `render_mode` "rgb_array"; else None."""
        if self.render_mode is None or self.robot is None:
            return None
        return self.robot.picture(480, 480, "above")

    def _told(self) -> tuple[Any, dict]:
        assert self.robot is not None
        self.seen = Seen(self.robot)
        observation: Any = self.layout.scaled(self.seen.values)
        if self.camera:
            depth = np.minimum(self.robot.depth(), 20.0).astype(np.float32)
            observation = {"state": observation, "depth": depth}
        return observation, state_of(self.robot) | {"action_mask": self.seen.mask, "asks": self.robot.asks}


def decide(robot: Robot, seen: Seen, action: int) -> None:
    """Tell a robot what was decided by what was `seen` of it; what is not legal there is `wait`.

    Where it stands since, the ways of then still lead.
    """
    if not seen.mask[action] or action == WAIT:
        robot.wait(WAIT_S)
    elif action == BACK:
        robot.go_back()
    else:
        if action >= FIRST_SECTOR:
            robot.visits[action - FIRST_SECTOR] += 1
        robot.go_to(seen.goals[action], seen.before)


gymnasium.register("sandbox/SearchRobot-v0", entry_point=SearchEnv, disable_env_checker=True)
