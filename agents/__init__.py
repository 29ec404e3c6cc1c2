"""Traders for market_sim: `base.Trader`, one module per kind of trader, and `SHELF`, the list of them.

The list names classes without importing them: a page that offers a choice starts no slower for it. A scenario
or `market-sim` takes the same text: `kind = "agents.glft:GueantLehalleFernandezTapia"`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Family = Literal["background", "market making", "arbitrage", "pairs", "execution", "informed"]


class Kind(NamedTuple):
    """A shipped kind of trader: its name for people, its class as a scenario writes it, what it does.

    `listings` is how many it needs at least.
    """

    name: str
    kind: str
    family: Family
    about: str
    listings: int = 1


SHELF: tuple[Kind, ...] = (
    Kind("Noise", "agents.noise:NoiseTrader", "background", "Random orders that make a book"),
    Kind(
        "Zero intelligence",
        "agents.zero_intelligence:ZeroIntelligence",
        "background",
        "Random prices with or without a budget (Gode and Sunder)",
    ),
    Kind(
        "Poisson order flow",
        "agents.poisson_flow:PoissonOrderFlow",
        "background",
        "Every kind of event at its own rate (Cont, Stoikov and Talreja)",
    ),
    Kind("Value", "agents.value:ValueTrader", "background", "Trades towards what it believes the value is"),
    Kind("Momentum", "agents.momentum:MomentumTrader", "background", "Follows moving averages"),
    Kind(
        "Order splitter",
        "agents.order_splitter:OrderSplitter",
        "background",
        "Large orders in small pieces (Lillo, Mike and Farmer)",
    ),
    Kind(
        "Avellaneda-Stoikov maker",
        "agents.market_maker:AvellanedaStoikov",
        "market making",
        "Two quotes around a price that leans against the inventory",
    ),
    Kind(
        "Gueant-Lehalle-Fernandez-Tapia maker",
        "agents.glft:GueantLehalleFernandezTapia",
        "market making",
        "The same without an end in sight, in closed form or exactly",
    ),
    Kind(
        "Microprice maker",
        "agents.microprice:MicropriceMaker",
        "market making",
        "Quotes around the price that the imbalance of the book points to",
    ),
    Kind(
        "Glosten-Milgrom dealer",
        "agents.glosten_milgrom:GlostenMilgromDealer",
        "market making",
        "Quotes what the instrument is worth if they are hit, and learns",
    ),
    Kind(
        "Triangular arbitrage",
        "agents.triangular:TriangularArbitrageur",
        "arbitrage",
        "A round trip through three instruments that comes back with more",
        listings=3,
    ),
    Kind(
        "Cross-venue arbitrage",
        "agents.cross_venue:CrossVenueArbitrageur",
        "arbitrage",
        "Buys where an instrument is cheap and sells where it is dear",
        listings=2,
    ),
    Kind(
        "Sniping",
        "agents.sniper:SnipingArbitrageur",
        "arbitrage",
        "Takes quotes that have not yet followed the leading market (Budish, Cramton and Shim)",
        listings=2,
    ),
    Kind(
        "Pairs by z-score",
        "agents.pairs:PairsTrader",
        "pairs",
        "Bets that a gap of so many deviations closes (Gatev, Goetzmann and Rouwenhorst)",
        listings=2,
    ),
    Kind(
        "Pairs by optimal thresholds",
        "agents.bertram:OptimalPairs",
        "pairs",
        "Thresholds that earn most per time after costs (Bertram)",
        listings=2,
    ),
    Kind(
        "Pairs by Kalman filter",
        "agents.kalman_pairs:KalmanPairs",
        "pairs",
        "A hedge ratio that moves, and its forecast errors",
        listings=2,
    ),
    Kind("TWAP", "agents.twap:Twap", "execution", "Equal slices in equal times"),
    Kind("VWAP", "agents.vwap:Vwap", "execution", "Slices in proportion to the expected volume"),
    Kind("POV", "agents.pov:PercentageOfVolume", "execution", "A fixed share of what the market trades"),
    Kind(
        "Almgren-Chriss",
        "agents.almgren_chriss:AlmgrenChriss",
        "execution",
        "The trajectory that weighs cost against risk",
    ),
    Kind(
        "Kyle's insider", "agents.kyle:KyleInsider", "informed", "Knows the value, and hides it in the noise"
    ),
)
