from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.config import Augment, Config
from pipeline.model.augmentation import Augmentation

NOTHING = Augment(flip=False, rotation_deg=0, zoom=0, shift=0, contrast=0, brightness=0)
CANVASES = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 1), dtype=np.uint8)
LABELS = np.arange(6, dtype=np.float32)[:, None]


@pytest.fixture(scope="module")
def augmentation(params: Config) -> Augmentation:
    return Augmentation(params.train.augment, seed=7)


def epoch(augmentation: Augmentation, number: int) -> list[np.ndarray]:
    """Canvases of one epoch of three batches, changed inside `tf.data`."""
    augmentation.start_epoch(number)
    batches = tf.data.Dataset.from_tensor_slices((CANVASES, LABELS)).batch(2)
    return [canvases for canvases, _ in augmentation.apply(batches).as_numpy_iterator()]


def test_an_epoch_can_be_had_again(augmentation: Augmentation, params: Config) -> None:
    first, between, again = (epoch(augmentation, number) for number in (2, 3, 2))
    elsewhere = epoch(Augmentation(params.train.augment, seed=7), 2)
    assert np.array_equal(first, again)
    assert np.array_equal(first, elsewhere)
    assert not np.array_equal(first, between)


def test_another_seed_changes_otherwise(augmentation: Augmentation, params: Config) -> None:
    other = Augmentation(params.train.augment, seed=8)
    assert not np.array_equal(epoch(augmentation, 2), epoch(other, 2))


def test_it_works_alone_as_inside_tf_data(augmentation: Augmentation) -> None:
    inside = epoch(augmentation, 5)
    augmentation.start_epoch(5)
    alone = [augmentation(tf.constant(CANVASES[start : start + 2]))[0].numpy() for start in (0, 2, 4)]
    assert np.allclose(inside, alone, atol=1e-3)


def test_values_stay_in_range(augmentation: Augmentation) -> None:
    changed = np.concatenate(epoch(augmentation, 0))
    assert changed.dtype == np.float32
    assert changed.shape == CANVASES.shape
    assert 0 <= changed.min() < changed.max() <= 255


def test_masks_move_as_the_pixels_do(params: Config) -> None:
    colourless = params.train.augment.model_copy(update={"contrast": 0, "brightness": 0})
    augmentation = Augmentation(colourless, seed=7)
    augmentation.start_epoch(0)
    masks = CANVASES.astype(np.float32) / 255
    batches = tf.data.Dataset.from_tensor_slices((CANVASES, LABELS, masks)).batch(6)
    canvases, labels, moved = next(augmentation.apply(batches).as_numpy_iterator())
    assert np.array_equal(labels, LABELS)
    assert np.allclose(canvases / 255, moved, atol=1e-4)
    assert not np.allclose(masks, moved)


def test_masks_keep_their_values_where_canvases_change_theirs(params: Config) -> None:
    still = NOTHING.model_copy(update={"contrast": 0.5, "brightness": 0.5})
    masks = (CANVASES > 128).astype(np.float32)
    canvases, same = Augmentation(still, seed=7)(tf.constant(CANVASES), tf.constant(masks))
    assert np.array_equal(same, masks)
    assert not np.allclose(canvases, CANVASES)


def test_the_canvases_are_the_same_with_and_without_masks(augmentation: Augmentation) -> None:
    augmentation.start_epoch(3)
    alone = augmentation(tf.constant(CANVASES))[0].numpy()
    augmentation.start_epoch(3)
    with_masks = augmentation(tf.constant(CANVASES), tf.zeros_like(CANVASES))[0].numpy()
    assert np.array_equal(alone, with_masks)


def test_zero_amounts_change_nothing() -> None:
    assert np.array_equal(np.concatenate(epoch(Augmentation(NOTHING, seed=7), 0)), CANVASES)


@pytest.mark.parametrize("field", ["flip", "rotation_deg", "zoom", "shift", "contrast", "brightness"])
def test_each_amount_switches_its_change_on(params: Config, field: str) -> None:
    chosen = NOTHING.model_copy(update={field: getattr(params.train.augment, field)})
    assert not np.allclose(np.concatenate(epoch(Augmentation(chosen, seed=7), 0)), CANVASES)
