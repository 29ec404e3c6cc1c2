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
  const watch = new IntersectionObserver(look, {rootMargin: `${__NEAR_PX__}px`})
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
