"""A loopback exchange: the public side of a real exchange's protocol, spoken to any client from this machine.

The market behind it is a capture or a running simulation. Nothing here takes orders.
"""

from market_sim.exchange.board import Board, Depth, Trade
from market_sim.exchange.plays import CapturePlay, SimulationPlay, open_play
from market_sim.exchange.server import Exchange

__all__ = ["Board", "CapturePlay", "Depth", "Exchange", "SimulationPlay", "Trade", "open_play"]
