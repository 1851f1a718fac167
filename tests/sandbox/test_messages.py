"""What satellites tell each other: a round old at least, only over links, and paid for."""

from math import inf

import numpy as np
import pytest
from pilots import change_rules, whole_world

from sandbox.errors import SandboxError
from sandbox.jobs import DECISIONS
from sandbox.lasers import cut_link
from sandbox.messages import HEADER_BITS
from sandbox.orbits.bodies import SPEED_OF_LIGHT
from sandbox.recording.frames import scene_of
from sandbox.state import NONE, THINKING

LONGEST = 64
RIGHT, LEFT = 2, 3  # the terminals between planes: satellite 0 - 1 - 2


@pytest.fixture
def world(disaster):
    """Three linked satellites in a row, and silence."""
    made = whole_world(disaster(calm=True, training=0), message_bytes=LONGEST)
    made.reset(0)
    for _ in range(2):  # links are acquired
        made.step()
    return made


def letters(world, **texts):
    """Messages of `sat_n`."""
    content = np.zeros((1, world.satellites, LONGEST), np.uint8)
    length = np.zeros((1, world.satellites), np.int32)
    for name, text in texts.items():
        n = int(name.removeprefix("sat_"))
        content[0, n, : len(text)] = np.frombuffer(text, np.uint8)
        length[0, n] = len(text)
    return {"content": content, "length": length}


def links_of(world):
    """{(satellite, terminal): peer} of the links that are up."""
    scene = scene_of(world)["link_peer"]
    return {(int(n), int(k)): int(scene[n, k]) for n, k in np.argwhere(scene != NONE)}


def heard(world):
    """{(satellite, terminal): (sender, text)} of all that was heard."""
    message = world.messages.state.message[0]
    return {
        (int(n), int(k)): (
            int(message["peer"][n, k]),
            world.messages.state.text[0, n, k, : message["length"][n, k]].tobytes(),
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
            world.step()
            beacon = world.messages.state.heard[0, 0, RIGHT]
            assert (beacon["peer"], beacon["sent"]) == (1, time)
            assert beacon["battery"] == told[1]
            assert beacon["inbox"] == 0

    def test_say_how_much_work_there_is(self, world):
        world.state.clock["time"]
        world.jobs.state.free[0, 1] = world.state.clock["time"][0] + 500.0
        world.step()
        world.step()
        beacon, boards = world.messages.state.heard[0, 2, LEFT], world.jobs.params.hosts["boards"][1]
        assert beacon["backlog"] == pytest.approx(470.0, abs=1e-9) if boards == 1 else beacon["backlog"] > 0.0
        assert world.messages.state.heard[0, 1, LEFT]["backlog"] == 0.0

    def test_age_where_the_link_is_gone(self, world):
        before = world.messages.state.heard[0, 0, RIGHT].copy()
        world.lasers.params.terminals["range"] = 1.0
        for _ in range(4):
            world.step()
        assert world.messages.state.heard[0, 0, RIGHT]["sent"] <= before["sent"] + 30.0
        assert world.messages.state.heard[0, 0, RIGHT]["peer"] == 1
        world.lasers.params.terminals["range"] = 5e6
        for _ in range(3):
            world.step()
        assert world.messages.state.heard[0, 0, RIGHT]["sent"] == world.state.clock["time"][0] - 30.0

    def test_of_the_dead_are_not_sent(self, world):
        world.state.body["alive"][0, 1] = False
        sent = world.messages.state.heard["sent"][0, 0, RIGHT]
        for _ in range(3):
            world.step()
        assert world.messages.state.broadcast["peer"][0].tolist() == [0, NONE, 2]
        assert world.messages.state.heard["sent"][0, 0, RIGHT] <= sent + 30.0

    def test_a_new_episode_forgets(self, world):
        world.step(**letters(world, sat_0=b"hello"))
        world.reset(3)
        assert (world.messages.state.heard["peer"] == NONE).all()
        assert np.isneginf(world.messages.state.heard["sent"]).all()
        assert not heard(world)
        assert (world.messages.state.letter["arrives"] == inf).all()


class TestMessages:
    def test_go_to_every_neighbour_and_to_nobody_else(self, world):
        world.step(**letters(world, sat_1=b"from one"))
        assert heard(world) == {(0, RIGHT): (1, b"from one"), (2, LEFT): (1, b"from one")}
        world.step(**letters(world, sat_0=b"0", sat_2=b"two"))
        assert heard(world) == {
            (0, RIGHT): (1, b"from one"),
            (2, LEFT): (1, b"from one"),
            (1, LEFT): (0, b"0"),
            (1, RIGHT): (2, b"two"),
        }

    def test_only_over_links_that_are_up(self, world):
        cut_link(world.lasers.state.links[0], 1, LEFT)
        world.step(**letters(world, sat_1=b"news"))
        assert heard(world) == {(2, LEFT): (1, b"news")}

    def test_take_their_bits_and_the_way(self, world):
        """Serialisation on the terminal, and light; the bits are behind what the terminal sends already."""
        world.lasers.params.terminals["rate"] = 1e3
        now, distance = float(world.state.clock["time"][0]), world.lasers.state.links["distance"][0, 0, RIGHT]
        world.lasers.state.free[0, 0, RIGHT] = now + 2.0
        seconds = (HEADER_BITS + 8 * 10) / 1e3
        world.step(**letters(world, sat_0=b"0123456789"))
        assert world.lasers.state.free[0, 0, RIGHT] == pytest.approx(now + 2.0 + seconds, abs=1e-9)
        at = world.messages.state.message["at"][0, 1, LEFT]
        assert at == pytest.approx(now + 2.0 + seconds + distance / SPEED_OF_LIGHT, abs=1e-9)

    def test_leave_when_the_thinking_is_done(self, world):
        """One that is long enough is heard a round later than if it had left at once."""
        world.lasers.params.terminals["rate"] = (HEADER_BITS + 8 * 5) / 20.0
        now, distance = float(world.state.clock["time"][0]), world.lasers.state.links["distance"][0, 0, RIGHT]
        thinking = np.zeros((1, 3), THINKING)
        thinking["delay"][0, 0] = thinking["busy"][0, 0] = 12.0
        world.step(thinking=thinking, **letters(world, sat_0=b"hello"))
        assert not heard(world)
        world.step()
        at = world.messages.state.message["at"][0, 1, LEFT]
        assert at == pytest.approx(now + 12.0 + 20.0 + distance / SPEED_OF_LIGHT, abs=1e-9)

    def test_are_lost_with_the_thought(self, world):
        """A board reset interrupts whoever is still thinking; who has thought of nothing may speak."""
        change_rules(world, upsets=np.array([1e9, 1e9, 0.0]))
        thinking = np.zeros((1, 3), THINKING)
        thinking["busy"][0, 0] = 5.0
        world.step(thinking=thinking, **letters(world, sat_0=b"lost", sat_1=b"said"))
        assert heard(world) == {(0, RIGHT): (1, b"said"), (2, LEFT): (1, b"said")}

    def test_cost_the_battery_what_the_terminals_draw(self, disaster):
        talks, mute = (whole_world(disaster(calm=True, training=0), message_bytes=LONGEST) for _ in range(2))
        for each in (talks, mute):
            each.reset(0)
            each.lasers.params.terminals["rate"] = 1e3
            each.step()
            each.step()
        talks.step(**letters(talks, sat_1=b"x" * 40))
        mute.step()
        joules = 2 * (HEADER_BITS + 8 * 40) / 1e3 * talks.lasers.params.terminals["transmit_w"][1]
        more = talks.state.activity["consumed"] - mute.state.activity["consumed"]
        assert more[0] == pytest.approx([0.0, joules, 0.0], abs=1e-6)
        assert talks.state.load["joules"][0, 1] == pytest.approx(joules)

    def test_one_at_a_time_and_rounds_late_if_they_are_long(self, world):
        world.lasers.params.terminals["rate"] = 10.0
        seconds = (HEADER_BITS + 8 * 40) / 10.0  # 57.6
        sent = float(world.state.clock["time"][0])
        world.step(**letters(world, sat_0=b"a" * 40))
        assert not heard(world)
        world.step(**letters(world, sat_0=b"b" * 40))  # the terminal is not free: it is not taken
        assert heard(world) == {(1, LEFT): (0, b"a" * 40)}
        assert world.messages.state.message["at"][0, 1, LEFT] == pytest.approx(sent + seconds, abs=0.1)
        world.step()
        world.step()
        assert heard(world) == {(1, LEFT): (0, b"a" * 40)}

    def test_none_from_or_to_the_dead_or_safe(self, world):
        """In safe mode the terminals are off with the rest of the payload."""
        world.step(**letters(world, sat_1=b"before"))
        assert heard(world)[(0, RIGHT)] == (1, b"before")
        world.state.safety["safe"][0, 0] = True
        world.state.safety["since"][0, 0] = world.state.clock["time"][0]
        change_rules(world, least=3600.0)
        world.state.body["alive"][0, 2] = False
        world.step(**letters(world, sat_0=b"safe", sat_1=b"living", sat_2=b"dead"))
        assert {text for _, text in heard(world).values()} == {b"before"}

    @pytest.mark.parametrize("wrong", ["content", "length", "long", "negative"])
    def test_wrong_letters_are_one_sentence(self, world, wrong):
        content, length = letters(world).values()
        if wrong == "content":
            content = content.astype(np.int64)
        elif wrong == "length":
            length = length[0]
        else:
            length[0, 0] = LONGEST + 1 if wrong == "long" else -1
        with pytest.raises(SandboxError, match=r"content must|length must|length: "):
            world.step(content=content, length=length)


def test_jobs_for_a_neighbour_wait_behind_a_message(disaster):
    """The terminal is one: a message before, then the job."""
    from test_jobs import ask

    world = whole_world(disaster(calm=True, training=0), message_bytes=LONGEST)
    world.reset(0)
    for _ in range(2):
        world.step()
    j = ask(world, release=float(world.state.clock["time"][0]))
    world.step()
    n = int(world.jobs.state.book["place"][0, j])
    assert n != NONE
    world.lasers.params.terminals["rate"] = 1e6
    k = RIGHT if n < 2 else LEFT
    world.orders["queue"][0, n] = DECISIONS.index(f"neighbour_{k + 1}")
    now = float(world.state.clock["time"][0])
    world.jobs.state.book["ready"][0, j] = now
    peer = world.lasers.state.links["peer"][0, n, k]
    world.step(**letters(world, **{f"sat_{n}": b"x" * LONGEST}))
    message = (HEADER_BITS + 8 * LONGEST) / 1e6
    raw = world.jobs.params.kinds["raw"][0]
    assert world.jobs.state.book["place"][0, j] == peer
    assert world.lasers.state.free[0, n, k] == pytest.approx(now + message + raw / 1e6, abs=1e-6)
