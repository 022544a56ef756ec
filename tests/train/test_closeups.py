from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipeline.train import closeups
from pipeline.train.augmentation import Augmentation
from pipeline.train.closeups import Shares
from pipeline.train.draws import Draw
from pipeline.train.feeding import Examples
from tests.train.test_augmentation import NOTHING

N, SIDE = 40, 64
ALWAYS = NOTHING.model_copy(update={"closeup": 1.0})
TURNED = ALWAYS.model_copy(update={"flip": True, "rotation_deg": 180.0, "zoom": 0.2, "shift": 0.3})
GREY = np.full((N, SIDE, SIDE, 1), 90, np.uint8)


def squares(side: int = 12) -> np.ndarray:
    """A square a canvas, each somewhere else."""
    rng = np.random.default_rng(3)
    found = np.zeros((N, SIDE, SIDE, 1), np.float32)
    for canvas, (row, column) in zip(found, rng.integers(0, SIDE - side, (N, 2)), strict=True):
        canvas[row : row + side, column : column + side] = 1
    return found


def shown(settings, canvases, fractured, masks, drawn_share=1.0):
    labels = np.full((N, 1), fractured, np.float32)
    batch = tf.data.Dataset.from_tensor_slices((canvases, labels, masks)).batch(N)
    augmentation = Augmentation(settings, seed=7, drawn_share=drawn_share)
    changed, same, moved = next(augmentation.apply(batch, 3).as_numpy_iterator())
    assert (same == labels).all()
    return changed, moved


@pytest.mark.parametrize("settings", [ALWAYS, TURNED])
def test_a_close_up_shows_the_drawn_fracture_and_it_is_larger(settings):
    masks = squares()
    canvases, moved = shown(settings, (90 + 100 * masks).astype(np.uint8), 1, masks)
    assert (moved.max(axis=(1, 2, 3)) > 0.5).all()
    assert np.median(moved.sum(axis=(1, 2, 3))) > 1.5 * masks[0].sum()
    assert canvases[moved > 0.99] == pytest.approx(190, abs=1)


def test_of_two_fractures_either_is_shown():
    masks = np.zeros((N, SIDE, SIDE, 1), np.float32)
    masks[:, 4:10, 4:10], masks[:, 54:60, 54:60] = 1, 1
    canvases = np.zeros((N, SIDE, SIDE, 1), np.uint8)
    canvases[:, :32], canvases[:, 32:] = 60, 200
    seen, moved = shown(ALWAYS, canvases, 1, masks)
    upper = [(each[place > 0.5] < 130).any() for each, place in zip(seen, moved, strict=True)]
    assert 0.2 < np.mean(upper) < 0.8


def test_where_a_fracture_is_not_drawn_the_radiograph_stays_whole():
    rng = np.random.default_rng(0)
    canvases = rng.integers(0, 256, (N, SIDE, SIDE, 1), np.uint8)
    unchanged, _ = shown(ALWAYS, canvases, 1, np.zeros((N, SIDE, SIDE, 1), np.float32))
    assert (unchanged == canvases).all()


def test_a_close_up_of_a_sound_radiograph_shows_something():
    bright = squares(8)
    seen, _ = shown(ALWAYS, (200 * bright).astype(np.uint8), 0, np.zeros_like(bright))
    assert (seen.max(axis=(1, 2, 3)) > 100).all()


def test_what_is_all_black_stays_as_it_is():
    black = np.zeros((N, SIDE, SIDE, 1), np.uint8)
    chosen = closeups.choose(
        tf.constant(black), tf.zeros([N, 1]), tf.zeros([N, SIDE, SIDE, 1]), Shares(1.0, 1.0), Draw(7, 0)
    ).chosen
    assert not chosen.numpy().any()


@pytest.mark.parametrize("drawn_share", [0.0, 0.5, 1.0])
def test_sound_radiographs_become_close_ups_as_often_as_fractured_ones(drawn_share):
    edge = GREY.copy()
    edge[:, :3] = 30  # of a close-up of the middle nothing is left
    seen, _ = shown(ALWAYS, edge, 0, np.zeros((N, SIDE, SIDE, 1), np.float32), drawn_share)
    assert (seen != edge).any(axis=(1, 2, 3)).mean() == pytest.approx(drawn_share, abs=0.25)


def test_without_masks_there_are_no_close_ups():
    batch = tf.data.Dataset.from_tensor_slices((GREY, np.zeros((N, 1), np.float32))).batch(N)
    seen, _ = next(Augmentation(ALWAYS, seed=7).apply(batch, 0).as_numpy_iterator())
    assert (seen == GREY).all()


def test_the_share_of_drawn_fractures_counts_masks_that_stand_in(tmp_path):
    rows = pd.DataFrame(
        {
            "path": list("abcde"),
            "fractured": [True, True, True, True, False],
            "fractures": [2, 0, 0, 0, 0],
        }
    )
    assert Examples(tmp_path, rows, rows).drawn_share == 0.25
    assert Examples(tmp_path, rows, rows, {"b": b"", "a": b""}).drawn_share == 0.5
    assert Examples(tmp_path, rows[4:], rows).drawn_share == 0
