"""One folder for a process's temporary files, which the next process removes where it was killed."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from pipeline.files.outputs import left_over

_NAME = "fracture-"


@cache
def folder() -> Path:
    """Make a folder that is removed when this process ends; after ``kill -9``, by the next `gathered`."""
    made = Path(tempfile.mkdtemp(prefix=f".{os.getpid()}-{_NAME}"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@contextmanager
def within(place: Path) -> Iterator[str]:
    """Make a folder for temporary files that goes at the end, or when the next process makes one there."""
    for left, name in left_over(place).items():
        if name.startswith(_NAME):
            shutil.rmtree(left, ignore_errors=True)  # another user's stays
    with tempfile.TemporaryDirectory(
        prefix=f".{os.getpid()}-{_NAME}", dir=place, ignore_cleanup_errors=True
    ) as folder:
        yield folder


@contextmanager
def gathered() -> Iterator[None]:
    """Gather temporary files, those of libraries and of processes that start here, in a folder of their own.

    What radiographs were described by and pages on their way to MLflow would else stay after ``kill -9``. The
    folder lies where temporary files are wanted and bears this process's id; those of dead ones go first.
    """
    place = Path(tempfile.gettempdir())
    with within(place) as folder:
        before, os.environ["TMPDIR"], tempfile.tempdir = os.environ.get("TMPDIR"), folder, folder
        try:
            yield
        finally:
            tempfile.tempdir = str(place)
            os.environ.pop("TMPDIR") if before is None else os.environ.update(TMPDIR=before)
