"""What an exam gets of the model that answers: its radiographs' results as DICOM objects."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.config import Config
from pipeline.examine import examination
from pipeline.examine.dicom import results
from pipeline.examine.dicom.results import Answered, Refused
from pipeline.files import dicom_out
from pipeline.files.faults import ImageFault
from pipeline.node.working import Answer
from pipeline.predict import origin
from pipeline.registry import loading
from pipeline.track.models import VersionError
from pipeline.track.outage import StoreError
from pipeline.validate import intake

log = logging.getLogger(__name__)

_BATCH = 8  # radiographs that are held at once
_ASK_S = 10.0  # between two questions to the registry


class Examiner:
    """Answers exams; between two of them a new champion takes the place of the one before."""

    def __init__(self, config: Config, model: str | None) -> None:
        self._config, self._model = config, model
        self._load()

    def __call__(self, files: Sequence[Path]) -> Answer:
        """Examine the images of one study."""
        self._follow()
        refused: dict[str, str] = {}
        views = self._answered(files, refused)
        others = (
            Refused(path.read_bytes(), path.name, refused[path.name])
            for path in files
            if path.name in refused
        )
        made = results.make(views, self._loaded, self._told, others)
        is_answered = len(refused) < len(files)
        return Answer([dicom_out.encode(each) for each in made] if is_answered else [], refused)

    def _answered(self, files: Sequence[Path], refused: dict[str, str]) -> Iterator[Answered]:
        """Answer a batch at a time, as long as a study may be; of others, note why they are refused."""
        limits = examination.limits(self._config, self._loaded)
        for start in range(0, len(files), _BATCH):
            admitted = []
            for path in files[start : start + _BATCH]:
                data = path.read_bytes()
                try:
                    admitted.append((data, path.name, intake.admit(data, path.name, limits)))
                except ImageFault as fault:
                    refused[path.name] = fault.reason
            findings = self._loaded.predict([each.radiograph.pixels for _, _, each in admitted])
            yield from (Answered(*each, finding) for each, finding in zip(admitted, findings, strict=True))

    def _load(self) -> None:
        self._loaded, self._told = loading.load(self._config, self._model)
        self._asked = time.monotonic()
        log.info("the model is %s", origin.title(self._told))

    def _follow(self) -> None:
        """Load another model where the alias names another version; keep this one until that succeeds."""
        followed = loading.followed(self._model)
        if followed is None or time.monotonic() - self._asked < _ASK_S:
            return
        self._asked = time.monotonic()
        try:
            named = loading.version(self._config, followed)
        except (StoreError, VersionError) as error:
            log.debug("no news of the champion: %s", type(error).__name__)
            return
        if named.sha256 not in ("", self._told["sha256"]):
            try:
                self._load()
            except (StoreError, ValueError, OSError) as error:
                kind, title = type(error).__name__, origin.title(self._told)
                log.error("%s can't be loaded: %s. The model stays %s", named.name, kind, title)
