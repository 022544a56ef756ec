"""How far each study has come, told by files alone.

A study that has been quiet is closed: the images that it then has are an exam. Images that come later make
another exam of all of them, behind those before: each view keeps its number. An exam's folder holds

    closed.json    its images                                closed
    results/       what was answered, whole                  answered
    sent/0000.dcm  a mark for each result the peer has
    sent.json      the peer has them all                     sent
    tries.json     what was begun and has not succeeded; see `retrying`
    aside.json     given up, with the reason                 set aside

Where a failing disk or a hand spoilt closed.json, the study gets another exam of all its images.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pipeline.node import durable
from pipeline.node.spool import image_names

State = Literal["closed", "answered", "sent", "set aside"]
NO_RESULTS = "no_results"  # why an exam is set aside of which none could be made
_CLOSED, _RESULTS, _MARKS, _SENT, _ASIDE = "closed.json", "results", "sent", "sent.json", "aside.json"


class Exam:
    """Images of a study that are answered together."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.study, self.number = folder.parents[1], int(folder.name)

    @property
    def state(self) -> State:
        """How far it has come."""
        if self._has(_ASIDE):
            return "set aside"
        if self._has(_SENT):
            return "sent"
        return "answered" if self._has(_RESULTS) else "closed"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be done for it."""
        return self.state in ("sent", "set aside")

    @property
    def is_done(self) -> bool:
        """Whether nobody waits for anything of it: its results are sent, or it can have none."""
        return self.state == "sent" or (self.is_over and self._noted(_ASIDE, "reason") == NO_RESULTS)

    @property
    def images(self) -> list[str]:
        """Names of its images; none where its file is spoilt."""
        return [str(name) for name in self._noted(_CLOSED, "images") or ()]

    @property
    def files(self) -> list[Path]:
        """Its images."""
        return [self.study / "images" / name for name in self.images]

    @property
    def unsent(self) -> list[Path]:
        """Results that the peer has not confirmed."""
        results = sorted((self.folder / _RESULTS).iterdir())
        return [path for path in results if not (self.folder / _MARKS / path.name).exists()]

    @property
    def n_results(self) -> int:
        """How many results it has."""
        return len(list((self.folder / _RESULTS).iterdir()))

    def keep_results(self, results: Sequence[bytes]) -> None:
        """Keep what was answered: all of it, or nothing."""
        durable.write_folder(self.folder / _RESULTS, {f"{i:04d}.dcm": data for i, data in enumerate(results)})

    def mark_sent(self, result: Path) -> None:
        """Note that the peer has a result."""
        durable.make(self.folder / _MARKS)
        durable.write(self.folder / _MARKS / result.name, b"")

    def end(self) -> None:
        """Note that the peer has all results."""
        durable.write_json(self.folder / _SENT, {})

    def set_aside(self, reason: str) -> None:
        """Give it up, until somebody calls it again."""
        durable.write_json(self.folder / _ASIDE, {"reason": reason})

    def call_again(self) -> None:
        """Undo `set_aside`."""
        (self.folder / _ASIDE).unlink()
        durable.sync(self.folder)

    def ended(self) -> float:
        """Return since when it is over, in seconds of the clock."""
        return (self.folder / (_ASIDE if self._has(_ASIDE) else _SENT)).stat().st_mtime

    def _has(self, name: str) -> bool:
        return (self.folder / name).exists()

    def _noted(self, name: str, key: str) -> Any:
        try:
            return json.loads((self.folder / name).read_text(encoding="utf-8"))[key]
        except (FileNotFoundError, ValueError, LookupError, TypeError):
            return None


def of(study: Path) -> list[Exam]:
    """List the exams of a study, the first first."""
    folder = study / "exams"
    return [Exam(path) for path in sorted(folder.glob("[0-9]*"))] if folder.is_dir() else []


def waiting(study: Path) -> list[str]:
    """Name all images of a study that has some in no exam, or nothing where it has none such."""
    images, closed = image_names(study), of(study)
    return [] if closed and sorted(closed[-1].images) == images else images


class Quiet:
    """Since when nothing has come to each study: by a clock that nobody sets, and anew in each process."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[list[tuple[str, int]], float]] = {}

    def seconds(self, study: Path, images: Sequence[str]) -> float:
        """Return for how long it has had these images, and none of them has come again."""
        now = time.monotonic()
        came = [(name, (study / "images" / name).stat().st_mtime_ns) for name in images]
        if study.name not in self._seen or self._seen[study.name][0] != came:
            self._seen[study.name] = came, now
        return now - self._seen[study.name][1]

    def forget(self, study: Path) -> None:
        """Hold nothing of a study that was closed."""
        self._seen.pop(study.name, None)


def close(study: Path, images: Sequence[str]) -> None:
    """Make an exam of images that `waiting` named."""
    durable.make(study / "exams")
    closed = of(study)
    before = next((exam.images for exam in reversed(closed) if exam.images), [])  # notes may be spoilt
    ordered = sorted(images, key=lambda name: before.index(name) if name in before else len(before))
    folder = study / "exams" / f"{len(closed) + 1:04d}"
    content: Mapping[str, bytes] = {_CLOSED: (json.dumps({"images": ordered}) + "\n").encode()}
    durable.write_folder(folder, content)
