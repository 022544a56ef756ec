"""A sound bundle with a tiny network, and the served model over a stand-in for it."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from pipeline import config
from pipeline.dataset import names
from pipeline.files import outputs
from pipeline.network import backbone_names, classifier
from pipeline.predict import bundle_files, scope, sealing
from pipeline.predict.calibration import Calibration
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.operating_points import OperatingPoints
from tests import scopes
from tests.imports import REPOSITORY

SIDE = 64


@cache
def made() -> Path:
    """Make it once in this process."""
    folder = Path(tempfile.mkdtemp(prefix="bundle-"))
    settings = config.read(REPOSITORY / "params.yaml")
    backbone_names.LITE["narrow"] = (0.25, 0.25)
    narrow = {"backbone": "narrow", "weights": "random", "pyramid_channels": 8}
    keras.utils.set_random_seed(3)
    model = classifier.build(settings.train.model_copy(update=narrow), (SIDE, SIDE))
    classifier.save(model, folder / names.CLASSIFIER)
    scope.write(folder / names.SCOPE, scopes.whole(model))
    bundle_files.write_operating_points(
        folder / names.OPERATING_POINTS, OperatingPoints(0.3, 0.7), Calibration(0.5, -0.1)
    )
    bundle_files.write_region_settings(
        folder / names.REGION_MAPS, RegionSettings(0.5, 0.0005, 5), tta_views=1
    )
    preprocess = settings.preprocess.model_copy(update={"height_px": SIDE, "width_px": SIDE})
    outputs.write_exact_json(folder / names.PREPROCESS, preprocess.model_dump(mode="json"))
    (folder / "profile.json").write_text("{}")
    sealing.seal(folder)
    return folder


def copy(folder: Path) -> Path:
    """Lay a copy into a folder, whatever was there."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(made(), folder)
    return folder


def served(rows: list[Any]) -> pd.DataFrame:
    """Ask the served model, whose network is the tiny one."""
    return _model().predict(None, pd.DataFrame({"image": pd.Series(rows, dtype="object")}))


@cache
def _model() -> Any:
    from pipeline.track.serving import FractureModel

    model = FractureModel()
    model.load_context(type("Context", (), {"artifacts": {"bundle": str(made())}})())

    return model
