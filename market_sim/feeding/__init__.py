"""Live markets as flow: real feeds mirrored as the external participant, and their captures replayed.

`feed` runs a market on live feeds, `open_feed` gives one to step by hand, `open_captured` one on the capture
of a session; both come to the same event-log hash.
"""

from market_sim.feeding.convert import convert_capture
from market_sim.feeding.session import FeedSession, feed, open_captured, open_feed
from market_sim.feeding.socket import start_ws
from market_sim.feeding.subscriptions import Subscription

__all__ = [
    "FeedSession",
    "Subscription",
    "convert_capture",
    "feed",
    "open_captured",
    "open_feed",
    "start_ws",
]
