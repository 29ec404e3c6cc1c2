"""The handle of a live feed from Python: no pickling, no use after a fork, no waiting, captures that outlive
a killed process. What it does with an exchange is in test_feed_live.py and in engine_rs/feed/tests.
"""

import copy
import os
import pickle  # noqa: TID251 - that a handle refuses it is what is tested
import signal
import subprocess
import sys
import threading
import time

import pytest

from market_sim.engine import native_module
from market_sim.errors import DataError

native = native_module()
pytestmark = pytest.mark.skipif(native is None, reason="the native engine is not built")

# Nobody listens on port 1 of the loopback address.
NOWHERE = "ws://user:secret@127.0.0.1:1/?token=secret"
BTC = ("kraken", "BTC/USD", "0.1", "0.00000001")


@pytest.fixture
def handle():
    handle = native.FeedHandle([BTC], ws_urls={"kraken": NOWHERE})
    yield handle
    handle.stop()


def test_a_handle_is_neither_pickled_nor_copied(handle):
    for act in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="neither pickled nor copied"):
            act(handle)


def test_a_forked_child_may_not_use_its_parents_handle(handle):
    child = os.fork()
    if child == 0:
        try:
            handle.poll()
        except RuntimeError as error:
            os._exit(0 if "of its own" in str(error) else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert handle.states() == ["connecting"]


def test_no_address_shows_a_credential(handle):
    deadline = time.monotonic() + 10
    while not handle.stats()["venues"]["kraken"]["last_error"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    told = repr((handle.stats(), handle.poll(), handle.state(0)))
    assert "cannot connect" in told
    assert "secret" not in told


def test_others_run_while_a_poll_waits(handle):
    while handle.poll(timeout_ms=0):
        pass
    steps = []
    stop = threading.Event()

    def step():
        while not stop.wait(0.005):
            steps.append(1)

    thread = threading.Thread(target=step)
    thread.start()
    # What is told in between ends a wait early.
    deadline = time.monotonic() + 0.3
    while (left_ms := int(1_000 * (deadline - time.monotonic()))) > 0:
        handle.poll(timeout_ms=left_ms)
    stop.set()
    thread.join()
    handle.stop()
    # The rest of what was told, then nothing, at once.
    while handle.poll(timeout_ms=5_000):
        pass
    assert steps


def test_a_stopped_feed_tells_so_last_and_ends_in_time(tmp_path):
    path = tmp_path / "run.msfeed"
    handle = native.FeedHandle([BTC], ws_urls={"kraken": NOWHERE}, capture=path)
    started = time.monotonic()
    handle.stop()
    handle.stop()
    assert time.monotonic() - started < 1
    told = []
    while batch := handle.poll():
        told += batch
    assert (told[0][4], told[-1][4]) == ("connecting", "stopped")
    assert handle.stats()["capture"]["path"] == str(path)
    del handle
    reader = native.CaptureReader(path)
    assert (reader.read(), reader.read(), reader.clean, reader.torn_bytes) == (told, [], True, 0)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (([],), "no subscription"),
        (([("nyse", "A", "1", "1")],), "there are binance"),
        (([("kraken", "A B", "1", "1")],), "no symbol"),
        (([("kraken", "A", "0", "1")],), "no tick"),
        (([BTC, BTC],), "twice"),
    ],
)
def test_nonsense_is_refused_in_words(arguments, word):
    with pytest.raises(ValueError, match=word):
        native.FeedHandle(*arguments)


def test_settings_are_named_and_bounded():
    for settings, word in (
        ({"frame_timeout": 1}, "frame_timeout_ms"),
        ({"frame_timeout_ms": 0}, "1 or more"),
    ):
        with pytest.raises(ValueError, match=word):
            native.FeedHandle([BTC], settings=settings)
    with pytest.raises(ValueError, match="depth is 7"):
        native.FeedHandle([BTC], depth=7)


WRITER = """
import sys
from market_sim.engine import native_module
native = native_module()
writer = native.CaptureWriter(sys.argv[1], [("kraken", "BTC/USD", "0.1", "0.00000001")])
for number in range(1, 10**9):
    writer.append([("trade", number, None, 0, str(number), 1, 5, 7)])
    print(number, flush=True)
"""


def test_a_capture_survives_a_killed_process(tmp_path):
    path = tmp_path / "killed.msfeed"
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        told = 0
        for line in process.stdout:
            told = int(line)
            if told >= 500:
                break
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().splitlines()
    told = max([told, *(int(line) for line in rest if line.isdigit())])
    reader = native.CaptureReader(path)
    found = []
    while batch := reader.read():
        found += batch
    assert len(found) >= told
    assert [event[1] for event in found] == list(range(1, len(found) + 1))
    assert not reader.clean


def test_a_foreign_file_is_named(tmp_path):
    path = tmp_path / "x.msfeed"
    path.write_text("not a capture")
    with pytest.raises(DataError, match=r"x\.msfeed"):
        native.CaptureReader(path)
    with pytest.raises(FileNotFoundError):
        native.CaptureReader(tmp_path / "missing.msfeed")
    with pytest.raises(FileExistsError):
        native.CaptureWriter(path, [BTC])
