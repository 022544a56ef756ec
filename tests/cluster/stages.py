"""Settings of small runs, and what they wrote."""

from __future__ import annotations

from pathlib import Path

from pipeline.config import Config
from pipeline.phantoms import folder
from tests.imports import REPOSITORY

DRAWN = Path("drawn")
_PHANTOMS = {"train": 16, "val": 8, "test": 8, "min_side_px": 160, "max_side_px": 224, "fault_share": 0.2}
_MAPS = {"faithfulness_radiographs": 2, "faithfulness_steps": 2, "gallery": 4, "methods_radiographs": 2}
_TRAIN = {"backbone": "narrow", "weights": "random", "pyramid_channels": 8, "head_epochs": 1, "max_epochs": 2}


def draw(params: Config) -> None:
    """Draw phantoms, some of them copies, into the working folder."""
    folder.write(DRAWN, params.phantoms.model_copy(update=_PHANTOMS), seed=3, workers=1)


def small(params: Config, top: Path, workers: int) -> Config:
    """Settings of stages that read those phantoms, and write into a folder of their own."""
    changes = {
        "paths": {name: top / getattr(params.paths, name) for name in type(params.paths).model_fields},
        "data": {
            "root": DRAWN,
            "annotations": DRAWN / folder.ANNOTATIONS,
            "labels": REPOSITORY / "Data/none.csv",
        },
        "run": {"workers": workers, "device": "cpu"},
        "validation": {"pinned_manifest": REPOSITORY / "Data/none.manifest.csv"},
        "preprocess": {"height_px": 96, "width_px": 96},
        "train": _TRAIN,
        "evaluate": {"bootstrap_samples": 50, "robustness_radiographs": 2},
        "region_maps": _MAPS,
    }
    sections = {name: getattr(params, name).model_copy(update=values) for name, values in changes.items()}
    return params.model_copy(update=sections)


def written(top: Path) -> dict[str, bytes]:
    """All files of a folder, by their paths."""
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}
