"""A matching workload: a file of order messages for one book, and what they mean as commands of a venue.

A file is four little-endian u32 (messages of the preload, messages in all, ids in all, bytes per message) and
then the messages. A replace names the old order in `ref` and brings a new id: it is a cancel and a new order,
which never keeps priority.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from market_sim.engine import CommandKind, OrderType, SelfTradePrevention
from market_sim.errors import DataError
from market_sim.records import COMMAND, HAS_PRICE

MESSAGE = np.dtype(
    [
        ("type", "u1"),
        ("side", "u1"),
        ("pad", "<u2"),
        ("qty", "<u4"),
        ("price", "<i4"),
        ("id", "<u4"),
        ("ref", "<u4"),
    ]
)
HEADER_BYTES = 16
ADD, CANCEL, MARKET, REPLACE = 0, 1, 2, 3

#: Accounts of one side. Buyers and sellers are different accounts, so self-trade prevention is asked at every
#: match and never answers yes.
ACCOUNTS_PER_SIDE = 500


@dataclass(frozen=True)
class Workload:
    """Messages of one file; `preload` of them fill the book before the clock starts."""

    path: Path
    preload: int
    messages: np.ndarray[Any, Any]

    @property
    def timed(self) -> int:
        """Messages that are measured."""
        return len(self.messages) - self.preload


def read_workload(path: str | Path) -> Workload:
    """Read a workload file.

    Raises DataError for a file that is not one, is cut off, or holds a message of an unknown type, and names
    the first such message.
    """
    path = Path(path)
    file = str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(
            str(error.strerror), file, remedy="Give the .bin file of a matching workload."
        ) from None
    if len(raw) < HEADER_BYTES:
        raise DataError(f"{len(raw)} bytes are less than a workload's header of {HEADER_BYTES}", file)
    preload, total, _, item = (int(x) for x in np.frombuffer(raw, "<u4", 4))
    if item != MESSAGE.itemsize or preload > total:
        said = f"{item} bytes a message, {preload} of {total} preloaded"
        remedy = f"A workload has {MESSAGE.itemsize} bytes a message."
        raise DataError(f"not a matching workload: its header says {said}", file, remedy=remedy)
    expected = HEADER_BYTES + total * item
    if len(raw) != expected:
        raise DataError(
            f"cut off or foreign: {len(raw)} bytes, but {total} messages take {expected}",
            file,
            remedy="Generate it again.",
        )
    messages = np.frombuffer(raw, MESSAGE, total, HEADER_BYTES)
    strange = np.flatnonzero((messages["type"] > REPLACE) | (messages["side"] > 1))
    if len(strange):
        first = int(strange[0])
        raise DataError(
            f"message {first + 1} has type {messages['type'][first]} and side {messages['side'][first]}",
            file,
            remedy="Types are 0 to 3, sides 0 and 1.",
        )
    return Workload(path, preload, messages)


def agent_of(order_id: Any, side: Any) -> Any:
    """Account of an order (ints or arrays)."""
    return 2 * (order_id % ACCOUNTS_PER_SIDE) + side


def counter_of(order_id: Any) -> Any:
    """An account's own counter for an order id: small and increasing, as a gateway would number them."""
    return order_id // ACCOUNTS_PER_SIDE + 1


def id_of(agent: int, counter: int) -> int:
    """The workload's id of an order; undoes agent_of and counter_of."""
    return (counter - 1) * ACCOUNTS_PER_SIDE + agent // 2


def commands(messages: np.ndarray[Any, Any], first_ns: int = 0) -> np.ndarray[Any, Any]:
    """The messages as COMMAND rows, in order; a replace gives two. Message k has time first_ns + k."""
    kind = messages["type"]
    rows_of = np.where(kind == REPLACE, 2, 1)
    at = np.cumsum(rows_of) - 1  # the row of a message's new order, or of its cancel
    rows = np.zeros(int(rows_of.sum()), COMMAND)
    side = messages["side"].astype(np.int64)

    new = kind != CANCEL
    order_id = messages["id"][new].astype(np.int64)
    target = at[new]
    priced = kind[new] != MARKET
    rows["kind"][target] = CommandKind.NEW
    rows["agent"][target] = agent_of(order_id, side[new])
    rows["counter"][target] = counter_of(order_id)
    rows["price"][target] = np.where(priced, messages["price"][new], 0)
    rows["size"][target] = messages["qty"][new]
    rows["side"][target] = side[new]
    rows["order_type"][target] = np.where(priced, OrderType.LIMIT, OrderType.MARKET)
    rows["stp"][target] = SelfTradePrevention.NEWEST
    rows["flags"][target] = np.where(priced, HAS_PRICE, 0)
    rows["time_ns"][target] = first_ns + np.flatnonzero(new)

    gone = (kind == CANCEL) | (kind == REPLACE)
    old_id = messages["ref"][gone].astype(np.int64)
    target = at[gone] - (kind[gone] == REPLACE)
    rows["kind"][target] = CommandKind.CANCEL
    rows["agent"][target] = agent_of(old_id, side[gone])
    rows["counter"][target] = counter_of(old_id)
    rows["time_ns"][target] = first_ns + np.flatnonzero(gone)
    return rows
