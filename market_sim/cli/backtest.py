"""`market-sim backtest`: a strategy in recorded or simulated flow, its figures and its report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from market_sim.cli.options import Clock, Engine, Json, Out, Protocol, Seed, Until, name_of, read_duration
from market_sim.cli.output import emit_json, emit_pairs, notes
from market_sim.cli.progress import simulating
from market_sim.errors import ScenarioError

HEADLINES = (
    "agent", "numeraire", "duration_s", "profit", "total_return", "annualised", "period_s", "periods",
    "sharpe", "sharpe_interval", "sortino", "sortino_interval", "drawdown", "traded", "turnover", "fees",
    "inventory", "orders", "fills", "fill_ratio", "maker_share", "time_in_queue_mean_s",
    "time_in_queue_median_s", "markout_1s_bps", "markout_5s_bps", "markout_30s_bps", "shortfall_bps",
    "shortfall_price_bps", "shortfall_fees_bps", "shortfall_missed_bps", "origin",
)  # fmt: skip


def backtest(
    strategy: Annotated[
        str, typer.Argument(help="package.module:Class, as agents.market_maker:AvellanedaStoikov.")
    ],
    data: Annotated[
        list[str],
        typer.Argument(
            help='Recordings as for `replay`, "sample" for shipped data, or a scenario to simulate.'
        ),
    ],
    param: Annotated[
        list[str] | None, typer.Option("--param", help="A parameter of the strategy: size=0.1; repeat.")
    ] = None,
    cash: Annotated[str, typer.Option(help="Cash in the numeraire at every venue.")] = "100000",
    holding: Annotated[
        list[str] | None, typer.Option("--holding", help="What it holds besides: BTC=2; repeat.")
    ] = None,
    short_selling: Annotated[bool, typer.Option("--short-selling", help="May sell what it has not.")] = False,
    maker_fee_bps: Annotated[str, typer.Option(help="Of value; negative: a rebate.")] = "0",
    taker_fee_bps: Annotated[str, typer.Option(help="Of value.")] = "0",
    latency: Annotated[str, typer.Option(help="Of orders and of their reports.")] = "1ms",
    cancellations: Annotated[str, typer.Option(help="Of aggregated feeds: back or proportional.")] = "back",
    calendar: Annotated[
        str | None, typer.Option(help='"24/7" or "252": ratios are annualised from five days on.')
    ] = None,
    protocol: Annotated[
        Protocol | None, typer.Option(help="Form of the recordings; default: recognised.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", help="Of tables: spread_bps=2, size=1000, symbol=ACME; repeat."),
    ] = None,
    scenario: Annotated[str | None, typer.Option(help="Scenario that lists the recorded symbols.")] = None,
    clock: Annotated[Clock | None, typer.Option(help="local or venue, where a recording has both.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML page that needs no network.")] = None,
    seed: Seed = None,
    until: Until = None,
    engine: Engine = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Run a strategy in recorded or simulated flow. Recorded traders do not react to it."""
    from market_sim.backtesting import backtest as run_backtest

    with simulating("backtest") as tell:
        found = run_backtest(
            strategy,
            data[0] if len(data) == 1 else data,
            params=_pairs(param, "--param"),
            cash=cash,
            holdings={name: str(value) for name, value in _pairs(holding, "--holding", plain=True).items()},
            short_selling=short_selling,
            maker_fee_bps=maker_fee_bps,
            taker_fee_bps=taker_fee_bps,
            latency=latency,
            cancellations=cancellations,
            calendar=calendar,
            protocol=name_of(protocol),
            options=_pairs(option, "--option"),
            scenario=scenario,
            clock=name_of(clock),
            seed=seed,
            until=read_duration(until, "--until"),
            engine=name_of(engine),
            progress=tell,
            out=out,
        )
    summary = found.summary()
    if report is not None:
        summary["report"] = str(found.report(report))
    if as_json:
        emit_json(summary)
    else:
        emit_pairs(summary, HEADLINES)
    if found.cointegration is not None:
        notes().print(f"pair: {found.cointegration['says']}", markup=False, soft_wrap=True)
    for note in found.notes:
        notes().print(f"note: {note}", markup=False, soft_wrap=True)
    if report is not None:
        notes().print(f"report: {report}", markup=False, soft_wrap=True)


def _pairs(texts: list[str] | None, option: str, plain: bool = False) -> dict[str, Any]:
    """name=value texts; values as JSON where they are that (0.1, true, [1, 2]), else as text."""
    found: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ScenarioError(f"found {text!r}", option, "Write name=value.")
        try:
            found[name] = value if plain else json.loads(value)
        except ValueError:
            found[name] = value
    return found
