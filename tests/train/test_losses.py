from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.train import losses

FLAT = np.zeros((1, 4, 4, 1), np.float32)


def masks(*cells: tuple[int, int], of: int = 1) -> np.ndarray:
    """Masks of ``of`` radiographs of 32 x 32 pixels; the first covers whole cells of a 4 x 4 map."""
    drawn = np.zeros((of, 32, 32, 1), np.float32)
    for row, column in cells:
        drawn[0, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = 1
    return drawn


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 4.0])
def test_flat_evidence_lies_in_the_mask_by_its_area(sharpness: float) -> None:
    found = losses.mask_loss(masks((0, 0), (1, 2)), FLAT, sharpness)
    assert float(found) == pytest.approx(-np.log(2 / 16))


def test_it_is_zero_when_all_evidence_lies_in_the_mask() -> None:
    evidence = FLAT.copy()
    evidence[0, 3, 1] = 30
    assert float(losses.mask_loss(masks((3, 1)), evidence, 1.0)) == pytest.approx(0, abs=1e-6)


def test_it_is_the_share_of_what_the_pooling_sums() -> None:
    evidence = np.random.default_rng(0).normal(0, 2, (1, 4, 4, 1)).astype(np.float32)
    seen = np.exp(2.0 * evidence[0, ..., 0].astype(float))
    share = (seen[0, 1] + seen[2, 2]) / seen.sum()
    assert float(losses.mask_loss(masks((0, 1), (2, 2)), evidence, 2.0)) == pytest.approx(
        -np.log(share), rel=1e-5
    )


def test_a_radiograph_without_a_mask_says_nothing() -> None:
    evidence = tf.Variable(np.random.default_rng(0).normal(0, 2, (3, 4, 4, 1)).astype(np.float32))
    with tf.GradientTape() as tape:
        together = losses.mask_loss(masks((1, 1), of=3), evidence, 1.0)
    gradient = tape.gradient(together, evidence).numpy()
    assert float(together) == pytest.approx(float(losses.mask_loss(masks((1, 1)), evidence[:1], 1.0)))
    assert np.abs(gradient[0]).max() > 0
    assert not gradient[1:].any()


def test_no_mask_at_all_costs_nothing_and_breaks_no_gradient() -> None:
    evidence = tf.Variable(FLAT)
    with tf.GradientTape() as tape:
        found = losses.mask_loss(masks(), evidence, 1.0)
    assert float(found) == 0
    assert not tape.gradient(found, evidence).numpy().any()


def test_a_mask_smaller_than_a_cell_counts_by_its_share() -> None:
    small = masks()
    small[0, :4, :8] = 1
    assert float(losses.mask_loss(small, FLAT, 1.0)) == pytest.approx(-np.log(0.5 / 16))


def test_erase_loss_is_the_weighted_cross_entropy() -> None:
    fractured, logit, weight = (
        np.array(part, np.float32)[:, None] for part in ([0, 1, 1], [1, 2, 9], [1, 1, 0])
    )
    expected = (np.log1p(np.exp(1)) + np.log1p(np.exp(-2))) / 2
    assert float(losses.erase_loss(fractured, logit, weight)) == pytest.approx(expected, rel=1e-5)


def test_erase_loss_is_zero_where_nothing_is_drawn() -> None:
    one = np.ones((2, 1), np.float32)
    assert float(losses.erase_loss(one, one, 0 * one)) == 0


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_label_loss_is_the_mean_cross_entropy(smoothing: float) -> None:
    logit, fractured = np.array([[-1.0], [2.0], [0.5]]), np.array([[0.0], [1.0], [0.0]])
    target = fractured * (1 - smoothing) + smoothing / 2
    expected = np.mean(np.logaddexp(0, logit) - target * logit)
    assert float(losses.label_loss(fractured, logit, smoothing)) == pytest.approx(expected, rel=1e-6)
