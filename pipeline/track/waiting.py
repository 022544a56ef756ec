"""Waiting for a server: the calls of a stage, or of a command, share one allowance, whatever it does."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from concurrent.futures import Future, thread
from pathlib import Path
from threading import Thread
from typing import Any, cast

_FREE_S = 0.25  # a response within this time is free: only waiting counts
_POLL_S = 0.5
_BYTES_A_SECOND = 1e6  # files that move at least as fast cost no patience

Earned = Callable[[], float]  # seconds that a call may take besides


class OutOfPatienceError(Exception):
    """The allowance is used up."""


class _AbandonedError(BaseException):
    """Ends the thread of a call that nobody waits for."""


class Patience:
    """Seconds of waiting that all calls together may cost.

    By default one call to a silent server blocks for minutes, and a slow one would be waited for again at
    each of thirty calls. What MLflow reads about that in environment variables belongs to the whole process,
    and a server that sends a byte a second keeps every one of them: so each call has a thread of its own.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._waited_s = 0.0

    def wait(self, call: Callable[[], Any], earned: Earned = lambda: 0.0) -> Any:
        """Wait for what a call returns or raises.

        Parameters
        ----------
        earned
            Seconds that it may take besides, as known by now: for bytes that must move, or have moved.

        Raises
        ------
        OutOfPatienceError
            The allowance is used up. The call's thread ends as soon as it comes to itself.
        """
        future: Future[Any] = Future()
        started, left_s = time.monotonic(), self.timeout_s - self._waited_s
        if left_s > 0:
            worker = Thread(target=_fulfil, args=(future, call), name="mlflow", daemon=True)
            worker.start()
            worker.join(left_s)
            while not future.done() and (more_s := left_s + earned() - (time.monotonic() - started)) > 0:
                worker.join(min(more_s, _POLL_S))
            if not future.done():
                _abandon(worker)
        if not future.done():
            self._waited_s = self.timeout_s
            raise OutOfPatienceError
        self._waited_s += max(0.0, time.monotonic() - started - _FREE_S - earned())
        return future.result()


def to_move(*paths: Path) -> float:
    """Return the seconds that files, and those in folders, may take on their way."""
    files = (file for path in paths for file in (path.rglob("*") if path.is_dir() else (path,)))
    return sum(map(_size, files)) / _BYTES_A_SECOND


def _size(file: Path) -> int:
    try:
        return file.stat().st_size if file.is_file() else 0
    except OSError:  # renamed at this moment
        return 0


def _fulfil(future: Future[Any], call: Callable[[], Any]) -> None:
    try:
        future.set_result(call())
    except _AbandonedError:  # kept nowhere: its frames hold connections, and they locks
        return
    except BaseException as error:
        future.set_exception(error)


def _abandon(worker: Thread) -> None:
    """End a call: it must neither write later nor read without end, nor hold up the interpreter's end."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(worker.ident or 0), ctypes.py_object(_AbandonedError)
    )
    joined = cast("dict[Thread, Any]", thread._threads_queues)  # workers of pools, joined at exit
    for helper in [helper for helper in list(joined) if helper.name.startswith("Mlflow")]:
        joined.pop(helper, None)
