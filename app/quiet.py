"""Work that nobody sees, spared: in the browser most of opening a page and half of a repaint, on the server
most of a click.

Bokeh 3.9 writes the place of every axis, grid and glyph into a style sheet of its own at every repaint,
moved or not. Each write makes the browser work out styles again, some sixteen times a picture on this page,
and takes longer than the painting. Nothing here rests on those places: no glyph has an element of its own
to be placed.

And whenever an element changes its size, Bokeh lays out the whole tree it stands in and measures every label
of every chart, once for each element: dozens of times over when a page opens. Once before the next picture
is enough.
"""

from bokeh.document import Document
from panel.util import edit_readonly
from panel_material_ui import Page

SCRIPT = """
const bokeh = (path) => { try { return Bokeh.require(path) } catch { return {} } }
const {InlineStyleSheet} = bokeh("core/dom")
const {GlyphRendererView} = bokeh("models/renderers/glyph_renderer")
const {LayoutDOMView} = bokeh("models/layouts/layout_dom")
if (GlyphRendererView?.prototype.update_position) {
  GlyphRendererView.prototype.update_position = () => {}
}
if (InlineStyleSheet?.prototype.replace) {
  const replace = InlineStyleSheet.prototype.replace
  InlineStyleSheet.prototype.replace = function(css, styles) {
    if (styles != null || this.el.textContent !== css) { replace.call(this, css, styles) }
  }
}
if (LayoutDOMView?.prototype._after_resize && LayoutDOMView.prototype.compute_layout) {
  const at_once = LayoutDOMView.prototype._after_resize
  const waiting = new Set()
  const lay_out = () => {
    const roots = [...waiting]
    waiting.clear()
    for (const root of roots) { if (root.el.isConnected) { root.compute_layout() } }
  }
  LayoutDOMView.prototype._after_resize = function() {
    let root = this
    while (!root.is_layout_root) { root = root.parent }
    if (root === this && !this._was_built) { return at_once.call(this) }
    if (waiting.size == 0) { requestAnimationFrame(lay_out) }
    waiting.add(root)
  }
}
"""

TEMPLATE = """
{% extends page %}
{% block postamble %}
{{ super() }}
<script>{ __SCRIPT__ }</script>
{% endblock %}
""".replace("__SCRIPT__", SCRIPT)


def spare_layouts(document: Document) -> None:
    """Have the page do so from its first element on; where Bokeh works otherwise, nothing happens. Comes
    after the document has got its page's template.
    """
    page = document.template
    document.template_variables["page"] = page
    document.template = page.environment.from_string(TEMPLATE)


def leave_idle(page: Page) -> None:
    """Have the page no longer follow whether the server is busy, which it has no indicator to show.

    Every click of any visitor makes the server busy and idle again, and at each change every open page went
    through all its children: 0.1 s a page, twice a click, before the click was looked at.
    """
    with edit_readonly(page):
        page.busy = False
