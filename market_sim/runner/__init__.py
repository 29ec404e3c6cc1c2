"""A market in a process of its own: commands in, frames out. Knows no page; a page knows markets only
through this.
"""

from market_sim.runner.commands import (
    CancelOrder,
    Command,
    End,
    MarketRequest,
    Parameters,
    Pause,
    Reopen,
    ReplaceOrder,
    Restart,
    Run,
    SendOrder,
    SetSpeed,
    SetVenue,
    Step,
    Stop,
    SwitchAgents,
    TellNews,
)
from market_sim.runner.frames import (
    Answer,
    BookStatus,
    Failure,
    FeedStatus,
    Frame,
    JournalEntry,
    ListingInfo,
    MarketInfo,
    Reply,
    TimelineEvent,
    Told,
)
from market_sim.runner.handle import Runner, View, open_runners, runner_by_id
from market_sim.runner.nursery import prepare
from market_sim.runner.process import Source
from market_sim.runner.source import open_market

__all__ = [
    "Answer",
    "BookStatus",
    "CancelOrder",
    "Command",
    "End",
    "Failure",
    "FeedStatus",
    "Frame",
    "JournalEntry",
    "ListingInfo",
    "MarketInfo",
    "MarketRequest",
    "Parameters",
    "Pause",
    "Reopen",
    "ReplaceOrder",
    "Reply",
    "Restart",
    "Run",
    "Runner",
    "SendOrder",
    "SetSpeed",
    "SetVenue",
    "Source",
    "Step",
    "Stop",
    "SwitchAgents",
    "TellNews",
    "TimelineEvent",
    "Told",
    "View",
    "open_market",
    "open_runners",
    "prepare",
    "runner_by_id",
]
