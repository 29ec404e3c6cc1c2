"""How a market introduces itself to a page."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from market_sim.listing import Listing
from market_sim.runner.frames import ListingInfo, MarketInfo, TimelineEvent
from market_sim.scenario import Scenario
from market_sim.units import format_duration

if TYPE_CHECKING:
    from market_sim.market import Market

FEE_E8_PER_BPS = 10_000


def introduce(market: Market, origin: str, seats: list[str]) -> MarketInfo:
    """What stays the same while it runs."""
    config = market.config
    return MarketInfo(
        title=config.name,
        description=config.description,
        origin=origin,
        engine=market.engine,
        seed=market.seed,
        end_ns=market.end_ns,
        numeraire=config.numeraire,
        listings=tuple(_listing(listing) for listing in market.listings),
        agents=tuple(market.traders),
        groups=tuple(market.groups[name].name for name in market.traders),
        latencies=tuple(_latency(config, market.groups[name]) for name in market.traders),
        timeline=tuple(
            TimelineEvent(event.at_ns, event.kind, in_words(event))
            for event in sorted(config.events, key=lambda event: event.at_ns)
        ),
        seats=tuple(seats),
    )


def in_words(event: Any) -> str:
    """An event of a scenario as a sentence."""
    match event.kind:
        case "news":
            return f"News: {event.text}"
        case "jump":
            return f"The value of {event.instrument} jumps by {event.bps} bps"
        case "parameter":
            return f"{event.agent}: {event.name} becomes {event.value}"
        case "suspend" | "resume":
            return f"{event.venue} {'is suspended' if event.kind == 'suspend' else 'takes orders again'}"
        case "agents_on" | "agents_off":
            return f"{', '.join(event.agents)} switched {event.kind.removeprefix('agents_')}"
        case _:
            return str(event.kind)


def _latency(config: Scenario, group: Any) -> str:
    """How long an order takes to the first venue the agent trades at, in words."""
    (venue, *_) = (name.partition(":")[0] for name in config.listings_of(group))
    model = config.latency[config.profile_of(group)].model("entry", venue)
    match model[0]:
        case "constant":
            return format_duration(model[1])
        case "uniform":
            return f"{format_duration(model[1])} to {format_duration(model[2])}"
        case "table":
            return f"{format_duration(model[1][0])} to {format_duration(model[1][-1])}"
        case _:
            return "varies over time"


def _listing(listing: Listing) -> ListingInfo:
    tick, lot = listing.prices.step, listing.sizes.step
    return ListingInfo(
        venue=listing.venue,
        instrument=listing.instrument,
        base=listing.base,
        quote=listing.quote,
        tick=float(tick),
        lot=float(lot),
        price_decimals=_decimals(tick),
        size_decimals=_decimals(lot),
        maker_fee_bps=listing.maker_fee_e8 / FEE_E8_PER_BPS,
        taker_fee_bps=listing.taker_fee_e8 / FEE_E8_PER_BPS,
    )


def _decimals(step: Decimal) -> int:
    """Digits behind the point that every multiple of a step needs."""
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "a step is a finite number"
    return max(0, -exponent)
