"""The main parameters of a scenario as sliders: what each is called, its unit, its values, and what moving it
changes.

They are read off the scenario, so every scenario has its own. A moved slider opens the same market (same
seed, same draws) under the changed parameter, from its beginning: what differs is the parameter's doing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from market_sim.scenario import AgentTable, Scenario, load

RATES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
NUMBERS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
CROWDS = (1.0, 2.0, 5.0, 10.0, 20.0, 40.0)
DELAYS_MS = (0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
FEES_BPS = (-0.5, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0)
VOLATILITIES_BPS = (0.0, 0.1, 0.2, 0.5, 0.8, 1.0, 2.0, 5.0, 10.0)
MAKERS = "agents.market_maker:"
NS_PER_MS = 1_000_000
KNOBS_AT_MOST = 16


@dataclass(frozen=True)
class Knob:
    """One slider. `paths` are the dotted keys of the scenario that it sets, `form` how the value is written
    there.
    """

    key: str
    label: str
    unit: str
    values: tuple[float, ...]
    default: float
    paths: tuple[str, ...]
    form: str = "{:g}"

    def changes(self, value: float) -> list[str]:
        """The `--set` texts of a value."""
        return [f"{path}={self.form.format(value)}" for path in self.paths]

    def parse(self, text: str) -> float:
        """A value between the slider's ends; ValueError in words."""
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"{text[:40]!r} is no number. {self._range()}") from None
        if not self.values[0] <= value <= self.values[-1]:
            raise ValueError(f"{text[:40]!r} is out of range. {self._range()}")
        if self.unit == "agents" and value != int(value):
            raise ValueError(f"{text[:40]!r} is no whole number. {self._range()}")
        return value

    def _range(self) -> str:
        return f"{self.label}: from {self.values[0]:g} to {self.values[-1]:g} {self.unit}."


@cache
def knobs_of(name: str) -> tuple[Knob, ...]:
    """The sliders of a shipped scenario, by name."""
    return tuple(knobs(load(name, shipped_only=True)))[:KNOBS_AT_MOST]


def knobs(scenario: Scenario) -> Iterable[Knob]:
    """Arrival rates, numbers of agents, latencies, volatility and fees, in this order."""
    kinds: dict[str, list[AgentTable]] = {}
    for group in scenario.agents:
        kinds.setdefault(group.kind, []).append(group)
    for kind, groups in kinds.items():
        yield from _rate(kind, groups, scenario)
        yield from _number(kind, groups)
    for profile in scenario.latency:
        yield _latency(profile, scenario)
    for instrument, fundamental in scenario.fundamentals.items():
        if not fundamental.leaders:
            yield _knob(
                f"volatility-{_plain(instrument)}",
                f"Volatility of {instrument}'s value",
                "bps per √s",
                VOLATILITIES_BPS,
                float(fundamental.volatility_bps),
                (f'fundamentals."{instrument}".volatility_bps',),
                '"{:g}"',
            )
    yield from _fees(scenario)


def _rate(kind: str, groups: Sequence[AgentTable], scenario: Scenario) -> Iterable[Knob]:
    rate = scenario.params_of(groups[0]).get("rate")
    if isinstance(rate, int | float) and not isinstance(rate, bool):
        paths = tuple(f"agents.{group.name}.params.rate" for group in groups)
        yield _knob(f"{_stem(kind)}-rate", f"Arrival rate, {_words(kind)}", "per s each", RATES, rate, paths)


def _number(kind: str, groups: Sequence[AgentTable]) -> Iterable[Knob]:
    count = groups[0].count
    if count is None and not kind.startswith(MAKERS):
        return
    paths = tuple(f"agents.{group.name}.count" for group in groups)
    each = f" in each of {len(groups)} groups" if len(groups) > 1 else ""
    values = NUMBERS if count is None else CROWDS
    yield _knob(f"{_stem(kind)}-count", f"{_words(kind, True)}{each}", "agents", values, count or 1, paths)


def _latency(profile: str, scenario: Scenario) -> Knob:
    ways = [f"latency.{profile}.{way}" for way in ("entry", "report", "data")]
    for venue, override in scenario.latency[profile].venues.items():
        own = [way for way in ("entry", "report", "data") if getattr(override, way) is not None]
        ways += [f"latency.{profile}.venues.{venue}.{way}" for way in own]
    now_ns = _typical_ns(scenario.latency[profile].entry)
    return _knob(
        f"latency-{_plain(profile)}",
        f"Latency one way, {profile}",
        "ms",
        DELAYS_MS,
        now_ns / NS_PER_MS,
        tuple(ways),
        '"{:g}ms"',
    )


def _fees(scenario: Scenario) -> Iterable[Knob]:
    for venue, table in scenario.venues.items():
        for role, fee_e8 in (("maker", table.maker_fee_e8), ("taker", table.taker_fee_e8)):
            yield _knob(
                f"{role}-fee-{_plain(venue)}",
                f"{role.title()} fee at {venue}, negative is a rebate",
                "bps",
                FEES_BPS,
                fee_e8 / 10_000,
                (f"venues.{venue}.{role}_fee_bps",),
                '"{:g}"',
            )


def _knob(
    key: str,
    label: str,
    unit: str,
    values: Sequence[float],
    default: float,
    paths: tuple[str, ...],
    form: str = "{:g}",
) -> Knob:
    return Knob(key, label, unit, tuple(sorted({*values, default})), float(default), paths, form)


def _typical_ns(model: tuple[object, ...]) -> int:
    """A latency model in one number: its middle."""
    match model:
        case ("constant", int(delay)):
            return delay
        case ("uniform", int(low), int(high)):
            return (low + high) // 2
        case ("table", tuple(quantiles)):
            return int(quantiles[len(quantiles) // 2])
        case ("series", _, tuple(delays)):
            return int(delays[0])
    raise AssertionError("every latency model is one of these")


def _stem(kind: str) -> str:
    return _plain(kind.partition(":")[0].rpartition(".")[2])


def _words(kind: str, capital: bool = False) -> str:
    """`agents.market_maker:AvellanedaStoikov` as people say it: market makers."""
    stem = kind.partition(":")[0].rpartition(".")[2].replace("_", " ")
    text = {"noise": "noise traders", "value": "value traders", "market maker": "market makers"}.get(
        stem, stem
    )
    return text.capitalize() if capital else text


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())
