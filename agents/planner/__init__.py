"""The planner: it sees the truth and optimises a horizon. Others are a percentage of it.

One file a problem (`tasking`, `offloading`, `avoidance`, `autonomy`). All but avoidance search by simulation:
`simulator` copies the world, `search` improves plans in the copies, `rollout` plays them. A plan is arrays
of numbers; `tasking_decoder`, `offloading_decoder` and `autonomy_decoder` make actions of it, and
`neighbourhood` has the moves that change it. `insertion` and `tasking_milp` propose whole plans;
`trajectories`, `opportunities` and `queue_model` foresee what these need, and `milp` solves linear programs
with HiGHS. The planner reads the world and never writes it. The onboard planner (`aboard`,
`avoidance_aboard`) searches likewise in copies that hold what is known on board (`belief`).
"""
