"""Every lesson in a real Chromium, served and as a page of the docs: all of it drawn, no complaint."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from market_sim.doctor import find_chromium

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium; MARKET_SIM_CHROMIUM names one"),
]

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted((ROOT / "lessons").glob("[0-9]*.ipynb"))
# A lesson in its short form on a machine that others use too.
PATIENCE_MS = 400_000

#: All text of a page, also where it hides in shadow roots; the number of figures, and of those that drew.
LOOK = """
() => {
    const texts = []
    const search = root => {
        if (root.innerText) { texts.push(root.innerText) }
        for (const element of root.querySelectorAll("*")) {
            if (element.shadowRoot) {
                texts.push([...element.shadowRoot.children].map(child => child.innerText ?? "").join("\\n"))
                search(element.shadowRoot)
            }
        }
    }
    search(document.body)
    const views = window.Bokeh ? [...Bokeh.index.all_views()] : []
    const figures = views.filter(view => view.model.type === "Figure")
    const painted = figures.filter(({canvas_view}) => {
        const {width, height} = canvas_view.primary.canvas
        if (!width || !height) { return false }
        const image = canvas_view.primary.canvas.getContext("2d").getImageData(0, 0, width, height)
        return new Set(new Uint32Array(image.data.buffer)).size > 5
    })
    return {text: texts.join("\\n"), figures: figures.length, painted: painted.length}
}
"""


@contextmanager
def served(lesson: Path, home: Path) -> Iterator[str]:
    """`panel serve` of one notebook on a free port; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = home / "server.log"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MARKET_SIM_CACHE": str(home)}
    environment.pop("MARKET_SIM_LESSONS", None)
    command = [sys.executable, "-m", "panel", "serve", str(lesson.relative_to(ROOT))]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--address", "127.0.0.1", "--port", str(port), "--liveness"],
            cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/liveness", process, log)
        yield f"http://127.0.0.1:{port}/{lesson.stem}"
        assert "Traceback" not in log.read_text(), log.read_text()[-3000:]
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(url, timeout=60)
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)


def listen(page: Page) -> list[str]:
    """What the page complains of, and what it asks for elsewhere."""
    complaints: list[str] = []

    def check(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "file") and parts.hostname != "127.0.0.1":
            complaints.append(f"request off the machine: {url}")

    def hear(kind: str, text: str) -> None:
        if kind == "error":
            complaints.append(f"console: {text}")

    page.on("console", lambda message: hear(message.type, message.text))
    page.on("pageerror", lambda error: complaints.append(f"page error: {error}"))
    page.on("request", lambda request: check(request.url))
    page.on("websocket", lambda websocket: check(websocket.url))
    return complaints


def until_painted(page: Page) -> dict[str, Any]:
    """What is on the page once every figure has drawn, or after a minute."""
    for _ in range(60):
        seen = page.evaluate(LOOK)
        if seen["painted"] == seen["figures"]:
            break
        page.wait_for_timeout(1000)
    return dict(seen)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_served_lesson_runs_to_its_verdicts(lesson: Path, browser: Browser, tmp_path: Path) -> None:
    code = [
        "".join(cell["source"])
        for cell in json.loads(lesson.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]
    with served(lesson, tmp_path) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        complaints = listen(page)
        page.goto(address)
        # Looking at every canvas costs as much as drawing: once a second, or the page would do nothing else.
        page.wait_for_function(f"() => ({LOOK})().text.includes('standard_error')", polling=1000)
        seen = until_painted(page)
        if folder := os.environ.get("MARKET_SIM_PICTURES"):
            # The page scrolls inside itself: only a tall window shows all of it.
            page.set_viewport_size({"width": 1280, "height": 12_000})
            page.wait_for_timeout(2000)
            page.screenshot(path=Path(folder) / f"{lesson.stem}.png")
        page.close()
    assert complaints == []
    kept = json.loads((tmp_path / "market_sim" / "lessons" / f"{lesson.stem}.json").read_text())
    assert all(row["passed"] for row in kept["rows"])
    # Every line of the table is on the page, and every cell that draws has drawn.
    assert all(row["what"] in seen["text"] for row in kept["rows"])
    assert "FAIL" not in seen["text"]
    assert seen["painted"] == seen["figures"]
    assert seen["figures"] >= sum(".hvplot." in cell for cell in code) > 0


def test_built_pages_draw_every_figure_and_ask_nobody_else(browser: Browser, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "-b", "html", "docs"]
    subprocess.run([*command, str(tmp_path)], cwd=ROOT, check=True, timeout=800)
    for lesson in LESSONS:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        complaints = listen(page)
        page.goto((tmp_path / "lessons" / f"{lesson.stem}.html").as_uri())
        seen = until_painted(page)
        if folder := os.environ.get("MARKET_SIM_PICTURES"):
            page.screenshot(path=Path(folder) / f"{lesson.stem}_page.png", full_page=True)
        page.close()
        assert complaints == []
        assert "standard_error" in seen["text"]
        assert seen["painted"] == seen["figures"] > 0
