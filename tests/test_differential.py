"""Both engines, the same commands: every event and every hash compared after every command.

Where the native engine cannot be imported, the reference's batch door takes its place, and of two
kernels one is stopped more often: both must make no difference either.
"""

import pytest
from conftest import engine_names
from engine_kit import GTC, LIMIT, NONE
from engine_sessions import Session, Stopped, build, lockstep
from engine_streams import (
    MIXES,
    SHORT,
    Mix,
    Stream,
    by_batch,
    by_call,
    edge_atoms,
    edge_streams,
    open_venue,
    short_streams,
)
from hypothesis import example, given, settings

from market_sim import engine
from market_sim.engine import Event

REFERENCE = engine.venue_class("reference")
NATIVE = "rust" in engine_names()
OTHER = engine.venue_class(engine_names()[0])
COMMANDS = 24_000  # per mix: 216,000 in all


def compare(mix, commands):
    """Send each command to both venues; the first difference ends the test with the command's story."""
    one, other = open_venue(REFERENCE, mix), open_venue(OTHER, mix)
    send = by_call if NATIVE else by_batch
    for time_ns, command in enumerate(commands):
        expected, got = by_call(one, time_ns, command), send(other, time_ns, command)
        assert got == expected, explain(time_ns, command, expected, got)
        assert other.state_hash() == one.state_hash(), f"state after command {time_ns} {command}"
    return one


def explain(time_ns, command, expected, got):
    rows = "\n".join(f"  reference {Event(*row)}" for row in expected)
    return f"command {time_ns} {command}\n{rows}\n" + "\n".join(f"  other     {Event(*row)}" for row in got)


@pytest.mark.parametrize("name", MIXES)
def test_a_long_random_stream(name):
    mix = MIXES[name]
    venue = compare(mix, Stream(mix, seed=f"2024 {name}").take(COMMANDS))
    assert all(venue.live(listing) <= 2 * mix.live + 2 for listing in range(len(mix.listings)))


def test_the_streams_reach_every_rule():
    """A comparison proves nothing about a rule that no command met."""
    kinds, reasons = set(), set()
    for name, mix in MIXES.items():
        venue = open_venue(REFERENCE, mix)
        for time_ns, command in enumerate(Stream(mix, seed=f"2024 {name}").take(3_000)):
            for row in by_call(venue, time_ns, command):
                event = Event(*row)
                kinds.add((event.kind, event.flags))
                reasons.add((event.kind, event.reason))
    assert kinds == {(1, 0), (2, 0), (2, 1), (3, 0), (4, 0), (4, 1), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0)}
    cancels = {reason for kind, reason in reasons if kind == 3}
    assert cancels == {1, 2, 3, 4, 5, 8}
    assert {reason for kind, reason in reasons if kind == 5} == {1, 3, 4, 5, 6, 7, 8, 9, 11, 12}
    assert {reason for kind, reason in reasons if kind == 6} == {1, 2, 9}
    assert {reason for kind, reason in reasons if kind == 7} == {1, 2, 4, 5, 6, 7, 8, 9, 11}


@settings(max_examples=300, deadline=None)
@given(short_streams)
@example([("new", 1, 1, 0, 1, LIMIT, GTC, NONE, False, 100, 5), ("replace", 1, 1, 0, 100, 5)])
def test_short_streams(commands):
    compare(SHORT, commands)


@settings(max_examples=200, deadline=None)
@given(edge_streams, edge_atoms)
def test_numbers_at_the_edge(commands, atoms):
    compare(Mix(listings=((*atoms, 0, 10**8, -(10**8)),)), commands)


@pytest.mark.parametrize("seed", range(12))
def test_kernels_in_lockstep(seed):
    """Agents with random latencies on several venues, recorded flow, halts, agents out and in, transfers."""
    session = Session(seed)
    one = build(session, engine.kernel_class("reference"))
    other = build(session, engine.kernel_class(engine_names()[0]))
    notices = lockstep(session, one, Stopped(other))
    assert len(notices) > 100


@pytest.mark.parametrize("seed", range(8))
def test_kernels_in_lockstep_over_orders_of_every_type(seed):
    """The same with icebergs, stops, pegs, orders that end by the clock, auctions and lost connections."""
    session = Session(seed, steps=600, whole=True)
    one = build(session, engine.kernel_class("reference"))
    other = build(session, engine.kernel_class(engine_names()[0]))
    lockstep(session, one, Stopped(other))


@pytest.mark.parametrize("seed", range(8))
def test_kernels_in_lockstep_with_recorded_orders(seed):
    """The same, with recorded flow of single orders."""
    session = Session(seed, steps=500, by_order=True)
    one = build(session, engine.kernel_class("reference"))
    other = build(session, engine.kernel_class(engine_names()[0]))
    lockstep(session, one, Stopped(other))
    stats = one.external_stats(0)
    assert stats["trades"] > 50
    assert stats["lots_traded"] > 0
    assert stats["restored_lots"] > 0
