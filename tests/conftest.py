"""Engine tests run on both engines wherever the native one can be imported.

With MARKET_SIM_ENGINE=reference, or where the extension has not been built, only the reference runs.
"""

import os

import pytest

from market_sim import engine


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
