"""What `python -m experiments NAME` starts, by name: in which module it is, and what it does in a line.

A module of `SCRIPTS` has `options(parser)`, which declares its options, and `run(told)`, which does it and
may return an exit status; its docstring is its help. None is imported before it is wanted.
"""

from collections.abc import Mapping

RUNNING: Mapping[str, str] = {
    "run": "play one episode; leave metrics, a table of rounds, a recording and figures",
    "compare": "play the same episodes under several policies; print a table",
    "benchmark": "play every policy on every problem; leave one table and figures",
    "chat": "step through a run: read what a satellite reads, answer in its place, branch into two futures",
    "fly": "steer a run from a page: pause, override, ask a mind, branch into two futures",
    "scenarios": "list the named scenarios",
    "video": "film a recording: out.mp4, out.gif or out.webp",
    "export": "write a recording as .html, .czml, .geojson, .parquet or .npz",
    "figures": "draw the figures of a results folder again",
}
SCRIPTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "files": {
        "schema": ("running.schema", "the JSON Schema of scenario files, for editors"),
    },
    "studies": {
        "avoidance_tradeoff": (
            "studies.avoidance_tradeoff",
            "collisions and fuel over the threshold of a burn",
        ),
        "deployment": ("studies.deployment", "impulses against days when one launch fills a ring of slots"),
        "headroom": (
            "studies.headroom",
            "what is left to win in each tier, and what it costs to be blind to a limit",
        ),
        "encounter_rates": ("studies.encounter_rates", "warnings a year beside what operators publish"),
        "model_upload": ("studies.model_upload", "hours until a Qwen3 is on board, with and without lasers"),
        "planner_gap": ("studies.planner_gap", "what policies earn of a bound on what anybody can"),
        "price_of_thought": (
            "studies.price_of_thought",
            "thinking budget against value, energy, late decisions",
        ),
        "robot": (
            "studies.robot",
            "a search robot on the ground whose mind is in orbit, behind a bent pipe, or its own",
        ),
        "value_of_thought": (
            "studies.value_of_thought",
            "what a search on board brings and costs: never, short, long, always, auto",
        ),
        "space_vs_ground": ("studies.space_vs_ground", "images answered on board or after a bent pipe"),
        "train_in_orbit": (
            "studies.train_in_orbit",
            "a fleet learns from what it flies, in orbit or on the ground, and what that takes",
        ),
        "two_minutes": ("studies.two_minutes", "how long a question to a Qwen3 in orbit takes"),
    },
    "performance": {
        "throughput": ("performance.throughput", "agent-steps a second, beside MPE2; what a start costs"),
        "training_speed": (
            "performance.training_speed",
            "agent-steps a second of a whole training loop, and of TorchRL",
        ),
        "startup": ("performance.startup", "import, first step and memory of a fresh interpreter"),
        "screening": ("performance.screening", "conjunctions of 2,800 satellites against 20,000 objects"),
        "routing": ("performance.routing", "milliseconds to update the mesh of 2,800 satellites"),
        "rendering": ("performance.rendering", "what a call of render(), a page and a frame cost"),
        "nano_speed": ("performance.nano_speed", "what a decision of the nano costs this machine"),
    },
    "training": {
        "train": ("training.train", "train a policy with PPO; watch it against heuristics and planner"),
        "train_table": (
            "training.table",
            "train every tier from several seeds, judge it beside the heuristics; one table",
        ),
        "standings": ("training.standings", "how all algorithms stand in every tier, from such records"),
        "train_torchrl": (
            "training.with_torchrl",
            "MAPPO of TorchRL's parts on the native TorchRL environment",
        ),
        "train_sb3": ("training.with_sb3", "MaskablePPO of sb3-contrib on our vector environment"),
        "train_benchmarl": ("training.with_benchmarl", "MAPPO, IPPO or QMIX of BenchMARL on our task"),
        "train_rllib": ("training.with_rllib", "PPO of RLlib with masks, on this machine or a Ray cluster"),
        "train_tianshou": ("training.with_tianshou", "DQN of Tianshou on the agent-environment cycle"),
        "train_skrl": ("training.with_skrl", "IPPO of skrl on the PettingZoo environment"),
        "train_agilerl": ("training.with_agilerl", "IPPO or MADDPG of AgileRL on the PettingZoo environment"),
        "train_trl": ("training.with_trl", "GRPO of TRL on a Qwen3 that reads: a reply is a rollout"),
        "train_nano": ("training.train_nano", "train the nano from its teachers, then with DAgger"),
        "train_reader": ("training.train_reader", "train the nano that reads orders in words"),
        "score_reader": ("training.score_reader", "what readers of orders understand in held-out wordings"),
        "score_nano": (
            "training.score_nano",
            "the nano against heuristics and teachers where it was never trained",
        ),
        "train_robot": ("training.train_robot", "train the mind of the search robot; judge it beside rules"),
        "export_gguf": ("training.export_gguf", "write the nano as GGUF, for llama.cpp"),
        "blank_nano": ("training.nano_blank", "the nano before it has learned anything"),
        "tune_teacher": ("training.teachers.tune", "search the numbers of a teacher on training scenarios"),
    },
}


def script_of(name: str) -> tuple[str, str] | None:
    """The module and the line of a script; None for what is none."""
    found = next((group[name] for group in SCRIPTS.values() if name in group), None)
    return (f"experiments.{found[0]}", found[1]) if found else None


def names() -> list[str]:
    """All of them."""
    return [*RUNNING, *(name for group in SCRIPTS.values() for name in group)]


def listing() -> str:
    """Every name with its line, by group."""
    groups = {"episodes": dict(RUNNING)}
    groups |= {title: {name: line for name, (_, line) in group.items()} for title, group in SCRIPTS.items()}
    wide = max(map(len, names()))
    lines = ["usage: python -m experiments NAME ...   (NAME --help tells its options)"]
    for title, group in groups.items():
        lines += ["", f"{title}:", *(f"  {name:{wide}}  {line}" for name, line in group.items())]
    return "\n".join(lines)
