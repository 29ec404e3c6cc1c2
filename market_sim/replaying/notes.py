"""What a reader of a replay's result must know: in sentences, with the recording's own figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from market_sim.listing import Listing
from market_sim.replaying.flow import Flow
from market_sim.scenario import ListingTable
from market_sim.units import format_duration

# By (venue, recorded symbol).
Fed = Mapping[tuple[str, str], tuple[Listing, ListingTable]]

CANCELLED_FROM = {
    "back": "what was cancelled is taken from the back of the queue",
    "proportional": "what was cancelled is taken from all of the queue alike",
}
CLOCKS = {
    "local": (
        "Kernel time is the local receive stamp and no delay of the feed is added: the way of the data is in "
        "the stamps, and order latency must stand for the way to the exchange and back."
    ),
    "venue": (
        "Kernel time is the exchange's stamp; agents hear of an update after its recorded delay (receipt "
        "minus that stamp, plus the site's offset)."
    ),
}


def notes(
    flow: Flow,
    fed: Fed,
    external: Mapping[str, Mapping[str, int]],
) -> list[str]:
    """Sentences about a replay; `external` holds the participant's counts by listing name."""
    return [
        "Recorded traders do not react: they did what they did without the simulated orders.",
        *queues(fed),
        CLOCKS[flow.clock],
        *use(fed, external),
        *_corrections(flow),
    ]


def queues(fed: Fed) -> Iterator[str]:
    """By which rule queues were made of sizes."""
    for rule in dict.fromkeys(table.cancellations for _, table in fed.values()):
        names = ", ".join(listing.name for listing, table in fed.values() if table.cancellations == rule)
        yield (
            f"Queues at {names} are synthesised from sizes by price: growth joins the back, recorded trades "
            f"take the front, {CANCELLED_FROM[rule]}. Levels beyond the snapshot are unknown until they "
            "change."
        )


def use(fed: Fed, external: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """How much of the recorded liquidity agents used."""
    for listing, _ in fed.values():
        counts = external[listing.name]
        taken, met, back = (
            f"{listing.size(counts[name]):g} {listing.base}"
            for name in ("lots_taken", "lots_traded", "restored_lots")
        )
        yield (
            f"At {listing.name} {taken} of recorded resting size traded with agents, who took it or whose "
            f"quotes it crossed ({back} came back with later updates), and recorded aggressors traded {met}."
        )


def _corrections(flow: Flow) -> Iterator[str]:
    clock = flow.clock_counts
    if clock.bumped_stamps:
        yield f"Updates moved forward in time to keep the order of events: {clock.bumped_stamps}."
    if clock.negative_delays and clock.least_delay_ns is not None:
        yield (
            f"Recorded delays below zero, taken as zero: {clock.negative_delays}. The two clocks disagree by "
            f"{format_duration(-clock.least_delay_ns)} or more; a site offset sets them right."
        )
    for source in flow.sources:
        counts = source.counts
        for name, sync in source.syncs.items():
            if sync.counts.gaps:
                yield (
                    f"Gaps in the depth of {name} at {source.venue}: {sync.counts.gaps}. From each to the "
                    "next snapshot its book was empty."
                )
        if counts.trades_untrusted:
            yield f"Trades at {source.venue} left out, its book not being known: {counts.trades_untrusted}."
        if counts.trades_missing:
            yield f"Trades at {source.venue} that the recording lacks: {counts.trades_missing}."
