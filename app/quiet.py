"""Work that nobody sees, spared: in the browser half of a repaint, on the server most of a click.

Bokeh 3.9 writes the place of every axis, grid and glyph into a style sheet of its own at every repaint,
moved or not. Each write makes the browser work out styles again, some sixteen times a picture on this page,
and takes longer than the painting. Nothing here rests on those places: no glyph has an element of its own
to be placed.
"""

from bokeh.document import Document
from bokeh.models import CustomJS
from panel.util import edit_readonly
from panel_material_ui import Page

SCRIPT = """
const views = [...Bokeh.index.all_views()]
const glyphs = views.find((view) => view.model.type == "GlyphRenderer")
if (glyphs?.update_position) {
  Object.getPrototypeOf(glyphs).update_position = () => {}
}
const sheet = views.find((view) => view.position?.replace)?.position
if (sheet?.el) {
  const prototype = Object.getPrototypeOf(sheet)
  const replace = prototype.replace
  prototype.replace = function(css, styles) {
    if (styles != null || this.el.textContent !== css) { replace.call(this, css, styles) }
  }
}
"""


def spare_styles(document: Document) -> None:
    """Have the page do so as soon as it is drawn; where Bokeh works otherwise, nothing happens."""
    document.js_on_event("document_ready", CustomJS(code=SCRIPT))


def leave_idle(page: Page) -> None:
    """Have the page no longer follow whether the server is busy, which it has no indicator to show.

    Every click of any visitor makes the server busy and idle again, and at each change every open page went
    through all its children: 0.1 s a page, twice a click, before the click was looked at.
    """
    with edit_readonly(page):
        page.busy = False
