"""The switch between the engines, their codes, and what errors say."""

import os
import pickle  # noqa: TID251  an error must survive the way between two processes
import subprocess
import sys
from pathlib import Path

import pytest

from market_sim import engine
from market_sim.errors import AgentError, DataError, EngineError, MarketSimError


@pytest.fixture
def no_native(monkeypatch):
    monkeypatch.setattr(engine, "native_module", lambda: None)


def test_reference_can_always_be_had(no_native, monkeypatch):
    monkeypatch.delenv("MARKET_SIM_ENGINE", raising=False)
    assert (
        engine.engine_name() == engine.engine_name("auto") == engine.engine_name("reference") == "reference"
    )
    assert engine.kernel_class("reference").__module__.startswith("market_sim.reference")
    assert engine.venue_class().__module__.startswith("market_sim.reference")


def test_rust_asked_for_and_missing_says_how_to_build_it(no_native, monkeypatch):
    for ask in (lambda: engine.kernel_class("rust"), lambda: engine.venue_class("rust")):
        with pytest.raises(EngineError, match="maturin develop"):
            ask()
    monkeypatch.setenv("MARKET_SIM_ENGINE", "rust")
    with pytest.raises(EngineError, match="cannot be imported"):
        engine.engine_name()


def test_an_unknown_engine_is_an_error():
    with pytest.raises(EngineError, match=r"'java'.*rust, reference or auto"):
        engine.engine_name("java")


def ask(wish):
    """Which engine a fresh interpreter takes with this environment."""
    code = "from market_sim.engine import ENGINE, venue_class; print(ENGINE, venue_class().__module__)"
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MARKET_SIM_ENGINE": wish},
        cwd=Path(engine.__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_environment_chooses():
    assert ask("reference").stdout == "reference market_sim.reference.venue.venue\n"
    told = ask("cobol")
    assert told.returncode != 0
    assert "unknown engine 'cobol'" in told.stderr


def test_codes_are_public_and_never_move():
    assert {kind.name: kind.value for kind in engine.EventKind} == {
        "ACCEPTED": 1,
        "FILL": 2,
        "CANCELLED": 3,
        "REPLACED": 4,
        "REJECTED": 5,
        "CANCEL_REJECTED": 6,
        "REPLACE_REJECTED": 7,
        "TRADE": 8,
        "PHASE": 9,
        "POSTING": 10,
        "PRINT": 11,
        "TRIGGERED": 12,
        "REFRESHED": 13,
        "REPRICED": 14,
        "INDICATIVE": 15,
        "AUCTION": 16,
    }
    assert [reason.value for reason in engine.RejectReason] == list(range(1, 26))
    assert [reason.value for reason in engine.CancelReason] == list(range(1, 16))
    assert [phase.value for phase in engine.Phase] == list(range(7))
    assert [policy.value for policy in engine.MatchingPolicy] == list(range(3))
    assert [kind.value for kind in engine.NoticeKind] == list(range(7))
    assert engine.Event(7, 1).kind == 0
    assert len(engine.Event._fields) == 16


def test_errors_name_place_and_remedy():
    error = EngineError("the clock stands", "kernel", "Wind it.")
    assert str(error) == "kernel: the clock stands. Wind it."
    assert (error.what, error.where, error.remedy) == ("the clock stands", "kernel", "Wind it.")
    assert (
        str(DataError("cut off", "a.json", 7, "Fetch it again."))
        == "a.json, line 7: cut off. Fetch it again."
    )
    assert str(AgentError("boom", "ann", "on_fill", 12)) == "agent 'ann' in on_fill at 12 ns: boom"
    assert str(EngineError("plain")) == "plain"
    assert issubclass(EngineError, MarketSimError)


@pytest.mark.parametrize(
    "error",
    [
        EngineError("a", "b", "c"),
        DataError("cut off", "a.json", 7, "Fetch it again."),
        AgentError("boom", "ann", "on_fill", 12),
    ],
)
def test_errors_cross_between_processes(error):
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), str(twin), vars(twin)) == (type(error), str(error), vars(error))
