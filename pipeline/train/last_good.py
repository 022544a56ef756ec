"""The classifier of the last training that ended well, kept where DVC removes nothing.

DVC deletes a stage's outputs before the stage runs: a training that fails has no earlier model beside it.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from pipeline.files import outputs

log = logging.getLogger(__name__)

_FOLDER = Path(".checkpoints/last-good")
_HASH = ".sha256"


def keep(classifier: Path, root: Path) -> None:
    """Copy a classifier there, with its sha256; without room for that, training succeeded all the same."""
    kept = root / _FOLDER / classifier.name
    try:
        with outputs.staged(kept) as private:
            shutil.copyfile(classifier, private)
        outputs.write_text(_hash(kept), f"{outputs.sha256(kept)}  {kept.name}\n")
    except OSError as error:
        log.warning("%s cannot be kept as the last good model: %s", classifier, error)


def advice(classifier: Path, root: Path) -> str:
    """Say where the last good classifier lies and how to get it back; or that there is none."""
    kept = root / _FOLDER / classifier.name
    if not kept.is_file() or not _hash(kept).is_file():
        return (
            f"No earlier model is kept in {kept.parent}; where dvc.lock names one: dvc checkout {classifier}"
        )
    noted = _hash(kept).read_text(encoding="utf-8").split()[0]
    if outputs.sha256(kept) != noted:
        return (
            f"{kept} is damaged, its sha256 is another; where dvc.lock names one: dvc checkout {classifier}"
        )
    return f"The last good model is whole (sha256 {noted[:12]}): cp '{kept}' '{classifier}' brings it back."


def _hash(kept: Path) -> Path:
    return kept.with_name(kept.name + _HASH)
