"""A market you can take apart.

from market_sim import Market, Scenario, run, replay, ENGINE
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from market_sim.backtesting import Backtest, backtest
    from market_sim.engine import ENGINE
    from market_sim.errors import (
        AgentError,
        DataError,
        EngineError,
        LimitError,
        MarketSimError,
        ScenarioError,
    )
    from market_sim.feeding import feed, open_feed, start_ws
    from market_sim.market import Market
    from market_sim.orderbook import OrderBook, parse_orderbook
    from market_sim.replaying import open_replay, replay
    from market_sim.result import Result
    from market_sim.running import run, verify
    from market_sim.scenario import Scenario, load, shipped_scenarios
    from market_sim.triangle import compute_triangular_opportunity

# Mesa and Polars take a second to import; whoever wants a book or a command line's help does not wait for
# them.
_HOMES = {
    "ENGINE": "engine",
    "AgentError": "errors",
    "DataError": "errors",
    "EngineError": "errors",
    "LimitError": "errors",
    "Market": "market",
    "MarketSimError": "errors",
    "OrderBook": "orderbook",
    "Result": "result",
    "Scenario": "scenario",
    "ScenarioError": "errors",
    "compute_triangular_opportunity": "triangle",
    "feed": "feeding",
    "Backtest": "backtesting",
    "backtest": "backtesting",
    "load": "scenario",
    "open_feed": "feeding",
    "open_replay": "replaying",
    "parse_orderbook": "orderbook",
    "replay": "replaying",
    "run": "running",
    "shipped_scenarios": "scenario",
    "start_ws": "feeding",
    "verify": "running",
}

__all__ = [
    "ENGINE",
    "AgentError",
    "Backtest",
    "DataError",
    "EngineError",
    "LimitError",
    "Market",
    "MarketSimError",
    "OrderBook",
    "Result",
    "Scenario",
    "ScenarioError",
    "backtest",
    "compute_triangular_opportunity",
    "feed",
    "load",
    "open_feed",
    "open_replay",
    "parse_orderbook",
    "replay",
    "run",
    "shipped_scenarios",
    "start_ws",
    "verify",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'market_sim' has no attribute {name!r}")
    found = getattr(importlib.import_module(f"market_sim.{home}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
