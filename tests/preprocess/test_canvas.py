from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.config import Preprocess
from pipeline.dataset import annotations
from pipeline.dataset.region import Region, mask
from pipeline.files import images
from pipeline.preprocess import canvas, polarity


def preprocess(height_px: int = 96, width_px: int = 128, **changes: Any) -> Preprocess:
    values = {
        "height_px": height_px,
        "width_px": width_px,
        "fix_negatives": True,
        "crop_collimation": True,
        "low_percentile": 0.5,
        "high_percentile": 99.5,
        "shard_records": 8,
    }
    return Preprocess(**(values | changes))


@st.composite
def placements(draw: st.DrawFn) -> tuple[canvas.Placement, tuple[int, int]]:
    """Radiographs smaller and larger than the canvas, cropped anywhere, letterboxed either way."""
    height, width = draw(st.integers(40, 400)), draw(st.integers(40, 400))
    top, left = draw(st.integers(0, height // 3)), draw(st.integers(0, width // 3))
    crop = (top, left, draw(st.integers(20, height - top)), draw(st.integers(20, width - left)))
    shape = 32 * draw(st.integers(2, 8)), 32 * draw(st.integers(2, 8))
    scale = min(shape[0] / crop[2], shape[1] / crop[3])
    row, column = (shape[0] - scale * crop[2]) / 2, (shape[1] - scale * crop[3]) / 2
    return canvas.Placement(height, width, False, crop, scale, row, column), shape


def limb(height_px: int = 240, width_px: int = 180) -> np.ndarray:
    """Dark air, a grey limb down the middle, a bright bone in it."""
    columns = np.abs(np.arange(width_px) - width_px / 2) / width_px
    profile = np.where(columns < 0.06, 200, np.where(columns < 0.2, 110, 10))
    texture = np.random.default_rng(0).normal(0, 3, (height_px, width_px))
    return np.clip(profile + texture, 0, 255).astype(np.uint8)


@given(placements(), st.integers(0, 2**32 - 1))
def test_points_map_to_the_canvas_and_back(
    placed: tuple[canvas.Placement, tuple[int, int]], seed: int
) -> None:
    points = np.random.default_rng(seed).uniform(-50, 450, (20, 2))
    placement, _ = placed
    assert np.allclose(placement.to_radiograph(placement.to_canvas(points)), points, rtol=0, atol=1e-6)


@given(placements())
def test_the_crop_fills_the_canvas_in_one_direction(
    placed: tuple[canvas.Placement, tuple[int, int]],
) -> None:
    placement, shape = placed
    top, left, height, width = placement.crop
    corners = placement.to_canvas(np.array([[top, left], [top + height, left + width]], float))
    assert np.allclose(corners.sum(axis=0), shape)  # centred
    assert np.isclose(corners[1] - corners[0], shape).any()
    assert (corners >= -1e-6).all()
    assert (corners[1] <= np.array(shape) + 1e-6).all()


@given(placements(), st.floats(0.3, 0.7), st.floats(0.3, 0.7))
def test_a_disc_returns_to_its_place(
    placed: tuple[canvas.Placement, tuple[int, int]], down: float, across: float
) -> None:
    placement, shape = placed
    top, left, height, width = placement.crop
    centre = np.array([[top + down * height, left + across * width]])
    radius = 0.25 * placement.scale * min(height, width)
    assume(radius > 4)
    row, column = placement.to_canvas(centre)[0]
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    distance = np.hypot(rows - row, columns - column)
    disc = np.clip(radius - distance + 0.5, 0, 1).astype(np.float32)  # its rim is soft
    found = placement.map_to_radiograph(disc, shape)
    centroid = np.array(ndimage.center_of_mass(found)) + 0.5
    assert found.shape == (placement.height_px, placement.width_px)
    assert np.abs(centroid - centre[0]).max() < 1


@given(placements())
def test_a_map_is_zero_outside_the_crop_and_only_there(
    placed: tuple[canvas.Placement, tuple[int, int]],
) -> None:
    placement, shape = placed
    found = placement.map_to_radiograph(np.ones((shape[0] // 8, shape[1] // 8), np.float32), shape)
    top, left, height, width = placement.crop
    inside = np.zeros(found.shape, bool)
    inside[top : top + height, left : left + width] = True
    assert np.array_equal(found, inside.astype(np.float32))


def test_a_dot_lands_where_the_placement_puts_it() -> None:
    pixels = np.zeros((300, 200), np.uint8)
    pixels[100:112, 60:72] = 255
    placed, placement = canvas.place(pixels, preprocess(crop_collimation=False, high_percentile=100))
    expected = placement.to_canvas(np.array([[106.0, 66.0]]))[0]
    found = np.array(ndimage.center_of_mass(placed.astype(float))) + 0.5
    assert np.abs(found - expected).max() < 0.1


@given(st.integers(32, 300), st.integers(32, 300), st.integers(0, 2**32 - 1))
def test_any_radiograph_gets_onto_the_canvas(height_px: int, width_px: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height_px, width_px), dtype=np.uint8)
    placed, placement = canvas.place(pixels, preprocess())
    top, left, height, width = placement.crop
    assert placed.shape == (96, 128)
    assert placed.dtype == np.uint8
    assert min(top, left) >= 0
    assert height <= height_px - top
    assert width <= width_px - left
    assert min(height / height_px, width / width_px) >= 0.25


@pytest.mark.parametrize("shape", [(1, 1), (32, 20_000), (5000, 2), (40, 40)])
def test_slivers_and_flat_radiographs_get_onto_the_canvas(shape: tuple[int, int]) -> None:
    placed, _ = canvas.place(np.full(shape, 77, np.uint8), preprocess())
    assert placed.shape == (96, 128)


def test_a_negative_is_set_right() -> None:
    positive, placement = canvas.place(limb(), preprocess())
    negative, inverted = canvas.place(255 - limb(), preprocess())
    assert (placement.inverted, inverted.inverted) == (False, True)
    assert np.array_equal(positive, negative)


def test_a_photographic_negative_is_noted() -> None:
    detail = "bright air around darker bone: a photographic negative"
    placements = [canvas.place(pixels, preprocess())[1] for pixels in (255 - limb(), limb())]
    noted = polarity.issues(["a.png", "b.png"], [placement.inverted for placement in placements])
    assert noted == [("a.png", "negative", "note", detail)]


def test_corrections_can_be_switched_off() -> None:
    settings = preprocess(fix_negatives=False, crop_collimation=False)
    _, placement = canvas.place(255 - limb(), settings)
    assert not placement.inverted
    assert placement.crop == (0, 0, 240, 180)


def test_a_dark_border_is_cropped() -> None:
    framed = np.zeros((300, 240), np.uint8)
    framed[30:270, 30:210] = limb()
    top, left, height, width = canvas.content_box(framed)
    assert 30 < left < 30 + 0.3 * 180  # air beside the limb goes too
    assert left + width < 210
    assert top == pytest.approx(30, abs=10)
    assert top + height == pytest.approx(270, abs=10)


def test_a_burnt_out_border_is_cropped() -> None:
    framed = np.full((240, 220), 255, np.uint8)
    framed[:, 40:] = limb()
    _, left, _, _ = canvas.content_box(framed)
    assert left >= 35


def test_the_window_stretches_between_the_percentiles() -> None:
    pixels = np.repeat(np.arange(100, 120, dtype=np.uint8), 20).reshape(20, 20)
    stretched = canvas.window(pixels, preprocess(low_percentile=0, high_percentile=100))
    assert (stretched.min(), stretched.max()) == (0, 255)
    assert np.array_equal(stretched, np.rint((pixels - 100.0) * 255 / 19).astype(np.uint8))


def test_no_annotated_fracture_is_cut(fracatlas: Path) -> None:
    drawn = annotations.read(fracatlas / "annotations.coco.json")
    paths = [path for path in sorted(drawn.regions) if path.startswith(("train", "val"))]
    shares = [kept_share(fracatlas, path, drawn.for_path(path)) for path in paths]
    assert min(shares) > 0.9


def kept_share(root: Path, path: str, drawn: list[Region]) -> float:
    """Share of the annotated area that the crop keeps; the worst region of one radiograph."""
    pixels = images.read(root / path).pixels
    top, left, height, width = canvas.content_box(pixels)
    masks = [mask([region], *pixels.shape) for region in drawn]
    return float(min(m[top : top + height, left : left + width].sum() / max(m.sum(), 1) for m in masks))


@pytest.mark.parametrize("shares", [[0.5, 99.5], [0, 100], [33.3, 66.6]])
def test_percentiles_from_counts_are_those_of_numpy(shares: list[float]) -> None:
    rng = np.random.default_rng(3)
    for shape in ((1, 1), (7, 3), (600, 411)):
        pixels = np.clip(rng.normal(90, 60, shape), 0, 255).astype(np.uint8)
        np.testing.assert_array_equal(canvas.percentiles(pixels, shares), np.percentile(pixels, shares))
