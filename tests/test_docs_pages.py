"""What the pages tell a reader to type: commands the agent, its scenario; and where links lead."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from market_sim.cli import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*sorted((ROOT / "docs").glob("**/*.md")), *sorted(ROOT.glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(page):
    return page.read_text(encoding="utf-8")


def blocks(page, language):
    return [text for name, text in FENCE.findall(text_of(page)) if name == language]


def commands():
    """(page, words after `market-sim`) of every line that a reader may copy; options may stand before it."""
    for page in PAGES:
        for block in blocks(page, ""):
            for line in block.splitlines():
                words = shlex.split(line, comments=True)
                if "market-sim" in words:
                    yield page.name, words[words.index("market-sim") + 1 :]


COMMANDS = list(commands())


def test_pages_have_commands_to_check():
    assert {"README.md", "start.md", "scenarios.md", "feeds.md", "benchmarks.md"} <= {
        name for name, _ in COMMANDS
    }


@pytest.mark.parametrize("command", sorted({words[0] for _, words in COMMANDS}))
def test_every_option_on_a_page_exists(command):
    used = {word for _, words in COMMANDS if words[0] == command for word in words if word.startswith("--")}
    inner = {words[1] for _, words in COMMANDS if words[0] == command} if command == "bench" else {None}
    help_texts = [CliRunner().invoke(app, [*filter(None, (command, name)), "--help"]) for name in inner]
    assert all(done.exit_code == 0 for done in help_texts)
    known = {name for done in help_texts for name in re.findall(r"--[a-z][a-z-]*", done.stdout)}
    assert used - known == set()


def test_the_page_on_agents_has_the_agent_that_the_readme_tests():
    """tests/test_readme.py runs that one: from a file, from cells and from a scenario."""
    page, readme = (blocks(path, "python")[0] for path in (ROOT / "docs" / "agents.md", ROOT / "README.md"))
    assert re.sub(r"  # .*", "", page) == re.sub(r"  # .*", "", readme)
    tables = [blocks(path, "toml")[0] for path in (ROOT / "docs" / "agents.md", ROOT / "README.md")]
    assert tables[0] == tables[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_snippets_of_python_are_python(page):
    for text in blocks(page, "python"):
        compile(text, str(page), "exec")


def test_the_first_page_shows_all_that_its_program_needs():
    start = re.search(
        r"literalinclude\} \.\./app/joke_app\.py\n:start-at: (.+)", text_of(ROOT / "docs" / "first-page.md")
    )
    program = text_of(ROOT / "app" / "joke_app.py")
    assert not re.search(r"^(import|from) ", program[: program.index(start[1])], re.MULTILINE)


def test_container_commands_on_pages_are_those_of_the_readme():
    def steps(name):
        lines = [
            line.split("#")[0].strip() for block in blocks(ROOT / name, "") for line in block.splitlines()
        ]
        return {line for line in lines if line.startswith("docker compose")}

    assert steps("README.md") == {
        "docker compose up --build", "docker compose build --no-cache", "docker compose down",
    }  # fmt: skip
    assert steps("docs/start.md") >= steps("README.md")


def anchors(page):
    """Anchors of a page's headings, as GitHub and MyST make them."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_anchors_lead_somewhere(page):
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text_of(page))):
        if target.startswith(("http", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        place = page.parent / file if file else page
        if not place.exists() or (anchor and anchor not in anchors(place)):
            lost.append(target)
    assert lost == []
