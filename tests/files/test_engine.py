from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool

import cv2
import pytest
from threadpoolctl import threadpool_info

from pipeline.files import engine
from pipeline.files.images import ImageFault


def square(number: int) -> int:
    time.sleep(0.01 * (number % 3 == 0))  # so that batches end out of order
    return number**2


def own_process(_: int) -> tuple[int, str | None]:
    return os.getpid(), multiprocessing.get_start_method(allow_none=True)


def library_threads(_: int) -> tuple[int, int]:
    return cv2.getNumThreads(), max(each["num_threads"] for each in threadpool_info())


def refuse_seven(number: int) -> int:
    if number == 7:
        raise ImageFault("truncated", f"radiograph {number}: cut short")
    return number


def kill_itself(number: int) -> int:
    if number == 9:
        os.kill(os.getpid(), 9)
    return number


@pytest.mark.parametrize("count", [0, 1, 7, 8, 61])
def test_results_keep_the_order_of_the_items(count: int) -> None:
    results = list(engine.process(square, range(count), workers=2, label="square"))
    assert results == [number**2 for number in range(count)]


def test_few_items_are_done_in_this_process() -> None:
    places = set(engine.process(own_process, range(15), workers=2, label="few"))
    assert {pid for pid, _ in places} == {os.getpid()}


def test_one_worker_is_this_process() -> None:
    places = set(engine.process(own_process, range(60), workers=1, label="one"))
    assert {pid for pid, _ in places} == {os.getpid()}


def test_many_items_are_done_in_spawned_processes() -> None:
    places = set(engine.process(own_process, range(60), workers=2, label="many"))
    assert os.getpid() not in {pid for pid, _ in places}
    assert {method for _, method in places} == {"spawn"}


def test_libraries_of_a_worker_keep_to_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert set(engine.process(library_threads, range(60), workers=2, label="threads")) == {(1, 1)}
    assert os.environ["OMP_NUM_THREADS"] == "2"
    assert "OPENBLAS_NUM_THREADS" not in os.environ


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fault_comes_through_with_the_name_of_its_item(workers: int) -> None:
    with pytest.raises(ImageFault, match="radiograph 7: cut short") as refused:
        list(engine.process(refuse_seven, range(60), workers=workers, label="fault"))
    assert refused.value.reason == "truncated"


@pytest.mark.reliability("a worker is killed, as for want of memory", "F, no hang")
def test_a_killed_worker_is_an_error_and_no_hang() -> None:
    with pytest.raises(BrokenProcessPool):
        list(engine.process(kill_itself, range(60), workers=2, label="killed"))


def test_a_pool_keeps_its_processes_from_one_call_to_the_next() -> None:
    with engine.Pool(2) as pool:
        places = [set(pool.process(own_process, range(200), label="pool")) for _ in range(3)]
    assert len(set.union(*places)) <= 2
    assert os.getpid() not in {pid for found in places for pid, _ in found}


def test_a_pool_works_on_after_a_fault_and_after_it_was_closed() -> None:
    pool = engine.Pool(2)
    for _ in range(2):
        with pool:
            with pytest.raises(ImageFault, match="radiograph 7"):
                list(pool.process(refuse_seven, range(60), label="fault"))
            assert list(pool.process(square, range(60), label="on")) == [number**2 for number in range(60)]


def test_a_pool_starts_others_after_a_worker_was_killed() -> None:
    with engine.Pool(2) as pool:
        with pytest.raises(BrokenProcessPool):
            list(pool.process(kill_itself, range(60), label="killed"))
        assert list(pool.process(square, range(60), label="on")) == [number**2 for number in range(60)]


def test_calls_of_one_pool_may_be_interleaved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with engine.Pool(2) as pool:
        both = [pool.process(library_threads, range(60), label=label) for label in ("one", "other")]
        assert set(zip(*both, strict=True)) == {((1, 1), (1, 1))}
    assert os.environ["OMP_NUM_THREADS"] == "2"


def test_progress_goes_to_standard_error_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(engine.track(iter("abc"), total=3, label="letters")) == ["a", "b", "c"]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "letters" in captured.err
    assert "3/3" in captured.err


def test_the_next_item_is_fetched_while_one_is_worked_on() -> None:
    fetched = [threading.Event() for _ in range(4)]

    def items() -> Iterator[int]:
        for number, event in enumerate(fetched):
            event.set()
            yield number

    for number in engine.ahead(items()):
        assert all(event.wait(timeout=60) for event in fetched[: number + 2])


def test_what_is_fetched_ahead_comes_in_its_order_and_its_fault_when_it_is_due() -> None:
    assert list(engine.ahead(range(100))) == list(range(100))
    assert list(engine.ahead([])) == []
    upcoming = engine.ahead(map(refuse_seven, range(60)))
    assert [next(upcoming) for _ in range(7)] == list(range(7))
    with pytest.raises(ImageFault, match="radiograph 7"):
        next(upcoming)
