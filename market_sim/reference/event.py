"""What a venue reports: closed lists of events and reasons, and the row that carries one event."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from market_sim.reference.types import AgentId, ListingId, Lots, Nanos, Ticks


class EventKind(IntEnum):
    """Kinds of event rows. POSTING never appears as a row: it tags ledger postings in the event-log hash."""

    ACCEPTED = 1
    FILL = 2
    CANCELLED = 3
    REPLACED = 4
    REJECTED = 5
    CANCEL_REJECTED = 6
    REPLACE_REJECTED = 7
    TRADE = 8
    PHASE = 9
    POSTING = 10
    PRINT = 11
    TRIGGERED = 12
    REFRESHED = 13
    REPRICED = 14
    INDICATIVE = 15
    AUCTION = 16


class RejectReason(IntEnum):
    """Why a command was refused. A refused command leaves every book as it was."""

    UNKNOWN_LISTING = 1
    UNKNOWN_ORDER = 2
    DUPLICATE_ORDER_ID = 3
    PRICE_OUT_OF_RANGE = 4
    SIZE_OUT_OF_RANGE = 5
    NOTIONAL_OVERFLOW = 6
    POST_ONLY_WOULD_CROSS = 7
    VENUE_SUSPENDED = 8
    VENUE_CLOSED = 9
    INSUFFICIENT_FUNDS = 10
    MIN_NOTIONAL = 11
    INVALID_COMBINATION = 12
    OPEN_ORDER_LIMIT = 13
    ORDER_SIZE_LIMIT = 14
    PROTECTION_REQUIRED = 15
    QUANTITY_OVERFLOW = 16
    NOT_IN_THIS_PHASE = 17
    NO_REFERENCE_PRICE = 18
    RISK_ORDER_SIZE = 19
    RISK_NOTIONAL = 20
    RISK_POSITION = 21
    RISK_COLLAR = 22
    RISK_MESSAGE_RATE = 23
    RISK_SHORT_SALE = 24
    INVALID_TERMS = 25


class CancelReason(IntEnum):
    """Why an order, or what was left of it, ended without trading."""

    REQUESTED = 1
    IMMEDIATE_OR_CANCEL = 2
    FILL_OR_KILL = 3
    NO_LIQUIDITY = 4
    SELF_TRADE = 5
    SESSION_END = 6
    AGENT_DISABLED = 7
    REPLACED_BELOW_EXECUTED = 8
    EXTERNAL = 9
    EXPIRED = 10
    MINIMUM_QUANTITY = 11
    MASS_CANCEL = 12
    DISCONNECTED = 13
    SELF_TRADE_DECREMENT = 14
    AUCTION_REMAINDER = 15


class NoticeKind(IntEnum):
    """Kinds of notices that `Kernel.next` hands to Python agents; the first item of the tuple."""

    WAKE = 0
    QUOTE = 1
    TRADE = 2
    BOOK = 3
    REPORT = 4
    PHASE = 5
    CONSOLIDATED = 6


MAKER = 1  # flags bit 0 of a FILL
PRIORITY_KEPT = 1  # flags bit 0 of a REPLACED
TO_THE_BACK = 1  # flags bit 0 of a REFRESHED
ONE_LISTING = 1  # flags bit 0 of a PHASE that concerns the listing it names, not the venue


class Event(NamedTuple):
    """One event of a venue, public or to one owner. Fields that a kind does not use are 0.

    `seq` counts the venue's events from 1, `match_id` its trades from 1. `fee` is in atoms of the
    quote asset: positive charged, negative a rebate. `reason` is a RejectReason, a CancelReason or,
    for PHASE, the new phase.
    """

    time_ns: Nanos
    seq: int
    price: Ticks = 0
    size: Lots = 0
    leaves: Lots = 0
    fee: int = 0
    match_id: int = 0
    listing: ListingId = 0
    agent: AgentId = 0
    counter: int = 0
    contra_agent: AgentId = 0
    contra_counter: int = 0
    kind: int = 0
    reason: int = 0
    side: int = 0
    flags: int = 0
