from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.network import tta
from pipeline.network.interface import NetworkOutput, Predict
from pipeline.network.tta import VIEWS, View

SHAPE = (96, 64)
TOWARDS = st.tuples(st.floats(-1, 1), st.floats(-1, 1))
ANY = st.builds(View, st.booleans(), st.booleans(), st.floats(0.5, 2), TOWARDS)


def to_view(view: View, points: np.ndarray) -> np.ndarray:
    matrix = view.matrix(SHAPE)
    return points @ matrix[:, :2].T + matrix[:, 2]


def to_canvas(view: View, points: np.ndarray) -> np.ndarray:
    matrix = view.matrix(SHAPE)
    return (points - matrix[:, 2]) / np.diag(matrix)


def is_seen(view: View, point: tuple[int, int], margin: int) -> bool:
    seen = to_view(view, np.array([point]))[0]
    return bool((seen >= margin).all() and (seen < np.array(SHAPE) - margin).all())


@given(ANY, arrays(np.float64, (5, 2), elements=st.floats(-50, 150)))
def test_a_point_maps_there_and_back(view: View, points: np.ndarray) -> None:
    assert to_canvas(view, to_view(view, points)) == pytest.approx(points, abs=1e-6)


@given(st.sampled_from(VIEWS), st.integers(16, 79), st.integers(16, 47))
def test_a_pixel_is_seen_where_the_view_says(view: View, row: int, column: int) -> None:
    assume(is_seen(view, (row, column), margin=4))
    canvas = np.zeros((1, *SHAPE), np.uint8)
    canvas[0, row, column] = 255
    warped = view.warp(canvas)[0].astype(float)
    rows, columns = np.indices(SHAPE) + 0.5
    centre = np.array([(warped * rows).sum(), (warped * columns).sum()]) / warped.sum()
    expected = to_view(view, np.array([[row + 0.5, column + 0.5]]))[0]
    assert centre == pytest.approx(expected, abs=0.5)


@given(st.sampled_from(VIEWS), st.integers(3, 8), st.integers(3, 4))
def test_evidence_returns_to_where_it_was_seen(view: View, row: int, column: int) -> None:
    evidence = np.zeros((1, 12, 8), np.float32)
    evidence[0, row, column] = 1
    expected = to_canvas(view, np.array([[row + 0.5, column + 0.5]]) * 8)[0]
    back = np.nan_to_num(view.unwarp(evidence, SHAPE, (24, 16))[0])
    rows, columns = (np.indices(back.shape) + 0.5) * 4
    centre = np.array([(back * rows).sum(), (back * columns).sum()]) / back.sum()
    assert centre == pytest.approx(expected, abs=1)


def test_whole_views_are_the_canvas_and_its_mirror_images() -> None:
    canvas = np.random.default_rng(0).integers(0, 256, (1, *SHAPE), dtype=np.uint8)
    mirrored = (canvas, canvas[:, :, ::-1], canvas[:, ::-1], canvas[:, ::-1, ::-1])
    assert [view.warp(canvas).tolist() for view in VIEWS[: tta.WHOLE]] == [each.tolist() for each in mirrored]


@given(st.integers(0, SHAPE[0] - 1), st.integers(0, SHAPE[1] - 1))
def test_each_pixel_is_seen_in_an_enlarged_corner(row: int, column: int) -> None:
    corners = [view for view in VIEWS if view.scale > 1]
    assert len(corners) == 4
    assert any(is_seen(view, (row, column), margin=0) for view in corners)


def test_a_mirrored_corner_is_the_mirror_of_what_is_seen_there() -> None:
    canvas = np.random.default_rng(0).integers(0, 256, (1, *SHAPE), dtype=np.uint8)
    seen, mirrored = (View(each, scale=1.6, towards=(-1, 1)).warp(canvas)[0] for each in (False, True))
    assert mirrored == pytest.approx(seen[:, ::-1], abs=2)


def darkness(canvases: np.ndarray) -> NetworkOutput:
    """A network whose evidence is the mean of each cell."""
    cells = canvases.reshape(len(canvases), 12, 8, 8, 8).mean(axis=(2, 4)).astype(np.float32)
    return NetworkOutput(cells.max(axis=(1, 2)), cells, np.zeros((len(cells), 0), np.float32))


def test_one_view_is_the_network_itself() -> None:
    assert tta.with_tta(darkness, 1) is darkness


def answers(logits: list[float]) -> Predict:
    """A network with one logit after another, whatever it sees."""
    left = iter(logits)

    def predict(canvases: np.ndarray) -> NetworkOutput:
        logit = np.full(len(canvases), next(left), np.float32)
        return darkness(canvases)._replace(logits=logit, parts=logit[:, None] / 8)

    return predict


def test_the_output_is_the_mean_over_whole_views() -> None:
    logits, _, parts, *_ = tta.with_tta(answers([1.0, 3.0, 0.5, 3.5]), 4)(np.zeros((2, *SHAPE), np.uint8))
    assert logits.tolist() == [2, 2]
    assert parts.tolist() == [[0.25], [0.25]]


def test_enlarged_corners_count_as_much_as_whole_views_and_say_nothing_of_the_part() -> None:
    corners = [-3.0, 2.0, 0.5, -1.0]
    together = float(np.log(np.mean(np.exp(corners))))
    logits, _, parts, *_ = tta.with_tta(answers([1.0, 3.0, 0.5, 3.5, *corners]), 8)(
        np.zeros((2, *SHAPE), np.uint8)
    )
    assert logits == pytest.approx((2 + together) / 2)
    assert parts.tolist() == [[0.25], [0.25]]


@pytest.mark.parametrize("n_views", [2, 4, 8])
def test_a_smooth_canvas_shows_the_same_through_every_view(n_views: int) -> None:
    rows, columns = np.indices(SHAPE)
    canvas = (60 + 0.8 * rows + 0.5 * columns).astype(np.uint8)[None]
    _, evidence, *_ = tta.with_tta(darkness, n_views)(canvas)
    fine = canvas[0].reshape(24, 4, 16, 4).mean(axis=(1, 3))
    assert evidence.shape == (1, 24, 16)
    assert evidence[0, 4:-4, 4:-4] == pytest.approx(fine[4:-4, 4:-4], abs=1.5)


def test_a_view_says_nothing_of_what_it_does_not_see() -> None:
    back = View(scale=2.0).unwarp(np.ones((1, 12, 8), np.float32), SHAPE, (24, 16))
    assert np.isnan(back[0, :6]).all()
    assert (back[0, 6:18, 4:12] == 1).all()


BOX = (38.0, 26.0, 58.0, 38.0)  # top, left, bottom and right on the canvas; whole in every view


def measured(canvases: np.ndarray) -> NetworkOutput:
    """A network that measures from each cell to the sides of what is bright."""
    edges = [(places.min(), places.max() + 1) for places in np.nonzero(canvases[0] > 127)]
    rows, columns = (np.indices((12, 8)) + 0.5) * 8
    (top, bottom), (left, right) = edges
    sides = np.stack([rows - top, columns - left, bottom - rows, right - columns], axis=-1)
    return darkness(canvases)._replace(boxes=sides[None].astype(np.float16))


@pytest.mark.parametrize("n_views", tta.NUMBERS)
def test_boxes_lie_in_the_same_place_through_every_view(n_views: int) -> None:
    canvas = np.zeros((1, *SHAPE), np.uint8)
    canvas[0, int(BOX[0]) : int(BOX[2]), int(BOX[1]) : int(BOX[3])] = 255
    boxes = tta.with_tta(measured, n_views)(canvas).boxes[0].astype(float)
    rows, columns = (np.indices(boxes.shape[:2]) + 0.5) * (SHAPE[0] / len(boxes))
    found = np.stack([rows, columns, rows, columns], axis=-1) + boxes * (-1, -1, 1, 1)
    assert found[4:-4, 4:-4] == pytest.approx(np.broadcast_to(BOX, found.shape)[4:-4, 4:-4], abs=1.1)


def test_without_a_head_for_boxes_there_are_none() -> None:
    assert tta.with_tta(darkness, 2)(np.zeros((2, *SHAPE), np.uint8)).boxes.size == 0
