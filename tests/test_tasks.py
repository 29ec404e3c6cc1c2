"""A task in a process of its own: what it tells, how it is stopped, and that nothing of it stays."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from market_sim.errors import DataError, EngineError
from market_sim.runner.tasks import Limits, Progress, Task, max_tasks, open_tasks

PATIENCE_S = 60.0


def count(request: int, folder: Path, tell: Callable) -> None:
    for k in range(request):
        tell(Progress(k / request, f"step {k}"))
        tell(k)
    (folder / "kept.txt").write_text("here")


def fail(request: str, folder: Path, tell: Callable) -> None:
    tell("before")
    raise DataError(request, "prices.csv", 7, "Mend it.")


def wait(request: float, folder: Path, tell: Callable) -> None:
    tell("begun")
    time.sleep(request)


def fill(request: int, folder: Path, tell: Callable) -> None:
    kept = bytearray(request << 20)
    kept[::4096] = b"x" * len(kept[::4096])
    time.sleep(PATIENCE_S)


def die(request: None, folder: Path, tell: Callable) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def begin() -> Iterator[Callable[..., Task]]:
    tasks: list[Task] = []

    def make(*arguments: object) -> Task:
        tasks.append(Task(*arguments))
        return tasks[-1]

    yield make
    for task in tasks:
        task.close()
        assert not task.folder.exists()
        assert task.pid is None or not Path(f"/proc/{task.pid}").exists()
    assert open_tasks() == 0


def until(task: Task, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, (task.items, task.progress, task.failure)
        task.poll()
        time.sleep(0.005)


def test_what_it_tells_arrives_in_order_and_its_files_stay_until_it_is_closed(begin: Callable) -> None:
    task = begin(count, 5)
    until(task, lambda: not task.running)
    task.poll()
    assert (task.items, task.failure) == ([0, 1, 2, 3, 4], None)
    assert (task.folder / "kept.txt").read_text() == "here"
    assert open_tasks() == 0


def test_an_error_comes_in_words_after_what_was_told_before(begin: Callable) -> None:
    task = begin(fail, "a hole in the data")
    until(task, lambda: task.failure)
    assert task.items == ["before"]
    assert task.failure.sentence == "prices.csv, line 7: a hole in the data. Mend it."
    assert "in fail" in task.failure.traceback


def test_it_is_stopped_when_asked(begin: Callable) -> None:
    task = begin(wait, 300.0)
    until(task, lambda: task.items)
    pid, began = task.pid, time.monotonic()
    task.cancel()
    assert task.failure.sentence == "Stopped, as asked."
    assert not Path(f"/proc/{pid}").exists()
    assert time.monotonic() - began < 5


def test_too_long_and_too_large_are_said_with_the_limit(begin: Callable) -> None:
    long = begin(wait, 300.0, Limits(wall_s=0.5))
    until(long, lambda: long.failure)
    assert "more than 0.5 s" in long.failure.sentence
    large = begin(fill, 800, Limits(memory_mb=600))
    until(large, lambda: large.failure)
    assert "more than 600 MB" in large.failure.sentence


def test_a_process_that_dies_is_a_failure_in_words(begin: Callable) -> None:
    task = begin(die, None)
    until(task, lambda: task.failure)
    assert "signal 9" in task.failure.sentence


def test_there_is_a_limit_to_how_many(begin: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKET_SIM_MAX_TASKS", "1")
    first = begin(wait, 300.0)
    with pytest.raises(EngineError, match=r"1 tasks are at work.*MARKET_SIM_MAX_TASKS"):
        begin(wait, 1.0)
    first.cancel()
    second = begin(count, 1)
    until(second, lambda: not second.running)
    monkeypatch.setenv("MARKET_SIM_MAX_TASKS", "many")
    with pytest.raises(EngineError, match="'many' is no number of tasks"):
        max_tasks()
