"""Files to keep: tables as CSV or Parquet, the journal, and a picture of the charts."""

import csv
import io
import time
from collections.abc import Callable, Mapping

import panel as pn
import panel_material_ui as pmui

from app.session import Session
from app.views.sharing import ranking
from market_sim.runner import Runner
from market_sim.runner.spreadsheet import harmless_text

PATIENCE_S = 10.0
TABLES = ("trades", "orders", "accounts", "metrics")

PICTURE = """
const shown = (view) => view.canvas_view?.primary.canvas.width > 40 && view.el.offsetParent
const figures = [...Bokeh.index.all_views()].filter((view) => view.model.type == "Figure" && shown(view))
const taken = figures.map((view) => view.export("png").canvas)
const width = Math.max(...taken.map((canvas) => canvas.width))
const all = document.createElement("canvas")
all.width = width
all.height = taken.reduce((sum, canvas) => sum + canvas.height, 0)
const context = all.getContext("2d")
context.fillStyle = getComputedStyle(document.body).backgroundColor
context.fillRect(0, 0, all.width, all.height)
let top = 0
for (const canvas of taken) { context.drawImage(canvas, 0, top); top += canvas.height }
const link = document.createElement("a")
link.download = "market_sim.png"
link.href = all.toDataURL("image/png")
link.click()
"""


class KeepError(RuntimeError):
    """A file that cannot be had, in words."""


def file_of(runner: Runner, name: str, form: str) -> io.BytesIO:
    """A table of the market as a file; KeepError in words. Waits for the market's process, which answers
    between two stretches of simulation.
    """
    number = runner.ask("table", name, form)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        reply = runner.take_reply(number)
        if reply is not None:
            if reply.error:
                raise KeepError(reply.error)
            return io.BytesIO(reply.value)
        if runner.failure is not None:
            raise KeepError(runner.failure.sentence)
        time.sleep(0.005)
    raise KeepError("The market did not answer in time: pause it and try again.")


def buttons(
    runner: Callable[[], Runner | None], complain: Callable[[str], None]
) -> list[pn.viewable.Viewable]:
    """A button for every file, each made when it is asked for."""

    def download(label: str, filename: str, make: Callable[[Runner], io.BytesIO]) -> pmui.FileDownload:
        def callback() -> io.BytesIO:
            market = runner()
            try:
                if market is None:
                    raise KeepError("No market is open.")
                return make(market)
            except KeepError as error:
                complain(str(error))
                return io.BytesIO()

        return pmui.FileDownload(
            label=label,
            filename=filename,
            callback=callback,
            variant="outlined",
            size="small",
            sizing_mode="stretch_width",
            margin=(4, 0),
        )

    made: list[pn.viewable.Viewable] = [
        download(
            f"{name.capitalize()} ({form.upper() if form == 'csv' else 'Parquet'})",
            f"{name}.{form}",
            lambda market, name=name, form=form: file_of(market, name, form),
        )
        for name in TABLES
        for form in ("csv", "parquet")
    ]
    made.append(download("Journal of this session (JSON lines)", "journal.jsonl", _journal))
    picture = pmui.Button(
        label="Picture of the charts (PNG)",
        variant="outlined",
        size="small",
        sizing_mode="stretch_width",
        margin=(4, 0),
    )
    picture.js_on_click(code=PICTURE)
    return [*made, picture]


def _journal(market: Runner) -> io.BytesIO:
    from market_sim.runner.journal import to_text

    return io.BytesIO(to_text(market.request, market.journal).encode())


def standings_button(session: Session, names: Callable[[], Mapping[str, str]]) -> pmui.FileDownload:
    """The leaderboard as a file, with the names that people have chosen."""
    return pmui.FileDownload(
        label="Leaderboard (CSV)",
        filename="leaderboard.csv",
        callback=lambda: io.BytesIO(standings(session, names()).encode()),
        variant="outlined",
        size="small",
        sizing_mode="stretch_width",
        margin=(4, 0),
    )


def standings(session: Session, names: Mapping[str, str]) -> str:
    """Rank, name, account, profit and inventory of everybody with a seat, as CSV; only the head without any
    picture yet.
    """
    info, out = session.info, io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    unit, base = (info.numeraire, info.listings[0].base) if info else ("", "")
    writer.writerow(["rank", "who", "account", f"profit_{unit}", f"inventory_{base}"])
    rows = ranking(session.frame, dict(names)) if session.frame else []
    for rank, (name, account, profit, held) in enumerate(rows, start=1):
        writer.writerow([rank, harmless_text(name), account, repr(profit), repr(held)])
    return out.getvalue()
