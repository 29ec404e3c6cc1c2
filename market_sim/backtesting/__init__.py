"""A strategy in recorded or simulated flow, and what came of it: figures that say what they rest on.

`backtest` runs; `Backtest` has the curve, the fills, the figures with their intervals, plots and a report.
"""

from market_sim.backtesting.outcome import Backtest
from market_sim.backtesting.session import backtest

__all__ = ["Backtest", "backtest"]
