"""What the default settings must reach, on phantoms and on real radiographs; up to an hour and a half."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import cloning

pytestmark = pytest.mark.slow


def metrics(folder: Path, stage: str) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(
        (folder / f"reports/{stage}/metrics.json").read_text(encoding="utf-8")
    )
    return figures


def test_phantoms(tmp_path: Path) -> None:
    folder = cloning.copy(tmp_path, {})
    cloning.run(folder, "dvc", "repro")
    assert metrics(folder, "evaluate")["test"]["auroc"] >= 0.95
    assert metrics(folder, "region_maps")["pointing_game"] >= 0.80
    lock = (folder / "dvc.lock").read_bytes()
    cloning.run(folder, "dvc", "repro", "--force")
    assert (folder / "dvc.lock").read_bytes() == lock


def test_fracatlas_without_its_polygons_in_training(tmp_path: Path, fracatlas: Path) -> None:
    data = {"root": str(fracatlas), "annotations": str(fracatlas / "annotations.coco.json")}
    folder = cloning.copy(tmp_path, {"data": data, "train": {"mask_loss_weight": 0}})
    cloning.run(folder, "dvc", "repro")
    assert metrics(folder, "evaluate")["test"]["auroc"] >= 0.88
    assert metrics(folder, "region_maps")["pointing_game"] >= 0.25
