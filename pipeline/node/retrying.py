"""Tries, counted before they begin: what ends the node in the middle is set aside in the end, too."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import NamedTuple

from pipeline.config import Node
from pipeline.node import durable

_FILE = "tries.json"
INTERRUPTED = "interrupted"  # why a try failed that nothing more is known of


class Tries(NamedTuple):
    """How often something was tried, when it may be again (seconds of the clock), and why it failed."""

    number: int = 0
    due: float = 0.0
    reason: str = INTERRUPTED

    def is_due(self, settings: Node) -> bool:
        """Whether it may be tried; a clock that was set back holds nothing up for longer than a wait."""
        return not 0 < self.due - time.time() <= settings.retry_most_s

    def is_exhausted(self, settings: Node) -> bool:
        """Whether it was tried often enough."""
        return self.number >= settings.retry_tries


def read(folder: Path) -> Tries:
    """Read what was tried; nothing yet where nothing is noted, or the note is spoilt."""
    try:
        noted = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        return Tries(int(noted["number"]), float(noted["due"]), str(noted["reason"]))
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return Tries()


def begin(folder: Path, settings: Node) -> Tries:
    """Count a try that begins now."""
    number = read(folder).number + 1
    tries = Tries(number, time.time() + wait_s(number, settings))
    durable.write_json(folder / _FILE, tries._asdict())
    return tries


def fail(folder: Path, tries: Tries, reason: str, settings: Node) -> Tries:
    """Note why a try failed; the next one waits from now on."""
    failed = Tries(tries.number, time.time() + wait_s(tries.number, settings), reason)
    durable.write_json(folder / _FILE, failed._asdict())
    return failed


def forget(folder: Path) -> None:
    """Count anew from here on."""
    (folder / _FILE).unlink(missing_ok=True)


class Pauses:
    """Studies at which not even a look succeeds: each waits longer each time, and none holds others up."""

    def __init__(self, settings: Node) -> None:
        self._settings = settings
        self._failed: dict[str, tuple[int, float]] = {}

    def holds(self, study: Path) -> bool:
        """Whether it is left alone for now."""
        return study.name in self._failed and time.monotonic() < self._failed[study.name][1]

    def begin(self, study: Path) -> float:
        """Leave it alone from now on; return for how many seconds."""
        number = self._failed.get(study.name, (0, 0.0))[0] + 1
        seconds = wait_s(number, self._settings)
        self._failed[study.name] = number, time.monotonic() + seconds
        return seconds

    def forget(self, study: Path) -> None:
        """Count anew from here on."""
        self._failed.pop(study.name, None)


def wait_s(number: int, settings: Node) -> float:
    """Seconds to wait after so many tries: longer by a factor each time, up to the longest."""
    exponent = min(number - 1, 1000)
    try:
        return min(settings.retry_first_s * settings.retry_factor**exponent, settings.retry_most_s)
    except OverflowError:
        return settings.retry_most_s
