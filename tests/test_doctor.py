"""`doctor`: what it reports, and that each obstacle is found where there is one."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from market_sim import build_tools
from market_sim.doctor import chromium_advice, data_folder, examine, find_chromium
from market_sim.engine import native_module

ROOT = Path(__file__).parents[1]


def doctor(*arguments: str, cwd: Path = ROOT, **environment: str) -> tuple[int, dict]:
    """The command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "market_sim", "doctor", "--json", *arguments],
        cwd=cwd, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def what_was_found(report: dict) -> str:
    return " | ".join(finding["what"] for finding in report["findings"])


def test_report_names_engine_versions_and_places():
    code, report = doctor()
    assert code == 0
    assert report["healthy"] is True
    assert report["engine"] == ("rust" if native_module() else "reference")
    assert report["agents_package"] == "ours"
    assert report["python"].endswith(".".join(map(str, sys.version_info[:3])))
    assert report["parts"]["mesa"]
    assert {"platform", "native_engine", "chromium", "cargo", "uv", "dashboard_port", "recorded_data"} <= set(
        report
    )
    assert report["current_folder"] == "writable"


def test_text_report_can_be_pasted():
    text = examine().as_text()
    assert "market_sim" in text
    assert "mesa" in text
    assert max(map(len, text.splitlines())) < 1000
    assert "\x1b" not in text


def test_foreign_agents_package_is_an_error(tmp_path):
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").write_text("class Agent: ...")
    code, report = doctor(PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]), cwd=tmp_path)
    assert code == 1
    assert report["agents_package"] == "foreign"
    assert str(tmp_path) in what_was_found(report)


def test_busy_port_is_noted():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, report = doctor("--port", str(port))
    assert code == 0
    assert report["dashboard_port"] == f"{port} busy"
    assert f"port {port} is taken" in what_was_found(report)


@pytest.mark.parametrize("kept", [True, False])
def test_bytecode_that_is_not_kept_is_noted(kept, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", not kept)
    report = examine()
    assert report.healthy
    assert ("PYTHONDONTWRITEBYTECODE" in what_was_found(report.as_dict())) != kept


def test_an_engine_that_is_asked_for_and_missing_is_an_error(tmp_path):
    # A copy of the library without the compiled file: what a checkout without Rust looks like.
    for name in ("market_sim", "agents"):
        (tmp_path / name).mkdir()
        for path in (ROOT / name).rglob("*"):
            if path.is_file() and path.suffix in (".py", ".toml"):
                copy = tmp_path / path.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
    code, report = doctor(PYTHONPATH=str(tmp_path), cwd=tmp_path)
    assert (code, report["engine"], report["native_engine"]) == (0, "reference", None)
    assert "not built" in what_was_found(report)
    code, report = doctor(PYTHONPATH=str(tmp_path), cwd=tmp_path, MARKET_SIM_ENGINE="rust")
    assert code == 1
    assert "cannot be imported" in what_was_found(report)


def test_a_compiled_file_that_cannot_be_loaded_is_an_error(tmp_path):
    for path in (ROOT / "market_sim").rglob("*.py"):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (tmp_path / "market_sim" / "_engine.abi3.so").write_bytes(b"built for another machine")
    code, report = doctor(PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]), cwd=tmp_path)
    assert code == 1
    assert "cannot be loaded" in what_was_found(report)


def test_chromium_is_the_one_that_is_named(monkeypatch, tmp_path):
    browser = tmp_path / "my-browser"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    monkeypatch.setenv("MARKET_SIM_CHROMIUM", str(browser))
    assert find_chromium() == str(browser)
    assert str(browser) in chromium_advice()
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("MARKET_SIM_CHROMIUM", str(tmp_path / "gone"))
    assert find_chromium() is None
    assert "is no program" in chromium_advice()


def test_without_a_browser_the_advice_says_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.delenv("MARKET_SIM_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("market_sim.doctor._CHROMIUM_PLACES", ())
    monkeypatch.delenv("CI", raising=False)
    assert find_chromium() is None
    assert "apt-get install chromium" in chromium_advice()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(SystemExit, match="CI runs every test"):
        chromium_advice()


@pytest.mark.parametrize("there", [True, False])
def test_data_folder_is_the_one_that_is_named(monkeypatch, tmp_path, there):
    monkeypatch.setenv("MARKET_SIM_DATA", str(tmp_path if there else tmp_path / "none"))
    assert data_folder() == (tmp_path if there else None)


LINUX = "x86_64-unknown-linux-gnu"


def troubles(host):
    return " | ".join(what for what, _ in build_tools.build_troubles(host))


@pytest.fixture
def plain(monkeypatch):
    """An x86 machine with everything that a build needs."""
    monkeypatch.delenv("PYO3_PYTHON", raising=False)
    monkeypatch.setattr(build_tools.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(build_tools, "c_compiler", lambda: "cc")


@pytest.mark.parametrize("machine", ["x86_64", "AMD64"])
def test_a_machine_that_can_build_has_no_troubles(plain, monkeypatch, machine):
    monkeypatch.setattr(build_tools.platform, "machine", lambda: machine)
    assert troubles(LINUX) == troubles(None) == ""
    monkeypatch.setenv("PYO3_PYTHON", sys.executable)
    assert troubles(LINUX) == ""


def test_python_and_rust_of_different_processors_are_noted(plain, monkeypatch):
    assert "aarch64-apple-darwin, this Python runs on x86_64" in troubles("aarch64-apple-darwin")
    monkeypatch.setattr(build_tools.platform, "machine", lambda: "arm64")
    assert troubles("aarch64-apple-darwin") == ""


@pytest.mark.parametrize("named", ["gone-python", "/bin/sh"])
def test_a_wish_for_another_interpreter_is_noted(plain, monkeypatch, named):
    monkeypatch.setenv("PYO3_PYTHON", named)
    assert f"PYO3_PYTHON names {named}" in troubles(LINUX)


def test_a_missing_c_compiler_is_noted(plain, monkeypatch):
    monkeypatch.setattr(build_tools, "c_compiler", lambda: None)
    assert "no C compiler" in troubles(LINUX)
    assert troubles(None) == ""


def test_a_build_inside_the_workspace_is_noted(plain, monkeypatch):
    monkeypatch.chdir(ROOT / "engine_rs" / "core")
    assert "lies in engine_rs" in troubles(LINUX)


def test_the_host_of_rust_is_read_from_rustc(monkeypatch, tmp_path):
    if os.name == "nt":
        pytest.skip("the stand-in is a shell script")
    rustc = tmp_path / "rustc"
    rustc.write_text(f"#!/bin/sh\necho 'rustc 1.95.0'\necho 'host: {LINUX}'\n")
    rustc.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build_tools.rust_host() == LINUX
    rustc.unlink()
    assert build_tools.rust_host() is None
    assert build_tools.c_compiler() is None
