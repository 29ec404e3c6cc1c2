"""The data that a backtest can run on: scenarios to simulate, samples, recordings of this machine, a file
of the visitor's.
"""

import gzip
import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.backtest_controls import RECORDING, SAMPLE, SCENARIO, BacktestControls
from app.captures import capture_files, captures
from app.catalogue import catalogue
from app.parameters import DAY_S, paced
from app.strategies import Strategy, strategies
from app.uploads import Uploaded
from market_sim.replaying.vetting import FORMS
from market_sim.runner.backtests import DAILY, BacktestRequest
from market_sim.samples import SAMPLES, sample

PACE_S = {"bars": 60.0, "closes": DAY_S}
"""Seconds between the rows of samples whose rows are not events."""


@dataclass(frozen=True)
class Source:
    """Data that have been found: files or a scenario, the form where they are a table, the seconds between
    rows (1 where rows are events), and a title.
    """

    title: str
    scenario: str | None = None
    files: tuple[Path, ...] = ()
    form: str | None = None
    symbol: str | None = None
    pace_s: float = 1.0


def options() -> dict[str, str]:
    """What there is to choose, by what people read; an upload is chosen by uploading."""
    found = {f"Sample: {name}": f"{SAMPLE}:{name}" for name in SAMPLES}
    found |= {f"Simulate: {name}": f"{SCENARIO}:{name}" for name in catalogue().scenarios}
    return found | {f"Recording: {name}": f"{RECORDING}:{name}" for name in captures()}


def describe(source: Source) -> str:
    """What the data are, in a sentence."""
    if source.scenario is not None:
        return f"{catalogue().scenarios[source.scenario]}. Simulated anew; the strategy trades in it."
    name = source.title.removeprefix("sample ")
    return SAMPLES[name][0].upper() + SAMPLES[name][1:] + "." if name in SAMPLES else source.title


def find(controls: BacktestControls, upload: Uploaded | None) -> Source:
    """The data that the controls name; ValueError in words if there are none."""
    name = controls.name
    if controls.kind == SCENARIO:
        known = catalogue().scenarios
        if name not in known:
            raise ValueError(f"There is no scenario {name[:40]!r}: choose {', '.join(known)}.")
        return Source(f"scenario {name}", scenario=name)
    if controls.kind == SAMPLE:
        if name not in SAMPLES:
            raise ValueError(f"There is no sample {name[:40]!r}: choose {', '.join(SAMPLES)}.")
        form = name if name in FORMS else "quotes"
        symbol = "BTC/USD" if form == "bars" else None
        return Source(f"sample {name}", None, (sample(name),), form, symbol, PACE_S.get(form, 1.0))
    if controls.kind == RECORDING:
        return Source(f"recording {name}", None, capture_files(name))
    if upload is None:
        raise ValueError("The file of this link was chosen in another tab: choose it here again.")
    seen = upload.vetted
    pace = DAY_S if seen.form == DAILY else max(seen.step_s, 1.0) if seen.form == "bars" else 1.0
    return Source(upload.name, None, (upload.path,), seen.form, upload.symbol, pace)


def request(controls: BacktestControls, source: Source) -> BacktestRequest:
    """The run that the controls stand for; ValueError in words if there is none."""
    strategy = strategy_named(controls.strategy)
    given = dict(strategy.parameters(controls.parameters))
    paces = {name: paced(name, plain, source.pace_s) for name, plain in strategy.defaults.items()}
    params = {name: value for name, value in paces.items() if value != strategy.defaults[name]} | given
    return BacktestRequest(
        kind=strategy.kind,
        params=tuple(sorted(params.items())),
        scenario=source.scenario,
        files=source.files,
        form=source.form,
        title=source.title,
        symbol=source.symbol,
        seed=controls.seed,
        until=f"{round(controls.minutes * 60_000)}ms" if source.scenario else None,
        cash=_digits(controls.cash),
        short_selling=controls.short,
        maker_fee_bps=_digits(controls.maker),
        taker_fee_bps=_digits(controls.taker),
        latency=f"{_digits(controls.latency)}ms",
        calendar=controls.calendar or None,
    )


def _digits(value: float) -> str:
    """A number without an exponent."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def strategy_named(name: str) -> Strategy:
    """A shipped strategy; ValueError in words if there is none of that name."""
    found = strategies().get(name)
    if found is None:
        raise ValueError(f"There is no strategy {name[:40]!r}: choose {', '.join(strategies())}.")
    return found


@cache
def sample_text(name: str) -> bytes:
    """A sample as the CSV text that an upload would be."""
    return gzip.decompress(sample(name).read_bytes())


def sample_file(name: str) -> io.BytesIO:
    """The same, as a file to download."""
    return io.BytesIO(sample_text(name))
