"""A served dashboard and a real Chromium to look at it with."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from market_sim.doctor import find_chromium
from tests.captures import CaptureWriter

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_MS = 90_000
OPTIONS = (
    "--address",
    "127.0.0.1",
    "--liveness",
    "--unused-session-lifetime",
    "4000",
    "--check-unused-sessions",
    "2000",
)

PAINTED = "[...Bokeh.documents[0]._all_models.values()].find(m => m.type.endsWith('Pictures')).painted"

# The figures' own canvases, found by the figures' names; a canvas below it holds only tools and overlays.
CANVASES = """
    const canvases = {}
    for (const view of Bokeh.index.all_views()) {
        if (view.model.type === "Figure") { canvases[view.model.name] = view.canvas_view.primary.canvas }
    }
    const look = canvas => {
        const {width, height} = canvas
        const image = canvas.getContext("2d").getImageData(0, 0, width, height)
        const pixels = new Uint32Array(image.data.buffer)
        let hash = 0
        for (let k = 0; k < pixels.length; k++) { hash = Math.imul(hash ^ pixels[k], 16777619) }
        return hash
    }
"""

HASHES = (
    f"() => {{ {CANVASES} return Object.entries(canvases).map(([name, canvas]) => [name, look(canvas)]) }}"
)

CHANGES = f"""
([names, milliseconds]) => new Promise(done => {{
    {CANVASES}
    const last = {{}}, changes = {{}}
    const began = performance.now()
    let looked = 0
    const frame = () => {{
        const now = performance.now()
        // Looking costs as much as painting: oftener than pictures come would only slow them down.
        if (now - looked > 25) {{
            looked = now
            for (const name of names) {{
                const hash = look(canvases[name])
                if (last[name] !== hash) {{ changes[name] = (changes[name] ?? -1) + 1; last[name] = hash }}
            }}
        }}
        if (now - began < milliseconds) {{ requestAnimationFrame(frame) }}
        else {{ done([changes, now - began]) }}
    }}
    requestAnimationFrame(frame)
}})
"""

# What really reaches the screen: two pictures that come close together are painted as one.
COUNT_REPAINTS = """
() => {
    const {prototype} = Bokeh.require("models/plots/plot").PlotView
    const paint = prototype._actual_paint
    window.repaints = {}
    prototype._actual_paint = function() {
        window.repaints[this.model.name] = (window.repaints[this.model.name] ?? 0) + 1
        return paint.call(this)
    }
}
"""

TEXT = """
([selector, containing]) => {
    const found = []
    const search = root => {
        found.push(...root.querySelectorAll(selector))
        for (const {shadowRoot} of root.querySelectorAll("*")) { if (shadowRoot) { search(shadowRoot) } }
    }
    search(document)
    const wanted = containing.toLowerCase()
    return found.map(element => element.innerText).find(text => text.toLowerCase().includes(wanted)) ?? ""
}
"""

# From the moment the browser takes in the next click until an element says certain words on the screen.
EFFECT = """
([selector, words]) => {
    const find = root => {
        if (root.querySelector(selector)) { return root }
        for (const {shadowRoot} of root.querySelectorAll("*")) {
            const found = shadowRoot && find(shadowRoot)
            if (found) { return found }
        }
        return null
    }
    const home = find(document)
    let began = null
    document.addEventListener("click", event => { began = event.timeStamp }, {capture: true, once: true})
    window.effect = new Promise(done => {
        const look = () => {
            const said = home.querySelector(selector)?.innerText ?? ""
            if (began === null || !said.includes(words)) { requestAnimationFrame(look) }
            // The words are in the page; the next frame begins when this one has been painted.
            else { requestAnimationFrame(() => done(performance.now() - began)) }
        }
        requestAnimationFrame(look)
    })
}
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The Chromium of this machine, without a window."""
    with sync_playwright() as playwright:
        # A container's user is root more often than not, and Chromium's sandbox refuses root.
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


class Served:
    """A dashboard that serves, and the process that does."""

    def __init__(self, url: str, process: subprocess.Popen[str], log: Path) -> None:
        self.url = url
        self.process = process
        self.log = log

    def markets(self) -> set[int]:
        """The ids of the market processes that live now: those the server's nursery has forked."""
        listed = subprocess.run(
            ["ps", "-ww", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        ).stdout
        rows = [(int(pid), int(parent), text) for pid, parent, text in map(_columns, listed.splitlines())]
        nurseries = {pid for pid, parent, text in rows if parent == self.process.pid and "forkserver" in text}
        return {pid for pid, parent, _ in rows if parent in nurseries}

    def health(self) -> dict[str, object]:
        """What the server says of itself."""
        with urllib.request.urlopen(self.url.replace("/app", "/liveness"), timeout=30) as answer:
            return json.load(answer)


def _columns(line: str) -> list[str]:
    return line.split(maxsplit=2)


@contextmanager
def served(log: Path, *pages: str, options: Sequence[str] = OPTIONS, **environment: str) -> Iterator[Served]:
    """`panel serve app`, or other pages, as a user starts it; the address is that of the first page."""
    pages = pages or ("app",)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    inherited = {name: value for name, value in os.environ.items() if name != "MARKET_SIM_DATA"}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "panel", "serve", *pages, *options, "--port", str(port)],
            cwd=ROOT,
            env={**inherited, "PYTHONPATH": str(ROOT), **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/liveness", process, log)
        yield Served(f"http://127.0.0.1:{port}/{Path(pages[0]).stem}", process, log)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            urllib.request.urlopen(url, timeout=60)
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)


def listen(page: Page) -> list[str]:
    """What the page complains of, and what it asks for on other machines; grows while the page lives."""
    complaints: list[str] = []

    def hear(kind: str, text: str) -> None:
        if kind == "error":
            complaints.append(f"console: {text}")

    def check(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "file") and parts.hostname != "127.0.0.1":
            complaints.append(f"request off the machine: {url}")

    page.on("console", lambda message: hear(message.type, message.text))
    page.on("pageerror", lambda error: complaints.append(f"page error: {error}"))
    page.on("request", lambda request: check(request.url))
    page.on("websocket", lambda websocket: check(websocket.url))
    return complaints


class Visit:
    """One open page, and everything it complained about or asked for elsewhere."""

    def __init__(self, browser: Browser, site: Served, width: int, height: int) -> None:
        self.site = site
        self.page: Page = browser.new_page(viewport={"width": width, "height": height})
        self.page.set_default_timeout(PATIENCE_MS)
        self.complaints = listen(self.page)

    def open(self, **query: str) -> "Visit":
        """Open the page with these controls in its link, and wait until it draws."""
        self.page.goto(f"{self.site.url}?{urlencode(query)}" if query else self.site.url)
        self.until_painted(3)
        return self

    def until_painted(self, pictures: int) -> None:
        self.page.wait_for_function(f"window.Bokeh && Bokeh.documents[0] && {PAINTED} >= {pictures}")

    def pictures(self) -> int:
        return self.page.evaluate(PAINTED)

    def count_repaints(self) -> None:
        """From now on."""
        self.page.evaluate(COUNT_REPAINTS)

    def repaints(self, figure: str) -> int:
        """How often this figure has painted since they are counted."""
        return self.page.evaluate(f"window.repaints['{figure}'] ?? 0")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)

    def text(self, selector: str, containing: str = "") -> str:
        """The text of the first such element, read in one go: the page redraws its numbers several times a
        second.
        """
        return self.page.evaluate(TEXT, [selector, containing])

    def number(self, label: str) -> str:
        """One of the numbers on top."""
        return self.text(".cell", label).splitlines()[1]

    def note(self, label: str) -> str:
        """The small print under one of the numbers on top."""
        return self.text(".cell", label).splitlines()[-1]

    def simulated_s(self) -> float:
        """Simulated time as the card shows it, in seconds."""
        hours, minutes, seconds = self.number("Simulated time").split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)

    def held_s(self) -> float:
        """Simulated time of a market that is held: the word for it comes before the last numbers."""
        last, now = None, self.simulated_s()
        while last != now:
            self.page.wait_for_timeout(300)
            last, now = now, self.simulated_s()
        return now

    def events(self) -> int:
        """Events so far, as the card shows them."""
        return int(self.note("Events").split()[0].replace(",", ""))

    def status(self) -> str:
        """The line that says what is shown."""
        return self.text(".status")

    def hashes(self) -> dict[str, int]:
        """A hash of what each figure's canvas shows."""
        return dict(self.page.evaluate(HASHES))

    def pause(self) -> None:
        self.button("Pause").click()
        self.page.locator(".chip", has_text="paused").wait_for()

    def effect_ms(self, button: Locator, selector: str, words: str) -> float:
        """Click, and measure in the page how long it takes until an element there says these words."""
        self.page.evaluate(EFFECT, [selector, words])
        button.click()
        return self.page.evaluate("window.effect")

    def query(self) -> str:
        """What the address bar says of the controls."""
        return self.page.evaluate("location.search")


@contextmanager
def visits(browser: Browser, site: Served) -> Iterator[Callable[..., Visit]]:
    """Opens pages, and holds all of them to silence: no error on the console, no request off the machine."""
    opened: list[Visit] = []

    def begin(width: int = 1680, height: int = 1000) -> Visit:
        opened.append(Visit(browser, site, width, height))
        return opened[-1]

    yield begin
    complaints = [complaint for visit in opened for complaint in visit.complaints]
    for visit in opened:
        visit.page.close()
    assert not complaints
    assert "Traceback" not in site.log.read_text()


def until(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Wait for a condition; `what` says what did not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def write_recordings(folder: Path) -> None:
    """A minute of a small market, and a file that is no capture."""
    capture = CaptureWriter().snapshot(0, 10, {"100.00": "5", "99.99": "3"}, {"100.01": "2", "100.02": "4"})
    for k in range(1, 600):
        size = str(1 + k % 7)
        capture.diff(100_000_000 * k, 100 * k, 10 + k, 10 + k, {"100.00": size}, {"100.02": size})
        capture.trade(100_000_000 * k + 1, 100 * k, k, "100.01", "0.5", seller=False)
    capture.write(folder / "made_by_hand.gz")
    (folder / "notes.txt").write_text("to be or not to be\n")
