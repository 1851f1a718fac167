"""Decision problems over a world: PettingZoo, Gymnasium, batched and language faces.

    from envs import tasking_v0
    env = tasking_v0.parallel_env(scenario="scs01")

Importing this package registers the environments with Gymnasium ("sandbox/Tasking-v0") and, where it has a
registry, with PettingZoo. The compiled kernels load when the first environment is made.
"""
