"""Radiographs from file to finding: every one admitted alike, and a faulty one no end of the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.config import Config, in_repository
from pipeline.files import engine
from pipeline.files.faults import ImageFault
from pipeline.files.limits import Limits
from pipeline.predict.bundle import Bundle, Finding
from pipeline.validate import intake

T = TypeVar("T")


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
    remaining, held = iter(files), deque[list[intake.Admitted | ImageFault]]()
    for found in engine.on_machines(loaded.predict, map(_pixels, _kept(intake.batches(decoded), held))):
        findings = iter(found)
        for each in held.popleft():
            yield next(remaining), each if isinstance(each, ImageFault) else (each, next(findings))


def _kept(batches: Iterable[T], held: deque[T]) -> Iterator[T]:
    """Pass batches on, and keep each until its findings come."""
    for batch in batches:
        held.append(batch)
        yield batch


def _pixels(batch: Sequence[intake.Admitted | ImageFault]) -> list[NDArray[np.uint8]]:
    return [each.radiograph.pixels for each in batch if not isinstance(each, ImageFault)]


def limits(config: Config, loaded: Bundle) -> Limits:
    """Say what files must meet: by the settings of this repository, or outside of one by the model."""
    return Limits.of(config.validation) if in_repository() else loaded.limits
