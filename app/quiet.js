// Laid over Bokeh in the page, before its first element is made. Where Bokeh works otherwise, the methods
// are not found and nothing happens.

const bokeh = (path) => { try { return Bokeh.require(path) } catch { return {} } }
const getter = (type, name) => type && Object.getOwnPropertyDescriptor(type.prototype, name)?.get

// -- style sheets: none is written for what nobody places, none twice, and charts look none up

const {InlineStyleSheet} = bokeh("core/dom")
if (InlineStyleSheet?.prototype.replace) {
  const replace = InlineStyleSheet.prototype.replace
  InlineStyleSheet.prototype.replace = function(css, styles) {
    if (styles != null || this.el.textContent !== css) { replace.call(this, css, styles) }
  }
}

const {GlyphRendererView} = bokeh("models/renderers/glyph_renderer")
if (GlyphRendererView?.prototype.update_position) {
  GlyphRendererView.prototype.update_position = () => {}
}

const {VisualProperties} = bokeh("core/visuals/visual")
if (VisualProperties?.prototype._get_css_value) {
  VisualProperties.prototype._get_css_value = () => ""
}

// -- layouts: a tree once before the next picture

const {LayoutDOMView} = bokeh("models/layouts/layout_dom")
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

// -- measures: an axis is as wide as its labels, and those change with the ends of its range; along the
// bottom their height never does

const {AxisView} = bokeh("models/axes/axis")
const measure = getter(AxisView, "extents")
if (measure && AxisView.prototype.connect_signals) {
  const known = new WeakMap()
  const connect = AxisView.prototype.connect_signals
  AxisView.prototype.connect_signals = function() {
    connect.call(this)
    const {model} = this
    for (const part of [model, model.ticker, model.formatter]) {
      this.connect(part.change, () => known.delete(this))
    }
  }
  Object.defineProperty(AxisView.prototype, "extents", {get() {
    const [{start, end}] = this.ranges
    const key = this.dimension == 0 ? "" : `${start} ${end}`
    const last = known.get(this)
    if (last?.key === key) { return last.extents }
    const extents = measure.call(this)
    if (extents.tick_label > 0) { known.set(this, {key, extents}) }
    return extents
  }})
}

const PlotView = bokeh("models/plots/plot").PlotView ?? bokeh("models/plots/plot_canvas").PlotView
const font_size = getter(PlotView, "base_font_size")
if (font_size && PlotView.prototype.compute_layout) {
  const known = new WeakMap()
  const compute = PlotView.prototype.compute_layout
  PlotView.prototype.compute_layout = function() {
    known.delete(this)
    compute.call(this)
  }
  Object.defineProperty(PlotView.prototype, "base_font_size", {get() {
    if (!known.has(this)) { known.set(this, font_size.call(this)) }
    return known.get(this)
  }})
}

// -- glyphs: each has four shadows, for what is selected, muted or dragged; a chart without tools shows none

const bare = (view) => view.plot_model.toolbar.tools.length == 0
if (GlyphRendererView?.prototype.set_data && GlyphRendererView.prototype.map_data) {
  const {set_data, set_visuals, map_data} = GlyphRendererView.prototype
  GlyphRendererView.prototype.set_data = async function(indices) {
    if (!bare(this)) { return set_data.call(this, indices) }
    this.all_indices = this.model.view.indices
    await this.glyph.set_data(this.model.data_source, this.all_indices, indices)
    await this.set_visuals()
    this._update_masked_indices()
    this.plot_view.invalidate_dataranges = true
  }
  GlyphRendererView.prototype.set_visuals = async function() {
    if (!bare(this)) { return set_visuals.call(this) }
    this.glyph.set_visuals(this.model.data_source, this.all_indices)
    this.glyph.after_visuals()
    await this.glyph.after_lazy_visuals()
  }
  GlyphRendererView.prototype.map_data = function() {
    if (bare(this)) { this.glyph.map_data() } else { map_data.call(this) }
  }
}

// -- indices: every glyph sorts its points in space whenever they change, to find those under a pointer and the
// ends of ranges that follow the data; now when somebody asks, which nobody does of a chart without tools whose
// ranges are set. What lies outside the frame is clipped in any case

const {GlyphView} = bokeh("models/glyphs/glyph")
const sorted = getter(GlyphView, "index")
if (sorted && GlyphView.prototype.index_data && GlyphView.prototype.mask_data) {
  const {index_data, mask_data} = GlyphView.prototype
  GlyphView.prototype.index_data = function() { this._index = null }
  Object.defineProperty(GlyphView.prototype, "index", {get() {
    if (this._index == null) { index_data.call(this) }
    return sorted.call(this)
  }})
  GlyphView.prototype.mask_data = function() {
    return bare(this.renderer) ? this.renderer.all_indices : mask_data.call(this)
  }
}

const {RangeManager} = bokeh("models/plots/range_manager")
const {DataRange1d} = bokeh("models/ranges/data_range1d")
if (RangeManager?.prototype.update_dataranges && RangeManager.prototype.ranges && DataRange1d) {
  const update = RangeManager.prototype.update_dataranges
  RangeManager.prototype.update_dataranges = function() {
    const {x_ranges, y_ranges} = this.ranges()
    if ([...x_ranges, ...y_ranges].some((range) => range instanceof DataRange1d)) { return update.call(this) }
    this.invalidate_dataranges = false
  }
}

// -- overlays: the canvas above a chart is painted and blended with each picture; ours have nothing on it

if (PlotView?.prototype._actual_paint) {
  const paint = PlotView.prototype._actual_paint
  const below = {model: {level: "glyph"}}
  PlotView.prototype._actual_paint = function() {
    if (this._invalidate_all && !this.computed_renderer_views.some(({model}) => model.level == "overlay")) {
      this._invalidate_all = false
      this._invalidated_painters.add(below)
      this.canvas_view.overlays.el.style.display = "none"
    }
    paint.call(this)
  }
}

// -- repaints: none of what is out of sight, and none for a moment after a click. Of what has a tag like
// "sight:trades" the server hears, as of charts, when it is out of sight

if (PlotView?.prototype.repaint && LayoutDOMView?.prototype.after_render) {
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

  const followed = new Map()
  const tell = () => {
    const away = [...followed.values()].filter(({seen}) => !seen)
    window.market_sim_away = away.map(({name}) => name)
    document.dispatchEvent(new Event("market_sim.away"))
  }
  const look = (entries) => {
    for (const {target, isIntersecting} of entries) {
      const found = followed.get(target)
      if (!found) { continue }
      found.seen = isIntersecting
      if (isIntersecting && found.waits) { found.view.request_repaint() }
    }
    tell()
  }
  const watch = new IntersectionObserver(look, {rootMargin: "__NEAR_PX__px"})
  const remove = LayoutDOMView.prototype.remove
  LayoutDOMView.prototype.remove = function() {
    watch.unobserve(this.el)
    followed.delete(this.el)
    remove.call(this)
  }
  // A repaint that would be put off is not even scheduled.
  const schedule = PlotView.prototype.schedule_paint
  PlotView.prototype.schedule_paint = function() {
    const chart = followed.get(this.el)
    if (chart && !chart.seen) { chart.waits = true } else { schedule.call(this) }
  }
  const follow = (view, name) => {
    followed.set(view.el, {view, name, seen: true, waits: false})
    watch.observe(view.el)
  }
  const render = LayoutDOMView.prototype.after_render
  LayoutDOMView.prototype.after_render = function() {
    render.call(this)
    const tag = this.model.tags.find((tag) => tag.startsWith?.("sight:"))
    if (tag && !followed.has(this.el)) { follow(this, tag.slice("sight:".length)) }
  }
  PlotView.prototype.repaint = function() {
    if (!followed.has(this.el)) { follow(this, this.model.name) }
    const chart = followed.get(this.el)
    chart.waits = !chart.seen
    if (chart.waits) { return }
    const left = until - performance.now()
    if (left <= 0) { return paint.call(this) }
    if (late.size == 0) { setTimeout(catch_up, left) }
    late.add(this)
  }
}
