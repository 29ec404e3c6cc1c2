"""How a lesson looks, in JupyterLab and served as a page: `set_up` in its first cell, `said` for lines of text.

Lies beside the lessons because the library knows no page; `make handout` copies it with them.
"""

from functools import partial
from html import escape

import panel as pn
from mdit_py_plugins.dollarmath import dollarmath_plugin


def set_up() -> None:
    """Panel for a lesson; what differs from its habits concerns `panel serve` of a notebook only."""
    pn.extension("mathjax")
    # Formulas stand between dollars, as in JupyterLab; the page's MathJax wants other signs within a sentence.
    pn.pane.Markdown.plugins = [partial(dollarmath_plugin, renderer=_formula)]
    # Two charts of one page need not show the same range because both have an axis called profit.
    pn.pane.HoloViews.linked_axes = False
    # The template around a served notebook loads a font from another machine.
    pn.template.EditableTemplate._resources.pop("css", None)


def _formula(tex: str, how: dict[str, bool]) -> str:
    return f"$${tex}$$" if how["display_mode"] else rf"\({tex}\)"


class Lines:
    """Lines of text to look at."""

    def __init__(self, *lines: object) -> None:
        self._text = "\n".join(map(str, lines))

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self._text)}</pre>"


def said(*lines: object) -> Lines:
    """Lines of text as a cell's last value. Unlike what is printed, a served page shows them."""
    return Lines(*lines)
