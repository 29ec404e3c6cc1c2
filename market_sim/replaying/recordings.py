"""Which files belong to which venue, and which scenario they are replayed in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from math import gcd
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from market_sim.errors import DataError, ScenarioError
from market_sim.protocols import READERS
from market_sim.protocols import records as wire_records
from market_sim.protocols.records import WireError, decode
from market_sim.protocols.symbols import split_symbol
from market_sim.replaying.binance import Diff, Print, Snapshot, parse
from market_sim.replaying.capture import FilePath
from market_sim.replaying.columns import SPOT_ONLY
from market_sim.replaying.grid import LARGEST_LOTS, Grid, GridError, common_step, decimals_of, scaled
from market_sim.replaying.inband import InBandSource, read_records
from market_sim.replaying.recording import Recording, StampedRecording
from market_sim.replaying.source import LEVEL_REMEDY, Source
from market_sim.scenario import Scenario, load

Files = FilePath | Sequence[FilePath] | Mapping[str, FilePath | Sequence[FilePath]]

#: The scenario of a replay that names none, where its listing is the one recorded.
DEFAULT_SCENARIO = "paper_maker"
#: What the connector to live feeds writes, binary and with its own stamps.
CAPTURE_SUFFIX = ".msfeed"
#: In place of a scenario's name: the recorded market alone, without agents, on the grid its numbers show.
WATCH = "watch"
# Depth events come ten a second and symbol: every recorded symbol has spoken by then.
FRAMES_TO_KNOW_SYMBOLS = 2_000
# Acknowledgements of many symbols come first; what says nothing by then is another's.
FRAMES_TO_KNOW_PROTOCOL = 500
ATOM_DECIMALS = 8
#: Perpetuals and dated futures as the protocols' venues write them: BTC-USDT-SWAP, BTC-PERP-INTX, BTCPERP,
#: BTCUSDT_PERP, BTCUSD_240628. PERP-USD is a token.
CONTRACT = re.compile(r"[-_](SWAP|PERP)|[A-Z0-9]PERP$|[-_]\d{6}$", re.IGNORECASE)


ScenarioName = str | PathLike[str] | Mapping[str, Any] | Scenario | None


def scenario_for(
    files: Files,
    scenario: ScenarioName,
    overrides: Iterable[str] = (),
    *,
    shipped_only: bool = False,
    own_agents: bool = False,
    protocol: str | None = None,
) -> Scenario:
    """The scenario asked for; for None the shipped one if it lists what was recorded, else WATCH.

    `overrides` and `shipped_only` as in `load`. With `own_agents` the shipped default comes without its own.
    `protocol` as in `protocol_of`.
    """
    if scenario is None:
        scenario = DEFAULT_SCENARIO if _is_of_default(files, protocol) else WATCH
        found = _loaded(files, scenario, overrides, shipped_only, protocol)
        if own_agents:
            found = found.model_copy(update={"agents": []})
    else:
        found = _loaded(files, scenario, overrides, shipped_only, protocol)
    if not any(listing.external for listing in found.listings):
        raise ScenarioError(
            "no listing takes recorded flow",
            found.name,
            'Name the recorded symbol in a listing, as in external = "BTCUSDT".',
        )
    return found


def _is_of_default(files: Files, protocol: str | None) -> bool:
    if any(protocol_of(group, protocol) != "binance" for group in _all_files(files)):
        return False
    return symbols_in(files) <= {listing.external for listing in load(DEFAULT_SCENARIO).listings}


def _loaded(
    files: Files, scenario: Any, overrides: Iterable[str], shipped_only: bool, protocol: str | None
) -> Scenario:
    if isinstance(scenario, PathLike):
        scenario = Path(scenario)
    if scenario == WATCH:
        return load(watch_table(files, protocol), overrides)
    return load(scenario, overrides, shipped_only=shipped_only)


def open_sources(
    files: Files, scenario: Scenario, protocol: str | None = None
) -> list[Source | InBandSource]:
    """A source for every venue that has files, in the scenario's order of venues."""
    venues = list(dict.fromkeys(listing.venue for listing in scenario.listings if listing.external))
    recorded = by_venue(files, venues)
    return [_source(venue, recorded[venue], scenario, protocol) for venue in venues if venue in recorded]


def _source(
    venue: str, files: Sequence[str], scenario: Scenario, protocol: str | None
) -> Source | InBandSource:
    grids = {
        listing.external: Grid(listing.tick, listing.lot)
        for listing in scenario.listings
        if listing.venue == venue and listing.external
    }
    spoken = protocol_of(files, protocol)
    return Source(venue, files, grids) if spoken == "binance" else InBandSource(venue, files, grids, spoken)


def refuse_contracts(scenario: Scenario, sources: Sequence[Source | InBandSource]) -> None:
    """For who is about to trade against the recorded flow; reading and checking it can be done of any."""
    for source in sources:
        for listing in scenario.listings:
            if listing.venue == source.venue and listing.external and CONTRACT.search(listing.external):
                remedy = f"{SPOT_ONLY} Choose a scenario that lists the recorded spot symbols alone."
                raise DataError(f"{listing.external!r} is a contract", source.capture.files[0], remedy=remedy)


def protocol_of(files: Sequence[FilePath], protocol: str | None = None) -> str:
    """The protocol asked for; for None the one that the first messages of the files are written in."""
    if protocol is not None:
        return protocol
    recording = Recording(files)
    try:
        for wire in islice(recording.wires(), FRAMES_TO_KNOW_PROTOCOL):
            message = None if wire.opened else decode(wire.frame)
            if isinstance(message, dict) and ("stream" in message or "lastUpdateId" in message):
                break
            for name, reader in READERS.items():
                if reader.recognises(message):
                    return name
    except (WireError, DataError):
        # It will be refused with its place by whoever reads it.
        pass
    return "binance"


def by_venue(files: Files, venues: Sequence[str]) -> dict[str, list[str]]:
    """Files under their venues: from a mapping, from texts `VENUE=file`, or all under the only venue."""
    if isinstance(files, Mapping):
        sorted_files = {venue: _listed(named) for venue, named in files.items()}
        for venue in sorted_files:
            if venue not in venues:
                raise ScenarioError(
                    f"files are given for {venue!r}", "replay", f"Venues: {', '.join(venues)}."
                )
        return sorted_files
    sorted_files = {}
    for name in _listed(files):
        venue, separator, path = name.partition("=")
        if separator and venue in venues:
            sorted_files.setdefault(venue, []).append(path)
        elif len(venues) == 1:
            sorted_files.setdefault(venues[0], []).append(name)
        else:
            raise ScenarioError(
                f"it is open which venue {name} was recorded at",
                "replay",
                f"Write VENUE=FILE with one of {', '.join(venues)}.",
            )
    if not sorted_files:
        raise DataError("no file is given", remedy="Name one or more capture files.")
    return sorted_files


def _listed(files: FilePath | Sequence[FilePath]) -> list[str]:
    return [fspath(files)] if isinstance(files, str | PathLike) else [fspath(path) for path in files]


def _all_files(files: Files) -> list[list[str]]:
    if isinstance(files, Mapping):
        return [_listed(named) for named in files.values()]
    return [[name.partition("=")[2] or name] for name in _listed(files)]


def session_capture(files: Files) -> str | None:
    """The one capture of a live session that is to be replayed; None where other files are."""
    named = [name for group in _all_files(files) for name in group]
    if not any(name.endswith(CAPTURE_SUFFIX) for name in named):
        return None
    if len(named) > 1:
        raise DataError(
            f"found {len(named)} files with the capture of a session among them",
            ", ".join(named),
            remedy="It holds all venues of its session: name it alone.",
        )
    return named[0]


def symbols_in(files: Files) -> set[str]:
    """The symbols whose depth is recorded, from the first frames of every file."""
    return {
        record.symbol
        for group in _all_files(files)
        for line in islice(StampedRecording(group), FRAMES_TO_KNOW_SYMBOLS)
        if isinstance(record := parse(line), Diff)
    }


def watch_table(files: Files, protocol: str | None = None) -> dict[str, Any]:
    """A scenario of the recorded symbols alone. It reads all files: one late number can make a grid finer."""
    groups = _all_files(files)
    spoken = protocol_of(groups[0], protocol) if groups else "binance"
    venue = spoken.upper()
    venue_files = by_venue(files, [venue])[venue]
    left_out: list[str] = []
    if spoken == "binance":
        steps = infer_steps(venue_files)
    else:
        steps, left_out = infer_steps_in_band(venue_files, spoken)
    apart = f" Left out, too large for the engine's integers: {', '.join(left_out)}." if left_out else ""
    assets: dict[str, int] = {}
    instruments, listings = {}, []
    for symbol, (tick, lot) in steps.items():
        base, quote = split_symbol(symbol)
        name = instrument_name(symbol)
        for asset, step in ((base, lot), (quote, tick * lot)):
            assets[asset] = max(assets.get(asset, ATOM_DECIMALS), decimals_of(step))
        instruments[name] = {"base": base, "quote": quote}
        listing = {"venue": venue, "instrument": name, "external": symbol}
        listings.append({**listing, "tick": f"{tick:f}", "lot": f"{lot:f}"})
    return {
        "schema": 1,
        "name": WATCH,
        "description": f"A recorded market alone.{apart}",
        "duration": "365d",
        "numeraire": quote,
        "assets": {asset: {"decimals": decimals} for asset, decimals in assets.items()},
        "venues": {venue: {}},
        "instruments": instruments,
        "listings": listings,
    }


def instrument_name(symbol: str) -> str:
    """BASE/QUOTE of a venue's symbol; contracts (BASE-QUOTE-DATE) keep their third part."""
    base, quote = split_symbol(symbol)
    further = symbol.split("-")[2:]
    return "-".join([f"{base}/{quote}", *further])


def infer_steps(files: Sequence[FilePath]) -> dict[str, tuple[Decimal, Decimal]]:
    """Tick and lot of each symbol: the largest powers of ten that all its prices and sizes are made of."""
    shared: dict[str, tuple[int, int]] = {}
    of_snapshots = (0, 0)
    for line in StampedRecording(files):
        record = parse(line)
        try:
            if isinstance(record, Snapshot):
                of_snapshots = _shared(of_snapshots, record.bids, record.asks)
            elif isinstance(record, Diff):
                so_far = shared.get(record.symbol, (0, 0))
                shared[record.symbol] = _shared(so_far, record.bids, record.asks)
            elif isinstance(record, Print):
                so_far = shared.get(record.symbol, (0, 0))
                shared[record.symbol] = _shared(so_far, [[record.price, record.size]])
        except (GridError, TypeError, ValueError) as error:
            raise DataError(
                f"a level is no pair of price and quantity ({error})", line.file, line.number, LEVEL_REMEDY
            ) from error
    if not shared:
        remedy = "Name the protocol of the recording with --protocol; Binance's has depth events."
        raise DataError("no depth event of any symbol", fspath(files[0]), remedy=remedy)
    # A snapshot names no symbol; that it may make another symbol's grid finer than it need be does no harm.
    return {
        symbol: (common_step(gcd(price, of_snapshots[0])), common_step(gcd(size, of_snapshots[1])))
        for symbol, (price, size) in sorted(shared.items())
    }


@dataclass(slots=True)
class _Range:
    """What a symbol's numbers are made of, times 10^18: common steps and the largest size."""

    steps: tuple[int, int] = (0, 0)
    largest_size: int = 0

    @property
    def fits(self) -> bool:
        """Whether the engine can count the largest size in lots of that step."""
        return self.largest_size <= LARGEST_LOTS * (self.steps[1] or 1)


def infer_steps_in_band(
    files: Sequence[FilePath], protocol: str
) -> tuple[dict[str, tuple[Decimal, Decimal]], list[str]]:
    """As `infer_steps`, for the protocols that name the symbol in every message; and the symbols whose sizes
    in the recorded lot are more than the engine counts.
    """
    ranges: dict[str, _Range] = {}
    for wire in Recording(files).wires():
        if wire.opened:
            continue
        try:
            for record in read_records(protocol, wire):
                if isinstance(record, wire_records.Book):
                    found = ranges.setdefault(record.symbol, _Range())
                    levels = [*record.bids, *record.asks]
                elif isinstance(record, wire_records.Print) and record.symbol in ranges:
                    found, levels = ranges[record.symbol], [(record.price, record.size)]
                else:
                    continue
                found.steps = _shared(found.steps, levels)
                largest = max((scaled(size) for _, size in levels), default=0)
                found.largest_size = max(found.largest_size, largest)
        except GridError as error:
            raise DataError(str(error), wire.file, wire.number, LEVEL_REMEDY) from error
    steps = {
        symbol: (common_step(found.steps[0]), common_step(found.steps[1]))
        for symbol, found in sorted(ranges.items())
        if found.fits
    }
    left_out = sorted(ranges.keys() - steps.keys())
    if not steps:
        too_large = f"; too large for the engine: {', '.join(left_out)}" if left_out else ""
        raise DataError(
            f"no book of any symbol in the {protocol} protocol{too_large}",
            fspath(files[0]),
            remedy="Name the protocol of the recording with --protocol.",
        )
    return steps, left_out


def _shared(so_far: tuple[int, int], *sides: Iterable[Sequence[str]]) -> tuple[int, int]:
    price_step, size_step = so_far
    for levels in sides:
        for price, size in levels:
            price_step = gcd(price_step, scaled(price))
            size_step = gcd(size_step, scaled(size))
    return price_step, size_step
