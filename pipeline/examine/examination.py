"""Radiographs from file to finding: every one admitted alike, and a faulty one no end of the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.config import Config, in_repository
from pipeline.files import engine
from pipeline.files.faults import ImageFault
from pipeline.files.limits import Limits
from pipeline.predict.bundle import Bundle, Finding
from pipeline.validate import intake


def answer(config: Config, loaded: Bundle, path: Path) -> tuple[intake.Admitted, Finding]:
    """Examine one file; `describe` and `draw` take what this returns.

    Raises
    ------
    ImageFault
        It is no sound radiograph.
    """
    admitted = intake.read(intake.Item(path, limits(config, loaded)))
    if isinstance(admitted, ImageFault):
        raise admitted
    (finding,) = loaded.predict([admitted.radiograph.pixels])
    return admitted, finding


def examine(
    loaded: Bundle, files: Sequence[Path], config: Config
) -> Iterator[tuple[Path, tuple[intake.Admitted, Finding] | ImageFault]]:
    """Yield each file as it was admitted with its finding, or with its fault.

    Radiographs are held a batch at a time, however many there are. Outside a repository, files must meet the
    limits that the model carries.
    """
    allowed = limits(config, loaded)
    items = [intake.Item(path, allowed) for path in files]
    decoded = engine.process(intake.read, items, workers=config.run.workers, label="predict")
    remaining = iter(files)
    for batch in intake.batches(decoded):
        pixels = [each.radiograph.pixels for each in batch if not isinstance(each, ImageFault)]
        findings = iter(loaded.predict(pixels))
        for each in batch:
            yield next(remaining), each if isinstance(each, ImageFault) else (each, next(findings))


def limits(config: Config, loaded: Bundle) -> Limits:
    """Say what files must meet: by the settings of this repository, or outside of one by the model."""
    return Limits.of(config.validation) if in_repository() else loaded.limits
