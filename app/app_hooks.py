"""Run by the server when it starts, before the first visitor comes."""

import asyncio
import logging
import os
import pkgutil
import sys

from bokeh.server.contexts import ServerContext
from tornado.ioloop import PeriodicCallback

import agents


def on_server_loaded(server_context: ServerContext) -> None:
    """Refuse what is not safe to serve, and load now what the first visitor would otherwise wait for."""
    from app import exposure, serving
    from app.catalogue import catalogue
    from app.page import Page
    from app.transport import ignore_closed_sockets, of_open_tabs
    from market_sim.runner import prepare

    try:
        exposure.check(sys.argv[1:])
        serving.guard()
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.stderr.flush()
        # Bokeh would log any exception of a hook and go on serving.
        os._exit(2)
    prepare([f"agents.{module.name}" for module in pkgutil.iter_modules(agents.__path__)])
    assert Page, "the page can be served"
    catalogue()
    asyncio.get_running_loop().set_exception_handler(ignore_closed_sockets)
    for name in ("bokeh.server.protocol_handler", "tornado.application"):
        logging.getLogger(name).addFilter(of_open_tabs)
    PeriodicCallback(serving.tick, 1000).start()
