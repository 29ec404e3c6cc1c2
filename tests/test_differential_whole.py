"""Both engines over everything the engine knows: every event and every hash after every command.

Where the native engine cannot be imported there is nothing to compare with; then the reference runs the
streams alone and its own assertions are the test.
"""

import os

import pytest
from conftest import engine_names
from engine_whole import WHOLE_MIXES, WholeStream, open_whole, send, timed

from market_sim import engine
from market_sim.engine import CancelReason, Event, EventKind, RejectReason

REFERENCE = engine.venue_class("reference")
OTHERS = [engine.venue_class(name) for name in engine_names() if name != "reference"]
# In all, over the mixes; MARKET_SIM_BULK=5000000 takes some minutes on every core that pytest -n is given.
COMMANDS = int(os.environ.get("MARKET_SIM_BULK", "200000"))


def compare(name, seed, count):
    """Send each command to all venues; the first difference ends the test with the command's story."""
    mix = WHOLE_MIXES[name]
    one, others = open_whole(REFERENCE, mix), [open_whole(other, mix) for other in OTHERS]
    stream = WholeStream(mix, f"{seed} {name}")
    for time_ns, command in timed((stream.command() for _ in range(count)), mix):
        expected = send(one, time_ns, command)
        state = one.state_hash()
        for other in others:
            got = send(other, time_ns, command)
            assert got == expected, explain(time_ns, command, expected, got)
            assert other.state_hash() == state, f"state after {time_ns} {command}: {expected}"


def explain(time_ns, command, expected, got):
    rows = "\n".join(f"  reference {Event(*row)}" for row in expected)
    return f"command {time_ns} {command}\n{rows}\n" + "\n".join(f"  other     {Event(*row)}" for row in got)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("name", WHOLE_MIXES)
def test_a_long_random_stream(name):
    compare(name, 2026, COMMANDS // len(WHOLE_MIXES))


def test_the_streams_reach_every_rule():
    """A comparison proves nothing about a rule that no command met."""
    kinds, cancels, rejects = set(), set(), set()
    for name, mix in WHOLE_MIXES.items():
        venue = open_whole(REFERENCE, mix)
        stream = WholeStream(mix, f"2026 {name}")
        for time_ns, command in timed(stream.take(4_000), mix):
            for row in send(venue, time_ns, command):
                event = Event(*row)
                kinds.add(EventKind(event.kind))
                if event.kind == EventKind.CANCELLED:
                    cancels.add(CancelReason(event.reason))
                if event.kind == EventKind.REJECTED:
                    rejects.add(RejectReason(event.reason))
    assert kinds == set(EventKind) - {EventKind.POSTING}
    assert cancels >= {
        CancelReason.AUCTION_REMAINDER,
        CancelReason.EXPIRED,
        CancelReason.MINIMUM_QUANTITY,
        CancelReason.MASS_CANCEL,
        CancelReason.DISCONNECTED,
        CancelReason.SELF_TRADE_DECREMENT,
        CancelReason.SELF_TRADE,
        CancelReason.NO_LIQUIDITY,
        CancelReason.FILL_OR_KILL,
    }
    of_gateways = {
        RejectReason.INSUFFICIENT_FUNDS,
        RejectReason.OPEN_ORDER_LIMIT,
        RejectReason.ORDER_SIZE_LIMIT,
    }
    of_cancels = {RejectReason.UNKNOWN_ORDER}
    assert rejects >= set(RejectReason) - of_gateways - of_cancels - {RejectReason.QUANTITY_OVERFLOW}
