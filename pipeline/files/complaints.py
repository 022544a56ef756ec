"""What libraries say while they decode, read instead of dropped: warnings, log records, standard error."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pipeline.files.faults import Note
from pipeline.files.printable import first

_LOGGERS = ("pydicom", "highdicom", "tifffile")
_LONGEST = 200  # characters of one complaint
_MOST = 3
_redirecting = threading.Lock()


@contextmanager
def heard() -> Iterator[list[str]]:
    """Collect the warnings and the log records of the decoders' libraries; nothing reaches the terminal."""
    said: list[str] = []
    handler = _Listener(said)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.propagate for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_, **__: said.append(str(message))
        for logger in loggers:
            logger.addHandler(handler)
            logger.propagate = False
        try:
            yield said
        finally:
            for logger, propagate in zip(loggers, before, strict=True):
                logger.removeHandler(handler)
                logger.propagate = propagate


@contextmanager
def standard_error(said: list[str]) -> Iterator[None]:
    """Collect what libraries in C write to standard error; one thread at a time."""
    with _redirecting, tempfile.TemporaryFile() as file:
        sys.stderr.flush()
        terminal = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            file.seek(0)
            said += filter(None, file.read().decode("utf-8", "replace").splitlines())


def notes(said: Sequence[str]) -> list[Note]:
    """Make one note of all complaints, each once."""
    if not said:
        return []
    each = list(dict.fromkeys(" ".join(words.split())[:_LONGEST] for words in said))
    return [Note("decoder_warning", f"the decoder complained: {first(each, _MOST, '; ')}")]


class _Listener(logging.Handler):
    """Keeps the text of warnings and errors."""

    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())
