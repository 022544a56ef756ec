"""Files to admitted radiographs, in processes of their own: a decoder that dies or hangs ends none of us.

Imports no web framework: the processes start with what decoding needs.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from threading import BoundedSemaphore, Lock
from typing import NamedTuple

from pipeline.files import dicom
from pipeline.files.faults import ImageFault
from pipeline.files.limits import Limits
from pipeline.files.outputs import die_with_parent
from pipeline.validate import intake

_SPACINGS = 2
_STUDY_CHARACTERS = 64


class Item(NamedTuple):
    """Bytes to decode, how they are named, and the limits that they must meet."""

    data: bytes
    name: str
    limits: Limits


class Read(NamedTuple):
    """An admitted radiograph, and what a DICOM file says of it.

    Attributes
    ----------
    admitted
        The radiograph, and what is odd about it.
    spacing_mm
        Of its rows and of its columns, in the patient; None where it is not told.
    study
        The study's instance UID; empty where there is none.
    """

    admitted: intake.Admitted
    spacing_mm: tuple[float, float] | None = None
    study: str = ""


def read(item: Item) -> Read | ImageFault:
    """Decode and admit one file, or return why not."""
    try:
        admitted = intake.admit(item.data, item.name, item.limits)
    except ImageFault as fault:
        return fault
    if admitted.radiograph.format != "DICOM":
        return Read(admitted)
    header = dicom.read_header(item.data, item.name, item.limits.max_pixels)
    spacing = header.numbers("PixelSpacing")
    positive = len(spacing) == _SPACINGS and min(spacing) > 0
    study = header.text("StudyInstanceUID")[:_STUDY_CHARACTERS]
    return Read(admitted, (spacing[0], spacing[1]) if positive else None, study)


class Decoders:
    """Processes that decode, one file each at a time; they start with the first file.

    Of ``workers``, 0 takes one a core, and 1 a thread of this process.
    """

    def __init__(self, workers: int) -> None:
        self._n_workers = workers or os.cpu_count() or 1
        self._free = BoundedSemaphore(self._n_workers)
        self._executor: ProcessPoolExecutor | ThreadPoolExecutor | None = None
        self._lock = Lock()

    def read(self, item: Item, timeout_s: float) -> Read | ImageFault:
        """Decode and admit a file.

        Raises
        ------
        TimeoutError
            It took too long, or no process was free for so long.
        """
        if not self._free.acquire(timeout=max(timeout_s, 0)):
            raise TimeoutError
        try:
            return self._read(item, timeout_s)
        finally:
            self._free.release()

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            _kill(executor)

    def _read(self, item: Item, timeout_s: float) -> Read | ImageFault:
        for _ in range(2):  # another file may have brought the processes down
            executor, future = self._submit(item)
            try:
                return future.result(timeout_s)
            except BrokenProcessPool:
                self._forget(executor)
            except TooSlow:
                self._forget(executor)
                _kill(executor)
                raise TimeoutError from None
        return ImageFault("broken", f"{item.name}: its decoder died of it")

    def _submit(
        self, item: Item
    ) -> tuple[ProcessPoolExecutor | ThreadPoolExecutor, Future[Read | ImageFault]]:
        with self._lock:
            if self._executor is None:
                self._executor = self._started()
            return self._executor, self._executor.submit(read, item)

    def _started(self) -> ProcessPoolExecutor | ThreadPoolExecutor:
        if self._n_workers == 1:
            return ThreadPoolExecutor(1, "decoder")
        return ProcessPoolExecutor(self._n_workers, get_context("spawn"), die_with_parent, (os.getpid(),))

    def _forget(self, executor: object) -> None:
        with self._lock:
            if self._executor is executor:
                self._executor = None


def _kill(executor: ProcessPoolExecutor | ThreadPoolExecutor) -> None:
    """End an executor now; Python has no public way to kill its processes before 3.14."""
    processes = list((getattr(executor, "_processes", None) or {}).values())
    executor.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.kill()
    for process in processes:
        process.join()
