// Laid over Bokeh in the page, before its first element is made. Where Bokeh works otherwise, the methods
// are not found and nothing happens. `quiet.py` puts these scripts one after the other into one block.

const bokeh = (path) => { try { return Bokeh.require(path) } catch { return {} } }
const getter = (type, name) => type && Object.getOwnPropertyDescriptor(type.prototype, name)?.get
const has = (type, ...methods) => methods.every((method) => type?.prototype[method])

const {LayoutDOMView} = bokeh("models/layouts/layout_dom")
const {GlyphRendererView} = bokeh("models/renderers/glyph_renderer")
const PlotView = bokeh("models/plots/plot").PlotView ?? bokeh("models/plots/plot_canvas").PlotView

// No tools: nothing on the chart is selected, dragged or pointed at.
const bare = (view) => view.plot_model.toolbar.tools.length == 0
