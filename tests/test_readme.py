"""What the README says works: its agent from a file, from cells and from a scenario; links and commands."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from market_sim.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language; fences come in pairs, the language on the first of each."""
    pieces = re.split(r"^```(\w*)\n", f"{README}\n", flags=re.MULTILINE)
    opened = zip(pieces[1::4], pieces[2::4], strict=True)
    return [text for name, text in opened if name == language]


AGENT, CELL = blocks("python")
(TABLE,) = blocks("toml")


def shortened(code: str) -> str:
    """The same with a minute in place of ten: what is tested is that it runs."""
    assert 'until="10m"' in code
    return code.replace('until="10m"', 'until="1m"')


def test_the_agent_is_about_twenty_lines():
    assert len([line for line in AGENT.splitlines() if line.strip()]) <= 20


def test_the_agent_runs_from_a_file_and_trades(tmp_path):
    (tmp_path / "my_maker.py").write_text(shortened(AGENT))
    done = subprocess.run(
        [sys.executable, "my_maker.py"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "MyMaker" in done.stdout


def test_the_agent_runs_from_two_cells_of_a_notebook():
    cell = {"__name__": "a_cell"}
    # A notebook's namespace is no module that could be imported again.
    exec(compile(AGENT, "<cell 1>", "exec"), cell)
    *steps, shown = shortened(CELL).strip().splitlines()
    exec(compile("\n".join(steps), "<cell 2>", "exec"), cell)
    frame = eval(compile(shown, "<cell 2>", "eval"), cell)
    assert frame.columns == ["time", "venue", "price", "size", "maker_fee"]
    assert frame.height > 0
    assert cell["result"].order("MyMaker", 1).height > 0


def test_the_agent_runs_from_a_scenario(tmp_path, monkeypatch):
    (tmp_path / "my_maker.py").write_text(AGENT)
    shipped = (ROOT / "market_sim" / "scenarios" / "two_venues.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(f"{shipped}\n{TABLE}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["run", "mine.toml", "--seed", "7", "--until", "1m", "--json"])
    assert done.exit_code == 0, done.stderr
    account = json.loads(done.stdout)["accounts"]["mine"]
    assert any(account["inventory"].values())


COMMANDS = [line for block in blocks("") for line in block.splitlines() if line.startswith("market-sim")]


def test_there_are_commands_to_check():
    assert len(COMMANDS) >= 5


@pytest.mark.parametrize("line", COMMANDS)
def test_every_option_in_the_readme_exists(line):
    words = shlex.split(line, comments=True)[1:]
    done = CliRunner().invoke(app, [words[0], "--help"])
    assert done.exit_code == 0
    assert {word for word in words if word.startswith("--")} <= set(re.findall(r"--[a-z]+", done.stdout))


def test_links_and_folders_lead_somewhere():
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(targets) >= 5
    for target in targets:
        assert (ROOT / target).exists(), target
    for folder in re.findall(r"^\| `([a-z_]+)/`", README, re.MULTILINE):
        assert (ROOT / folder).is_dir(), folder
