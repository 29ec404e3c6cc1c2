"""Recorded markets as flow: captures of an exchange's feed, checked, or replayed with agents in them.

`replay` runs a market on captures, `open_replay` gives one to step by hand, `check` compares the rebuilt
book with what the exchange said was best.
"""

from market_sim.replaying.check import check
from market_sim.replaying.session import Replay, open_replay, replay

__all__ = ["Replay", "check", "open_replay", "replay"]
