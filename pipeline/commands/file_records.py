"""The record of one file that `predict` examined, and its overlay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.commands import overlay_files
from pipeline.config import Config
from pipeline.examine import picture, record
from pipeline.files.faults import ImageFault
from pipeline.predict import origin
from pipeline.predict.bundle import Bundle, Finding
from pipeline.validate import intake

Result = tuple[intake.Admitted, Finding] | ImageFault


def of(
    config: Config,
    loaded: Bundle,
    told: Mapping[str, str],
    path: Path,
    result: Result,
    shared: Path,
    folder: Path | None,
) -> dict[str, Any]:
    """Make a file's record, and write its overlay where a folder is wanted.

    Parameters
    ----------
    told
        The model's name, as `loading.load` returns it.
    result
        As `examination.examine` yields it.
    shared
        The folder that all files share.
    """
    if isinstance(result, ImageFault):
        return record.refuse(path, result)
    answer = record.describe(path, *result, loaded) | {"model": dict(told)}
    if folder is not None:
        drawn = picture.draw(path, *result, loaded, config.region_maps.colormap, origin.title(told))
        overlay = overlay_files.write(folder / "overlays", path, shared, drawn)
        answer["overlay"] = overlay and f"overlays/{overlay}"
    return answer
