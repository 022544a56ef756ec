from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.train import erasing

SIDE = 96
FRACTURE = np.s_[40:56, 30:50]


def radiographs(n: int, drawn: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Grey fields with a bright square; in some it is drawn as a fracture."""
    canvases = np.full((n, SIDE, SIDE, 1), 100, np.float32)
    masks = np.zeros_like(canvases)
    for i in range(n):
        canvases[i][FRACTURE] = 220
        if i in drawn:
            masks[i][FRACTURE] = 1
    return canvases, masks


@pytest.fixture(scope="module")
def painted() -> erasing.Counterfactuals:
    key = tf.constant([7, 3], tf.int64)
    return erasing.counterfactuals(*map(tf.constant, radiographs(32, tuple(range(0, 32, 2)))), key)


def test_half_of_a_batch_is_painted_and_what_is_drawn_comes_first(painted: erasing.Counterfactuals) -> None:
    assert painted.canvases.shape == (16, SIDE, SIDE, 1)
    assert np.all(painted.weight == 1)
    assert 0 < np.mean(painted.fractured) < 1


def test_erased_fractures_take_the_grey_around_them(painted: erasing.Counterfactuals) -> None:
    erased = painted.canvases.numpy()[painted.fractured.numpy()[:, 0] == 0]
    assert np.abs(erased - 100).max() < 1


def test_controls_keep_their_fractures(painted: erasing.Counterfactuals) -> None:
    controls = painted.canvases.numpy()[painted.fractured.numpy()[:, 0] == 1]
    assert np.all(controls[:, *FRACTURE] == 220)


def test_radiographs_without_a_drawing_have_no_weight() -> None:
    canvases, masks = radiographs(8, (5,))
    found = erasing.counterfactuals(tf.constant(canvases), tf.constant(masks), tf.constant([1, 1], tf.int64))
    assert found.weight.numpy()[:, 0].tolist() == [1, 0, 0, 0]


def test_what_is_not_masked_keeps_its_values() -> None:
    canvases = np.random.default_rng(0).uniform(0, 255, (2, SIDE, SIDE, 1)).astype(np.float32)
    masks = radiographs(2, (0, 1))[1]
    found = erasing.paint_over(tf.constant(canvases), tf.constant(masks)).numpy()
    assert np.array_equal(found[masks == 0], canvases[masks == 0])


def test_a_wholly_masked_radiograph_stays_finite() -> None:
    everything = tf.ones((1, SIDE, SIDE, 1))
    assert np.all(np.isfinite(erasing.paint_over(200 * everything, everything)))
