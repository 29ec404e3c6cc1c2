"""Does a book that came in band hold what the exchange proved? Checksums, ids, the engine's best prices.

Checksums are computed over the book as it was read. Then the same updates go through the external
participant, agents off, and its best prices are compared with those of the read book after every update.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from market_sim.engine import engine_name, kernel_class
from market_sim.errors import DataError
from market_sim.protocols import READERS
from market_sim.replaying.flow import Flow, clock_named
from market_sim.replaying.grid import GridError
from market_sim.replaying.inband import REMEDY, InBandSource, read_records
from market_sim.replaying.keeping import Keeper, KeptBook
from market_sim.replaying.recordings import Files, open_sources
from market_sim.replaying.update import Depth
from market_sim.scenario import Scenario

SHOWN_DIFFERENCES = 5
SUMMED = ("checksum_ok", "checksum_bad", "checksum_absent", "gaps", "crossed", "snapshots", "updates_applied")


def check_in_band(
    files: Files,
    market: Scenario,
    *,
    clock: str | None = None,
    engine: str | None = None,
    protocol: str | None = None,
) -> dict[str, Any]:
    """Replay captures of Kraken, Coinbase, OKX or Bybit without agents, and prove every book that can be.

    Keys of the result: `ok` (there were books, no checksum differs, no id is missing, and the engine's best
    prices are those of the read book), `protocol`, `checksum_ok`, `checksum_bad`, `checksum_absent` (messages
    without one), `gaps`, `crossed`, `snapshots`, `updates_applied`, `sequence_gaps` (of connections),
    `bbo_rows`, `bbo_equal`, `differences` (the first few, with file and line), `proof` (what continuity rests
    on), `symbols` (the same counts, and where decimals came from), `not_in_engine` (symbols that the
    scenario does not list), `recording`, `engine`, `clock`, `frames`, `wall_s`, `frames_per_s`.
    """
    started = time.perf_counter()
    sources = [source for source in open_sources(files, market, protocol) if isinstance(source, InBandSource)]
    keepers = [read_through(source) for source in sources]
    books = [book for keeper in keepers for book in keeper.books.values()]
    sums = {name: sum(getattr(book.counts, name) for book in books) for name in SUMMED}
    sums["sequence_gaps"] = sum(keeper.sequence_gaps for keeper in keepers)
    for source in sources:
        source.tops = {}
    flow = Flow(sources, clock_named(clock or market.replay.clock), market.replay.site_offset_ns)
    rows, differences = _compare(flow, sources, market, engine)
    wall_s = time.perf_counter() - started
    frames = sum(source.counts.frames for source in sources)
    lost = sums["checksum_bad"] + sums["gaps"] + sums["sequence_gaps"]
    followed = {symbol for source in sources for symbol in source.syncs}
    return {
        "ok": lost == 0 and sums["snapshots"] > 0 and rows > 0 and not differences,
        "protocol": ", ".join(dict.fromkeys(source.protocol for source in sources)),
        **sums,
        "bbo_rows": rows,
        "bbo_equal": rows - len(differences),
        "differences": differences[:SHOWN_DIFFERENCES],
        "proof": {
            source.venue: _proof(source.protocol, keeper)
            for source, keeper in zip(sources, keepers, strict=True)
        },
        "symbols": {book.symbol: _told(book) for book in books},
        "not_in_engine": sorted({book.symbol for book in books} - followed),
        "recording": flow.counts(),
        "engine": engine_name(engine),
        "clock": flow.clock,
        "scenario": market.name,
        "frames": frames,
        "wall_s": wall_s,
        "frames_per_s": frames / wall_s,
    }


def read_through(source: InBandSource) -> Keeper:
    """Follow every book of a recording, whether or not a scenario lists it."""
    keeper = Keeper(READERS[source.protocol])
    for wire in source.capture.wires():
        changes = (
            [keeper.connected()] if wire.opened else map(keeper.take, read_records(source.protocol, wire))
        )
        try:
            for change in changes:
                for _ in change:
                    pass
        except GridError as error:
            raise DataError(str(error), wire.file, wire.number, REMEDY) from error
    return keeper


def _compare(
    flow: Flow, sources: list[InBandSource], market: Scenario, engine: str | None
) -> tuple[int, list[dict[str, Any]]]:
    """How many updates went through the engine, and after which its best prices were not the book's."""
    kernel, ids = kernel_without_agents(market, engine)
    flow.bind(kernel, ids)
    rows, differences = 0, []
    while (pushed := flow.step()) is not None:
        stamped, now_ns = pushed
        notice = kernel.next(now_ns)
        assert notice is None, f"there is no agent to hear {notice}"
        update, source = stamped.update, sources[stamped.source]
        if not isinstance(update, Depth):
            continue
        assert source.tops is not None, "tops are noted in a check"
        # The reading is ahead of the engine, so the best prices were put down when the update was made.
        expected = source.tops[update.file, update.line, update.symbol].popleft()
        rows += 1
        bid, _, ask, _ = kernel.external_bbo(ids[source.venue, update.symbol])
        if (bid, ask) != expected:
            place = {"file": update.file, "line": update.line, "symbol": update.symbol}
            differences.append({**place, "engine": [bid, ask], "book": list(expected)})
    return rows, differences


def _proof(protocol: str, keeper: Keeper) -> str:
    proofs = {
        "kraken": "a CRC-32 of the ten best levels with every message",
        "coinbase": "sequence_num of the connection, over all channels that were recorded",
        "okx": "prevSeqId, and a CRC-32 of the 25 best levels where it is not 0",
        "bybit": "u, one more with every delta",
    }
    if protocol == "coinbase" and not keeper.numbered:
        return "none: this feed of Coinbase numbers nothing, a lost message would not show"
    return proofs[protocol]


def _told(book: KeptBook) -> dict[str, Any]:
    told: dict[str, Any] = asdict(book.counts)
    if book.decimals is not None:
        told |= {"decimals": list(book.decimals), "decimals_from": book.precision_from, "depth": book.depth}
    return told


def kernel_without_agents(market: Scenario, engine: str | None) -> tuple[Any, dict[tuple[str, str], int]]:
    """A kernel with the recorded listings alone, and the id of each (venue, recorded symbol)."""
    kernel = kernel_class(engine)(0)
    assets = {name: kernel.add_asset(name, asset.decimals) for name, asset in market.assets.items()}
    venues = {name: kernel.add_venue(name) for name in market.venues}
    instruments = {
        name: kernel.add_instrument(name, assets[instrument.base], assets[instrument.quote])
        for name, instrument in market.instruments.items()
    }
    ids = {}
    for listing in market.listings:
        if listing.external is None:
            continue
        place = venues[listing.venue], instruments[listing.instrument]
        number = kernel.add_listing(*place, listing.tick_lot_atoms, listing.lot_atoms, 0, 0, 0)
        kernel.add_external(number, listing.cancellations == "proportional")
        ids[listing.venue, listing.external] = number
    kernel.start()
    return kernel, ids
