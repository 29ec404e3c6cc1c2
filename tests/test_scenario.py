"""Scenarios: what is read, what is derived exactly, and what is said about every kind of mistake."""

from __future__ import annotations

import json
import math
import re
import sys
import types
from decimal import Decimal
from pathlib import Path

import pytest

from market_sim.errors import ScenarioError
from market_sim.scenario import Scenario, load, shipped_scenarios
from market_sim.scenario.kinds import foreign_agents

SMALL = """
schema = 1
name = "small"
duration = "1h"
epoch = "2026-01-05T09:30:00-05:00"
zone = "America/New_York"
numeraire = "USD"
[assets.USD]
decimals = 2
[assets.BTC]
decimals = 8
[venues.NORTH]
maker_fee_bps = "-0.2"
taker_fee_bps = 0.5
[venues.SOUTH]
[instruments."BTC/USD"]
base = "BTC"
quote = "USD"
[[listings]]
venue = "NORTH"
instrument = "BTC/USD"
tick = "0.5"
lot = "0.02"
min_notional = 10
[[listings]]
venue = "SOUTH"
instrument = "BTC/USD"
tick = "1"
lot = "0.01"
taker_fee_bps = "-0.0001"
[latency.near]
entry = "50us"
report = { uniform = ["40us", "60us"] }
data = { table = ["10us", "20us", "1ms"] }
consolidated = "1ms"
venues.SOUTH.entry = { series = [["0s", "1ms"], ["10m", "5ms"]] }
[fundamentals."BTC/USD"]
start = 60000
half_life = "10m"
volatility_bps = "0.5"
[[agents]]
name = "quoter"
kind = "my_traders:Quoter"
count = 3
endowment.NORTH = { USD = "1000.25", BTC = 2 }
limits = { max_open_orders = 4, max_order_size = "0.05" }
params = { spread = 2 }
[[agents]]
name = "lone"
kind = "my_traders:Quoter"
listings = ["SOUTH:BTC/USD"]
[[events]]
at = "10m"
kind = "jump"
instrument = "BTC/USD"
bps = "-25"
[[events]]
at = "20m"
kind = "parameter"
agent = "quoter-2"
name = "spread"
value = 3.5
[[events]]
at = "30m"
kind = "agents_off"
agents = ["lone", "quoter"]
[[events]]
at = "40m"
kind = "suspend"
venue = "NORTH"
"""

TRADERS = '''
class Base:
    """Stands in for a Trader: a class with hooks."""
    def on_start(self): ...

class Quoter(Base):
    spread: float = 1.0
    levels: int = 3
    passive: bool = True
    label: str = "q"
    offsets: list[float] = [0.5, 1.0]
    _hidden: int = 3
'''


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "my_traders.py").write_text(TRADERS)
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


def refusal(path: Path, *overrides: str, text: str | None = None) -> str:
    """What loading says; it must refuse."""
    if text is not None:
        path.write_text(text)
    with pytest.raises(ScenarioError) as error:
        load(path, overrides)
    return str(error.value)


# What a good file gives


def test_exact_integers_are_derived(small: Path) -> None:
    scenario = load(small)
    north, south = scenario.listings
    assert (north.tick_lot_atoms, north.lot_atoms, north.min_notional_atoms) == (1, 2_000_000, 1000)
    assert (north.maker_fee_e8, north.taker_fee_e8) == (-2000, 5000)
    assert (south.tick_lot_atoms, south.maker_fee_e8, south.taker_fee_e8) == (1, 0, -1)
    assert scenario.duration_ns == 3_600_000_000_000
    assert scenario.epoch_time.isoformat() == "2026-01-05T09:30:00-05:00"


def test_latency_models_have_the_kernels_form(small: Path) -> None:
    near = load(small).latency["near"]
    assert near.model("entry", "NORTH") == ("constant", 50_000)
    assert near.model("entry", "SOUTH") == ("series", (0, 600_000_000_000), (1_000_000, 5_000_000))
    assert near.model("report", "SOUTH") == ("uniform", 40_000, 60_000)
    assert near.model("data", "NORTH") == ("table", (10_000, 20_000, 1_000_000))
    assert near.consolidated == ("constant", 1_000_000)


def test_distributions_become_quantile_tables(small: Path) -> None:
    shapes = (
        "latency.near.entry={ exponential = { mean = '5ms', least = '1ms' } }",
        "latency.near.data={ lognormal = { median = '5ms', sigma = 0.5 } }",
    )
    near = load(small, shapes).latency["near"]
    (_, exponential), (_, lognormal) = near.model("entry", "NORTH"), near.model("data", "NORTH")
    assert (exponential[0], exponential[250]) == (1_000_000, 1_000_000 + round(4e6 * math.log(2)))
    assert sum(exponential) / len(exponential) == pytest.approx(5e6, rel=0.01)
    assert lognormal[250] == 5_000_000
    assert lognormal[421] == pytest.approx(5e6 * math.exp(0.5), rel=0.01)
    for table in (exponential, lognormal):
        assert list(table) == sorted(table)


def test_tables_of_agents_stand_for_their_members(small: Path) -> None:
    scenario = load(small)
    quoter, lone = scenario.agents
    assert quoter.members == ["quoter-1", "quoter-2", "quoter-3"]
    assert lone.members == ["lone"]
    assert scenario.listings_of(quoter) == ["NORTH:BTC/USD", "SOUTH:BTC/USD"]
    assert scenario.listings_of(lone) == ["SOUTH:BTC/USD"]
    assert scenario.profile_of(lone) == "near"
    assert scenario.endowment_atoms(quoter) == {("NORTH", "USD"): 100_025, ("NORTH", "BTC"): 200_000_000}
    assert [scenario.max_order_lots(quoter, listing) for listing in scenario.listings] == [2, 5]
    assert scenario.members_of("quoter") == quoter.members
    assert scenario.members_of("quoter-2") == ["quoter-2"]


def test_parameters_are_read_with_the_classes_defaults(small: Path) -> None:
    scenario = load(small)
    assert scenario.class_of(scenario.agents[0]).__name__ == "Quoter"
    assert scenario.params_of(scenario.agents[0]) == {
        "label": "q",
        "levels": 3,
        "offsets": [0.5, 1.0],
        "passive": True,
        "spread": 2.0,
    }


def test_a_scenario_comes_back_from_its_own_dump(small: Path, tmp_path: Path) -> None:
    scenario = load(small)
    toml, other = tmp_path / "again.toml", tmp_path / "again.json"
    toml.write_text(scenario.to_toml())
    other.write_text(scenario.to_json())
    for again in (load(toml), load(other), load(scenario), load(scenario.resolved(), folder=tmp_path)):
        assert again.resolved() == scenario.resolved()
        assert again.scenario_hash() == scenario.scenario_hash()


def test_the_hash_is_of_the_market_and_not_of_its_spelling(small: Path) -> None:
    plain = load(small)
    same = ("duration=60m", "venues.NORTH.taker_fee_bps='0.50'", "seed=7", "agents.quoter.params.levels=3")
    assert load(small, same).scenario_hash() == plain.scenario_hash()
    assert len(plain.scenario_hash()) == 16
    different = (
        "duration=61m",
        "agents.quoter.count=2",
        "agents.quoter.params.levels=4",
        "assets.USD.decimals=3",
    )
    hashes = {load(small, [text]).scenario_hash() for text in different}
    assert len(hashes | {plain.scenario_hash()}) == len(different) + 1


def test_the_order_of_listings_is_part_of_the_market(small: Path) -> None:
    raw = load(small).resolved()
    raw["listings"].reverse()
    assert load(raw, folder=small.parent).scenario_hash() != load(small).scenario_hash()


def test_a_group_can_be_left_out(small: Path) -> None:
    scenario = load(small, ["events=[]"])
    without = scenario.without("lone")
    assert [group.name for group in without.agents] == ["quoter"]
    assert without.scenario_hash() != scenario.scenario_hash()
    with pytest.raises(ScenarioError, match=r"unknown table of agents 'lonely'.*did you mean 'lone'"):
        scenario.without("lonely")


def test_toml_dates_and_json_files_are_read(small: Path) -> None:
    raw = load(small).resolved()
    dated = small.read_text().replace('"2026-01-05T09:30:00-05:00"', "2026-01-05T09:30:00-05:00")
    small.write_text(dated)
    assert load(small).resolved() == raw


# Overrides


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("duration=30m", lambda s: s.duration_ns == 1_800_000_000_000),
        ("venues.NORTH.taker_fee_bps=1", lambda s: s.listings[0].taker_fee_e8 == 10_000),
        ("listings.NORTH:BTC/USD.tick=1.5", lambda s: s.listings[0].tick == Decimal("1.5")),
        ('instruments."BTC/USD".base=USD', None),
        ("agents.quoter.params.spread=3", lambda s: s.params_of(s.agents[0])["spread"] == 3.0),
        ("agents.quoter.params.label=x=y", lambda s: s.params_of(s.agents[0])["label"] == "x=y"),
        ("agents.lone.limits.max_open_orders=7", lambda s: s.agents[1].limits.max_open_orders == 7),
        ("events.1.bps=40", lambda s: s.events[0].bps == 40),
        ("limits.events=10", lambda s: s.limits.events == 10),
        ("latency.near.data=3ms", lambda s: s.latency["near"].data == ("constant", 3_000_000)),
    ],
)
def test_override(small: Path, text: str, read) -> None:
    if read is None:
        assert "base and quote are both 'USD'" in refusal(small, text)
    else:
        assert read(load(small, [text]))


def test_the_last_override_of_a_key_counts(small: Path) -> None:
    assert load(small, ["duration=1m", "duration=2m"]).duration_ns == 120_000_000_000


# Mistakes: each names the place, what was found and what is allowed


@pytest.mark.parametrize(
    ("override", "place", "said"),
    [
        ("venus.NORTH.taker_fee_bps=1", "the file", "unknown key 'venus'; allowed: schema"),
        ("venues.NORTH.takr_fee_bps=1", "venues.NORTH", "'takr_fee_bps'.*did you mean 'taker_fee_bps'"),
        ("limits.eventz=1", "limits", "unknown key 'eventz'.*did you mean 'events'"),
        ("venues.NORHT.taker_fee_bps=1", "--set venues.NORHT", "unknown name.*did you mean 'NORTH'"),
        ("agents.quotr.count=1", "--set agents.quotr.count", "unknown entry.*did you mean 'quoter'"),
        ("duration.x=1", "--set duration.x", "'duration' is a single value"),
        ("duration", "--set", "found 'duration'. Write it as key=value"),
        ("schema=2", "schema", "found 2; allowed: 1"),
        ("duration=5x", "duration", "'5x' is no duration"),
        ("duration=60", "duration", "found 60; allowed: a duration with its unit"),
        ("duration=0s", "duration", "allowed: a duration above 0"),
        ("seed=1.5", "seed", "found 1.5; allowed: a whole number from 0"),
        ("seed=seven", "seed", "found 'seven'; allowed: a whole number from 0"),
        ("seed=-1", "seed", "found -1; allowed: a whole number from 0"),
        ("seed=true", "seed", "found true; allowed: a whole number from 0"),
        ("epoch=2026-01-05T09:30:00", "epoch", "names no offset from UTC"),
        ("epoch=yesterday", "epoch", "found 'yesterday'; allowed: a date and time of RFC 3339"),
        ("epoch=2026-01-05T09:30:00-04:00", "epoch", "America/New_York is at another one"),
        ("zone=Mars/Olympus", "zone", "unknown time zone 'Mars/Olympus'"),
        ("numeraire=US", "numeraire", "unknown asset 'US'; allowed: USD, BTC; did you mean 'USD'"),
        ("accounts=pool", "accounts", "unknown value 'pool'; allowed: segregated, pooled.*'pooled'"),
        ("assets.USD.decimals=19", "assets.USD.decimals", "found 19; allowed: less than or equal to 18"),
        ("venues.NORTH.taker_fee_bps=0.00005", "venues.NORTH.taker_fee_bps", "whole steps of 0.0001 bps"),
        ("venues.NORTH.maker_fee_bps=nan", "venues.NORTH.maker_fee_bps", "allowed: a finite number"),
        ("venues.NORTH.maker_fee_bps=abc", "venues.NORTH.maker_fee_bps", "found 'abc'; allowed: a number"),
        ("venues.NORTH.maker_fee_bps=10001", "venues.NORTH.maker_fee_bps", "at most 10000 bps"),
        ("instruments.BTC/USD.base=BTX", "instruments.BTC/USD.base", "unknown asset 'BTX'.*'BTC'"),
        (
            "listings.NORTH:BTC/USD.tick=0.05",
            "listings.NORTH:BTC/USD.tick",
            "tick of 0.05 times a lot of 0.02",
        ),
        ("listings.NORTH:BTC/USD.lot=0.000000001", "listings.NORTH:BTC/USD.lot", "no whole number of atoms"),
        (
            "listings.NORTH:BTC/USD.tick=-1",
            "listings.NORTH:BTC/USD.tick",
            "found -1; allowed: a number above 0",
        ),
        ("listings.NORTH:BTC/USD.lot=0", "listings.NORTH:BTC/USD.lot", "found 0; allowed: a number above 0"),
        ("listings.NORTH:BTC/USD.venue=EAST", "listings.EAST:BTC/USD.venue", "unknown venue 'EAST'"),
        (
            "listings.NORTH:BTC/USD.instrument=BTC/EUR",
            "listings.NORTH:BTC/EUR.instrument",
            "did you mean 'BTC/USD'",
        ),
        ("listings.NORTH:BTC/USD.venue=SOUTH", "listings.SOUTH:BTC/USD", "listed twice"),
        (
            "listings.NORTH:BTC/USD.min_notional=0.001",
            "listings.NORTH:BTC/USD.min_notional",
            "no whole number",
        ),
        ("latency.near.entry=50", "latency.near.entry", 'found 50; allowed: "50us", { uniform'),
        ("latency.near.entry={ unifrom = ['1ms'] }", "latency.near.entry", "did you mean 'uniform'"),
        (
            "latency.near.entry={ uniform = ['2ms', '1ms'] }",
            "latency.near.entry",
            "2ms, is above the highest",
        ),
        ("latency.near.entry={ table = ['2ms', '1ms'] }", "latency.near.entry", "the quantiles fall at 1ms"),
        (
            "latency.near.entry={ series = [['1s', '1ms'], ['1s', '2ms']] }",
            "latency.near.entry",
            "does not follow",
        ),
        (
            "latency.near.entry={ exponential = { mean = '1ms', last = '0s' } }",
            "latency.near.entry",
            "'least'",
        ),
        (
            "latency.near.entry={ exponential = { least = '1ms' } }",
            "latency.near.entry",
            "allowed: a duration",
        ),
        ("latency.near.entry={ exponential = '1ms' }", "latency.near.entry", "a table of mean and least"),
        ("latency.near.entry={ lognormal = { median = '1ms' } }", "latency.near.entry", "sigma .*above 0"),
        ("latency.near.venues.EAST.entry=1ms", "latency.near.venues.EAST", "unknown venue 'EAST'"),
        ("fundamentals.BTC/USD.product_of=['ETH/BTC']", "fundamentals.BTC/USD.product_of", "none is defined"),
        (
            "fundamentals.BTC/USD.start=-5",
            "fundamentals.BTC/USD.start",
            "found -5; allowed: a number above 0",
        ),
        ("fundamentals.BTC/USD.follows=BTC/USD", "fundamentals.BTC/USD.follows", "none is defined"),
        ("agents.lone.name=quoter-2", "agents.quoter-2.name", "'quoter-2' is also an agent of agents.quoter"),
        ("agents.lone.name=fees", "agents.fees.name", "name of an account of the market itself"),
        ("agents.lone.name=a b", "agents.a b.name", "found 'a b'; allowed: a letter"),
        ("agents.lone.count=0", "agents.lone.count", "found 0; allowed: greater than or equal to 1"),
        ("agents.lone.count=2.5", "agents.lone.count", "found 2.5; allowed: a whole number"),
        ("agents.lone.short_selling=1", "agents.lone.short_selling", "found 1; allowed: true or false"),
        ("agents.lone.latency=far", "agents.lone.latency", "unknown latency profile 'far'; allowed: near"),
        ("agents.lone.listings=['SOUTH:BTCUSD']", "agents.lone.listings", "did you mean 'SOUTH:BTC/USD'"),
        ("agents.lone.credit=unlimted", "agents.lone.credit", "did you mean 'unlimited'"),
        ("agents.lone.crowd=rust", "agents.lone.crowd", "unknown value 'rust'; allowed: mesa"),
        (
            "agents.quoter.endowment.NORTH.USD=-1",
            "agents.quoter.endowment.NORTH.USD",
            "found -1; allowed: 0 or more",
        ),
        (
            "agents.quoter.endowment.NORTH.USD=0.001",
            "agents.quoter.endowment.NORTH.USD",
            "USD has 2 decimals",
        ),
        ("agents.quoter.endowment.EAST.USD=1", "agents.quoter.endowment.EAST", "unknown venue 'EAST'"),
        ("agents.quoter.endowment.NORTH.EUR=1", "agents.quoter.endowment.NORTH.EUR", "unknown asset 'EUR'"),
        ("agents.lone.kind=Quoter", "agents.lone.kind", "allowed: package.module:Class"),
        (
            "agents.lone.kind=my_traders:Quotr",
            "agents.lone.kind",
            "allowed: Base, Quoter; did you mean 'Quoter'",
        ),
        ("agents.lone.kind=my_trader:Quoter", "agents.lone.kind", "no module 'my_trader'.*shipped: agents"),
        ("agents.lone.kind=agents.nose:NoiseTrader", "agents.lone.kind", "did you mean 'agents.noise'"),
        ("agents.lone.params.sprad=1", "agents.lone.params.sprad", "unknown parameter of Quoter.*'spread'"),
        ("agents.lone.params.spread=wide", "agents.lone.params.spread", "found 'wide'; allowed: a number"),
        ("agents.lone.params.levels=2.0", "agents.lone.params.levels", "found 2.0; allowed: a whole number"),
        (
            "agents.lone.params.levels=true",
            "agents.lone.params.levels",
            "found true; allowed: a whole number",
        ),
        ("agents.lone.params.passive=1", "agents.lone.params.passive", "found 1; allowed: true or false"),
        ("agents.lone.params.offsets=[1, 'x']", "agents.lone.params.offsets", "found 'x'; allowed: a number"),
        ("events.1.kind=jmp", "events.1", "unknown kind 'jmp'.*did you mean 'jump'"),
        ("events.1.at=later", "events.1.at", "'later' is no duration"),
        ("events.1.instrument=BTC/EUR", "events.1.instrument", "unknown fundamental 'BTC/EUR'"),
        ("events.2.agent=quoter-9", "events.2.agent", "unknown agent 'quoter-9'"),
        ("events.2.name=sprd", "events.2.name", "unknown parameter of Quoter 'sprd'"),
        ("events.2.value=wide", "events.2.value", "found 'wide'; allowed: a number"),
        ("events.3.agents=['lona']", "events.3.agents", "unknown agent 'lona'.*did you mean 'lone'"),
        ("events.4.venue=EAST", "events.4.venue", "unknown venue 'EAST'"),
    ],
)
def test_mistake(small: Path, override: str, place: str, said: str) -> None:
    message = refusal(small, override)
    head = place if place.startswith("--set") else f"small.toml: {place}"
    assert any(line.strip().startswith(head) and re.search(said, line) for line in message.splitlines()), (
        message
    )


def test_every_mistake_is_told_at_once(small: Path) -> None:
    message = refusal(small, "numeraire=EUR", "agents.lone.listings=['X']", "events.4.venue=EAST")
    assert message.startswith("small.toml: 3 problems\n")
    assert [line.split(": ")[1] for line in message.splitlines()[1:]] == [
        "numeraire (from --set)",
        "agents.lone.listings (from --set)",
        "events.4.venue (from --set)",
    ]


def test_missing_key(small: Path) -> None:
    message = refusal(small, text=SMALL.replace('duration = "1h"\n', ""))
    assert message == "small.toml: duration: this key is missing and has no default"


def test_broken_toml_names_the_line(small: Path) -> None:
    message = refusal(small, text=SMALL.replace('name = "small"', "name = small"))
    assert message.startswith("small.toml: no valid TOML")
    assert "line 3" in message


def test_key_written_twice(small: Path) -> None:
    assert "no valid TOML" in refusal(small, text=SMALL.replace("schema = 1", "schema = 1\nschema = 1"))


def test_not_utf8(small: Path) -> None:
    small.write_bytes(b'name = "\xff"')
    assert "no UTF-8 text" in refusal(small)


def test_two_profiles_and_none_chosen(small: Path) -> None:
    message = refusal(small, text=SMALL + '\n[latency.far]\nentry = "1s"\n')
    assert "agents.lone.latency: this key is missing, and there is more than one profile" in message


def test_unknown_name_lists_the_shipped_ones() -> None:
    with pytest.raises(ScenarioError, match="no shipped scenario 'two_venue'; did you mean 'two_venues'"):
        load("two_venue")
    with pytest.raises(ScenarioError, match=r"no such file: nowhere/x.toml.*two_venues"):
        load("nowhere/x.toml")


# Classes


def test_the_scenarios_own_folder_is_importable_and_left_again(small: Path) -> None:
    before = list(sys.path)
    load(small)
    assert sys.path == before


def test_two_folders_with_a_module_of_the_same_name(small: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "my_traders.py").write_text(TRADERS.replace("spread: float = 1.0", "spread: float = 9.0"))
    (other / "small.toml").write_text(SMALL)
    for path, spread in ((small, 1.0), (other / "small.toml", 9.0), (small, 1.0)):
        scenario = load(path)
        assert scenario.params_of(scenario.agents[1])["spread"] == spread


def test_code_of_ones_own_is_refused_where_only_shipped_agents_may_run(small: Path) -> None:
    (small.parent / "my_traders.py").write_text("raise SystemExit('imported')")
    sys.modules.pop("my_traders", None)
    with pytest.raises(ScenarioError, match="'my_traders:Quoter' is code of your own"):
        load(small, shipped_only=True)


def test_a_module_that_fails_says_so(small: Path) -> None:
    sys.modules.pop("my_traders", None)
    (small.parent / "my_traders.py").write_text("import a_part_nobody_has")
    assert "importing my_traders needs 'a_part_nobody_has', not installed" in refusal(small)
    (small.parent / "my_traders.py").write_text("1 / 0")
    assert "importing my_traders raised ZeroDivisionError: division by zero" in refusal(small)


def test_a_foreign_agents_package_is_named(small: Path, tmp_path: Path, monkeypatch) -> None:
    foreign = tmp_path / "site" / "agents"
    foreign.mkdir(parents=True)
    (foreign / "__init__.py").write_text("")
    assert foreign_agents() is None
    known = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "agents"}
    for name in known:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert foreign_agents() == foreign / "__init__.py"
    message = refusal(small, "agents.lone.kind=agents.noise:NoiseTrader")
    assert f"another one, at {foreign / '__init__.py'}; uninstall it" in message


def test_a_dict_is_a_scenario_too_and_is_not_changed(small: Path) -> None:
    raw = load(small).resolved()
    copy = json.loads(json.dumps(raw))
    assert load(raw, ["duration=5m"], folder=small.parent).duration_ns == 300_000_000_000
    assert raw == copy


def test_a_class_may_come_from_a_notebook(small: Path, monkeypatch) -> None:
    notebook = types.ModuleType("a_notebook")
    exec(TRADERS, notebook.__dict__)
    notebook.Quoter.__module__ = "a_notebook"
    monkeypatch.setitem(sys.modules, "a_notebook", notebook)
    scenario = load(small, ["agents.lone.kind=a_notebook:Quoter"])
    assert scenario.class_of(scenario.agents[1]) is notebook.Quoter


@pytest.mark.parametrize("name", shipped_scenarios())
def test_shipped_scenarios_load_and_come_back(name: str) -> None:
    scenario = load(name, shipped_only=True)
    assert isinstance(scenario, Scenario)
    assert scenario.name == name
    assert load(scenario.resolved()).scenario_hash() == scenario.scenario_hash()


def test_a_fundamental_depends_on_others_in_one_way_and_at_one_step(small: Path) -> None:
    twin = SMALL.replace('[[agents]]\nname = "quoter"', "@")
    second = '[fundamentals."X/USD"]\nstart = 1\nhalf_life = "1m"\nvolatility_bps = 1\nfollows = "BTC/USD"\n'
    twin = twin.replace("[[listings]]", '[instruments."X/USD"]\nbase = "BTC"\nquote = "USD"\n[[listings]]', 1)
    for extra, said in (
        ('product_of = ["BTC/USD"]\n', "found both `follows` and `product_of`; allowed: one of them"),
        ('step = "2s"\n', "differs from that of BTC/USD, on which it depends; allowed: the same"),
    ):
        text = twin.replace("@", second + extra + '[[agents]]\nname = "quoter"')
        assert said in refusal(small, text=text)
