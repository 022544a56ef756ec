"""Where work on many files runs: processes of this machine or a Ray cluster, behind a progress bar.

`chosen` lets `run.engine` say which; all that works does so through `Pool`, `process` or `on_machines`, and
the results are the same.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self, TypeVar, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
from rich.text import Text

from pipeline.files import temporary, worker_environment
from pipeline.files.bounded import in_order
from pipeline.files.outputs import die_with_parent

if TYPE_CHECKING:
    from pipeline.config import Run
    from pipeline.files.cluster import Cluster

T = TypeVar("T")
R = TypeVar("R")

_BATCH = 8  # items a task: enough to hide the cost of sending it
_AHEAD = 4  # tasks queued per worker: bounds memory, keeps every worker busy

_cluster: Cluster | None = None  # where work goes in place of this machine's processes


@contextmanager
def chosen(run: Run) -> Iterator[None]:
    """Let `run.engine` say where work is done meanwhile: in processes here, or on a Ray cluster.

    Raises
    ------
    ValueError
        ``run.engine`` is ``ray``, and Ray is not installed.
    """
    global _cluster
    if run.engine == "local":
        yield
        return
    from pipeline.files.cluster import Cluster

    with Cluster(run.ray_address, run.workers) as _cluster:
        try:
            yield
        finally:
            _cluster = None


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a folder for what workers leave to one another.

    With a cluster that was joined it lies in the working folder, which all of its machines see.
    """
    joined = _cluster is not None and _cluster.is_joined
    with temporary.within(Path.cwd()) if joined else TemporaryDirectory() as folder:
        yield Path(folder)


class Pool:
    """Processes that work on items, one call after another: they start with the first call that needs them.

    Of ``workers``, 0 takes one a core, and 1 works in this process. A cluster that is `chosen` takes the
    place of the processes.
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
        if _cluster is not None:
            yield from chain.from_iterable(_cluster.process(partial(_apply, function), batches))
            return
        try:
            submit, n_ahead = partial(self._submit, function), self._n_workers * _AHEAD
            yield from chain.from_iterable(in_order(batches, n_ahead, submit, Future.result, Future.cancel))
        except BrokenProcessPool:
            self._executor = None  # the next call starts others
            raise

    def _submit(self, function: Callable[[T], R], batch: Sequence[T]) -> Future[list[R]]:
        if self._executor is None:
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(self._n_workers, context, die_with_parent, (os.getpid(),))
        with worker_environment.within(worker_environment.own_core()):  # here processes start
            return self._executor.submit(_apply, function, batch)


HERE = Pool(1)  # works in this process


def process(function: Callable[[T], R], items: Sequence[T], *, workers: int, label: str) -> Iterator[R]:
    """Apply a function to every item as `Pool.process` does, in processes of its own."""
    with Pool(workers) as pool:
        yield from pool.process(function, items, label=label)


def on_machines(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Apply a function that keeps all cores of a machine busy by itself, and yield the results in order.

    It works here, item by item, as they are wanted; where a cluster of several machines is `chosen`, on each
    of them. It travels there once, pickled, and stays for the next call with the same function.
    """
    remaining = iter(items)
    first = list(islice(remaining, 2))
    every = chain(first, remaining)
    if _cluster is None or len(first) < 2 or not _cluster.has_several_machines():
        return map(function, every)
    return _cluster.on_machines(function, every)


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


def _apply(function: Callable[[T], R], batch: Sequence[T]) -> list[R]:
    return [function(item) for item in batch]


class _Rate(ProgressColumn):
    """Items a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.{0 if speed >= 10 else 1}f}/s" if speed else "", style="progress.data.speed")
