from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config import Config
from pipeline.evaluate import perturbed
from pipeline.files import images, outputs
from pipeline.predict.operating_points import OperatingPoints
from pipeline.preprocess.perturbations import LEVELS


@pytest.fixture
def rows(tmp_path: Path) -> pd.DataFrame:
    """Eight radiographs of noise, the fractured ones with a bright bar; the last two are one group."""
    generator = np.random.default_rng(0)
    for number in range(8):
        pixels = generator.integers(20, 60, (80, 64), dtype=np.uint8)
        pixels[20:60, 28:36] = 200 if number % 2 else 90
        images.write(tmp_path / f"{number}.png", pixels)
    group = [*"abcdef", "g", "g"]
    fractured = [bool(number % 2) for number in range(8)]
    return pd.DataFrame({"path": [f"{n}.png" for n in range(8)], "group": group, "fractured": fractured})


def predict(canvases: np.ndarray) -> np.ndarray:
    """Dark canvases score high: a bright bar leaves less of the window to the rest."""
    return 1 - canvases.mean(axis=(1, 2)) / 255


def score(rows: pd.DataFrame, root: Path, params: Config, n_radiographs: int) -> pd.DataFrame:
    size = {"height_px": 64, "width_px": 64, "crop_collimation": False}
    return perturbed.score_perturbed(
        predict,
        rows,
        root,
        OperatingPoints(0.1, 0.9),
        params.preprocess.model_copy(update=size),
        params.evaluate.model_copy(update={"robustness_radiographs": n_radiographs, "bootstrap_samples": 50}),
        params.run.model_copy(update={"workers": 1}),
        max_pixels=params.validation.max_pixels,
    )


def test_every_level_is_scored(rows: pd.DataFrame, tmp_path: Path, params: Config) -> None:
    table = score(rows, tmp_path, params, n_radiographs=100)
    assert list(zip(table["disturbance"], table["level"], strict=True)) == list(LEVELS)
    assert set(table["radiographs"]) == {7}  # one of the last two
    assert table.loc[0, ["auroc", "change", "p_value"]].tolist() == [1, 0, 1]


def test_none_are_tried_where_none_are_wanted(rows: pd.DataFrame, tmp_path: Path, params: Config) -> None:
    assert score(rows, tmp_path, params, n_radiographs=0).empty


@pytest.mark.reliability(
    "a file vanishes or changes before `evaluate` reads it again", "told, and not perturbed"
)
def test_files_that_are_gone_or_changed_are_told_and_left_out(
    rows: pd.DataFrame, tmp_path: Path, params: Config, caplog: pytest.LogCaptureFixture
) -> None:
    hashed = rows.assign(sha256=[outputs.sha256(tmp_path / path) for path in rows["path"]])
    (tmp_path / "0.png").unlink()
    (tmp_path / "1.png").write_bytes((tmp_path / "3.png").read_bytes())
    table = score(hashed, tmp_path, params, n_radiographs=100)
    assert set(table["radiographs"]) == {5}
    assert [name for name in rows["path"] if f"{name}: " in caplog.text] == ["0.png", "1.png"]


def test_where_nothing_is_left_the_table_is_empty(rows: pd.DataFrame, tmp_path: Path, params: Config) -> None:
    for path in rows["path"]:
        (tmp_path / path).unlink()
    assert score(rows, tmp_path, params, n_radiographs=100).empty
