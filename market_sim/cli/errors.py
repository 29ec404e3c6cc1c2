"""Exit codes and messages: 0 success, 1 a failed verify or check, 2 an error that names place and remedy."""

from __future__ import annotations

import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from market_sim.cli.output import notes
from market_sim.errors import AgentError, MarketSimError

FAILED_CHECK = 1
BAD_INPUT = 2
BUG = 70  # EX_SOFTWARE of sysexits.h


class Commands(TyperGroup):
    """The commands, with every error turned into a message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; `--debug` lets exceptions through as they are."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            # typer's own ways out (usage errors, Exit, Abort) carry an exit code or are Abort
            if ctx.params.get("debug") or hasattr(error, "exit_code") or isinstance(error, typer.Abort):
                raise
            raise typer.Exit(_explain(error)) from None


def say_error(message: str) -> None:
    """A message on standard error, unwrapped and without markup, so that it can be searched and pasted."""
    notes().print(f"error: {message}", style="red", markup=False, soft_wrap=True)


def _explain(error: Exception) -> int:
    """Say what went wrong; gives the exit code."""
    if isinstance(error, AgentError) and error.__cause__ is not None:
        # The error is in its author's code: the traceback is what helps there.
        text = "".join(traceback.format_exception(error.__cause__)).rstrip()
        notes().print(text, markup=False, soft_wrap=True)
    if isinstance(error, MarketSimError):
        say_error(str(error))
    elif isinstance(error, ImportError):
        say_error(f"{error}; `market-sim doctor` looks at the installation")
    elif isinstance(error, OSError) and error.filename is not None:
        say_error(f"{error.filename}: {error.strerror}")
    else:
        kind = type(error).__name__
        say_error(f"this is a bug in market_sim: {kind}: {error}. `market-sim --debug ...` shows where.")
        return BUG
    return BAD_INPUT
