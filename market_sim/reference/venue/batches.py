"""Commands in bulk: rows of numpy's structured arrays in, rows out (`market_sim.records` has their types)."""

from __future__ import annotations

from typing import Any

from market_sim.reference.order import CommandKind
from market_sim.reference.venue.base import VenueParts

POST_ONLY, HAS_PRICE = 1, 2  # bits of `flags`
NUMBERS = (  # of a COMMAND_EX row, in the order of its columns
    "stop_price",
    "trail_ticks",
    "trail_bps",
    "trigger_limit_ticks",
    "display_lots",
    "peg_offset_ticks",
    "minimum_lots",
    "expire_ns",
    "protection_ticks",
)
# Bits of `given`: 0 means something in these columns, so a bit says whether they are meant.
OPTIONAL = {
    "stop_price": 1,
    "trigger_limit_ticks": 2,
    "display_lots": 4,
    "expire_ns": 8,
    "protection_ticks": 16,
}
AMENDABLE = {"stop_price": 1, "trail_ticks": 32, "trail_bps": 64}  # by a replacement
ALWAYS = ("trail_ticks", "trail_bps", "peg_offset_ticks", "minimum_lots")  # of a new order; 0: not asked for


class Batches(VenueParts):
    """The door for many commands at once."""

    def process(self, commands: Any, events: Any) -> tuple[int, int]:
        """Run structured arrays: COMMAND or COMMAND_EX rows in, EVENT rows out, while `events` has room.

        Returns (commands taken, events written). Events of the last command that found no room are
        kept and written first by the next call. ValueError for a row whose codes stand for nothing.
        """
        rows, run = commands.tolist(), self._run_ex if "given" in commands.dtype.names else self._run
        taken = written = 0
        while True:
            for event in self._say.events[: len(events) - written]:
                events[written] = tuple(event)
                written += 1
                self._say.events.pop(0)
            if taken == len(rows) or written == len(events):
                return taken, written
            run(rows[taken])
            taken += 1

    def _run(self, row: tuple[int, ...]) -> None:
        time_ns, price, size, agent, counter, listing, kind, side, order_type, tif, stp, flags = row[:12]
        if kind == CommandKind.NEW:
            limit, post_only = price if flags & HAS_PRICE else None, bool(flags & POST_ONLY)
            self.new_order(
                time_ns, agent, counter, listing, side, order_type, tif, stp, post_only, limit, size
            )
        elif kind == CommandKind.CANCEL:
            self.cancel(time_ns, agent, counter, listing)
        else:
            self.replace(time_ns, agent, counter, listing, price, size)

    def _run_ex(self, row: tuple[int, ...]) -> None:
        time_ns, price, size, *numbers = row[:12]
        agent, counter, listing, kind, side, order_type, tif, stp, flags, refresh, peg, given = row[12:24]
        name, terms = (agent, counter, listing), dict(zip(NUMBERS, numbers, strict=True))
        limit = price if flags & HAS_PRICE else None
        if kind == CommandKind.NEW:
            asked = {each: terms[each] if given & bit else None for each, bit in OPTIONAL.items()}
            asked |= {each: terms[each] for each in ALWAYS} | {"refresh": refresh, "peg": peg}
            codes = (side, order_type, tif, stp, bool(flags & POST_ONLY))
            self.new_order_ex(time_ns, *name, *codes, limit, size, **asked)
        elif kind == CommandKind.CANCEL:
            self.cancel(time_ns, *name)
        else:
            asked = {each: terms[each] if given & bit else None for each, bit in AMENDABLE.items()}
            self.replace_ex(time_ns, *name, limit, size, **asked)
