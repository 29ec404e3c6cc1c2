// -- style sheets: none is written for what nobody places, none twice, and charts look none up

const {InlineStyleSheet} = bokeh("core/dom")
if (InlineStyleSheet?.prototype.replace) {
  const replace = InlineStyleSheet.prototype.replace
  InlineStyleSheet.prototype.replace = function(css, styles) {
    if (styles != null || this.el.textContent !== css) { replace.call(this, css, styles) }
  }
}

if (GlyphRendererView?.prototype.update_position) {
  GlyphRendererView.prototype.update_position = () => {}
}

const {VisualProperties} = bokeh("core/visuals/visual")
if (VisualProperties?.prototype._get_css_value) {
  VisualProperties.prototype._get_css_value = () => ""
}

// -- layouts: a tree once before the next picture

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
