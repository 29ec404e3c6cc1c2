"""Makes the pictures of the dashboard that the README shows: `python docs/make_pictures.py` from the
checkout.

Needs Chromium (MARKET_SIM_CHROMIUM names one that is not on the PATH) and the development dependencies. The
market is the one every visitor sees first, photographed when its charts are full.
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser_kit import Visit, chromium, served  # noqa: E402

IMAGES = ROOT / "docs" / "images"
PICTURES = {
    "dashboard.png": ({}, 1680, 1000),
    "dashboard_light.png": ({"theme": "light", "scenario": "triangle", "speed": "120"}, 1680, 1000),
    "dashboard_agents.png": ({"view": "agents", "speed": "300"}, 1680, 1000),
    "dashboard_beside.png": (
        {"scenario": "triangle", "view": "beside", "speed": "60", "theme": "light"},
        1680,
        1000,
    ),
    "dashboard_phone.png": ({}, 390, 844),
}
FULL_PICTURES = 400


def main() -> None:
    """Serve the dashboard, visit it once per picture, and save what is seen."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder) / "server.log") as site,
        chromium() as browser,
    ):
        for name, (query, width, height) in PICTURES.items():
            visit = Visit(browser, site, width, height).open(**query)
            visit.until_painted(FULL_PICTURES)
            visit.page.screenshot(path=IMAGES / name)
            visit.page.close()


if __name__ == "__main__":
    main()
