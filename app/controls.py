"""What a visitor has chosen, and how a link says it: the same link opens the same market."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from math import isfinite

from app.books import parse_books

DEFAULT_SCENARIO = "two_venues"
DEFAULT_SEED = 7
DEFAULT_SPEED = 300.0
LIVE_SPEED = 1.0
REPLAY_SPEED = 10.0
"""A recording lasts minutes, and its book changes ten times a second: at the speed of a simulation it is
over at once.
"""
DEFAULT_LATENCY_MS = 50.0
LATENCY_MS_MAX = 10_000.0
DARK, LIGHT = "dark", "light"
MARKET, BESIDE, AGENTS = "market", "beside", "agents"
VIEWS = (MARKET, BESIDE, AGENTS)
GOOD_TILL_CANCEL = "GTC"
TIFS = {
    "until cancelled (GTC)": GOOD_TILL_CANCEL,
    "at once, the rest cancelled (IOC)": "IOC",
    "all at once or nothing (FOK)": "FOK",
}
"""What an order may be told to do, by how the ticket says it."""
SIDE_BY_SIDE = 4
SEED_MAX = 2**53 - 1
"""The largest whole number that a browser holds exactly; from a program, seeds go on to 2^53 - 1."""
SPEED_MAX = 1_000_000.0
FASTEST = "max"
CHANGE, PARAMETER = "set.", "p."
"""Before a slider's key and a strategy's parameter in a link."""
PAIRS_AT_MOST = 40

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Controls:
    """Everything that a link carries. `replay` is the name of a recording, or empty for a scenario; `speed`
    is simulated seconds per second, None as fast as it goes; an empty `listing` is the market's first.

    `live` names live books, `record` keeps a capture of them. `changes` are the sliders that have been moved,
    `latency` is the visitor's own in milliseconds one way, `strategy` a shipped class to run beside the
    others, with `parameters`. `agent` is whose orders are listed; `size`, `price`, `tif` and `post_only`
    stand on the order ticket, an empty size being the one it opens with. `market` is the id of a shared
    market: then nothing else of the market is the visitor's to choose.
    """

    scenario: str = DEFAULT_SCENARIO
    replay: str = ""
    seed: int = DEFAULT_SEED
    speed: float | None = DEFAULT_SPEED
    listing: str = ""
    theme: str = DARK
    view: str = MARKET
    beside: tuple[str, ...] = ()
    latency: float = DEFAULT_LATENCY_MS
    strategy: str = ""
    changes: Pairs = ()
    parameters: Pairs = ()
    market: str = ""
    live: str = ""
    record: bool = False
    agent: str = ""
    size: str = ""
    price: str = ""
    tif: str = GOOD_TILL_CANCEL
    post_only: bool = False

    def to_query(self) -> dict[str, str]:
        """The controls as text for the address bar; what does not apply is left out."""
        looks = {
            "listing": self.listing,
            "beside": ",".join(self.beside),
            "theme": "" if self.theme == DARK else self.theme,
            "view": "" if self.view == MARKET else self.view,
            "agent": self.agent,
            "size": self.size,
            "price": self.price,
            "tif": "" if self.tif == GOOD_TILL_CANCEL else self.tif,
            "post_only": "yes" if self.post_only else "",
        }
        said = {key: text for key, text in looks.items() if text}
        if self.market:
            return {"market": self.market, **said}
        source = {"replay": self.replay} if self.replay else {"scenario": self.scenario}
        if self.live:
            source = {"live": self.live, **({"record": "yes"} if self.record else {})}
        own = {} if self.latency == DEFAULT_LATENCY_MS else {"latency": f"{self.latency:g}"}
        strategy = {"strategy": self.strategy} if self.strategy else {}
        pairs = {CHANGE + key: value for key, value in self.changes}
        pairs |= {PARAMETER + key: value for key, value in self.parameters if self.strategy}
        return {
            **source,
            "seed": str(self.seed),
            "speed": speed_text(self.speed),
            **pairs,
            **own,
            **strategy,
            **said,
        }


def from_query(query: Mapping[str, str], default: Controls) -> tuple[Controls, list[str]]:
    """The controls a link asks for, and a sentence for everything in it that cannot be had (its default
    stands in).
    """
    chosen: dict[str, object] = {}
    complaints = []
    names = [field.name for field in fields(Controls) if field.name not in ("changes", "parameters")]
    pairs: dict[str, dict[str, str]] = {CHANGE: {}, PARAMETER: {}}
    for key, text in query.items():
        prefix = key[: key.find(".") + 1]
        if prefix in pairs and len(key) < 100 and len(pairs[prefix]) < PAIRS_AT_MOST:
            pairs[prefix][key.removeprefix(prefix)] = text
            continue
        if key not in names:
            complaints.append(
                f"The link says {shown(key)}, which is no control here: {', '.join(names)} are."
            )
            continue
        try:
            chosen[key] = PARSERS.get(key, plain)(text)
        except ValueError as error:
            complaints.append(f"The link's {key}: {error}")
    if chosen.get("live"):
        chosen["speed"], chosen["replay"] = LIVE_SPEED, ""
    if chosen.get("replay") and "speed" not in chosen:
        chosen["speed"] = REPLAY_SPEED
    for prefix, name in ((CHANGE, "changes"), (PARAMETER, "parameters")):
        kept = {}
        for key, text in pairs[prefix].items():
            try:
                kept[plain(key)] = plain(text)
            except ValueError as error:
                complaints.append(f"The link's {shown(prefix + key)}: {error}")
        if kept:
            chosen[name] = tuple(sorted(kept.items()))
    return Controls(**{**default.__dict__, **chosen}), complaints


def parse_seed(text: str) -> int:
    """A whole number from 0 to 2^53 - 1; ValueError in words."""
    try:
        seed = int(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is no whole number. A seed is one from 0 to 2^53 - 1.") from None
    if not 0 <= seed <= SEED_MAX:
        raise ValueError(f"{shown(text)} is out of range. A seed is a whole number from 0 to 2^53 - 1.")
    return seed


def parse_speed(text: str) -> float | None:
    """Simulated seconds per second, or `max`; ValueError in words."""
    if text == FASTEST:
        return None
    try:
        speed = float(text)
    except ValueError:
        raise ValueError(
            f"{shown(text)} is no speed. Give simulated seconds per second, or {FASTEST}."
        ) from None
    if not (isfinite(speed) and 0 < speed <= SPEED_MAX):
        raise ValueError(
            f"{shown(text)} is out of range. Give a speed above 0 up to {SPEED_MAX:,.0f}, or {FASTEST}."
        )
    return speed


def parse_latency(text: str) -> float:
    """Milliseconds one way; ValueError in words."""
    try:
        latency = float(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is no latency. Give milliseconds one way.") from None
    if not 0 <= latency <= LATENCY_MS_MAX:
        raise ValueError(f"{shown(text)} is out of range. Give 0 to {LATENCY_MS_MAX:,.0f} ms one way.")
    return latency


def parse_beside(text: str) -> tuple[str, ...]:
    """Names of listings with commas between them; ValueError in words."""
    names = tuple(dict.fromkeys(name.strip() for name in plain(text).split(",") if name.strip()))
    if len(names) > SIDE_BY_SIDE:
        raise ValueError(f"{len(names)} listings are too many side by side: {SIDE_BY_SIDE} fit.")
    return names


def _one_of(what: str, allowed: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"{shown(text)} is no {what}: {', '.join(allowed)} are.")
        return text

    return parse


def speed_text(speed: float | None) -> str:
    """A speed as a link writes it."""
    return FASTEST if speed is None else f"{speed:g}"


def plain(text: str) -> str:
    """Text of a link that may be looked at; ValueError for what is too long or cannot be shown."""
    if len(text) > 500 or not text.isprintable():
        raise ValueError("the text is too long or has characters that cannot be shown.")
    return text


def shown(text: str) -> str:
    """Foreign text in a message: short and in quotes."""
    return repr(text if len(text) <= 40 else text[:40] + "…")


def yes_or_no(text: str) -> bool:
    """ "yes" or "no"; ValueError in words."""
    return _one_of("choice", ("yes", "no"))(text) == "yes"


PARSERS: dict[str, Callable[[str], object]] = {
    "seed": parse_seed,
    "speed": parse_speed,
    "latency": parse_latency,
    "beside": parse_beside,
    "live": parse_books,
    "record": yes_or_no,
    "post_only": yes_or_no,
    "tif": _one_of("time in force", tuple(TIFS.values())),
    "theme": _one_of("theme", (DARK, LIGHT)),
    "view": _one_of("view", VIEWS),
}
