"""Who can reach the server: refuses to start where any page of the web could talk to it.

A browser sends along the page's address when it opens a websocket, and the server lets in only the origins it
knows. With a wildcard it would let in all; on an address that other machines can reach, that makes every web
page its visitors see a way in.
"""

import argparse
import ipaddress
import os
from collections.abc import Mapping, Sequence


class OpenToAllError(ValueError):
    """An open address together with a wildcard origin."""


def check(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> None:
    """Look at the server's command line and environment; OpenToAllError says what to change."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--address")
    parser.add_argument("--allow-websocket-origin", action="append", default=[])
    known, _ = parser.parse_known_args([*arguments])
    named = environment.get("BOKEH_ALLOW_WS_ORIGIN", "")
    origins = [*known.allow_websocket_origin, *(text.strip() for text in named.split(",") if text.strip())]
    wild = [origin for origin in origins if "*" in origin.rpartition(":")[0] or origin in ("*", "*:*")]
    if wild and not _is_loopback(known.address):
        raise OpenToAllError(
            f"market_sim does not start: it would listen on {known.address or 'every address'} and take "
            f"connections of any web page (origin {', '.join(wild)}). Name the origins that visitors use, as "
            "in --allow-websocket-origin market.example.org:443, or listen on --address 127.0.0.1."
        )


def _is_loopback(address: str | None) -> bool:
    if address == "localhost":
        return True
    try:
        return address is not None and ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
