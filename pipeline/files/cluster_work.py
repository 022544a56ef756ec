"""What runs in the processes of a cluster: the work, with all that it logs and warns of brought back."""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from logging.handlers import QueueHandler
from pathlib import Path
from queue import SimpleQueue
from typing import Generic, NamedTuple, TypeVar

import pipeline

T = TypeVar("T")
R = TypeVar("R")


class Place(NamedTuple):
    """Where the caller works, what code it runs, and from which level on it wants to be told."""

    folder: str
    code: str
    level: int

    @classmethod
    def here(cls) -> Place:
        """Describe this process."""
        return cls(str(Path.cwd()), code(), logging.getLogger("pipeline").getEffectiveLevel())


class Outcome(NamedTuple, Generic[R]):
    """What came of a piece of work: its result or its error, and what was logged and warned of."""

    result: R | None
    error: Exception | None
    records: list[logging.LogRecord]
    warned: list[warnings.WarningMessage]

    def take(self) -> R:
        """Log and warn as if the work had been done here, then return its result or raise its error."""
        for record in self.records:
            if (logger := logging.getLogger(record.name)).isEnabledFor(record.levelno):
                logger.handle(record)
        for each in self.warned:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]


def work(place: Place, function: Callable[[T], R], item: T) -> Outcome[R]:
    """Apply a function as the caller would in its own folder; an error is returned with where it arose."""
    with _told(place.level) as (records, warned):
        try:
            _enter(place)
            return Outcome(function(item), None, records, warned)
        except Exception as error:
            error.add_note(f"on {platform.node()}:\n{traceback.format_exc()}")
            return Outcome(None, error, records, warned)


class Machine(Generic[T, R]):
    """One process of a machine that holds a function: a network, say, which takes long to load."""

    def __init__(self, place: Place, function: Callable[[T], R]) -> None:
        self._place, self._function = place, function

    def work(self, item: T) -> Outcome[R]:
        """Apply the function."""
        return work(self._place, self._function, item)


@lru_cache(maxsize=1)
def code() -> str:
    """Hash the sources of this package."""
    folder, digest = Path(pipeline.__file__).parent, hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _enter(place: Place) -> None:
    """Go to the caller's folder, and see that the same code runs here and there.

    Raises
    ------
    OSError
        This machine does not see the folder.
    ValueError
        Its package is another one.
    """
    if not Path(place.folder).is_dir():
        raise FileNotFoundError(
            "every machine of the cluster must see the folder of the repository. Received: "
            f"{platform.node()} without {place.folder}. Share it under the same path."
        )
    if Path.cwd() != Path(place.folder):
        os.chdir(place.folder)
    if code() != place.code:
        raise ValueError(
            "every machine of the cluster must run the same package. Received: another one on "
            f"{platform.node()}, in {Path(pipeline.__file__).parent}. Install the same there."
        )


@contextmanager
def _told(level: int) -> Iterator[tuple[list[logging.LogRecord], list[warnings.WarningMessage]]]:
    """Collect what is logged and warned of; nothing of it is written here."""
    records: list[logging.LogRecord] = []
    handler, root, ours = _Keeping(records), logging.getLogger(), logging.getLogger("pipeline")
    root.addHandler(handler)
    ours.setLevel(level)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("default")
            yield records, warned
    finally:
        root.removeHandler(handler)


class _Keeping(QueueHandler):
    """Keeps records so that they can travel: their text is made, exceptions are part of it."""

    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__(SimpleQueue())
        self.setFormatter(logging.Formatter("%(message)s"))  # Ray has changed the default
        self._records = records

    def enqueue(self, record: logging.LogRecord) -> None:
        self._records.append(record)
