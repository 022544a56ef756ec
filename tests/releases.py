"""Small released models, sealed, that say what they learnt from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.dataset import names
from pipeline.predict import sealing
from pipeline.types import UInt8Array
from pipeline.validate import learnt_hashes

NO_THUMBNAILS = np.zeros((0, 64, 64), np.uint8)


def make(
    folder: Path,
    sha256: Sequence[str] = (),
    thumbnails: UInt8Array = NO_THUMBNAILS,
    *,
    network: Path | None = None,
    backbone: str = "narrow",
) -> str:
    """Seal a release and return its sha256; without a network, it holds none."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in sealing.FILES:
        (folder / name).write_text(folder.name)
    if network is not None:
        shutil.copyfile(network, folder / names.CLASSIFIER)
    made_by = {"params": {"train": {"backbone": backbone}}}
    (folder / names.RELEASE).write_text(json.dumps(made_by))
    known = (
        learnt_hashes.build(sha256, thumbnails) if sha256 else learnt_hashes.Learnt(*np.zeros((2, 0), "u8"))
    )
    learnt_hashes.write(folder / names.LEARNT, known)
    return str(sealing.seal(folder)["sha256"])
