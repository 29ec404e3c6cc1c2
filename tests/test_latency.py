"""Models of delay as numbers, draws by name, and links on which nothing overtakes."""

import pytest
from engine_kit import Market

from market_sim.engine import NoticeKind, stream_seed

MASK = 2**64 - 1


class WrittenDown:
    """SplitMix64 and the models as the specification words them, apart from either engine."""

    def __init__(self, seed, *names):
        def fold(state, words):
            for word in words:
                state = ((state ^ (word & MASK)) * 0x100000001B3) & MASK
            return state

        self.state = fold(0xCBF29CE484222325, [seed])
        for name in names:
            raw = name.encode()
            padded = raw.ljust(-(-len(raw) // 8) * 8, b"\0")
            chunks = [padded[i : i + 8] for i in range(0, len(padded), 8)]
            self.state = fold(self.state, [len(raw), *(int.from_bytes(chunk, "little") for chunk in chunks)])

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
        return z ^ (z >> 31)

    def delay(self, model, time_ns):
        kind, *numbers = model
        if kind == "constant":
            return numbers[0]
        if kind == "uniform":
            return numbers[0] + (self.next() * (numbers[1] - numbers[0] + 1) >> 64)
        if kind == "table":
            place = self.next() * (len(numbers[0]) - 1)
            at, fraction = place >> 64, place >> 32 & 0xFFFFFFFF
            low, high = numbers[0][at : at + 2]
            return low + ((high - low) * fraction >> 32)
        return max((t, v) for t, v in zip(*numbers, strict=True) if t <= max(time_ns, numbers[0][0]))[1]


def arrivals(model, sent, *names, seed=1):
    """Arrivals of messages sent at these times, none before the one ahead of it."""
    line, last, out = WrittenDown(seed, *names), 0, []
    for time_ns in sent:
        last = max(last, time_ns + line.delay(model, time_ns))
        out.append(last)
    return out


MODELS = [
    ("constant", 7),
    ("uniform", 40, 43),
    ("uniform", 5, 5),
    ("uniform", 0, 2**62),
    ("table", (10, 20, 100)),
    ("table", (0, 0, 5, 2**40)),
    ("series", (0, 10, 20), (9, 3, 50)),
    ("series", (15,), (4,)),
]


def test_a_seed_is_the_hash_of_seed_and_names():
    assert stream_seed(7, "entry", "ann", "NORTH") == WrittenDown(7, "entry", "ann", "NORTH").state
    assert stream_seed(7, "entry", "a long name of an agent", "N") != stream_seed(
        7, "entry", "a long name", "N"
    )
    assert stream_seed(7, "ab", "c") != stream_seed(7, "a", "bc")
    assert stream_seed(-1) == stream_seed(2**64 - 1)


@pytest.mark.parametrize("model", MODELS)
def test_orders_travel_by_the_entry_model(kernel_class, model):
    market = Market(kernel_class, venues=("NORTH", "SOUTH"))
    ann = market.agent("ann", entry=model)
    market.start()
    sent = []
    for step in (1, 2, 3, 5, 8, 13, 21, 34, 55, 89):
        market.run(step)
        market.buy(ann, 100, 1, listing=1)
        sent.append(step)
    market.run(2**62 + 100)
    rows = market.kernel.drain_tape()["orders"]
    assert list(rows["time_ns"]) == arrivals(model, sent, "entry", "ann", "SOUTH")
    assert list(rows["sent_ns"]) == sent


@pytest.mark.parametrize("model", MODELS)
def test_reports_travel_by_the_report_model(kernel_class, model):
    market = Market(kernel_class)
    ann = market.agent("ann", report=model)
    market.start()
    sent = [1, 4, 9, 16, 25, 26, 27, 28]
    for step in sent:
        market.run(step)
        market.buy(ann, 100, 1)
    market.run(2**62 + 100)
    reports = [notice[1] for notice in market.notices if notice[0] == NoticeKind.REPORT]
    assert reports == arrivals(model, sent, "report", "ann", "N")


@pytest.mark.parametrize("model", MODELS)
def test_market_data_travels_by_the_model_of_the_site(kernel_class, model):
    market = Market(kernel_class).data(*model)
    ann, bob = market.agent("ann"), market.agent("bob", quotes=True)
    market.start()
    sent = [1, 4, 9, 16, 25, 26, 27, 28]
    for step in sent:
        market.run(step)
        market.buy(ann, 100, 1)
    market.run(2**62 + 100)
    quotes = [notice for notice in market.notices if notice[0] == NoticeKind.QUOTE]
    expected = arrivals(model, sent, "data", "site", "N", "BTC/USD")
    last_of_instant = {time_ns: update + 1 for update, time_ns in enumerate(expected)}
    assert {notice[1]: notice[8] for notice in quotes} == last_of_instant
    assert [notice[1] for notice in quotes] == sorted(last_of_instant)
    assert all(notice[2] == bob for notice in quotes)


def test_decision_time_comes_before_the_link(kernel_class):
    market = Market(kernel_class)
    ann = market.agent("ann", entry=("series", (0, 50), (10, 1)), decision_ns=40, report=("constant", 3))
    market.start()
    market.buy(ann, 100, 1)
    market.run(10)
    market.buy(ann, 100, 1)  # departs at 50: the quick part of the series, but behind the first (40 + 10)
    assert market.reports() == ["53 ACCEPTED 1@100 5.1", "54 ACCEPTED 1@100 5.2"]


def test_messages_on_one_link_do_not_overtake_but_links_race(kernel_class):
    market = Market(kernel_class, seed=5)
    slow = ("series", (0, 1), (1000, 1))
    ann, bob = market.agent("ann", entry=slow), market.agent("bob", entry=("constant", 500))
    market.start()
    market.buy(ann, 100, 1)
    market.run(10)
    market.buy(ann, 101, 2)
    market.buy(bob, 100, 3)
    market.run(5000)
    rows = market.kernel.drain_tape()["orders"]
    assert list(zip(rows["time_ns"], rows["agent"], rows["size"], strict=True)) == [
        (510, bob, 3),
        (1000, ann, 1),
        (1000, ann, 2),
    ]


def test_adding_an_agent_leaves_the_draws_of_others_alone(kernel_class):
    def times(extra):
        market = Market(kernel_class)
        if extra:
            market.agent("zoe", entry=("uniform", 1, 10**6))
        ann = market.agent("ann", entry=("uniform", 1, 10**6))
        market.start()
        for _ in range(20):
            market.buy(ann, 100, 1)
        market.run()
        return list(market.kernel.drain_tape()["orders"]["time_ns"])

    assert times(extra=False) == times(extra=True)


@pytest.mark.parametrize(
    "model",
    [
        ("constant", -1),
        ("uniform", -1, 5),
        ("uniform", 5, 4),
        ("table", (1,)),
        ("table", (2, 1)),
        ("table", (-2, 1)),
        ("series", (), ()),
        ("series", (1, 2), (1,)),
        ("series", (1, 1), (1, 2)),
        ("series", (1, 2), (1, -2)),
        ("normal", 5),
    ],
)
def test_wrong_models_are_refused(kernel_class, model):
    market = Market(kernel_class)
    ann = market.agent("ann")
    with pytest.raises(ValueError, match="latency"):
        market.kernel.set_link(ann, 0, model, ("constant", 0))
    with pytest.raises(ValueError, match="latency"):
        market.kernel.set_link(ann, 0, ("constant", 0), model)
    with pytest.raises(ValueError, match="latency"):
        market.data(*model)
    with pytest.raises(ValueError, match="latency"):
        market.kernel.set_consolidated_latency(market.profile, model)


@pytest.mark.parametrize(
    "model", [("constant", 0.5), ("uniform", 1, 2.0), ("table", (1, 2.5)), ("series", (0.0,), (1,))]
)
def test_time_comes_in_whole_nanoseconds(kernel_class, model):
    with pytest.raises(TypeError):
        Market(kernel_class).data(*model)


def test_lists_are_as_good_as_tuples(kernel_class):
    market = Market(kernel_class)
    market.agent("ann", entry=["table", [1, 2]], report=["series", [0], [4]])
    market.start()
