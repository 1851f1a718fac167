"""What satellites tell each other: a round old at least, only over links, and paid for."""

from math import inf

import numpy as np
import pytest
from sandbox.autonomy_world import AutonomyWorld
from sandbox.beacons import HEADER_BITS
from sandbox.service import DECISIONS

from sandbox.errors import SandboxError
from sandbox.lasers import cut_link
from sandbox.orbits.bodies import SPEED_OF_LIGHT
from sandbox.state import NONE, THINKING

LONGEST = 64
RIGHT, LEFT = 2, 3  # the terminals between planes: satellite 0 - 1 - 2


@pytest.fixture
def world(disaster):
    """Three linked satellites in a row, and silence."""
    made = AutonomyWorld(disaster(calm=True, training=0), longest=LONGEST)
    made.reset(0)
    for _ in range(2):  # links are acquired
        made.live()
    return made


def letters(world, **texts):
    """Messages of `sat_n`."""
    content = np.zeros((1, world.satellites, LONGEST), np.uint8)
    length = np.zeros((1, world.satellites), np.int32)
    for name, text in texts.items():
        n = int(name.removeprefix("sat_"))
        content[0, n, : len(text)] = np.frombuffer(text, np.uint8)
        length[0, n] = len(text)
    return content, length


def links_of(world):
    """{(satellite, terminal): peer} of the links that are up."""
    scene = world.scene(0)["link_peer"]
    return {(int(n), int(k)): int(scene[n, k]) for n, k in np.argwhere(scene != NONE)}


def heard(world):
    """{(satellite, terminal): (sender, text)} of all that was heard."""
    message = world.beacons.message[0]
    return {
        (int(n), int(k)): (
            int(message["peer"][n, k]),
            world.beacons.text[0, n, k, : message["length"][n, k]].tobytes(),
        )
        for n, k in np.argwhere(message["peer"] != NONE)
    }


def test_the_row_is_linked(world):
    assert sorted(links_of(world).items()) == [
        ((0, RIGHT), 1),
        ((1, RIGHT), 2),
        ((1, LEFT), 0),
        ((2, LEFT), 1),
    ]


class TestBeacons:
    def test_are_heard_a_round_later(self, world):
        for _ in range(5):
            time = float(world.state.clock["time"][0])
            told = world.state.power["energy"][0] / world.state.power["capacity"][0]
            world.state.power["energy"][0, 1] *= 0.99  # after it was told
            world.live()
            beacon = world.beacons.heard[0, 0, RIGHT]
            assert (beacon["peer"], beacon["sent"]) == (1, time)
            assert beacon["battery"] == told[1]
            assert beacon["inbox"] == 0

    def test_say_how_much_work_there_is(self, world):
        world.state.clock["time"]
        world.work.free[0, 1] = world.state.clock["time"][0] + 500.0
        world.live()
        world.live()
        beacon, boards = world.beacons.heard[0, 2, LEFT], world.terms.hosts["boards"][1]
        assert beacon["backlog"] == pytest.approx(470.0, abs=1e-9) if boards == 1 else beacon["backlog"] > 0.0
        assert world.beacons.heard[0, 1, LEFT]["backlog"] == 0.0

    def test_age_where_the_link_is_gone(self, world):
        before = world.beacons.heard[0, 0, RIGHT].copy()
        world.terms.lasers["range"] = 1.0
        for _ in range(4):
            world.live()
        assert world.beacons.heard[0, 0, RIGHT]["sent"] <= before["sent"] + 30.0
        assert world.beacons.heard[0, 0, RIGHT]["peer"] == 1
        world.terms.lasers["range"] = 5e6
        for _ in range(3):
            world.live()
        assert world.beacons.heard[0, 0, RIGHT]["sent"] == world.state.clock["time"][0] - 30.0

    def test_of_the_dead_are_not_sent(self, world):
        world.state.body["alive"][0, 1] = False
        sent = world.beacons.heard["sent"][0, 0, RIGHT]
        for _ in range(3):
            world.live()
        assert world.beacons.told["peer"][0].tolist() == [0, NONE, 2]
        assert world.beacons.heard["sent"][0, 0, RIGHT] <= sent + 30.0

    def test_a_new_episode_forgets(self, world):
        world.live(said=letters(world, sat_0=b"hello"))
        world.reset(3)
        assert (world.beacons.heard["peer"] == NONE).all()
        assert np.isneginf(world.beacons.heard["sent"]).all()
        assert not heard(world)
        assert (world.beacons.letter["arrives"] == inf).all()


class TestMessages:
    def test_go_to_every_neighbour_and_to_nobody_else(self, world):
        world.live(said=letters(world, sat_1=b"from one"))
        assert heard(world) == {(0, RIGHT): (1, b"from one"), (2, LEFT): (1, b"from one")}
        world.live(said=letters(world, sat_0=b"0", sat_2=b"two"))
        assert heard(world) == {
            (0, RIGHT): (1, b"from one"),
            (2, LEFT): (1, b"from one"),
            (1, LEFT): (0, b"0"),
            (1, RIGHT): (2, b"two"),
        }

    def test_only_over_links_that_are_up(self, world):
        cut_link(world.work.links[0], 1, LEFT)
        world.live(said=letters(world, sat_1=b"news"))
        assert heard(world) == {(2, LEFT): (1, b"news")}

    def test_take_their_bits_and_the_way(self, world):
        """Serialisation on the terminal, and light; the bits are behind what the terminal sends already."""
        world.terms.lasers["rate"] = 1e3
        now, distance = float(world.state.clock["time"][0]), world.work.links["distance"][0, 0, RIGHT]
        world.work.desks["laser"][0, 0, RIGHT] = now + 2.0
        seconds = (HEADER_BITS + 8 * 10) / 1e3
        world.live(said=letters(world, sat_0=b"0123456789"))
        assert world.work.desks["laser"][0, 0, RIGHT] == pytest.approx(now + 2.0 + seconds, abs=1e-9)
        at = world.beacons.message["at"][0, 1, LEFT]
        assert at == pytest.approx(now + 2.0 + seconds + distance / SPEED_OF_LIGHT, abs=1e-9)

    def test_leave_when_the_thinking_is_done(self, world):
        """One that is long enough is heard a round later than if it had left at once."""
        world.terms.lasers["rate"] = (HEADER_BITS + 8 * 5) / 20.0
        now, distance = float(world.state.clock["time"][0]), world.work.links["distance"][0, 0, RIGHT]
        thinking = np.zeros((1, 3), THINKING)
        thinking["delay"][0, 0] = thinking["busy"][0, 0] = 12.0
        world.live(thinking=thinking, said=letters(world, sat_0=b"hello"))
        assert not heard(world)
        world.live()
        at = world.beacons.message["at"][0, 1, LEFT]
        assert at == pytest.approx(now + 12.0 + 20.0 + distance / SPEED_OF_LIGHT, abs=1e-9)

    def test_are_lost_with_the_thought(self, world):
        """A board reset interrupts whoever is still thinking; who has thought of nothing may speak."""
        world.breaks = world.breaks._replace(strikes=True, upsets=np.array([1e9, 1e9, 0.0]))
        thinking = np.zeros((1, 3), THINKING)
        thinking["busy"][0, 0] = 5.0
        world.live(thinking=thinking, said=letters(world, sat_0=b"lost", sat_1=b"said"))
        assert heard(world) == {(0, RIGHT): (1, b"said"), (2, LEFT): (1, b"said")}

    def test_cost_the_battery_what_the_terminals_draw(self, disaster):
        talks, mute = (AutonomyWorld(disaster(calm=True, training=0), longest=LONGEST) for _ in range(2))
        for each in (talks, mute):
            each.reset(0)
            each.terms.lasers["rate"] = 1e3
            each.live()
            each.live()
        talks.live(said=letters(talks, sat_1=b"x" * 40))
        mute.live()
        joules = 2 * (HEADER_BITS + 8 * 40) / 1e3 * talks.terms.hosts["laser_w"][1]  # over two terminals
        more = talks.state.activity["consumed"] - mute.state.activity["consumed"]
        assert more[0] == pytest.approx([0.0, joules, 0.0], abs=1e-6)
        assert talks.work.desks["joules"][0, 1] == pytest.approx(joules)

    def test_one_at_a_time_and_rounds_late_if_they_are_long(self, world):
        world.terms.lasers["rate"] = 10.0
        seconds = (HEADER_BITS + 8 * 40) / 10.0  # 57.6
        sent = float(world.state.clock["time"][0])
        world.live(said=letters(world, sat_0=b"a" * 40))
        assert not heard(world)
        world.live(said=letters(world, sat_0=b"b" * 40))  # the terminal is not free: it is not taken
        assert heard(world) == {(1, LEFT): (0, b"a" * 40)}
        assert world.beacons.message["at"][0, 1, LEFT] == pytest.approx(sent + seconds, abs=0.1)
        world.live()
        world.live()
        assert heard(world) == {(1, LEFT): (0, b"a" * 40)}

    def test_none_from_the_dead_or_safe_and_none_to_the_dead(self, world):
        world.faults.body["safe"][0, 0] = True
        world.faults.body["safe_since"][0, 0] = world.state.clock["time"][0]
        world.breaks = world.breaks._replace(strikes=True, safe_s=3600.0)
        world.state.body["alive"][0, 2] = False
        world.live(said=letters(world, sat_0=b"safe", sat_1=b"living", sat_2=b"dead"))
        assert heard(world) == {(0, RIGHT): (1, b"living")}

    @pytest.mark.parametrize("wrong", ["content", "length", "long", "negative"])
    def test_wrong_letters_are_one_sentence(self, world, wrong):
        content, length = letters(world)
        if wrong == "content":
            content = content.astype(np.int64)
        elif wrong == "length":
            length = length[0]
        else:
            length[0, 0] = LONGEST + 1 if wrong == "long" else -1
        with pytest.raises(SandboxError, match="said: "):
            world.live(said=(content, length))


def test_jobs_for_a_neighbour_wait_behind_a_message(disaster):
    """The terminal is one: a message before, then the job."""
    from test_service import ask

    world = AutonomyWorld(disaster(calm=True, training=0), longest=LONGEST)
    world.reset(0)
    for _ in range(2):
        world.live()
    j = ask(world, release=float(world.state.clock["time"][0]))
    world.live()
    n = int(world.work.book["place"][0, j])
    assert n != NONE
    world.terms.lasers["rate"] = 1e6
    k = RIGHT if n < 2 else LEFT
    world.orders["queue"][0, n] = DECISIONS.index(f"neighbour_{k + 1}")
    now = float(world.state.clock["time"][0])
    world.work.book["ready"][0, j] = now
    peer = world.work.links["peer"][0, n, k]
    world.live(said=letters(world, **{f"sat_{n}": b"x" * LONGEST}))
    message = (HEADER_BITS + 8 * LONGEST) / 1e6
    raw = world.terms.kinds["raw"][0]
    assert world.work.book["place"][0, j] == peer
    assert world.work.desks["laser"][0, n, k] == pytest.approx(now + message + raw / 1e6, abs=1e-6)
