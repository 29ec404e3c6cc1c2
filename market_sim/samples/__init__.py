"""Sample recordings that come with market_sim: made by its own simulator, so that everything works offline.

They are simulated, and say so: nothing here was recorded on an exchange. `python -m market_sim.samples.make`
made them, and makes the same again.
"""

from __future__ import annotations

from pathlib import Path

from market_sim.errors import DataError

HOME = Path(__file__).resolve().parent
DEFAULT = "quotes"
#: Every sample by name: what it holds.
SAMPLES = {
    "quotes": "best quotes of BTC/USD, ten minutes of scenario two_venues, seed 7",
    "trades": "trades of BTC/USD, ten minutes of scenario two_venues, seed 7",
    "bars": "one-minute bars of BTC/USD, two hours of scenario two_venues, seed 7",
    "pairs": "best quotes of two cointegrated stocks, twenty minutes of scenario pairs, seed 7",
    "triangle": "best quotes of three currency pairs, five minutes of scenario triangle, seed 7",
    "closes": "closes of the two stocks of scenario pairs, seed 7: 250 minutes that stand for trading days",
}


def sample(name: str | None = None) -> Path:
    """The file of a sample (default: quotes). DataError names those there are."""
    wanted = name or DEFAULT
    if wanted not in SAMPLES:
        raise DataError(f"no sample {wanted!r}", remedy=f"There are {', '.join(SAMPLES)}.")
    return HOME / f"{wanted}.csv.gz"
