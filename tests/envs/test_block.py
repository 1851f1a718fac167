"""What a block tells, without a world around it."""

from types import SimpleNamespace

import pytest

from envs.block import Block
from envs.features import Feature
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario

WORLD = SimpleNamespace(scenario=load_scenario("pair"))


class Tank(Block):
    features = (
        Feature("level", "%", 0, 100, "{:.0f} % full", "Tank", warn_below=10),
        Feature("inflow", "kg/s", 0, 1, "{:.1f} kg/s come in"),
    )

    def tops(self, scenario):
        return {"inflow": scenario.round_s}


class Tanks(Tank):
    each = "big_tank"

    def count(self, world):
        return 2

    def more(self, world):
        return (Feature("leak", "1", 0, 1, "leaks"),)


def names(block):
    return [feature.name for feature in block.told(WORLD)]


def test_tells_its_features_with_the_ranges_of_the_scenario():
    level, inflow = Tank().told(WORLD)
    assert level == Tank.features[0]
    assert (inflow.high, inflow.topic) == (WORLD.scenario.round_s, "State")


def test_omit_leaves_out_what_is_named():
    assert names(Tank(omit=("level",))) == ["inflow"]
    assert names(Tank(omit=["level", "inflow"])) == []
    assert len(Tank.features) == 2
    assert len(Tank(omit=("level",)).fitted(WORLD.scenario)) == 2, "it is computed all the same"


def test_omit_of_what_it_has_not_is_one_sentence():
    with pytest.raises(SandboxError, match="Unknown feature of Tank 'levels'; did you mean level"):
        Tank(omit=("levels",))


def test_topic_is_that_of_all_its_features():
    assert {feature.topic for feature in Tank(topic="Fuel").told(WORLD)} == {"Fuel"}
    assert [feature.topic for feature in Tank().told(WORLD)] == ["Tank", "State"]


def test_of_several_things_each_has_its_number_and_topic():
    told = Tanks(omit=("level",), topic="Fuel").told(WORLD)
    assert [(f.name, f.topic) for f in told] == [
        ("big_tank_1_inflow", "Big tank 1"),
        ("big_tank_1_leak", "Big tank 1"),
        ("big_tank_2_inflow", "Big tank 2"),
        ("big_tank_2_leak", "Big tank 2"),
    ]


def test_says_and_does_nothing_unless_it_is_told_to():
    block = Block()
    assert block.told(WORLD) == []
    assert block.actions(WORLD) == ()
    assert block.params(WORLD) == ()
    assert block.identities(WORLD) is None
    assert (block.parts, block.terms, block.group, block.stands) == ((), (), "", True)
    assert (block.observe, block.allow, block.apply, block.score) == (None,) * 4
