"""From the kernel's notices to the hooks of traders: one cached callable per kind of notice and agent."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from market_sim.engine import EventKind, NoticeKind, Phase
from market_sim.errors import AgentError
from market_sim.listing import Listing
from market_sim.notices import PhaseChange, Quote, Trade
from market_sim.reports import hear_report
from market_sim.units import format_time

if TYPE_CHECKING:
    from market_sim.market import Market

Row = tuple[Any, ...]
Hear = Callable[[Row], None]
HERE = str(Path(__file__).parent)
HOOK_OF_NOTICE = {
    NoticeKind.WAKE: "on_wake",
    NoticeKind.QUOTE: "on_quote",
    NoticeKind.TRADE: "on_trade",
    NoticeKind.BOOK: "on_book",
    NoticeKind.PHASE: "on_phase",
    NoticeKind.CONSOLIDATED: "on_consolidated",
}
HOOK_OF_REPORT = {
    EventKind.ACCEPTED: "on_accepted",
    EventKind.REPLACED: "on_accepted",
    EventKind.FILL: "on_fill",
    EventKind.CANCELLED: "on_cancelled",
    EventKind.TRIGGERED: "on_update",
    EventKind.REFRESHED: "on_update",
    EventKind.REPRICED: "on_update",
}
_new_row = tuple.__new__


def hearers(market: Market, trader: Any) -> dict[int, Hear]:
    """What an agent does with each kind of notice but wakes; kinds it does not listen to are left out."""
    listings: Sequence[Listing] = market.listings
    hears: dict[int, Hear] = {NoticeKind.REPORT: partial(hear_report, trader)}
    if trader.listens("on_quote"):
        hears[NoticeKind.QUOTE] = _row_of(Quote, trader.on_quote, listings)
    if trader.listens("on_trade"):
        hears[NoticeKind.TRADE] = _row_of(Trade, trader.on_trade, listings)
    if trader.listens("on_book"):
        hears[NoticeKind.BOOK] = _book(trader, listings)
    if trader.listens("on_phase"):
        hears[NoticeKind.PHASE] = _phase(trader, list(market.venues), listings)
    if trader.listens("on_consolidated"):
        hears[NoticeKind.CONSOLIDATED] = _consolidated(trader, list(market.instruments))
    return hears


def ignore(row: Row) -> None:
    """A notice that nobody listens to."""


def _row_of(cls: type[Any], hook: Callable[[Any], None], listings: Sequence[Listing]) -> Hear:
    def hear(row: Row) -> None:
        hook(_new_row(cls, (*row, listings[row[3]])))

    return hear


def _book(trader: Any, listings: Sequence[Listing]) -> Hear:
    def hear(row: Row) -> None:
        trader.on_book(trader.view(listings[row[3]]))

    return hear


def _phase(trader: Any, venues: Sequence[str], listings: Sequence[Listing]) -> Hear:
    def hear(row: Row) -> None:
        listing = listings[row[5]] if len(row) > 5 else None
        trader.on_phase(PhaseChange(row[1], venues[row[3]], Phase(row[4]), listing))

    return hear


def _consolidated(trader: Any, instruments: Sequence[str]) -> Hear:
    def hear(row: Row) -> None:
        trader.on_consolidated(trader.consolidated(instruments[row[3]]))

    return hear


def hook_of(row: Row) -> str:
    """The hook that a notice goes to."""
    if row[0] == NoticeKind.REPORT:
        return HOOK_OF_REPORT.get(row[4], "on_reject")
    return HOOK_OF_NOTICE[row[0]]


def agent_error(error: Exception, name: str, hook: str, time_ns: int) -> AgentError:
    """The error that stops a run because an agent's code raised: who, in which hook, when, and the user's
    lines.
    """
    raised = "".join(traceback.format_exception_only(error)).strip()
    lines = "".join(traceback.format_tb(_own_part(error.__traceback__))).rstrip()
    told = AgentError(f"{raised}\n{lines}" if lines else raised, name, hook, time_ns)
    told.add_note(f"Simulated time {format_time(time_ns)}.")
    return told


def _own_part(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the user's first line on; what called it is machinery."""
    step = trace
    while step is not None and step.tb_frame.f_code.co_filename.startswith(HERE):
        step = step.tb_next
    return step or trace
