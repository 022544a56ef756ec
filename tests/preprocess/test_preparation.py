from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import Config, Preprocess
from pipeline.dataset.region import Region
from pipeline.files import images
from pipeline.preprocess import preparation
from pipeline.preprocess.preparation import Job, prepare


@pytest.fixture
def settings(params: Config) -> Preprocess:
    changes = {"height_px": 64, "width_px": 96, "fix_negatives": False, "crop_collimation": False}
    return params.preprocess.model_copy(update=changes)


def job(folder: Path, settings: Preprocess, *drawn: Region) -> Job:
    """A radiograph twice as high and wide as its part of the canvas: 128 x 128 in 64 x 96."""
    pixels = np.random.default_rng(0).integers(0, 256, (128, 128), dtype=np.uint8)
    images.write(folder / "one.png", pixels)
    return Job(folder, {"path": "one.png", "fractured": True}, drawn, settings, 10**6)


def decoded(encoded: bytes) -> np.ndarray:
    return images.decode(encoded, "test").pixels


def test_a_box_lands_on_the_canvas(tmp_path: Path, settings: Preprocess) -> None:
    record = prepare(job(tmp_path, settings, Region((), (20, 40, 19, 9))))  # left, top, width, height
    mask = decoded(record.masks[0])
    rows, columns = np.nonzero(mask)
    assert record.shape == mask.shape == decoded(record.encoded).shape == (64, 96)
    assert (rows.min(), rows.max()) == (20, 24)  # 40 / 2 and 49 / 2
    assert (columns.min(), columns.max()) == (16 + 10, 16 + 19)  # the canvas pads 16 columns
    assert set(np.unique(mask)) == {0, 255}
    assert record.boxes == pytest.approx(np.array([[20 / 64, 26 / 96, 25 / 64, 36 / 96]]))


def test_each_fracture_has_its_mask(tmp_path: Path, settings: Preprocess) -> None:
    triangle = np.array([[10.0, 10.0], [60.0, 10.0], [10.0, 60.0]])
    two = Region((triangle,), (10, 10, 50, 50)), Region((), (90, 90, 20, 20))
    record = prepare(job(tmp_path, settings, *two))
    first, second = map(decoded, record.masks)
    assert (first > 0).sum() == pytest.approx(25 * 25 / 2, abs=40)
    assert (second > 0).sum() == 11 * 11
    assert record.boxes.shape == (2, 4)


def test_a_fracture_thinner_than_a_pixel_is_kept(tmp_path: Path, settings: Preprocess) -> None:
    hairline = np.array([[30.0, 20.1], [31.0, 20.2], [90.0, 20.3]])
    record = prepare(job(tmp_path, settings, Region((hairline,), (30, 20.1, 60, 0.2))))
    assert (decoded(record.masks[0]) > 0).sum() == 31  # one row of columns 16 + 15 to 16 + 45


def test_a_fracture_outside_the_canvas_is_left_out(tmp_path: Path, settings: Preprocess) -> None:
    record = prepare(job(tmp_path, settings, Region((), (500, 500, 10, 10))))
    assert record.masks == ()
    assert record.boxes.shape == (0, 4)


@pytest.mark.reliability(
    "a fracture drawn where the radiograph is cropped", "it marks no padding; what is lost is an issue"
)
def test_a_fracture_that_is_cropped_marks_nothing_beside_the_radiograph(
    tmp_path: Path, settings: Preprocess
) -> None:
    drawn = Region((), (0, 40, 30, 20)), Region((), (100, 40, 20, 20))
    wanted = job(tmp_path, settings.model_copy(update={"crop_collimation": True}), *drawn)
    pixels = images.read(tmp_path / "one.png").pixels.copy()
    pixels[:, :40] = 0
    images.write(tmp_path / "one.png", pixels)
    record = prepare(wanted)
    assert record.placement.crop[1] > 30
    (mask,) = map(decoded, record.masks)
    assert (decoded(record.encoded)[mask > 0] > 0).mean() > 0.9
    (found,) = preparation.cut_off([wanted], [("one.png", len(record.masks))])
    assert (found.path, found.issue) == ("one.png", "annotation_cropped")
    assert "1 of 2" in found.detail


@pytest.mark.reliability(38)
def test_a_radiograph_that_changed_since_validate_is_refused(tmp_path: Path, settings: Preprocess) -> None:
    wanted = job(tmp_path, settings)
    (tmp_path / "one.png").write_bytes((tmp_path / "one.png").read_bytes()[:-20])
    with pytest.raises(images.ImageFault, match=r"one\.png"):
        prepare(wanted)


@pytest.mark.reliability(
    "validate.max_pixels, when radiographs are prepared", "heard, above the default and below"
)
def test_a_radiograph_is_read_by_the_limit_that_validate_had(tmp_path, settings):
    images.write(tmp_path / "one.png", np.zeros((80, 60), np.uint8))
    job = Job(tmp_path, {"path": "one.png"}, (), settings, 80 * 60)
    assert prepare(job).shape == (settings.height_px, settings.width_px)
    with pytest.raises(images.ImageFault, match="at most 4799 pixels"):
        prepare(replace(job, max_pixels=80 * 60 - 1))
