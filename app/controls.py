"""What a visitor has chosen, and how a link says it: the same link opens the same market."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite

DEFAULT_SCENARIO = "two_venues"
DEFAULT_SEED = 7
DEFAULT_SPEED = 300.0
REPLAY_SPEED = 10.0
"""A recording lasts minutes, and its book changes ten times a second: at the speed of a simulation it is
over at once.
"""
DARK, LIGHT = "dark", "light"
SEED_MAX = 2**53 - 1
"""The largest whole number that a browser holds exactly; from a program, seeds go on to 2^53 - 1."""
SPEED_MAX = 1_000_000.0
FASTEST = "max"


@dataclass(frozen=True)
class Controls:
    """Everything that a link carries. `replay` is a path to a capture, or empty for a scenario; `speed` is
    simulated seconds per second, None as fast as it goes; an empty `listing` is the market's first.
    """

    scenario: str = DEFAULT_SCENARIO
    replay: str = ""
    seed: int = DEFAULT_SEED
    speed: float | None = DEFAULT_SPEED
    listing: str = ""
    theme: str = DARK

    def to_query(self) -> dict[str, str]:
        """The controls as text for the address bar; what does not apply is left out."""
        source = {"replay": self.replay} if self.replay else {"scenario": self.scenario}
        listing = {"listing": self.listing} if self.listing else {}
        theme = {} if self.theme == DARK else {"theme": self.theme}
        return {**source, "seed": str(self.seed), "speed": speed_text(self.speed), **listing, **theme}


def from_query(query: Mapping[str, str], default: Controls) -> tuple[Controls, list[str]]:
    """The controls a link asks for, and a sentence for everything in it that cannot be had (its default
    stands in).
    """
    chosen: dict[str, object] = {}
    complaints = []
    parsers = {"seed": parse_seed, "speed": parse_speed, "theme": parse_theme}
    names = [field.name for field in fields(Controls)]
    for key, text in query.items():
        if key not in names:
            complaints.append(
                f"The link says {_shown(key)}, which is no control here: {', '.join(names)} are."
            )
            continue
        try:
            chosen[key] = parsers.get(key, _plain)(text)
        except ValueError as error:
            complaints.append(f"The link's {key}: {error}")
    if chosen.get("replay") and "speed" not in chosen:
        chosen["speed"] = REPLAY_SPEED
    return Controls(**{**default.__dict__, **chosen}), complaints


def parse_seed(text: str) -> int:
    """A whole number from 0 to 2^63 - 1; ValueError in words."""
    try:
        seed = int(text)
    except ValueError:
        raise ValueError(f"{_shown(text)} is no whole number. A seed is one from 0 to 2^53 - 1.") from None
    if not 0 <= seed <= SEED_MAX:
        raise ValueError(f"{_shown(text)} is out of range. A seed is a whole number from 0 to 2^53 - 1.")
    return seed


def parse_speed(text: str) -> float | None:
    """Simulated seconds per second, or `max`; ValueError in words."""
    if text == FASTEST:
        return None
    try:
        speed = float(text)
    except ValueError:
        raise ValueError(
            f"{_shown(text)} is no speed. Give simulated seconds per second, or {FASTEST}."
        ) from None
    if not (isfinite(speed) and 0 < speed <= SPEED_MAX):
        raise ValueError(
            f"{_shown(text)} is out of range. Give a speed above 0 up to {SPEED_MAX:,.0f}, or {FASTEST}."
        )
    return speed


def parse_theme(text: str) -> str:
    """`dark` or `light`; ValueError in words."""
    if text not in (DARK, LIGHT):
        raise ValueError(f"{_shown(text)} is no theme: {DARK} and {LIGHT} are.")
    return text


def speed_text(speed: float | None) -> str:
    """A speed as a link writes it."""
    return FASTEST if speed is None else f"{speed:g}"


def _plain(text: str) -> str:
    if len(text) > 500 or not text.isprintable():
        raise ValueError("the text is too long or has characters that cannot be shown.")
    return text


def _shown(text: str) -> str:
    """Foreign text in a message: short and in quotes."""
    return repr(text if len(text) <= 40 else text[:40] + "…")
