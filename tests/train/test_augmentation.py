from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.config import Augment, Config
from pipeline.train.augmentation import Augmentation

NOTHING = Augment(
    flip=False,
    rotation_deg=0,
    zoom=0,
    aspect=0,
    shift=0,
    closeup=0,
    contrast=0,
    brightness=0,
    marker_cutout=0,
    acquisition=0,
    style=0,
    mixup=0,
)
CANVASES = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 1), dtype=np.uint8)
LABELS = np.arange(6, dtype=np.float32)[:, None]


@pytest.fixture(scope="module")
def augmentation(params: Config) -> Augmentation:
    return Augmentation(params.train.augment, seed=7)


def epoch(augmentation: Augmentation, number: int) -> list[np.ndarray]:
    """Canvases of one epoch of three batches, changed inside `tf.data`."""
    batches = tf.data.Dataset.from_tensor_slices((CANVASES, LABELS)).batch(2)
    return [canvases for canvases, _ in augmentation.apply(batches, number).as_numpy_iterator()]


def changed(settings: Augment, *masks: np.ndarray) -> list[np.ndarray]:
    """One batch of an epoch: canvases, labels and masks."""
    batch = tf.data.Dataset.from_tensor_slices((CANVASES, LABELS, *masks)).batch(len(CANVASES))
    return next(Augmentation(settings, seed=7).apply(batch, 3).as_numpy_iterator())


def test_an_epoch_can_be_had_again(augmentation: Augmentation, params: Config) -> None:
    first, between, again = (epoch(augmentation, number) for number in (2, 3, 2))
    elsewhere = epoch(Augmentation(params.train.augment, seed=7), 2)
    assert np.array_equal(first, again)
    assert np.array_equal(first, elsewhere)
    assert not np.array_equal(first, between)


def test_another_seed_changes_otherwise(augmentation: Augmentation, params: Config) -> None:
    other = Augmentation(params.train.augment, seed=8)
    assert not np.array_equal(epoch(augmentation, 2), epoch(other, 2))


def test_batches_of_an_epoch_are_changed_differently(augmentation: Augmentation) -> None:
    same = tf.data.Dataset.from_tensor_slices((CANVASES[:2], LABELS[:2])).repeat(2).batch(2)
    first, second = (canvases for canvases, _ in augmentation.apply(same, 2).as_numpy_iterator())
    assert not np.allclose(first, second)


def test_values_stay_in_range(augmentation: Augmentation) -> None:
    changed = np.concatenate(epoch(augmentation, 0))
    assert changed.dtype == np.float32
    assert changed.shape == CANVASES.shape
    assert 0 <= changed.min() < changed.max() <= 255


def test_masks_move_as_the_pixels_do(params: Config) -> None:
    colourless = params.train.augment.model_copy(update={"contrast": 0, "brightness": 0})
    masks = CANVASES.astype(np.float32) / 255
    canvases, labels, moved = changed(colourless, masks)
    assert np.array_equal(labels, LABELS)
    assert np.allclose(canvases / 255, moved, atol=1e-4)
    assert not np.allclose(masks, moved)


def test_masks_keep_their_values_where_canvases_change_theirs() -> None:
    still = NOTHING.model_copy(update={"contrast": 0.5, "brightness": 0.5})
    masks = (CANVASES > 128).astype(np.float32)
    canvases, _, same = changed(still, masks)
    assert np.array_equal(same, masks)
    assert not np.allclose(canvases, CANVASES)


def test_the_canvases_are_the_same_with_and_without_masks(params: Config) -> None:
    whole = params.train.augment.model_copy(update={"closeup": 0.0})
    alone, _ = changed(whole)
    with_masks, *_ = changed(whole, np.zeros_like(CANVASES, np.float32))
    assert np.array_equal(alone, with_masks)


def test_a_flip_is_exact() -> None:
    canvases, _ = changed(NOTHING.model_copy(update={"flip": True}))
    mirrored = [CANVASES[:, ::rows, ::columns] for rows in (1, -1) for columns in (1, -1)]
    same = np.array([[np.array_equal(canvases[i], one[i]) for one in mirrored] for i in range(len(canvases))])
    assert np.all(same.sum(axis=1) == 1)
    assert np.count_nonzero(same.any(axis=0)) > 1


def test_turned_radiographs_stay_about_their_centre() -> None:
    squares = np.zeros((64, 33, 33, 1), np.uint8)
    squares[:, 12:21, 12:21] = 200
    batch = tf.data.Dataset.from_tensor_slices((squares, np.zeros((64, 1), np.float32))).batch(64)
    turning = NOTHING.model_copy(update={"rotation_deg": 180.0, "zoom": 0.3})
    canvases, _ = next(Augmentation(turning, seed=7).apply(batch, 0).as_numpy_iterator())
    rows, columns = np.mgrid[:33, :33]
    weight = canvases[..., 0] / canvases[..., 0].sum(axis=(1, 2), keepdims=True)
    centre = [(weight * at).sum(axis=(1, 2)) for at in (rows, columns)]
    assert np.allclose(centre, 16, atol=0.05)


def test_mixtures_keep_the_mean_of_labels_and_masks() -> None:
    mixing = NOTHING.model_copy(update={"mixup": 0.5})
    masks = CANVASES.astype(np.float32) / 255
    canvases, labels, mixed = changed(mixing, masks)
    assert np.allclose(canvases / 255, mixed, atol=1e-5)
    share = (labels - LABELS[::-1]) / (LABELS - LABELS[::-1])
    assert np.all((share >= 0) & (share <= 1))
    expected = share[..., None, None] * CANVASES + (1 - share[..., None, None]) * CANVASES[::-1]
    assert np.allclose(canvases, expected, atol=0.05)


def test_markers_are_painted_over() -> None:
    plain = np.full((1, 512, 512, 1), 20, np.uint8)
    plain[:, 100:420, 150:260] = 150  # a limb
    lettered = plain.copy()
    lettered[:, 60:90, 400:430] = 250  # lead on air
    batch = tf.data.Dataset.from_tensor_slices((lettered, LABELS[:1])).batch(1)
    cutting = NOTHING.model_copy(update={"marker_cutout": 1.0})
    canvases, _ = next(Augmentation(cutting, seed=7).apply(batch, 0).as_numpy_iterator())
    assert np.abs(canvases - plain).max() <= 5  # of 230 levels: the paint is mixed from what lies around


def test_zero_amounts_change_nothing() -> None:
    assert np.array_equal(np.concatenate(epoch(Augmentation(NOTHING, seed=7), 0)), CANVASES)


@pytest.mark.parametrize(
    "field", ["flip", "rotation_deg", "zoom", "shift", "contrast", "brightness", "mixup"]
)
def test_each_amount_switches_its_change_on(params: Config, field: str) -> None:
    chosen = NOTHING.model_copy(update={field: getattr(params.train.augment, field) or 0.3})
    assert not np.allclose(np.concatenate(epoch(Augmentation(chosen, seed=7), 0)), CANVASES)


def test_other_devices_change_grey_and_leave_masks() -> None:
    masks = (CANVASES > 128).astype(np.float32)
    retaken, _, same = changed(NOTHING.model_copy(update={"acquisition": 1.0}), masks)
    assert np.array_equal(same, masks)
    assert (retaken != CANVASES).any(axis=(1, 2, 3)).all()
    assert 0 <= retaken.min() < retaken.max() <= 255


def test_a_wider_radiograph_is_less_high() -> None:
    """A square becomes an oblong of the same area."""
    square = np.zeros((64, 64, 64, 1), np.uint8)
    square[:, 24:40, 24:40] = 255
    batch = tf.data.Dataset.from_tensor_slices((square, np.zeros((64, 1), np.float32))).batch(64)
    widened = Augmentation(NOTHING.model_copy(update={"aspect": 0.7}), seed=7).apply(batch, 0)
    canvases, _ = next(widened.as_numpy_iterator())
    width, height = (canvases[..., 0].max(axis=axis).sum(axis=1) / 255 for axis in (1, 2))
    assert np.allclose(width * height, 256, rtol=0.15)
    assert (width / height).max() > 1.6
    assert (width / height).min() < 0.65


@pytest.mark.parametrize(("mixup", "closeup"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.7)])
def test_outlines_move_as_masks_do(params: Config, mixup: float, closeup: float) -> None:
    squares = np.zeros((24, 65, 97, 1), np.float32)
    squares[:, 20:41, 30:61] = 1
    corners = np.array([[(20, 30), (20, 61), (41, 30), (41, 61)]], np.float32)
    batch = (
        np.zeros((24, 65, 97, 1), np.uint8),
        np.ones((24, 1), np.float32),
        squares,
        np.stack([corners] * 24),
    )
    batches = tf.data.Dataset.from_tensor_slices(batch).batch(24)
    moved = params.train.augment.model_copy(update={"mixup": mixup, "aspect": 0.3, "closeup": closeup})
    *_, masks, outlines = next(Augmentation(moved, seed=7).apply(batches, 3).as_numpy_iterator())
    whole = [((points >= 0) & (points <= (65, 97))).all() for points in outlines[:, 0]]
    assert sum(whole) >= 5
    for mask, points in zip(masks[whole, ..., 0], outlines[whole, 0], strict=True):
        inside = np.argwhere(mask > 0.5)  # of two that are mixed, the one that shows more
        assert points.min(axis=0) == pytest.approx(inside.min(axis=0), abs=1.5)
        assert points.max(axis=0) == pytest.approx(inside.max(axis=0) + 1, abs=1.5)


def test_the_canvases_are_the_same_with_and_without_outlines(params: Config) -> None:
    masks, outlines = np.zeros_like(CANVASES, np.float32), np.zeros((len(CANVASES), 1, 32, 2), np.float32)
    augment = params.train.augment
    assert np.array_equal(changed(augment, masks)[0], changed(augment, masks, outlines)[0])
