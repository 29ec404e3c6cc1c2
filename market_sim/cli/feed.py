"""`market-sim feed`: live books of real exchanges, with agents in them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from market_sim.cli.options import Engine, Json, Out, Overrides, Seed, Until, name_of, read_duration
from market_sim.cli.output import notes
from market_sim.cli.run import show
from market_sim.units import format_time

if TYPE_CHECKING:
    from market_sim.feeding import FeedSession

STATUS_S = 1.0


def feed(
    books: Annotated[
        list[str],
        typer.Argument(help='As in "kraken:BTC/USD"; "kraken:BTC/USD@0.1/0.00000001" writes tick and lot.'),
    ],
    scenario: Annotated[
        str | None, typer.Option(help='Whose agents trade; default: paper_maker; "watch": none.')
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="Capture of the session, as in session.msfeed; must not exist yet.")
    ] = None,
    url: Annotated[
        list[str] | None, typer.Option(help="VENUE=wss://..., another address for a venue's socket.")
    ] = None,
    rest_url: Annotated[
        list[str] | None, typer.Option(help="VENUE=https://..., another address for its REST.")
    ] = None,
    depth: Annotated[
        int | None, typer.Option(help="Levels a side to ask for, where the venue has a choice.")
    ] = None,
    patience: Annotated[str, typer.Option(help="How long to wait for the first live book.")] = "10s",
    seed: Seed = None,
    until: Until = None,
    engine: Engine = None,
    overrides: Overrides = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Trade on paper in live markets until --until or Ctrl-C. Public data only: no key, no order leaves."""
    from market_sim.feeding import feed as run_feed

    wait_ns = read_duration(patience, "--patience")
    assert wait_ns is not None, "a patience is always given"
    result = run_feed(
        books,
        scenario,
        seed=seed,
        until=read_duration(until, "--until"),
        engine=name_of(engine),
        overrides=overrides or (),
        record=record,
        ws_urls=_by_venue(url, "--url"),
        rest_urls=_by_venue(rest_url, "--rest-url"),
        depth=depth,
        patience=wait_ns,
        told=_Status().tell,
        out=out,
    )
    summary = result.summary()
    show(summary, as_json)
    for note in summary["replay"]["notes"]:
        notes().print(f"note: {note}", markup=False, soft_wrap=True)
    if record is not None:
        notes().print(
            f"captured in {record}; `market-sim replay {record}` lives it again", markup=False, soft_wrap=True
        )


class _Status:
    """Says what the books do: every change of state, and on a terminal a line a second."""

    def __init__(self) -> None:
        self._console = notes()
        self._next = 0.0
        self._states: dict[str, str] = {}

    def tell(self, session: FeedSession) -> None:
        mirror = session.flow.mirror
        for book, story in zip(mirror.books, mirror.stories, strict=True):
            name = f"{book.place}:{book.instrument}"
            if self._states.get(name) != story.state:
                self._states[name] = story.state
                reason = f" ({story.reason})" if story.reason else ""
                text = f"{format_time(session.market.now_ns)} {name} {story.state}{reason}"
                self._console.print(text, markup=False, soft_wrap=True)
        if self._console.is_terminal and time.monotonic() >= self._next:
            self._next = time.monotonic() + STATUS_S
            picture = session.market.frame(1)
            told = "  ".join(f"{one.name} {one.bid} / {one.ask}" for one in picture.listings)
            self._console.print(f"{format_time(picture.time_ns)} {told}", markup=False, end="\r")


def _by_venue(given: list[str] | None, option: str) -> dict[str, str]:
    found = {}
    for text in given or ():
        venue, separator, url = text.partition("=")
        if not separator or "://" not in url or "/" in venue:
            # Not what was written: an address can hold a password.
            raise typer.BadParameter(f"{option}: write VENUE=ADDRESS, as in kraken=ws://127.0.0.1:8900/v2")
        found[venue.lower()] = url
    return found
