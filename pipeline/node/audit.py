"""The audit trail: one JSON line a hop, flushed, without a tag of a patient, a UID or a name.

A study is named by the sha256 of its UID, so whoever has the UID finds its lines, and nobody else learns it.
A line is written before what it tells of counts: after a kill one may stand twice, and none is missing.
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pipeline.node import durable

Hop = Literal["received", "closed", "answered", "sent", "failed", "set aside", "removed"]


class Audit:
    """Appends to one file; called by several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def __call__(self, hop: Hop, study: str, outcome: str, seconds: float, **more: object) -> None:
        """Record a hop.

        Parameters
        ----------
        study
            Sha256 of the study's UID.
        outcome
            ``ok``, or a code of what was otherwise.
        seconds
            That the hop took.
        more
            Numbers and codes that belong to it: ``images``, ``results``, ``exam``, ...

        Raises
        ------
        OSError
            The line cannot be written; then the hop must not count as done.
        """
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": time, "hop": hop, "study": study, "outcome": outcome, "seconds": round(seconds, 3)}
        with self._lock:
            durable.append(self._path, json.dumps(line | more))
