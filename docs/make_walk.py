"""Makes the pictures of a first visit to the dashboard: `python docs/make_walk.py` from the checkout.

The steps are those of tests/test_app_walk.py, which counts their clicks. Needs what docs/make_pictures.py
needs.
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser_kit import Visit, chromium, served  # noqa: E402
from tests.walk import Walk  # noqa: E402

IMAGES = ROOT / "docs" / "images"
PICTURES_BEFORE = 150
"""Pictures a market shows before the visitor goes on: charts that are half full say more."""


def main() -> None:
    """Walk, and save what is seen at every step."""
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder) / "server.log") as site,
        chromium() as browser,
    ):
        visit = Visit(browser, site, 1500, 900).open()

        def look(name: str) -> None:
            if name != "queue":
                visit.until_painted(visit.pictures() + PICTURES_BEFORE)
            visit.page.screenshot(path=IMAGES / f"walk_{name}.png")

        walk = Walk(visit, look)
        walk.run_a_market()
        walk.change_latency()
        winner = walk.find_who_profits()
        ahead = walk.place_an_order()
        walk.share_the_link()
        print(f"{walk.clicks} clicks; {winner} profits most; {ahead} waits before the order")  # noqa: T201


if __name__ == "__main__":
    main()
