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
    alone = [augmentation(tf.constant(CANVASES[start : start + 2])).numpy() for start in (0, 2, 4)]
    assert np.allclose(inside, alone, atol=1e-3)


def test_values_stay_in_range(augmentation: Augmentation) -> None:
    changed = np.concatenate(epoch(augmentation, 0))
    assert changed.dtype == np.float32
    assert changed.shape == CANVASES.shape
    assert 0 <= changed.min() < changed.max() <= 255


def test_what_comes_with_the_canvases_is_kept(augmentation: Augmentation) -> None:
    augmentation.start_epoch(0)
    batches = tf.data.Dataset.from_tensor_slices((CANVASES, LABELS, LABELS)).batch(6)
    _, labels, masks = next(augmentation.apply(batches).as_numpy_iterator())
    assert np.array_equal(labels, LABELS)
    assert np.array_equal(masks, LABELS)


def test_zero_amounts_change_nothing() -> None:
    assert np.array_equal(np.concatenate(epoch(Augmentation(NOTHING, seed=7), 0)), CANVASES)


@pytest.mark.parametrize("field", ["flip", "rotation_deg", "zoom", "shift", "contrast", "brightness"])
def test_each_amount_switches_its_change_on(params: Config, field: str) -> None:
    chosen = NOTHING.model_copy(update={field: getattr(params.train.augment, field)})
    assert not np.allclose(np.concatenate(epoch(Augmentation(chosen, seed=7), 0)), CANVASES)
