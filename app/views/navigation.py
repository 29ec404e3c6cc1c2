"""The way between the pages, in the bar on top: markets, backtests, lessons."""

from html import escape

import panel as pn

MARKETS, BACKTEST, LESSONS = "Markets", "Backtest", "Lessons"
PAGES = {MARKETS: "?", BACKTEST: "?page=backtest", LESSONS: "?page=lessons"}

STYLE = """
:host { margin: 0 0 0 16px; }
nav { display: flex; gap: 4px; align-items: center; white-space: nowrap; }
a { color: #ffffff; opacity: .78; text-decoration: none; font-size: 14px; padding: 4px 12px;
  border-radius: 999px; }
a:hover, a:focus-visible { opacity: 1; background: rgb(255 255 255 / 12%); }
a[aria-current] { opacity: 1; font-weight: 650; background: rgb(255 255 255 / 16%); }
@media (max-width: 700px) { :host { margin: 0; } nav { gap: 0; } a { padding: 4px 4px; font-size: 11.5px; } }
"""


def navigation(here: str, dark: bool = True) -> pn.pane.HTML:
    """Links to the pages; the theme goes along."""
    theme = "" if dark else "&theme=light"
    links = "".join(
        f"<a href='{escape(target + theme)}'{' aria-current=page' if name == here else ''}>{name}</a>"
        for name, target in PAGES.items()
    )
    return pn.pane.HTML(f"<nav aria-label='Pages'>{links}</nav>", stylesheets=[STYLE])
