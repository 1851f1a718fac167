"""The planner: it sees the truth and optimises a horizon. Others are a percentage of it; the nano's teacher.

One file a problem (`tasking`, `offloading`, `avoidance`), over what they share: `base`, the policy that plans
anew for every world; `program`, linear programs for HiGHS. It reads the world and never writes it.
"""
