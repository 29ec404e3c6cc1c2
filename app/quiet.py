"""Work that nobody sees, spared: in the browser most of opening a page and half of a repaint, on the server
most of a click.

Bokeh 3.9 writes the place of every axis, grid and glyph into a style sheet of its own at every repaint,
moved or not. Each write makes the browser work out styles again, some sixteen times a picture on this page,
and takes longer than the painting. Nothing here rests on those places: no glyph has an element of its own
to be placed.

Charts also wait for a moment after a click, so that what the click has done is shown before pictures that
were on their way are painted.

And whenever an element changes its size, Bokeh lays out the whole tree it stands in and measures every label
of every chart, once for each element: dozens of times over when a page opens. Once before the next picture
is enough.
"""

from bokeh.document import Document
from panel.util import edit_readonly
from panel_material_ui import Page

HOLD_MS = 150
"""How long after a click charts wait: a little longer than the server needs for its answer."""

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
const PlotView = bokeh("models/plots/plot").PlotView ?? bokeh("models/plots/plot_canvas").PlotView
if (PlotView?.prototype.repaint) {
  const paint = PlotView.prototype.repaint
  const late = new Set()
  let until = 0
  const catch_up = () => {
    const left = until - performance.now()
    if (left > 0) { setTimeout(catch_up, left); return }
    const views = [...late]
    late.clear()
    for (const view of views) { if (!view.is_destroyed) { paint.call(view) } }
  }
  const hold = () => { until = performance.now() + __HOLD_MS__ }
  for (const event of ["pointerdown", "click"]) { document.addEventListener(event, hold, true) }
  PlotView.prototype.repaint = function() {
    const left = until - performance.now()
    if (left <= 0) { return paint.call(this) }
    if (late.size == 0) { setTimeout(catch_up, left) }
    late.add(this)
  }
}
""".replace("__HOLD_MS__", str(HOLD_MS))

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
