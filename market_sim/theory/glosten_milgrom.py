"""Glosten and Milgrom (1985), "Bid, ask and transaction prices in a specialist market with heterogeneously
informed traders", Journal of Financial Economics 14:71-100, in its binary form.

The value is 1 or 0; a belief is the probability of 1. A trader is informed with probability `informed` and
then buys at value 1 and sells at 0; otherwise a fair coin decides. Beliefs may be numbers or arrays.
"""

from __future__ import annotations

from math import comb
from typing import Any


def after_buy(belief: Any, informed: float) -> Any:
    """The belief after a trader has bought: also the ask of a dealer who shall regret no trade."""
    return belief * (1 + informed) / (1 + informed * (2 * belief - 1))


def after_sale(belief: Any, informed: float) -> Any:
    """The belief after a trader has sold: also the bid."""
    return belief * (1 - informed) / (1 - informed * (2 * belief - 1))


def expected_spread(informed: float, trades: int) -> float:
    """Mean of ask minus bid after so many trades, beginning with a belief of one half.

    The belief depends on the surplus of buys over sales only, and that is binomial given the value.
    """
    right, wrong = (1 + informed) / 2, (1 - informed) / 2
    total = 0.0
    for buys in range(trades + 1):
        at_one, at_zero = right**buys * wrong ** (trades - buys), wrong**buys * right ** (trades - buys)
        belief = at_one / (at_one + at_zero)
        spread = after_buy(belief, informed) - after_sale(belief, informed)
        total += comb(trades, buys) * (at_one + at_zero) / 2 * spread
    return total
