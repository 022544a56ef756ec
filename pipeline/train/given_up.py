"""Which trainings were given up: their checkpoints are a week old. Without TensorFlow."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

KEPT_S = 7 * 24 * 3600.0  # a killed training may go on for a week


def folders(checkpoints: Path) -> Iterator[Path]:
    """Yield the folders of trainings that nothing was written to for a week; others may vanish meanwhile."""
    for folder in sorted(checkpoints.glob("*")):
        written = [path.stat().st_mtime for path in folder.rglob("*.npz")]
        if written and time.time() - max(written) > KEPT_S:
            yield folder
