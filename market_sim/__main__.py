"""`python -m market_sim`: the command line where its script is not installed (a checkout without Rust)."""

from market_sim.cli import app

app(prog_name="market-sim")
