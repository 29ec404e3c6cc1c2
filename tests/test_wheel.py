"""The wheel, built by itself and installed where nothing of the checkout is, on every Python of its range.

Minutes of downloads and compilation: `make bars TESTS=tests/test_wheel.py`. Needs cargo and a package index.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.11", "3.12", "3.13")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def done(*command, **options):
    """Standard output of a command that has to succeed; what it said where it does not."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert ended.returncode == 0, (
        f"{' '.join(map(str, command))}\n{ended.stdout[-2000:]}\n{ended.stderr[-4000:]}"
    )
    return ended.stdout


def apart(folder):
    """An environment in which nothing of the checkout, or of another environment, is found."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
    }
    return {**kept, "HOME": str(folder), "MARKET_SIM_CACHE": str(folder)}


def interpreter(version):
    """A Python of this version that starts, on the path or beside this one under a version manager."""
    beside = Path(sys.base_prefix).parent.glob(f"{version}.*/bin/python{version}")
    for candidate in (shutil.which(f"python{version}"), *sorted(beside)):
        if (
            candidate
            and subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0
        ):
            return str(candidate)
    return None


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    if not shutil.which("cargo"):
        pytest.skip("cargo is not on the path: the wheel holds a native module")
    folder = tmp_path_factory.mktemp("wheel")
    builder = folder / "builder"
    done(sys.executable, "-m", "venv", str(builder))
    done(str(builder / "bin" / "pip"), "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (built,) = folder.glob("*.whl")
    assert "abi3" in built.name
    return built


@pytest.mark.parametrize("version", VERSIONS)
def test_the_wheel_runs_a_scenario_where_nothing_else_is(wheel, version, tmp_path):
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} on this machine")
    done(python, "-m", "venv", str(tmp_path / "env"))
    programs = tmp_path / "env" / "bin"
    elsewhere = tmp_path / "empty"
    elsewhere.mkdir()
    at = {"cwd": elsewhere, "env": apart(tmp_path)}
    done(str(programs / "pip"), "install", "--quiet", str(wheel), **at)

    ran = json.loads(
        done(
            str(programs / "market-sim"), "run", "two_venues", "--seed", "7", "--until", "10m", "--json", **at
        )
    )
    assert ran["engine"] == "rust"
    assert ran["fills"] > 0
    assert set(ran["ledger_imbalance"].values()) == {0}
    here = [
        sys.executable,
        "-m",
        "market_sim",
        "run",
        "two_venues",
        "--seed",
        "7",
        "--until",
        "10m",
        "--json",
    ]
    assert ran["event_log_hash"] == json.loads(done(*here, cwd=ROOT))["event_log_hash"]

    report = done(str(programs / "market-sim"), "doctor", **at)
    assert "rust" in report
    assert str(ROOT) not in report
