"""`market-sim exchange`: a capture or a simulation behind a real exchange's public protocol."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from market_sim.cli.options import Engine, Json, Overrides, Protocol, Seed, Until, name_of, read_duration
from market_sim.cli.output import emit_json, notes

if TYPE_CHECKING:
    from market_sim.exchange import Exchange


def exchange(
    source: Annotated[str, typer.Argument(help="A capture, or a scenario's name or TOML file.")],
    protocol: Annotated[Protocol, typer.Option(help="Which exchange's public side to speak.")],
    speed: Annotated[
        str, typer.Option(help='Market seconds a second, as in "10"; "max": as fast as clients read.')
    ] = "1",
    port: Annotated[int, typer.Option(help="0: any free one.", min=0, max=65535)] = 8900,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    venue: Annotated[
        str | None, typer.Option(help="Which of a scenario's venues; default: its first.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End with the market, not with Ctrl-C.")] = False,
    seed: Seed = None,
    until: Until = None,
    engine: Engine = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Serve a market from this machine to any client of that exchange. It begins with the first subscription.

    Public market data only: no order reaches it. `--json` prints one object with its addresses at the start.
    """
    from market_sim.exchange import Exchange, open_play

    pace = _pace(speed)
    play = open_play(
        source,
        protocol.value,
        venue=venue,
        seed=seed,
        until=read_duration(until, "--until"),
        engine=name_of(engine),
        overrides=overrides or (),
    )
    served = Exchange(play, protocol.value, host=host, port=port, speed=pace)
    try:
        asyncio.run(_serve(served, play.notes, once, as_json))
    except KeyboardInterrupt:
        notes().print("stopped")
    if served.failure is not None:
        raise served.failure


async def _serve(served: Exchange, played: list[str], once: bool, as_json: bool) -> None:
    async with served.open():
        told = {
            "protocol": served.protocol,
            "url": served.url,
            "rest_url": served.rest_url,
            "port": served.port,
            "symbols": list(served.board.symbols),
            "speed": served.speed,
            "notes": played,
        }
        if as_json:
            emit_json(told)
        else:
            symbols = ", ".join(served.board.symbols)
            notes().print(
                f"{served.protocol} at {served.url} (REST {served.rest_url}): {symbols}; Ctrl-C stops it",
                markup=False,
                soft_wrap=True,
            )
            for note in played:
                notes().print(f"note: {note}", markup=False, soft_wrap=True)
        while not (once and served.ended.is_set()):
            await asyncio.sleep(0.2)


def _pace(speed: str) -> float | None:
    if speed == "max":
        return None
    try:
        found = float(speed)
    except ValueError:
        found = 0.0
    if not 0 < found < 1e6:
        raise typer.BadParameter(f'{speed!r} is no speed: give market seconds a second, or "max"')
    return found
