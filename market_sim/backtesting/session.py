"""`backtest`: one strategy in recorded or simulated flow, from its class to its figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from market_sim.backtesting.figures import calendar_named
from market_sim.backtesting.outcome import HONESTY, Backtest
from market_sim.errors import ScenarioError
from market_sim.market import Market
from market_sim.replaying.formats import open_tables, own_scenario, recognise
from market_sim.replaying.session import open_replay
from market_sim.replaying.tabular import open_table_replay
from market_sim.running import play
from market_sim.scenario import Scenario, load, shipped_scenarios
from market_sim.units import duration_ns

Progress = Callable[[int, int], None]
DEFAULT_CASH = 100_000.0
DEFAULT_LATENCY = "1ms"
NAME = "strategy"


def backtest(
    strategy: Any,
    data: Any,
    *,
    params: Mapping[str, Any] | None = None,
    cash: float | str = DEFAULT_CASH,
    holdings: Mapping[str, float | str] | None = None,
    short_selling: bool = False,
    maker_fee_bps: float | str = 0,
    taker_fee_bps: float | str = 0,
    latency: str | Mapping[str, str] = DEFAULT_LATENCY,
    cancellations: str = "back",
    calendar: str | None = None,
    step: str | int | None = None,
    protocol: str | None = None,
    scenario: Any = None,
    options: Mapping[str, Any] | None = None,
    clock: str | None = None,
    seed: int | None = None,
    until: str | int | None = None,
    engine: str | None = None,
    shipped_only: bool = False,
    progress: Progress | None = None,
    out: str | Path | None = None,
) -> Backtest:
    """Run a strategy in recorded or simulated flow and give a `Backtest`.

    `strategy`: a Trader class, an instance, or "package.module:Class", with `params`. `data`: recordings as
    in `replay` (captures, LOBSTER, Tardis, npz, CSV of quotes, trades, bars or closes), "sample" or
    "sample:NAME" for what market_sim ships, or a scenario (name, TOML, dict, Scenario) to simulate. It
    begins with `cash` of the numeraire and `holdings` (asset: amount) at every venue. Fees, `cancellations`
    ("back", "proportional") and `latency` (of orders and of their reports, "5ms" or {entry, report, data})
    are those of a recording without a `scenario`; else the scenario has them. `calendar`: "24/7" or "252"
    lets ratios be annualised. `step`: of the equity curve. `options` for tables: see `open_tables`.
    `until`, `clock`, `seed`, `engine`, `progress` and `out` as in `replay`.

    An order leaves after the news that it answers, and arrives later: a latency of less than a nanosecond is
    refused. Raises ScenarioError, DataError (with file and line), AgentError.
    """
    calendar_named(calendar)
    market, finish, origin, notes = _open(
        strategy, data, params or {}, cash, holdings or {}, short_selling, scenario,
        {"protocol": protocol, "options": options, "clock": clock, "seed": seed, "engine": engine,
         "shipped_only": shipped_only},
        {"maker_fee_bps": str(maker_fee_bps), "taker_fee_bps": str(taker_fee_bps),
         "latency": _latency(latency), "cancellations": cancellations},
    )  # fmt: skip
    name = next(reversed(market.traders))
    _assert_no_peeking(market, name)
    given = {asset: atoms for asset, atoms in market._given[name].items() if atoms}
    if until is not None:
        until = min(market.end_ns, duration_ns(until))
    result = play(market, finish, until, progress)
    told = result.summary().get("replay", {}).get("notes", ())
    found = Backtest(
        result,
        name,
        given,
        calendar=calendar,
        step_ns=None if step is None else duration_ns(step),
        origin=origin(),
        notes=tuple(dict.fromkeys([*notes, *told])),
    )
    if out is not None:
        found.save(out)
    return found


def _open(
    strategy: Any,
    data: Any,
    params: Mapping[str, Any],
    cash: Any,
    holdings: Mapping[str, Any],
    short_selling: bool,
    scenario: Any,
    how: dict[str, Any],
    terms: dict[str, Any],
) -> tuple[Market, Callable[[], Any], Callable[[], str], list[str]]:
    """A market with the strategy in it, how to get its result and its origin, and notes."""

    def trader(plan: Scenario) -> Any:
        return _trader(strategy, params, plan, cash, holdings, short_selling, how["shipped_only"])

    data = _shipped(data)
    if _is_scenario(data):
        if scenario is not None:
            raise ScenarioError("data and scenario are both scenarios", "backtest", "Give one of them.")
        plan = load(data, shipped_only=how["shipped_only"])
        market = Market(plan, seed=how["seed"], engine=how["engine"], agents=[trader(plan)])
        return market, market.result, lambda: f"Simulated: scenario {plan.name}, seed {market.seed}.", []
    table = recognise(data, how["protocol"])
    common = {"seed": how["seed"], "clock": how["clock"], "engine": how["engine"]}
    if table is not None:
        plan = (
            load(scenario, shipped_only=how["shipped_only"])
            if scenario is not None
            else load(
                own_scenario(open_tables(data, table, how["clock"] or "local", how["options"]), **terms)
            )
        )
        session: Any = open_table_replay(data, table, plan, [trader(plan)], options=how["options"], **common)
    else:
        plan = _capture_plan(data, scenario, how, terms)
        session = open_replay(data, plan, [trader(plan)], protocol=how["protocol"], **common)
    return session.market, session.result, lambda: str(session.origin), [HONESTY]


def _capture_plan(data: Any, scenario: Any, how: Mapping[str, Any], terms: Mapping[str, Any]) -> Scenario:
    """The scenario asked for; else the recorded market alone, with the fees and latency asked for."""
    from market_sim.replaying.recordings import scenario_for

    if scenario is not None:
        return load(scenario, shipped_only=how["shipped_only"])
    plan = scenario_for(data, "watch", protocol=how["protocol"])
    raw = plan.resolved()
    for venue in raw["venues"].values():
        venue |= {"maker_fee_bps": terms["maker_fee_bps"], "taker_fee_bps": terms["taker_fee_bps"]}
    for listing in raw["listings"]:
        listing["cancellations"] = terms["cancellations"]
        # What a listing has of its own stays from the watched market, whose fees are none.
        for fee in ("maker_fee_bps", "taker_fee_bps"):
            listing.pop(fee, None)
    raw["latency"] = {"direct": dict(terms["latency"])}
    return load(raw)


def _trader(
    strategy: Any,
    params: Mapping[str, Any],
    plan: Scenario,
    cash: Any,
    holdings: Mapping[str, Any],
    short_selling: bool,
    shipped_only: bool,
) -> Any:
    """The strategy as an instance with an account."""
    if not isinstance(strategy, str | type):
        if params:
            raise ScenarioError("params beside an instance", "backtest", "Give the class, or set them in it.")
        return strategy
    if isinstance(strategy, str):
        from market_sim.scenario.kinds import load_kind

        try:
            strategy = load_kind(strategy, Path.cwd(), shipped_only)
        except ValueError as error:
            raise ScenarioError(str(error), "strategy") from None
    amounts = {plan.numeraire: _text(cash)} | {asset: _text(amount) for asset, amount in holdings.items()}
    unknown = amounts.keys() - plan.assets.keys()
    if unknown:
        raise ScenarioError(
            f"holdings of unknown {', '.join(sorted(unknown))}",
            "backtest",
            f"Assets: {', '.join(plan.assets)}.",
        )
    endowment = dict.fromkeys(_books(plan), amounts)
    taken = {group.name for group in plan.agents} | {name for group in plan.agents for name in group.members}
    name = NAME if NAME not in taken else f"{NAME}-under-test"
    return strategy(name=name, endowment=endowment, short_selling=short_selling, **params)


def _books(plan: Scenario) -> Sequence[str]:
    venues = list(dict.fromkeys(listing.venue for listing in plan.listings))
    return venues[:1] if plan.accounts == "pooled" else venues


def _text(amount: Any) -> str:
    return amount if isinstance(amount, str) else format(amount, "f").rstrip("0").rstrip(".")


def _latency(latency: str | Mapping[str, str]) -> dict[str, str]:
    return {"entry": latency, "report": latency} if isinstance(latency, str) else dict(latency)


def _assert_no_peeking(market: Market, name: str) -> None:
    """ScenarioError where an order could arrive at the instant of the news that it answers."""
    profile = market.config.latency[market.config.profile_of(market.groups[name])]
    for venue in market.venues:
        model = profile.model("entry", venue)
        least = model[1] if model[0] in ("constant", "uniform") else min(model[-1])
        if least < 1:
            raise ScenarioError(
                f"orders of {name!r} reach {venue} at once",
                "backtest",
                'Give them a latency of at least 1 ns, as in latency="1ms": what arrives with its own signal '
                "trades on news that nobody could have answered.",
            )


def _is_scenario(data: Any) -> bool:
    if isinstance(data, Scenario):
        return True
    if isinstance(data, Mapping):
        return "schema" in data
    if isinstance(data, PathLike):
        data = str(data)
    return isinstance(data, str) and (data in shipped_scenarios() or data.endswith(".toml"))


def _shipped(data: Any) -> Any:
    """The file of a shipped sample; anything else as it is."""
    if isinstance(data, str) and (data == "sample" or data.startswith("sample:")):
        from market_sim.samples import sample

        return str(sample(data.partition(":")[2] or None))
    return data
