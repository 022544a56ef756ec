"""What an exam gets of the model that answers: its radiographs' results as DICOM objects."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.config import Config
from pipeline.examine import examination
from pipeline.examine.dicom import results
from pipeline.examine.dicom.results import Answered, Refused
from pipeline.files import dicom_out
from pipeline.files.faults import ImageFault
from pipeline.files.limits import Limits
from pipeline.files.printable import one_line, printable
from pipeline.node.working import Answer
from pipeline.predict import origin
from pipeline.registry import loading
from pipeline.registry.loading import Version
from pipeline.track.models import VersionError
from pipeline.track.outage import StoreError
from pipeline.validate import intake

log = logging.getLogger(__name__)

_BATCH = 8  # radiographs that are held at once
_ASK_S = 10.0  # between two questions to the registry


class _Admitted(NamedTuple):
    """A sound radiograph: the bytes and the name of its file, and what was read of it."""

    data: bytes
    name: str
    admitted: intake.Admitted


class Examiner:
    """Answers exams; between two of them a new champion takes the place of the one before."""

    def __init__(self, config: Config, model: str | None) -> None:
        self._config, self._model = config, model
        self._failure = loading.Failure()
        self._load(model)
        self._asked = time.monotonic()

    def __call__(self, files: Sequence[Path]) -> Answer:
        """Examine the images of one study."""
        self._follow()
        refused: dict[str, str] = {}
        made = results.make(self._views(files, refused), self._loaded, self._told)
        is_answered = len(refused) < len(files)
        return Answer([dicom_out.encode(each) for each in made] if is_answered else [], refused)

    def _views(self, files: Sequence[Path], refused: dict[str, str]) -> Iterator[Answered | Refused]:
        """Answer a batch at a time, as long as a study may be; of others, note why they are refused."""
        limits = examination.limits(self._config, self._loaded)
        for start in range(0, len(files), _BATCH):
            batch = [_admit(path, limits) for path in files[start : start + _BATCH]]
            admitted = [each for each in batch if not isinstance(each, Refused)]
            findings = iter(self._loaded.predict([each.admitted.radiograph.pixels for each in admitted]))
            for each in batch:
                if isinstance(each, Refused):
                    refused[each.name] = each.reason
                    yield each
                else:
                    yield Answered(*each, next(findings))

    def _load(self, name: str | None) -> None:
        """Take a model over once it has answered; what is raised leaves the one before."""
        loaded, told = loading.load(self._config, name)
        loading.warm(loaded, told)
        self._loaded, self._told = loaded, told
        log.info("the model is %s", origin.title(told))

    def _follow(self) -> None:
        """Load another model where the alias names another version; keep this one until that succeeds."""
        followed = loading.followed(self._model)
        if followed is None or time.monotonic() - self._asked < _ASK_S:
            return
        self._asked = time.monotonic()
        try:
            named = loading.version(self._config, followed)
        except Exception as error:
            level = logging.DEBUG if isinstance(error, (StoreError, VersionError)) else logging.WARNING
            log.log(level, "no news of the champion: %s", type(error).__name__)
            return
        if named.sha256 not in ("", self._told["sha256"]) and not self._failure.is_recent(named):
            self._take(followed, named)

    def _take(self, followed: str, named: Version) -> None:
        try:
            self._load(followed)
        except Exception as error:  # each library that reads or computes has errors of its own
            self._failure.note(named)
            kind, title = type(error).__name__, origin.title(self._told)
            why = one_line(printable(str(error)))
            log.error("%s can't be loaded: %s. The model stays %s. %s", named.name, kind, title, why)


def _admit(path: Path, limits: Limits) -> _Admitted | Refused:
    data = path.read_bytes()
    try:
        return _Admitted(data, path.name, intake.admit(data, path.name, limits))
    except ImageFault as fault:
        return Refused(data, path.name, fault.reason)
