"""Run by the server when it starts, before the first visitor comes."""

from bokeh.server.contexts import ServerContext


def on_server_loaded(server_context: ServerContext) -> None:
    """Load now what the first visitor would otherwise wait for: the page, the scenarios and their agents."""
    from app.catalogue import catalogue
    from app.page import serve_page

    assert serve_page, "the page can be served"
    catalogue()
