"""Engine tests run on both engines wherever the native one can be imported.

With MARKET_SIM_ENGINE=reference, or where the extension has not been built, only the reference runs.
"""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from market_sim import engine
from tests.browser_kit import Served, chromium, served, write_recordings


def engine_names() -> list[str]:
    if os.environ.get("MARKET_SIM_ENGINE") == "reference" or engine.native_module() is None:
        return ["reference"]
    return ["rust", "reference"]


@pytest.fixture(params=engine_names())
def engine_name(request):
    return request.param


@pytest.fixture
def kernel_class(engine_name):
    return engine.kernel_class(engine_name)


@pytest.fixture
def venue_class(engine_name):
    return engine.venue_class(engine_name)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A module's own: while it is there Playwright has the thread's event loop, which others need."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A dashboard with a folder of recordings: one for all, since starting it takes as long as a test."""
    home = tmp_path_factory.mktemp("dashboard")
    recordings = home / "recordings"
    recordings.mkdir()
    write_recordings(recordings)
    with served(home / "server.log", MARKET_SIM_DATA=str(recordings), MARKET_SIM_UPLOAD_MB="12") as site:
        yield site
