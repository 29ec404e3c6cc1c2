"""Types of the native engine. `market_sim.reference` has the same classes in readable Python, explained.

Integers only: times in nanoseconds since the epoch of the scenario, prices in ticks, sizes in lots, money in
atoms. An argument that makes no sense is a ValueError; what stops a run is a `market_sim.errors.EngineError`.
"""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Literal, NoReturn, TypeAlias, TypedDict, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CaptureReader",
    "CaptureWriter",
    "FeedHandle",
    "Kernel",
    "Venue",
    "Workload",
    "WorkloadRun",
    "feed_venues",
    "fetch_instrument",
]

# ("constant", ns) | ("uniform", lowest, highest) | ("table", quantiles) | ("series", times, values)
_Model: TypeAlias = (
    tuple[Literal["constant"], int]
    | tuple[Literal["uniform"], int, int]
    | tuple[Literal["table"], Sequence[int]]
    | tuple[Literal["series"], Sequence[int], Sequence[int]]
)
_Integers: TypeAlias = Sequence[int] | NDArray[np.int64]
# bid, bid lots, ask, ask lots; an empty side is (None, 0)
_Touch: TypeAlias = tuple[int | None, int, int | None, int]
_Ladder: TypeAlias = list[tuple[int, int]]
_Column: TypeAlias = NDArray[np.integer[Any]]

class _Totals(TypedDict):
    orders: int
    cancels: int
    replaces: int
    rejects: int
    fills: int
    volume: list[int]
    notices: list[int]

class _ExternalStats(TypedDict):
    updates: int
    trades: int
    held_back: int
    lots_taken: int
    lots_traded: int
    restored_lots: int
    unknown_orders: int
    repeated_orders: int
    overdrawn_orders: int

@final
class Kernel:
    """A market of several venues under one clock. Ids are small integers in the order of creation."""

    def __new__(cls, seed: int, pooled: bool = False) -> Kernel: ...

    # set-up
    def add_asset(self, name: str, decimals: int) -> int: ...
    def add_venue(self, name: str) -> int: ...
    def add_instrument(self, name: str, base: int, quote: int) -> int: ...
    def add_listing(
        self,
        venue: int,
        instrument: int,
        tick_lot_atoms: int,
        lot_atoms: int,
        min_notional_atoms: int,
        maker_fee_e8: int,
        taker_fee_e8: int,
    ) -> int: ...
    def add_profile(self, name: str) -> int: ...
    def set_data_latency(self, profile: int, venue: int, model: _Model) -> None: ...
    def set_consolidated_latency(self, profile: int, model: _Model) -> None: ...
    def add_agent(
        self,
        name: str,
        profile: int,
        unlimited_credit: bool,
        short_selling: bool,
        stp: int,
        decision_ns: int,
        max_open_orders: int,
    ) -> int: ...
    def set_link(self, agent: int, venue: int, entry_model: _Model, report_model: _Model) -> None: ...
    def set_order_limit(self, agent: int, listing: int, max_order_lots: int) -> None: ...
    def deposit(self, agent: int, venue: int, asset: int, atoms: int) -> None: ...
    def subscribe(self, agent: int, listing: int, quotes: bool, trades: bool, depth: int) -> None: ...
    def subscribe_consolidated(self, agent: int, instrument: int) -> None: ...
    def add_external(self, listing: int, proportional: bool = False) -> None: ...
    def set_tape(self, trades: bool, quotes: bool, orders: bool) -> None: ...
    def start(self) -> None: ...

    # running
    def next(self, until_ns: int) -> tuple[Any, ...] | None:
        """Runs to the next notice for an agent; None when nothing is left up to `until_ns`."""

    @property
    def now_ns(self) -> int: ...
    @property
    def events(self) -> int:
        """Queue entries and recorded updates processed so far."""

    def wake_in(self, agent: int, delay_ns: int) -> None: ...
    def new_order(
        self,
        agent: int,
        listing: int,
        side: int,
        order_type: int,
        tif: int,
        post_only: bool,
        price: int | None,
        size: int,
    ) -> int: ...
    def new_order_ex(
        self,
        agent: int,
        listing: int,
        side: int,
        order_type: int,
        tif: int,
        post_only: bool,
        price: int | None,
        size: int,
        *,
        stop_price: int | None = None,
        trail_ticks: int = 0,
        trail_bps: int = 0,
        trigger_limit_ticks: int | None = None,
        display_lots: int | None = None,
        refresh: int = 0,
        peg: int = 0,
        peg_offset_ticks: int = 0,
        minimum_lots: int = 0,
        expire_ns: int | None = None,
        protection_ticks: int | None = None,
    ) -> int:
        """`new_order` with terms."""

    def cancel(self, agent: int, counter: int) -> None: ...
    def replace(self, agent: int, counter: int, price: int, size: int) -> None: ...
    def replace_ex(
        self,
        agent: int,
        counter: int,
        price: int | None,
        size: int,
        *,
        stop_price: int | None = None,
        trail_ticks: int | None = None,
        trail_bps: int | None = None,
    ) -> None:
        """`replace`, and of a waiting stop its stop price or distance too; it may leave out the price."""

    def set_cancel_on_disconnect(self, agent: int, on: bool) -> None: ...
    def disconnect(self, agent: int) -> None:
        """The agent's connections break now: its orders end if it asked for that."""

    def transfer(
        self,
        agent: int,
        from_venue: int,
        to_venue: int,
        asset: int,
        atoms: int,
        fee_atoms: int,
        delay_ns: int,
    ) -> bool: ...
    def set_phase(self, venue: int, phase: int) -> None: ...
    def disable_agent(self, agent: int) -> None: ...
    def enable_agent(self, agent: int) -> None: ...
    def close(self) -> None: ...

    # recorded flow
    def push_depth(
        self,
        time_ns: int,
        exchange_ns: int | None,
        delay_ns: int | None,
        listing: int,
        snapshot: bool,
        sides: _Integers,
        prices: _Integers,
        sizes: _Integers,
    ) -> None: ...
    def push_trade(
        self,
        time_ns: int,
        exchange_ns: int | None,
        delay_ns: int | None,
        listing: int,
        aggressor: int,
        price: int,
        size: int,
    ) -> None: ...
    def push_flow(self, rows: NDArray[np.void]) -> None:
        """Many updates at once: FLOW rows. What comes before a bad row is taken."""

    def external_stats(self, listing: int) -> _ExternalStats: ...
    def external_bbo(self, listing: int) -> _Touch: ...

    # what an agent has been told
    def bbo_view(
        self, agent: int, listing: int
    ) -> tuple[int | None, int, int | None, int, int, int] | None: ...
    def depth_view(self, agent: int, listing: int) -> tuple[_Ladder, _Ladder, int] | None: ...
    def depth_view_into(
        self, agent: int, listing: int, side: int, prices: NDArray[np.int64], sizes: NDArray[np.int64]
    ) -> int | None:
        """Writes one side of it into arrays: how many levels, or None before anything has arrived."""

    def last_trade_view(self, agent: int, listing: int) -> tuple[int, int, int, int] | None: ...
    def consolidated_view(
        self, agent: int, instrument: int
    ) -> list[tuple[int, int | None, int, int | None, int, int]]: ...
    def spendable(self, agent: int, venue: int, asset: int) -> int: ...

    # for observers, never for agents
    def balance(self, agent: int, venue: int, asset: int) -> int: ...
    def true_bbo(self, listing: int) -> _Touch: ...
    def true_depth(self, listing: int, side: int, levels: int) -> list[tuple[int, int, int]]: ...
    def last_trade(self, listing: int) -> int | None: ...
    def open_orders(self, listing: int) -> list[tuple[int, int, int, int, int, int]]:
        """(agent, counter, side, price, leaves, total) of live orders, bids then asks, by priority."""

    def queue_ahead(self, agent: int, counter: int) -> int | None: ...
    def ledger_imbalance(self) -> list[int]: ...
    def event_log_hash(self) -> int: ...
    def state_hash(self, venue: int) -> int: ...
    def totals(self) -> _Totals: ...
    def drain_tape(self) -> dict[str, dict[str, _Column]]: ...

@final
class Venue:
    """A venue alone. Commands return how many events they gave; the events wait until they are taken."""

    def __new__(cls, name: str) -> Venue: ...
    def add_listing(
        self,
        tick_lot_atoms: int,
        lot_atoms: int,
        min_notional_atoms: int,
        maker_fee_e8: int,
        taker_fee_e8: int,
    ) -> int: ...
    def set_owner(self, agent: int, owner: int) -> None: ...
    def new_order(
        self,
        time_ns: int,
        agent: int,
        counter: int,
        listing: int,
        side: int,
        order_type: int,
        tif: int,
        stp: int,
        post_only: bool,
        price: int | None,
        size: int,
    ) -> int: ...
    def cancel(self, time_ns: int, agent: int, counter: int, listing: int) -> int: ...
    def new_order_ex(
        self,
        time_ns: int,
        agent: int,
        counter: int,
        listing: int,
        side: int,
        order_type: int,
        tif: int,
        stp: int,
        post_only: bool,
        price: int | None,
        size: int,
        *,
        stop_price: int | None = None,
        trail_ticks: int = 0,
        trail_bps: int = 0,
        trigger_limit_ticks: int | None = None,
        display_lots: int | None = None,
        refresh: int = 0,
        peg: int = 0,
        peg_offset_ticks: int = 0,
        minimum_lots: int = 0,
        expire_ns: int | None = None,
        protection_ticks: int | None = None,
    ) -> int: ...
    def replace(self, time_ns: int, agent: int, counter: int, listing: int, price: int, size: int) -> int: ...
    def replace_ex(
        self,
        time_ns: int,
        agent: int,
        counter: int,
        listing: int,
        price: int | None,
        size: int,
        *,
        stop_price: int | None = None,
        trail_ticks: int | None = None,
        trail_bps: int | None = None,
    ) -> int:
        """`replace`, and for a waiting stop its stop price or distance too; it may leave out the price."""

    def set_phase(self, time_ns: int, phase: int) -> int: ...
    def print_trade(self, time_ns: int, listing: int, side: int, price: int, size: int) -> int:
        """A recorded trade in which no order here took part: stops see it."""

    def advance(self, time_ns: int) -> int:
        """Ends the orders whose time is over by `time_ns`."""

    def mass_cancel(self, time_ns: int, agent: int, listing: int | None, side: int | None) -> int:
        """Cancels an agent's orders: of one listing or all, of one side or both."""

    def set_cancel_on_disconnect(self, agent: int, on: bool) -> None: ...
    def disconnect(self, time_ns: int, agent: int) -> int:
        """Cancels the orders of an agent that asked for it."""

    def set_matching(
        self,
        listing: int,
        policy: int,
        *,
        top_order_max_lots: int = 0,
        pro_rata_min_lots: int = 0,
        interval_ns: int = 0,
    ) -> None:
        """How a listing matches, chosen before its first order."""

    def set_risk(
        self,
        agent: int,
        listing: int,
        *,
        max_order_lots: int | None = None,
        max_notional_atoms: int | None = None,
        max_position_lots: int | None = None,
        collar_bps: int | None = None,
        max_messages_per_s: int | None = None,
        no_short_sale: bool = False,
    ) -> None:
        """Sets an agent's limits in a listing, in place of those it had; None: no limit."""

    def set_position(self, agent: int, listing: int, lots: int) -> None:
        """Says what an agent holds now: the position that limits are measured from."""

    def set_volatility_halt(self, listing: int, halt_bps: int, halt_ns: int) -> None:
        """Halts a listing before a match further than `halt_bps` from its static price (0: never)."""

    def set_reference_price(self, listing: int, price: int) -> None:
        """Names the price that an auction goes out from, until the next print."""

    def listing_phase(self, listing: int) -> int: ...
    def indicative(self, listing: int) -> tuple[int, int, int] | None:
        """(price, lots that trade, lots left over: to buy positive) of an auction that ended now."""

    def process(self, commands: NDArray[np.void], events: NDArray[np.void]) -> tuple[int, int]:
        """COMMAND or COMMAND_EX rows in, EVENT rows out, while `events` has room: (taken, written)."""

    def take_events(self) -> list[tuple[int, ...]]: ...
    def discard_events(self) -> int: ...
    def bbo(self, listing: int) -> _Touch: ...
    def depth(self, listing: int, side: int, levels: int) -> list[tuple[int, int, int]]: ...
    def depth_into(
        self,
        listing: int,
        side: int,
        prices: NDArray[np.int64],
        sizes: NDArray[np.int64],
        orders: NDArray[np.int64] | None = None,
    ) -> int:
        """Writes the best levels into arrays of one length: how many there were, and room for."""

    def set_market_data(self, listing: int, *, bbo: bool = False, l2: bool = False, l3: bool = False) -> None:
        """Publishes these channels of a listing from now on; trades and phases come with any of them."""

    def take_market_data(self) -> NDArray[np.void]:
        """MARKET_DATA rows (market_sim.records) since the last call."""

    def market_data_snapshot(self) -> NDArray[np.void]:
        """What a late subscriber starts from; the rows after its number go on from there."""

    def orders(self, listing: int, side: int) -> list[tuple[int, int, int, int, int]]:
        """(price, agent, counter, leaves, total) of a side's live orders, in the order they would trade."""

    def shown(self, listing: int, side: int) -> list[tuple[int, int, int, int]]:
        """(price, agent, counter, shown lots) of a side's displayed orders, by priority."""

    def live(self, listing: int) -> int: ...
    def waiting(self, listing: int) -> list[tuple[int, int, int, int]]:
        """(agent, counter, stop or 0, lots) of stops that no print has elected yet, first come first."""

    def book_hash(self, listing: int) -> int: ...
    def state_hash(self) -> int: ...
    @property
    def phase(self) -> int: ...
    @property
    def name(self) -> str: ...

@final
class Workload:
    """A workload file of `market-sim bench match`, read once for several runs."""

    def __new__(cls, data: bytes) -> Workload: ...
    @property
    def timed(self) -> int:
        """Messages of the timed part."""

@final
class WorkloadRun:
    """A workload under way on a venue of its own."""

    def __new__(cls, workload: Workload, books: int = 1, ledger: bool = False) -> WorkloadRun: ...
    def preload(self) -> None:
        """Fills the books."""

    def finish(self) -> tuple[int, int, int]:
        """Runs the timed part to its end: (fills, traded lots, hash over the fills), preload included."""

    def is_balanced(self) -> bool:
        """Whether every asset still sums to what was deposited."""

    def state_hash(self) -> int: ...

def feed_venues() -> list[str]:
    """Venues that a FeedHandle can connect to."""

def fetch_instrument(
    venue: str, symbol: str, rest_url: str | None = None, timeout_ms: int = 10_000
) -> tuple[str, str]:
    """(tick, lot) of a symbol as decimal texts, from the venue's public REST; ValueError where that fails."""

@final
class FeedHandle:
    """Running connections to public market data: a thread of its own, a socket a venue, no key.

    `subscriptions` are (venue, symbol, tick, lot), the symbol in the venue's spelling; prices and sizes come
    out as whole ticks and lots, and what is off this grid is refused. `ws_urls` and `rest_urls` by venue go
    before MARKET_SIM_<VENUE>_WS_URL and _REST_URL. `capture` names a file that must not exist: every event
    that `poll` returns is in it before. `settings` are times and limits by name (ValueError lists them).

    Events are tuples, told apart by their first field:
    ("snapshot" | "diff", recv_ns, venue_ns, sub, first_id, last_id, sides, prices, sizes)
    ("trade", recv_ns, venue_ns, sub, trade_id, aggressor, price, size)
    ("state", recv_ns, None, sub, state, reason)
    ("gap", recv_ns, None, sub, "book" | "trades", reason, first_missing, last_missing, dropped)
    `recv_ns` (since 1970) rises strictly over all sockets; sides are 0 for bids and 1 for asks, an aggressor
    0 for a buyer; a size of 0 deletes. A snapshot comes before each state "live" and after each overflow.
    """

    def __new__(
        cls,
        subscriptions: Sequence[tuple[str, str, str, str]],
        *,
        ws_urls: Mapping[str, str] | None = None,
        rest_urls: Mapping[str, str] | None = None,
        depth: int | None = None,
        capture: str | PathLike[str] | None = None,
        queue: int = 65536,
        settings: Mapping[str, int] | None = None,
    ) -> FeedHandle: ...
    def poll(self, max_events: int = 4096, timeout_ms: int = 0) -> list[tuple[Any, ...]]:
        """Events in order of receipt; waits up to `timeout_ms` for the first. [] for good after `stop`."""

    def horizon_ns(self) -> int | None:
        """A stamp after every event polled and before every other one; None while some are waiting."""

    def book(
        self, sub: int, levels: int = 0
    ) -> tuple[int, int | None, int, list[tuple[int, int]], list[tuple[int, int]]] | None:
        """(recv_ns, venue_ns, last_id, bids, asks), best first, all that is known for 0; None unless live."""

    def state(self, sub: int) -> tuple[str, str]:
        """(state, reason): connecting, syncing, live, stale, resyncing, failed or stopped."""

    def states(self) -> list[str]: ...
    def stats(self) -> dict[str, Any]:
        """Exact counts: "venues" by name, "subscriptions" in order, "queue", "capture" (None without one)."""

    def stop(self) -> None:
        """Ends every connection within a second; what is queued, and the states "stopped", can be polled."""

    def __reduce__(self) -> NoReturn: ...

@final
class CaptureWriter:
    """Writes a capture (.msfeed) of events as `FeedHandle.poll` gives them; the file must not exist."""

    def __new__(
        cls, path: str | PathLike[str], subscriptions: Sequence[tuple[str, str, str, str]]
    ) -> CaptureWriter: ...
    def append(self, events: Sequence[tuple[Any, ...]]) -> None: ...
    def close(self) -> None: ...

@final
class CaptureReader:
    """Reads a capture, also one whose writer was killed; DataError where the inside is damaged."""

    def __new__(cls, path: str | PathLike[str]) -> CaptureReader: ...
    @property
    def header(self) -> str:
        """JSON: schema, created_ns, subscriptions (venue, symbol, tick, lot)."""

    def read(self, max_events: int = 4096) -> list[tuple[Any, ...]]:
        """The next events as `FeedHandle.poll` gave them; [] at the end."""

    @property
    def clean(self) -> bool:
        """Whether the end was written: the capture of a killed process has none."""

    @property
    def torn_bytes(self) -> int:
        """Bytes of a last record that is not whole."""
