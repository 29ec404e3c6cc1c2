"""`market-sim doctor`: what this installation consists of, and what stands in its way.

The report is made to be pasted into an issue: versions and findings, no environment dump, no secrets.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

#: The chosen parts, by the names of their distributions.
PARTS = (
    "mesa", "numpy", "polars", "pydantic", "typer", "rich",
    "panel", "panel-material-ui", "bokeh", "tornado", "holoviews", "hvplot",
)  # fmt: skip
DASHBOARD_PORT = 5006
_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_CHROMIUM_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)


@dataclass(frozen=True)
class Finding:
    """Something that stands in the way. An `error` breaks runs; a warning concerns one use."""

    what: str
    remedy: str
    error: bool = False


@dataclass
class Report:
    """What `doctor` found out; `facts` keep their order."""

    facts: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, str | None] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        """True when nothing found is an error."""
        return not any(finding.error for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        findings = [asdict(finding) for finding in self.findings]
        return {**self.facts, "parts": self.parts, "findings": findings, "healthy": self.healthy}

    def as_text(self) -> str:
        """Lines to read and to paste."""
        rows = [f"{name.replace('_', ' '):<16} {_shown(value)}" for name, value in self.facts.items()]
        versions = ", ".join(f"{name} {version or 'MISSING'}" for name, version in self.parts.items())
        rows.append(f"{'parts':<16} {versions}")
        if not self.findings:
            rows.append("nothing found wrong")
        rows += [f"{'ERROR' if f.error else 'note'}: {f.what}. {f.remedy}" for f in self.findings]
        return "\n".join(rows)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def find_chromium() -> str | None:
    """A Chromium or Chrome for browser tests: MARKET_SIM_CHROMIUM, else the PATH, else the usual places."""
    named = os.environ.get("MARKET_SIM_CHROMIUM")
    if named:
        return shutil.which(named)
    on_path = next((found for name in _CHROMIUM_NAMES if (found := shutil.which(name))), None)
    return on_path or next((place for place in _CHROMIUM_PLACES if Path(place).exists()), None)


def chromium_advice() -> str:
    """One line for the start of a test run: the browser that will be used, or how to get one."""
    found = find_chromium()
    if found:
        return f"==> browser tests use {found}"
    named = os.environ.get("MARKET_SIM_CHROMIUM")
    missing = f"MARKET_SIM_CHROMIUM={named} is no program" if named else "no Chromium found"
    return (
        f"==> {missing}: the browser tests are left out. On Debian and Ubuntu: apt-get install chromium; "
        "elsewhere name one: MARKET_SIM_CHROMIUM=/path/to/chrome"
    )


def data_folder() -> Path | None:
    """The folder of recorded market data for tests, or None where there is none."""
    named = os.environ.get("MARKET_SIM_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    return folder if folder.is_dir() else None


def examine(port: int = DASHBOARD_PORT) -> Report:
    """Look at everything; takes up to a few seconds because it asks programs for their versions."""
    report = Report()
    report.facts["market_sim"] = _version("market-sim") or "not installed, runs from a checkout"
    report.facts["python"] = f"{platform.python_implementation()} {platform.python_version()}"
    report.facts["platform"] = f"{platform.system()} {platform.release()} {platform.machine()}"
    report.facts["processors"] = os.cpu_count()
    _engine(report)
    _agents(report)
    _parts(report)
    _tools(report)
    _places(report, port)
    if sys.version_info >= (3, 14):
        report.findings.append(Finding("Python 3.14 or later is not tested", "Use 3.11, 3.12 or 3.13."))
    return report


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _engine(report: Report) -> None:
    wish = os.environ.get("MARKET_SIM_ENGINE") or "auto"
    spec = importlib.util.find_spec("market_sim._engine")
    report.facts["engine_wish"] = wish
    if spec is None or spec.origin is None:
        report.facts["engine"] = "reference"
        report.facts["native_engine"] = None
        remedy = "Install Rust and run `make test`, or `uv run maturin develop --release`."
        report.findings.append(Finding("the native engine is not built", remedy, error=wish == "rust"))
        return
    try:
        native = importlib.import_module("market_sim._engine")
    except ImportError as error:
        report.facts["engine"] = "reference"
        report.facts["native_engine"] = f"cannot be loaded: {error}"
        remedy = "Build it for this Python and processor: `uv run maturin develop --release`."
        report.findings.append(Finding("the native engine is there but cannot be loaded", remedy, error=True))
        return
    report.facts["engine"] = "reference" if wish == "reference" else "rust"
    report.facts["native_engine"] = getattr(native, "BUILD", None) or Path(spec.origin).name
    sources = Path(__file__).parents[1] / "engine_rs"
    newest = max((file.stat().st_mtime for file in sources.glob("*/src/**/*.rs")), default=0.0)
    if newest > Path(spec.origin).stat().st_mtime:
        report.findings.append(
            Finding("the native engine is older than its sources", "Rebuild it: `make test` or `uv sync`.")
        )


def _agents(report: Report) -> None:
    spec = importlib.util.find_spec("agents")
    origin = Path(spec.origin) if spec and spec.origin else None
    ours = origin is not None and origin.parent.parent.resolve() == Path(__file__).parents[1].resolve()
    report.facts["agents_package"] = "ours" if ours else "foreign" if origin else None
    if ours:
        return
    if origin is None:
        report.findings.append(
            Finding("the package `agents` cannot be imported", "Install market_sim again.", error=True)
        )
    else:
        # A widely used SDK has the same import name; whichever comes first on the path wins.
        what = f"`import agents` finds another package ({origin.parent})"
        remedy = "Uninstall that package, or use an environment of its own for market_sim."
        report.findings.append(Finding(what, remedy, error=True))


def _parts(report: Report) -> None:
    report.parts = {name: _version(name) for name in PARTS}
    missing = [name for name, version in report.parts.items() if version is None]
    if missing:
        report.findings.append(
            Finding(f"not installed: {', '.join(missing)}", "Run `make test` or `uv sync`.", error=True)
        )


def _tools(report: Report) -> None:
    for name in ("cargo", "uv"):
        report.facts[name] = _says(name, "--version")
    chromium = find_chromium()
    report.facts["chromium"] = _says(chromium, "--version") if chromium else None
    if not chromium:
        report.findings.append(
            Finding("no Chromium found", "Only browser tests need one; set MARKET_SIM_CHROMIUM.")
        )


def _says(program: str, argument: str) -> str | None:
    found = shutil.which(program)
    if found is None:
        return None
    try:
        done = subprocess.run([found, argument], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return f"{Path(found).name} is there but does not answer"
    # A shim of a version manager may stand on the PATH without the program behind it.
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else None


def _places(report: Report, port: int) -> None:
    busy = _busy(port)
    report.facts["dashboard_port"] = f"{port} {'busy' if busy else 'free'}"
    if busy:
        report.findings.append(
            Finding(f"port {port} is taken", f"`make serve PORT={port + 1}` uses another.")
        )
    report.facts["recorded_data"] = "found" if data_folder() else None
    for name, folder in (("current_folder", Path.cwd()), ("temporary_folder", Path(tempfile.gettempdir()))):
        writable = os.access(folder, os.W_OK)
        report.facts[name] = "writable" if writable else "not writable"
        if not writable:
            what = f"the {name.replace('_', ' ')} cannot be written to"
            report.findings.append(Finding(what, "Change into a folder of your own before `--out`."))


def _busy(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
