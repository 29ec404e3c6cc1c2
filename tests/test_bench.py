"""`bench match`: every path gives the fills of an independent matcher, and bad files are named."""

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from market_sim.bench import PATHS, bench_match
from market_sim.doctor import data_folder
from market_sim.engine import native_module
from market_sim.errors import DataError, EngineError
from market_sim.workload import ADD, CANCEL, MARKET, MESSAGE, REPLACE, agent_of, counter_of, id_of

WAYS = PATHS if native_module() is not None else ("reference",)


class Expected:
    """A matcher for nothing but these messages: one list of resting orders, searched from end to end."""

    def __init__(self) -> None:
        self.resting: list[list[int]] = []  # [side, price, left, id] in order of arrival
        self.fills, self.traded, self.hash = 0, 0, 0

    def take(self, side: int, size: int, limit: int | None) -> int:
        """Trade against the other side, best price first and then oldest; gives what is left."""
        while size:
            makers = [
                o for o in self.resting if o[0] != side and (limit is None or crosses(side, limit, o[1]))
            ]
            if not makers:
                break
            best = (min if side == 0 else max)(o[1] for o in makers)
            maker = next(o for o in makers if o[1] == best)
            lots = min(size, maker[2])
            size -= lots
            maker[2] -= lots
            self.fills += 1
            self.traded += lots
            self.hash = (self.hash * 1_000_003 + maker[3] * 31 + lots * 7 + best) % 2**64
            if maker[2] == 0:
                self.resting.remove(maker)
        return size

    def add(self, side: int, size: int, price: int, order_id: int) -> None:
        left = self.take(side, size, price)
        if left:
            self.resting.append([side, price, left, order_id])

    def cancel(self, order_id: int) -> None:
        self.resting = [o for o in self.resting if o[3] != order_id]


def crosses(side: int, limit: int, price: int) -> bool:
    return price <= limit if side == 0 else price >= limit


def random_workload(seed: int, preload: int, count: int) -> tuple[list[tuple[int, ...]], Expected]:
    draw, book, messages, next_id = random.Random(seed), Expected(), [], 0
    for k in range(preload + count):
        side, size, offset = draw.randrange(2), draw.randint(1, 100), draw.randint(-1, 8)
        kind = ADD if k < preload else draw.choices((ADD, CANCEL, MARKET, REPLACE), (55, 30, 7, 8))[0]
        if not book.resting and kind in (CANCEL, REPLACE):
            kind = ADD
        old = draw.choice(book.resting) if book.resting else None
        if kind in (CANCEL, REPLACE):
            side = old[0]
        price = 1000 - offset if side == 0 else 1000 + offset
        if kind == ADD:
            messages.append((ADD, side, 0, size, price, next_id, 0))
            book.add(side, size, price, next_id)
        elif kind == CANCEL:
            messages.append((CANCEL, side, 0, 0, old[1], 0, old[3]))
            book.cancel(old[3])
        elif kind == MARKET:
            messages.append((MARKET, side, 0, size, 0, next_id, 0))
            book.take(side, size, None)
        else:
            messages.append((REPLACE, side, 0, size, price, next_id, old[3]))
            book.cancel(old[3])
            book.add(side, size, price, next_id)
        next_id += kind != CANCEL
    return messages, book


def write(path: Path, messages: list[tuple[int, ...]], preload: int = 0) -> Path:
    rows = np.array(messages, MESSAGE)
    header = np.array([preload, len(rows), len(rows), MESSAGE.itemsize], "<u4")
    path.write_bytes(header.tobytes() + rows.tobytes())
    return path


@pytest.mark.parametrize("way", WAYS)
def test_every_path_gives_the_fills_of_an_independent_matcher(way, tmp_path):
    messages, expected = random_workload(seed=5, preload=100, count=3000)
    report = bench_match(write(tmp_path / "w.bin", messages, 100), way, rounds=2)
    assert expected.fills > 500
    assert (report.fills, report.traded, report.hash) == (expected.fills, expected.traded, expected.hash)
    assert (report.path, report.messages, report.preload) == (way, 3000, 100)
    assert report.ns_per_message > 0


@pytest.mark.skipif("rust" not in WAYS, reason="needs the native engine")
def test_books_side_by_side_and_a_ledger_change_no_fill(tmp_path):
    messages, expected = random_workload(seed=6, preload=100, count=2000)
    report = bench_match(write(tmp_path / "w.bin", messages, 100), "rust", rounds=2, books=3, ledger=True)
    assert (report.fills, report.traded, report.hash) == (expected.fills, expected.traded, expected.hash)
    assert (report.books, report.ledger, report.messages) == (3, True, 2000)


def test_several_books_belong_to_the_rust_path(tmp_path):
    file = write(tmp_path / "w.bin", [(ADD, 0, 0, 10, 100, 0, 0)])
    with pytest.raises(EngineError, match="--path rust"):
        bench_match(file, "reference", books=2)


@pytest.mark.parametrize("way", WAYS)
def test_a_replace_loses_its_place_even_at_its_own_price(way, tmp_path):
    bids = [(ADD, 0, 0, 10, 100, 0, 0), (ADD, 0, 0, 10, 100, 1, 0), (REPLACE, 0, 0, 5, 100, 2, 0)]
    report = bench_match(write(tmp_path / "w.bin", [*bids, (MARKET, 1, 0, 10, 0, 3, 0)]), way, rounds=1)
    assert (report.fills, report.traded, report.hash) == (1, 10, 1 * 31 + 10 * 7 + 100)


def test_one_order_that_fills_thousands_is_no_harder_than_many_small_ones(tmp_path):
    adds = [(ADD, 1, 0, 1, 1000 + k % 50, k, 0) for k in range(20_000)]
    file = write(tmp_path / "w.bin", [*adds, (MARKET, 0, 0, 5_000, 0, 20_000, 0)])
    for way in WAYS:
        report = bench_match(file, way, rounds=1)
        assert (report.fills, report.traded) == (5_000, 5_000)


def test_accounts_of_both_sides_never_meet_and_ids_come_back():
    ids = np.arange(5_000)
    buyers, sellers = set(agent_of(ids, 0).tolist()), set(agent_of(ids, 1).tolist())
    assert len(buyers) == len(sellers) == 500
    assert not buyers & sellers
    for side in (0, 1):
        pairs = list(zip(agent_of(ids, side).tolist(), counter_of(ids).tolist(), strict=True))
        assert len(set(pairs)) == len(ids)
        assert [id_of(*pair) for pair in pairs] == ids.tolist()


def test_bad_files_are_named_with_the_place(tmp_path):
    good = write(tmp_path / "good.bin", [(ADD, 0, 0, 10, 100, 0, 0), (MARKET, 1, 0, 10, 0, 1, 0)])
    cut = tmp_path / "cut.bin"
    cut.write_bytes(good.read_bytes()[:-3])
    foreign = tmp_path / "foreign.bin"
    foreign.write_text("1723075200000000000 {}" * 10)
    strange = write(tmp_path / "strange.bin", [(ADD, 0, 0, 10, 100, 0, 0), (7, 0, 0, 10, 100, 1, 0)])
    for path, words in (
        (cut, "cut off"),
        (foreign, "not a matching workload"),
        (strange, "message 2 has type 7"),
    ):
        with pytest.raises(DataError, match=words) as caught:
            bench_match(path, "reference")
        assert str(path) in str(caught.value)
    with pytest.raises(DataError, match="No such file"):
        bench_match(tmp_path / "none.bin", "reference")
    with pytest.raises(EngineError, match="unknown path"):
        bench_match(good, "gpu")
    with pytest.raises(EngineError, match="0 rounds"):
        bench_match(good, "reference", rounds=0)


GENERATOR = (
    data_folder().parent / "bench" / "matching_workload.py" if data_folder() else Path("no recorded data")
)


@pytest.mark.skipif(not GENERATOR.is_file(), reason="no workload generator beside MARKET_SIM_DATA")
@pytest.mark.parametrize(
    ("shape", "ways"),
    [
        ("shallow", WAYS),
        pytest.param(
            "deep",
            [way for way in WAYS if way != "reference"],
            marks=pytest.mark.skipif("rust" not in WAYS, reason="needs the native engine"),
        ),
        # A preload of 100,000 orders, in Python.
        pytest.param("deep", ["reference"], marks=pytest.mark.slow),
    ],
    ids=["shallow", "deep", "deep-reference"],
)
def test_figures_equal_those_of_the_generator(shape, ways, tmp_path):
    out = tmp_path / shape
    command = [sys.executable, str(GENERATOR), shape, "3000", "42", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    said = json.loads(out.with_suffix(".json").read_text())
    for way in ways:
        report = bench_match(out.with_suffix(".bin"), way, rounds=1)
        assert {name: getattr(report, name) for name in ("fills", "traded", "hash")} == {
            name: said[name] for name in ("fills", "traded", "hash")
        }
