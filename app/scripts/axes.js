// -- measures: an axis is as wide as its labels, and those change with the ends of its range; along the
// bottom their height never does

const {AxisView} = bokeh("models/axes/axis")
const measure = getter(AxisView, "extents")
if (measure && AxisView.prototype.connect_signals) {
  let known = new WeakMap()
  document.fonts.addEventListener("loadingdone", () => { known = new WeakMap() })
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

// -- labels: each is measured three times and outlined in no colour, with every picture

const {TextBox} = bokeh("core/graphics")
if (TextBox?.prototype.paint) {
  const paint = TextBox.prototype.paint
  TextBox.prototype.paint = function(ctx) {
    if (!this.outline_color.endsWith("/ 0)")) { return paint.call(this, ctx) }
    ctx.strokeText = () => {}
    paint.call(this, ctx)
    delete ctx.strokeText
  }
}
const graphics = bokeh("core/graphics")
if (graphics.text_width) {
  const measure = graphics.text_width
  const known = new Map()
  document.fonts.addEventListener("loadingdone", () => known.clear())
  graphics.text_width = (text, font) => {
    const key = `${font} ${text}`
    if (!known.has(key) || document.fonts.status !== "loaded") {
      if (known.size > 500) { known.clear() }
      known.set(key, measure(text, font))
    }
    return known.get(key)
  }
}
