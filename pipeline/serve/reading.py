"""Files to admitted radiographs, in processes of their own: a decoder that dies or hangs ends none of us.

Imports no web framework: the processes start with what decoding needs.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from threading import BoundedSemaphore, Condition, Lock
from typing import NamedTuple

from pipeline.files import complaints, dicom, dicom_identity
from pipeline.files.faults import ImageFault
from pipeline.files.limits import Limits
from pipeline.files.outputs import die_with_parent
from pipeline.validate import intake

_MOST_PIXELS = 200_000_000  # of all radiographs that are held at once, a byte each
_SPACINGS = 2


Executor = ProcessPoolExecutor | ThreadPoolExecutor


class Item(NamedTuple):
    """Bytes to decode, how they are named, and the limits that they must meet."""

    data: bytes
    name: str
    limits: Limits


class Read(NamedTuple):
    """An admitted radiograph or why it is none, and what a DICOM file says of it.

    Attributes
    ----------
    result
        The radiograph, and what is odd about it; or its fault.
    spacing_mm
        Of its rows and of its columns, in the patient; None where it is not told.
    study
        The study's instance UID; empty where there is none.
    seconds
        That it took, without waiting.
    """

    result: intake.Admitted | ImageFault
    spacing_mm: tuple[float, float] | None = None
    study: str = ""
    seconds: float = 0.0

    @property
    def n_pixels(self) -> int:
        """Pixels that it holds in memory."""
        return 0 if isinstance(self.result, ImageFault) else self.result.radiograph.pixels.size


def read(item: Item) -> Read:
    """Decode and admit one file."""
    start = time.perf_counter()
    study, spacing_mm = _study(item), None
    result: intake.Admitted | ImageFault
    try:
        result = intake.admit(item.data, item.name, item.limits)
        spacing_mm = _spacing_mm(item) if result.radiograph.format == "DICOM" else None
    except ImageFault as fault:
        result = fault
    return Read(result, spacing_mm, study, time.perf_counter() - start)


def _study(item: Item) -> str:
    with complaints.heard():
        return dicom_identity.study(item.data, item.name, item.limits.max_pixels)


def _spacing_mm(item: Item) -> tuple[float, float] | None:
    with complaints.heard():
        header = dicom.read_header(item.data, item.name, item.limits.max_pixels)
        spacing = header.numbers("PixelSpacing")
    return (spacing[0], spacing[1]) if len(spacing) == _SPACINGS and min(spacing) > 0 else None


class Decoders:
    """Processes that decode, one file each at a time; they start with the first file.

    Parameters
    ----------
    workers
        How many; 0 takes one a core, and 1 a thread of this process.
    most_s
        Seconds that one file may take: from then on its decoder counts as one that hangs.
    """

    def __init__(self, workers: int, most_s: float = math.inf) -> None:
        self._n_workers, self._in_a_thread = workers or os.cpu_count() or 1, workers == 1
        self._most_s = most_s
        self._free = BoundedSemaphore(self._n_workers)
        self._room = _Room(_MOST_PIXELS)
        self._executor: Executor | None = None
        self._lock = Lock()

    @contextmanager
    def decoded(self, item: Item, until: float) -> Iterator[Read]:
        """Decode and admit a file, and hold it while it is worked on.

        The pixels of all that are held at once are bounded, whoever sent them.

        Parameters
        ----------
        until
            The moment of `time.monotonic` that is waited for.

        Raises
        ------
        TimeoutError
            It took too long, or there was no place for it.
        """
        if not self._free.acquire(timeout=_left(until)):
            raise TimeoutError
        try:
            found = self._read(item, until)
            self._room.take(found.n_pixels, until)  # nobody else decodes while it waits
        finally:
            self._free.release()
        try:
            yield found
        finally:
            self._room.give_back(found.n_pixels)

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            _kill(executor)

    def _read(self, item: Item, until: float) -> Read:
        if not _left(until):
            raise TimeoutError
        executor, future = self._submit(item)
        try:
            return self._awaited(future, item, until)
        except (BrokenProcessPool, CancelledError):
            self._forget(executor)
            return self._alone(item, until)
        finally:
            if not future.done():
                self._forget(executor)
                _kill(executor)

    def _awaited(self, future: Future[Read], item: Item, until: float) -> Read:
        """Wait for a file; one that had its whole time is broken, whoever asked for it may ask for others."""
        left = _left(until)
        try:
            return future.result(min(left, self._most_s))
        except TimeoutError:
            if left < self._most_s:
                raise
            detail = f"{item.name}: it was not decoded within {self._most_s:g} seconds"
            return Read(ImageFault("broken", detail))

    def _alone(self, item: Item, until: float) -> Read:
        """Read in a process of its own: another file may have brought the others' down, and may again."""
        executor = _processes(1)
        try:
            return self._awaited(executor.submit(read, item), item, until)
        except BrokenProcessPool:
            return Read(ImageFault("broken", f"{item.name}: its decoder died of it"))
        finally:
            _kill(executor)

    def _submit(self, item: Item) -> tuple[Executor, Future[Read]]:
        with self._lock:
            if self._executor is None:
                self._executor = self._started()
            try:
                return self._executor, self._executor.submit(read, item)
            except BrokenProcessPool:
                self._executor = self._started()
                return self._executor, self._executor.submit(read, item)

    def _started(self) -> Executor:
        if self._in_a_thread:
            return ThreadPoolExecutor(1, "decoder")
        return _processes(self._n_workers)

    def _forget(self, executor: Executor) -> None:
        with self._lock:
            if self._executor is executor:
                self._executor = None


def _processes(number: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(number, get_context("spawn"), die_with_parent, (os.getpid(),))


class _Room:
    """So many pixels at once; one radiograph alone always has a place."""

    def __init__(self, most: int) -> None:
        self._most, self._taken, self._changed = most, 0, Condition()

    def take(self, n_pixels: int, until: float) -> None:
        """Wait for a place; a TimeoutError where there is none in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._fits(n_pixels), _left(until)):
                raise TimeoutError
            self._taken += n_pixels

    def give_back(self, n_pixels: int) -> None:
        """Leave a place."""
        with self._changed:
            self._taken -= n_pixels
            self._changed.notify_all()

    def _fits(self, n_pixels: int) -> bool:
        return not self._taken or self._taken + n_pixels <= self._most


def _left(until: float) -> float:
    return max(until - time.monotonic(), 0.0)


def _kill(executor: Executor) -> None:
    """End an executor now; Python has no public way to kill its processes before 3.14."""
    processes = list((getattr(executor, "_processes", None) or {}).values())
    executor.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.kill()
    for process in processes:
        process.join()
