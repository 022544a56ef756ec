"""Work handed out a bounded number of pieces ahead, its results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
P = TypeVar("P")
R = TypeVar("R")


def in_order(
    items: Iterable[T],
    n_ahead: int,
    submit: Callable[[T], P],
    result: Callable[[P], R],
    cancel: Callable[[P], object],
) -> Iterator[R]:
    """Submit so many items ahead of the one that is waited for, and yield the results in order.

    After an exception nobody waits for what was submitted: it is cancelled.
    """
    remaining = iter(items)
    pending = deque(map(submit, islice(remaining, n_ahead)))
    try:
        while pending:
            yield result(pending.popleft())
            pending.extend(map(submit, islice(remaining, 1)))
    finally:
        for each in pending:
            cancel(each)
