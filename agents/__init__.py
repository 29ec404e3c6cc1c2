"""Traders for market_sim: `base.Trader` and one module per kind of trader."""
