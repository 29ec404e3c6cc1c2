"""`panel serve app` runs this once for every visitor."""

import panel as pn

from app.page import serve_page

serve_page(
    pn.state.curdoc,
    {key: values[-1].decode("utf-8", "replace") for key, values in pn.state.session_args.items()},
)
