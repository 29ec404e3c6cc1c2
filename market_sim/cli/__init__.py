"""The command line `market-sim`.

Heavy imports wait inside the commands: `market-sim --help` answers at once, and `doctor` still speaks where
an import of ours fails.
"""

from __future__ import annotations

from typing import Annotated

import typer

from market_sim.cli.backtest import backtest
from market_sim.cli.bench import bench
from market_sim.cli.convert import convert
from market_sim.cli.errors import Commands
from market_sim.cli.exchange import exchange
from market_sim.cli.feed import feed
from market_sim.cli.info import doctor, scenarios
from market_sim.cli.replay import replay
from market_sim.cli.run import run, verify
from market_sim.cli.serve import serve

app = typer.Typer(
    name="market-sim",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """A market you can take apart. Results on standard output; progress and errors on standard error.

    Exit code 0: success; 1: a verify or check failed; 2: an error, with its place and remedy.
    """


app.command()(run)
app.command()(verify)
app.command()(replay)
app.command()(feed)
app.command()(backtest)
app.command()(convert)
app.command()(exchange)
app.command()(serve)

app.add_typer(bench, name="bench")
app.command()(doctor)
app.command()(scenarios)
