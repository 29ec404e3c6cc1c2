"""Which live books a link or a form may ask for: known venues, plain symbols, and no address."""

import re

from market_sim.protocols import PROTOCOLS
from market_sim.runner.live import BOOKS

SYMBOL = re.compile(r"[A-Z0-9]{2,12}/[A-Z0-9]{2,12}")


def parse_books(text: str) -> str:
    """VENUE:BASE/QUOTE with commas between them, written one way; ValueError in words."""
    books = list(dict.fromkeys(part.strip() for part in text[:500].split(",") if part.strip()))
    if len(books) > BOOKS:
        raise ValueError(f"{len(books)} books are too many: {BOOKS} at once.")
    found = []
    for book in books:
        venue, _, symbol = book.partition(":")
        if venue.lower() not in PROTOCOLS or not SYMBOL.fullmatch(symbol.upper()):
            shown = repr(book if len(book) <= 40 else book[:40] + "…")
            venues = ", ".join(PROTOCOLS)
            raise ValueError(f"{shown} is no live book. Write VENUE:BASE/QUOTE; venues are {venues}.")
        found.append(f"{venue.lower()}:{symbol.upper()}")
    return ",".join(found)
