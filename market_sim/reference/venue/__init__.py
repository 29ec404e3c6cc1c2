"""A venue: listings with their books, fees, phases, sequence numbers and self-trade prevention."""

from market_sim.reference.venue.checks import check_codes
from market_sim.reference.venue.listing import Listing
from market_sim.reference.venue.venue import Venue

__all__ = ["Listing", "Venue", "check_codes"]
