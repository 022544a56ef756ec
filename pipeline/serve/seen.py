"""A line about each radiograph that came, for `drift`: without name, picture or time; see `drift.served`."""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Lock

from pipeline.drift import served
from pipeline.files.radiograph import Radiograph

log = logging.getLogger(__name__)


class Seen:
    """The folder of the lines."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, Lock()

    def note(self, radiograph: Radiograph, n_bytes: int) -> None:
        """Add a line for a radiograph that came in a file of ``n_bytes``; an answer is worth more than it."""
        try:
            with self._lock:
                served.note(self._folder, radiograph, n_bytes)
        except OSError as error:
            log.warning("serve: what was seen is not noted: %s", error.strerror or type(error).__name__)
