"""Every lesson in a real Chromium, served and as a page of the docs: all of it drawn, no complaint."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from market_sim.doctor import find_chromium
from tests.browser_kit import ROOT, listen, served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium; MARKET_SIM_CHROMIUM names one"),
]

LESSONS = sorted((ROOT / "lessons").glob("[0-9]*.ipynb"))
# A lesson in its short form on a machine that others use too.
PATIENCE_MS = 400_000
# As a reader starts it: no option but where to listen.
PLAIN = ("--address", "127.0.0.1", "--liveness")

#: All text of a page, also where it hides in shadow roots.
READ = """
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
    return texts.join("\\n")
}
"""
#: That text; the number of figures, of those that drew, and of their vertical ranges.
LOOK = f"""
() => {{
    const views = window.Bokeh ? [...Bokeh.index.all_views()] : []
    const figures = views.filter(view => view.model.type === "Figure")
    const painted = figures.filter(({{canvas_view}}) => {{
        const {{width, height}} = canvas_view.primary.canvas
        if (!width || !height) {{ return false }}
        const image = canvas_view.primary.canvas.getContext("2d").getImageData(0, 0, width, height)
        return new Set(new Uint32Array(image.data.buffer)).size > 5
    }})
    const axes = new Set(figures.map(view => view.model.y_range.id))
    return {{text: ({READ})(), figures: figures.length, painted: painted.length, axes: axes.size}}
}}
"""


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
    cache = {"MARKET_SIM_CACHE": str(tmp_path), "MARKET_SIM_LESSONS": "short"}
    log = tmp_path / "server.log"
    with served(log, str(lesson.relative_to(ROOT)), options=PLAIN, **cache) as site:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        complaints = listen(page)
        page.goto(site.url)
        # Looking at every canvas costs as much as drawing: until the table is there only the text is read.
        page.wait_for_function(f"() => ({READ})().includes('standard_error')", polling=1000)
        seen = until_painted(page)
        if folder := os.environ.get("MARKET_SIM_PICTURES"):
            # The page scrolls inside itself: only a tall window shows all of it.
            page.set_viewport_size({"width": 1280, "height": 12_000})
            page.wait_for_timeout(2000)
            page.screenshot(path=Path(folder) / f"{lesson.stem}.png")
        page.close()
    assert complaints == []
    assert "Traceback" not in log.read_text(), log.read_text()[-3000:]
    kept = json.loads((tmp_path / "market_sim" / "lessons" / f"{lesson.stem}.json").read_text())
    assert all(row["passed"] for row in kept["rows"])
    # Every line of the table is on the page, and every cell that draws has drawn.
    assert all(row["what"] in seen["text"] for row in kept["rows"])
    assert "FAIL" not in seen["text"]
    assert seen["painted"] == seen["figures"]
    assert seen["figures"] >= sum(".hvplot." in cell for cell in code) > 0
    # No chart is stretched to the range of another, and no formula is left as it was written.
    assert seen["axes"] == seen["figures"]
    assert not re.findall(r"\$[^$\n]*\\[a-z]|\$[A-Za-z]\$|\\\(", seen["text"])
    assert "This lesson runs on the " in seen["text"]


def test_the_dashboard_s_page_of_lessons_opens_a_served_one(browser: Browser, tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    pages = ("app", *(str(lesson.relative_to(ROOT)) for lesson in LESSONS))
    with served(log, *pages, options=PLAIN, MARKET_SIM_CACHE=str(tmp_path)) as site:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        complaints = listen(page)
        page.goto(f"{site.url}?page=lessons")
        links = page.get_by_role("link", name="Open it as a live notebook")
        links.nth(len(LESSONS) - 1).wait_for()
        links.first.click()
        page.wait_for_url(f"**/{LESSONS[0].stem}")
        page.wait_for_function(f"() => ({READ})().includes('standard_error')", polling=1000)
        seen = until_painted(page)
        # Whoever comes back finds the table that the run has left.
        page.go_back()
        page.locator("table.verdicts td", has_text="passed").first.wait_for()
        page.close()
    assert complaints == []
    assert "Traceback" not in log.read_text(), log.read_text()[-3000:]
    assert seen["painted"] == seen["figures"] > 0


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
