"""A small bundle with random weights, settings that name it, and radiographs of noise."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline import config as settings
from pipeline.dataset import names, profile
from pipeline.files import images, outputs
from pipeline.predict import bundle_files, fitted_here, sealing
from pipeline.predict.calibration import Calibration
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.operating_points import OperatingPoints

TOP = Path(__file__).parents[2]


def radiograph(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(10, 8)).astype(np.float32)
    smooth = cv2.resize(coarse, (96, 120), interpolation=cv2.INTER_CUBIC)
    return np.clip(110 + 50 * smooth + rng.normal(0, 2, smooth.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def learnt() -> profile.Profile:
    """The profile of the data behind the bundle: forty radiographs of noise, half of them fractured."""
    pixels = [radiograph(seed) for seed in range(100, 140)]
    digests = [hashlib.sha256(each.tobytes()).hexdigest() for each in pixels]
    rows = [
        {"group": digest, "sha256": digest, "n_bytes": len(images.encode_png(each)), "format": "PNG",
         "mode": "L", "height_px": each.shape[0], "width_px": each.shape[1], "fractured": bool(row % 2)}
        for row, (each, digest) in enumerate(zip(pixels, digests, strict=True))
    ]  # fmt: skip
    return profile.build(
        pd.DataFrame(rows), [cv2.resize(each, (64, 64), interpolation=cv2.INTER_AREA) for each in pixels]
    )


@pytest.fixture(scope="session")
def models(tmp_path_factory, learnt):
    from pipeline.network import classifier, export
    from pipeline.predict import scope
    from tests import scopes

    folder = tmp_path_factory.mktemp("models")
    whole = settings.read(TOP / "params.yaml")
    train = whole.train.model_copy(update={"weights": "random", "pyramid_channels": 8})
    model = classifier.build(train, (64, 64))
    classifier.save(model, folder / names.CLASSIFIER)
    (folder / names.GRAPH).write_bytes(export.graph(model, folder / names.CLASSIFIER))
    scope.write(folder / names.SCOPE, scopes.whole(model))
    bundle_files.write_operating_points(
        folder / names.OPERATING_POINTS, OperatingPoints(0.0, 1.0), Calibration(1.0)
    )
    bundle_files.write_region_settings(
        folder / names.REGION_MAPS, RegionSettings(0.05, 0.001, 3), tta_views=1
    )
    canvas = whole.preprocess.model_copy(update={"height_px": 64, "width_px": 64})
    outputs.write_exact_json(folder / names.PREPROCESS, canvas.model_dump(mode="json"))
    profile.write(learnt, folder / "profile.json")
    sealing.seal(folder)
    return folder


@pytest.fixture
def work(tmp_path, monkeypatch):
    """An empty working folder; its params.yaml asks for little work."""
    values = yaml.safe_load((TOP / "params.yaml").read_text())
    values["run"]["workers"] = 1
    values["evaluate"]["bootstrap_samples"] = 50
    values["region_maps"] |= {
        "faithfulness_radiographs": 2,
        "faithfulness_steps": 2,
        "gallery": 4,
        "methods_radiographs": 2,
    }
    values["validate"]["copy_agreement"] = 0.82
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(fitted_here.VARIABLE, "1")
    return tmp_path


@pytest.fixture
def config(work, models):
    whole = settings.read()
    shown = {"bundle": json.loads((models / "bundle.json").read_text())["sha256"], "thresholds_hold": True}
    outputs.write_json(work / "reports/assess/shown/metrics.json", shown)
    return whole.model_copy(update={"paths": whole.paths.model_copy(update={"models": models})})


@pytest.fixture
def draw():
    """Write radiographs of noise, a seed each, and return their paths."""

    def write(folder: Path, seeds, suffix=".png") -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{seed}{suffix}" for seed in seeds]
        for seed, path in zip(seeds, paths, strict=True):
            images.write(path, radiograph(seed))
        return paths

    return write
