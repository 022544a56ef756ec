"""One thread that asks the network, a batch of waiting radiographs at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Thread
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.predict.bundle import Finding
from pipeline.serve.model import Model

MOST = 16  # radiographs of a batch
_MOST_PIXELS = 25_000_000  # of a batch: its region maps take four bytes each


class _Job(NamedTuple):
    model: Model
    pixels: NDArray[np.uint8]
    answer: Future[Finding]


class Batches:
    """A queue before the network; radiographs of one batch are asked of one model.

    Parameters
    ----------
    observe
        Told the size of each batch.
    """

    def __init__(self, observe: Callable[[int], None]) -> None:
        self._observe = observe
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._held: _Job | None = None  # began the next batch
        self._thread: Thread | None = None
        self._lock = Lock()

    def ask(self, model: Model, pixels: NDArray[np.uint8]) -> Future[Finding]:
        """Queue a radiograph, uint8 (H, W); a cancelled answer is not computed."""
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._work, name="network", daemon=True)
                self._thread.start()
        job = _Job(model, pixels, Future())
        self._jobs.put(job)
        return job.answer

    def close(self) -> None:
        """End the thread after what was queued."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            thread.join()

    def _work(self) -> None:
        while (first := self._held or self._jobs.get()) is not None:
            self._held = None
            batch, is_last = self._gather(first)
            wanted = [job for job in batch if job.answer.set_running_or_notify_cancel()]
            self._observe(len(wanted))
            _answer(wanted)
            if is_last:
                return

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        """Take those that wait already; tell whether the queue was closed."""
        batch, size = [first], first.pixels.size
        while len(batch) < MOST and not self._jobs.empty():
            job = self._jobs.get()
            if job is None:
                return batch, True
            size += job.pixels.size
            if job.model is not first.model or size > _MOST_PIXELS:
                self._held = job
                break
            batch.append(job)
        return batch, False


def _answer(batch: Sequence[_Job]) -> None:
    """Ask about all at once; where that fails, about each alone, so that one costs the others nothing."""
    if not batch:
        return
    try:
        findings = batch[0].model.predict([job.pixels for job in batch])
    except Exception as error:
        if len(batch) == 1:
            batch[0].answer.set_exception(error)
        else:
            for job in batch:
                _answer([job])
        return
    for job, finding in zip(batch, findings, strict=True):
        job.answer.set_result(finding)
