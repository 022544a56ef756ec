"""Where work on many files runs: a process pool, with a progress bar on standard error."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Self, TypeVar, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
from rich.text import Text

from pipeline.files.outputs import die_with_parent

T = TypeVar("T")
R = TypeVar("R")

_BATCH = 8  # items a task: enough to hide the cost of sending it
_AHEAD = 4  # tasks queued per worker: bounds memory, keeps every worker busy
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")  # of a worker's libraries
_KEPT_BYTES = 2**25  # that glibc keeps in use: to free and allocate again costs up to a quarter of decoding


class Pool:
    """Processes that work on items, one call after another: they start with the first call that needs them.

    Of ``workers``, 0 takes one a core, and 1 works in this process.
    """

    def __init__(self, workers: int) -> None:
        self._n_workers = workers or os.cpu_count() or 1
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
            self._executor = None

    def process(self, function: Callable[[T], R], items: Sequence[T], *, label: str) -> Iterator[R]:
        """Apply a function of a module to every item, and yield the results in order; a few are made here.

        Raises
        ------
        concurrent.futures.process.BrokenProcessPool
            A worker was killed, most often for want of memory.
        """
        few = self._n_workers == 1 or len(items) < 2 * _BATCH
        results = map(function, items) if few else self._spread(function, items)
        yield from track(results, total=len(items), label=label)

    def _spread(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        batches = (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))
        first = islice(batches, self._n_workers * _AHEAD)
        pending = deque(self._submit(function, batch) for batch in first)
        try:
            while pending:
                yield from pending.popleft().result()
                pending.extend(self._submit(function, batch) for batch in islice(batches, 1))
        except BrokenProcessPool:
            self._executor = None  # the next call starts others
            raise
        finally:  # after an exception, nobody waits for what was queued
            for future in pending:
                future.cancel()

    def _submit(self, function: Callable[[T], R], batch: Sequence[T]) -> Future[list[R]]:
        if self._executor is None:
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(self._n_workers, context, die_with_parent, (os.getpid(),))
        with _one_thread_each():  # here processes start
            return self._executor.submit(_apply, function, batch)


HERE = Pool(1)  # works in this process


def process(function: Callable[[T], R], items: Sequence[T], *, workers: int, label: str) -> Iterator[R]:
    """Apply a function to every item as `Pool.process` does, in processes of its own."""
    with Pool(workers) as pool:
        yield from pool.process(function, items, label=label)


def ahead(items: Iterable[R]) -> Iterator[R]:
    """Yield items in their order, each fetched in a thread while the one before it is worked on.

    TensorFlow's own prefetching is no help where operations are to be deterministic: it then leaves
    prefetching out of every pipeline that begins with a Python generator.
    """
    iterator, end = iter(items), object()
    with ThreadPoolExecutor(1) as thread:
        pending = thread.submit(next, iterator, end)
        while (item := pending.result()) is not end:
            pending = thread.submit(next, iterator, end)
            yield cast(R, item)


def track(results: Iterable[R], *, total: int, label: str) -> Iterator[R]:
    """Yield the results behind a progress bar with count, rate and time left."""
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    console = Console(stderr=True, force_jupyter=False)  # in a notebook rich would ask for another package
    with Progress(*columns, console=console) as progress:
        yield from progress.track(results, total=total, description=label)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let each process started meanwhile keep to one core, which others need too, and keep its memory."""
    settings = dict.fromkeys(_THREADS, "1") | {"MALLOC_TOP_PAD_": str(_KEPT_BYTES)}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _apply(function: Callable[[T], R], batch: Sequence[T]) -> list[R]:
    return [function(item) for item in batch]


class _Rate(ProgressColumn):
    """Items a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.{0 if speed >= 10 else 1}f}/s" if speed else "", style="progress.data.speed")
