import contextlib
import json
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Config
from pipeline.files import images, resize
from pipeline.preprocess import polarity
from tests.imports import REPOSITORY


def share_called_negative(radiographs: list[np.ndarray]) -> float:
    return float(np.mean([polarity.is_negative(pixels) for pixels in radiographs]))


def small_copies(files: Iterable[Path]) -> list[np.ndarray]:
    """Small copies of the files that can be read."""
    found = []
    for file in files:
        with contextlib.suppress(images.ImageFault):
            found.append(resize.within(images.read(file).pixels, 256, exactly=True))
    return found


def test_negatives_of_real_radiographs_are_found(fracatlas: Path) -> None:
    radiographs = small_copies(sorted(fracatlas.glob("*/*/*.jpg")))
    assert len(radiographs) > 1400
    assert share_called_negative(radiographs) <= 0.01
    assert share_called_negative([255 - pixels for pixels in radiographs]) >= 0.97


def test_negatives_among_phantoms_are_found(params: Config) -> None:
    root = REPOSITORY / params.paths.phantoms
    if not (root / "annotations.coco.json").is_file():
        pytest.skip(f"{root} is not drawn yet")
    drawn = json.loads((root / "annotations.coco.json").read_text(encoding="utf-8"))["images"]
    negative = small_copies(root / image["file_name"] for image in drawn if image["negative"])
    positive = small_copies(root / image["file_name"] for image in drawn if not image["negative"])
    assert share_called_negative(negative) >= 0.97
    assert share_called_negative(positive) == 0
    assert share_called_negative([255 - pixels for pixels in positive]) >= 0.97


def mean_median(small: np.ndarray) -> float:
    """Mean of the three medians, written out; what has no contrast gets no vote."""
    low, high = np.percentile(small.astype(np.float64), [1, 99])
    if high - low < 8:
        return 0.0
    level = (small - low) / (high - low)
    rough = cv2.blur(level**2, (9, 9)) - cv2.blur(level, (9, 9)) ** 2
    rim = np.ones(small.shape, bool)
    rim[8:-8, 8:-8] = False
    parts = (level[rough <= np.percentile(rough, 10)], level[rim], level)
    return float(np.mean([np.median(part) for part in parts]))


@given(seed=st.integers(0, 10_000), air=st.integers(120, 255), spread=st.integers(0, 60))
def test_no_negative_is_lost_to_the_shortcut(seed: int, air: int, spread: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.normal(size=(7, 6)), (120, 140), interpolation=cv2.INTER_CUBIC)
    limb = np.exp(-((np.linspace(-2, 2, 120)) ** 2)) * rng.uniform(0, 255)
    small = np.clip(air - limb + spread * coarse, 0, 255).astype(np.uint8)
    if mean_median(small) > 0.7:
        assert polarity.is_negative(small)
    if mean_median(small) < 0.63:
        assert not polarity.is_negative(small)


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (40, 40)])
def test_a_flat_picture_is_no_negative(shape: tuple[int, int]) -> None:
    assert not polarity.is_negative(np.full(shape, 255, np.uint8))
