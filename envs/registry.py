"""Names under which Gymnasium and PettingZoo find the environments."""

import gymnasium

GYMNASIUM = {
    "sandbox/Tasking-v0": ("envs.tasking_v0:satellite_env", "envs.tasking_v0:vector_env"),
    "sandbox/Offloading-v0": ("envs.offloading_v0:satellite_env", "envs.offloading_v0:vector_env"),
    "sandbox/Avoidance-v0": ("envs.avoidance_v0:satellite_env", "envs.avoidance_v0:vector_env"),
    "sandbox/Autonomy-v0": ("envs.autonomy_v0:satellite_env", "envs.autonomy_v0:vector_env"),
}
PETTINGZOO = {
    "sandbox/tasking-v0": ("envs.tasking_v0:parallel_env", "envs.tasking_v0:env"),
    "sandbox/offloading-v0": ("envs.offloading_v0:parallel_env", "envs.offloading_v0:env"),
    "sandbox/avoidance-v0": ("envs.avoidance_v0:parallel_env", "envs.avoidance_v0:env"),
    "sandbox/autonomy-v0": ("envs.autonomy_v0:parallel_env", "envs.autonomy_v0:env"),
}


def register_all() -> None:
    """Register every environment once, with entry points that are imported when first used."""
    for name, (single, vector) in GYMNASIUM.items():
        if name not in gymnasium.registry:
            gymnasium.register(name, entry_point=single, vector_entry_point=vector)
    _register_pettingzoo()


def _register_pettingzoo() -> None:
    import pettingzoo

    register = getattr(pettingzoo, "register", None)
    if register is None:  # before 1.27
        return
    for name, (parallel, sequential) in PETTINGZOO.items():
        if name not in pettingzoo.parallel_registry:
            register("parallel", name, parallel)
        if name not in pettingzoo.aec_registry:
            register("aec", name, sequential)
