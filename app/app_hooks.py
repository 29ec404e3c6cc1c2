"""Run by the server when it starts, before the first visitor comes."""

import asyncio

from bokeh.server.contexts import ServerContext


def on_server_loaded(server_context: ServerContext) -> None:
    """Load now what the first visitor would otherwise wait for: the page, the scenarios and their agents."""
    from app.catalogue import catalogue
    from app.page import Page
    from app.transport import ignore_closed_sockets

    assert Page, "the page can be served"
    catalogue()
    asyncio.get_running_loop().set_exception_handler(ignore_closed_sockets)
