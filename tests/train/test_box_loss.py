from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from pipeline.predict.boxes import iou
from pipeline.preprocess.outlines import NOWHERE
from pipeline.train import box_loss

CANVAS, GRID = (64, 96), (8, 12)
DISTANCES = st.tuples(*[st.floats(0.125, 8)] * 4)


def outlines(*boxes: tuple[float, float, float, float]) -> tf.Tensor:
    """One radiograph with boxes of top, left, bottom and right in pixels, and an outline nowhere."""
    corners = [[(top, left), (bottom, right)] for top, left, bottom, right in boxes]
    return tf.constant([[*corners, [(NOWHERE, NOWHERE)] * 2]], tf.float32)


def cells(targets: box_loss.Targets) -> list[tuple[int, int]]:
    return [tuple(place) for place in np.argwhere(targets.weight.numpy()[0] > 0).tolist()]


def test_cells_whose_centre_lies_in_a_box_learn_its_sides() -> None:
    found = box_loss.targets(outlines((8, 16, 22, 32)), GRID, CANVAS)
    assert cells(found) == [(1, 2), (1, 3), (2, 2), (2, 3)]
    assert found.distances[0, 1, 2].numpy() == pytest.approx((0.5, 0.5, 1.25, 1.5))


def test_of_two_boxes_the_smaller_one_is_learnt() -> None:
    found = box_loss.targets(outlines((0, 0, 64, 96), (16, 16, 24, 24)), GRID, CANVAS)
    assert found.distances[0, 2, 2].numpy() == pytest.approx((0.5,) * 4)
    assert found.distances[0, 0, 0].numpy() == pytest.approx((0.5, 0.5, 7.5, 11.5))
    assert found.weight[0, 2, 2] == 1
    assert float(tf.reduce_sum(found.weight)) == pytest.approx(2)  # each fracture counts as one


def test_a_fracture_between_the_centres_has_the_cell_of_its_middle() -> None:
    found = box_loss.targets(outlines((9, 17, 11, 19)), GRID, CANVAS)
    assert cells(found) == [(1, 2)]
    assert found.distances[0, 1, 2].numpy() == pytest.approx((0.375, 0.375, -0.125, -0.125))


def test_a_fracture_moved_out_of_the_canvas_is_not_learnt() -> None:
    assert cells(box_loss.targets(outlines((-30, 10, -2, 40)), GRID, CANVAS)) == []
    cut = box_loss.targets(outlines((-8, 0, 8, 8)), GRID, CANVAS)
    assert cut.distances[0, 0, 0].numpy() == pytest.approx((0.5,) * 4)


def box(distances: tuple[float, ...]) -> np.ndarray:
    """Row, column, height and width around the point (10, 10)."""
    up, left, down, right = distances
    return np.array([[10 - up, 10 - left, up + down, left + right]])


@given(DISTANCES, DISTANCES)
def test_the_generalised_iou_is_the_iou_less_what_the_hull_wastes(one, other) -> None:
    both = np.maximum(one, other)
    hull, areas = box(tuple(both))[0, 2:].prod(), [box(each)[0, 2:].prod() for each in (one, other)]
    overlap = float(iou(box(one), box(other))[0, 0])
    union = sum(areas) / (1 + overlap)  # areas add up to union and intersection
    found = float(box_loss.generalised_iou(tf.constant([one]), tf.constant([other]))[0])
    assert found == pytest.approx(overlap - (hull - union) / hull, abs=1e-4)


def test_right_distances_cost_nothing_and_no_fracture_costs_nothing() -> None:
    points = outlines((8, 16, 24, 32))
    right = tf.maximum(box_loss.targets(points, GRID, CANVAS).distances, 0.1)
    assert float(box_loss.box_loss(points, right, CANVAS)) == pytest.approx(0, abs=1e-6)
    assert float(box_loss.box_loss(points, right + 1, CANVAS)) > 0.5
    distances = tf.Variable(right)
    with tf.GradientTape() as tape:
        loss = box_loss.box_loss(outlines(), distances, CANVAS)
    assert float(loss) == 0
    assert not tape.gradient(loss, distances).numpy().any()
