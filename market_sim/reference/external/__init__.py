"""A recorded market (depth by price level, and trades) as a participant of the simulated one.

Its resting size stands in the same queues as everybody's orders, in the hands of "external-book".
Recorded depth is the truth about sizes; recorded trades tell who was hit at the front. The two tell
of the same events, in either order of arrival: what both explain must move a queue only once. A feed of
single orders needs none of that: each recorded order stands where it stood.
"""

from market_sim.reference.external.depth import Depth, DepthUpdate
from market_sim.reference.external.orders import FlowKind, OrderOp, Orders, RecordedOrders
from market_sim.reference.external.trade import RecordedTrade, Trades


class ExternalMarket(Depth, Trades, Orders):
    """The recorded market of one listing: its depth and its trades, or its orders."""


__all__ = ["DepthUpdate", "ExternalMarket", "FlowKind", "OrderOp", "RecordedOrders", "RecordedTrade"]
