"""The handle of a live feed from Python: no pickling, no use after a fork, no waiting, captures that outlive
a killed process. What it does with an exchange is in test_feed_live.py and in engine_rs/feed/tests.
"""

import copy
import ctypes
import json
import os
import pickle  # noqa: TID251 - that a handle refuses it is what is tested
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from typer.testing import CliRunner

from market_sim.cli import app
from market_sim.engine import native_module
from market_sim.errors import DataError
from market_sim.exchange import Exchange, open_play
from market_sim.feeding import start_ws

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
    # Sixty would fit; a machine under load still gets a few of them in, a held interpreter none.
    assert len(steps) >= 5


def test_letting_a_handle_go_ends_it_and_lets_others_run():
    def threads():
        return len(os.listdir("/proc/self/task"))

    before = threads()
    handle = native.FeedHandle([BTC], ws_urls={"kraken": NOWHERE})
    assert threads() > before
    started = time.monotonic()
    del handle
    assert time.monotonic() - started < 1
    assert threads() == before


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


FULL = """
import json, resource, signal, sys, time
from market_sim.engine import native_module
native = native_module()
url, path, room = sys.argv[1], sys.argv[2], int(sys.argv[3])
row = ("kraken", "BTC/USD", "0.01", "0.00000001")
handle = native.FeedHandle([row], ws_urls={"kraken": url}, capture=path)
resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
deadline, told = time.monotonic() + 30, 0
while time.monotonic() < deadline:
    told += len(handle.poll(64, 50))
    capture = handle.stats()["capture"]
    if capture["error"] and told > capture["records"] + 200:
        break
print(json.dumps({"capture": capture, "told": told, "state": handle.state(0)[0]}))
handle.stop()
"""


def test_a_full_disk_ends_the_capture_and_not_the_feed(tmp_path):
    """A limit on the size of files stands for the disk: writing fails in the middle of a batch."""
    path = tmp_path / "full.msfeed"
    play = open_play("two_venues", "kraken", seed=7, until="10m")
    with Exchange(play, "kraken", speed=40.0).in_thread() as exchange:
        command = [sys.executable, "-c", FULL, exchange.url, str(path), "20000"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert "large" in told["capture"]["error"].lower()
    assert told["state"] == "live"
    assert told["told"] > told["capture"]["records"] + 200
    reader = native.CaptureReader(path)
    found = []
    while batch := reader.read():
        found += batch
    assert len(found) >= told["capture"]["records"] > 100
    assert not reader.clean
    assert path.stat().st_size <= 20_000


def test_an_interpreter_held_for_five_seconds_costs_no_message():
    """`PyDLL` sleeps without letting go of the interpreter. The exchange has a process of its own."""
    port = free_port()
    serve = [sys.executable, "-m", "market_sim", "exchange", "two_venues", "--protocol", "kraken"]
    arguments = ["--port", str(port), "--speed", "5", "--until", "10m"]
    with subprocess.Popen(
        [*serve, *arguments], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        row = ("kraken", "BTC/USD", "0.01", "0.00000001")
        settings = {"backoff_base_ms": 50, "backoff_cap_ms": 200, "connects_per_minute": 600}
        url = f"ws://127.0.0.1:{port}/v2"
        handle = native.FeedHandle(
            [row], ws_urls={"kraken": url}, settings={**settings, "frame_timeout_ms": 3_000}
        )
        try:
            deadline = time.monotonic() + 40
            while handle.state(0)[0] != "live":
                assert time.monotonic() < deadline, handle.state(0)
                handle.poll(4096, 50)
            before = handle.stats()["venues"]["kraken"]
            ctypes.PyDLL(None).sleep(5)
            after = handle.stats()["venues"]["kraken"]
            assert handle.state(0)[0] == "live"
            assert after["received"] > before["received"] + 100
            assert after["dropped"] == before["dropped"]
            assert after["disconnects"] == before["disconnects"]
            told = [event for event in iter(lambda: handle.poll(4096, 0), []) for event in event]
            assert not [event for event in told if event[0] == "gap"]
        finally:
            handle.stop()
            process.terminate()


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_no_address_is_repeated_by_an_error():
    """Neither by the library nor by the command, whatever is wrong with it."""
    secret = "ws://user:secret@127.0.0.1:1/?token=secret"
    with pytest.raises(DataError) as caught:
        start_ws(secret, ["BTC/USD"])
    assert "secret" not in str(caught.value)
    for wrong in (secret, f"kraken:{secret}", f"kraken={secret} x"):
        done = CliRunner().invoke(
            app, ["feed", "kraken:BTC/USD@0.1/0.00000001", "--url", wrong, "--patience", "1s"]
        )
        assert done.exit_code == 2
        assert "secret" not in done.output + done.stderr


def test_a_foreign_file_is_named(tmp_path):
    path = tmp_path / "x.msfeed"
    path.write_text("not a capture")
    with pytest.raises(DataError, match=r"x\.msfeed"):
        native.CaptureReader(path)
    with pytest.raises(FileNotFoundError):
        native.CaptureReader(tmp_path / "missing.msfeed")
    with pytest.raises(FileExistsError):
        native.CaptureWriter(path, [BTC])
