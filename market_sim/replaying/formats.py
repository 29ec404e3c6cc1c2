"""Recordings that are tables: recognised by their columns, opened, and given a scenario of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from os import PathLike, fspath
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from market_sim.errors import DataError, ScenarioError
from market_sim.protocols import PROTOCOLS
from market_sim.replaying.blocks import assert_commas, first_line
from market_sim.replaying.capture import FilePath
from market_sim.replaying.envelopes import is_header
from market_sim.replaying.grid import decimals_of
from market_sim.replaying.rows import RowSource, Terms
from market_sim.replaying.series import COLUMNS, form_of_header, open_series

#: Every form of table that is read, and what its files are.
TABLES = {
    "lobster": "LOBSTER message and orderbook files of one day",
    "tardis": "Tardis CSV: incremental_book_L2, trades",
    "hftbacktest": "hftbacktest npz",
    "quotes": "CSV of time, symbol, bid, ask and sizes",
    "trades": "CSV of time, symbol, price, size and side",
    "bars": "CSV of time, open, high, low, close and volume",
    "closes": "CSV of a date and a closing price per symbol",
}
CLOCKED = ("tardis", "hftbacktest")
ATOM_DECIMALS = 8
Opener = Callable[[Sequence[FilePath], str, Mapping[str, Any]], Sequence[RowSource]]


def listed(files: Any) -> list[str]:
    """The files of every way to name them."""
    if isinstance(files, str | PathLike):
        return [fspath(files)]
    if isinstance(files, Mapping):
        return [name for named in files.values() for name in listed(named)]
    return [fspath(file) for file in files]


def recognise(files: Any, protocol: str | None = None) -> str | None:
    """The table form of files: what `protocol` says, or what their first lines show; None for captures.

    DataError for a table that would be one of these with commas and without quotation marks.
    """
    if protocol is not None:
        if protocol not in (*TABLES, *PROTOCOLS):
            choice = f"Choose one of {', '.join((*PROTOCOLS, *TABLES))}, or none."
            raise ScenarioError(f"no form or protocol {protocol!r}", "replay", choice)
        return protocol if protocol in TABLES else None
    names = [name for name in listed(files) if Path(name).is_file()]
    if not names:
        return None
    if names[0].endswith(".npz"):
        return "hftbacktest"
    try:
        head = first_line(names[0])
    except DataError:
        return None
    columns = [column.strip() for column in head.split(",")]
    if _is_tardis(columns):
        return "tardis"
    if _is_table(re.sub(r"[\t;|]", ",", head).replace('"', ""), names[0]) and not is_header(head):
        assert_commas(head, names[0])
    numeric = all(_is_number(column) for column in columns)
    if numeric and len(names) == 2 and (len(columns) == 6 or len(columns) % 4 == 0):
        return "lobster"
    if numeric or len(columns) < 2 or "{" in head:
        return None
    form = form_of_header(head, names[0])
    return None if form is None else form.name


def _is_table(head: str, name: str) -> bool:
    """Whether a first line, written with commas alone, is that of a table."""
    columns = [column.strip() for column in head.split(",")]
    if len(columns) < 2 or "{" in head:
        return False
    numeric = all(_is_number(column) for column in columns)
    return _is_tardis(columns) or numeric or form_of_header(head, name) is not None


def _is_tardis(columns: Sequence[str]) -> bool:
    return columns[:4] == ["exchange", "symbol", "timestamp", "local_timestamp"]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def open_tables(
    files: Any, protocol: str, clock: str = "local", options: Mapping[str, Any] | None = None
) -> list[RowSource]:
    """Sources of table files. `options`: `symbol`, `quote`, `spread_bps`, `size`, `divide_prices_by`.

    Raises DataError with file and line for what cannot be read.
    """
    names = listed(files)
    for name in names:
        if protocol != "hftbacktest":
            head = first_line(name)
            if "{" in head:
                remedy = "Leave --protocol out, or name the exchange it is of."
                raise DataError("this is a capture, no table", name, 1, remedy)
            assert_commas(head, name)
    settings = dict(options or {})
    unknown = settings.keys() - {"symbol", "quote", "spread_bps", "size", "divide_prices_by"}
    if unknown:
        raise ScenarioError(
            f"unknown options {', '.join(sorted(unknown))}",
            protocol,
            "There are symbol, quote, spread_bps, size, divide_prices_by.",
        )
    if protocol == "lobster":
        from market_sim.replaying.lobster import LobsterSource

        return [LobsterSource(names)]
    if protocol == "tardis":
        from market_sim.replaying.tardis import open_tardis

        return list(open_tardis(names, clock, settings))
    if protocol == "hftbacktest":
        from market_sim.replaying.hftbacktest_npz import NpzSource

        return [NpzSource(names, clock, settings)]
    assert protocol in COLUMNS or protocol == "closes"
    return list(open_series(protocol, names, settings))


def own_scenario(
    sources: Sequence[RowSource],
    *,
    maker_fee_bps: str = "0",
    taker_fee_bps: str = "0",
    latency: Mapping[str, str] | None = None,
    cancellations: str = "back",
    numeraire: str | None = None,
    lot: Decimal | None = None,
) -> dict[str, Any]:
    """A scenario of what was recorded: its venues and symbols on the grid that their numbers show.

    `lot`: a finer lot than the recording's, so that agents may trade parts of its units.
    """
    places: dict[tuple[str, str], Terms] = {}
    for source in sources:
        known = places.get((source.terms.venue, source.terms.symbol), source.terms)
        places[source.terms.venue, source.terms.symbol] = replace(
            source.terms, tick=min(known.tick, source.terms.tick), lot=min(known.lot, source.terms.lot)
        )
    assets: dict[str, int] = {}
    instruments: dict[str, dict[str, str]] = {}
    listings = []
    for terms in places.values():
        step = terms.lot if lot is None else min(lot, terms.lot)
        for asset, amount in ((terms.base, step), (terms.quote, terms.tick * step)):
            assets[asset] = max(assets.get(asset, ATOM_DECIMALS), decimals_of(amount))
        name = f"{terms.base}/{terms.quote}"
        instruments[name] = {"base": terms.base, "quote": terms.quote}
        listing = {"venue": terms.venue, "instrument": name, "external": terms.symbol}
        listings.append(
            {**listing, "tick": f"{terms.tick:f}", "lot": f"{step:f}", "cancellations": cancellations}
        )
    first = sources[0].terms
    quotes = [terms.quote for terms in places.values()]
    return {
        "schema": 1,
        "name": "watch",
        "description": "A recorded market alone.",
        "duration": "36500d",
        "epoch": datetime(2000, 1, 1, tzinfo=ZoneInfo(first.epoch_zone)).isoformat(),
        "zone": first.epoch_zone,
        "numeraire": numeraire or max(quotes, key=quotes.count),
        "limits": {"events": 10**12, "wall_s": 10**6},
        "assets": {asset: {"decimals": decimals} for asset, decimals in assets.items()},
        "venues": {
            venue: {"maker_fee_bps": maker_fee_bps, "taker_fee_bps": taker_fee_bps}
            for venue in dict.fromkeys(terms.venue for terms in places.values())
        },
        "instruments": instruments,
        "listings": listings,
        "latency": {"direct": dict(latency or {})},
    }


def scales(
    sources: Iterable[RowSource], listings: Mapping[tuple[str, str], tuple[Decimal, Decimal]]
) -> list[tuple[int, int]]:
    """For each source, how many ticks and lots of its listing one of its own is. ScenarioError where that is
    no whole number: the recording's numbers would not be on the listing's grid.
    """
    found = []
    for source in sources:
        terms = source.terms
        place = (terms.venue, terms.symbol)
        if place not in listings:
            raise ScenarioError(
                f"no listing names {terms.symbol!r} at {terms.venue!r} as `external`",
                "replay",
                f"Listed: {', '.join(f'{venue}:{symbol}' for venue, symbol in listings) or 'none'}.",
            )
        parts = terms.tick / listings[place][0], terms.lot / listings[place][1]
        if any(part != int(part) for part in parts):
            raise ScenarioError(
                f"{terms.symbol} is recorded in ticks of {terms.tick} and lots of {terms.lot}",
                "replay",
                "Give its listing these, or whole parts of them.",
            )
        found.append((int(parts[0]), int(parts[1])))
    return found
