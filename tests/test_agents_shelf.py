"""The list of shipped traders: complete, loadable, documented, and light."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from agent_kit import book, market, noted
from one_listing import X, plan

import agents
from agents.base import Trader
from agents.human import Human
from market_sim.scenario import parameters_of
from market_sim.scenario.kinds import load_kind

HERE = Path(agents.__file__).parent


def test_every_module_is_on_the_shelf_with_every_trader_in_it():
    found = set()
    for path in HERE.glob("[a-z]*.py"):
        # A seat for a person is no strategy to choose.
        if path.stem in ("base", "human"):
            continue
        module = importlib.import_module(f"agents.{path.stem}")
        found |= {
            f"agents.{path.stem}:{name}"
            for name, item in vars(module).items()
            if isinstance(item, type) and issubclass(item, Trader) and item.__module__ == module.__name__
        }
    assert {kind.kind for kind in agents.SHELF} == found
    assert len({kind.name for kind in agents.SHELF}) == len(agents.SHELF)


def test_a_seat_for_a_person_sends_nothing_by_itself():
    seat = noted(Human, name="you")
    later = {50: [(X, "buy", "1", "101")], 100: [(X, "cancel", None, None)]}
    market(plan(), book((X, "buy", "5", "99"), (X, "sell", "5", "101"), later=later), seat)
    assert seat.sent == []
    assert seat.told == []


@pytest.mark.parametrize("kind", agents.SHELF, ids=lambda kind: kind.kind)
def test_a_kind_says_model_simplifications_and_units(kind):
    loaded = load_kind(kind.kind, None, shipped_only=True)
    page = loaded.__doc__
    assert "Model: " in page
    assert "Simplifications: " in page
    # A source: a year in brackets.
    assert re.search(
        r"\((?:[^()]*\D)?(?:19|20)\d\d\b", page + (sys.modules[loaded.__module__].__doc__ or "")
    ) or (kind.name in ("TWAP", "POV", "Triangular arbitrage", "Cross-venue arbitrage"))
    assert parameters_of(loaded)


@pytest.mark.parametrize("kind", agents.SHELF, ids=lambda kind: kind.kind)
def test_every_parameter_is_explained(kind):
    loaded = load_kind(kind.kind, None, shipped_only=True)
    for base in loaded.__mro__:
        if not base.__module__.startswith(("agents", "market_sim")) or base is Trader:
            continue
        source = Path(sys.modules[base.__module__].__file__).read_text()
        for name in vars(base).get("__annotations__", {}):
            if name in parameters_of(loaded):
                assert re.search(rf'^    {name}: [^\n]+\n    """', source, re.MULTILINE), (kind.kind, name)


def test_the_list_and_all_traders_wait_for_statistics_until_they_need_them():
    """Statistics take a second: no scenario's agents may import them (scipy.spatial comes with mesa)."""
    heavy = ("scipy.optimize", "scipy.stats", "scipy.integrate", "statsmodels")
    modules = "; ".join(f"import {kind.kind.split(':')[0]}" for kind in agents.SHELF)
    program = f"import sys; {modules}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
