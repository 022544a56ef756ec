"""Environment of the processes that work on files: one core each, and memory that is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")  # of a worker's libraries
_KEPT_BYTES = 2**25  # that glibc keeps in use: to free and allocate again costs up to a quarter of decoding


def own_core() -> dict[str, str]:
    """Environment of a process that keeps to one core, since others need the rest, and keeps its memory."""
    return dict.fromkeys(THREADS, "1") | {"MALLOC_TOP_PAD_": str(_KEPT_BYTES)}


@contextmanager
def within(settings: Mapping[str, str]) -> Iterator[None]:
    """Let processes that start meanwhile have these variables."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
