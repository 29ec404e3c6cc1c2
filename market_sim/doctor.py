"""`market-sim doctor`: what this installation consists of, and what stands in its way.

The report is made to be pasted into an issue: versions and findings, no environment dump, no secrets.
"""

from __future__ import annotations

import importlib
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

from market_sim.build_tools import build_troubles, c_compiler, rust_host
from market_sim.errors import EngineError

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
        rows = [f"{name:<16} {_shown(value)}" for name, value in self.facts.items()]
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
    """One line for the start of a test run: the browser that will be used, or how to get one.

    With CI=true a missing browser ends the run: tests that nobody misses would be left out for ever.
    """
    found = find_chromium()
    if found:
        return f"==> browser tests use {found}"
    named = os.environ.get("MARKET_SIM_CHROMIUM")
    missing = f"MARKET_SIM_CHROMIUM={named} is no program" if named else "no Chromium found"
    remedy = (
        "On Debian and Ubuntu: apt-get install chromium; elsewhere name one: "
        "MARKET_SIM_CHROMIUM=/path/to/chrome"
    )
    if os.environ.get("CI") == "true":
        raise SystemExit(f"{missing}, and CI runs every test. {remedy}")
    return f"==> {missing}: the browser tests are left out. {remedy}"


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
    if report.facts["engine"] is not None:
        _agents(report)
    _parts(report)
    _tools(report)
    _places(report, port)
    if sys.dont_write_bytecode:
        what = (
            "bytecode is not kept (PYTHONDONTWRITEBYTECODE): every start compiles all that it imports again"
        )
        report.findings.append(Finding(what, "Unset it, or run `uv sync --compile-bytecode` once."))
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
    report.facts["engine_wish"] = wish
    package = Path(__file__).parent
    built = next((path for path in sorted(package.glob("_engine.*")) if path.suffix in (".so", ".pyd")), None)
    try:
        from market_sim import engine
    except EngineError as error:
        # a wish that cannot be met stops the import itself
        report.facts["engine"] = report.facts["native_engine"] = None
        report.findings.append(Finding(error.what, error.remedy, error=True))
        return
    native = engine.native_module()
    report.facts["engine"] = engine.ENGINE
    report.facts["native_engine"] = (
        getattr(native, "BUILD", built.name if built else None) if native else None
    )
    report.facts["connector"] = hasattr(native, "FeedHandle")
    if native is None and built is None:
        remedy = "Install Rust, then `make test` or `uv run maturin develop --release` builds it."
        report.findings.append(Finding("the native engine is not built", remedy))
    elif native is None or built is None:
        remedy = "Build it for this Python and processor: `uv run maturin develop --release`."
        report.findings.append(
            Finding(f"{built or '_engine'} is there but cannot be loaded", remedy, error=True)
        )
    else:
        if not report.facts["connector"]:
            remedy = "Rebuild it: `uv sync` or `uv run maturin develop --release`."
            report.findings.append(Finding("the native engine has no connector to live feeds", remedy))
        sources = (package.parent / "engine_rs").glob("*/src/**/*.rs")
        if any(path.stat().st_mtime > built.stat().st_mtime for path in sources):
            remedy = "Rebuild it: `make test`, `uv sync` or `uv run maturin develop --release`."
            report.findings.append(Finding("the native engine is older than its sources", remedy))


def _agents(report: Report) -> None:
    from market_sim.scenario.kinds import foreign_agents

    # A widely used SDK has the same import name; whichever comes first on the path wins.
    foreign = foreign_agents()
    there = importlib.util.find_spec("agents") is not None
    report.facts["agents_package"] = "foreign" if foreign else "ours" if there else None
    if foreign:
        remedy = "Uninstall that package, or use an environment of its own for market_sim."
        report.findings.append(
            Finding(f"`import agents` finds another package, {foreign}", remedy, error=True)
        )
    elif not there:
        remedy = "Install market_sim again."
        report.findings.append(Finding("the package `agents` cannot be imported", remedy, error=True))


def _parts(report: Report) -> None:
    report.parts = {name: _version(name) for name in PARTS}
    missing = [name for name, version in report.parts.items() if version is None]
    if missing:
        report.findings.append(
            Finding(f"not installed: {', '.join(missing)}", "Run `make test` or `uv sync`.", error=True)
        )

    try:
        importlib.import_module("mesa")
    except ImportError as error:
        # a part may be there and lack what it stands on
        what = f"mesa cannot be imported: {error}"
        report.findings.append(Finding(what, "Run `make test` or `uv sync`.", error=True))


def _tools(report: Report) -> None:
    for name in ("cargo", "uv"):
        report.facts[name] = _says(name, "--version")
    report.facts["rust_host"] = host = rust_host()
    report.facts["c_compiler"] = c_compiler()
    report.findings += [Finding(what, remedy) for what, remedy in build_troubles(host)]
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
