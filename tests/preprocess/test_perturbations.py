from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.config import Config
from pipeline.files import images
from pipeline.preprocess import perturbations
from pipeline.preprocess.perturbations import LEVELS, perturb


@pytest.fixture
def limb() -> np.ndarray:
    """A forearm on air: soft tissue around a bright bone, and a letter beside it."""
    pixels = np.full((300, 200), 12, np.uint8)
    cv2.rectangle(pixels, (80, 0), (139, 299), 70, -1)
    cv2.rectangle(pixels, (98, 0), (121, 299), 200, -1)
    cv2.rectangle(pixels, (104, 120), (112, 128), 255, -1)  # a screw in the bone
    cv2.rectangle(pixels, (30, 40), (44, 58), 255, -1)  # a lead letter
    return pixels


def test_markers_on_air_are_found_and_nothing_on_the_limb(limb) -> None:
    found = perturbations.markers(limb)
    assert found[40:59, 30:45].all()
    assert not found[:, 75:].any()


def test_a_masked_marker_leaves_air(limb) -> None:
    masked = perturbations.mask_markers(limb)
    assert masked[38:62, 28:48].astype(int) == pytest.approx(12, abs=3)
    assert np.array_equal(masked[:, 75:], limb[:, 75:])


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_radiograph_without_markers_stays(level) -> None:
    flat = np.full((64, 80), level, np.uint8)
    assert np.array_equal(perturbations.mask_markers(flat), flat)


def test_rotation_by_a_right_angle_is_exact(limb) -> None:
    assert np.array_equal(perturbations.rotate(limb, 90), np.rot90(limb))


@pytest.mark.parametrize("degrees", [5, 15, 45])
def test_rotation_keeps_all_of_a_limb_on_its_own_air(degrees) -> None:
    pixels = np.full((120, 80), 30, np.uint8)
    for row, column in ((4, 4), (4, 70), (110, 4), (110, 70)):
        pixels[row : row + 6, column : column + 6] = 250
    turned = perturbations.rotate(pixels, degrees).astype(int)
    assert (turned - 30).sum() == pytest.approx((pixels.astype(int) - 30).sum(), rel=0.02)
    assert turned.min() == 30


@pytest.mark.parametrize(("exponent", "darker"), [(0.5, False), (2.0, True)])
def test_gamma_keeps_black_and_white(exponent, darker) -> None:
    ramp = np.arange(256, dtype=np.uint8)[None].repeat(4, axis=0)
    exposed = perturb(ramp, perturbations.GAMMA, exponent)
    assert exposed[0, [0, 255]].tolist() == [0, 255]
    assert (exposed[0, 128] < 128) == darker
    assert exposed[0, 128] == round(255 * (128 / 255) ** exponent)


def test_blur_is_a_share_of_the_longer_side(limb) -> None:
    large = cv2.resize(limb, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)
    small_again = perturb(large, perturbations.BLUR, 4)[1::3, 1::3]
    assert perturb(limb, perturbations.BLUR, 4).astype(int) == pytest.approx(small_again.astype(int), abs=25)


def test_more_compression_loses_more(limb) -> None:
    losses = [np.abs(perturb(limb, perturbations.JPEG, q).astype(int) - limb).mean() for q in (50, 20, 8)]
    assert 0 < losses[0] < losses[1] < losses[2]


def test_no_perturbation_changes_nothing(limb) -> None:
    assert perturb(limb, *LEVELS[0]) is limb


def test_a_radiograph_comes_onto_the_canvas_once_a_level(tmp_path, params: Config, limb) -> None:
    noise = np.random.default_rng(0).normal(0, 4, limb.shape)
    images.write(tmp_path / "a.png", np.clip(limb + noise, 0, 255).astype(np.uint8))
    size = {"height_px": 96, "width_px": 64, "crop_collimation": False}
    settings = params.preprocess.model_copy(update=size)
    canvases = perturbations.attempt(perturbations.Job(tmp_path / "a.png", settings, 10**6))
    assert canvases.shape == (len(LEVELS), 96, 64)
    assert canvases.dtype == np.uint8
    assert len({canvas.tobytes() for canvas in canvases}) == len(LEVELS)
