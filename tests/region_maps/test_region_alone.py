from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.predict.calibration import Calibration
from pipeline.predict.maps import MapSet
from pipeline.predict.regions import Region
from pipeline.preprocess.canvas import Placement
from pipeline.region_maps import region_alone
from pipeline.region_maps.inputs import Predict

SIDE = 64
PLACEMENT = Placement(2 * SIDE, 2 * SIDE, False, (0, 0, 2 * SIDE, 2 * SIDE), 0.5, 0.0, 0.0)
CORNER = np.s_[40:, 40:]  # where no region lies


def region(row: int, column: int, height: int = 16, width: int = 16) -> Region:
    """A box in the radiograph's pixels, twice those of the canvas."""
    peak = (row, column)
    return Region(row, column, height, width, 0.5, 0.5, height * width, peak, np.zeros((4, 2), np.int32))


def wide_if(fractured: bool) -> list[Region]:
    return [region(16, 16, 16, 40 if fractured else 20)]


class Study:
    """Noise on soft shades; a fracture is stripes in the region, or elsewhere, as bright on average."""

    def __init__(self, n: int = 60, *, at: tuple[slice, slice] = np.s_[8:16, 8:16]) -> None:
        fractured = np.arange(n) % 2 == 0
        self.canvases = {}
        for place in range(n):
            rng = np.random.default_rng(place)
            shades = cv2.GaussianBlur(rng.normal(0, 300, (SIDE, SIDE)), (0, 0), 8) + rng.integers(90, 150)
            pixels = (shades + rng.integers(-10, 10, (SIDE, SIDE))).clip(41, 214).astype(np.uint8)
            if fractured[place]:
                pixels[at][::2] += 40
                pixels[at][1::2] -= 40
            self.canvases[f"r{place}"] = pixels
        self.rows = pd.DataFrame({"path": list(self.canvases), "fractured": fractured})
        self.rows["group"] = [f"g{place}" for place in range(n)]
        self.regions = [[region(16, 16)] for _ in range(n)]
        self.asked: list[np.ndarray] = []

    def give(self, paths: Iterable[str]) -> Iterator[np.ndarray]:
        return (self.canvases[path] for path in paths)

    def measure(self, looks_at: tuple[slice, slice]) -> dict[str, float]:
        def answer(batch: np.ndarray) -> np.ndarray:
            edges = np.stack([np.abs(cv2.Laplacian(one.astype(np.float32), -1)) for one in batch])
            return np.clip(edges[:, *looks_at].mean(axis=(1, 2)) / 500, 0, 1)

        def predict(batch: np.ndarray) -> np.ndarray:
            self.asked.append(batch)
            return answer(batch)

        return self.measured(answer, predict)

    def measured(self, answer: Predict, predict: Predict) -> dict[str, float]:
        rows = self.rows.assign(y_score=answer(np.stack(list(self.canvases.values()))))
        n = len(self.rows)
        maps = MapSet(rows, np.zeros((n, 8, 8)), [PLACEMENT] * n, (SIDE, SIDE), Calibration(1.0))
        return region_alone.measure(maps, self.regions, self.give, predict, n_samples=50, seed=1)


def test_a_network_that_looks_at_the_region_answers_by_the_region_alone() -> None:
    figures = Study().measure(np.s_[9:15, 9:15])
    assert figures["alone_auroc_low"] == pytest.approx(1)
    assert figures["blurred_auroc"] == pytest.approx(0.5, abs=0.2)
    assert figures["alone_blurred_gap_low"] > 0.2
    assert figures["alone_geometry_gap_low"] > 0.2
    assert figures["alone_kept"] == pytest.approx(1)


def test_a_network_that_looks_at_the_rest_does_not() -> None:
    figures = Study(at=CORNER).measure(CORNER)
    assert figures["alone_auroc"] == pytest.approx(0.5, abs=0.15)
    assert figures["alone_blurred_gap"] == pytest.approx(0, abs=0.05)
    assert figures["alone_kept"] < 0.05


@pytest.mark.reliability("a corner is brighter where a bone is broken", "the blur without the region tells")
def test_what_survives_the_blur_is_found() -> None:
    study = Study()
    for path, fractured in zip(study.rows["path"], study.rows["fractured"], strict=True):
        study.canvases[path][CORNER] = 140 if fractured else 60

    def corner(batch: np.ndarray) -> np.ndarray:
        return batch[:, *CORNER].mean(axis=(1, 2)) / 255

    figures = study.measured(corner, corner)
    assert (
        figures["alone_auroc"] == figures["blurred_auroc"] == pytest.approx(1)
    )  # a rank cannot see how faint it is
    assert figures["alone_blurred_gap_high"] == pytest.approx(0)


@pytest.mark.reliability(
    "the network's boxes are larger on fractures", "their geometry alone tells the class"
)
def test_geometry_that_tells_the_class_is_found() -> None:
    study = Study()
    assert study.measure(CORNER)["geometry_auroc"] == pytest.approx(0.5, abs=0.1)  # all regions are alike
    study.regions = [wide_if(fractured) for fractured in study.rows["fractured"]]
    figures = study.measure(CORNER)
    assert figures["geometry_auroc_low"] == pytest.approx(1)
    assert figures["alone_geometry_gap_high"] < 0


def test_pictures_hold_the_region_and_the_blur() -> None:
    study = Study(2)
    study.regions[0] = [region(17, 40, 30, 21), region(0, 0)]
    study.measure(CORNER)
    alone, blurred = study.asked[0][:2]
    inside = np.zeros((SIDE, SIDE), bool)
    inside[8:24, 20:30] = True  # half of 17..47 and of 40..61, rounded to even
    np.testing.assert_array_equal(alone[inside], study.canvases["r0"][inside])
    np.testing.assert_array_equal(alone[~inside], blurred[~inside])
    assert np.abs(np.diff(blurred.astype(int), axis=0)).max() <= 2


@pytest.mark.reliability("rows so fine that a wide blur in bytes lets them through", "they are blurred away")
def test_fine_rows_do_not_shine_through_the_blur() -> None:
    pixels = np.zeros((512, 512), np.uint8)
    pixels[::2] = 255
    _, blurred = region_alone.pictures(pixels, np.s_[0:8, 0:8])
    assert np.ptp(blurred[128:384].astype(int)) <= 1


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0, 0, 1, 1), np.s_[0:1, 0:1]),
        ((127, 127, 1, 1), np.s_[63:64, 63:64]),
        ((-9, 100, 20, 90), np.s_[0:6, 50:64]),
        ((150, 0, 10, 10), np.s_[63:64, 0:5]),
    ],
    ids=str,
)
def test_a_window_is_a_part_of_the_canvas(box: tuple[int, ...], expected: tuple[slice, slice]) -> None:
    assert region_alone.window(region(*box), PLACEMENT, (SIDE, SIDE)) == expected


def test_geometry_by_hand() -> None:
    ((area, aspect, row, column, distance, count),) = region_alone.geometry(
        [np.s_[10:20, 60:100]], [3], (100, 200)
    )
    assert (area, aspect) == pytest.approx((np.log(400 / 20_000), np.log(4)))
    assert (row, column, distance) == pytest.approx((-0.35, -0.1, np.hypot(0.35, 0.1)))
    assert count == 3


def test_half_of_either_class_is_drawn_and_a_group_once() -> None:
    study = Study(400)
    study.rows["group"] = [f"g{place // 4}" for place in range(400)]
    study.regions[::8] = [[] for _ in range(50)]
    figures = study.measure(CORNER)
    assert figures["alone_radiographs"] == region_alone.RADIOGRAPHS
    assert figures["alone_without_region"] == 50
    assert sum(map(len, study.asked)) == 256
    study = Study(12)
    study.rows["group"] = list("aabbaabbaabb")
    assert study.measure(CORNER)["alone_radiographs"] == 4


@pytest.mark.reliability("no radiograph has a region, or one class has", "no figure, and no failure")
@pytest.mark.parametrize("kept", ["none", "fractured", "one of each"])
def test_what_cannot_be_said_is_nan(kept: str) -> None:
    study = Study(8)
    left = {"none": set(), "fractured": {0, 2, 4, 6}, "one of each": {0, 1}}[kept]
    study.regions = [own if place in left else [] for place, own in enumerate(study.regions)]
    figures = study.measure(CORNER)
    assert figures["alone_radiographs"] == len(left)
    assert np.isnan(figures["geometry_auroc"])
    assert np.isnan(figures["alone_auroc"]) == (kept != "one of each")
    assert np.isnan(figures["alone_kept"]) == (kept == "none")
