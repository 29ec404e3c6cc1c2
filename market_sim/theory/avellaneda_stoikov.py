"""Avellaneda and Stoikov (2008), "High-frequency trading in a limit order book", Quantitative Finance
8:217-224.

A maker with exponential utility of risk aversion gamma quotes until a horizon. The mid is a Brownian motion
of volatility sigma, and a quote at distance d from it is filled at rate A exp(-kappa d). gamma and kappa are
in 1 / price unit, the variance in price units squared per unit of time, tau is the time left.
"""

from __future__ import annotations

from typing import Any

from market_sim.theory.portable import log1p


def reservation_price(mid: Any, inventory: Any, gamma: float, variance: float, tau: float) -> Any:
    """The price r = s - q gamma sigma^2 tau at which one unit more or less is the same to the maker.

    `mid` and `inventory` are numbers or arrays.
    """
    return mid - inventory * gamma * variance * tau


def optimal_spread(gamma: float, variance: float, kappa: float, tau: float) -> float:
    """Ask minus bid: gamma sigma^2 tau + (2 / gamma) ln(1 + gamma / kappa)."""
    return gamma * variance * tau + 2 / gamma * log1p(gamma / kappa)


def mean_spread(gamma: float, variance: float, kappa: float, horizon: float) -> float:
    """The optimal spread averaged over a whole horizon: what the paper's symmetric strategy quotes around the
    mid.
    """
    return optimal_spread(gamma, variance, kappa, horizon / 2)
