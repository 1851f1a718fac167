"""The nano that reads orders in words: what it is told, what it makes of it, what it pays."""

import numpy as np
import pytest

from agents import make_policy
from agents.reading.gist import END, LONGEST, TOKEN, TOKENS, Gist, gist_of, tokens_of
from agents.reading.nano import FOLDER, NanoReader
from agents.reading.policy import Nano
from agents.reading.sense import Chart, senses
from envs.deliberation import deliberating
from envs.episodes import make_env
from sandbox import SandboxError, load_scenario
from sandbox.order_meaning import EMBARGO, PRIORITY, STATION
from sandbox.order_words import numbers_of, words

CHART = Chart(["Miyun", "Kashi"], np.eye(3)[:2], 12_000.0)
PLAIN = "order 4 , 00:30 UTC : do not image anything within 2200 km of Moscow from 01:00 to 02:50 UTC"
EMBARGOED = Gist(
    "4", "00:30", {"embargo": (), "where_near": ("2200", "Moscow"), "when_utc": ("01:00", "02:50")}
)


@pytest.fixture(scope="module")
def reader():
    return NanoReader()


@pytest.fixture(scope="module")
def env():
    scenario = load_scenario("operations_24_tight", {"orders.split": "heldout"})
    return make_env("operations_v0", scenario, 1.0)


def play(env, policy, seed=3, told=None):
    """The return of an episode, and the tokens of every round; `told`: observations whose words are heard
    in the place of its own."""
    observation, info = env.reset(seed)
    policy.reset(seed)
    total, spent = 0.0, []
    columns = [i for i, name in enumerate(env.layout.names) if name.startswith("directive_")]
    for k in range(env.max_cycles):
        if told is not None:
            observation = observation.copy()
            observation[..., columns] = told[k][..., columns]
        actions = policy.act(observation, info)
        step = (actions, policy.thought) if policy.thinks else (actions,)
        observation, reward, _, _, info = env.step(*(step if hasattr(env, "onboard") else step[:1]))
        total += float(reward.sum())
        if policy.thought is not None:
            spent.append(policy.thought.prompt_tokens + policy.thought.output_tokens)
    return total, np.array(spent)


def heard(env, seed):
    """The observations of an episode in which nobody reads."""
    observation, info = env.reset(seed)
    policy = make_policy("deaf", env)
    policy.reset(seed)
    found = []
    for _ in range(env.max_cycles):
        found.append(observation.copy())
        observation, _, _, _, info = env.step(policy.act(observation, info))
    return found


def test_gist_is_told_by_words_and_labels():
    tokens = tokens_of(EMBARGOED)
    assert gist_of(tokens) == EMBARGOED
    assert EMBARGOED.body == "embargo"
    assert tokens[-1] == TOKEN[END]
    assert max(tokens) < TOKENS


@pytest.mark.parametrize(
    "tokens",
    [[], [1, 2], [1, 2, TOKEN[END]], [TOKEN["embargo"], TOKEN[END]], [1, 2, TOKEN["priority"], TOKEN[END]],
     [1, 2, TOKEN["embargo"], TOKEN["embargo"], TOKEN[END]], [1, 2, TOKEN["embargo"], len(words()) + 1],
     [1, 2, TOKEN["embargo"], TOKEN["service"], TOKEN[END]], [1, 2, TOKEN["embargo"], TOKEN["read"]]],
)  # fmt: skip
def test_what_is_no_gist_is_none(tokens):
    assert gist_of(tokens) is None


def test_sense_is_made_of_clocks_maps_and_ranks():
    rank = Gist(
        "6", "00:40", {"priority": ("3",), "where_south": (), "when_orbits": ("2",), "before_this": ("4",)}
    )
    zoned = Gist(
        "7", "00:45", {"station": (), "station_numbered": ("2",), "when_zone": ("09:00", "10:00", "Tokyo")}
    )
    found = {int(order["number"]): order for order in senses([zoned, EMBARGOED, rank], CHART)}
    assert [found[n]["kind"] for n in (4, 6, 7)] == [EMBARGO, PRIORITY, STATION]
    assert (found[4]["begins"], found[4]["ends"]) == (3_600.0, 10_200.0)
    assert (found[6]["precedence"], found[6]["orbits_to"], found[6]["north"]) == (1, 2.0, 0.0)
    assert found[7]["station"] == 1
    assert (found[7]["begins"] - found[7]["issued"]) % 86_400.0 == (24.0 - 0.75) * 3_600.0  # 9 h ahead of UTC


def test_corrections_and_cancellations_take_the_place_of_orders():
    corrected = Gist("5", "00:35", {"correction": ("4",), "news_end": ("03:00",)})
    cancelled = Gist("6", "00:40", {"cancellation": ("5",)})
    (only,) = senses([EMBARGOED, corrected], CHART)
    assert (only["number"], only["begins"], only["ends"]) == (5, 3_600.0, 10_800.0)
    assert senses([EMBARGOED, corrected, cancelled], CHART) == []
    assert senses([corrected], CHART) == []  # of what is not known
    assert [order["number"] for order in senses([EMBARGOED, cancelled], CHART)] == [4]


NONSENSE = {
    "where_near": ("12", "Nowhere"),
    "station_named": ("Elsewhere",),
    "station_numbered": ("3",),
    "when_utc": ("25", "Moscow"),
}


@pytest.mark.parametrize("clause", NONSENSE.items())
def test_what_makes_no_sense_is_left_out(clause):
    assert senses([Gist("1", "00:00", {"embargo": (), clause[0]: clause[1]})], CHART) == []


def test_nano_reads_a_plain_order(reader):
    (found,) = reader.read([numbers_of(PLAIN.split())])
    assert found.gist == EMBARGOED
    assert found.prompt_tokens == len(PLAIN.split()) + 1
    assert found.output_tokens == len(tokens_of(EMBARGOED))


def test_nano_reads_each_order_by_itself(reader):
    orders = [
        numbers_of(text.split()) for text in (PLAIN, "order 5 , 00:35 UTC : order 4 is cancelled", PLAIN)
    ]
    together = reader.read(orders)
    assert together == [reader.read([order])[0] for order in orders]
    assert together[0] == together[2]
    assert together[1].gist == Gist("5", "00:35", {"cancellation": ("4",)})


def test_nano_is_small_and_ends(reader):
    assert reader.model.num_parameters() < 5_000_000
    nonsense = np.random.default_rng(0).integers(1, len(words()) + 1, (20, 12)).tolist()
    assert all(0 < found.output_tokens <= LONGEST for found in reader.read(nonsense))


def test_a_folder_without_a_reader_is_refused(tmp_path):
    with pytest.raises(SandboxError, match=r"holds no model \(no config.json\)"):
        NanoReader(tmp_path)
    with pytest.raises(SandboxError, match="reads no orders: its vocabulary"):
        NanoReader(FOLDER.parent.parent / "qwen" / "nano")


def test_reading_pays_and_orders_of_another_episode_do_not(env, reader):
    """In held-out wordings; who hears the words of another episode is worse off."""
    others = heard(env, 77)
    read, deaf, shuffled = [], [], []
    for seed in (3, 4):
        read.append(play(env, Nano(env, reader), seed)[0])
        deaf.append(play(env, make_policy("deaf", env), seed)[0])
        shuffled.append(play(env, Nano(env, reader), seed, others)[0])
    assert sum(read) > sum(deaf)
    assert sum(shuffled) < sum(read)


def test_nano_knows_the_words_alone(env, reader):
    """The same observations, and another world: the same decisions."""
    other = make_env("operations_v0", load_scenario("operations_24_tight", {"orders.split": "train"}), 1.0)
    other.reset(9)
    one, another = Nano(env, reader), Nano(other, reader)
    observation, info = env.reset(6)
    one.reset(0)
    another.reset(0)
    for _ in range(40):
        actions = one.act(observation, info)
        np.testing.assert_array_equal(actions, another.act(observation, info))
        observation, _, _, _, info = env.step(actions)


def test_every_order_is_read_and_charged_once(env, reader):
    charged = deliberating(env)
    policy = Nano(charged, reader)
    _, spent = play(charged, policy)
    rounds = (spent > 0).sum(axis=0)
    assert rounds.max() <= charged.world.directives.state.book.shape[1]
    assert spent.sum() > 0
    told = {place: policy._told[place] - policy._knows[place] for place in policy._told}
    assert sum(map(len, told.values())) <= 2  # what came last
    observation, info = charged.reset(5)
    policy.reset(5)
    policy.act(observation, {**info, "board_share": np.zeros_like(info["board_share"])})
    assert not policy.thought.prompt_tokens.any()  # nobody reads on a board that is down


def test_period_is_that_of_the_world(env, reader):
    np.testing.assert_allclose(Nano(env, reader)._period, env.world.directives.params.period)
