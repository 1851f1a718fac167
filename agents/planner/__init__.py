"""The planner: it sees the truth and optimises a horizon. Others are a percentage of it.

One file a problem (`tasking`, `offloading`, `avoidance`, `autonomy`). All but avoidance search by simulation:
`simulator` copies the world, `search` improves plans in the copies, `rollout` plays them; `plans`,
`pointing`, `serving` and `answering` say what a plan is and carry it out. `program` holds
linear programs for HiGHS. The planner reads the world and never writes it.
"""
