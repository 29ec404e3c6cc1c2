"""A market in a process of its own: commands in, frames out. Knows no page; a page knows markets only
through this.
"""

from market_sim.runner.commands import Command, MarketRequest, Pause, Restart, Run, SetSpeed, Step, Stop
from market_sim.runner.frames import Failure, Frame, JournalEntry, ListingInfo, MarketInfo
from market_sim.runner.handle import Runner, View, open_runners, runner_by_id
from market_sim.runner.nursery import prepare
from market_sim.runner.process import Source
from market_sim.runner.source import open_market

__all__ = [
    "Command",
    "Failure",
    "Frame",
    "JournalEntry",
    "ListingInfo",
    "MarketInfo",
    "MarketRequest",
    "Pause",
    "Restart",
    "Run",
    "Runner",
    "SetSpeed",
    "Source",
    "Step",
    "Stop",
    "View",
    "open_market",
    "open_runners",
    "prepare",
    "runner_by_id",
]
