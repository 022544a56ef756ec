from __future__ import annotations

import numpy as np
import pytest

from pipeline.config import Config
from pipeline.phantoms.drawing import draw
from pipeline.preprocess import canvas
from pipeline.train import acquisition

SEEDS = np.arange(6)


@pytest.fixture(scope="module")
def canvases(params: Config) -> np.ndarray:
    drawn = (draw(7, "train", index, fractured=True, side_px=(320, 400)).pixels for index in range(6))
    return np.stack([canvas.place(pixels, params.preprocess)[0] for pixels in drawn])[..., None]


def test_only_the_chosen_ones_are_changed(canvases: np.ndarray) -> None:
    before, chosen = canvases.copy(), np.array([True, False, True, True, False, True])
    changed = acquisition.retake(canvases, chosen, SEEDS)
    assert np.array_equal(canvases, before)
    assert (changed != canvases).any(axis=(1, 2, 3)).tolist() == chosen.tolist()
    assert changed.dtype == np.uint8


def test_a_seed_decides_the_change(canvases: np.ndarray) -> None:
    chosen = np.ones(6, bool)
    first, again, other = (
        acquisition.retake(canvases, chosen, seeds) for seeds in (SEEDS, SEEDS, SEEDS + 100)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("change", acquisition.KINDS, ids=lambda change: change.__name__)
def test_each_kind_changes_grey_and_moves_nothing(canvases: np.ndarray, change: acquisition.Change) -> None:
    """What is still the radiograph correlates with it best where it lay."""
    pixels = canvases[0, ..., 0]
    for seed in range(5):
        changed = change(np.random.default_rng(seed), pixels)
        assert changed.shape == pixels.shape
        assert changed.dtype == np.uint8
        assert not np.array_equal(changed, pixels)
        inner, own = np.s_[80:-80, 80:-80], pixels[80:-80, 80:-80]
        likeness = {
            move: np.corrcoef(np.roll(changed, move, axis=(0, 1))[inner].ravel(), own.ravel())[0, 1]
            for move in ((0, 0), (0, 2), (2, 0), (-2, 0), (0, -2))
        }
        assert max(likeness, key=lambda move: likeness[move]) == (0, 0)


@pytest.mark.parametrize("change", [acquisition.tone, acquisition.gamma])
def test_a_film_keeps_the_order_of_grey(change: acquisition.Change) -> None:
    ramp = np.arange(256, dtype=np.uint8)[None]
    for seed in range(20):
        curve = change(np.random.default_rng(seed), ramp)[0].astype(int)
        assert (np.diff(curve) >= 0).all()
        assert (curve[0], curve[-1]) == (0, 255)


def test_a_frame_leaves_the_middle(canvases: np.ndarray) -> None:
    pixels = np.full((512, 512), 100, np.uint8)
    for seed in range(20):
        framed = acquisition.frame(np.random.default_rng(seed), pixels)
        assert (framed[128:-128, 128:-128] == 100).all()
        assert (framed == 100).mean() > 0.5
