"""Two processes that work in turns, an epoch each, so that a machine whose speed drifts slows down both."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event, Semaphore
from typing import Any

Job = Callable[..., dict[str, Any]]  # of Turns, and of arguments of its own


@dataclass
class Turns:
    """One process's side of it; its job calls ``begin`` before the first epoch and ``pause`` after each.

    Attributes
    ----------
    clock, processor
        Seconds of each epoch, by the clock and of all processors together.
    """

    own: Semaphore
    other: Semaphore
    is_alone: Event  # the other process has ended, and gives no turn away any more
    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    _started: tuple[float, float] = (0.0, 0.0)

    def begin(self) -> None:
        """Wait for one's turn, and start the clock."""
        while not self.own.acquire(timeout=1) and not self.is_alone.is_set():
            pass
        self._started = (time.monotonic(), time.process_time())

    def pause(self) -> None:
        """Note how long the epoch took, and let the other one have a turn."""
        clock, processor = self._started
        self.clock.append(time.monotonic() - clock)
        self.processor.append(time.process_time() - processor)
        self.other.release()
        self.begin()


def take(jobs: Sequence[tuple[Job, tuple[Any, ...]]]) -> list[dict[str, Any]]:
    """Run two jobs in fresh processes, in turns, and return what each found, with its seconds."""
    context = multiprocessing.get_context("spawn")
    gates, is_alone = [context.Semaphore(1), context.Semaphore(0)], context.Event()
    pools = [
        ProcessPoolExecutor(1, context, _enter, (Turns(gates[place], gates[1 - place], is_alone),))
        for place in range(len(jobs))
    ]
    futures = [pool.submit(_run, *job) for pool, job in zip(pools, jobs, strict=True)]
    for future in futures:
        future.add_done_callback(lambda _: is_alone.set())  # also when a process was killed
    found = [future.result() for future in futures]
    for pool in pools:
        pool.shutdown()
    return found


_turns: Turns  # of this process


def _enter(turns: Turns) -> None:
    global _turns
    _turns = turns


def _run(job: Job, arguments: tuple[Any, ...]) -> dict[str, Any]:
    try:
        return job(_turns, *arguments) | {"clock": _turns.clock, "processor": _turns.processor}
    finally:
        _turns.is_alone.set()
        _turns.other.release()
