"""The kernel: one clock, one queue of things to come, venues, accounts, links and delayed views.

The class is written as layers, each a file that stands on the one before it: `setup` (what exists),
`publishing` (market data goes out), `clearing` (what a venue's events cause), `sending` (what agents
ask for), `reading` (what may be seen), `kernel` (the loop, phases, the end, recorded flow).
"""

from market_sim.reference.kernel.kernel import Kernel

__all__ = ["Kernel"]
