"""A backtest in words: the figures with their units, the fills, the pair's test, what to keep in mind."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from app.theme import MONO, Palette
from market_sim.runner.backtests import BacktestOutcome

NONE = "–"

STYLE = f"""
:host {{ margin: 0; overflow: auto; scrollbar-width: thin; }}
.words {{ padding: 0 14px 10px; font-size: 12.5px; line-height: 1.5; }}
.words p {{ margin: 4px 0 8px; }}
table {{ border-collapse: collapse; font: 11.5px/1.65 {MONO}; width: 100%; }}
th, td {{ text-align: right; padding: 0 10px 0 0; white-space: nowrap; }}
th:first-child, td:first-child {{ text-align: left; }}
th {{ color: color-mix(in srgb, currentColor 68%, transparent); font-weight: 500; }}
td.unit {{ text-align: left; color: color-mix(in srgb, currentColor 68%, transparent); }}
.verdict {{ border-left: 4px solid #e69f00; padding: 4px 12px; margin: 0 0 6px;
  background: color-mix(in srgb, #e69f00 12%, transparent); border-radius: 6px; }}
"""

PLAIN = {
    "profit": ("Profit", "{numeraire}"),
    "equity_first": ("Equity at the start", "{numeraire}"),
    "equity_last": ("Equity at the end", "{numeraire}"),
    "total_return": ("Return", "%"),
    "mean_return_bps": ("Mean return", "bps a period"),
    "sharpe": ("Sharpe ratio", "{basis}"),
    "sortino": ("Sortino ratio", "{basis}"),
    "periods": ("Periods", "of {period}"),
    "traded": ("Traded", "{numeraire}"),
    "turnover": ("Turnover", "times mean equity"),
    "fees": ("Fees, negative are rebates", "{numeraire}"),
    "orders": ("Orders that a venue took", ""),
    "orders_filled": ("Orders with a fill", ""),
    "fills": ("Fills", ""),
    "fill_ratio": ("Filled of what was ordered", "%"),
    "maker_share": ("Fills as maker", "%"),
    "time_in_queue_mean_s": ("Time in queue until the first fill, mean", "s"),
    "time_in_queue_median_s": ("Time in queue until the first fill, median", "s"),
    "markout_1s_bps": ("Markout after 1 s", "bps"),
    "markout_5s_bps": ("Markout after 5 s", "bps"),
    "markout_30s_bps": ("Markout after 30 s", "bps"),
    "shortfall_bps": ("Implementation shortfall", "bps"),
    "shortfall_price_bps": ("– of it price", "bps"),
    "shortfall_fees_bps": ("– of it fees", "bps"),
    "shortfall_missed_bps": ("– of it missed", "bps"),
}
SHARES = ("total_return", "fill_ratio", "maker_share")


def figures(run: BacktestOutcome) -> str:
    """Every figure with its unit and, where there is one, its 95 % interval."""
    told = run.figures
    names = {"numeraire": run.numeraire, "basis": basis(told), "period": period(told)}
    rows = []
    for name, (label, unit) in PLAIN.items():
        scale = 100.0 if name in SHARES else 1.0
        rows.append(
            _row(
                label,
                shown(told.get(name), scale),
                _interval(told.get(f"{name}_interval"), scale),
                unit.format(**names),
            )
        )
    fall = told["drawdown"]
    rows.append(_row("Deepest drawdown", shown(fall["max_drawdown"]), "", run.numeraire))
    rows.append(_row("– of equity at its highest", shown(fall["max_drawdown_share"], 100.0), "", "%"))
    for label, key in (("– from", "from"), ("– to", "to"), ("– made up for", "until")):
        rows.append(_row(label, _date(fall, key), "", run.zone))
    for asset, held in told["inventory"].items():
        for label, key in (("last", "last"), ("mean size", "mean_abs"), ("largest size", "max_abs")):
            rows.append(_row(f"Held beyond the start, {label}", shown(held[key]), "", asset))
    head = "<tr><th>figure</th><th>value</th><th>95 % interval</th><th></th></tr>"
    return f"<div class='words'><table class='figures'>{head}{''.join(rows)}</table></div>"


def basis(told: Mapping[str, Any]) -> str:
    """What a ratio is of."""
    return "a year" if told["annualised"] else f"a period of {period(told)}"


def period(told: Mapping[str, Any]) -> str:
    """The length of a period in words."""
    seconds = told["period_s"]
    for name, length in (("day", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:g} {name}"
    return f"{seconds:g} s"


def fills(run: BacktestOutcome, palette: Palette) -> str:
    """The newest fills, newest first."""
    if not run.fills:
        return "<div class='words'><p>Nothing was traded.</p></div>"
    titles = (
        "time",
        "listing",
        "side",
        "price",
        "size",
        "fee",
        "as",
        "mid before",
        "+1 s",
        "+5 s",
        "+30 s, bps",
    )
    head = "".join(f"<th>{title}</th>" for title in titles)
    rows = "".join(_fill(row, palette) for row in reversed(run.fills))
    total = run.figures["fills"]
    more = (
        f"<p>The newest {len(run.fills):,} of {total:,}; the files hold all.</p>"
        if total > len(run.fills)
        else ""
    )
    return f"<div class='words'>{more}<table class='fills'><tr>{head}</tr>{rows}</table></div>"


def _fill(row: tuple[Any, ...], palette: Palette) -> str:
    time, listing, side, price, size, fee, quote, maker, mid, *markouts = row
    color = palette.buy if side == "buy" else palette.sell
    cells = (
        f"<td>{escape(time)}</td><td>{escape(listing)}</td><td style='color:{color}'>"
        f"{'▲' if side == 'buy' else '▼'} {side}</td>"
    )
    plain = (
        f"{price:,.10g}",
        f"{size:,.10g}",
        f"{fee:,.6g} {quote}",
        "maker" if maker else "taker",
        shown(mid),
    )
    cells += "".join(f"<td>{escape(text)}</td>" for text in (*plain, *map(shown, markouts)))
    return f"<tr>{cells}</tr>"


def notes(run: BacktestOutcome) -> str:
    """Where the data come from, and what the run cannot know."""
    verdict = f"<p class='verdict' role='note'>{escape(run.pair.sentence)}</p>" if run.pair else ""
    said = (run.origin, *run.notes)
    balanced = all(value == 0 for value in run.ledger_imbalance.values())
    proof = (
        f"Event log {run.event_log_hash} on the {run.engine} engine; the ledger "
        f"{'balances to the last atom' if balanced else f'is off by {run.ledger_imbalance}'}."
    )
    return "<div class='words'>" + verdict + _paragraphs((*said, proof)) + "</div>"


def _paragraphs(sentences: Iterable[str]) -> str:
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences if sentence)


def shown(value: Any, scale: float = 1.0) -> str:
    """A number for people; a dash for what is not known."""
    if value is None:
        return NONE
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    number = float(value) * scale
    digits = 2 if abs(number) >= 1000 else 4
    text = f"{number:,.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text.replace("-", "−")


def _interval(limits: Any, scale: float) -> str:
    return "" if not limits else f"{shown(limits[0], scale)} … {shown(limits[1], scale)}"


def _date(fall: Mapping[str, Any], key: str) -> str:
    if not fall["max_drawdown"]:
        return NONE
    return str(fall[key] or "not yet")[:16].replace("T", " ")


def _row(label: str, value: str, interval: str, unit: str) -> str:
    return (
        f"<tr><td>{escape(label)}</td><td>{escape(value)}</td><td>{escape(interval)}</td>"
        f"<td class='unit'>{escape(unit)}</td></tr>"
    )
