"""How many visitors a server takes, and how it says that it is well.

Bokeh has no limit on sessions of its own: whoever keeps asking for the page would fill the machine's memory.
An imported module, because main.py runs once per visitor and these settings belong to the server.
"""

import os
import time
from collections.abc import Callable
from typing import Any, Protocol

from panel.io.liveness import LivenessHandler
from panel.io.server import AutoloadJsHandler, ComponentResourceHandler, DocHandler
from tornado.web import HTTPError

import market_sim
from app.uploads import limit_bytes
from market_sim.errors import MarketSimError
from market_sim.runner import open_runners
from market_sim.runner.tasks import max_tasks, open_tasks

SESSIONS = 64
"""Visitors at once, unless MARKET_SIM_MAX_SESSIONS says otherwise: as many as two cores can draw for."""

DOCUMENTS_PER_SESSION = 4
"""Pages that were asked for and never connected, or were left, wait for the server to drop them."""

LAG_S = 2.0
"""A server that has not come round to its own clock for so long is not well."""

COMPONENT_PACKAGES = ("panel", "panel_material_ui")

FULL_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>market_sim is full</title>
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="30">
<body style="font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em">
<h1>All places are taken</h1><p>{sentence}</p>"""


class Visited(Protocol):
    """A page as the server counts it."""

    @property
    def in_use(self) -> bool:
        """Whether somebody looks at it, or may be about to."""


_pages: set[Visited] = set()
_beat = time.monotonic()


def max_sessions() -> int:
    """How many visitors there may be at once; ValueError in words if the environment's number is none."""
    text = os.environ.get("MARKET_SIM_MAX_SESSIONS", str(SESSIONS))
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(f"MARKET_SIM_MAX_SESSIONS is {text!r}: give a whole number above 0.")
    return int(text)


def full_sentence() -> str | None:
    """What to tell a visitor for whom there is no place; None while there is one."""
    limit = max_sessions()
    visitors = sum(page.in_use for page in _pages)
    if visitors < limit and len(_pages) < DOCUMENTS_PER_SESSION * limit:
        return None
    return (
        f"This server shows markets to {limit} visitors at once, and that many are here. Close a tab or come "
        "back in a minute; this page tries again by itself. Who runs the server can raise "
        "MARKET_SIM_MAX_SESSIONS."
    )


def enter(page: Visited) -> Callable[[], None]:
    """Count a page; gives what to call when its session is over."""
    _pages.add(page)
    return lambda: _pages.discard(page)


def tick() -> None:
    """The server's event loop has come round."""
    global _beat
    _beat = time.monotonic()


def health() -> dict[str, Any]:
    """How the server is: `healthy` is False when its event loop is stuck."""
    lag_s = max(0.0, time.monotonic() - _beat - 1.0)
    runners = open_runners()
    return {
        "healthy": lag_s < LAG_S,
        "lag_s": round(lag_s, 3),
        "sessions": sum(page.in_use for page in _pages),
        "documents": len(_pages),
        "max_sessions": max_sessions(),
        "markets": len(runners),
        "tasks": open_tasks(),
        "failed_markets": sum(runner.failure is not None for runner in runners),
        "engine": market_sim.ENGINE,
    }


def _say_full(handler: Any, sentence: str) -> None:
    handler.set_status(503)
    handler.set_header("Retry-After", "30")
    handler.set_header("Content-Type", "text/html; charset=utf-8")
    handler.finish(FULL_PAGE.format(sentence=sentence))


def _gate(handler_class: type) -> None:
    answer = handler_class.get

    async def get(self: Any, *args: Any, **kwargs: Any) -> None:
        sentence = full_sentence()
        if sentence is not None:
            _say_full(self, sentence)
        else:
            await answer(self, *args, **kwargs)

    handler_class.get = get


async def _tell_health(self: Any) -> None:
    report = health()
    self.set_header("Cache-Control", "no-store")
    self.set_status(200 if report["healthy"] else 503)
    self.write(report)


def _import_nothing_foreign() -> None:
    """Panel serves files of components by importing the module that a request names, whichever it is; ours
    need panel's own.
    """
    resolve = ComponentResourceHandler.parse_url_path

    def parse_url_path(self: Any, path: str) -> str:
        if path.split(".")[0].split("/")[0] not in COMPONENT_PACKAGES:
            raise HTTPError(404)
        return resolve(self, path)

    ComponentResourceHandler.parse_url_path = parse_url_path


def guard() -> None:
    """Have this process's server turn away whom it has no place for, and answer /liveness with its health."""
    max_sessions()
    limit_bytes()
    try:
        max_tasks()
    except MarketSimError as error:
        raise ValueError(str(error)) from None
    _import_nothing_foreign()
    _gate(DocHandler)
    _gate(AutoloadJsHandler)
    LivenessHandler.get = _tell_health
