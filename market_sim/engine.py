"""The only switch between the native engine and the reference engine.

`MARKET_SIM_ENGINE` chooses: `rust` (an error where the extension is missing), `reference`, or `auto`
(the default: native where it is there). Both engines have the same classes with the same methods,
so everything above this file is written once. Nothing else imports `_engine` or `reference`.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import Any

from market_sim.errors import EngineError
from market_sim.reference.event import CancelReason, Event, EventKind, NoticeKind, RejectReason
from market_sim.reference.external import FlowKind
from market_sim.reference.hashing import name_hash, stream_seed
from market_sim.reference.order import CommandKind, OrderType, SelfTradePrevention, TimeInForce
from market_sim.reference.terms import Peg, Refresh
from market_sim.reference.types import FIRST_USER_AGENT, RESERVED_NAMES, MatchingPolicy, Phase, Side
from market_sim.reference.venue.market_data import LAST, OF_ONE, PLACE_KEPT, MarketDataKind, MarketDataRow

__all__ = [
    "ENGINE",
    "FIRST_USER_AGENT",
    "LAST",
    "OF_ONE",
    "PLACE_KEPT",
    "RESERVED_NAMES",
    "CancelReason",
    "CommandKind",
    "Event",
    "EventKind",
    "FlowKind",
    "MarketDataKind",
    "MarketDataRow",
    "MatchingPolicy",
    "NoticeKind",
    "OrderType",
    "Peg",
    "Phase",
    "Refresh",
    "RejectReason",
    "SelfTradePrevention",
    "Side",
    "TimeInForce",
    "engine_name",
    "feed_module",
    "kernel_class",
    "name_hash",
    "native_module",
    "stream_seed",
    "venue_class",
]


def native_module() -> ModuleType | None:
    """The compiled extension, or None where it has not been built."""
    try:
        return importlib.import_module("market_sim._engine")
    except ImportError:
        return None


def engine_name(name: str | None = None) -> str:
    """Choose "rust" or "reference" for a wish (`None`: what MARKET_SIM_ENGINE says), or EngineError."""
    wish = name or os.environ.get("MARKET_SIM_ENGINE") or "auto"
    if wish == "auto":
        return "rust" if native_module() is not None else "reference"
    if wish == "reference":
        return "reference"
    if wish != "rust":
        raise EngineError(
            f"unknown engine {wish!r}", "MARKET_SIM_ENGINE or --engine", "Choose rust, reference or auto."
        )
    if native_module() is None:
        raise EngineError(
            "the native engine is asked for but market_sim._engine cannot be imported",
            "engine",
            "Build it with `uv run maturin develop --release` (needs Rust), or choose the reference engine.",
        )
    return "rust"


def feed_module() -> ModuleType:
    """The extension with its connector to live feeds (`FeedHandle`, `CaptureReader`); EngineError without."""
    found = native_module()
    if found is None or not hasattr(found, "FeedHandle"):
        raise EngineError(
            "live feeds and their captures need the native extension, which is not built",
            "market_sim._engine",
            "Build it with `uv run maturin develop --release` (needs Rust); everything else runs without it.",
        )
    return found


def kernel_class(name: str | None = None) -> Any:
    """The `Kernel` class of the chosen engine."""
    if engine_name(name) == "rust":
        return importlib.import_module("market_sim._engine").Kernel
    return importlib.import_module("market_sim.reference.kernel").Kernel


def venue_class(name: str | None = None) -> Any:
    """The standalone `Venue` class of the chosen engine."""
    if engine_name(name) == "rust":
        return importlib.import_module("market_sim._engine").Venue
    return importlib.import_module("market_sim.reference.venue").Venue


ENGINE: str = engine_name()
