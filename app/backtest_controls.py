"""What a visitor has chosen for a backtest, and how a link says it: the same link asks for the same run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from math import isfinite

from app.controls import (
    DARK,
    DEFAULT_SEED,
    LIGHT,
    PAIRS_AT_MOST,
    PARAMETER,
    Pairs,
    parse_latency,
    parse_seed,
    plain,
    shown,
)

DEFAULT_STRATEGY = "AvellanedaStoikov"
DEFAULT_DATA = "sample:quotes"
SCENARIO, SAMPLE, RECORDING, UPLOAD = "scenario", "sample", "recording", "upload"
KINDS = (SCENARIO, SAMPLE, RECORDING, UPLOAD)
CALENDARS = ("", "24/7", "252")
CASH_MAX = 1e12
FEE_BPS_MAX = 1_000.0
MINUTES_MAX = 24 * 60.0


@dataclass(frozen=True)
class BacktestControls:
    """Everything that a link to a backtest carries. `data` is KIND:NAME, or "upload" for a file of this page.

    `minutes` of simulated time are those of a scenario; `cash` is in the numeraire; fees are in bps of value
    and `latency` in ms one way, both of recordings: a scenario has its own. `calendar` annualises.
    """

    strategy: str = DEFAULT_STRATEGY
    data: str = DEFAULT_DATA
    seed: int = DEFAULT_SEED
    minutes: float = 10.0
    cash: float = 100_000.0
    short: bool = True
    maker: float = 0.0
    taker: float = 0.0
    latency: float = 1.0
    calendar: str = ""
    theme: str = DARK
    parameters: Pairs = ()

    @property
    def kind(self) -> str:
        """Scenario, sample, recording or upload."""
        return self.data.partition(":")[0]

    @property
    def name(self) -> str:
        """Which scenario, sample or recording."""
        return self.data.partition(":")[2]

    def to_query(self) -> dict[str, str]:
        """The controls as text for the address bar; what is as it is by default is left out."""
        plain = BacktestControls()
        told = {"page": "backtest", "strategy": self.strategy, "data": self.data}
        for name in ("seed", "minutes", "cash", "maker", "taker", "latency", "calendar", "theme"):
            value = getattr(self, name)
            if value != getattr(plain, name):
                told[name] = f"{value:g}" if isinstance(value, float) else str(value)
        if self.cash != plain.cash:
            told["cash"] = f"{self.cash:.12g}"
        if not self.short:
            told["short"] = "no"
        return told | {PARAMETER + key: text for key, text in self.parameters}


def from_query(query: Mapping[str, str]) -> tuple[BacktestControls, list[str]]:
    """The controls that a link asks for, and a sentence for everything in it that cannot be had."""
    chosen: dict[str, object] = {}
    parameters: dict[str, str] = {}
    complaints = []
    names = [field.name for field in fields(BacktestControls) if field.name != "parameters"]
    for key, text in query.items():
        if key.startswith(PARAMETER) and len(key) < 100 and len(parameters) < PAIRS_AT_MOST:
            parameters[key.removeprefix(PARAMETER)] = text
        elif key not in names:
            complaints.append(
                f"The link says {shown(key)}, which is no control here: {', '.join(names)} are."
            )
        else:
            try:
                chosen[key] = PARSERS.get(key, plain)(text)
            except ValueError as error:
                complaints.append(f"The link's {key}: {error}")
    try:
        pairs = sorted((plain(key), plain(text)) for key, text in parameters.items())
        chosen["parameters"] = tuple(pairs)
    except ValueError as error:
        complaints.append(f"The link's parameters: {error}")
    return BacktestControls(**chosen), complaints  # type: ignore[arg-type]


def parse_data(text: str) -> str:
    """KIND:NAME; ValueError in words."""
    kind, _, name = plain(text).partition(":")
    if kind not in KINDS or (kind != UPLOAD and not name):
        raise ValueError(f"{shown(text)} is no data. Write sample:NAME, scenario:NAME or recording:NAME.")
    return text


def _between(what: str, low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not (isfinite(value) and low <= value <= high):
            raise ValueError(f"{shown(text)} is no {what}. Give a number from {low:g} to {high:,.0f}.")
        return value

    return parse


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"{shown(text)} is none of {', '.join(word or 'nothing' for word in allowed)}.")
        return text

    return parse


PARSERS: dict[str, Callable[[str], object]] = {
    "seed": parse_seed,
    "data": parse_data,
    "minutes": _between("number of minutes", 0.1, MINUTES_MAX),
    "cash": _between("amount of cash", 0.0, CASH_MAX),
    "maker": _between("fee in bps", -FEE_BPS_MAX, FEE_BPS_MAX),
    "taker": _between("fee in bps", -FEE_BPS_MAX, FEE_BPS_MAX),
    "latency": parse_latency,
    "calendar": _one_of(*CALENDARS),
    "theme": _one_of(DARK, LIGHT),
    "short": lambda text: _one_of("yes", "no")(text) == "yes",
}
