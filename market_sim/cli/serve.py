"""`market-sim serve`: the dashboard of a checkout, with the settings that keep a served page safe."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from market_sim.cli.output import notes
from market_sim.errors import ScenarioError

MESSAGE_BYTES = 8 * 1024 * 1024
"""The largest message a browser may send: an uploaded file in base64 is the only large one there is."""


def serve(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 5006,
    address: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine's reach it with 0.0.0.0.")
    ] = "127.0.0.1",
    origin: Annotated[
        list[str] | None,
        typer.Option(help="Host:port that visitors type, once for each; default: this machine's."),
    ] = None,
    max_sessions: Annotated[int | None, typer.Option(help="Visitors at once; default 64.", min=1)] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of recordings that pages may replay.")] = None,
) -> None:
    """Serve the dashboard. An open address together with a wildcard origin is refused."""
    home = _checkout()
    origins = origin or [f"127.0.0.1:{port}", f"localhost:{port}"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(home), os.environ.get("PYTHONPATH")])),
    }
    if max_sessions is not None:
        environment["MARKET_SIM_MAX_SESSIONS"] = str(max_sessions)
    if data is not None:
        environment["MARKET_SIM_DATA"] = str(data.resolve())
    notes().print(f"http://{origins[0]}/app   (Ctrl-C stops it)", markup=False)
    done = subprocess.run(command(port, address, origins), cwd=home, env=environment, check=False)  # noqa: S603
    raise typer.Exit(done.returncode)


def command(port: int, address: str, origins: list[str]) -> list[str]:
    """The command line of the server."""
    options = ["--address", address, "--port", str(port), "--liveness"]
    for name in origins:
        options += ["--allow-websocket-origin", name]
    options += ["--websocket-max-message-size", str(MESSAGE_BYTES)]
    options += ["--unused-session-lifetime", "10000", "--check-unused-sessions", "5000"]
    return [sys.executable, "-m", "panel", "serve", "app", *options]


def _checkout() -> Path:
    for home in (Path.cwd(), Path(__file__).resolve().parents[2]):
        if (home / "app" / "main.py").is_file():
            return home
    raise ScenarioError(
        "the dashboard's folder `app` is not here",
        "serve",
        "Run this in a checkout of market_sim: the installed package holds the library only.",
    )
