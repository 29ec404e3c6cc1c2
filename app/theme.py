"""Colours and page-wide style, light and dark. No meaning rests on red against green: buyers are blue,
sellers orange, and direction has an arrow as well.
"""

from dataclasses import dataclass

from bokeh.palettes import Inferno256, interp_palette


@dataclass(frozen=True)
class Palette:
    """Colours of what is drawn on a canvas, for one of the two themes."""

    buy: str
    sell: str
    lines: tuple[str, ...]
    """For venues and groups of agents; Okabe and Ito's set, with shades that stand out on the background."""
    heat: tuple[str, ...]
    mid_on_heat: str
    mid_on_card: str
    own: str
    """A visitor's own orders."""
    mark: str
    """Events in a chart."""


DARK = Palette(
    buy="#4da3ff",
    sell="#ff9d3b",
    lines=("#56b4e9", "#e69f00", "#2fc6a0", "#d68fbb", "#f0e442", "#ff7a45", "#9aa7ff", "#b8c4d6"),
    heat=tuple(Inferno256),
    mid_on_heat="#ffffff",
    mid_on_card="#e8eef7",
    own="#f0e442",
    mark="#c3b6ff",
)

LIGHT = Palette(
    buy="#1667c5",
    sell="#c05a00",
    lines=("#0072b2", "#d55e00", "#00836a", "#a3427f", "#7a6a00", "#b23a00", "#4a55c8", "#5b6778"),
    heat=tuple(interp_palette(["#ffffff", "#cfe3f2", "#7fb2d9", "#3572b0", "#1b3f7a", "#0a1a3c"], 256)),
    mid_on_heat="#d55e00",
    mid_on_card="#16202e",
    own="#a3427f",
    mark="#5b3fb0",
)

MONO = "'DejaVu Sans Mono', ui-monospace, 'SF Mono', Consolas, monospace"


def _header(background: str, line: str) -> dict[str, object]:
    """The bar on top: dark in both themes, because the page writes its title in white."""
    style = {
        "backgroundColor": background,
        "color": "#ffffff",
        "backgroundImage": "none",
        "boxShadow": "none",
        "borderBottom": f"1px solid {line}",
    }
    return {"MuiAppBar": {"styleOverrides": {"root": style}}}


THEME_CONFIG = {
    "light": {
        "components": _header("#16233a", "#16233a"),
        "palette": {
            "primary": {"main": "#1667c5"},
            "background": {"default": "#ffffff", "paper": "#ffffff"},
            "text": {"primary": "#16202e", "secondary": "#4c5a6d"},
        },
    },
    "dark": {
        "components": _header("#0a101d", "#27334a"),
        "palette": {
            "primary": {"main": "#4da3ff"},
            "background": {"default": "#0d1424", "paper": "#0d1424"},
            "text": {"primary": "#e8eef7", "secondary": "#a3b1c6"},
        },
    },
}


def line_style(k: int, colors: tuple[str, ...]) -> tuple[str, str]:
    """(colour, dash) of the k-th line of a chart: when the colours are used up, they come again dashed."""
    return colors[k % len(colors)], "solid" if k < len(colors) else "dashed"


def palette(dark: bool) -> Palette:
    """The colours of the theme in use."""
    return DARK if dark else LIGHT


RAW_CSS = """
html, body { overscroll-behavior: none; }
"""
