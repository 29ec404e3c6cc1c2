"""A book in step with its snapshot: the exchange's rule, case by case and against a true book."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_sim.replaying.sync import BookSync
from market_sim.replaying.update import Depth


def diff(first, last, levels=(), local_ns=0):
    return depth(first, last, levels, local_ns, snapshot=False)


def snapshot(last, levels=(), local_ns=0):
    return depth(last, last, levels, local_ns, snapshot=True)


def depth(first, last, levels, local_ns, snapshot):
    sides, prices, sizes = [list(column) for column in zip(*levels, strict=True)] if levels else ([], [], [])
    return Depth("file", 1, "X", local_ns, None, snapshot, first, last, sides, prices, sizes)


def ids(applied):
    return [(update.snapshot, update.first_id, update.last_id) for update in applied]


def test_nothing_applies_before_a_snapshot():
    sync = BookSync()
    assert sync.on_diff(diff(5, 6)) == []
    assert not sync.trusted


def test_kept_diffs_continue_the_snapshot_and_covered_ones_are_ignored():
    sync = BookSync()
    for first, last in ((1, 4), (5, 10), (11, 12), (13, 20)):
        sync.on_diff(diff(first, last))
    applied = sync.on_snapshot(snapshot(11))
    # 11..12 begins inside what the snapshot holds: it applies, for its sizes are absolute.
    assert ids(applied) == [(True, 11, 11), (False, 11, 12), (False, 13, 20)]
    assert sync.counts.diffs_ignored == 2
    assert sync.last_id == 20


def test_kept_diffs_are_known_no_earlier_than_the_snapshot():
    sync = BookSync()
    sync.on_diff(diff(11, 12, local_ns=500))
    applied = sync.on_snapshot(snapshot(10, local_ns=900))
    assert [update.local_ns for update in applied] == [900, 900]


def test_the_next_id_continues_exactly():
    sync = BookSync()
    sync.on_snapshot(snapshot(10))
    assert ids(sync.on_diff(diff(11, 15))) == [(False, 11, 15)]
    assert ids(sync.on_diff(diff(16, 16))) == [(False, 16, 16)]
    assert sync.counts.gaps == 0


@pytest.mark.parametrize("last", [10, 9, 1])
def test_repeated_and_old_diffs_are_ignored(last):
    sync = BookSync()
    sync.on_snapshot(snapshot(10))
    assert sync.on_diff(diff(1, last)) == []
    assert sync.counts.diffs_ignored == 1
    assert sync.trusted


def test_a_gap_empties_the_book_until_the_next_snapshot():
    sync = BookSync()
    sync.on_snapshot(snapshot(10, [(0, 100, 5)]))
    lost = sync.on_diff(diff(12, 13, [(0, 99, 1)]))
    assert ids(lost) == [(True, 12, 13)]
    assert lost[0].sides == lost[0].prices == lost[0].sizes == []
    assert not sync.trusted
    assert sync.on_diff(diff(14, 15)) == []
    assert ids(sync.on_snapshot(snapshot(13))) == [(True, 13, 13), (False, 14, 15)]
    assert (sync.counts.gaps, sync.counts.snapshots) == (1, 2)


def test_a_snapshot_older_than_the_kept_diffs_is_not_used():
    sync = BookSync()
    sync.on_diff(diff(20, 25))
    assert sync.on_snapshot(snapshot(18)) == []
    assert (sync.counts.stale_snapshots, sync.counts.gaps, sync.trusted) == (1, 0, False)
    assert ids(sync.on_snapshot(snapshot(19))) == [(True, 19, 19), (False, 20, 25)]


def test_a_gap_among_the_kept_diffs_shows_when_they_are_applied():
    sync = BookSync()
    sync.on_diff(diff(11, 12))
    sync.on_diff(diff(14, 15))
    assert ids(sync.on_snapshot(snapshot(10))) == [(True, 10, 10), (False, 11, 12), (True, 14, 15)]
    assert sync.counts.gaps == 1
    assert ids(sync.on_snapshot(snapshot(14))) == [(True, 14, 14), (False, 14, 15)]


def test_a_trusted_book_takes_newer_snapshots_only():
    sync = BookSync()
    sync.on_snapshot(snapshot(10))
    assert sync.on_snapshot(snapshot(9)) == []
    assert ids(sync.on_snapshot(snapshot(12))) == [(True, 12, 12)]
    assert sync.on_diff(diff(11, 12)) == []
    assert ids(sync.on_diff(diff(11, 14))) == [(False, 11, 14)]


def test_kept_diffs_are_bounded(monkeypatch):
    monkeypatch.setattr("market_sim.replaying.sync.KEPT_DIFFS", 3)
    sync = BookSync()
    for number in range(1, 6):
        sync.on_diff(diff(number, number))
    assert sync.counts.diffs_lost == 2
    assert sync.on_snapshot(snapshot(1)) == []
    assert ids(sync.on_snapshot(snapshot(2))) == [(True, 2, 2), (False, 3, 3), (False, 4, 4), (False, 5, 5)]


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_trusted_book_equals_the_true_one_whatever_is_lost_or_repeated(seed):
    draw = random.Random(seed)
    truth, rebuilt = {}, {}
    sync = BookSync()
    last_id = draw.randrange(100)
    states = {last_id: {}}
    trusted_rows = 0
    for _ in range(60):
        changed = {}
        first = last_id + 1
        for _ in range(draw.randrange(1, 5)):
            last_id += 1
            level = (draw.randrange(2), draw.randrange(1, 6))
            changed[level] = draw.choice((0, 0, 1, 2, 3))
            truth[level] = changed[level]
            states[last_id] = {level: size for level, size in truth.items() if size}
        event = diff(first, last_id, [(side, price, size) for (side, price), size in changed.items()])
        arrivals = [event] * draw.choice((0, 1, 1, 1, 1, 1, 1, 1, 2))
        if draw.random() < 0.2:
            at = draw.choice(list(states))
            arrivals.insert(
                draw.randrange(len(arrivals) + 1), snapshot(at, [(*k, v) for k, v in states[at].items()])
            )
        for arrival in arrivals:
            for update in sync.on_snapshot(arrival) if arrival.snapshot else sync.on_diff(arrival):
                if update.snapshot:
                    rebuilt.clear()
                for side, price, size in zip(update.sides, update.prices, update.sizes, strict=True):
                    rebuilt[side, price] = size
            if sync.trusted:
                trusted_rows += 1
                assert {level: size for level, size in rebuilt.items() if size} == states[sync.last_id]
            else:
                assert not any(rebuilt.values())
    assert trusted_rows or not sync.trusted
