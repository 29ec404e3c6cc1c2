"""Where a market's process comes from.

Importing what a market needs takes seconds, so one process does it once and every market is a fork of it,
which takes milliseconds and shares the imported code's memory. Where a system cannot fork, each market's
process is started afresh: the same, only slower.
"""

import multiprocessing
from collections.abc import Sequence
from multiprocessing.context import BaseContext

LIBRARY = ("market_sim.market", "market_sim.replaying", "market_sim.scenario", "market_sim.runner.source")
"""What every market imports."""

CAN_FORK = "forkserver" in multiprocessing.get_all_start_methods()


def context() -> BaseContext:
    """The multiprocessing context in which markets are started."""
    return multiprocessing.get_context("forkserver" if CAN_FORK else "spawn")


def prepare(also: Sequence[str] = ()) -> None:
    """Begin to import what markets need, and the modules named `also`, before the first one is asked for.

    Returns at once. Without it the first market is opened as slowly as a fresh process starts.
    """
    if not CAN_FORK:
        return
    from multiprocessing import forkserver

    context().set_forkserver_preload([*LIBRARY, *also])
    forkserver.ensure_running()
