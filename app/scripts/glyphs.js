// -- glyphs: each has four shadows, for what is selected, muted or dragged; a chart without tools shows none, and
// masks no points. How a glyph looks is read anew when that changes, and with the data only where it is a column

const {GlyphView} = bokeh("models/glyphs/glyph")
if (has(GlyphRendererView, "set_data", "set_visuals", "map_data", "connect_signals", "_update_masked_indices")
    && has(GlyphView, "_iter_visuals", "after_visuals", "after_lazy_visuals")) {
  const {set_data, set_visuals, map_data, connect_signals, _update_masked_indices} = GlyphRendererView.prototype
  const from_data = (prop) => {
    const {field, expr} = prop.get_value() ?? {}
    return field !== undefined || expr !== undefined
  }
  GlyphRendererView.prototype.connect_signals = function() {
    this.connect(this.glyph.model.change, () => { this._looks = false })
    connect_signals.call(this)
  }
  GlyphRendererView.prototype._update_masked_indices = function() {
    return bare(this) ? this.all_indices : _update_masked_indices.call(this)
  }
  GlyphRendererView.prototype.set_data = async function(indices) {
    if (!bare(this)) { return set_data.call(this, indices) }
    this.all_indices = this.model.view.indices
    await this.glyph.set_data(this.model.data_source, this.all_indices, indices)
    if (this._looks) { await this._place() } else { await this.set_visuals() }
    this.plot_view.invalidate_dataranges = true
  }
  GlyphRendererView.prototype.set_visuals = async function() {
    if (!bare(this)) { return set_visuals.call(this) }
    this._looks = ![...this.glyph._iter_visuals()].some(from_data)
    this.glyph.set_visuals(this.model.data_source, this.all_indices)
    await this._place()
  }
  // Texts are as wide as their looks and the data together make them.
  GlyphRendererView.prototype._place = async function() {
    this.glyph.after_visuals()
    await this.glyph.after_lazy_visuals()
  }
  GlyphRendererView.prototype.map_data = function() {
    if (bare(this)) { this.glyph.map_data() } else { map_data.call(this) }
  }
}

// -- paths: marks of one look and without an outline are filled as one, without those that have left the frame:
// where they lie over each other they are no darker. A step line has no points within its level stretches

const {ScatterView} = bokeh("models/glyphs/scatter")
if (ScatterView?.prototype._paint) {
  const paint = ScatterView.prototype._paint
  const silent = {apply() {}}
  const closed = ["triangle", "inverted_triangle", "diamond", "square"]
  ScatterView.prototype._paint = function(ctx, indices, data) {
    const {visuals, sx, max_size, renderer, marker} = this
    const alike = data == null && renderer._looks && this.line_width.get(0) === 0
    if (!alike || !marker.is_Scalar() || !closed.includes(marker.value)) {
      return paint.call(this, ctx, indices, data)
    }
    const {left, right} = renderer.plot_view.frame.bbox
    const near = indices.filter((i) => left - max_size < sx[i] && sx[i] < right + max_size)
    ctx.beginPath()
    ctx.beginPath = () => {}
    this.visuals = {fill: silent, hatch: silent, line: silent}
    try { paint.call(this, ctx, near, data) }
    finally {
      this.visuals = visuals
      delete ctx.beginPath
    }
    visuals.fill.apply(ctx, 0)
    visuals.hatch.apply(ctx, 0)
  }
}

const {StepView} = bokeh("models/glyphs/step")
if (StepView?.prototype._build_step_path) {
  const build = StepView.prototype._build_step_path
  StepView.prototype._build_step_path = function(indices, data) {
    const {xs, ys} = build.call(this, indices, data)
    const ends = ys.map((y, k) => ys[k - 1] !== y || y !== ys[k + 1])
    const kept = (values) => values.filter((_, k) => ends[k])
    return {xs: kept(xs), ys: kept(ys)}
  }
}

// -- indices: every glyph sorts its points in space whenever they change, to find those under a pointer and the
// ends of ranges that follow the data; now when somebody asks, which nobody does of a chart without tools whose
// ranges are set. What lies outside the frame is clipped in any case

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
