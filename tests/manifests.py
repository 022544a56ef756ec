"""Small manifests of radiographs that nobody drew."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.dataset import manifest


def write(path: Path, train: int = 4, val: int = 4, test: int = 4, **labels: list[str]) -> pd.DataFrame:
    """Write so many kept radiographs a split, every other one fractured, each its own group."""
    splits = [*["train"] * train, *["val"] * val, *["test"] * test]
    rows = [
        {
            "path": f"{split}/{position:03d}.png",
            "published_split": split,
            "split": split,
            "fractured": position % 2 == 0,
            "status": "kept",
            "reason": "",
            "group": f"g{position:03d}",
            "sha256": f"{position:064x}",
            "format": "PNG",
            "mode": "L",
            "height_px": 128,
            "width_px": 96,
            "sampling_weight": 1.0,
        }
        for position, split in enumerate(splits)
    ]
    frame = pd.DataFrame(rows).astype({"height_px": "Int64", "width_px": "Int64"}).assign(**labels)
    manifest.write(frame, path)
    return frame
