"""The kernel: one clock, one queue of things to come, venues, accounts, links and delayed views.

The class is written as layers, each a file that stands on the one before it: `setup` (what exists),
`linking` (who reaches and hears what), `publishing` (market data goes out), `clearing` (what a venue's
events cause), `sending` (what agents ask for), `reading` (what may be seen), `flow` (the recorded
market), `session` (phases and the end), `run` (the loop).
"""

from market_sim.reference.kernel.run import Kernel

__all__ = ["Kernel"]
