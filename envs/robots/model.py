"""The MuJoCo model of a site and a robot in it: ground, walls, rubble, moving hazards, a victim, the robot.

The robot is a cylinder of the mass of a quadruped of 33 kg that moves over the ground in any direction and
turns; motors of bounded force hold the speed that they are told. Hazards slide along their way, heavier than
the robot. Contacts are MuJoCo's, and those of the robot alone: what moves has its way clear of what stands.
"""

import math
from importlib import import_module
from typing import Any, NamedTuple

from envs.robots.site import HAZARD_RADIUS, ROBOT_RADIUS, SIDE, Block, Site
from sandbox.errors import SandboxError

TICK_S = 0.02
"""Time step of the physics, s: at this rate the reflex works, too."""
ROBOT_KG, HAZARD_KG = 33.0, 200.0
LIDAR_M, CAMERA_M = 0.35, 0.55
"""Heights of lidar and camera, m."""
VICTIM_RADIUS = 0.3
FIELD_OF_VIEW = math.radians(60.0)
"""Of the camera, upright."""
GROUND, WALL, BLOCK, HAZARD, VICTIM, ROBOT = range(6)
"""What a geom is of."""


class Built(NamedTuple):
    """A model with what is needed to know it by."""

    engine: Any
    """The module mujoco."""
    model: Any
    data: Any
    kinds: list[int]
    """What each geom is of."""
    robot: int
    """The number of its body."""


def mujoco_module() -> Any:
    """The module mujoco. Raises SandboxError where it is not installed."""
    try:
        return import_module("mujoco")
    except ImportError:
        raise SandboxError(
            "A robot needs mujoco; install with: pip install 'orbital-autonomy-sandbox[robots]'."
        ) from None


def build(site: Site) -> Built:
    """The model of a site, at its beginning. Raises SandboxError where mujoco is not installed."""
    engine = mujoco_module()
    model = engine.MjModel.from_xml_string(_text(site))
    data = engine.MjData(model)
    names = [engine.mj_id2name(model, engine.mjtObj.mjOBJ_GEOM, i) or "" for i in range(model.ngeom)]
    kinds = [_KINDS[name.split("_")[0]] for name in names]
    engine.mj_forward(model, data)
    return Built(engine, model, data, kinds, engine.mj_name2id(model, engine.mjtObj.mjOBJ_BODY, "robot"))


_KINDS = {"ground": GROUND, "wall": WALL, "block": BLOCK, "hazard": HAZARD, "victim": VICTIM, "robot": ROBOT}


def _text(site: Site) -> str:
    half = SIDE / 2.0
    walls = [
        (half, -0.1, half + 0.2, 0.1), (half, SIDE + 0.1, half + 0.2, 0.1),
        (-0.1, half, 0.1, half + 0.2), (SIDE + 0.1, half, 0.1, half + 0.2),
    ]  # fmt: skip
    lines = [
        f'<geom name="ground" type="plane" pos="{half} {half} 0" size="{half} {half} 1" conaffinity="0" '
        'rgba=".55 .52 .48 1"/>',
        *(
            f'<geom name="wall_{i}" type="box" pos="{x} {y} 1" size="{a} {b} 1" rgba=".45 .43 .42 1"/>'
            for i, (x, y, a, b) in enumerate(walls)
        ),
        *(_block(i, block) for i, block in enumerate(site.blocks)),
        f'<geom name="victim" type="capsule" pos="{site.victim[0]} {site.victim[1]} .3" '
        f'size="{VICTIM_RADIUS} .15" rgba=".95 .55 .1 1"/>',
    ]
    motors = []
    for i, hazard in enumerate(site.hazards):
        (x, y), (u, v) = hazard.start, hazard.end
        length, yaw = math.hypot(u - x, v - y), math.atan2(v - y, u - x)
        lines.append(
            f'<body name="hazard_{i}" pos="{x} {y} .5" euler="0 0 {yaw}">'
            f'<joint name="hazard_{i}" type="slide" axis="1 0 0" limited="true" range="0 {length}"/>'
            f'<geom name="hazard_{i}" type="cylinder" size="{HAZARD_RADIUS} .5" mass="{HAZARD_KG}" '
            'rgba=".8 .15 .1 1"/></body>'
        )
        motors.append(f'<velocity joint="hazard_{i}" kv="4000" forcelimited="true" forcerange="-900 900"/>')
    x, y = site.entrance
    lines.append(
        f'<body name="robot" pos="{x} {y} .27">'
        '<joint name="x" type="slide" axis="1 0 0"/><joint name="y" type="slide" axis="0 1 0"/>'
        '<joint name="yaw" type="hinge" axis="0 0 1"/>'
        f'<geom name="robot" type="cylinder" size="{ROBOT_RADIUS} .25" mass="{ROBOT_KG}" contype="1" '
        'rgba=".2 .4 .85 1"/>'
        f'<camera name="head" pos="{ROBOT_RADIUS} 0 {CAMERA_M - 0.27}" xyaxes="0 -1 0 0 0 1" '
        f'fovy="{math.degrees(FIELD_OF_VIEW)}"/></body>'
    )
    motors += [
        f'<velocity joint="{name}" kv="400" forcelimited="true" forcerange="-100 100"/>' for name in "xy"
    ]
    motors.append('<velocity joint="yaw" kv="20" forcelimited="true" forcerange="-10 10"/>')
    newline = "\n"
    return f"""<mujoco>
<compiler angle="radian"/>
<option timestep="{TICK_S}" integrator="implicitfast" gravity="0 0 -9.81"/>
<visual><headlight ambient=".45 .45 .45" diffuse=".5 .5 .5"/><global offwidth="640" offheight="480"/></visual>
<default><geom friction=".6 .005 .0001" contype="0" conaffinity="1"/></default>
<worldbody>
<camera name="above" pos="{half} {half} {SIDE * 1.25}" xyaxes="1 0 0 0 1 0" fovy="45"/>
{newline.join(lines)}
</worldbody>
<actuator>
{newline.join(motors)}
</actuator>
</mujoco>"""


def _block(i: int, block: Block) -> str:
    where = f'pos="{block.x} {block.y} {block.height / 2.0}" rgba=".5 .48 .46 1"'
    if block.yaw is None:
        return f'<geom name="block_{i}" type="cylinder" size="{block.half_x} {block.height / 2.0}" {where}/>'
    size = f"{block.half_x} {block.half_y} {block.height / 2.0}"
    return f'<geom name="block_{i}" type="box" size="{size}" euler="0 0 {block.yaw}" {where}/>'
