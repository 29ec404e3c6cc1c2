"""Progress bars, on standard error, and only where a person looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from market_sim.cli.output import notes

NS = 1_000_000_000


@contextmanager
def counting(title: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A bar over a number of equal steps; gives `tell(done, total)`."""
    console = notes()
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield tell


@contextmanager
def working(title: str) -> Iterator[None]:
    """A turning sign for work of unknown length."""
    console = notes()
    if not console.is_terminal:
        yield
        return
    with console.status(title):
        yield


@contextmanager
def simulating(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar over simulated time; gives `tell(now_ns, end_ns)`."""
    console = notes()
    columns = (TextColumn(title), BarColumn(), TextColumn("{task.fields[clock]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None, clock="")

        def tell(now_ns: int, end_ns: int) -> None:
            clock = f"{now_ns / NS:,.1f} of {end_ns / NS:,.1f} s"
            bar.update(task, completed=now_ns, total=end_ns, clock=clock)

        yield tell
